/** An app on the library's middleware. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as SessionCookie from "effect-sessions/SessionCookie"
import * as Sessions from "effect-sessions/Sessions"
import * as SessionTimeouts from "effect-sessions/SessionTimeouts"
import * as Config from "effect/Config"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { environment, storeOf } from "../support/environment.js"
import { announce, routes } from "../support/routes.js"
import { Ledger } from "../support/session.js"

const variables = environment()
const { MAX_PER_USER, TOUCH_INTERVAL } = variables

const Live = Layer.effectDiscard(announce).pipe(
  Layer.provideMerge(HttpLayerRouter.serve(routes, { disableLogger: true, disableListenLog: true })),
  Layer.provide(
    NodeHttpServer.layer(() => createServer({ keepAliveTimeout: 600_000 }), { port: 0, host: "127.0.0.1" })
  ),
  Layer.provide(Sessions.layerWith(Ledger, {
    endedInterval: "500 millis",
    maxPerUser: MAX_PER_USER === "" ? undefined : Number(MAX_PER_USER)
  })),
  Layer.provide(storeOf(variables)),
  Layer.provide(SessionTimeouts.layerConfig({
    touchInterval: Config.succeed(TOUCH_INTERVAL).pipe(Config.mapAttempt((text) => Number(text)))
  })),
  Layer.provide(SessionCookie.layer({ insecure: true }))
)

NodeRuntime.runMain(Layer.launch(Live))
