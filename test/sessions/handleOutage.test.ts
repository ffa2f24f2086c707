import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type AppHandle, Browser, increment, incrementCount, makeApp, readData, tabOf, use } from "../support/app.js"
import { breakDown, hang, leaveAlone, type Operation } from "../support/observedStore.js"

const data = { count: 1, notes: [], settings: {} }

describe("A store that is out of order", () => {
  effect("on reading is a 503, never a visitor, and leaves the cookie alone", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser, cookie } = yield* app.browserWithSession({ data })
      breakDown(app.store, "read")
      for (
        const handler of [
          readData,
          incrementCount,
          use((session) => session.user),
          use((session) => session.info)
        ]
      ) {
        const answer = yield* app.visit(browser, handler)
        assert.strictEqual(answer.status, 503)
        assert.deepStrictEqual(answer.setCookies, [])
        assert.notInclude(JSON.stringify(answer.body), cookie)
      }
      app.store.interfere(leaveAlone)
      assert.deepStrictEqual((yield* app.visit(browser, readData)).body, data)
    }))

  const commits: ReadonlyArray<readonly [Operation, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
    ["insert", (session) => session.signIn("ada")],
    ["update", (session) => session.update(increment)],
    ["rotate", (session) => session.rotate]
  ]

  effect(
    "sends a rename twice and tells what the second one did: the browser has the new id all the same",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const { browser, cookie } = yield* app.browserWithSession({ data })
        app.store.interfere((operation, effect) => operation === "rotate" ? Effect.zipRight(effect, effect) : effect)
        const answer = yield* app.visit(browser, use((session) => session.rotate))
        assert.deepStrictEqual(app.store.take(), ["read", "rotate", "search"])
        assert.strictEqual(answer.setCookies.length, 1)
        assert.notInclude(answer.setCookies[0], cookie)
        app.store.interfere(leaveAlone)
        assert.deepStrictEqual((yield* app.visit(browser, readData)).body, data)
      })
  )

  for (const [operation, change] of commits) {
    effect(`on the ${operation} of a commit is a 503 without a cookie`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const browser = operation === "insert" ? new Browser() : (yield* app.browserWithSession({ data })).browser
        breakDown(app.store, operation)
        const answer = yield* app.visit(browser, use(change))
        assert.strictEqual(answer.status, 503)
        assert.deepStrictEqual(answer.setCookies, [])
        app.store.interfere(leaveAlone)
        const { body } = yield* app.visit(browser, readData)
        assert.deepStrictEqual(body, operation === "insert" ? { count: 0, notes: [], settings: {} } : data)
      }))

    effect(
      `that hangs on the ${operation} of a commit is a 503 without a cookie once the timeout is over`,
      () =>
        Effect.gen(function*() {
          const app = yield* makeApp({ storeTimeout: "3 seconds" })
          const browser = operation === "insert" ? new Browser() : (yield* app.browserWithSession({ data })).browser
          const reached = yield* Deferred.make<void>()
          app.store.interfere((current, effect) =>
            current === operation ? Effect.zipRight(Deferred.succeed(reached, void 0), Effect.never) : effect
          )
          const request = yield* Effect.fork(app.visit(browser, use(change)))
          yield* Deferred.await(reached)
          yield* TestClock.adjust("2999 millis")
          assert.isNull(yield* fiberResult(request))
          yield* TestClock.adjust("1 millis")
          const answer = yield* Fiber.join(request)
          assert.strictEqual(answer.status, 503)
          assert.deepStrictEqual(answer.setCookies, [])
        })
    )
  }

  for (const [how, interfere] of [["fails", breakDown], ["hangs", hang]] as const) {
    effect(`and ${how} on a touch fails no request`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp({ storeTimeout: "5 seconds" })
        const { browser } = yield* app.browserWithSession({ data })
        yield* TestClock.adjust("2 minutes")
        interfere(app.store, "touch")
        const request = yield* Effect.fork(app.visit(browser, readData))
        while ((yield* fiberResult(request)) === null && how === "hangs") yield* TestClock.adjust("10 seconds")
        const answer = yield* Fiber.join(request)
        assert.deepStrictEqual([answer.status, answer.body, answer.setCookies], [200, data, []])
      }))
  }

  effect("and dies on a commit is a 500 without a cookie", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      app.store.interfere((_operation, _effect) => Effect.die("a broken driver"))
      const answer = yield* app.visit(new Browser(), incrementCount)
      assert.strictEqual(answer.status, 500)
      assert.deepStrictEqual(answer.setCookies, [])
      assert.notInclude(JSON.stringify(answer.body), "driver")
    }))

  effect("once and works again within the request is no obstacle", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ data })
      breakDown(app.store, "read")
      const { body } = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            const { _tag } = yield* Effect.flip(session.get)
            app.store.interfere(leaveAlone)
            return [_tag, yield* session.get]
          })
        )
      )
      assert.deepStrictEqual(body, ["SessionStoreError", data])
    }))
})

