import { assert, describe, effect } from "@effect/vitest"
import { SessionCleaner, SessionMetrics, SessionStore } from "effect-sessions"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { countLive, observe, type Rule, unavailable } from "../support/observedStore.js"

const minute = 60_000

/** A store with one session expiring at each of the given times. */
const storeOf = (expiries: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const store = yield* SessionStore.makeMemory()
    for (const [index, expiresAt] of expiries.entries()) {
      yield* store.insert({
        record: {
          name: "AppSession",
          key: String(index),
          previousKey: null,
          earlierKey: null,
          renamedAt: null,
          handle: String(index),
          userId: null,
          data: "{}",
          version: 1,
          createdAt: 0,
          lastSeenAt: 0,
          expiresAt,
          remembered: false
        }
      })
    }
    return observe(store)
  })

const provideStore = (store: SessionStore.Service) => Layer.succeed(SessionStore.SessionStore, store)

/** Runs the cleaner until the scope that is returned is closed. */
const start = Effect.fnUntraced(function*(store: SessionStore.Service, options: SessionCleaner.Options) {
  const scope = yield* Scope.make()
  yield* Layer.buildWithScope(Layer.provide(SessionCleaner.layer(options), provideStore(store)), scope)
  return scope
})

const rowsOf = (store: SessionStore.Service) => countLive(store, "AppSession", -1)

describe("A sweep", () => {
  effect(
    "removes what has been expired for the margin, to the millisecond, and nothing else",
    () =>
      Effect.gen(function*() {
        const store = yield* storeOf([1000, 1001, 5000])
        yield* TestClock.setTime(minute + 999)
        const sweep = Effect.provide(SessionCleaner.sweep(), provideStore(store.service))
        assert.strictEqual(yield* sweep, 0)
        yield* TestClock.setTime(minute + 1000)
        assert.strictEqual(yield* sweep, 1)
        yield* TestClock.setTime(minute + 1001)
        assert.strictEqual(yield* sweep, 1)
        assert.strictEqual(yield* rowsOf(store.service), 1)
      })
  )

  effect("goes on batch by batch until one is short", () =>
    Effect.gen(function*() {
      const store = yield* storeOf(Array.from({ length: 25 }, (_, index) => index))
      const limits: Array<number> = []
      const counting: SessionStore.Service = {
        ...store.service,
        deleteExpired: (before, limit) =>
          Effect.suspend(() => {
            limits.push(limit)
            return store.service.deleteExpired(before, limit)
          })
      }
      yield* TestClock.adjust("1 hour")
      const swept = yield* Effect.provide(SessionCleaner.sweep({ batchSize: 10 }), provideStore(counting))
      assert.strictEqual(swept, 25)
      assert.deepStrictEqual(limits, [10, 10, 10])
    }))

  effect("lets other fibers run between two batches", () =>
    Effect.gen(function*() {
      const store = yield* storeOf(Array.from({ length: 5 }, (_, index) => index))
      yield* TestClock.adjust("1 hour")
      const order: Array<string> = []
      store.interfere((_operation, effect) => Effect.tap(effect, () => Effect.sync(() => order.push("batch"))))
      const sweep = yield* Effect.fork(
        Effect.provide(SessionCleaner.sweep({ batchSize: 1 }), provideStore(store.service))
      )
      const request = Effect.zipRight(Effect.yieldNow(), Effect.sync(() => order.push("request")))
      yield* Effect.repeatN(request, 2)
      yield* sweep.await
      assert.isBelow(order.indexOf("request"), order.lastIndexOf("batch"))
    }))

  effect("F7: is metered, with the labels of the fiber that sweeps", () =>
    Effect.gen(function*() {
      const store = yield* storeOf([1, 2, 3])
      yield* TestClock.adjust("1 hour")
      const tagged = Metric.tagged(SessionMetrics.swept, "node", "a")
      const before = yield* Effect.all([Metric.value(SessionMetrics.swept), Metric.value(tagged)])
      yield* SessionCleaner.sweep({ batchSize: 2 }).pipe(
        Effect.provide(provideStore(store.service)),
        Effect.tagMetrics("node", "a")
      )
      const after = yield* Effect.all([Metric.value(SessionMetrics.swept), Metric.value(tagged)])
      assert.deepStrictEqual(after.map(({ count }, index) => count - (before[index]?.count ?? 0)), [0, 3])
    }))

  effect("C5: asks the store for whole numbers, whatever the clock says", () =>
    Effect.gen(function*() {
      const store = yield* storeOf([])
      const asked: Array<number> = []
      const counting: SessionStore.Service = {
        ...store.service,
        deleteExpired: (before, limit) => Effect.sync(() => asked.push(before, limit)).pipe(Effect.as(0))
      }
      yield* TestClock.adjust("3600000.5 millis")
      yield* Effect.provide(SessionCleaner.sweep({ margin: "1.5 seconds" }), provideStore(counting))
      assert.deepStrictEqual(asked, [3_598_500, 1000])
    }))
})

