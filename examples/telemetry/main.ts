/**
 * A cart whose spans, metrics and logs go to an OpenTelemetry collector, over OTLP.
 *
 * `OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 node --import tsx examples/telemetry/main.ts`
 */
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
  initial: { cart: [] }
}) {}

const home = Effect.gen(function*() {
  const session = yield* AppSession
  return HttpServerResponse.unsafeJson(yield* session.get)
})

// In the body: what is in a URL is in the span of the request.
const addToCart = Effect.gen(function*() {
  const { item } = yield* HttpServerRequest.schemaBodyJson(Schema.Struct({ item: Schema.String }))
  const session = yield* AppSession
  yield* session.update(({ cart }) => ({ cart: [...cart, item] }))
  return HttpServerResponse.empty()
})

const signIn = Effect.gen(function*() {
  const { user } = yield* HttpServerRequest.schemaBodyJson(Schema.Struct({ user: Schema.String }))
  const session = yield* AppSession
  yield* session.signIn(user, { carry: (data) => data }) // check a password first
  return HttpServerResponse.empty()
})

const signOut = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.empty()
})

const Routes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/", home),
  HttpLayerRouter.route("POST", "/cart", addToCart),
  HttpLayerRouter.route("POST", "/sign-in", signIn),
  HttpLayerRouter.route("POST", "/sign-out", signOut)
]).pipe(
  Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
  Layer.provide(Sessions.layerWith(AppSession, { spans: true })),
  Layer.provide(SessionStore.layerMemory),
  Layer.provide(SessionTimeouts.layer({ idle: "30 minutes", absolute: "7 days" })),
  Layer.provide(SessionCookie.layer({ insecure: true }))
)

const ServerLive = NodeHttpServer.layerConfig(() => createServer(), {
  port: Config.withDefault(Config.integer("PORT"), 3000)
})

/** Under the names and with the defaults of OpenTelemetry; intervals are in milliseconds. */
const TelemetryLive = Layer.unwrapEffect(Effect.map(
  Config.all({
    baseUrl: Config.withDefault(Config.string("OTEL_EXPORTER_OTLP_ENDPOINT"), "http://localhost:4318"),
    tracerExportInterval: Config.withDefault(Config.integer("OTEL_BSP_SCHEDULE_DELAY"), 5_000),
    metricsExportInterval: Config.withDefault(Config.integer("OTEL_METRIC_EXPORT_INTERVAL"), 60_000)
  }),
  (settings) => Otlp.layerJson({ ...settings, resource: { serviceName: "shop" } })
)).pipe(Layer.provide(FetchHttpClient.layer))

const Main = HttpLayerRouter.serve(Routes).pipe(
  Layer.provide(ServerLive),
  Layer.provide(TelemetryLive) // last: it sends what the last request has left behind
)

NodeRuntime.runMain(Layer.launch(Main))
