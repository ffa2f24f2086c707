import { SessionStore } from "effect-sessions"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const isRedis = (url: string): boolean => /^rediss?:\/\//.test(url) && URL.canParse(url)

/** Where the sessions are, if not in the database. */
const sessionsUrl = Config.string("SESSIONS_URL").pipe(
  Config.validate({ message: "Expected redis://… or rediss://…", validation: isRedis }),
  Config.map(Redacted.make),
  Config.option
)

/** Who asks for nothing learns all the same whether Redis answers. */
const asked = (url: Redacted.Redacted) =>
  Layer.tap(
    RedisSessionStore.layer({ url }),
    (context) =>
      Effect.flatMap(SessionStore.SessionStore, (store) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => store.read("nobody", now))).pipe(Effect.provide(context))
  )

/**
 * The sessions in the Redis of `SESSIONS_URL`, if there is such a setting. Only they: what is to be kept for long, or to
 * be asked for in other ways, stays in the database.
 */
export const redisSessions = Effect.map(sessionsUrl, Option.map(asked))
