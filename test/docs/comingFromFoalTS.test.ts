import { assert, describe, scoped } from "@effect/vitest"
import { SessionCleaner, SessionGuard, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { addProduct, AppSession, endsAt, home, login, logout } from "../../examples/coming-from/foalTS.js"
import { Browser, tabOf } from "../support/app.js"
import { idIn, makeNode, type Options } from "./support/node.js"

const minutes = 60_000

const signedIn = (options?: Options) =>
  Effect.gen(function*() {
    const node = yield* makeNode(AppSession, options)
    const browser = new Browser()
    assert.strictEqual((yield* node.visit(browser, login(1))).location, "/")
    return { ...node, browser }
  })

const userOf = Effect.flatMap(AppSession, (session) => Effect.map(session.user, Option.getOrNull))

describe("FoalTS: a session", () => {
  scoped("`userId`: the user, a number here, none for a visitor", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      assert.strictEqual((yield* visit(browser, userOf)).body, 1)
      assert.isNull((yield* visit(new Browser(), userOf)).body)
    }))

  scoped("`isExpired`: what has expired is nobody's, to the millisecond", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const has = Effect.flatMap(AppSession, (session) => Effect.map(session.info, Option.isSome))
      yield* TestClock.adjust(15 * minutes - 1)
      assert.strictEqual((yield* visit(tabOf(browser), has)).body, true)
      yield* TestClock.adjust(15 * minutes)
      assert.strictEqual((yield* visit(tabOf(browser), has)).body, false)
    }))

  scoped("`expirationTime`: the sooner of both timeouts", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn({ timeouts: { idle: "15 minutes", absolute: "20 minutes" } })
      const end = Effect.map(endsAt, Option.getOrNull)
      assert.strictEqual((yield* visit(browser, end)).body, 15 * minutes)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* visit(browser, end)).body, 20 * minutes)
    }))

  scoped("`setUser`: signs in under a new id, the old one is dead", () =>
    Effect.gen(function*() {
      const { sessions, visit } = yield* makeNode(AppSession)
      const browser = new Browser()
      yield* visit(browser, addProduct("tea"))
      const visitor = tabOf(browser)
      yield* visit(browser, login(1))
      assert.notStrictEqual(browser.header, visitor.header)
      assert.isTrue(Option.isNone(yield* sessions.read(idIn(visitor))))
      const { body } = yield* visit(browser, home)
      assert.deepStrictEqual(body, { user: 1, products: ["tea"], messages: ["Welcome back"] })
    }))

  scoped("`set`: a change that another request cannot overwrite", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const products = Array.from({ length: 10 }, (_, index) => `product ${index}`)
      yield* Effect.forEach(products, (product) => visit(tabOf(browser), addProduct(product)), {
        concurrency: "unbounded"
      })
      const { body } = yield* visit(
        browser,
        Effect.flatMap(AppSession, (session) => Effect.map(session.get, (data) => [...data.products].sort()))
      )
      assert.deepStrictEqual(body, products)
    }))

  scoped("`set`: with `flash`, it is read once", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      assert.deepStrictEqual((yield* visit(browser, home)).body, { user: 1, products: [], messages: ["Welcome back"] })
      assert.deepStrictEqual((yield* visit(browser, home)).body, { user: 1, products: [], messages: [] })
    }))

  scoped(
    "`get`: the data, with what this request has changed; the initial data for a visitor, without a row",
    () =>
      Effect.gen(function*() {
        const { store, visit } = yield* makeNode(AppSession)
        const products = Effect.flatMap(AppSession, (session) => Effect.map(session.get, (data) => data.products))
        assert.deepStrictEqual((yield* visit(new Browser(), products)).body, [])
        assert.deepStrictEqual(store.take(), [])
        const { body } = yield* visit(new Browser(), Effect.zipRight(addProduct("tea"), products))
        assert.deepStrictEqual(body, ["tea"])
      })
  )

  scoped("`getToken`: for clients that keep it themselves", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeNode(AppSession, { middleware: { transport: "bearer" } })
      const signIn = Effect.gen(function*() {
        const session = yield* AppSession
        yield* session.signIn(1)
        return Option.getOrNull(Option.map(yield* session.bearerToken, Redacted.value))
      })
      const { body: token, setCookies } = yield* visit(new Browser(), signIn)
      assert.deepStrictEqual(setCookies, [])
      assert.strictEqual((yield* visit(new Browser(), userOf, { authorization: `Bearer ${String(token)}` })).body, 1)
    }))

  scoped("`regenerateID`: the same session under a new id, in one step", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      const before = tabOf(browser)
      yield* visit(browser, Effect.flatMap(AppSession, (session) => session.rotate))
      assert.isTrue(Option.isNone(yield* sessions.read(idIn(before))))
      assert.strictEqual((yield* visit(browser, userOf)).body, 1)
    }))

  scoped("`destroy`: at once, for good, and the cookie is cleared", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      const other = tabOf(browser)
      assert.strictEqual((yield* visit(browser, logout)).location, "/login")
      assert.isUndefined(browser.header)
      assert.isTrue(Option.isNone(yield* sessions.read(idIn(other))))
      assert.isNull((yield* visit(other, userOf)).body)
    }))

  scoped("`isDestroyed`: nobody is signed in, and there is no session", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const { body } = yield* visit(
        browser,
        Effect.zipRight(
          logout,
          Effect.flatMap(AppSession, (session) =>
            Effect.zipWith(session.user, session.info, (user, info) => [Option.isNone(user), Option.isNone(info)]))
        )
      )
      assert.deepStrictEqual(body, [true, true])
    }))

  scoped("`commit`: with the response, or when it is asked for", () =>
    Effect.gen(function*() {
      const { browser, store, visit } = yield* signedIn()
      store.take()
      yield* visit(browser, addProduct("tea"))
      assert.deepStrictEqual(store.take(), ["read", "update"])
      const stored = Effect.gen(function*() {
        yield* addProduct("milk")
        const session = yield* AppSession
        yield* session.commit
        return store.take()
      })
      assert.deepStrictEqual((yield* visit(browser, stored)).body, ["read", "update"])
      assert.deepStrictEqual(store.take(), [])
    }))
})

