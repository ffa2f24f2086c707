/** The chat at http://localhost:3001: `node --import tsx examples/websocket/main.ts` */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { App } from "./app.js"

NodeRuntime.runMain(Layer.launch(Layer.provide(App, NodeHttpServer.layer(createServer, { port: 3001 }))))
