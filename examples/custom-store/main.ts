/** A visit counter over a store of its own, at http://localhost:3000: `node --import tsx examples/custom-store/main.ts` */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { App } from "./app.js"

NodeRuntime.runMain(Layer.launch(Layer.provide(App, NodeHttpServer.layer(createServer, { port: 3000 }))))
