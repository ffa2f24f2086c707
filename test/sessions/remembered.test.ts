import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, layer, scoped } from "@effect/vitest"
import { Session, SessionCookie, SessionMiddleware, SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import {
  Browser,
  contextOver,
  increment,
  isLive,
  makeApp,
  managerOf,
  readData,
  use,
  userOf,
  webHandler
} from "../support/app.js"
import { mysql, mysqlMissing, postgres, postgresMissing, sqlite } from "../support/clients.js"

const minute = 60_000
const day = 86_400_000

/** Remembered and ordinary sessions side by side, to the millisecond, on one store. */
const sideBySide = <E>(name: string, storeLayer: Layer.Layer<SessionStore.SessionStore, E>) =>
  layer(storeLayer, { timeout: 60_000 })(`${name} keeps the timeouts of both kinds of sessions`, (it) => {
    it.scoped("each its idle timeout, to the millisecond", () =>
      Effect.gen(function*() {
        const sessions = yield* managerOf(yield* SessionStore.SessionStore)
        yield* sessions.clear
        const ordinary = yield* sessions.create({ user: "ada" })
        const remembered = yield* sessions.create({ user: "ada", remember: true })
        const live = Effect.all([isLive(sessions, ordinary.id), isLive(sessions, remembered.id)])
        const listed = Effect.map(sessions.listByUser("ada"), (listed) => listed.map(({ remembered }) => remembered))
        yield* TestClock.adjust(15 * minute - 1)
        assert.deepStrictEqual(yield* live, [true, true])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* live, [false, true])
        assert.deepStrictEqual(yield* listed, [true])
        yield* TestClock.adjust(30 * day - 15 * minute - 1)
        assert.deepStrictEqual(yield* live, [false, true])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* live, [false, false])
        assert.deepStrictEqual(yield* listed, [])
      }))

    it.scoped("each its absolute timeout, to the millisecond, however much it is used", () =>
      Effect.gen(function*() {
        const sessions = yield* managerOf(yield* SessionStore.SessionStore, {
          absolute: "1 hour",
          remembered: { idle: "1 hour", absolute: "2 hours" }
        })
        yield* sessions.clear
        const ordinary = yield* sessions.create({ user: "grace" })
        const remembered = yield* sessions.create({ user: "grace", remember: true })
        const touched = Effect.all([sessions.touch(ordinary.id), sessions.touch(remembered.id)])
        for (let used = 1; used < 12; used++) {
          yield* TestClock.adjust(5 * minute)
          assert.deepStrictEqual(yield* touched, [true, true])
        }
        yield* TestClock.adjust(5 * minute - 1)
        assert.deepStrictEqual(yield* touched, [true, true])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* touched, [false, true])
        yield* TestClock.adjust(59 * minute)
        assert.isTrue(yield* sessions.touch(remembered.id))
        yield* TestClock.adjust(minute - 1)
        assert.isTrue(yield* isLive(sessions, remembered.id))
        yield* TestClock.adjust(1)
        assert.isFalse(yield* isLive(sessions, remembered.id))
      }))

    it.scoped("a policy that got stricter applies at once, to its own kind", () =>
      Effect.gen(function*() {
        const store = yield* SessionStore.SessionStore
        const sessions = yield* managerOf(store)
        const stricter = yield* managerOf(store, { remembered: { idle: "1 hour", absolute: "1 hour" } })
        yield* sessions.clear
        const { id } = yield* sessions.create({ user: "linus", remember: true })
        yield* TestClock.adjust(60 * minute)
        assert.isTrue(yield* isLive(sessions, id))
        assert.isFalse(yield* isLive(stricter, id))
        assert.deepStrictEqual(yield* stricter.listByUser("linus"), [])
      }))
  })

sideBySide("Memory", SessionStore.layerMemory)
sideBySide("SQLite", Layer.provide(SqlSessionStore.layerWith({ prefix: "remembered" }), sqlite()))
describe.skipIf(postgresMissing() !== undefined)("PostgreSQL", () => {
  sideBySide("PostgreSQL", Layer.provide(SqlSessionStore.layerWith({ prefix: "remembered" }), postgres()))
})
describe.skipIf(mysqlMissing() !== undefined)("MySQL", () => {
  sideBySide("MySQL", Layer.provide(SqlSessionStore.layerWith({ prefix: "remembered" }), mysql()))
})

