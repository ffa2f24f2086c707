/** What does not compile says what is missing: the service or the property that has to be added stands in the message. */
import { assert, beforeAll, describe, test } from "vitest"
import { ask } from "./ask.js"
import type { Case } from "./complaints.js"
import { onClassicRouter } from "./onClassicRouter.js"

const preamble = `
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware } from "@effect/platform"
import { HttpLayerRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import {
  Session, SessionCookie, SessionCsrf, SessionGuard, SessionMiddleware, Sessions, SessionTimeouts
} from "effect-sessions"
import { Effect, Layer, Option, Schema } from "effect"

class App extends Session.Tag<App>()("App", { data: Schema.Struct({ visits: Schema.Number }), initial: { visits: 0 } }) {}
class Admin extends Session.Tag<Admin>()("Admin", { data: Schema.Struct({}), initial: {} }) {}

declare const ServerLive: Layer.Layer<HttpServer.HttpServer>
const complete = <A, E>(_layer: Layer.Layer<A, E, HttpLayerRouter.HttpRouter | HttpServer.HttpServer>): void => void 0
const page = Effect.map(App, () => HttpServerResponse.empty())
const guard = SessionGuard.required(App, () => Effect.succeed(Option.some("ann")))
const guarded = Effect.zipRight(guard, page)
const SessionsLive = Sessions.layerMemory(App).pipe(Layer.provide(SessionTimeouts.layer()))
const CookieLive = SessionCookie.layer()
const CsrfLive = SessionCsrf.layer()

// Apps that are served by themselves
const around = SessionMiddleware.httpRouter(App)

// HttpLayerRouter
const routes = HttpLayerRouter.add("GET", "/", page)
const managing = HttpLayerRouter.add("GET", "/", Effect.zipRight(App.sessions, page))
const sessions = SessionMiddleware.layerRouter(App)

// HttpApi
class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()("AppSessions", SessionMiddleware.httpApi(App)) {}
class Api extends HttpApi.make("api")
  .add(HttpApiGroup.make("pages").add(HttpApiEndpoint.get("page", "/")))
  .middleware(AppSessions)
{}
const api = HttpApiBuilder.api(Api).pipe(
  Layer.provide(HttpApiBuilder.group(Api, "pages", (handlers) => handlers.handle("page", () => Effect.void))),
  Layer.provide(HttpServer.layerContext)
)
const sessionsOfApi = SessionMiddleware.layerHttpApi(AppSessions, App)
`

