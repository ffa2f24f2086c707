import { assert, describe, effect } from "@effect/vitest"
import { Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as V8 from "node:v8"
import * as VirtualMachine from "node:vm"
import { addNote, type AppHandle, AppSession, type Data, makeApp, use } from "../support/app.js"
import { breakDown, countLive } from "../support/observedStore.js"

const name = "AppSession"

const record = (key: string, expiresAt: number, userId: string | null = null): SessionStore.SessionRecord => ({
  name,
  key,
  previousKey: null,
  earlierKey: null,
  renamedAt: null,
  handle: `handle of ${key}`,
  userId,
  data: "{}",
  version: 1,
  createdAt: 0,
  lastSeenAt: 0,
  expiresAt,
  remembered: false
})

const insert = (store: SessionStore.Service, record: SessionStore.SessionRecord) => store.insert({ record })

const keysOf = (store: SessionStore.Service, keys: ReadonlyArray<string>) =>
  Effect.filter(keys, (key) => Effect.map(store.read(key, 0), Option.isSome))

describe("A full memory store", () => {
  effect("evicts the session that expires soonest, and only that", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory({ capacity: 3 })
      for (const [key, expiresAt] of [["b", 200], ["a", 100], ["c", 300], ["d", 150]] as const) {
        yield* insert(store, record(key, expiresAt))
      }
      assert.deepStrictEqual(yield* keysOf(store, ["a", "b", "c", "d"]), ["b", "c", "d"])
      yield* insert(store, record("e", 50))
      assert.deepStrictEqual(yield* keysOf(store, ["b", "c", "d", "e"]), ["b", "c", "e"])
    }))

  effect("knows of touches and updates, and of what they brought forward", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory({ capacity: 3 })
      for (const [key, expiresAt] of [["a", 100], ["b", 200], ["c", 300]] as const) {
        yield* insert(store, record(key, expiresAt))
      }
      yield* store.touch({ key: "a", lastSeenAt: 10, expiresAt: 400, now: 10 })
      yield* insert(store, record("d", 500))
      assert.deepStrictEqual(yield* keysOf(store, ["a", "b", "c", "d"]), ["a", "c", "d"])
      yield* store.update({ key: "d", expectedVersion: 1, data: "{}", lastSeenAt: 20, expiresAt: 250, now: 20 })
      yield* insert(store, record("e", 600))
      assert.deepStrictEqual(yield* keysOf(store, ["a", "c", "d", "e"]), ["a", "c", "e"])
    }))

  effect(
    "F6: signs nobody out while there are visitors, however soon the users' sessions expire",
    () =>
      Effect.gen(function*() {
        const store = yield* SessionStore.makeMemory({ capacity: 3 })
        yield* insert(store, record("ada", 100, "ada"))
        yield* insert(store, record("grace", 110, "grace"))
        for (let index = 0; index < 50; index++) yield* insert(store, record(`visitor ${index}`, 1000 + index))
        assert.deepStrictEqual(yield* keysOf(store, ["ada", "grace", "visitor 48", "visitor 49"]), [
          "ada",
          "grace",
          "visitor 49"
        ])
        yield* store.rotate({ oldKey: "visitor 49", expectedVersion: 1, next: record("linus", 90, "linus"), now: 0 })
        yield* insert(store, record("visitor", 5000))
        assert.deepStrictEqual(yield* keysOf(store, ["ada", "grace", "linus", "visitor"]), ["ada", "grace", "visitor"])
      })
  )

  effect("evicts nobody for an insert that fails", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory({ capacity: 2 })
      yield* insert(store, record("a", 100))
      yield* insert(store, record("b", 200))
      assert.strictEqual((yield* Effect.flip(insert(store, record("b", 300)))).reason, "KeyExists")
      assert.deepStrictEqual(yield* keysOf(store, ["a", "b"]), ["a", "b"])
    }))

  effect("evicts nobody for a new id", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory({ capacity: 2 })
      yield* insert(store, record("a", 100))
      yield* insert(store, record("b", 200))
      assert.isTrue(yield* store.rotate({ oldKey: "b", expectedVersion: 1, next: record("c", 300), now: 0 }))
      assert.deepStrictEqual(yield* keysOf(store, ["a", "b", "c"]), ["a", "c"])
    }))

  effect("forgets the user of whom it evicted the last session", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory({ capacity: 1 })
      yield* insert(store, record("a", 100, "ada"))
      yield* insert(store, record("b", 200, "grace"))
      assert.strictEqual(yield* store.deleteByUser({ name, userId: "ada" }), 0)
      assert.strictEqual(yield* store.deleteByUser({ name, userId: "grace" }), 1)
    }))

  effect("never holds more than its capacity", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory({ capacity: 100 })
      for (let index = 0; index < 5000; index++) {
        yield* insert(store, record(String(index), 1000 + (index * 7919) % 5000))
        assert.isAtMost(yield* countLive(store, name, 0), 100)
      }
    }))
})

