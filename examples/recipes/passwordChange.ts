import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionGuard } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String), recentlySeen: Schema.Array(Schema.String) }),
  initial: { cart: [], recentlySeen: [] }
}) {}

export interface User {
  readonly id: string
}

/** The app's users. */
export interface UsersService {
  readonly find: (id: string) => Effect.Effect<Option.Option<User>>
  /** The user whose password this is. */
  readonly authenticate: (id: string, password: string) => Effect.Effect<Option.Option<User>>
  readonly setPassword: (id: string, password: string) => Effect.Effect<void>
}

export class Users extends Context.Tag("Users")<Users, UsersService>() {}

export const changePassword = Effect.fnUntraced(function*(current: string, next: string) {
  const users = yield* Users
  const { id } = yield* SessionGuard.required(AppSession, users.find)
  if (Option.isNone(yield* users.authenticate(id, current))) return HttpServerResponse.empty({ status: 403 })

  const session = yield* AppSession
  const sessions = yield* AppSession.sessions
  // Ended below, this session begins with the initial data: what is to be kept is read before.
  const { cart } = yield* session.get
  const remember = Option.exists(yield* session.info, ({ remembered }) => remembered)

  // The new password first: who knows the old one could sign in again between the two.
  yield* users.setPassword(id, next)
  yield* sessions.destroyByUser(id)
  yield* session.signIn(id, { carry: (initial) => ({ ...initial, cart }), remember })
  return HttpServerResponse.empty({ status: 204 })
})
