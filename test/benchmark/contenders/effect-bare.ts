/** The bare Effect server: the routes of `effect-sessions.ts`, the same answers, no session. */
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { Effect, Layer, Option } from "effect"
import { bareSession, ok, userId, view } from "./common.mjs"
import { announced, launch } from "./effect-server.js"

/** Stands for the session, so that handlers that use one are generators here, too: that is not the session's cost. */
const session = {
  get: Effect.sync(() => bareSession),
  user: Effect.succeed(Option.none<string>()),
  count: Effect.sync(() => ++bareSession.count)
}

const read = Effect.gen(function*() {
  const data = yield* session.get
  const user = yield* session.user
  return HttpServerResponse.unsafeJson(view({ user: Option.getOrNull(user), count: data.count, items: data.items }))
})

const write = Effect.gen(function*() {
  const count = yield* session.count
  return HttpServerResponse.unsafeJson({ count })
})

const answer = (value: unknown) => Effect.sync(() => HttpServerResponse.unsafeJson(value))

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/ignore", answer(ok)),
  HttpRouter.get("/read", read),
  HttpRouter.post("/write", write),
  HttpRouter.post("/seed", answer(ok)),
  HttpRouter.post("/sign-in", answer({ user: userId })),
  HttpRouter.post("/sign-out", answer(ok))
)

launch(Layer.merge(HttpServer.serve(app), announced(Effect.succeed({}))))
