import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { Session, Sessions, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type App,
  type AppHandle,
  Browser,
  browserWith,
  increment,
  incrementCount,
  makeApp,
  readData,
  signOut,
  tabOf,
  use
} from "./support/app.js"
import { duringRequest, justBefore } from "./support/overlap.js"

const userOf = use((session) => Effect.map(session.user, Option.getOrNull))

/** How many rows the store holds, live or not. */
const rowsOf = (app: App) => app.store.service.count(-1)

const signedInBrowser = (app: App) =>
  app.browserWithSession({ user: "ada", data: { count: 1, notes: [], settings: {} } })

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

describe("FoalTS", () => {
  effect("bug 1: a new id and then the end leaves nothing to come back to", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      for (const first of ["staged", "committed"]) {
        const { browser } = yield* signedInBrowser(app)
        const old = tabOf(browser)
        yield* app.visit(
          browser,
          use((session) =>
            Effect.all([session.rotate, first === "committed" ? session.commit : Effect.void, session.destroy])
          )
        )
        assert.strictEqual(yield* rowsOf(app), 0)
        assert.isNull((yield* app.visit(old, userOf)).body)
        assert.strictEqual(browser.cookies.size, 0)
      }
    }))

  effect("bug 2: two new ids in one request leave one session, under the last", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      for (const between of ["staged", "committed"]) {
        yield* app.store.service.clear
        const { browser } = yield* signedInBrowser(app)
        const old = tabOf(browser)
        yield* app.visit(
          browser,
          use((session) =>
            Effect.all([session.rotate, between === "committed" ? session.commit : Effect.void, session.rotate])
          )
        )
        assert.strictEqual(yield* rowsOf(app), 1)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
        assert.isNull((yield* app.visit(old, userOf)).body)
      }
    }))

  const inFlight: ReadonlyArray<
    readonly [what: string, work: (session: AppHandle) => Effect.Effect<unknown, unknown>, status: number]
  > = [
    ["read", (session) => session.get, 200],
    ["touch", (session) => Effect.zipRight(TestClock.adjust("2 minutes"), session.get), 200],
    ["write", (session) => session.update(increment), 401],
    ["new id", (session) => session.rotate, 401],
    ["sign-in", (session) => session.signIn("grace"), 401]
  ]

  for (const [what, work, status] of inFlight) {
    effect(`bug 3: a sign-out during a ${what} of another request is final`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const { browser, id } = yield* signedInBrowser(app)
        const other = tabOf(browser)
        const answer = yield* duringRequest(app, other, work, app.visit(browser, signOut))
        assert.strictEqual(answer.status, status)
        assert.strictEqual(yield* rowsOf(app), 0)
        assert.isTrue(Option.isNone(yield* app.sessions.read(id)))
        assert.isNull((yield* app.visit(other, userOf)).body)
      }))
  }

  for (const [operation, work] of [["update", increment], ["rotate", undefined], ["touch", undefined]] as const) {
    effect(
      `bug 3: a sign-out that overtakes another request on its way to the store is final: ${operation}`,
      () =>
        Effect.gen(function*() {
          const app = yield* makeApp()
          const { browser } = yield* signedInBrowser(app)
          yield* TestClock.adjust("2 minutes")
          yield* justBefore(
            app,
            operation,
            tabOf(browser),
            (session) =>
              work !== undefined ? session.update(work) : operation === "rotate" ? session.rotate : session.get,
            app.visit(browser, signOut)
          )
          assert.strictEqual(yield* rowsOf(app), 0)
        })
    )
  }

  effect("bug 4: two requests that change different parts of one session both win", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* signedInBrowser(app)
      const answer = yield* duringRequest(
        app,
        tabOf(browser),
        (session) => session.update(addNote("mine")),
        app.visit(tabOf(browser), incrementCount)
      )
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual((yield* app.visit(browser, readData)).body, { count: 2, notes: ["mine"], settings: {} })
    }))

  effect("bug 4: nor is one of thirty parallel increments lost", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* signedInBrowser(app)
      yield* Effect.all(
        Array.from({ length: 30 }, () => app.visit(tabOf(browser), incrementCount)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual((yield* app.visit(browser, readData)).body, { count: 31, notes: [], settings: {} })
    }))

  effect("bug 6: a session that goes from a numeric user to a textual one is the new user's", () => {
    class MixedSession extends Session.Tag<MixedSession>()("MixedSession", {
      data: Schema.Struct({}),
      initial: {},
      user: Schema.parseJson(Schema.Union(Schema.Number, Schema.String))
    }) {}
    return Effect.gen(function*() {
      const sessions = yield* MixedSession.sessions
      const numeric = yield* sessions.create({ user: 7 })
      const textual = yield* sessions.commit(Option.some(numeric), {
        data: numeric.data,
        reapply: (data) => data,
        signIn: Option.some("7"),
        rotate: false,
        create: false,
        active: true,
        id: Option.none()
      })
      assert.deepStrictEqual(Option.flatMap(textual.session, ({ user }) => user), Option.some("7"))
      assert.strictEqual((yield* sessions.listByUser(7)).length, 0)
      assert.strictEqual((yield* sessions.listByUser("7")).length, 1)
      const { id } = Option.getOrThrow(textual.session)
      assert.deepStrictEqual(Option.flatMap(yield* sessions.read(id), ({ user }) => user), Option.some("7"))
    }).pipe(Effect.provide(Layer.fresh(Sessions.layerMemory(MixedSession))))
  })

  effect("bug 7: keys named like members of every object are keys like any other", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browser = new Browser()
      const settings = { hasOwnProperty: "1", toString: "2", constructor: "3", valueOf: "4" }
      yield* app.visit(browser, use((session) => session.update((data) => ({ ...data, settings }))))
      assert.strictEqual((yield* app.visit(browser, incrementCount)).status, 200)
      assert.deepStrictEqual((yield* app.visit(browser, readData)).body, { count: 1, notes: [], settings })
    }))

  effect("a request without a cookie makes no row", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      for (let request = 0; request < 20; request++) yield* app.visit(new Browser(), readData)
      assert.deepStrictEqual(app.store.take(), [])
    }))

  effect("a stale cookie is no 401 to a handler that does not ask for a user", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(browserWith("AAAAAAAAAAAAAAAAAAAAAA"), readData)
      assert.strictEqual(answer.status, 200)
    }))

  effect("a corrupt row is a visitor, not a 500", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const app = yield* makeApp({ store })
      const { browser, id } = yield* app.browserWithSession()
      const { record } = Option.getOrThrow(yield* app.sessions.read(id))
      for (const data of ["", "{", "null", "[]", "{\"count\":\"one\"}", "\u0000"]) {
        yield* store.delete(record.key)
        yield* store.insert({ ...record, data })
        const answer = yield* app.visit(browser, readData)
        assert.deepStrictEqual([answer.status, answer.body], [200, { count: 0, notes: [], settings: {} }])
      }
    }))

  effect("the object a session is made from is not changed", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const data = { count: 1, notes: [], settings: {} }
      yield* app.sessions.create({ data })
      assert.deepStrictEqual(data, { count: 1, notes: [], settings: {} })
    }))
})