/** The lifetime of the cookie that an answer sets, in seconds. Null if it sets none, undefined if it has no lifetime. */
const maxAgeOf = ({ setCookies: [cookie] }: { readonly setCookies: ReadonlyArray<string> }) => {
  if (cookie === undefined) return null
  const seconds = /Max-Age=(\d+)/.exec(cookie)?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

const signIn = (remember?: boolean, user = "ada") => use((session) => session.signIn(user, { remember }))

describe("The cookie of a remembered session", () => {
  scoped("survives the browser, and no other does", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browser = new Browser()
      assert.strictEqual(maxAgeOf(yield* app.visit(browser, signIn())), undefined)
      assert.strictEqual(maxAgeOf(yield* app.visit(browser, signIn(true))), 30 * 86_400)
      assert.strictEqual(maxAgeOf(yield* app.visit(browser, signIn(false))), undefined)
    }))

  scoped(
    "follows the session: sent again when its idle timeout moves, and never past its end",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp({ timeouts: { remembered: { idle: "30 days", absolute: "40 days" } } })
        const browser = new Browser()
        yield* app.visit(browser, signIn(true))
        assert.strictEqual(maxAgeOf(yield* app.visit(browser, readData)), null)
        yield* TestClock.adjust(5 * day)
        assert.strictEqual(maxAgeOf(yield* app.visit(browser, readData)), 30 * 86_400)
        yield* TestClock.adjust(15 * day)
        assert.strictEqual(maxAgeOf(yield* app.visit(browser, readData)), 20 * 86_400)
      })
  )

  scoped("lives no longer than 400 days, whatever the session does", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({ timeouts: { remembered: { idle: "600 days", absolute: "900 days" } } })
      assert.strictEqual(maxAgeOf(yield* app.visit(new Browser(), signIn(true))), 400 * 86_400)
    }))

  scoped(
    "lives no longer than maxAge and expires of the policy; persistent: false leaves it alone",
    () =>
      Effect.gen(function*() {
        const lifetime = (cookie: Parameters<typeof makeApp>[0]) =>
          Effect.gen(function*() {
            const app = yield* makeApp(cookie)
            return [
              maxAgeOf(yield* app.visit(new Browser(), signIn(true))),
              maxAgeOf(yield* app.visit(new Browser(), signIn()))
            ]
          })
        assert.deepStrictEqual(yield* lifetime({ cookie: { maxAge: "7 days" } }), [7 * 86_400, 900])
        assert.deepStrictEqual(yield* lifetime({ cookie: { expires: new Date(3 * day) } }), [3 * 86_400, 900])
        assert.deepStrictEqual(yield* lifetime({ cookie: { persistent: true } }), [30 * 86_400, 900])
        assert.deepStrictEqual(yield* lifetime({ cookie: { persistent: false } }), [30 * 86_400, undefined])
      })
  )
})

describe("Who is remembered", () => {
  const rememberedOf = use((session) => Effect.map(session.info, Option.map(({ remembered }) => remembered)))

  const asked = (...signIns: ReadonlyArray<readonly [remember: boolean | undefined, user: string]>) =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browser = new Browser()
      yield* app.visit(browser, use((session) => session.update(increment)))
      for (const [remember, user] of signIns) yield* app.visit(browser, signIn(remember, user))
      assert.strictEqual((yield* app.visit(browser, userOf)).body, signIns.at(-1)?.[1])
      return (yield* app.visit(browser, rememberedOf)).body
    })

  for (
    const [what, signIns, expected] of [
      ["who asked", [[true, "ada"]], true],
      ["not who did not say", [[undefined, "ada"]], false],
      ["still who signs in again and does not say", [[true, "ada"], [undefined, "ada"]], true],
      ["no longer who signs in again and does not want it", [[true, "ada"], [false, "ada"]], false],
      ["not somebody else", [[true, "ada"], [undefined, "grace"]], false]
    ] as const
  ) {
    scoped(`is ${what}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* asked(...signIns), { _id: "Option", _tag: "Some", value: expected })
      }))
  }

  const Account = Schema.transform(Schema.String, Schema.Struct({ id: Schema.String }), {
    strict: true,
    decode: (id) => ({ id }),
    encode: ({ id }) => id
  })

  class AccountSession extends Session.Tag<AccountSession>()("AccountSession", {
    data: Schema.Struct({ count: Schema.Number }),
    initial: { count: 0 },
    user: Account
  }) {}

  for (
    const [what, signIns, expected] of [
      ["still who signs in again in one request", [[true, "ada"], [undefined, "ada"]], true],
      ["still who does so twice", [[true, "ada"], [undefined, "ada"], [undefined, "ada"]], true],
      ["no longer who does not want it in the end", [[true, "ada"], [false, "ada"], [undefined, "ada"]], false],
      ["not somebody else", [[true, "ada"], [undefined, "grace"]], false],
      ["not who comes after somebody else", [[true, "ada"], [undefined, "grace"], [undefined, "ada"]], false]
    ] as const
  ) {
    scoped(`is ${what}, where users are objects`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const accounts = yield* contextOver(app, AccountSession)
        const cookie = yield* SessionCookie.make({ name: "__Host-account" })
        const remembered = Effect.flatMap(AccountSession, (session) =>
          Effect.forEach(signIns, ([remember, id]) =>
            session.signIn({ id }, { remember })).pipe(
              Effect.zipRight(session.commit),
              Effect.zipRight(session.info),
              Effect.map((info) => HttpServerResponse.unsafeJson(Option.map(info, ({ remembered }) => remembered)))
            ))
        const handle = yield* webHandler(
          SessionMiddleware.httpRouter(AccountSession, { cookie })(remembered).pipe(
            Effect.provideService(SessionCookie.SessionCookie, app.policy),
            Effect.provide(accounts)
          )
        )
        const response = yield* Effect.promise(() =>
          handle(new Request("https://app.test/"))
        )
        const body = yield* Effect.promise(() => response.json())
        assert.deepStrictEqual(body, { _id: "Option", _tag: "Some", value: expected })
      }))
  }
})
