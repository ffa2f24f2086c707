import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type App,
  type AppHandle,
  AppSession,
  Browser,
  increment,
  incrementCount,
  makeApp,
  readData,
  signOut,
  tabOf,
  use,
  webHandler
} from "../support/app.js"
import { breakDown, countLive, leaveAlone } from "../support/observedStore.js"
import { duringRequest } from "../support/overlap.js"

const ownedApp = Effect.gen(function*() {
  const app = yield* makeApp()
  const owned = yield* app.browserWithSession({ user: "ada", data: { count: 1, notes: [], settings: {} } })
  return { app, ...owned }
})

const countOf = (app: App, browser: Browser) =>
  Effect.map(app.visit(browser, use((session) => Effect.map(session.get, ({ count }) => count))), ({ body }) => body)

describe("What is staged", () => {
  for (const status of [200, 204, 302, 400, 404, 401]) {
    effect(`is written when the answer is ${status}`, () =>
      Effect.gen(function*() {
        const { app, browser } = yield* ownedApp
        yield* app.visit(browser, Effect.as(incrementCount, HttpServerResponse.empty({ status })))
        assert.strictEqual(yield* countOf(app, browser), 2)
      }))
  }

  for (const status of [499, 500, 502, 503]) {
    effect(`is dropped when the answer is ${status}`, () =>
      Effect.gen(function*() {
        const { app, browser } = yield* ownedApp
        const visitor = new Browser()
        yield* app.visit(browser, Effect.as(incrementCount, HttpServerResponse.empty({ status })))
        yield* app.visit(visitor, Effect.as(incrementCount, HttpServerResponse.empty({ status })))
        assert.deepStrictEqual(app.store.take(), ["read"])
        assert.strictEqual(visitor.cookies.size, 0)
        assert.strictEqual(yield* countOf(app, browser), 1)
      }))
  }

  effect("is dropped when the client hangs up, which is nothing to warn of", () => {
    const logged: Array<unknown> = []
    return Effect.gen(function*() {
      const { app, browser } = yield* ownedApp
      const staged = yield* Deferred.make<void>()
      const handle = yield* webHandler(app.withSession(
        Effect.zipRight(incrementCount, Effect.zipRight(Deferred.succeed(staged, void 0), Effect.never))
      ))
      const client = new AbortController()
      const headers = { cookie: browser.header ?? "" }
      const response = handle(new Request("https://app.test/", { headers, signal: client.signal }))
      yield* Deferred.await(staged)
      client.abort()
      assert.strictEqual((yield* Effect.promise(() => response)).status, 499)
      assert.deepStrictEqual(app.store.take(), ["read"])
      assert.strictEqual(yield* countOf(app, browser), 1)
      assert.deepStrictEqual(logged, [])
    }).pipe(Effect.provide(Logger.add(Logger.make(({ logLevel, message }) => {
      if (LogLevel.greaterThanEqual(logLevel, LogLevel.Warning)) logged.push(message)
    }))))
  })

  effect("stays when it was committed before the handler failed", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ownedApp
      yield* app.visit(
        browser,
        use((session) =>
          Effect.all([session.update(increment), session.commit, session.update(increment), Effect.fail("broken")])
        )
      )
      assert.strictEqual(yield* countOf(app, browser), 2)
    }))

  effect("is not written again when the response hook runs a second time", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browser = new Browser()
      let runs = 0
      const answer = yield* app.visit(browser, incrementCount, (inner) =>
        Effect.zipRight(
          HttpApp.appendPreResponseHandler((_request, response) =>
            Effect.suspend(() => runs++ === 0 ? Effect.die("the first time") : Effect.succeed(response))
          ),
          inner
        ))
      assert.strictEqual(runs, 2)
      assert.deepStrictEqual(app.store.take(), [])
      assert.strictEqual(answer.status, 500)

      let later = 0
      const committed = yield* app.visit(
        browser,
        Effect.zipLeft(
          incrementCount,
          HttpApp.appendPreResponseHandler((_request, response) =>
            Effect.suspend(() => later++ === 0 ? Effect.die("the first time") : Effect.succeed(response))
          )
        )
      )
      assert.strictEqual(later, 2)
      assert.deepStrictEqual(app.store.take(), ["insert"])
      assert.strictEqual(committed.setCookies.length, 1)
      assert.strictEqual(yield* countOf(app, browser), 1)
    }))

  effect("and the same value as before is not written", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ownedApp
      yield* app.visit(
        browser,
        use((session) => Effect.all([session.update(identity), session.modify((data) => [1, data])]))
      )
      assert.deepStrictEqual(app.store.take(), ["read"])
    }))

  effect("and signed in while a commit is on its way is not lost", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ownedApp
      const writing = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      app.store.interfere((operation, effect) => {
        if (operation !== "update") return effect
        app.store.interfere(leaveAlone)
        return Effect.zipRight(Deferred.succeed(writing, void 0), Effect.zipRight(Deferred.await(proceed), effect))
      })
      yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* session.update(increment)
            const commit = yield* Effect.fork(session.commit)
            yield* Deferred.await(writing)
            const signIn = yield* Effect.fork(session.signIn("grace", { carry: identity }))
            yield* Effect.yieldNow()
            yield* Deferred.succeed(proceed, void 0)
            yield* Fiber.join(commit)
            yield* Fiber.join(signIn)
          })
        )
      )
      const answer = yield* app.visit(browser, use((session) => Effect.map(session.user, Option.getOrNull)))
      assert.strictEqual(answer.body, "grace")
      assert.strictEqual(yield* countOf(app, browser), 2)
    }))
})

