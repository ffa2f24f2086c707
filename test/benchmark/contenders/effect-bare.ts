/** The bare Effect server: the routes of `effect-sessions.ts`, the same answers, no session. */
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { Effect, Layer } from "effect"
import { bareSession, ok, userId, view } from "./common.mjs"
import { announced, launch } from "./effect-server.js"

const answer = (value: () => unknown) => Effect.sync(() => HttpServerResponse.unsafeJson(value()))

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/ignore", answer(() => ok)),
  HttpRouter.get("/read", answer(() => view(bareSession))),
  HttpRouter.post("/write", answer(() => ({ count: ++bareSession.count }))),
  HttpRouter.post("/seed", answer(() => ok)),
  HttpRouter.post("/sign-in", answer(() => ({ user: userId }))),
  HttpRouter.post("/sign-out", answer(() => ok))
)

launch(Layer.merge(HttpServer.serve(app), announced(Effect.succeed({}))))
