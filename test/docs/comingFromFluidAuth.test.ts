import { assert, describe, scoped } from "@effect/vitest"
import { SessionCleaner, SessionCookie, SessionError, SessionStore, SessionTimeouts } from "effect-sessions"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  AppSession,
  CookieLive,
  dashboard,
  endById,
  logIn,
  logOut,
  TimeoutsLive,
  type User,
  userOf
} from "../../examples/coming-from/fluidAuth.js"
import * as MapStore from "../../examples/custom-store/mapStore.js"
import { Browser, tabOf } from "../support/app.js"
import { idIn, makeNode, type Options } from "./support/node.js"

const ada: User = { id: "1", name: "Ada" }

const find = (id: string) => Effect.succeed(id === ada.id ? Option.some(ada) : Option.none<User>())

const signedIn = (options?: Options) =>
  Effect.gen(function*() {
    const node = yield* makeNode(AppSession, options)
    const browser = new Browser()
    const { setCookies: [setCookie = ""] } = yield* node.visit(browser, logIn(ada))
    return { ...node, browser, setCookie, attributes: setCookie.split("; ").slice(1) }
  })

describe("FluidAuth: the methods of Session", () => {
  scoped("`manageSession`: a stale, an unknown and a malformed cookie are a visitor", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const stale = tabOf(browser)
      assert.strictEqual((yield* visit(browser, dashboard(find))).body, "Hello Ada")
      yield* visit(browser, logOut)
      for (const cookie of [stale.cookies.get("__Host-sid") ?? "", "A".repeat(22), "deadbeef:deadbeef"]) {
        const other = new Browser()
        other.cookies.set("__Host-sid", cookie)
        const { location, status } = yield* visit(other, dashboard(find))
        assert.deepStrictEqual([status, location], [302, "/login"])
      }
    }))

  scoped("`createSession`: a new id for each sign-in, and one row for two", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      const first = browser.header
      yield* visit(browser, logIn(ada))
      assert.notStrictEqual(browser.header, first)
      assert.deepStrictEqual(yield* sessions.count, { live: 1, signedIn: 1 })
    }))

  scoped(
    "`destroySession`: the row and the cookie are gone, also after a sign-in of the same request",
    () =>
      Effect.gen(function*() {
        const { browser, sessions, visit } = yield* signedIn()
        yield* visit(browser, Effect.zipRight(logIn(ada), logOut))
        assert.isUndefined(browser.header)
        assert.deepStrictEqual(yield* sessions.count, { live: 0, signedIn: 0 })
      })
  )

  scoped("`cleanSession`: removes what has expired, and nothing else", () =>
    Effect.gen(function*() {
      const { sessions, store } = yield* makeNode(AppSession)
      yield* sessions.create({ user: "old" })
      yield* TestClock.adjust("16 minutes")
      yield* sessions.create({ user: "new" })
      const swept = SessionCleaner.sweep().pipe(Effect.provideService(SessionStore.SessionStore, store.service))
      assert.strictEqual(yield* swept, 1)
      assert.strictEqual((yield* sessions.count).live, 1)
    }))

  scoped("`getSession`: by the id, none if it does not exist or has expired", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const id = idIn(browser)
      assert.strictEqual((yield* visit(new Browser(), Effect.map(userOf(id), Option.getOrNull))).body, "1")
      yield* TestClock.adjust("15 minutes")
      assert.isNull((yield* visit(new Browser(), Effect.map(userOf(id), Option.getOrNull))).body)
    }))

  scoped("`deleteSession`: by the id, at once", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      yield* visit(new Browser(), endById(idIn(browser)))
      assert.strictEqual((yield* visit(browser, dashboard(find))).location, "/login")
    }))
})

describe("FluidAuth: the options of Session", () => {
  const secret = (text: string) =>
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries({ SESSION_SECRETS: text }))))

  scoped("`secret`: a list of keys, and none that can be guessed", () =>
    Effect.gen(function*() {
      const good = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 11) % 256)).toString("base64")
      const context = yield* Layer.build(Layer.provide(CookieLive, secret(good)))
      assert.isDefined(context)
      const short = yield* Effect.flip(Layer.build(Layer.provide(CookieLive, secret("secret"))))
      assert.instanceOf(short, SessionError.SessionConfigError)
    }))

  scoped("`store`: a layer; without one the app does not compile", () =>
    Effect.gen(function*() {
      const { browser, store, visit } = yield* signedIn()
      store.take()
      yield* visit(browser, dashboard(find))
      assert.deepStrictEqual(store.take(), ["read"])
    }))

  scoped("`cookie`: checked when the app starts", () =>
    Effect.gen(function*() {
      const { problems } = yield* Effect.flip(SessionCookie.make({ sameSite: "none", secure: false }))
      assert.isAbove(problems.length, 0)
    }))

  scoped("`sessionDuration`: without activity an hour, in all a day", () =>
    Effect.gen(function*() {
      const timeouts = yield* SessionTimeouts.SessionTimeouts.pipe(Effect.provide(TimeoutsLive))
      assert.deepStrictEqual([timeouts.idle, timeouts.absolute], [3_600_000, 86_400_000])
      const { browser, visit } = yield* signedIn({ timeouts: { idle: "1 hour", absolute: "24 hours" } })
      for (let half = 1; half < 48; half++) {
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual((yield* visit(browser, dashboard(find))).body, "Hello Ada")
      }
      yield* TestClock.adjust("30 minutes")
      assert.strictEqual((yield* visit(browser, dashboard(find))).location, "/login")
    }))
})

