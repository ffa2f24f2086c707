import { assert, describe, scoped } from "@effect/vitest"
import { SessionCleaner, SessionCookie, SessionStore, SessionToken } from "effect-sessions"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  about,
  AppSession,
  CookieLive,
  countView,
  keepAlive,
  logIn,
  logOut,
  renew,
  saveNow
} from "../../examples/coming-from/expressSession.js"
import { Browser, tabOf } from "../support/app.js"
import { idIn, makeNode, type Options } from "./support/node.js"

const signedIn = (options?: Options) =>
  Effect.gen(function*() {
    const node = yield* makeNode(AppSession, options)
    const browser = new Browser()
    const { setCookies: [setCookie = ""] } = yield* node.visit(browser, logIn("ada"))
    node.store.take()
    return { ...node, browser, setCookie }
  })

const userOf = Effect.flatMap(AppSession, (session) => Effect.map(session.user, Option.getOrNull))

describe("express-session: req.session", () => {
  scoped("`req.session.views++`: none of ten requests at once is lost", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      yield* Effect.all(Array.from({ length: 10 }, () => visit(tabOf(browser), countView)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual((yield* visit(browser, countView)).body, { views: 11 })
    }))

  scoped("`regenerate`: a sign-in gets a new id, and what `carry` names comes along", () =>
    Effect.gen(function*() {
      const { sessions, visit } = yield* makeNode(AppSession)
      const browser = new Browser()
      yield* visit(browser, countView)
      yield* visit(browser, saveNow("tea"))
      const before = tabOf(browser)
      yield* visit(browser, logIn("ada"))
      const session = Option.getOrThrow(yield* sessions.read(idIn(browser)))
      assert.deepStrictEqual(session.data, { views: 0, cart: ["tea"] })
      assert.isTrue(Option.isNone(yield* sessions.read(idIn(before))))

      const signedInBefore = tabOf(browser)
      yield* visit(browser, renew)
      assert.strictEqual((yield* visit(browser, userOf)).body, "ada")
      assert.isTrue(Option.isNone(yield* sessions.read(idIn(signedInBefore))))
    }))

  scoped("`destroy`: the row and the cookie", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      yield* visit(browser, logOut)
      assert.isUndefined(browser.header)
      assert.deepStrictEqual(yield* sessions.count, { live: 0, signedIn: 0 })
    }))

  scoped("`reload`: a change is applied to what is stored by then", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const late = Effect.gen(function*() {
        const session = yield* AppSession
        yield* session.get
        yield* visit(tabOf(browser), countView)
        return yield* countView
      })
      yield* visit(browser, late)
      assert.deepStrictEqual((yield* visit(browser, countView)).body, { views: 3 })
    }))

  scoped("`save`: stored when `commit` returns", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      const cart = Effect.gen(function*() {
        yield* saveNow("tea")
        return Option.getOrNull(Option.map(yield* Effect.orDie(sessions.read(idIn(browser))), ({ data }) => data.cart))
      })
      assert.deepStrictEqual((yield* visit(browser, cart)).body, ["tea"])
    }))

  scoped("`touch`: activity without a change", () =>
    Effect.gen(function*() {
      const { browser, store, visit } = yield* signedIn()
      yield* TestClock.adjust("10 minutes")
      yield* visit(browser, keepAlive)
      assert.deepStrictEqual(store.take(), ["read", "touch"])
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* visit(browser, userOf)).body, "ada")
    }))

  scoped("`req.sessionID`: a handle, which opens nothing", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const first = (yield* visit(browser, Effect.map(about, Option.getOrNull))).body
      yield* visit(browser, renew)
      const second = (yield* visit(browser, Effect.map(about, Option.getOrNull))).body
      assert.deepStrictEqual(first, second)
      assert.notInclude(JSON.stringify(first), Redacted.value(idIn(browser)))
    }))

  scoped("`req.session.cookie`: the times of the session, in `info`", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const end = Effect.map(about, Option.map(({ expiresAt }) => expiresAt))
      assert.strictEqual((yield* visit(browser, Effect.map(end, Option.getOrNull))).body, 15 * 60_000)
    }))
})