const collectGarbage = (): void => {
  V8.setFlagsFromString("--expose-gc")
  VirtualMachine.runInNewContext("gc")()
}

describe("A memory store in use for long", () => {
  effect("is not filled by what has gone", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory({ capacity: 1_000_000 })
      const churn = (from: number, to: number) =>
        Effect.gen(function*() {
          for (let index = from; index < to; index++) {
            const key = `key-${index}-${"x".repeat(100)}`
            yield* insert(store, record(key, 1000 + index, `user-${index}`))
            yield* store.rotate({
              oldKey: key,
              expectedVersion: 1,
              next: record(`${key}-next`, 1000 + index, `user-${index}`),
              now: 0
            })
            yield* store.delete({ keys: [`${key}-next`] })
          }
        })
      const heapUsed = Effect.sync(() => {
        collectGarbage()
        return process.memoryUsage().heapUsed
      })
      yield* churn(0, 50_000)
      const before = yield* heapUsed
      yield* churn(50_000, 350_000)
      const after = yield* heapUsed
      assert.strictEqual(yield* countLive(store, name, -1), 0)
      // Keeping even the keys alone would be 60 MB more.
      assert.isBelow(after - before, 20_000_000)
    }))

  effect("still finds what was brought forward while it was tidying up", () =>
    Effect.gen(function*() {
      for (let churned = 0; churned < 200; churned++) {
        const store = yield* SessionStore.makeMemory()
        yield* insert(store, record("kept", 10_000))
        for (let index = 0; index < churned; index++) {
          yield* insert(store, record(String(index), 20_000))
          yield* store.delete({ keys: [String(index)] })
        }
        yield* store.touch({ key: "kept", lastSeenAt: 10, expiresAt: 500, now: 10 })
        assert.strictEqual(yield* store.deleteExpired(500, 10), 1, `after ${churned} sessions`)
      }
    }))

  effect("does not share anything with another", () =>
    Effect.gen(function*() {
      const [left, right] = yield* Effect.all([SessionStore.makeMemory(), SessionStore.makeMemory()])
      yield* insert(left, record("a", 100))
      yield* insert(right, record("a", 100))
      yield* left.clear()
      assert.strictEqual(yield* countLive(right, name, 0), 1)
    }))
})

describe("In production a memory store warns", () => {
  const warnings = (environment: ReadonlyArray<readonly [string, string]>, layer: Layer.Layer<never, unknown>) =>
    Effect.suspend(() => {
      const messages: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (LogLevel.greaterThanEqual(logLevel, LogLevel.Warning)) messages.push(String(message))
      })
      return Effect.scoped(Layer.build(layer)).pipe(
        Effect.provide(Logger.add(logger)),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(environment))),
        Effect.as(messages)
      )
    })

  const layers: ReadonlyArray<readonly [string, Layer.Layer<never, unknown>]> = [
    ["SessionStore.layerMemory", Layer.discard(Layer.fresh(SessionStore.layerMemory))],
    ["SessionStore.layerMemoryWith", Layer.discard(SessionStore.layerMemoryWith({ capacity: 10 }))],
    [
      "Sessions.layerMemory",
      Layer.discard(Layer.provide(Layer.fresh(Sessions.layerMemory(AppSession)), SessionTimeouts.layer()))
    ]
  ]
  for (const [name, layer] of layers) {
    effect(`${name}: once, and says what to use instead`, () =>
      Effect.gen(function*() {
        const messages = yield* warnings([["NODE_ENV", "production"]], layer)
        assert.strictEqual(messages.length, 1)
        assert.include(messages[0], "SqlSessionStore")
        assert.deepStrictEqual(yield* warnings([["NODE_ENV", "development"]], layer), [])
        assert.deepStrictEqual(yield* warnings([], layer), [])
      }))
  }
})

describe("A request that goes on for long, as that of a socket", () => {
  effect("keeps nothing of the commits that failed", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      breakDown(app.store, "update")
      const staged: Array<WeakRef<object>> = []
      const failing = (session: AppHandle) =>
        Effect.suspend(() => {
          const change = (data: Data) => addNote("a note")(data)
          staged.push(new WeakRef(change))
          return Effect.ignore(Effect.zipRight(session.update(change), session.commit))
        })
      const kept = use((session) =>
        Effect.repeatN(failing(session), 99).pipe(
          Effect.zipRight(Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))),
          Effect.map(() => {
            collectGarbage()
            return staged.filter((change) => change.deref() !== undefined).length
          })
        )
      )
      assert.isBelow(Number((yield* app.visit(browser, kept)).body), 10)
    }))
})
