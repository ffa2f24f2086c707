import { NodeHttpServer } from "@effect/platform-node"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, scoped } from "@effect/vitest"
import { SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { AppSession, Browser, use } from "../support/app.js"

const signIn = Effect.as(use((session) => session.signIn("ada")), HttpServerResponse.empty())
const who = Effect.map(
  use((session) => session.user),
  (user) => HttpServerResponse.text(Option.getOrElse(user, () => "nobody"))
)

const sessionsLayer = Layer.merge(
  Layer.provide(Sessions.layerMemory(AppSession), SessionTimeouts.layer({ idle: "15 minutes", absolute: "1 hour" })),
  SessionCookie.layer()
)

const serveHttpRouter = HttpRouter.empty.pipe(
  HttpRouter.post("/sign-in", signIn),
  HttpRouter.get("/who", who),
  HttpRouter.use(SessionMiddleware.httpRouter(AppSession)),
  HttpServer.serveEffect(),
  Effect.provide(sessionsLayer)
)

const serveHttpLayerRouter = Effect.flatMap(
  HttpLayerRouter.toHttpEffect(
    Layer.mergeAll(
      HttpLayerRouter.add("POST", "/sign-in", signIn),
      HttpLayerRouter.add("GET", "/who", who)
    ).pipe(
      Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
      Layer.provide(sessionsLayer)
    )
  ),
  (app) => HttpServer.serveEffect(app)
)

/** One request over the socket, and what the browser makes of the answer. */
const request = (browser: Browser, request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function*() {
    const { header } = browser
    const response = yield* HttpClient.execute(
      header === undefined ? request : HttpClientRequest.setHeader(request, "cookie", header)
    )
    const setCookie = response.headers["set-cookie"]
    browser.receive(setCookie === undefined ? [] : [setCookie])
    return { status: response.status, text: yield* response.text, setCookie }
  })

const signedIn = Effect.gen(function*() {
  const browser = new Browser()
  const { status } = yield* request(browser, HttpClientRequest.post("/sign-in"))
  assert.strictEqual(status, 204)
  assert.strictEqual(browser.cookies.size, 1)
  return browser
})

const whoIs = (browser: Browser) => Effect.map(request(browser, HttpClientRequest.get("/who")), ({ text }) => text)

for (const [router, serve] of [["HttpRouter", serveHttpRouter], ["HttpLayerRouter", serveHttpLayerRouter]] as const) {
  describe(`Over a real socket, with ${router}`, () => {
    scoped("an unused session is over at the idle timeout, and not a millisecond before", () =>
      Effect.gen(function*() {
        yield* serve
        const early = yield* signedIn
        const late = yield* signedIn
        yield* TestClock.adjust("899999 millis")
        assert.strictEqual(yield* whoIs(early), "ada")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* whoIs(early), "ada")
        assert.strictEqual(yield* whoIs(late), "nobody")
      }).pipe(Effect.provide(NodeHttpServer.layerTest)))

    scoped(
      "a session in use all the time is over at the absolute timeout, and not a millisecond before",
      () =>
        Effect.gen(function*() {
          yield* serve
          const browser = yield* signedIn
          for (let used = 0; used < 5; used++) {
            yield* TestClock.adjust("10 minutes")
            assert.strictEqual(yield* whoIs(browser), "ada")
          }
          yield* TestClock.adjust("599999 millis")
          assert.strictEqual(yield* whoIs(browser), "ada")
          yield* TestClock.adjust(1)
          assert.strictEqual(yield* whoIs(browser), "nobody")
        }).pipe(Effect.provide(NodeHttpServer.layerTest))
    )

    scoped("a sign-in after the end begins anew", () =>
      Effect.gen(function*() {
        yield* serve
        const browser = yield* signedIn
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* whoIs(browser), "nobody")
        yield* request(browser, HttpClientRequest.post("/sign-in"))
        assert.strictEqual(yield* whoIs(browser), "ada")
      }).pipe(Effect.provide(NodeHttpServer.layerTest)))
  })
}
