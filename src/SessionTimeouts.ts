/**
 * How long a session lives: the idle timeout, the absolute timeout, and how often activity is written down.
 *
 * @since 3.0.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Expiry from "./core/expiry.js"
import * as Durations from "./internal/durations.js"
import { SessionConfigError } from "./SessionError.js"

/**
 * What a user of the library may set. Every duration is checked when the layer is built.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /** A session without activity for this long is expired. At least 1 second. 15 minutes if left out. */
  readonly idle?: Duration.DurationInput | undefined
  /** A session this old is expired, whatever the activity. At least `idle`. One week if left out. */
  readonly absolute?: Duration.DurationInput | undefined
  /**
   * How stale the recorded activity may get before a request writes it anew. Shorter than `idle`. If left out, one
   * tenth of `idle`, at most a minute. It can only shorten the effective idle timeout, never lengthen it.
   */
  readonly touchInterval?: Duration.DurationInput | undefined
  /** The timeouts of sessions whose user asked to be remembered: `signIn` with `remember`. */
  readonly remembered?: {
    /** As `idle`. 30 days if left out. */
    readonly idle?: Duration.DurationInput | undefined
    /** As `absolute`, and at least the remembered `idle`. 90 days if left out. */
    readonly absolute?: Duration.DurationInput | undefined
  } | undefined
}

/**
 * Validated timeouts, in milliseconds.
 *
 * @since 3.0.0
 * @category models
 */
export interface Timeouts extends Expiry.Timeouts {}

/** No session lives longer than ten years, and none shorter than a second. */
const lifetime = { from: "1 seconds", to: "3650 days" } as const

/** An idle and an absolute timeout, and what is wrong with them. */
const readLifetime = (
  name: string,
  { absolute, idle }: { readonly idle: Duration.DurationInput; readonly absolute: Duration.DurationInput }
): { readonly lifetime: Expiry.Lifetime; readonly problems: ReadonlyArray<string> } => {
  const readIdle = Durations.read(`${name}idle`, idle, lifetime)
  const readAbsolute = Durations.read(`${name}absolute`, absolute, lifetime)
  const problems = [...readIdle.problems, ...readAbsolute.problems]
  if (problems.length === 0 && readIdle.millis > readAbsolute.millis) {
    problems.push(`${name}absolute must not be shorter than ${name}idle`)
  }
  return { lifetime: { idle: readIdle.millis, absolute: readAbsolute.millis }, problems }
}

/**
 * Checks timeouts. Fails with `SessionConfigError` if one is zero, negative, not a number, infinite or over ten years, if
 * idle or absolute is under a second, if one is not in whole milliseconds, if an idle timeout is longer than its absolute
 * one, or if the touch interval is not shorter than both idle timeouts.
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Timeouts, SessionConfigError> =>
  Effect.suspend(() => {
    const ordinary = readLifetime("SessionTimeouts.", {
      idle: options.idle ?? "15 minutes",
      absolute: options.absolute ?? "7 days"
    })
    const remembered = readLifetime("SessionTimeouts.remembered.", {
      idle: options.remembered?.idle ?? "30 days",
      absolute: options.remembered?.absolute ?? "90 days"
    })
    const shorterIdle = Math.min(ordinary.lifetime.idle, remembered.lifetime.idle)
    const touchInterval = Durations.read(
      "SessionTimeouts.touchInterval",
      options.touchInterval ?? Math.min(60_000, Math.floor(shorterIdle / 10) || 1),
      { ...lifetime, from: "1 millis" }
    )
    const problems = [...ordinary.problems, ...remembered.problems, ...touchInterval.problems]
    if (problems.length === 0 && touchInterval.millis >= shorterIdle) {
      const name = shorterIdle === ordinary.lifetime.idle ? "idle" : "remembered.idle"
      problems.push(`SessionTimeouts.touchInterval must be shorter than SessionTimeouts.${name}`)
    }
    return SessionConfigError.check("SessionTimeouts", problems, () => ({
      ...ordinary.lifetime,
      remembered: remembered.lifetime,
      touchInterval: touchInterval.millis
    }))
  })

/**
 * The timeouts of the app. `Sessions.layer` reads them once, when it is built; a shortened timeout applies to sessions
 * already stored.
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionTimeouts extends Context.Tag("effect-sessions/SessionTimeouts")<SessionTimeouts, Timeouts>() {}

/**
 * The timeouts. What is left out keeps its default; without options they are 15 minutes idle, one week absolute, touched
 * once a minute; 30 and 90 days for sessions whose user asked to be remembered. Fails with `SessionConfigError` as `make`
 * does.
 *
 * @example
 * ```ts
 * import { SessionTimeouts } from "effect-sessions"
 *
 * export const TimeoutsLive = SessionTimeouts.layer({ idle: "30 minutes", absolute: "12 hours" })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<SessionTimeouts, SessionConfigError> =>
  Layer.effect(SessionTimeouts, make(options))

/**
 * The timeouts from configuration. Fails with `ConfigError` if that cannot be read, and with `SessionConfigError` as `make`
 * does.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import { SessionTimeouts } from "effect-sessions"
 *
 * export const TimeoutsLive = SessionTimeouts.layerConfig({
 *   idle: Config.duration("SESSION_IDLE").pipe(Config.withDefault("15 minutes")),
 *   absolute: Config.duration("SESSION_ABSOLUTE").pipe(Config.withDefault("7 days"))
 * })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<SessionTimeouts, SessionConfigError | ConfigError.ConfigError> =>
  Layer.effect(SessionTimeouts, Effect.flatMap(Config.unwrap(options), make))
