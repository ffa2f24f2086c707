/**
 * Settings that are left out or misplaced do not compile (H1). `npm run check` compiles this file; nothing runs it. A line
 * under `@ts-expect-error` that compiles is an error.
 */
import { NodeHttpServer } from "@effect/platform-node"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import {
  Session,
  SessionCookie,
  SessionCsrf,
  SessionError,
  SessionEvents,
  SessionGuard,
  SessionMiddleware,
  Sessions,
  SessionStore,
  SessionTimeouts
} from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Http from "node:http"

class App extends Session.Tag<App>()("App", { data: Schema.Struct({}), initial: {} }) {}

/** What is complete: nothing is left to provide. */
const complete = <A, E>(_layer: Layer.Layer<A, E>): void => void 0

const TimeoutsLive = SessionTimeouts.layer({ idle: "30 minutes" })
const CookieLive = SessionCookie.layer({ sameSite: "strict" })
const CsrfLive = SessionCsrf.layer({ origins: ["https://example.com"] })
const ServerLive = NodeHttpServer.layer(() => Http.createServer(), { port: 0 })

// The manager needs timeouts and, but for that in memory, a store.

complete(Sessions.layerMemory(App).pipe(Layer.provide(TimeoutsLive)))
complete(Sessions.layer(App).pipe(Layer.provide([TimeoutsLive, SessionStore.layerMemory])))
complete(Sessions.layerMemory(App).pipe(Layer.provide(SessionTimeouts.layer())))

// @ts-expect-error without timeouts
complete(Sessions.layerMemory(App))
// @ts-expect-error without timeouts
complete(Sessions.layer(App).pipe(Layer.provide(SessionStore.layerMemory)))
// @ts-expect-error timeouts beside the manager
complete(Layer.mergeAll(Sessions.layerMemory(App), TimeoutsLive, CookieLive))
// @ts-expect-error timeouts beneath something else
complete(Layer.mergeAll(Sessions.layerMemory(App), Layer.provide(CookieLive, TimeoutsLive)))
// @ts-expect-error the manager beneath the timeouts
complete(TimeoutsLive.pipe(Layer.provideMerge(Sessions.layerMemory(App))))
// @ts-expect-error a cookie is no timeout
complete(Sessions.layerMemory(App).pipe(Layer.provide(CookieLive)))

// A manager that publishes what happens needs the events.

const EventfulLive = Sessions.layerWith(App, { events: true, maxPerUser: 5 }).pipe(
  Layer.provide([TimeoutsLive, SessionStore.layerMemory])
)
complete(EventfulLive.pipe(Layer.provide(SessionEvents.layer)))
// @ts-expect-error without events
complete(EventfulLive)
// @ts-expect-error events beside the manager
complete(Layer.merge(EventfulLive, SessionEvents.layer))
complete(Sessions.layerWith(App, { maxPerUser: 5 }).pipe(Layer.provide([TimeoutsLive, SessionStore.layerMemory])))

const SessionsLive = Sessions.layerMemory(App).pipe(Layer.provide(TimeoutsLive))

// The classic router needs the manager and the cookie.

const page = Effect.map(App, () => HttpServerResponse.empty())
const router = HttpRouter.empty.pipe(HttpRouter.get("/", page), HttpRouter.use(SessionMiddleware.httpRouter(App)))
const served = Layer.provide(HttpServer.serve(router), ServerLive)

complete(served.pipe(Layer.provide([SessionsLive, CookieLive])))
complete(served.pipe(Layer.provide([SessionsLive, SessionCookie.layer()])))

// @ts-expect-error without a manager
complete(served.pipe(Layer.provide(CookieLive)))
// @ts-expect-error without a cookie
complete(served.pipe(Layer.provide(SessionsLive)))
// @ts-expect-error the cookie provided to the manager only
complete(served.pipe(Layer.provide(Layer.provide(SessionsLive, CookieLive))))
// @ts-expect-error the cookie beside the server
complete(Layer.mergeAll(served.pipe(Layer.provide(SessionsLive)), CookieLive))
// @ts-expect-error timeouts beside the manager, both beneath the server
complete(served.pipe(Layer.provide(Layer.mergeAll(Sessions.layerMemory(App), TimeoutsLive, CookieLive))))
// @ts-expect-error without the session middleware
complete(HttpServer.serve(HttpRouter.get(HttpRouter.empty, "/", page)).pipe(Layer.provide([ServerLive, SessionsLive])))

// HttpLayerRouter takes both where its middleware is built.

const routes = HttpLayerRouter.add("GET", "/", page)
const sessionsOfRoutes = SessionMiddleware.layerRouter(App).layer
const layerServed = <A, E, R>(app: Layer.Layer<A, E, R>) => Layer.provide(HttpLayerRouter.serve(app), ServerLive)

complete(layerServed(routes.pipe(Layer.provide(sessionsOfRoutes), Layer.provide([SessionsLive, CookieLive]))))

