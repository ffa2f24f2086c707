import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { type Session, SessionCookie, type SessionError, SessionMiddleware, type Sessions } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { addNote, type App, AppSession, increment, use, webHandler } from "../../support/app.js"

/** What every page of the app tells. */
const Page = Schema.Struct({ count: Schema.Number, user: Schema.NullOr(Schema.String) })

type Logic = Effect.Effect<typeof Page.Type, Session.StageError | Sessions.CommitError, AppSession>

const page = use((session) =>
  Effect.zipWith(session.get, session.user, ({ count }, user) => ({ count, user: Option.getOrNull(user) }))
)

const then = (f: Parameters<typeof use>[0]) => Effect.zipRight(Effect.orDie(use(f)), page)

/** The pages of the app: what they do, whatever the router. */
const pages = (app: App): Readonly<Record<Name, Logic>> => ({
  read: page,
  ignore: Effect.succeed({ count: -1, user: null }),
  increment: then((session) => session.update(increment)),
  rotate: then((session) => session.rotate),
  signIn: then((session) => session.signIn("ada")),
  signOut: then((session) => session.signOut),
  all: then((session) =>
    Effect.all([session.update(addNote("x")), session.commit, session.rotate, session.commit, session.destroy])
  ),
  fail: Effect.zipRight(then((session) => session.update(increment)), Effect.die("broken")),
  gone: Effect.zipLeft(then((session) => session.update(increment)), Effect.orDie(app.sessions.clear))
})

const names = ["read", "ignore", "increment", "rotate", "signIn", "signOut", "all", "fail", "gone"] as const

export type Name = typeof names[number]

export type Handle = (request: Request) => Promise<Response>

/** Like `webHandler`, for apps that take the scope of the request. */
const scopedWebHandler = <E>(app: HttpApp.Default<E, Scope.Scope>) =>
  Effect.map(Effect.runtime<never>(), (runtime) => HttpApp.toWebHandlerRuntime(runtime)(app))

type Make = (app: App) => Effect.Effect<Handle, SessionError.SessionConfigError, Scope.Scope>

const toResponse = (logic: Logic) => Effect.map(logic, (page) => HttpServerResponse.unsafeJson(page))

/** What the middleware of the app needs, with its store and by the clock of the test. */
export const contextOf = (app: App) => Context.add(app.context, SessionCookie.SessionCookie, app.policy)

const layerOf = (app: App) => Layer.succeedContext(contextOf(app))

const httpRouter: Make = (app) =>
  webHandler(
    names.reduce<HttpRouter.HttpRouter<unknown, AppSession>>(
      (router, name) => HttpRouter.get(router, `/${name}`, toResponse(pages(app)[name])),
      HttpRouter.empty
    ).pipe(
      HttpRouter.use(SessionMiddleware.httpRouter(AppSession)),
      Effect.provide(contextOf(app))
    )
  )

const httpLayerRouter: Make = (app) =>
  Effect.flatMap(
    HttpLayerRouter.toHttpEffect(
      HttpLayerRouter.addAll(
        names.map((name) => HttpLayerRouter.route("GET", `/${name}`, Effect.orDie(toResponse(pages(app)[name]))))
      ).pipe(
        Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
        Layer.provide(layerOf(app))
      )
    ),
    scopedWebHandler
  )

export class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()(
  "AppSessions",
  SessionMiddleware.httpApi(AppSession)
) {}

const endpoint = <const N extends Name>(name: N) => HttpApiEndpoint.get(name, `/${name}`).addSuccess(Page)

export class Api extends HttpApi.make("api")
  .add(
    HttpApiGroup.make("pages")
      .add(endpoint("read"))
      .add(endpoint("ignore"))
      .add(endpoint("increment"))
      .add(endpoint("rotate"))
      .add(endpoint("signIn"))
      .add(endpoint("signOut"))
      .add(endpoint("all"))
      .add(endpoint("fail"))
      .add(endpoint("gone"))
  )
  .middleware(AppSessions)
{}

const apiPages = (app: App) => {
  const logic = pages(app)
  return HttpApiBuilder.group(Api, "pages", (handlers) =>
    handlers
      .handle("read", () => Effect.orDie(logic.read))
      .handle("ignore", () => Effect.orDie(logic.ignore))
      .handle("increment", () => Effect.orDie(logic.increment))
      .handle("rotate", () => Effect.orDie(logic.rotate))
      .handle("signIn", () => Effect.orDie(logic.signIn))
      .handle("signOut", () => Effect.orDie(logic.signOut))
      .handle("all", () => Effect.orDie(logic.all))
      .handle("fail", () => Effect.orDie(logic.fail))
      .handle("gone", () => Effect.orDie(logic.gone)))
}

const apiMiddleware = (app: App) => Layer.provide(SessionMiddleware.layerHttpApi(AppSessions, AppSession), layerOf(app))

const httpApi: Make = (app) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        HttpApiBuilder.toWebHandler(
          Layer.mergeAll(
            HttpApiBuilder.api(Api).pipe(Layer.provide(apiPages(app)), Layer.provide(apiMiddleware(app))),
            HttpServer.layerContext
          )
        )
      ),
      ({ dispose }) => Effect.promise(dispose)
    ),
    ({ handler }) => handler
  )

const mountedHttpApi: Make = (app) =>
  Effect.flatMap(
    HttpLayerRouter.toHttpEffect(
      HttpLayerRouter.addHttpApi(Api).pipe(
        Layer.provide(apiPages(app)),
        Layer.provide(apiMiddleware(app)),
        Layer.provide(HttpServer.layerContext)
      )
    ),
    scopedWebHandler
  )

const plain: Make = (app) => {
  const logic = pages(app)
  const dispatch: HttpApp.Default<unknown, AppSession> = Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    (request) => {
      const name = names.find((name) => request.url === `/${name}`)
      return name === undefined ? HttpServerResponse.empty({ status: 404 }) : toResponse(logic[name])
    }
  )
  return webHandler(
    SessionMiddleware.httpRouter(AppSession)(dispatch).pipe(
      Effect.provide(contextOf(app))
    )
  )
}

/** The same app behind every front door. */
export const doors: Readonly<Record<string, Make>> = {
  "HttpRouter": httpRouter,
  "HttpLayerRouter": httpLayerRouter,
  "HttpApi, through HttpApiBuilder.toWebHandler": httpApi,
  "HttpApi, mounted with HttpLayerRouter.addHttpApi": mountedHttpApi,
  "a plain web handler": plain
}
