import { assert, describe, effect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import {
  type App,
  Browser,
  incrementCount,
  makeApp,
  readData,
  rowsOf,
  signOut,
  tabOf,
  use,
  userOf
} from "../support/app.js"
import { beforeStore } from "../support/overlap.js"

/** A browser that keeps another cookie of our name beside its own: of another path or domain, out of our reach. */
class TwoCookies extends Browser {
  constructor(readonly other: Browser, own: Browser) {
    super()
    for (const [name, value] of own.cookies) this.cookies.set(name, value)
  }

  override get header(): string | undefined {
    return [super.header, this.other.header].filter((header) => header !== undefined).join("; ")
  }
}

const data = { count: 1, notes: [], settings: {} }

const signIn = use((session) => session.signIn("ada"))

const rotate = use((session) => session.rotate)

/** Two sessions that are live, and the browser that carries both ids. */
const two = Effect.gen(function*() {
  const app = yield* makeApp()
  const other = (yield* app.browserWithSession({ data, user: "linus" })).browser
  const own = (yield* app.browserWithSession({ data, user: "grace" })).browser
  return { app, browser: new TwoCookies(other, own), other, own }
})

const costs = (app: App) => app.store.take()

describe("A request with the ids of two live sessions", () => {
  effect("reads nobody's, with one statement", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* two
      assert.isNull((yield* app.visit(browser, userOf)).body)
      assert.deepStrictEqual(costs(app), ["search"])
    }))

  effect("is refused a change, with one statement and without a cookie", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* two
      const answer = yield* app.visit(browser, incrementCount)
      assert.strictEqual(answer.status, 409)
      assert.deepInclude(answer.body, { _tag: "SessionConflict", reason: "Several" })
      assert.deepStrictEqual(answer.setCookies, [])
      assert.deepStrictEqual(costs(app), ["search"])
      assert.strictEqual(yield* rowsOf(app), 2)
    }))

  effect("signs out of both, with one statement, successors included", () =>
    Effect.gen(function*() {
      for (const renames of [0, 1, 2]) {
        const { app, browser, other, own } = yield* two
        for (const one of [tabOf(other), tabOf(own)]) {
          for (let times = 0; times < renames; times++) yield* app.visit(one, rotate)
        }
        costs(app)
        yield* app.visit(browser, signOut)
        assert.deepStrictEqual(costs(app), ["delete"])
        assert.strictEqual(yield* rowsOf(app), 0)
      }
    }))

  effect("signs in with three statements, which end both, and is signed in from then on", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* two
      assert.strictEqual((yield* app.visit(browser, signIn)).status, 200)
      assert.deepStrictEqual(costs(app), ["search", "insert", "delete"])
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      assert.strictEqual((yield* app.visit(browser, incrementCount)).status, 200)
      assert.strictEqual(yield* rowsOf(app), 1)
    }))

  effect("gets the token of the form to sign in with, which the next request brings", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* two
      const { body, setCookies, status } = yield* app.visit(browser, use((session) => session.csrfToken))
      assert.deepStrictEqual([status, setCookies], [200, []])
      const check = use((session) =>
        Effect.zipRight(session.signIn("ada"), Effect.succeed(session.isCsrfToken(String(body))))
      )
      assert.isTrue((yield* app.visit(browser, check)).body)
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
    }))

  effect(
    "that signs in twice at once is signed in afterwards, whichever answer comes last",
    () =>
      Effect.gen(function*() {
        for (const isReversed of [false, true]) {
          const { app, browser, other, own } = yield* two
          const tab = new TwoCookies(other, own)
          const late = yield* beforeStore(app, "insert", app.visit(browser, signIn), app.visit(tab, signIn))
          const last = isReversed ? tab : browser
          assert.strictEqual(late.status, 200)
          assert.strictEqual((yield* app.visit(last, userOf)).body, "ada")
        }
      })
  )
})

describe("A request with the ids of a live session and of one that ended", () => {
  effect("means the live one, in either order", () =>
    Effect.gen(function*() {
      for (const isFirst of [true, false]) {
        const { app, other, own } = yield* two
        yield* app.visit(tabOf(isFirst ? other : own), signOut)
        const browser = new TwoCookies(other, own)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, isFirst ? "grace" : "linus")
        assert.strictEqual((yield* app.visit(browser, incrementCount)).status, 200)
        assert.deepInclude((yield* app.visit(browser, readData)).body, { count: 2 })
      }
    }))

  effect(
    "rotates and signs in under an id that counts at once beside the one it replaces",
    () =>
      Effect.gen(function*() {
        for (const work of [rotate, signIn]) {
          const app = yield* makeApp()
          const { browser: old } = yield* app.browserWithSession({ data, user: "ada" })
          // The cookie that the browser keeps has another path than the one that we set now.
          const browser = new TwoCookies(old, new Browser())
          yield* app.visit(browser, work)
          assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
        }
      })
  )
})

describe("A request with the ids of a live session and of one that was renamed a moment ago", () => {
  const renamed = Effect.gen(function*() {
    const { app, browser, other } = yield* two
    yield* app.visit(tabOf(other), rotate)
    return { app, browser }
  })

  effect("reads nobody's, and is refused a change until the moment is over", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* renamed
      assert.isNull((yield* app.visit(browser, userOf)).body)
      assert.strictEqual((yield* app.visit(browser, incrementCount)).status, 409)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "grace")
      assert.strictEqual((yield* app.visit(browser, incrementCount)).status, 200)
    }))

  effect("signs in, which ends the live one, and is signed in from then on", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      // The live id is in a cookie out of our reach, the renamed one in ours.
      const other = (yield* app.browserWithSession({ data, user: "linus" })).browser
      const own = (yield* app.browserWithSession({ data, user: "grace" })).browser
      yield* app.visit(tabOf(own), rotate)
      const browser = new TwoCookies(other, own)
      costs(app)
      assert.strictEqual((yield* app.visit(browser, signIn)).status, 200)
      assert.deepStrictEqual(costs(app), ["search", "insert", "delete"])
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      assert.strictEqual((yield* app.visit(browser, incrementCount)).status, 200)
    }))
})
