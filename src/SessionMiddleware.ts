/**
 * The front doors: give every request the handle of its session, and commit that before the headers leave.
 *
 * All of them work alike: one pre-response hook, the only place that sees every response of every router, successful or
 * not, before it is sent.
 *
 * - Below status 500 what is staged is committed, then the response leaves. That holds for HEAD, 204, 304, redirects and
 *   files as for any other.
 * - At 500 and above, after a failure or a defect, and when the client hung up, what is staged is dropped. A sign-out,
 *   and what `commit` wrote, stays, and the cookie says so.
 * - Where the commit fails, its error is the response: 503 (the store), 401 (the session has ended), 409, 500.
 * - The body of a stream is sent after the commit. Changes made while it runs fail with `SessionResponseSent`.
 * - The handshake of a socket cannot carry a cookie. Its handler can change a session that is there, with `commit`;
 *   what would need a new id fails with `SessionResponseSent`.
 * - A request that a handler dispatches in process has a session of its own. `HttpApp.toWebHandlerRuntime` commits it as
 *   any other; an app that is run in the handler's own fiber has no response of its own, and is not committed.
 * - `Effect.timeout` belongs inside this middleware, or in the handler. Around it, it loses the hook, and with it
 *   the commit.
 * - With the transport `"either"`, a request that carries a cookie and a bearer token, both well-formed and correctly
 *   signed, is answered with `SessionCredentialsError` (400) in place of the handler, whether that uses the session or not.
 * - `Cache-Control: no-store` and `Vary` are added to responses of requests that used their session, and only to those.
 *
 * @since 3.0.0
 */
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Door from "./internal/door.js"
import type * as Session from "./Session.js"
import * as SessionCookie from "./SessionCookie.js"
import {
  SessionConfigError,
  SessionConflict,
  SessionCredentialsError,
  SessionDataError,
  SessionGone,
  SessionResponseSent,
  SessionStoreError
} from "./SessionError.js"
import * as Sessions from "./Sessions.js"

/**
 * How the ids of sessions travel. See `Options`.
 *
 * @example
 * ```ts
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect, Option, Redacted, Schema } from "effect"
 * import { Session } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * // With "either", where clients sign in that keep the id themselves
 * export const signInForToken = (userId: string) =>
 *   Effect.gen(function*() {
 *     const session = yield* AppSession
 *     if ((yield* session.transport) === "cookie") return HttpServerResponse.empty({ status: 403 })
 *     yield* session.signIn(userId)
 *     const token = yield* session.bearerToken
 *     return HttpServerResponse.unsafeJson(Option.getOrNull(Option.map(token, Redacted.value)))
 *   })
 * ```
 *
 * @since 3.0.0
 * @category models
 */
export type Transport = "cookie" | "bearer" | "either"

/**
 * How the middleware treats requests.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * Where the id travels: in a cookie, or (`"bearer"`) in the `Authorization` header of clients that keep it
   * themselves, which get it from `bearerToken`. `"either"` takes both kinds of clients, each request by one of the two:
   *
   * - The cookie counts, or the bearer token. One that we cannot have made does not matter, nor does another scheme of
   *   `Authorization`. Two that we may have made, even of one session, are refused with `SessionCredentialsError` (400)
   *   before the handler runs, and without asking the store.
   * - Who comes with a bearer token is told nothing by cookies. Who comes with a cookie gets no `bearerToken`.
   * - Who comes with neither gets a cookie where a session begins, unless the handler asks for `bearerToken`: then that,
   *   and no cookie.
   * - `SessionCsrf` asks nothing of who comes with a bearer token. Who signs in to get one has no proof yet, so that
   *   route stands outside of the check, and turns away who came with a cookie (`transport` of the handle says so): else
   *   another site could sign a browser in there.
   *
   * `"cookie"` if left out.
   */
  readonly transport?: Transport | undefined
  /**
   * The policy of this session's cookie, from `SessionCookie.make`, instead of the one in context: for apps with two
   * sessions, whose cookies need two names.
   */
  readonly cookie?: SessionCookie.Policy | undefined
  /**
   * Whether requests read the session without extending it, as a poll in the background should. False if left out.
   */
  readonly background?: boolean | undefined
  /**
   * Whether a response that ends a session also tells the browser to forget everything of this site, with
   * `Clear-Site-Data`. False if left out.
   */
  readonly clearSiteData?: boolean | undefined
  /**
   * Whether a proxy in front of the app ends TLS and sets `X-Forwarded-Proto` itself. Only believed if said here, and
   * only for the warning that browsers drop a `Secure` cookie over plain http. False if left out.
   */
  readonly trustedProxy?: boolean | undefined
}

