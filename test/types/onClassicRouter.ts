import type { Case } from "./complaints.js"

const router = `import { HttpRouter } from "@effect/platform"
const classic = HttpRouter.get(HttpRouter.empty, "/", page)
`

/** What is wrong on the classic router, which has types of its own for what is around a router. */
export const onClassicRouter: ReadonlyArray<Case> = [
  [
    "a complete app",
    `${router}complete(HttpServer.serve(HttpRouter.use(classic, around)).pipe(Layer.provide([SessionsLive, CookieLive])))`,
    /^$/
  ],
  [
    "a handler without the middleware",
    `${router}complete(HttpServer.serve(classic).pipe(Layer.provide([SessionsLive, CookieLive])))`,
    /Type 'App' is not assignable/
  ],
  [
    "a guard outside the middleware",
    `${router}complete(HttpServer.serve(classic.pipe(HttpRouter.use(around), HttpRouter.use((app) => Effect.zipRight(guard, app)))).pipe(Layer.provide([SessionsLive, CookieLive])))`,
    /Type 'App' is not assignable/
  ],
  [
    "CSRF protection outside the middleware",
    `${router}complete(HttpServer.serve(classic.pipe(HttpRouter.use(around), HttpRouter.use(SessionCsrf.protect(App)))).pipe(Layer.provide([SessionsLive, CookieLive, CsrfLive])))`,
    /Type 'App' is not assignable/
  ],
  [
    "CSRF protection without its settings",
    `${router}complete(HttpServer.serve(classic.pipe(HttpRouter.use(SessionCsrf.protect(App)), HttpRouter.use(around))).pipe(Layer.provide([SessionsLive, CookieLive])))`,
    /Type 'SessionCsrf' is not assignable/
  ],
  [
    "the middleware of HttpLayerRouter",
    `${router}export const wrong = classic.pipe(HttpRouter.use(sessions))`,
    /'LayerRouterMiddleware<App>' is not assignable to parameter of type '\(self: Middleware<never, App>\)/
  ],
  [
    "the layer of the middleware of HttpLayerRouter",
    `${router}export const wrong = classic.pipe(HttpRouter.use(sessions.layer))`,
    /'Layer<Request<"Requires", App>.*' is not assignable to parameter of type '\(self: Middleware<never, App>\)/
  ]
]