// @ts-expect-error without a cookie
complete(layerServed(routes.pipe(Layer.provide(sessionsOfRoutes), Layer.provide(SessionsLive))))
// @ts-expect-error settings beside the layer of the middleware
complete(layerServed(routes.pipe(Layer.provide([sessionsOfRoutes, SessionsLive, CookieLive]))))
complete(
  // @ts-expect-error the cookie provided to the manager only
  layerServed(routes.pipe(Layer.provide(sessionsOfRoutes), Layer.provide(Layer.provide(SessionsLive, CookieLive))))
)
// @ts-expect-error without the session middleware
complete(layerServed(routes.pipe(Layer.provide([SessionsLive, CookieLive]))))

// HttpApi does so, too.

class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()("AppSessions", SessionMiddleware.httpApi(App)) {}
class Api extends HttpApi.make("api").middleware(AppSessions) {}
const api = HttpApiBuilder.api(Api)
const sessionsOfApi = SessionMiddleware.layerHttpApi(AppSessions, App)

complete(api.pipe(Layer.provide(sessionsOfApi), Layer.provide([SessionsLive, CookieLive])))

// @ts-expect-error without a cookie
complete(api.pipe(Layer.provide(sessionsOfApi), Layer.provide(SessionsLive)))
// @ts-expect-error settings beside the layer of the middleware
complete(api.pipe(Layer.provide([sessionsOfApi, SessionsLive, CookieLive])))

// CSRF protection needs to be told how to protect.

const protectedRouter = HttpRouter.empty.pipe(
  HttpRouter.post("/", page),
  HttpRouter.use(SessionCsrf.protect(App)),
  HttpRouter.use(SessionMiddleware.httpRouter(App))
)
const protectedServed = HttpServer.serve(protectedRouter).pipe(Layer.provide([ServerLive, SessionsLive, CookieLive]))

complete(protectedServed.pipe(Layer.provide(CsrfLive)))
complete(layerServed(
  routes.pipe(
    Layer.provide(SessionCsrf.layerRouter(App).combine(SessionMiddleware.layerRouter(App)).layer),
    Layer.provide([SessionsLive, CookieLive, CsrfLive])
  )
))

// @ts-expect-error without its settings
complete(protectedServed)
// @ts-expect-error its settings beside the server
complete(Layer.mergeAll(protectedServed, CsrfLive))
const wrongOrder = HttpRouter.empty.pipe(
  HttpRouter.post("/", page),
  HttpRouter.use(SessionMiddleware.httpRouter(App)),
  HttpRouter.use(SessionCsrf.protect(App))
)
// @ts-expect-error outside the session middleware
complete(HttpServer.serve(wrongOrder).pipe(Layer.provide([ServerLive, SessionsLive, CookieLive, CsrfLive])))
// @ts-expect-error without being combined with the session middleware
Layer.provide(routes, SessionCsrf.layerRouter(App).layer)

// Guards implement middleware of an HttpApi (G4), which must provide what they do and declare what they fail with.

class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly name: string }>() {}
class Users extends Context.Tag("Users")<Users, ReadonlyMap<string, { readonly name: string }>>() {}

const guard = SessionGuard.required(App, (id) => Effect.map(Users, (users) => Option.fromNullable(users.get(id))))

class RequireUser extends HttpApiMiddleware.Tag<RequireUser>()("RequireUser", {
  provides: CurrentUser,
  failure: Schema.Union(SessionError.SessionUnauthenticated, SessionMiddleware.Failure)
}) {}
class Undeclared extends HttpApiMiddleware.Tag<Undeclared>()("Undeclared", {
  provides: CurrentUser,
  failure: SessionMiddleware.Failure
}) {}
class Unlike extends HttpApiMiddleware.Tag<Unlike>()("Unlike", {
  provides: Users,
  failure: Schema.Union(SessionError.SessionUnauthenticated, SessionMiddleware.Failure)
}) {}

const requireUser: Layer.Layer<RequireUser, never, AppSessions | Users> = SessionGuard.layerHttpApi(
  RequireUser,
  AppSessions,
  guard
)
complete(
  requireUser.pipe(
    Layer.provide([sessionsOfApi, Layer.succeed(Users, new Map())]),
    Layer.provide([SessionsLive, CookieLive])
  )
)

// @ts-expect-error an error that is not declared
SessionGuard.layerHttpApi(Undeclared, AppSessions, guard)
// @ts-expect-error another service than the one that is declared
SessionGuard.layerHttpApi(Unlike, AppSessions, guard)
// @ts-expect-error without the sessions of the API
complete(requireUser.pipe(Layer.provide([Layer.succeed(Users, new Map()), SessionsLive, CookieLive])))
// @ts-expect-error without what the guard loads users from
complete(requireUser.pipe(Layer.provide(sessionsOfApi), Layer.provide([SessionsLive, CookieLive])))
