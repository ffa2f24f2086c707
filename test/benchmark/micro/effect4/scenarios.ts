/** The scenarios of the microbenchmark on Effect 4: see those of Effect 3. */
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { Headers, HttpEffect, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import {
  Session,
  SessionCookie,
  SessionMiddleware,
  Sessions,
  SessionTimeouts
} from "../../../../effect4/generated/src/index.js"

class BenchmarkSession extends Session.Tag<BenchmarkSession>()("BenchmarkSession", {
  data: Schema.Struct({ count: Schema.Number, text: Schema.String }),
  initial: { count: 0, text: "x".repeat(60) }
}) {}

const answer = HttpServerResponse.text("ok")

const ignore = HttpRouter.route("GET", "/ignore", Effect.succeed(answer))

const routes = HttpRouter.addAll([
  ignore,
  HttpRouter.route("GET", "/read", Effect.flatMap(BenchmarkSession, (session) => Effect.as(session.get, answer))),
  HttpRouter.route(
    "GET",
    "/write",
    Effect.flatMap(
      BenchmarkSession,
      (session) => Effect.as(session.update((data) => ({ ...data, count: data.count + 1 })), answer)
    )
  )
]).pipe(Layer.provide(SessionMiddleware.layerRouter(BenchmarkSession).layer))

const signingKey = Redacted.make("Zm9yIHRoZSBtaWNyb2JlbmNobWFyayBvbmx5LCBubyBzZWNyZXQ")

const cookies = {
  unsigned: SessionCookie.layer({ insecure: true }),
  signed: SessionCookie.layer({ insecure: true, signingKeys: [signingKey] })
}

const requestTo = (path: string, cookie: string | undefined): () => HttpServerRequest.HttpServerRequest => {
  const source = new Request(`http://localhost${path}`, cookie === undefined ? {} : { headers: { cookie } })
  const headers = { host: "localhost", accept: "*/*", ...(cookie === undefined ? {} : { cookie }) }
  return () => HttpServerRequest.fromWeb(source).modify({ headers: Headers.fromInput(headers) })
}

const makeScenarios = Effect.gen(function*() {
  const policy = yield* SessionCookie.SessionCookie
  const sessions = yield* BenchmarkSession.sessions
  const { id } = yield* sessions.create()
  const cookie = SessionCookie.write(policy, id, { expiresAt: Infinity, now: 0 })
  const valid = `theme=dark; ${cookie.name}=${cookie.value}`
  const forged = valid.slice(0, -1) + (valid.endsWith("A") ? "B" : "A")
  const bare = HttpEffect.toHandled(yield* HttpRouter.toHttpEffect(HttpRouter.addAll([ignore])), () => Effect.void)
  const served = HttpEffect.toHandled(yield* HttpRouter.toHttpEffect(routes), () => Effect.void)

  /** A fiber of its own for each request, as in a server: hooks are kept in its context. */
  const scenario = (app: typeof bare | typeof served, path: string, cookie: string | undefined) => {
    const request = requestTo(path, cookie)
    return () => Effect.runPromiseWith(Context.make(HttpServerRequest.HttpServerRequest, request()))(app)
  }

  return {
    bare: scenario(bare, "/ignore", valid),
    "no cookie": scenario(served, "/read", undefined),
    untouched: scenario(served, "/ignore", valid),
    read: scenario(served, "/read", valid),
    write: scenario(served, "/write", valid),
    forged: scenario(served, "/read", forged)
  }
})

const SessionsLive = Layer.provide(Sessions.layerMemory(BenchmarkSession), SessionTimeouts.layer())

export const scenariosOf = (name: keyof typeof cookies) =>
  Effect.runPromise(Effect.scoped(Effect.provide(makeScenarios, Layer.merge(SessionsLive, cookies[name]))))
