import { SessionCookie, type SessionError } from "effect-sessions"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Layer from "effect/Layer"

/** The keys are a list: the first signs, all are accepted. */
export const CookieLive: Layer.Layer<
  SessionCookie.SessionCookie,
  SessionError.SessionConfigError | ConfigError.ConfigError
> = SessionCookie.layerConfig({
  signingKeys: Config.array(Config.redacted(), "SESSION_SECRETS"),
  // Only for an app that has begun to sign.
  acceptUnsignedUntil: Config.withDefault(Config.date("SESSION_UNSIGNED_UNTIL"), undefined)
})