/**
 * A declared session: its tag, and its definition.
 *
 * @since 3.0.0
 * @category models
 */
export type Declared<Self, Data, User> =
  & Context.Tag<Self, Session.Handle<Data, User>>
  & Sessions.Definition<Self, Data, User>

/** The door to a declared session, from the manager and the cookie policy in context. */
const doorIn = <Self, Data, User>(
  definition: Declared<Self, Data, User>,
  options: Options
): Effect.Effect<Door.Begin, SessionConfigError, Sessions.Sessions<Self> | SessionCookie.SessionCookie> =>
  Effect.gen(function*() {
    const { [Sessions.TypeId]: engine } = yield* definition.sessions
    yield* SessionConfigError.check(
      "SessionMiddleware",
      engine.format === definition.format ? [] : [
        `two declarations are named ${definition.sessionName}, and the manager in context is the other one's, with data of `
        + "another type: give one of them another name"
      ],
      () => void 0
    )
    const inContext = yield* SessionCookie.SessionCookie
    const policy = options.cookie ?? inContext
    if (options.transport !== "bearer") yield* policy.claim(definition.sessionName)
    return Door.make(definition, (handle: Session.Handle<Data, User>) => handle, engine, policy, options)
  })

/**
 * The same app, begun, or the refusal of its request in its place. The handle stays in the fiber's context, which ends with
 * its request.
 */
function through<Self, Data, User, E, R, R1>(
  tag: Context.Tag<Self, Session.Handle<Data, User>>,
  begin: Effect.Effect<void, SessionCredentialsError, R1>,
  app: HttpApp.Default<E, R>
): HttpApp.Default<E, Exclude<R, Self> | R1>
function through<Self, Data, User, E, R1>(
  _tag: Context.Tag<Self, Session.Handle<Data, User>>,
  begin: Effect.Effect<void, SessionCredentialsError, R1>,
  app: HttpApp.Default<E>
): HttpApp.Default<E, R1> {
  return Effect.matchEffect(begin, {
    onFailure: (error) => HttpServerRespondable.toResponse(error),
    onSuccess: () => app
  })
}

/** The same around an app that needs nothing but the handle. */
const inside = <Self, Data, User, E, R1>(
  tag: Context.Tag<Self, Session.Handle<Data, User>>,
  begin: Effect.Effect<void, SessionCredentialsError, R1>
): (app: HttpApp.Default<E, Self>) => HttpApp.Default<E, R1> =>
(app) => through(tag, begin, app)

/**
 * What `httpRouter` makes. It goes around an app, and is no layer: `HttpLayerRouter` takes that of `layerRouter`.
 *
 * @since 3.0.0
 * @category models
 */
export interface HttpRouterMiddleware<Self> {
  /** The same app, which no longer needs the handle, but what that is made of. */
  <E, R>(
    app: HttpApp.Default<E, R>
  ): HttpApp.Default<E, Exclude<R, Self> | Sessions.Sessions<Self> | SessionCookie.SessionCookie>
}