/** What has become of a fiber by now. */
const fiberResult = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.map(fiber.poll, (exit) => exit._tag === "None" ? null : exit.value)

describe("A fiber that is interrupted while it loads the session", () => {
  effect("leaves the session to the other fibers of the request", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ data })
      const loading = yield* Deferred.make<void>()
      app.store.interfere((_operation, _effect) => {
        app.store.interfere(leaveAlone)
        return Effect.zipRight(Deferred.succeed(loading, void 0), Effect.never)
      })
      const { body } = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            const first = yield* Effect.fork(session.get)
            yield* Deferred.await(loading)
            const second = yield* Effect.fork(session.get)
            yield* Effect.yieldNow()
            yield* Fiber.interrupt(first)
            return yield* Fiber.join(second)
          })
        )
      )
      assert.deepStrictEqual(body, data)
      assert.deepStrictEqual(app.store.take(), ["read", "read"])
    }))

  effect("lets those that wait go when they are interrupted themselves", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ data })
      const loading = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      app.store.interfere((_operation, effect) =>
        Effect.zipRight(Deferred.succeed(loading, void 0), Effect.zipRight(Deferred.await(proceed), effect))
      )
      const { body } = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            const first = yield* Effect.fork(session.get)
            yield* Deferred.await(loading)
            const second = yield* Effect.fork(session.get)
            yield* Effect.yieldNow()
            yield* Fiber.interrupt(second)
            yield* Deferred.succeed(proceed, void 0)
            return yield* Fiber.join(first)
          })
        )
      )
      assert.deepStrictEqual(body, data)
      assert.deepStrictEqual(app.store.take(), ["read"])
    }))
})

describe("After the headers of the response have left", () => {
  const changes: ReadonlyArray<
    readonly [string, (session: AppHandle) => Effect.Effect<unknown, { readonly _tag: string }>]
  > = [
    ["set", (session) => session.set(data)],
    ["update", (session) => session.update(increment)],
    ["modify", (session) => session.modify((data) => [1, increment(data)])],
    ["signIn", (session) => session.signIn("ada")],
    ["rotate", (session) => session.rotate],
    ["touch", (session) => session.touch],
    ["commit", (session) => session.commit]
  ]

  for (const isUsedBefore of [true, false]) {
    for (const [name, change] of changes) {
      effect(
        `${name} fails with SessionResponseSent, the session ${isUsedBefore ? "" : "not "}used before`,
        () =>
          Effect.gen(function*() {
            const app = yield* makeApp()
            const { browser } = yield* app.browserWithSession({ data })
            const outcome = yield* Deferred.make<string>()
            yield* app.visit(
              tabOf(browser),
              use((session) =>
                Effect.as(
                  isUsedBefore ? session.get : Effect.void,
                  HttpServerResponse.stream(Stream.execute(
                    Effect.matchEffect(change(session), {
                      onFailure: ({ _tag }) => Deferred.succeed(outcome, _tag),
                      onSuccess: () => Deferred.succeed(outcome, "it is silently lost")
                    })
                  ))
                )
              )
            )
            assert.strictEqual(yield* Deferred.await(outcome), "SessionResponseSent")
            assert.deepStrictEqual((yield* app.visit(browser, readData)).body, data)
          })
      )
    }
  }

  effect("the session can still be read", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ data })
      const { body } = yield* app.visit(
        browser,
        use((session) =>
          Effect.succeed(HttpServerResponse.stream(
            Stream.fromEffect(session.get).pipe(
              Stream.map(({ count }) => String(count)),
              Stream.encodeText,
              Stream.orDie
            )
          ))
        )
      )
      assert.strictEqual(body, "1")
    }))
})
