/**
 * Requires a signed-in user, and turns the stored user into the app's own.
 *
 * Guards are plain effects. Run one first thing in a handler, or provide what it returns as a request service with
 * `Effect.provideServiceEffect`, in the middleware of any router: see the example of `required`. For `HttpApi` there is
 * `layerHttpApi`.
 *
 * @since 3.0.0
 */
import type * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import type * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Expiry from "./core/expiry.js"
import * as Durations from "./internal/durations.js"
import { withNow } from "./internal/engine.js"
import type { Handle } from "./Session.js"
import { SessionConfigError, SessionNotFresh, type SessionStoreError, SessionUnauthenticated } from "./SessionError.js"
import type { ReadError } from "./Sessions.js"

/**
 * Finds the app's user for the stored one. None if there is no such user any more.
 *
 * @since 3.0.0
 * @category models
 */
export type LoadUser<User, A, E, R> = (user: User) => Effect.Effect<Option.Option<A>, E, R>

const unauthenticated = (reason: SessionUnauthenticated["reason"]) => new SessionUnauthenticated({ reason })

const whyNobody = <Data, User>(
  session: Handle<Data, User>
): Effect.Effect<never, SessionUnauthenticated | ReadError> =>
  Effect.flatMap(session.credential, (credential) => {
    switch (credential) {
      case "missing":
        return Effect.fail(unauthenticated("Missing"))
      case "rejected":
        return Effect.fail(unauthenticated("Rejected"))
      case "accepted":
        return Effect.flatMap(
          session.info,
          (info) => Effect.fail(unauthenticated(Option.isSome(info) ? "Visitor" : "Ended"))
        )
    }
  })

/**
 * The signed-in user, loaded. Fails with `SessionUnauthenticated` (401) if nobody is signed in, or if the user who is
 * no longer exists; the session ends then, at once. Fails with `ReadError` where the session cannot be read, and with what
 * `loadUser` fails with.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { Context, Effect, Layer, Option, Schema } from "effect"
 * import { Session, SessionGuard, SessionMiddleware } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly name: string }>() {}
 *
 * const currentUser = SessionGuard.required(AppSession, (id) => Effect.succeed(Option.some({ name: id })))
 *
 * // HttpLayerRouter; in HttpRouter.use and in handlers the same effect works alike
 * const RequireUser = HttpLayerRouter.middleware<{ provides: CurrentUser }>()((route) =>
 *   Effect.provideServiceEffect(route, CurrentUser, currentUser)
 * ).combine(SessionMiddleware.layerRouter(AppSession))
 *
 * export const routes = HttpLayerRouter.add(
 *   "GET",
 *   "/me",
 *   Effect.map(CurrentUser, ({ name }) => HttpServerResponse.text(name))
 * ).pipe(Layer.provide(RequireUser.layer))
 * ```
 *
 * @since 3.0.0
 * @category guards
 */
export const required = <Self, Data, User, A, E, R>(
  session: Context.Tag<Self, Handle<Data, User>>,
  loadUser: LoadUser<User, A, E, R>
): Effect.Effect<A, SessionUnauthenticated | ReadError | E, Self | R> =>
  Effect.flatMap(
    session,
    (session) =>
      Effect.flatMap(session.user, (user): Effect.Effect<A, SessionUnauthenticated | ReadError | E, R> =>
        Option.isNone(user)
          ? whyNobody(session)
          : Effect.flatMap(
            found(session, loadUser(user.value)),
            (loaded) =>
              Option.isSome(loaded) ? Effect.succeed(loaded.value) : Effect.fail(unauthenticated("UnknownUser"))
          ))
  )

/**
 * The signed-in user, loaded. None if nobody is signed in, or if the user who is no longer exists; the session ends
 * then, at once. Fails with `ReadError` where the session cannot be read, and with what `loadUser` fails with.
 *
 * @example
 * ```ts
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect, Option, Schema } from "effect"
 * import { Session, SessionGuard } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * const currentUser = SessionGuard.optional(AppSession, (id) => Effect.succeed(Option.some({ name: id })))
 *
 * export const greeting = Effect.map(
 *   currentUser,
 *   (user) => HttpServerResponse.text(`Hello ${Option.match(user, { onNone: () => "stranger", onSome: ({ name }) => name })}`)
 * )
 * ```
 *
 * @since 3.0.0
 * @category guards
 */
export const optional = <Self, Data, User, A, E, R>(
  session: Context.Tag<Self, Handle<Data, User>>,
  loadUser: LoadUser<User, A, E, R>
): Effect.Effect<Option.Option<A>, ReadError | E, Self | R> =>
  Effect.flatMap(
    session,
    (session) =>
      Effect.flatMap(session.user, (user): Effect.Effect<Option.Option<A>, SessionStoreError | E, R> =>
        Option.isNone(user) ? Effect.succeedNone : found(session, loadUser(user.value)))
  )

