import { assert, describe, effect } from "@effect/vitest"
import { SessionCookie } from "effect-sessions"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { CookieLive } from "../../examples/recipes/keyRotation.js"
import { AppSession, Browser, tabOf } from "../support/app.js"
import type { ObservedStore } from "../support/observedStore.js"
import { makeNode, makeStore } from "./support/serve.js"

const old = "kP7v0q2mZ5xJt8cRw1Yb4NfHs6LgAeUd"
const next = "Xw3bT9rGz6QnVh1Kc8MyPj5SfDa2LoEu"

type Environment = Readonly<Record<string, string>>

const keys = (...keys: ReadonlyArray<string>): Environment => ({ SESSION_SECRETS: keys.join(",") })

/** A node over the store that was started with these settings. */
const startNode = (store: ObservedStore, environment: Environment) =>
  Effect.gen(function*() {
    const policy = yield* Effect.provide(SessionCookie.SessionCookie, CookieLive)
    return yield* makeNode(AppSession, store, policy)
  }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))))

/** A node of before there were keys. */
const startUnsigned = (store: ObservedStore) =>
  Effect.flatMap(SessionCookie.make(), (policy) => makeNode(AppSession, store, policy))

type Node = Effect.Effect.Success<ReturnType<typeof startNode>>

const enter = (node: Node) =>
  Effect.gen(function*() {
    const browser = new Browser()
    yield* node.visit(browser, Effect.flatMap(AppSession, (session) => session.signIn("ada")))
    return browser
  })

const userOn = (node: Node, browser: Browser) =>
  Effect.map(
    node.visit(
      browser,
      Effect.flatMap(AppSession, (session) => Effect.map(session.user, (user) => ({ user: Option.getOrNull(user) })))
    ),
    ({ body }) => JSON.parse(body).user
  )

/** Whether nodes of two settings, side by side, know each other's users, wherever these are sent by turns. */
const knowEachOther = (first: Environment, second: Environment) =>
  Effect.gen(function*() {
    const store = yield* makeStore
    const nodes = [yield* startNode(store, first), yield* startNode(store, second)]
    const users: Array<unknown> = []
    for (const node of nodes) {
      const browser = yield* enter(node)
      for (const each of [...nodes, ...nodes]) users.push(yield* userOn(each, browser))
    }
    return users.every((user) => user === "ada")
  })

describe("A rotation of keys in two phases", () => {
  for (
    const [phase, before, after] of [
      ["all accept the next key", keys(old), keys(old, next)],
      ["all sign with it", keys(old, next), keys(next, old)],
      ["the old one goes", keys(next, old), keys(next)]
    ] as const
  ) {
    effect(`signs nobody out in the deploy in which ${phase}`, () =>
      Effect.gen(function*() {
        // Cookies under the old key are gone before it goes: they are signed anew where they are used.
        const store = yield* makeStore
        const browser = yield* enter(yield* startNode(store, before))
        assert.strictEqual(yield* userOn(yield* startNode(store, after), browser), "ada")
        assert.isTrue(yield* knowEachOther(before, after))
      }))
  }

  effect(
    "signs a cookie under the old key anew where it is used, so that it outlives that key",
    () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const browser = yield* enter(yield* startNode(store, keys(old)))
        const unused = tabOf(browser)
        const before = browser.header
        yield* userOn(yield* startNode(store, keys(old, next)), browser)
        assert.strictEqual(browser.header, before)
        yield* userOn(yield* startNode(store, keys(next, old)), browser)
        assert.notStrictEqual(browser.header, before)
        const last = yield* startNode(store, keys(next))
        assert.strictEqual(yield* userOn(last, browser), "ada")
        assert.isNull(yield* userOn(last, unused))
      })
  )

  effect(
    "costs nobody a session that lives: by when the old key goes, who did not come back has none",
    () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const browser = yield* enter(yield* startNode(store, keys(old)))
        yield* TestClock.adjust("15 minutes")
        assert.isNull(yield* userOn(yield* startNode(store, keys(next, old)), browser))
      })
  )
})

describe("A rotation of keys that is naive", () => {
  effect("and puts the next key in the place of the old one, signs everybody out", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      const browser = yield* enter(yield* startNode(store, keys(old)))
      assert.isNull(yield* userOn(yield* startNode(store, keys(next)), browser))
    }))

  effect(
    "and signs with the next key in one phase, signs users out on the nodes that do not know it yet",
    () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const [before, after] = [yield* startNode(store, keys(old)), yield* startNode(store, keys(next, old))]
        const browser = yield* enter(before)
        assert.strictEqual(yield* userOn(after, browser), "ada")
        assert.isNull(yield* userOn(before, browser))
        assert.isFalse(yield* knowEachOther(keys(old), keys(next, old)))
      })
  )
})

describe("An app that begins to sign", () => {
  const until = (date: string) => ({ ...keys(next), SESSION_UNSIGNED_UNTIL: date })

  effect(
    "accepts ids without a signature until the given moment, and signs them where they are used",
    () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const unsigned = yield* startUnsigned(store)
        const [browser, late] = [yield* enter(unsigned), yield* enter(unsigned)]
        const signing = yield* startNode(store, until("1970-01-01T00:10:00Z"))
        assert.strictEqual(yield* userOn(signing, browser), "ada")
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(yield* userOn(signing, browser), "ada")
        assert.isNull(yield* userOn(signing, late))
      })
  )

  effect("that is naive, and does not, signs everybody out", () =>
    Effect.gen(function*() {
      const store = yield* makeStore
      const browser = yield* enter(yield* startUnsigned(store))
      assert.isNull(yield* userOn(yield* startNode(store, keys(next)), browser))
    }))

  effect(
    "does so on all nodes at once: one that does not sign yet takes a signed id for none",
    () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const unsigned = yield* startUnsigned(store)
        const signing = yield* startNode(store, until("1970-01-01T00:10:00Z"))
        const browser = yield* enter(unsigned)
        assert.strictEqual(yield* userOn(signing, browser), "ada")
        assert.isNull(yield* userOn(unsigned, browser))
        // The session and the cookie are still there, until that node stores something for who is a visitor to it.
        assert.strictEqual(yield* userOn(signing, browser), "ada")
        yield* unsigned.visit(
          browser,
          Effect.flatMap(AppSession, (session) => session.update((data) => ({ ...data, count: 1 })))
        )
        assert.isNull(yield* userOn(signing, browser))
      })
  )
})
