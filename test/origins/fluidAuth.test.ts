import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  Browser,
  browserWith,
  incrementCount,
  makeApp,
  rowsOf,
  signedInBrowser,
  signOut,
  tabOf,
  use,
  userOf
} from "../support/app.js"

describe("FluidAuth", () => {
  const signingKeys = [Redacted.make("a signing key of at least 32 bytes, for tests only")]
  const garbage = [
    "garbage",
    "deadbeef:deadbeef",
    "",
    "%",
    "%E0%A4%A",
    "\"AAAAAAAAAAAAAAAAAAAAAA\"",
    "' OR 1=1--",
    "{\"$ne\":1}",
    "../../x",
    "A".repeat(100_000)
  ]

  for (const options of [{}, { cookie: { signingKeys } }]) {
    effect(
      `bug 1: a garbage cookie is a visitor, not a crash, ids ${"cookie" in options ? "signed" : "not signed"}`,
      () =>
        Effect.gen(function*() {
          const app = yield* makeApp(options)
          for (const value of garbage) {
            const answer = yield* app.visit(browserWith(value), userOf)
            assert.strictEqual(answer.status, 200)
            assert.isNull(answer.body)
          }
          assert.deepStrictEqual(app.store.take(), [])
        })
    )
  }

  effect("bug 1: a tampered cookie is a visitor, whichever character was changed", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({ cookie: { signingKeys } })
      const { browser } = yield* signedInBrowser(app)
      const value = browser.cookies.get("__Host-sid") ?? ""
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      app.store.take()
      for (let index = 0; index < value.length; index++) {
        const changed = value[index] === "A" ? "B" : "A"
        const tampered = `${value.slice(0, index)}${changed}${value.slice(index + 1)}`
        const answer = yield* app.visit(browserWith(tampered), userOf)
        assert.deepStrictEqual([answer.status, answer.body], [200, null])
      }
      assert.deepStrictEqual(app.store.take(), [])
    }))

  effect("bug 2: a cookie that outlived its session is a visitor, answered once", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* signedInBrowser(app)
      const stale = tabOf(browser)
      yield* app.visit(browser, signOut)
      const answer = yield* app.visit(stale, userOf)
      assert.deepStrictEqual([answer.status, answer.body], [200, null])
      assert.strictEqual((yield* app.visit(stale, incrementCount)).status, 200)
      assert.strictEqual(yield* rowsOf(app), 1)
    }))

  effect("bug 3: an expired session is not brought back by activity", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({ cookie: { persistent: true } })
      const { browser } = yield* signedInBrowser(app)
      yield* TestClock.adjust("15 minutes")
      const answer = yield* app.visit(tabOf(browser), use((session) => Effect.zipRight(session.touch, session.user)))
      assert.deepStrictEqual(answer.body, { _id: "Option", _tag: "None" })
      assert.deepStrictEqual(answer.setCookies, [])
      assert.deepStrictEqual(app.store.take(), ["read"])
      assert.isNull((yield* app.visit(tabOf(browser), userOf)).body)
    }))

  effect(
    "bug 4: signing in and out in one request leaves neither a user, nor a row, nor a cookie",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const inAndOut = use((session) =>
          Effect.gen(function*() {
            yield* session.signIn("ada")
            yield* session.signOut
            return Option.getOrNull(yield* session.user)
          })
        )
        const answer = yield* app.visit(new Browser(), inAndOut)
        assert.isNull(answer.body)
        assert.deepStrictEqual(answer.setCookies, [])
        assert.strictEqual(yield* rowsOf(app), 0)

        const { browser } = yield* signedInBrowser(app)
        yield* app.visit(browser, inAndOut)
        assert.strictEqual(yield* rowsOf(app), 0)
        assert.strictEqual(browser.cookies.size, 0)
      })
  )

  effect("bug 4: nor where the sign-in was committed before the sign-out", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(
        new Browser(),
        use((session) => Effect.all([session.signIn("ada"), session.commit, session.signOut]))
      )
      assert.deepStrictEqual(answer.setCookies, [])
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("bug 5: a cookie is cleared with the path, domain and flags it was set with", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({
        cookie: { name: "__Secure-sid", path: "/app", domain: "example.com", sameSite: "strict" }
      })
      const browser = new Browser()
      const [set = ""] = (yield* app.visit(browser, use((session) => session.signIn("ada")))).setCookies
      const [cleared = ""] = (yield* app.visit(browser, signOut)).setCookies
      const attributesOf = (setCookie: string) =>
        setCookie.split("; ").slice(1).filter((attribute) => !/^(Max-Age|Expires)=/.test(attribute)).sort()
      assert.deepStrictEqual(attributesOf(set), [
        "Domain=example.com",
        "HttpOnly",
        "Path=/app",
        "SameSite=Strict",
        "Secure"
      ])
      assert.deepStrictEqual(attributesOf(cleared), attributesOf(set))
      assert.match(cleared, /^__Secure-sid=;/)
      assert.include(cleared, "Max-Age=0")
      assert.include(cleared, "Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    }))

  effect("bug 6: a request without any cookie works", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(new Browser(), userOf)
      assert.deepStrictEqual([answer.status, answer.body], [200, null])
    }))

  effect("bug 7: a sign-out after the headers have left still ends the session", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* signedInBrowser(app)
      const answer = yield* app.visit(
        browser,
        use((session) => Effect.succeed(HttpServerResponse.stream(Stream.execute(session.signOut))))
      )
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(yield* rowsOf(app), 0)
      assert.isNull((yield* app.visit(browser, userOf)).body)
    }))

  effect("two sign-ins in one browser leave one row", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browser = new Browser()
      yield* app.visit(browser, use((session) => session.signIn("ada")))
      const first = tabOf(browser)
      yield* app.visit(browser, use((session) => session.signIn("grace")))
      assert.strictEqual(yield* rowsOf(app), 1)
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "grace")
      assert.isNull((yield* app.visit(first, userOf)).body)
    }))
})
