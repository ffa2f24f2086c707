import * as Headers from "@effect/platform/Headers"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "../../../src/index.js"

class BenchmarkSession extends Session.Tag<BenchmarkSession>()("BenchmarkSession", {
  data: Schema.Struct({ count: Schema.Number, text: Schema.String }),
  initial: { count: 0, text: "x".repeat(60) }
}) {}

const answer = HttpServerResponse.text("ok")

const routes = HttpRouter.empty.pipe(
  HttpRouter.get("/ignore", Effect.succeed(answer)),
  HttpRouter.get("/read", Effect.flatMap(BenchmarkSession, (session) => Effect.as(session.get, answer))),
  HttpRouter.get(
    "/write",
    Effect.flatMap(
      BenchmarkSession,
      (session) => Effect.as(session.update((data) => ({ ...data, count: data.count + 1 })), answer)
    )
  ),
  HttpRouter.use(SessionMiddleware.httpRouter(BenchmarkSession))
)

const bare = HttpRouter.empty.pipe(HttpRouter.get("/ignore", Effect.succeed(answer)))

const signingKey = Redacted.make("Zm9yIHRoZSBtaWNyb2JlbmNobWFyayBvbmx5LCBubyBzZWNyZXQ")

const layers = {
  unsigned: SessionCookie.layer({ insecure: true }),
  signed: SessionCookie.layer({ insecure: true, signingKeys: [signingKey] })
}

const makeScenarios = Effect.gen(function*() {
  const runtime = yield* Effect.runtime<Sessions.Sessions<BenchmarkSession> | SessionCookie.SessionCookie>()
  const run = Runtime.runPromise(runtime)
  const policy = yield* SessionCookie.SessionCookie
  const sessions = yield* BenchmarkSession.sessions
  const { id } = yield* sessions.create()
  const cookie = SessionCookie.write(policy, id, { expiresAt: Infinity, now: 0 })
  const valid = `theme=dark; ${cookie.name}=${cookie.value}`
  const forged = valid.slice(0, -1) + (valid.endsWith("A") ? "B" : "A")

  const request = (path: string, cookie: string | undefined) => {
    const source = new Request(`http://localhost${path}`, cookie === undefined ? {} : { headers: { cookie } })
    const headers = { host: "localhost", accept: "*/*", ...(cookie === undefined ? {} : { cookie }) }
    return { source, headers }
  }

  const scenario = <E>(
    app: HttpApp.Default<E, Sessions.Sessions<BenchmarkSession> | SessionCookie.SessionCookie | Scope.Scope>,
    path: string,
    cookie: string | undefined
  ) => {
    const { headers, source } = request(path, cookie)
    const handled = HttpApp.toHandled(app, () => Effect.void)
    // A fiber of its own for each request, as in a server: hooks are kept per fiber.
    return () =>
      run(Effect.provideService(
        handled,
        HttpServerRequest.HttpServerRequest,
        HttpServerRequest.fromWeb(source).modify({ headers: Headers.fromInput(headers) })
      ))
  }

  return {
    bare: scenario(bare, "/ignore", valid),
    "no cookie": scenario(routes, "/read", undefined),
    untouched: scenario(routes, "/ignore", valid),
    read: scenario(routes, "/read", valid),
    write: scenario(routes, "/write", valid),
    forged: scenario(routes, "/read", forged)
  }
})

const SessionsLive = Layer.provide(Sessions.layerMemory(BenchmarkSession), SessionTimeouts.layer())

/** A request of each kind, by name, to a server with signed ids or without. */
export const scenariosOf = (name: keyof typeof layers) =>
  Effect.runPromise(Effect.provide(makeScenarios, Layer.merge(SessionsLive, layers[name])))