/**
 * Middleware for the classic `HttpRouter` and for `HttpServer.serve`: provides the handle of the request's session.
 * Takes the manager and the cookie policy from the context the app is served with. Around an app that has it already, it
 * does nothing.
 *
 * @example
 * ```ts
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { Session, SessionMiddleware } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ visits: Schema.Number }),
 *   initial: { visits: 0 }
 * }) {}
 *
 * export const router = HttpRouter.empty.pipe(
 *   HttpRouter.get(
 *     "/",
 *     Effect.gen(function*() {
 *       const session = yield* AppSession
 *       yield* session.update(({ visits }) => ({ visits: visits + 1 }))
 *       return HttpServerResponse.unsafeJson(yield* session.get)
 *     })
 *   ),
 *   HttpRouter.use(SessionMiddleware.httpRouter(AppSession))
 * )
 * ```
 *
 * @since 3.0.0
 * @category middleware
 */
export const httpRouter = <Self, Data, User>(
  definition: Declared<Self, Data, User>,
  options: Options = {}
): HttpRouterMiddleware<Self> => {
  // What is in context is the same in every request of a server.
  let last: { readonly sessions: unknown; readonly policy: unknown; readonly begin: Door.Begin } | undefined
  type Required = Sessions.Sessions<Self> | SessionCookie.SessionCookie | HttpServerRequest.HttpServerRequest
  const begin = Effect.contextWithEffect((context: Context.Context<Required>) => {
    const sessions = Context.get(context, definition.sessions)
    const policy = Context.get(context, SessionCookie.SessionCookie)
    if (last !== undefined && last.sessions === sessions && last.policy === policy) return last.begin
    return Effect.flatMap(Effect.orDie(doorIn(definition, options)), (begin) => {
      last = { sessions, policy, begin }
      return begin
    })
  })
  return (app) => through(definition, begin, app)
}

/**
 * What `layerRouter` makes. Routes take its `layer`, which fails with `SessionConfigError` if the cookie carries another
 * session already. Around an app goes what `httpRouter` makes.
 *
 * @since 3.0.0
 * @category models
 */
export interface LayerRouterMiddleware<Self> extends
  HttpLayerRouter.Middleware<{
    provides: Self
    handles: never
    error: never
    requires: never
    layerError: SessionConfigError
    layerRequires: Sessions.Sessions<Self> | SessionCookie.SessionCookie
  }>
{}

/**
 * Middleware for `HttpLayerRouter`: provides the handle of the request's session to the routes whose layer it is
 * provided to. Takes the manager and the cookie policy from the layers it is built with. The layer fails with
 * `SessionConfigError` if the cookie carries another session already.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Layer, Schema } from "effect"
 * import { Session, SessionMiddleware, Sessions } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ visits: Schema.Number }),
 *   initial: { visits: 0 }
 * }) {}
 *
 * export const routes = HttpLayerRouter.add(
 *   "GET",
 *   "/",
 *   Effect.gen(function*() {
 *     const session = yield* AppSession
 *     yield* session.update(({ visits }) => ({ visits: visits + 1 }))
 *     return HttpServerResponse.unsafeJson(yield* session.get)
 *   })
 * ).pipe(
 *   Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
 *   Layer.provide(Sessions.layerMemory(AppSession))
 * )
 * ```
 *
 * @since 3.0.0
 * @category middleware
 */
export const layerRouter = <Self, Data, User>(
  definition: Declared<Self, Data, User>,
  options: Options = {}
): LayerRouterMiddleware<Self> =>
  HttpLayerRouter.middleware<{ provides: Self }>()(
    Effect.map(doorIn(definition, options), (begin) => inside(definition, begin))
  )

/**
 * Everything a session operation may fail with, so that endpoints of an API need not declare it one by one.
 *
 * @since 3.0.0
 * @category schemas
 */
export const Failure = Schema.Union(
  SessionStoreError,
  SessionGone,
  SessionConflict,
  SessionDataError,
  SessionResponseSent,
  SessionCredentialsError
)

/** The schemes of a transport, by their names in OpenAPI. Either of two alternatives is enough. */
const securityOf = (
  transport: Transport,
  cookieName: string
): { readonly session: HttpApiSecurity.HttpApiSecurity; readonly bearer?: HttpApiSecurity.HttpApiSecurity } => {
  if (transport === "bearer") return { session: HttpApiSecurity.bearer }
  const session = HttpApiSecurity.apiKey({ in: "cookie", key: cookieName })
  return transport === "either" ? { session, bearer: HttpApiSecurity.bearer } : { session }
}

