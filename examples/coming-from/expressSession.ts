import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionTimeouts } from "effect-sessions"
import * as Config from "effect/Config"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** The properties of `req.session`, with their types, and what a visitor has of them. The user has a place of its own. */
export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ views: Schema.Number, cart: Schema.Array(Schema.String) }),
  initial: { views: 0, cart: [] }
}) {}

export const TimeoutsLive = SessionTimeouts.layer({ idle: "1 hour", absolute: "7 days" })

/** `persistent`: the cookie lasts as long as the session, as `cookie.maxAge` with `rolling: true` has it. */
export const CookieLive = SessionCookie.layerConfig({
  signingKeys: Config.array(Config.redacted(), "SESSION_SECRETS"),
  persistent: Config.succeed(true)
})

export const countView = Effect.gen(function*() {
  const session = yield* AppSession
  const views = yield* session.modify((data) => [data.views + 1, { ...data, views: data.views + 1 }])
  return HttpServerResponse.unsafeJson({ views })
})

export const logIn = Effect.fnUntraced(function*(user: string) {
  const session = yield* AppSession
  yield* session.signIn(user, { carry: ({ cart }) => ({ views: 0, cart }) })
  return HttpServerResponse.redirect("/")
})

export const logOut = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.redirect("/")
})

/** A new id for the same user, with the same data. */
export const renew = Effect.flatMap(AppSession, (session) => session.rotate)

/** Stored now instead of with the response: for what must not begin before it is. */
export const saveNow = Effect.fnUntraced(function*(item: string) {
  const session = yield* AppSession
  yield* session.update((data) => ({ ...data, cart: [...data.cart, item] }))
  yield* session.commit
})

/** Counts as activity although it reads and writes nothing. */
export const keepAlive = Effect.flatMap(AppSession, (session) => session.touch)

export const about = Effect.gen(function*() {
  const session = yield* AppSession
  return Option.map(yield* session.info, ({ expiresAt, handle }) => ({
    handle,
    expiresAt: DateTime.toEpochMillis(expiresAt)
  }))
})
