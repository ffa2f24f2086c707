/** Accounts as an HttpApi, at http://localhost:3000/openapi.json: `node --import tsx examples/http-api/main.ts` */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { App } from "./app.js"

NodeRuntime.runMain(Layer.launch(Layer.provide(App, NodeHttpServer.layer(createServer, { port: 3000 }))))