/** Whichever scheme is tried, the door reads what the request carries itself. */
const bySchemes = <A>(session: A): { readonly session: A; readonly bearer: A } => ({ session, bearer: session })

/**
 * The options of an `HttpApiMiddleware.Tag` that provides the handle of the request's session: what it provides, what
 * it may fail with, and the security scheme that makes OpenAPI show the cookie, or the bearer token, or (`"either"`) both
 * as alternatives. `cookieName` is for that documentation only; it is what `SessionCookie` is configured with. Put the
 * middleware on the API or on an endpoint: one on a group runs after those of the endpoints. OpenAPI shows the scheme at
 * each operation only for middleware on endpoints, and for the whole document for middleware on the API.
 *
 * @example
 * ```ts
 * import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware } from "@effect/platform"
 * import { Effect, Layer, Schema } from "effect"
 * import { Session, SessionMiddleware, Sessions } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ visits: Schema.Number }),
 *   initial: { visits: 0 }
 * }) {}
 *
 * class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()(
 *   "AppSessions",
 *   SessionMiddleware.httpApi(AppSession)
 * ) {}
 *
 * class Api extends HttpApi.make("api")
 *   .add(HttpApiGroup.make("visits").add(HttpApiEndpoint.get("visit", "/").addSuccess(Schema.Number)))
 *   .middleware(AppSessions)
 * {}
 *
 * const Visits = HttpApiBuilder.group(Api, "visits", (handlers) =>
 *   handlers.handle("visit", () =>
 *     Effect.gen(function*() {
 *       const session = yield* AppSession
 *       yield* session.update(({ visits }) => ({ visits: visits + 1 }))
 *       return (yield* session.get).visits
 *     })))
 *
 * export const ApiLive = HttpApiBuilder.api(Api).pipe(
 *   Layer.provide(Visits),
 *   Layer.provide(SessionMiddleware.layerHttpApi(AppSessions, AppSession)),
 *   Layer.provide(Sessions.layerMemory(AppSession))
 * )
 * ```
 *
 * @since 3.0.0
 * @category middleware
 */
export const httpApi = <Self, Data, User>(
  definition: Declared<Self, Data, User>,
  options: { readonly transport?: Transport | undefined; readonly cookieName?: string | undefined } = {}
): {
  readonly provides: Declared<Self, Data, User>
  readonly failure: typeof Failure
  readonly security: { readonly session: HttpApiSecurity.HttpApiSecurity }
} => ({
  provides: definition,
  failure: Failure,
  security: securityOf(options.transport ?? "cookie", options.cookieName ?? "__Host-sid")
})

/**
 * The implementation of an `HttpApiMiddleware.Tag` that was declared with `httpApi`. Takes the manager and the cookie
 * policy from the layers it is built with. `transport` is the one that the tag was declared with. Fails with
 * `SessionConfigError` if the cookie carries another session already.
 *
 * @since 3.0.0
 * @category middleware
 */
export const layerHttpApi = <Id, Self, Data, User>(
  tag: Context.Tag<Id, {
    readonly session: (
      credential: HttpApiSecurity.HttpApiSecurity.Type<HttpApiSecurity.HttpApiSecurity>
    ) => Effect.Effect<Session.Handle<Data, User>, typeof Failure.Type, HttpRouter.HttpRouter.Provided>
  }>,
  definition: Declared<Self, Data, User>,
  options: Options = {}
): Layer.Layer<Id, SessionConfigError, Sessions.Sessions<Self> | SessionCookie.SessionCookie> =>
  Layer.effect(
    tag,
    Effect.map(doorIn(definition, options), (begin) => {
      const handle = Effect.zipRight(
        begin,
        Effect.contextWith((context: Context.Context<never>) => Context.unsafeGet(context, definition))
      )
      return bySchemes(() => handle)
    })
  )
