import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { Session, SessionCookie, SessionMiddleware, SessionStore } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type AppHandle,
  Browser,
  browserWith,
  contextOver,
  increment,
  incrementCount,
  makeApp,
  readData,
  rowsOf,
  signedInBrowser,
  signOut,
  tabOf,
  use,
  userOf,
  webHandler
} from "../support/app.js"
import { duringRequest, justBefore } from "../support/overlap.js"

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
        yield* app.sessions.clear
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
      const app = yield* makeApp()
      const context = yield* contextOver(app, MixedSession)
      const sessions = Context.get(context, MixedSession.sessions)
      const numeric = yield* sessions.create({ user: 7 })
      const handle = yield* webHandler(
        SessionMiddleware.httpRouter(MixedSession)(
          Effect.as(
            Effect.flatMap(MixedSession, (session) => session.signIn("7")),
            HttpServerResponse.empty()
          )
        ).pipe(Effect.provide(context), Effect.provideService(SessionCookie.SessionCookie, app.policy))
      )
      const cookie = `__Host-sid=${Redacted.value(numeric.id)}`
      const response = yield* Effect.promise(() => handle(new Request("https://app.test/", { headers: { cookie } })))
      assert.lengthOf(yield* sessions.listByUser(7), 0)
      assert.lengthOf(yield* sessions.listByUser("7"), 1)
      const id = /^__Host-sid=([\w-]+)/.exec(response.headers.getSetCookie().join())?.[1] ?? ""
      const textual = yield* sessions.read(Redacted.make(id))
      assert.deepStrictEqual(Option.flatMap(textual, ({ user }) => user), Option.some("7"))
    })
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
        yield* store.delete({ keys: [record.key] })
        yield* store.insert({ record: { ...record, data } })
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