/** A user who is gone takes the session along. */
const found = <Data, User, A, E, R>(
  session: Handle<Data, User>,
  loaded: Effect.Effect<Option.Option<A>, E, R>
): Effect.Effect<Option.Option<A>, SessionStoreError | E, R> =>
  Effect.tap(loaded, (user) => Option.isNone(user) ? session.destroy : Effect.void)

/**
 * Requires that the user signed in no longer ago than `maxAge`, for what a session that was left open must not do
 * (step-up): change a password, sign out everywhere. Fails with `SessionNotFresh` (403) if he did, with
 * `SessionUnauthenticated` (401) if nobody is signed in, and with `ReadError`. What counts is what is stored: after a
 * sign-in in the same request, `commit` first. A `maxAge` that is no duration of 1 second to 365 days dies with a
 * `SessionConfigError`.
 *
 * A page answers the 403 by asking for the password again. Signing in again as the same user makes the session fresh, gives
 * it a new id and keeps its public handle; `carry` keeps its data: `session.signIn(user, { carry: (data) => data })`. Where
 * to go back to afterwards, the app knows or keeps in the data, never in a URL that others can make.
 *
 * @example
 * ```ts
 * import { Effect, Option, Schema } from "effect"
 * import { Session, SessionGuard } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * export const signOutEverywhere = Effect.gen(function*() {
 *   yield* SessionGuard.fresh(AppSession, "10 minutes")
 *   const user = yield* Effect.flatMap(AppSession, (session) => session.user)
 *   const sessions = yield* AppSession.sessions
 *   return Option.isNone(user) ? 0 : yield* sessions.destroyByUser(user.value)
 * })
 * ```
 *
 * @since 3.0.0
 * @category guards
 */
export const fresh = <Self, Data, User>(
  session: Context.Tag<Self, Handle<Data, User>>,
  maxAge: Duration.DurationInput
): Effect.Effect<void, SessionUnauthenticated | SessionNotFresh | ReadError, Self> => {
  const { millis, problems } = Durations.read("SessionGuard.fresh: maxAge", maxAge, {
    from: "1 seconds",
    to: "365 days"
  })
  const valid = Effect.orDie(SessionConfigError.check("SessionGuard", problems, () => millis))
  return Effect.flatMap(Effect.zip(valid, session), ([maxAge, session]) =>
    Effect.flatMap(
      session.info,
      (info): Effect.Effect<void, SessionUnauthenticated | SessionNotFresh | ReadError> =>
        Option.match(Option.flatMap(info, ({ authenticatedAt }) => authenticatedAt), {
          onNone: () => whyNobody(session),
          onSome: (authenticatedAt) =>
            withNow((now) =>
              Expiry.isFresh(DateTime.toEpochMillis(authenticatedAt), maxAge, now)
                ? Effect.void
                : Effect.fail(new SessionNotFresh({ reason: "SignInTooOld", maxAge }))
            )
        })
    ))
}

/**
 * Answers with a redirect to `location` where `fresh` would answer 403: the page that asks for the password again.
 * `location` is the app's own, never taken from the request. The redirect is an `HttpServerResponse`, with which the guard
 * then fails in the place of `SessionNotFresh`; with all else it fails as before.
 *
 * @example
 * ```ts
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { Session, SessionGuard } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * export const deleteAccountPage = SessionGuard.fresh(AppSession, "10 minutes").pipe(
 *   SessionGuard.orSignInAgain("/sign-in?again"),
 *   Effect.as(HttpServerResponse.text("Really?"))
 * )
 * ```
 *
 * @since 3.0.0
 * @category guards
 */
export const orSignInAgain = (location: string) =>
<A, E, R>(
  guard: Effect.Effect<A, E | SessionNotFresh, R>
): Effect.Effect<A, Exclude<E, SessionNotFresh> | HttpServerResponse.HttpServerResponse, R> =>
  redirecting<SessionNotFresh, A, E, R>("SessionNotFresh", location, guard)

/**
 * Answers with a redirect to `location` where a guard would answer 401: for pages. `location` is the app's own, never
 * taken from the request. The redirect is an `HttpServerResponse`, with which the guard then fails in the place of
 * `SessionUnauthenticated`; with all else it fails as before.
 *
 * @example
 * ```ts
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect, Option, Schema } from "effect"
 * import { Session, SessionGuard } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * export const accountPage = SessionGuard.required(AppSession, (id) => Effect.succeed(Option.some({ name: id }))).pipe(
 *   SessionGuard.orRedirect("/sign-in"),
 *   Effect.map(({ name }) => HttpServerResponse.text(name))
 * )
 * ```
 *
 * @since 3.0.0
 * @category guards
 */
