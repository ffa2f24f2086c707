/** A cart and a sign-in, in one file, at http://localhost:3000: `node --import tsx examples/quick-start/main.ts` */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
  initial: { cart: [] } // a visitor's, never stored until changed
}) {}

const home = Effect.gen(function*() {
  const session = yield* AppSession
  const user = Option.getOrNull(yield* session.user)
  return HttpServerResponse.unsafeJson({ user, ...(yield* session.get) })
})

const addToCart = Effect.gen(function*() {
  const { item } = yield* HttpLayerRouter.schemaPathParams(Schema.Struct({ item: Schema.String }))
  const session = yield* AppSession
  yield* session.update(({ cart }) => ({ cart: [...cart, item] }))
  return HttpServerResponse.unsafeJson(yield* session.get)
})

const signIn = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signIn("ann", { carry: (data) => data }) // check a password first
  return HttpServerResponse.empty()
})

const signOut = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.empty()
})

const Routes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/", home),
  HttpLayerRouter.route("POST", "/cart/:item", addToCart),
  HttpLayerRouter.route("POST", "/sign-in", signIn),
  HttpLayerRouter.route("POST", "/sign-out", signOut)
]).pipe(
  Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
  Layer.provide(Sessions.layerMemory(AppSession)), // where sessions are kept
  Layer.provide(SessionTimeouts.layer({ idle: "30 minutes", absolute: "7 days" })), // how long they live
  Layer.provide(SessionCookie.layer({ insecure: true })) // how the id travels: over plain http, for a try on this machine
)

const ServerLive = NodeHttpServer.layerConfig(() => createServer(), {
  port: Config.withDefault(Config.integer("PORT"), 3000)
})

NodeRuntime.runMain(Layer.launch(Layer.provide(HttpLayerRouter.serve(Routes), ServerLive)))
