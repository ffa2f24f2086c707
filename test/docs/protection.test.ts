import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import { assert, describe, scoped } from "@effect/vitest"
import { SessionCookie, Sessions, SessionTimeouts } from "effect-sessions"
import { TestBrowser } from "effect-sessions/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { AppSession, CsrfLive, Routes } from "../../examples/protection/app.js"

const Live = Layer.mergeAll(Sessions.layerMemory(AppSession), SessionCookie.layer(), CsrfLive).pipe(
  Layer.provide(SessionTimeouts.layer({ idle: "15 minutes" }))
)

/** What handlers ask for, and what their middleware is built of, is one and the same. */
const app = Effect.gen(function*() {
  const context = yield* Layer.build(Live)
  const routes = yield* HttpLayerRouter.toHttpEffect(Layer.provide(Routes, Layer.succeedContext(context)))
  return Effect.provide(routes, context)
})

/** The token that a page has in its form. */
const tokenOf = (browser: TestBrowser.TestBrowser) =>
  Effect.map(browser.get("/"), ({ text }) => /value=\\"([^"\\]+)/.exec(text)?.[1] ?? "")

const signIn = Effect.fnUntraced(function*(browser: TestBrowser.TestBrowser) {
  const _csrf = yield* tokenOf(browser)
  return yield* browser.post("/sign-in", { form: { _csrf }, follow: true })
})

describe("The page on protection", () => {
  scoped("a form is accepted with its token, from this site, and from nowhere else", () =>
    Effect.gen(function*() {
      const browser = yield* TestBrowser.make(yield* app)
      assert.strictEqual((yield* browser.post("/sign-in")).status, 403)
      const _csrf = yield* tokenOf(browser)
      const elsewhere = { form: { _csrf }, from: "https://elsewhere.example" }
      assert.strictEqual((yield* browser.post("/sign-in", elsewhere)).status, 403)
      assert.strictEqual((yield* browser.post("/sign-in", { form: { _csrf } })).status, 303)
      // The sign-in has given the session another id.
      assert.strictEqual((yield* browser.post("/sign-out-everywhere", { form: { _csrf } })).status, 403)
    }))

  scoped("a message is shown once", () =>
    Effect.gen(function*() {
      const browser = yield* TestBrowser.make(yield* app)
      assert.deepStrictEqual((yield* signIn(browser)).json, { id: "ann", messages: ["Welcome"] })
      assert.deepStrictEqual((yield* browser.get("/account")).json, { id: "ann", messages: [] })
    }))

  scoped("a page redirects who is not signed in", () =>
    Effect.gen(function*() {
      const browser = yield* TestBrowser.make(yield* app)
      const { headers, status } = yield* browser.get("/account")
      assert.deepStrictEqual([status, headers["location"]], [302, "/"])
    }))

  scoped("a sign-in of eleven minutes ago is too old", () =>
    Effect.gen(function*() {
      const browser = yield* TestBrowser.make(yield* app)
      yield* signIn(browser)
      yield* TestClock.adjust("11 minutes")
      const form = { _csrf: yield* tokenOf(browser) }
      assert.strictEqual((yield* browser.post("/sign-out-everywhere", { form })).status, 403)
      yield* signIn(browser)
      const again = { _csrf: yield* tokenOf(browser) }
      assert.deepStrictEqual((yield* browser.post("/sign-out-everywhere", { form: again })).json, 1)
    }))

  scoped("a client that keeps its token needs neither cookie nor form", () =>
    Effect.gen(function*() {
      const client = yield* TestBrowser.make(yield* app)
      const { json, setCookies } = yield* client.post("/token")
      assert.deepStrictEqual(setCookies, [])
      const headers = { authorization: `Bearer ${String(json)}` }
      assert.deepStrictEqual((yield* client.get("/account", { headers })).json, { id: "ann", messages: [] })
      assert.deepStrictEqual((yield* client.post("/sign-out-everywhere", { headers })).json, 1)
    }))
})
