/** The bare Effect 4 server: the routes of `sessions.ts`, the same answers, no session. */
import { Effect, Layer, Option } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { bareSession, ok, userId, view } from "../common.mjs"
import { announced, launch, silent } from "./server.js"

/** Stands for the session, so that handlers that use one are generators here, too: that is not the session's cost. */
const session = {
  get: Effect.sync(() => bareSession),
  user: Effect.succeed(Option.none<string>()),
  count: Effect.sync(() => ++bareSession.count)
}

const read = Effect.gen(function*() {
  const data = yield* session.get
  const user = yield* session.user
  return HttpServerResponse.jsonUnsafe(view({ user: Option.getOrNull(user), count: data.count, items: data.items }))
})

const write = Effect.gen(function*() {
  const count = yield* session.count
  return HttpServerResponse.jsonUnsafe({ count })
})

const answer = (value: unknown) => Effect.sync(() => HttpServerResponse.jsonUnsafe(value))

const routes = HttpRouter.addAll([
  HttpRouter.route("GET", "/ignore", answer(ok)),
  HttpRouter.route("GET", "/read", read),
  HttpRouter.route("POST", "/write", write),
  HttpRouter.route("POST", "/seed", answer(ok)),
  HttpRouter.route("POST", "/sign-in", answer({ user: userId })),
  HttpRouter.route("POST", "/sign-out", answer(ok))
])

launch(Layer.merge(HttpRouter.serve(routes, silent), announced(Effect.succeed({}))))