describe("FluidAuth: the options of its cookie", () => {
  scoped("`httpOnly`: true, unless it is false", () =>
    Effect.gen(function*() {
      assert.include((yield* signedIn()).attributes, "HttpOnly")
      assert.notInclude((yield* signedIn({ cookie: { httpOnly: false } })).attributes, "HttpOnly")
    }))

  scoped("`maxAge`: a duration, and never past the end of the session", () =>
    Effect.gen(function*() {
      assert.include((yield* signedIn({ cookie: { maxAge: "5 minutes" } })).attributes, "Max-Age=300")
      assert.include((yield* signedIn({ cookie: { maxAge: "5 hours" } })).attributes, "Max-Age=900")
    }))

  scoped("`secure`: true; `insecure` for plain http takes the prefix away as well", () =>
    Effect.gen(function*() {
      assert.include((yield* signedIn()).attributes, "Secure")
      const { attributes, setCookie } = yield* signedIn({ cookie: { insecure: true } })
      assert.notInclude(attributes, "Secure")
      assert.match(setCookie, /^sid=/)
    }))

  for (const sameSite of ["lax", "strict", "none"] as const) {
    scoped(`\`sameSite\`: ${sameSite}`, () =>
      Effect.gen(function*() {
        const expected = `SameSite=${sameSite.charAt(0).toUpperCase()}${sameSite.slice(1)}`
        assert.include((yield* signedIn({ cookie: { sameSite } })).attributes, expected)
      }))
  }

  scoped("`expires`: a date, and never past the end of the session", () =>
    Effect.gen(function*() {
      assert.include((yield* signedIn({ cookie: { expires: new Date(300_000) } })).attributes, "Max-Age=300")
      assert.include((yield* signedIn({ cookie: { expires: new Date(86_400_000) } })).attributes, "Max-Age=900")
    }))

  scoped("`path`: / unless the name has no prefix", () =>
    Effect.gen(function*() {
      assert.include((yield* signedIn()).attributes, "Path=/")
      assert.include((yield* signedIn({ cookie: { name: "sid", path: "/app" } })).attributes, "Path=/app")
    }))

  scoped("`domain`: as it is, and when the cookie is cleared, too", () =>
    Effect.gen(function*() {
      const { attributes, browser, visit } = yield* signedIn({ cookie: { name: "sid", domain: "example.com" } })
      assert.include(attributes, "Domain=example.com")
      assert.include((yield* visit(browser, logOut)).setCookies[0], "Domain=example.com")
    }))

  scoped("`signed`: with `signingKeys`, and what is badly signed asks no store", () =>
    Effect.gen(function*() {
      const signingKeys = [Redacted.make("a signing key of at least 32 bytes, for tests only")]
      const { browser, store, visit } = yield* signedIn({ cookie: { signed: true, signingKeys } })
      const other = tabOf(browser)
      const value = browser.cookies.get("__Host-sid") ?? ""
      other.cookies.set("__Host-sid", value.slice(0, -1) + (value.endsWith("A") ? "B" : "A"))
      store.take()
      assert.strictEqual((yield* visit(other, dashboard(find))).status, 302)
      assert.deepStrictEqual(store.take(), [])
    }))
})

describe("FluidAuth: the methods of a store", () => {
  const record: SessionStore.SessionRecord = {
    name: "AppSession",
    key: "key",
    previousKey: null,
    earlierKey: null,
    renamedAt: null,
    handle: "handle",
    userId: "1",
    data: "{}",
    version: 1,
    createdAt: 0,
    lastSeenAt: 0,
    expiresAt: 1000,
    remembered: false
  }

  const withRow = Effect.tap(MapStore.make, (store) => store.insert({ record }))

  scoped("`create`: fails where the key is there, and leaves that row alone", () =>
    Effect.gen(function*() {
      const store = yield* withRow
      const { reason } = yield* Effect.flip(store.insert({ record: { ...record, userId: "2" } }))
      assert.strictEqual(reason, "KeyExists")
      assert.deepStrictEqual(yield* store.read("key", 0), Option.some(record))
    }))

  scoped("`update`: at the version that was read, and never what has ended", () =>
    Effect.gen(function*() {
      const store = yield* withRow
      const change = { key: "key", expectedVersion: 1, data: "[]", lastSeenAt: 10, expiresAt: 1010, now: 10 }
      assert.isTrue(yield* store.update(change))
      assert.isFalse(yield* store.update(change))
      yield* store.delete({ keys: ["key"] })
      assert.isFalse(yield* store.update({ ...change, expectedVersion: 2 }))
      assert.isFalse(yield* store.touch({ key: "key", lastSeenAt: 20, expiresAt: 1020, now: 20 }))
    }))

  scoped("`delete`: says how many there were, none is no error", () =>
    Effect.gen(function*() {
      const store = yield* withRow
      assert.strictEqual(yield* store.delete({ keys: ["key"] }), 1)
      assert.strictEqual(yield* store.delete({ keys: ["key"] }), 0)
    }))

  scoped("`get`: none where it has expired", () =>
    Effect.gen(function*() {
      const store = yield* withRow
      assert.isTrue(Option.isSome(yield* store.read("key", 999)))
      assert.isTrue(Option.isNone(yield* store.read("key", 1000)))
    }))

  scoped("`clean`: what expires later stays", () =>
    Effect.gen(function*() {
      const store = yield* withRow
      assert.strictEqual(yield* store.deleteExpired(999, 100), 0)
      assert.strictEqual(yield* store.deleteExpired(1000, 100), 1)
    }))
})
