import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionGuard } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String), stamp: Schema.Number }),
  initial: { cart: [], stamp: 0 }
}) {}

export interface User {
  readonly id: string
  /** Stands in the row of the password, and goes up by one in the statement that changes it. Begins with 1. */
  readonly stamp: number
}

/** The app's users. */
export interface UsersService {
  readonly find: (id: string) => Effect.Effect<Option.Option<User>>
  /** The user whose password this is, with the stamp that was read together with the password. */
  readonly authenticate: (id: string, password: string) => Effect.Effect<Option.Option<User>>
  /** The user with the new stamp. */
  readonly setPassword: (id: string, password: string) => Effect.Effect<User>
}

export class Users extends Context.Tag("Users")<Users, UsersService>() {}

/** The signed-in user. A session that began under another stamp ends here: 401. */
export const currentUser = Effect.gen(function*() {
  const users = yield* Users
  const session = yield* AppSession
  return yield* SessionGuard.required(AppSession, (id) =>
    Effect.zipWith(
      users.find(id),
      session.get,
      (user, { stamp }) => Option.filter(user, (user) => user.stamp === stamp)
    ))
})

const begin = (user: User) =>
  Effect.flatMap(
    AppSession,
    (session) => session.signIn(user.id, { carry: ({ cart }) => ({ cart, stamp: user.stamp }) })
  )

export const signIn = Effect.fnUntraced(function*(id: string, password: string) {
  const user = yield* Effect.flatMap(Users, (users) => users.authenticate(id, password))
  if (Option.isNone(user)) return HttpServerResponse.empty({ status: 403 })
  yield* begin(user.value)
  return HttpServerResponse.empty({ status: 204 })
})

export const changePassword = Effect.fnUntraced(function*(current: string, next: string) {
  const users = yield* Users
  const { id } = yield* currentUser
  if (Option.isNone(yield* users.authenticate(id, current))) return HttpServerResponse.empty({ status: 403 })
  const changed = yield* users.setPassword(id, next)
  // From here on the guard turns the others away. Ended now, they leave the list of sessions, and their sockets close.
  const sessions = yield* AppSession.sessions
  yield* sessions.destroyByUser(id)
  yield* begin(changed)
  return HttpServerResponse.empty({ status: 204 })
})
