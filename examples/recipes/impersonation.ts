import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionGuard, SessionMiddleware } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** Everybody's session, the administrators' as well. */
export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
  initial: { cart: [] }
}) {}

/** An administrator at work as somebody else: its user is the administrator, its data says as whom. */
export class Impersonation extends Session.Tag<Impersonation>()("Impersonation", {
  data: Schema.Struct({ target: Schema.String }),
  initial: { target: "" }
}) {}

export interface User {
  readonly id: string
  readonly isAdministrator: boolean
}

/** The app's users. */
export interface UsersService {
  readonly find: (id: string) => Effect.Effect<Option.Option<User>>
}

export class Users extends Context.Tag("Users")<Users, UsersService>() {}

export interface Deed {
  readonly what: string
  /** As whom it was done. */
  readonly user: string
  /** Who did it. The user himself, if nobody acts for him. */
  readonly by: string
  /** The public handle of the session it was done in. */
  readonly session: string
}

/** The app's record of who did what. */
export interface AuditTrailService {
  readonly write: (deed: Deed) => Effect.Effect<void>
}

export class AuditTrail extends Context.Tag("AuditTrail")<AuditTrail, AuditTrailService>() {}

/** Both sessions for an app, each in a cookie of its own. */
export const bothSessions = Effect.map(
  SessionCookie.make({ name: "__Host-impersonation", sameSite: "strict" }),
  (cookie) => {
    const withAppSession = SessionMiddleware.httpRouter(AppSession)
    const withImpersonation = SessionMiddleware.httpRouter(Impersonation, { cookie })
    return <E, R>(app: HttpApp.Default<E, R>) => withAppSession(withImpersonation(app))
  }
)

const findAdministrator = (id: string) =>
  Effect.flatMap(Users, ({ find }) => Effect.map(find(id), Option.filter(({ isAdministrator }) => isAdministrator)))

const findUser = (id: string) => Effect.flatMap(Users, ({ find }) => find(id))

const handleOf = Option.match({ onNone: () => "", onSome: ({ handle }: { readonly handle: string }) => handle })

export interface Current {
  readonly user: User
  readonly by: string
  readonly session: string
}

/** Whom a page is for, and who looks at it: the target of an impersonation where there is one. */
export const currentUser = Effect.gen(function*() {
  const administrator = yield* SessionGuard.optional(Impersonation, findAdministrator)
  if (Option.isNone(administrator)) {
    const user = yield* SessionGuard.required(AppSession, findUser)
    const info = yield* Effect.flatMap(AppSession, (session) => session.info)
    return { user, by: user.id, session: handleOf(info) }
  }
  const impersonation = yield* Impersonation
  const user = yield* SessionGuard.required(
    Impersonation,
    () => Effect.flatMap(impersonation.get, ({ target }) => findUser(target))
  )
  return { user, by: administrator.value.id, session: handleOf(yield* impersonation.info) }
})

export const audit = (what: string) =>
  Effect.gen(function*() {
    const { by, session, user } = yield* currentUser
    yield* Effect.flatMap(AuditTrail, ({ write }) => write({ what, user: user.id, by, session }))
  })

export const begin = Effect.fnUntraced(function*(target: string) {
  const administrator = yield* SessionGuard.required(AppSession, findUser)
  const user = yield* findUser(target)
  if (!administrator.isAdministrator || Option.isNone(user) || user.value.isAdministrator) {
    return HttpServerResponse.empty({ status: 403 })
  }
  const impersonation = yield* Impersonation
  yield* impersonation.signIn(administrator.id, { carry: () => ({ target }) })
  // Stored before it is written down: with its handle, and only if it stands.
  yield* impersonation.commit
  yield* audit("impersonation begins")
  return HttpServerResponse.empty({ status: 204 })
})

/** Back to the administrator's own session, which has not been touched. */
export const end = Effect.gen(function*() {
  yield* SessionGuard.required(Impersonation, findAdministrator)
  yield* audit("impersonation ends")
  yield* Effect.flatMap(Impersonation, (impersonation) => impersonation.signOut)
  return HttpServerResponse.empty({ status: 204 })
})

/** Who signs out leaves no impersonation behind. */
export const signOut = Effect.gen(function*() {
  yield* Effect.flatMap(Impersonation, (impersonation) => impersonation.signOut)
  yield* Effect.flatMap(AppSession, (session) => session.signOut)
  return HttpServerResponse.empty({ status: 204 })
})

/** Everything that an administrator has open, on every device: one call for each declaration. */
export const endSessionsOf = Effect.fnUntraced(function*(administrator: string) {
  const impersonations = yield* Impersonation.sessions
  const sessions = yield* AppSession.sessions
  yield* impersonations.destroyByUser(administrator)
  yield* sessions.destroyByUser(administrator)
})