export const orRedirect = (location: string) =>
<A, E, R>(
  guard: Effect.Effect<A, E | SessionUnauthenticated, R>
): Effect.Effect<A, Exclude<E, SessionUnauthenticated> | HttpServerResponse.HttpServerResponse, R> =>
  redirecting<SessionUnauthenticated, A, E, R>("SessionUnauthenticated", location, guard)

const redirecting = <Caught extends { readonly _tag: string }, A, E, R>(
  tag: Caught["_tag"],
  location: string,
  guard: Effect.Effect<A, E | Caught, R>
): Effect.Effect<A, Exclude<E, Caught> | HttpServerResponse.HttpServerResponse, R> =>
  Effect.catchIf(
    guard,
    (error): error is Extract<E | Caught, Caught> => Predicate.isTagged(error, tag),
    () => Effect.fail(HttpServerResponse.redirect(location, { status: 302 }))
  )

/**
 * An `HttpApiMiddleware.Tag` that was declared with `SessionMiddleware.httpApi`.
 *
 * @since 3.0.0
 * @category models
 */
export interface SessionsTag<Id, Self, Data, User, E> extends
  Context.Tag<Id, {
    readonly session: (
      credential: HttpApiSecurity.HttpApiSecurity.Type<HttpApiSecurity.HttpApiSecurity>
    ) => Effect.Effect<Handle<Data, User>, E, HttpRouter.HttpRouter.Provided>
  }>
{
  /** The tag of the handle. */
  readonly provides: Context.Tag<Self, Handle<Data, User>>
}

/**
 * The implementation of an `HttpApiMiddleware.Tag` by a guard, by `SessionCsrf.check`, or by any other effect that needs
 * the handle of the request's session, which it takes from the session's own middleware. Put that on the API. The
 * `failure` of the tag must include `SessionMiddleware.Failure`, whatever the guard itself fails with.
 *
 * @example
 * ```ts
 * import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware } from "@effect/platform"
 * import { Context, Effect, Layer, Option, Schema } from "effect"
 * import { Session, SessionError, SessionGuard, SessionMiddleware } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()(
 *   "AppSessions",
 *   SessionMiddleware.httpApi(AppSession)
 * ) {}
 *
 * class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly name: string }>() {}
 *
 * class RequireUser extends HttpApiMiddleware.Tag<RequireUser>()("RequireUser", {
 *   provides: CurrentUser,
 *   failure: Schema.Union(SessionError.SessionUnauthenticated, SessionMiddleware.Failure)
 * }) {}
 *
 * class Api extends HttpApi.make("api")
 *   .add(HttpApiGroup.make("users").add(HttpApiEndpoint.get("me", "/me").addSuccess(Schema.String).middleware(RequireUser)))
 *   .middleware(AppSessions)
 * {}
 *
 * const Users = HttpApiBuilder.group(
 *   Api,
 *   "users",
 *   (handlers) => handlers.handle("me", () => Effect.map(CurrentUser, ({ name }) => name))
 * )
 *
 * const RequireUserLive = SessionGuard.layerHttpApi(
 *   RequireUser,
 *   AppSessions,
 *   SessionGuard.required(AppSession, (id) => Effect.succeed(Option.some({ name: id })))
 * )
 *
 * export const ApiLive = HttpApiBuilder.api(Api).pipe(
 *   Layer.provide(Users),
 *   Layer.provide(RequireUserLive),
 *   Layer.provide(SessionMiddleware.layerHttpApi(AppSessions, AppSession))
 * )
 * ```
 *
 * @since 3.0.0
 * @category guards
 */
export function layerHttpApi<Id, SessionsId, Self, Data, User, A, E, E1 extends E, E2 extends E, R>(
  tag: Context.Tag<Id, HttpApiMiddleware.HttpApiMiddleware<A, E>>,
  sessions: SessionsTag<SessionsId, Self, Data, User, E1>,
  guard: Effect.Effect<A, E2, R>
): Layer.Layer<Id, never, SessionsId | Exclude<R, Self | HttpRouter.HttpRouter.Provided>>
export function layerHttpApi<Id, SessionsId, Self, Data, User, A, E, E1 extends E, E2 extends E>(
  tag: Context.Tag<Id, HttpApiMiddleware.HttpApiMiddleware<A, E>>,
  sessions: SessionsTag<SessionsId, Self, Data, User, E1>,
  guard: Effect.Effect<A, E2, Self | HttpRouter.HttpRouter.Provided>
): Layer.Layer<Id, never, SessionsId> {
  return Layer.effect(
    tag,
    Effect.zipWith(sessions, Effect.context<never>(), ({ session }, context) =>
      // The middleware reads the credential from the request itself.
      Effect.flatMap(session(Redacted.make("")), (handle) =>
        Effect.mapInputContext(guard, (input: Context.Context<HttpRouter.HttpRouter.Provided>) =>
          Context.add(Context.merge(context, input), sessions.provides, handle))))
  )
}