/** What is written, and what the message has to name. */
const everywhere: ReadonlyArray<Case> = [
  [
    "a complete app",
    "complete(HttpServer.serve(guarded.pipe(SessionCsrf.protect(App), around)).pipe(Layer.provide([SessionsLive, CookieLive, CsrfLive])))",
    /^$/
  ],
  [
    "a complete app on HttpLayerRouter",
    "complete(routes.pipe(Layer.provide(sessions.layer), Layer.provide([SessionsLive, CookieLive])))",
    /^$/
  ],
  [
    "a complete app on HttpApi",
    "complete(api.pipe(Layer.provide(sessionsOfApi), Layer.provide([SessionsLive, CookieLive])))",
    /^$/
  ],
  [
    "a handler without the middleware",
    "complete(HttpServer.serve(page).pipe(Layer.provide([SessionsLive, CookieLive])))",
    /Type 'App' is not assignable/
  ],
  [
    "a handler without the middleware, on HttpLayerRouter",
    "complete(routes.pipe(Layer.provide([SessionsLive, CookieLive])))",
    /Request<"Requires", App>/
  ],
  [
    "a handler without the middleware, on HttpLayerRouter, served",
    "Layer.launch(HttpLayerRouter.serve(routes.pipe(Layer.provide([SessionsLive, CookieLive]))).pipe(Layer.provide(ServerLive))) satisfies Effect.Effect<never, unknown>",
    /Type 'App' is not assignable/
  ],
  [
    "a handler without the middleware, on HttpApi",
    "complete(api.pipe(Layer.provide([SessionsLive, CookieLive])))",
    /Type 'AppSessions' is not assignable/
  ],
  [
    "a guard outside the middleware",
    "complete(HttpServer.serve(Effect.zipRight(guard, around(page))).pipe(Layer.provide([SessionsLive, CookieLive])))",
    /Type 'App' is not assignable/
  ],
  [
    "a guard outside the middleware, on HttpLayerRouter",
    "export const wrong = HttpLayerRouter.middleware((route) => Effect.zipRight(guard, route)).layer.pipe(Layer.provide(SessionsLive))",
    /Need to \.combine\(middleware\)/
  ],
  [
    "CSRF protection outside the middleware",
    "complete(HttpServer.serve(page.pipe(around, SessionCsrf.protect(App))).pipe(Layer.provide([SessionsLive, CookieLive, CsrfLive])))",
    /Type 'App' is not assignable/
  ],
  [
    "CSRF protection outside the middleware, on HttpLayerRouter",
    "export const wrong = SessionCsrf.layerRouter(App).layer.pipe(Layer.provide(CsrfLive))",
    /Need to \.combine\(middleware\)/
  ],
  [
    "CSRF protection without its settings",
    "complete(HttpServer.serve(page.pipe(SessionCsrf.protect(App), around)).pipe(Layer.provide([SessionsLive, CookieLive])))",
    /Type 'SessionCsrf' is not assignable/
  ],
  [
    "data of another type",
    "export const wrong = Effect.flatMap(App, (session) => session.update(() => ({ visits: 'many' })))",
    /Type 'string' is not assignable to type 'number'/
  ],
  [
    "data without a property",
    "export const wrong = Effect.flatMap(App, (session) => session.set({}))",
    /Property 'visits' is missing/
  ],
  [
    "data with a property that none declared",
    "export const wrong = Effect.flatMap(App, (session) => session.set({ visits: 1, cart: [] }))",
    /'cart' does not exist/
  ],
  [
    "initial data of another type",
    "class Bad extends Session.Tag<Bad>()('Bad', { data: Schema.Struct({ n: Schema.Number }), initial: { n: '0' } }) {}\nvoid Bad",
    /Type 'string' is not assignable to type 'number'/
  ],
  [
    "no timeouts",
    "complete(routes.pipe(Layer.provide(sessions.layer), Layer.provide([Sessions.layerMemory(App), CookieLive])))",
    /Type 'SessionTimeouts' is not assignable/
  ],
  [
    "no store",
    "complete(routes.pipe(Layer.provide(sessions.layer), Layer.provide([Sessions.layer(App).pipe(Layer.provide(SessionTimeouts.layer())), CookieLive])))",
    /Type 'SessionStore' is not assignable/
  ],
  [
    "no cookie",
    "complete(routes.pipe(Layer.provide(sessions.layer), Layer.provide(SessionsLive)))",
    /Type 'SessionCookie' is not assignable/
  ],
  [
    "no manager",
    "complete(routes.pipe(Layer.provide(sessions.layer), Layer.provide(CookieLive)))",
    /Sessions<App>/
  ],
  [
    "a handler that asks for the manager that its routes alone have",
    "const served = HttpLayerRouter.serve(managing.pipe(Layer.provide(sessions.layer), Layer.provide([SessionsLive, CookieLive])))\ncomplete(served)",
    /Type 'Sessions<App>' is not assignable/
  ],
  [
    "a handler that asks for the manager that is beneath what serves it",
    "const served = HttpLayerRouter.serve(managing.pipe(Layer.provide(sessions.layer))).pipe(Layer.provide([SessionsLive, CookieLive]))\ncomplete(served)",
    /^$/
  ],
  [
    "the middleware of another declaration",
    "complete(routes.pipe(Layer.provide(SessionMiddleware.layerRouter(Admin).layer), Layer.provide([SessionsLive, CookieLive])))",
    /Request<"Requires", App>|Sessions<Admin>/
  ],
  [
    "the manager of another declaration",
    "complete(routes.pipe(Layer.provide(sessions.layer), Layer.provide([Sessions.layerMemory(Admin).pipe(Layer.provide(SessionTimeouts.layer())), CookieLive])))",
    /Sessions<App>/
  ],
  [
    "the middleware of apps on HttpLayerRouter",
    "complete(routes.pipe(Layer.provide(around), Layer.provide([SessionsLive, CookieLive])))",
    /'HttpRouterMiddleware<App>' is not assignable to parameter of type 'Layer</
  ],
  [
    "the layer of the middleware of apps, which has none",
    "complete(routes.pipe(Layer.provide(around.layer), Layer.provide([SessionsLive, CookieLive])))",
    /'layer' does not exist on type 'HttpRouterMiddleware<App>'/
  ],
  [
    "the middleware of apps on HttpApi",
    "complete(api.pipe(Layer.provide(around), Layer.provide([SessionsLive, CookieLive])))",
    /'HttpRouterMiddleware<App>' is not assignable to parameter of type 'Layer</
  ],
  [
    "the middleware of HttpLayerRouter around an app",
    "export const wrong = page.pipe(sessions)",
    /'LayerRouterMiddleware<App>' is not assignable to parameter of type '\(_: Effect<HttpServerResponse/
  ],
  [
    "the middleware of HttpLayerRouter without its layer",
    "complete(routes.pipe(Layer.provide(sessions), Layer.provide([SessionsLive, CookieLive])))",
    /'LayerRouterMiddleware<App>' is not assignable to parameter of type 'Layer</
  ],
  [
    "the middleware of HttpLayerRouter on HttpApi",
    "complete(api.pipe(Layer.provide(sessions.layer), Layer.provide([SessionsLive, CookieLive])))",
    /Type 'AppSessions' is not assignable/
  ],
  [
    "the middleware of HttpApi on HttpLayerRouter",
    "complete(routes.pipe(Layer.provide(sessionsOfApi), Layer.provide([SessionsLive, CookieLive])))",
    /Request<"Requires", App>/
  ]
]

const cases: ReadonlyArray<Case> = [
  ...everywhere,
  ...onClassicRouter.map(([what, code, says]): Case => [`${what}, on the classic router`, code, says])
]

const fileOf = (index: number): string => `test/types/message_${index}.example.ts`

let said: ReadonlyArray<ReadonlyArray<string>> = []

beforeAll(async () => {
  const written = cases.map(([, code], index) => [
    fileOf(index),
    `${preamble}\nvoid [around, guarded, routes, sessions, api, sessionsOfApi, CsrfLive, CookieLive, SessionsLive]\n${code}\n`
  ])
  said = JSON.parse(await ask("complaints.ts", JSON.stringify(written)))
})

describe("What the compiler says of", () => {
  for (const [index, [what, , says]] of cases.entries()) {
    test(`${what}: ${says.source}`, () => {
      const messages = said[index] ?? []
      if (says.source === "^$") return assert.deepStrictEqual(messages, [])
      assert.isNotEmpty(messages, "it compiles")
      assert.match(messages.join("\n"), says)
    })
  }
})