describe("The cleaner", () => {
  effect("sweeps as configured", () =>
    Effect.gen(function*() {
      const store = yield* storeOf([minute])
      const layer = SessionCleaner.layerConfig({
        interval: Config.duration("SWEEP_EVERY"),
        margin: Config.duration("SWEEP_MARGIN")
      })
      yield* Layer.build(Layer.provide(layer, provideStore(store.service)))
      yield* TestClock.adjust(11 * minute)
      assert.strictEqual(yield* rowsOf(store.service), 1)
      yield* TestClock.adjust(4 * minute)
      assert.strictEqual(yield* rowsOf(store.service), 0)
    }).pipe(
      Effect.scoped,
      Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map([["SWEEP_EVERY", "2 minutes"], ["SWEEP_MARGIN", "10 minutes"]]))
      )
    ))

  effect(
    "waits half to one and a half of the interval before each sweep, differently each time",
    () =>
      Effect.gen(function*() {
        const store = yield* storeOf([])
        const times: Array<number> = [0]
        store.interfere((_operation, effect) =>
          Effect.zipRight(Effect.map(Clock.currentTimeMillis, (now) => times.push(now)), effect)
        )
        const scope = yield* start(store.service, { interval: "10 minutes" })
        yield* TestClock.adjust(300 * 10 * minute)
        yield* Scope.close(scope, Exit.void)
        const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0))
        assert.isAtLeast(waits.length, 270)
        assert.isAtMost(waits.length, 330)
        assert.isAtLeast(Math.min(...waits), 5 * minute)
        assert.isBelow(Math.min(...waits), 6 * minute)
        assert.isAtMost(Math.max(...waits), 15 * minute)
        assert.isAbove(Math.max(...waits), 14 * minute)
      })
  )

  const breakdowns: ReadonlyArray<readonly [string, Rule]> = [
    [
      "fails",
      (operation) => Effect.fail(unavailable(operation))
    ],
    ["dies", () => Effect.die("a broken driver")],
    ["throws", () => {
      throw new Error("a broken store")
    }]
  ]
  for (const [how, rule] of breakdowns) {
    effect(`goes on when the store ${how}`, () =>
      Effect.gen(function*() {
        const store = yield* storeOf([1, 2, 3])
        const scope = yield* start(store.service, { interval: "1 minute" })
        store.interfere(rule)
        yield* TestClock.adjust("10 minutes")
        assert.isAtLeast(store.take().length, 5)
        store.interfere((_operation, effect) => effect)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* rowsOf(store.service), 0)
        yield* Scope.close(scope, Exit.void)
      }))
  }

  effect("stops with its scope, in the middle of a sweep as well", () =>
    Effect.gen(function*() {
      const store = yield* storeOf([1])
      const scope = yield* start(store.service, { interval: "1 minute" })
      store.interfere(() => Effect.never)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(store.take(), ["deleteExpired"])
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(store.take(), [])
    }))

  effect("takes no session that is live on a node whose clock is right", () =>
    Effect.gen(function*() {
      const store = yield* storeOf([30 * minute])
      const scope = yield* start(store.service, { interval: "1 second", margin: "1 minute" })
      // This node's clock is 59 seconds ahead: for the others the session has a second to live.
      yield* TestClock.adjust(30 * minute + 59_000)
      assert.strictEqual(yield* countLive(store.service, "AppSession", 30 * minute - 1), 1)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* rowsOf(store.service), 0)
      yield* Scope.close(scope, Exit.void)
    }))
})