describe("A sign-out", () => {
  for (const [how, ending] of [["fails", Effect.fail("broken")], ["dies", Effect.die("broken")]] as const) {
    effect(`stands, and clears the cookie, when the handler then ${how}`, () =>
      Effect.gen(function*() {
        const { app, browser, id } = yield* ownedApp
        const answer = yield* app.visit(browser, Effect.zipRight(signOut, ending))
        assert.strictEqual(answer.status, 500)
        assert.strictEqual(answer.setCookies.length, 1)
        assert.strictEqual(browser.cookies.size, 0)
        assert.isTrue(Option.isNone(yield* app.sessions.read(id)))
      }))
  }

  effect(
    "drops what was staged before it, and lets what follows begin a session of its own",
    () =>
      Effect.gen(function*() {
        const { app, browser, cookie } = yield* ownedApp
        yield* app.visit(
          browser,
          use((session) =>
            Effect.all([session.update(addNote("before")), session.signOut, session.update(addNote("after"))])
          )
        )
        assert.deepStrictEqual(app.store.take(), ["read", "delete", "insert"])
        assert.notStrictEqual(browser.cookies.get("__Host-sid"), cookie)
        const { body } = yield* app.visit(browser, readData)
        assert.deepStrictEqual(body, { count: 0, notes: ["after"], settings: {} })
      })
  )

  effect("that the store refuses is a 503 and leaves the cookie", () =>
    Effect.gen(function*() {
      const { app, browser, id } = yield* ownedApp
      breakDown(app.store, "delete")
      const answer = yield* app.visit(browser, signOut)
      assert.strictEqual(answer.status, 503)
      assert.deepStrictEqual(answer.setCookies, [])
      assert.isTrue(Option.isSome(yield* app.sessions.read(id)))
    }))

  effect(
    "of a session whose row this version of the app cannot read ends it all the same",
    () =>
      Effect.gen(function*() {
        const { app, browser, key } = yield* ownedApp
        const now = 0
        yield* app.store.service.update({ key, expectedVersion: 1, data: "{}", lastSeenAt: 0, expiresAt: 0, now })
        yield* app.visit(browser, use((session) => Effect.zipRight(session.get, session.signOut)))
        assert.strictEqual(yield* countLive(app.store.service, AppSession.sessionName, now), 0)
      })
  )
})