describe("FoalTS: outside of requests", () => {
  scoped("`createSession`: a session that is stored", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      const { id } = yield* sessions.create({ user: 1 })
      assert.deepStrictEqual(Option.flatMap(yield* sessions.read(id), ({ user }) => user), Option.some(1))
    }))

  scoped("`readSession`: none where there is none, and where it has expired", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      const { id } = yield* sessions.create({ user: 1 })
      assert.isTrue(Option.isSome(yield* sessions.read(id)))
      yield* TestClock.adjust("15 minutes")
      assert.isTrue(Option.isNone(yield* sessions.read(id)))
    }))

  scoped("`getSessionIDsOf`: the sessions of a user, by handles that open nothing", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      yield* sessions.create({ user: 1 })
      yield* sessions.create({ user: 1 })
      yield* sessions.create({ user: 2 })
      const [first, second] = yield* sessions.listByUser(1)
      assert.notStrictEqual(first?.handle, second?.handle)
      assert.isTrue(yield* sessions.destroyByHandle(1, second?.handle ?? ""))
      assert.lengthOf(yield* sessions.listByUser(1), 1)
    }))

  scoped("`destroyAllSessionsOf`: all of a user, and nobody else's", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      yield* sessions.create({ user: 1 })
      yield* sessions.create({ user: 1 })
      yield* sessions.create({ user: 2 })
      assert.strictEqual(yield* sessions.destroyByUser(1), 2)
      assert.deepStrictEqual(yield* sessions.count, { live: 1, signedIn: 1 })
    }))

  scoped("`getAuthenticatedUserIds`: how many there are", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      yield* sessions.create({ user: 1 })
      yield* sessions.create()
      assert.deepStrictEqual(yield* sessions.count, { live: 2, signedIn: 1 })
    }))

  scoped("`cleanUpExpiredSessions`: in the background, or when it is told", () =>
    Effect.gen(function*() {
      const { sessions, store } = yield* makeNode(AppSession)
      yield* sessions.create({ user: 1 })
      yield* TestClock.adjust("20 minutes")
      const swept = SessionCleaner.sweep().pipe(Effect.provideService(SessionStore.SessionStore, store.service))
      assert.strictEqual(yield* swept, 1)
      assert.strictEqual(yield* swept, 0)
    }))

  scoped("`clear`: everybody out", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      yield* sessions.create({ user: 1 })
      yield* sessions.clear
      assert.deepStrictEqual(yield* sessions.count, { live: 0, signedIn: 0 })
    }))

  scoped("`UserRequired`: 401, or a redirect", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeNode(AppSession)
      const user = SessionGuard.required(AppSession, (id) => Effect.succeed(Option.some(id)))
      assert.strictEqual((yield* visit(new Browser(), user)).status, 401)
      const { location, status } = yield* visit(new Browser(), SessionGuard.orRedirect("/login")(user))
      assert.deepStrictEqual([status, location], [302, "/login"])
    }))
})
