import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionGuard, SessionTimeouts, type SessionToken } from "effect-sessions"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** The user alone, as in FluidAuth. What `req.session.state` was to hold goes into `data`. */
export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({}),
  initial: {}
}) {}

export interface User {
  readonly id: string
  readonly name: string
}

/** `sessionDuration` was both: the time without activity, and the age that a session may have. */
export const TimeoutsLive = SessionTimeouts.layer({ idle: "1 hour", absolute: "24 hours" })

/** `secret` becomes a list of keys: the first signs, all are accepted. */
export const CookieLive = SessionCookie.layerConfig({
  signingKeys: Config.array(Config.redacted(), "SESSION_SECRETS"),
  sameSite: Config.succeed("strict")
})

export const logIn = Effect.fnUntraced(function*(user: User) {
  const session = yield* AppSession
  yield* session.signIn(user.id)
  return HttpServerResponse.redirect("/dashboard")
})

export const logOut = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.redirect("/")
})

/** `find` is what `deserializeUser` was. A user who is gone takes the session along. */
export const dashboard = Effect.fnUntraced(
  function*(find: (id: string) => Effect.Effect<Option.Option<User>>) {
    const { name } = yield* SessionGuard.required(AppSession, find)
    return HttpServerResponse.text(`Hello ${name}`)
  },
  SessionGuard.orRedirect("/login")
)

/** Outside of requests, by the id. */
export const userOf = Effect.fnUntraced(function*(id: SessionToken.SessionId) {
  const sessions = yield* AppSession.sessions
  return Option.flatMap(yield* sessions.read(id), ({ user }) => user)
})

export const endById = Effect.fnUntraced(function*(id: SessionToken.SessionId) {
  const sessions = yield* AppSession.sessions
  yield* sessions.destroy(id)
})
