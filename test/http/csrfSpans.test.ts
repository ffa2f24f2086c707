import { NodeHttpServer } from "@effect/platform-node"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, scoped } from "@effect/vitest"
import { SessionCookie, SessionCsrf, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { AppSession } from "../support/app.js"
import { recordingTracer } from "../support/tracer.js"

const headers = {
  "sec-fetch-site": "same-origin",
  "x-csrf-token": "SENTINEL-token",
  "x-proof": "SENTINEL-proof",
  "x-other": "to be seen"
}

const { spans, tracer: recorded } = recordingTracer()

const tracer = Layer.setTracer(recorded)

const csrf = SessionCsrf.layer({ headers: ["X-CSRF-Token", "X-Proof"] })

const beneath = Layer.mergeAll(
  Layer.provide(Sessions.layerMemory(AppSession), SessionTimeouts.layer()),
  SessionCookie.layer()
)

const page = HttpServerResponse.empty()

/** Sends the request, and lets go of the app with the scope. */
type Sent = Effect.Effect<unknown, unknown, Scope.Scope>

const over = (web: { handler: (request: Request) => Promise<Response>; dispose: () => Promise<void> }): Sent =>
  Effect.zipRight(
    Effect.addFinalizer(() => Effect.promise(web.dispose)),
    Effect.promise(() => web.handler(new Request("http://app.test/transfer", { method: "POST", headers })))
  )

const router = HttpRouter.empty.pipe(
  HttpRouter.post("/transfer", page),
  HttpRouter.use(SessionCsrf.protect(AppSession)),
  HttpRouter.use(SessionMiddleware.httpRouter(AppSession))
)

const Protected = SessionCsrf.layerRouter(AppSession).combine(SessionMiddleware.layerRouter(AppSession))

class Api extends HttpApi.make("api").add(
  HttpApiGroup.make("transfers").add(HttpApiEndpoint.post("transfer", "/transfer"))
) {}

const ways: ReadonlyArray<readonly [what: string, sent: Sent]> = [
  [
    "HttpServer.serve",
    Effect.gen(function*() {
      const server = NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })
      const context = yield* Layer.build(
        HttpServer.serve(router).pipe(Layer.provide([csrf, beneath, tracer]), Layer.provideMerge(server))
      )
      const { address } = Context.get(context, HttpServer.HttpServer)
      const port = address._tag === "TcpAddress" ? address.port : 0
      yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/transfer`, { method: "POST", headers }))
    })
  ],
  [
    "HttpLayerRouter, the layer beneath its routes",
    Effect.suspend(() =>
      over(HttpLayerRouter.toWebHandler(
        HttpLayerRouter.add("POST", "/transfer", page).pipe(
          Layer.provide(Protected.layer),
          Layer.provide([csrf, beneath]),
          Layer.provide(tracer)
        ),
        { disableLogger: true }
      ))
    )
  ],
  [
    "HttpApi",
    Effect.suspend(() =>
      over(HttpApiBuilder.toWebHandler(
        Layer.mergeAll(
          HttpApiBuilder.api(Api).pipe(
            Layer.provide(
              HttpApiBuilder.group(Api, "transfers", (handlers) => handlers.handle("transfer", () => Effect.void))
            ),
            Layer.provide([csrf, tracer])
          ),
          HttpServer.layerContext
        )
      ))
    )
  ]
]

describe("F3: the span of a request does not tell the token", () => {
  for (const [what, sent] of ways) {
    scoped(what, () =>
      Effect.gen(function*() {
        spans.length = 0
        yield* sent
        const attributes = new Map(spans.flatMap((span) => Array.from(span.attributes)))
        assert.strictEqual(attributes.get("http.request.header.x-other"), "to be seen")
        assert.strictEqual(attributes.get("http.request.header.x-csrf-token"), "<redacted>")
        assert.strictEqual(attributes.get("http.request.header.x-proof"), "<redacted>")
      }))
  }
})
