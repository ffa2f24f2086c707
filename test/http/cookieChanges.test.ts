import { assert, describe, effect } from "@effect/vitest"
import type { SessionCookie } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { type App, type AppOptions, type Browser, makeApp, rowsOf, signOut, use, userOf } from "../support/app.js"
import { signingKey } from "./support/ids.js"

/** An app, and what the next deploy makes of it: the same store, another cookie. */
const deploys = Effect.fnUntraced(function*(
  before: SessionCookie.Options,
  after: SessionCookie.Options,
  options: AppOptions = {}
) {
  const old = yield* makeApp({ ...options, cookie: before })
  const { browser } = yield* old.browserWithSession({ user: "ada" })
  const app = yield* makeApp({ ...options, cookie: after, store: old.store.service })
  return { app, browser }
})

const visit = (app: App, browser: Browser) =>
  Effect.map(app.visit(browser, userOf), ({ body, setCookies }) => ({
    user: body,
    cookies: setCookies.map((cookie) => cookie.split(";")[0]?.replace(/=.{22}.*$/, "=id"))
  }))

const signIn = use((session) => session.signIn("ada"))

const signingKeys = [Redacted.make(signingKey)]

describe("A10: an app that renames its cookie", () => {
  const renamed = () => deploys({ name: "sid" }, { formerNames: ["sid"] })

  effect(
    "signs nobody out: the id is sent anew under the new name, once, and the former name is cleared",
    () =>
      Effect.gen(function*() {
        const { app, browser } = yield* renamed()
        assert.deepStrictEqual(yield* visit(app, browser), { user: "ada", cookies: ["__Host-sid=id", "sid="] })
        assert.deepStrictEqual(Array.from(browser.cookies.keys()), ["__Host-sid"])
        assert.deepStrictEqual(yield* visit(app, browser), { user: "ada", cookies: [] })
      })
  )

  effect("leaves no former cookie behind a sign-in", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* renamed()
      yield* app.visit(browser, signIn)
      assert.deepStrictEqual(Array.from(browser.cookies.keys()), ["__Host-sid"])
      assert.deepStrictEqual(yield* visit(app, browser), { user: "ada", cookies: [] })
    }))

  effect("ends the session at a sign-out, and clears both names", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* renamed()
      yield* app.visit(browser, signOut)
      assert.deepStrictEqual(Array.from(browser.cookies.keys()), [])
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("leaves the cookie of a request alone that does not use its session", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* renamed()
      assert.deepStrictEqual((yield* app.visit(browser, Effect.void)).setCookies, [])
    }))
})

describe("A10: an app that begins to sign", () => {
  const until = new Date(60_000)

  effect("signs nobody out who comes before the date, and signs the cookie, once", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* deploys({}, { signingKeys, acceptUnsignedUntil: until })
      assert.strictEqual(browser.cookies.get("__Host-sid")?.length, 22)
      assert.deepStrictEqual(yield* visit(app, browser), { user: "ada", cookies: ["__Host-sid=id"] })
      assert.strictEqual(browser.cookies.get("__Host-sid")?.length, 66)
      yield* TestClock.setTime(until.getTime())
      assert.deepStrictEqual(yield* visit(app, browser), { user: "ada", cookies: [] })
    }))

  effect("knows nobody who comes without a signature later, or without such a date", () =>
    Effect.gen(function*() {
      const never = yield* deploys({}, { signingKeys })
      assert.strictEqual((yield* visit(never.app, never.browser)).user, null)
      const { app, browser } = yield* deploys({}, { signingKeys, acceptUnsignedUntil: until })
      yield* TestClock.setTime(until.getTime())
      assert.deepStrictEqual(yield* visit(app, browser), { user: null, cookies: [] })
    }))

  effect("may rename it on that occasion", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* deploys({ name: "sid" }, {
        signingKeys,
        acceptUnsignedUntil: until,
        formerNames: ["sid"]
      })
      assert.deepStrictEqual(yield* visit(app, browser), { user: "ada", cookies: ["__Host-sid=id", "sid="] })
    }))
})

describe("A9: an app that changes the attributes of its cookie", () => {
  const changedAt = new Date(10_000)
  const changes: ReadonlyArray<readonly [what: string, before: SessionCookie.Options, after: SessionCookie.Options]> = [
    ["from persistent to not", { persistent: true }, { changedAt }],
    ["SameSite", { sameSite: "lax" }, { sameSite: "strict", changedAt }],
    ["HttpOnly", { httpOnly: false }, { changedAt }]
  ]
  for (const [what, before, after] of changes) {
    effect(`(${what}) sends it again to who was last seen before, until that is noted`, () =>
      Effect.gen(function*() {
        const { app, browser } = yield* deploys(before, after)
        yield* TestClock.setTime(70_000)
        const [cookie] = (yield* app.visit(browser, userOf)).setCookies
        assert.match(String(cookie), /^__Host-sid=.{22}; Path=\/; HttpOnly; Secure; SameSite=(Lax|Strict)$/)
        assert.deepStrictEqual(yield* visit(app, browser), { user: "ada", cookies: [] })
      }))
  }

  effect("does not where it does not say so, nor to who came later", () =>
    Effect.gen(function*() {
      const silent = yield* deploys({ sameSite: "lax" }, { sameSite: "strict" })
      yield* TestClock.setTime(70_000)
      assert.deepStrictEqual(yield* visit(silent.app, silent.browser), { user: "ada", cookies: [] })
      const later = yield* deploys({ sameSite: "lax" }, { sameSite: "strict", changedAt })
      assert.deepStrictEqual(yield* visit(later.app, later.browser), { user: "ada", cookies: [] })
    }))
})
