import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionGuard, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** `getSessionAttributes` becomes the schema of the data. */
export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ country: Schema.String }),
  initial: { country: "" }
}) {}

export interface User {
  readonly id: string
  readonly username: string
}

/** `sessionExpiresIn` is the time without activity. Lucia has no age that a session may have; here it has one. */
export const TimeoutsLive = SessionTimeouts.layer({ idle: "30 days", absolute: "90 days" })

export const signIn = Effect.fnUntraced(function*(userId: string, country: string) {
  const session = yield* AppSession
  yield* session.signIn(userId, { carry: (data) => ({ ...data, country }) })
  return HttpServerResponse.redirect("/")
})

/** `find` is what the adapter did with `getUserAttributes`. */
export const profile = Effect.fnUntraced(function*(find: (id: string) => Effect.Effect<Option.Option<User>>) {
  const { username } = yield* SessionGuard.required(AppSession, find)
  const session = yield* AppSession
  return HttpServerResponse.unsafeJson({ username, ...(yield* session.get) })
})

export const signOut = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.redirect("/login")
})

export const signOutEverywhere = Effect.fnUntraced(function*(userId: string) {
  const sessions = yield* AppSession.sessions
  return yield* sessions.destroyByUser(userId)
})

export const devices = Effect.fnUntraced(function*(userId: string) {
  const sessions = yield* AppSession.sessions
  return yield* sessions.listByUser(userId)
})