describe("A session that ended meanwhile", () => {
  const changes: ReadonlyArray<readonly [string, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
    ["update", (session) => session.update(increment)],
    ["new id", (session) => session.rotate],
    ["sign-in", (session) => session.signIn("grace")]
  ]
  for (const [what, change] of changes) {
    effect(
      `makes an ${what} a 401 that leaves the cookie as it is`.replace("an new", "a new").replace("an sign", "a sign"),
      () =>
        Effect.gen(function*() {
          const { app, browser, id } = yield* ownedApp
          const answer = yield* duringRequest(app, browser, change, app.sessions.destroy(id))
          assert.strictEqual(answer.status, 401)
          assert.deepStrictEqual(answer.setCookies, [])
          assert.strictEqual(browser.cookies.size, 1)
          assert.strictEqual(yield* countLive(app.store.service, AppSession.sessionName, 0), 0)
        })
    )
  }

  effect("fails a commit with SessionGone, and the rest of the request is a visitor's", () =>
    Effect.gen(function*() {
      const { app, browser, id } = yield* ownedApp
      const { body } = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* session.update(increment)
            yield* app.sessions.destroy(id)
            const { _tag } = yield* Effect.flip(session.commit)
            return [_tag, yield* session.get, Option.isNone(yield* session.user)]
          })
        )
      )
      assert.deepStrictEqual(body, ["SessionGone", { count: 0, notes: [], settings: {} }, true])
      assert.strictEqual(browser.cookies.size, 1)
    }))
})

describe("A session whose time is over while its request runs", () => {
  for (
    const [how, change] of [
      ["a change", (session: AppHandle) => session.update(increment)],
      ["a new id", (session: AppHandle) => session.rotate]
    ] as const
  ) {
    effect(`is gone for ${how}: nothing is stored, and the cookie stays`, () =>
      Effect.gen(function*() {
        const { app, browser } = yield* ownedApp
        const answer = yield* app.visit(
          browser,
          use((session) => Effect.zipRight(Effect.zipRight(session.get, TestClock.adjust("8 days")), change(session)))
        )
        assert.strictEqual(answer.status, 401)
        assert.deepStrictEqual(answer.setCookies, [])
        assert.deepStrictEqual(app.store.take(), ["read", "search"])
      }))
  }
})

describe("A handle that was kept", () => {
  effect("is of no use in another request, whose answer is a 500 that says so", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ownedApp
      const kept: Array<AppHandle> = []
      yield* app.visit(browser, use((session) => Effect.sync(() => kept.push(session))))
      const answer = yield* app.visit(
        browser,
        use(() => Effect.forEach(kept, (session) => session.update(increment), { discard: true }))
      )
      assert.strictEqual(answer.status, 500)
      assert.deepInclude(answer.body, { _tag: "SessionResponseSent" })
      assert.strictEqual(yield* countOf(app, browser), 1)
    }))
})

describe("A session that another request changed meanwhile", () => {
  effect("gets the function applied to the fresh data", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ownedApp
      const answer = yield* duringRequest(
        app,
        tabOf(browser),
        (session) => session.update((data) => ({ ...data, count: data.count * 10 })),
        app.visit(tabOf(browser), use((session) => session.update((data) => ({ ...data, count: data.count + 4 }))))
      )
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(yield* countOf(app, browser), 50)
    }))

  effect("gets all staged functions applied, in their order, also under a new id", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ownedApp
      const rotating = tabOf(browser)
      yield* duringRequest(
        app,
        rotating,
        (session) => Effect.all([session.update(addNote("second")), session.rotate, session.update(addNote("third"))]),
        app.visit(tabOf(browser), use((session) => session.update(addNote("first"))))
      )
      const { body } = yield* app.visit(rotating, readData)
      assert.deepStrictEqual(body, { count: 1, notes: ["first", "second", "third"], settings: {} })
    }))
})
