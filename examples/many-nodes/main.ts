import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Context, Effect, Layer, Ref } from "effect"
import { createServer } from "node:http"

class Readiness extends Context.Tag("Readiness")<Readiness, Ref.Ref<boolean>>() {
  static readonly layer = Layer.effect(Readiness, Ref.make(true))
}

const Ready = HttpLayerRouter.add(
  "GET",
  "/ready",
  Effect.map(
    Effect.flatMap(Readiness, Ref.get),
    (isReady) => HttpServerResponse.empty({ status: isReady ? 200 : 503 })
  )
)

/** Closed first: 1 and 2. The balancer of this app asks every second. */
const Draining = Layer.scopedDiscard(
  Effect.flatMap(
    Readiness,
    (isReady) => Effect.addFinalizer(() => Effect.zipRight(Ref.set(isReady, false), Effect.sleep("3 seconds")))
  )
)

const Main = Draining.pipe(
  Layer.provide(HttpLayerRouter.serve(Ready)), // and the routes of the app
  Layer.provide(
    NodeHttpServer.layer(() => Object.assign(createServer(), { keepAliveTimeout: 65_000 }), {
      port: Number(process.env["PORT"] ?? 3000)
    })
  ),
  // here the sessions, the cookie and the database, as in the README
  Layer.provide(Readiness.layer)
)

NodeRuntime.runMain(Layer.launch(Main))
