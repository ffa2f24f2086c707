import { assert, describe, scoped } from "@effect/vitest"
import { SessionCleaner, SessionCookie, SessionStore, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  AppSession,
  devices,
  profile,
  signIn,
  signOut,
  signOutEverywhere,
  TimeoutsLive,
  type User
} from "../../examples/coming-from/lucia.js"
import { Browser, tabOf } from "../support/app.js"
import { idIn, makeNode, type Options } from "./support/node.js"

const find = (id: string): Effect.Effect<Option.Option<User>> =>
  Effect.succeed(id === "1" ? Option.some({ id, username: "ada" }) : Option.none())

const signedIn = (options?: Options) =>
  Effect.gen(function*() {
    const node = yield* makeNode(AppSession, options)
    const browser = new Browser()
    yield* node.visit(browser, signIn("1", "GB"))
    return { ...node, browser }
  })

describe("Lucia", () => {
  scoped("`createSession`: signs in, stores, and sets the cookie", () =>
    Effect.gen(function*() {
      const { browser, sessions } = yield* signedIn()
      const session = Option.getOrThrow(yield* sessions.read(idIn(browser)))
      assert.deepStrictEqual([session.user, session.data], [Option.some("1"), { country: "GB" }])
      const outside = yield* sessions.create({ user: "1", data: { country: "FR" } })
      assert.deepStrictEqual(outside.data, { country: "FR" })
    }))

  scoped("`validateSession`: the user and the data, and activity is noted", () =>
    Effect.gen(function*() {
      const { browser, store, visit } = yield* signedIn()
      store.take()
      assert.deepStrictEqual((yield* visit(browser, profile(find))).body, { username: "ada", country: "GB" })
      assert.deepStrictEqual(store.take(), ["read"])
      yield* TestClock.adjust("2 minutes")
      yield* visit(browser, profile(find))
      assert.deepStrictEqual(store.take(), ["read", "touch"])
      assert.strictEqual((yield* visit(new Browser(), profile(find))).status, 401)
    }))

  scoped("`invalidateSession`: one, by its request or by its handle", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      yield* visit(browser, signOut)
      assert.lengthOf(yield* sessions.listByUser("1"), 0)
      const { record } = yield* sessions.create({ user: "1" })
      assert.isFalse(yield* sessions.destroyByHandle("2", record.handle))
      assert.isTrue(yield* sessions.destroyByHandle("1", record.handle))
    }))

  scoped("`invalidateUserSessions`: all of a user", () =>
    Effect.gen(function*() {
      const { browser, sessions, visit } = yield* signedIn()
      yield* sessions.create({ user: "1" })
      assert.strictEqual((yield* visit(new Browser(), signOutEverywhere("1"))).body, 2)
      assert.strictEqual((yield* visit(browser, profile(find))).status, 401)
    }))

  scoped("`getUserSessions`: all of a user, the most recently seen first", () =>
    Effect.gen(function*() {
      const { sessions, visit } = yield* signedIn()
      yield* TestClock.adjust("1 minute")
      yield* sessions.create({ user: "1", data: { country: "FR" } })
      const countries = Effect.map(devices("1"), (all) => all.map(({ data }) => Option.getOrNull(data)?.country))
      assert.deepStrictEqual((yield* visit(new Browser(), countries)).body, ["FR", "GB"])
    }))

  scoped("`deleteExpiredSessions`: in the background, or when it is told", () =>
    Effect.gen(function*() {
      const { store } = yield* signedIn()
      yield* TestClock.adjust("20 minutes")
      const swept = SessionCleaner.sweep().pipe(Effect.provideService(SessionStore.SessionStore, store.service))
      assert.strictEqual(yield* swept, 1)
    }))

  scoped(
    "`createSessionCookie`: the middleware does it, outside of requests `SessionCookie.write`",
    () =>
      Effect.gen(function*() {
        const { policy, sessions, visit } = yield* makeNode(AppSession)
        const { id, record } = yield* sessions.create({ user: "1", data: { country: "GB" } })
        const cookie = SessionCookie.write(policy, id, { expiresAt: record.expiresAt, now: 0 })
        const browser = new Browser()
        browser.cookies.set(cookie.name, cookie.value)
        assert.deepStrictEqual((yield* visit(browser, profile(find))).body, { username: "ada", country: "GB" })
      })
  )

  scoped("`createBlankSessionCookie`: the middleware does it, at a sign-out", () =>
    Effect.gen(function*() {
      const { browser, visit } = yield* signedIn()
      const { setCookies } = yield* visit(browser, signOut)
      assert.lengthOf(setCookies, 1)
      assert.match(setCookies[0] ?? "", /^__Host-sid=; Max-Age=0;/)
      assert.isUndefined(browser.header)
    }))

  scoped(
    "`readSessionCookie`: the middleware does it; what we did not make asks no store",
    () =>
      Effect.gen(function*() {
        const { browser, policy, sessions, store, visit } = yield* signedIn()
        const reading = SessionCookie.read(policy, sessions.token, browser.header, 0)
        assert.strictEqual(reading._tag, "Accepted")
        const other = tabOf(browser)
        other.cookies.set("__Host-sid", "not an id")
        store.take()
        assert.strictEqual((yield* visit(other, profile(find))).status, 401)
        assert.deepStrictEqual(store.take(), [])
      })
  )

  scoped("`readBearerToken`: the middleware does it, with another transport", () =>
    Effect.gen(function*() {
      const { sessions, visit } = yield* makeNode(AppSession, { middleware: { transport: "bearer" } })
      const { id } = yield* sessions.create({ user: "1", data: { country: "GB" } })
      const authorization = `Bearer ${Redacted.value(id)}`
      assert.strictEqual((yield* visit(new Browser(), profile(find), { authorization })).status, 200)
      assert.strictEqual((yield* visit(new Browser(), profile(find))).status, 401)
    }))

  scoped("`sessionExpiresIn`: 30 days without activity, and 90 in all", () =>
    Effect.gen(function*() {
      const timeouts = yield* SessionTimeouts.SessionTimeouts.pipe(Effect.provide(TimeoutsLive))
      assert.deepStrictEqual([timeouts.idle, timeouts.absolute].map((millis) => millis / 86_400_000), [30, 90])
    }))
})