describe("express-session: its options", () => {
  const key = (seed: number) =>
    Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + seed) % 256)).toString("base64")

  scoped("`secret`: a list, the first signs", () =>
    Effect.gen(function*() {
      const provider = ConfigProvider.fromMap(new Map(Object.entries({ SESSION_SECRETS: `${key(3)},${key(5)}` })))
      const policy = yield* SessionCookie.SessionCookie.pipe(
        Effect.provide(Layer.provide(CookieLive, Layer.setConfigProvider(provider)))
      )
      assert.lengthOf(policy.keys, 2)
      assert.isTrue(policy.persistent)
    }))

  scoped("`name`: __Host-sid, if left out", () =>
    Effect.gen(function*() {
      assert.match((yield* signedIn()).setCookie, /^__Host-sid=/)
      assert.match((yield* signedIn({ cookie: { name: "connect.sid" } })).setCookie, /^connect\.sid=/)
    }))

  scoped("`cookie`: with `persistent`, as long as the session lives", () =>
    Effect.gen(function*() {
      assert.notInclude((yield* signedIn()).setCookie, "Max-Age")
      assert.include((yield* signedIn({ cookie: { persistent: true } })).setCookie, "Max-Age=900")
    }))

  scoped("`store`: what it is asked, is asked of a layer", () =>
    Effect.gen(function*() {
      const { browser, store, visit } = yield* signedIn()
      yield* visit(browser, userOf)
      assert.deepStrictEqual(store.take(), ["read"])
    }))

  scoped("`genid`: 128 random bits, or more", () =>
    Effect.gen(function*() {
      const { bytes } = yield* SessionToken.make({ bytes: 32 })
      assert.strictEqual(bytes, 32)
      assert.isDefined(yield* Effect.flip(SessionToken.make({ bytes: 8 })))
    }))

  scoped("`resave`: nobody writes what has not changed", () =>
    Effect.gen(function*() {
      const { browser, store, visit } = yield* signedIn()
      yield* visit(browser, Effect.flatMap(AppSession, (session) => session.update((data) => data)))
      assert.deepStrictEqual(store.take(), ["read"])
    }))

  scoped("`rolling`: activity is written once a minute, the cookie when its end moves", () =>
    Effect.gen(function*() {
      const { browser, store, visit } = yield* signedIn({ cookie: { persistent: true } })
      assert.deepStrictEqual((yield* visit(browser, userOf)).setCookies, [])
      assert.deepStrictEqual(store.take(), ["read"])
      yield* TestClock.adjust("2 minutes")
      assert.include((yield* visit(browser, userOf)).setCookies[0], "Max-Age=900")
      assert.deepStrictEqual(store.take(), ["read", "touch"])
    }))

  scoped("`saveUninitialized`: a visitor who changes nothing is not stored", () =>
    Effect.gen(function*() {
      const { store, visit } = yield* makeNode(AppSession)
      const { setCookies } = yield* visit(new Browser(), Effect.flatMap(AppSession, (session) => session.get))
      assert.deepStrictEqual(setCookies, [])
      assert.deepStrictEqual(store.take(), [])
    }))

  scoped("`unset`: a session ends where it is told to", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      yield* visit(browser, Effect.flatMap(AppSession, (session) => session.destroy))
      assert.strictEqual((yield* sessions.count).live, 0)
    }))
})

describe("express-session: its stores", () => {
  scoped("`all`: by user, a page at a time", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      for (let count = 0; count < 3; count++) yield* sessions.create({ user: "ada" })
      assert.lengthOf(yield* sessions.listByUser("ada", { limit: 2 }), 2)
      assert.lengthOf(yield* sessions.listByUser("ada", { limit: 2, offset: 2 }), 1)
    }))

  scoped("`length`: how many are live, and how many of them a user's", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      yield* sessions.create()
      yield* sessions.create({ user: "ada" })
      assert.deepStrictEqual(yield* sessions.count, { live: 2, signedIn: 1 })
    }))

  scoped("`clear`: those of this declaration", () =>
    Effect.gen(function*() {
      const { sessions } = yield* makeNode(AppSession)
      yield* sessions.create()
      yield* sessions.clear
      assert.strictEqual((yield* sessions.count).live, 0)
    }))

  scoped("`ttl`: what has expired is swept", () =>
    Effect.gen(function*() {
      const { sessions, store } = yield* makeNode(AppSession)
      yield* sessions.create()
      yield* TestClock.adjust("20 minutes")
      const swept = SessionCleaner.sweep().pipe(Effect.provideService(SessionStore.SessionStore, store.service))
      assert.strictEqual(yield* swept, 1)
    }))
})
