import { assert, describe, layer, scoped } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { isLive, managerOf } from "../support/app.js"
import { postgres, postgresMissing, sqlite } from "../support/clients.js"

const minute = 60_000

const edges = [
  ["1 ms before", -1, true],
  ["at", 0, false],
  ["1 ms after", 1, false]
] as const

/** Both deadlines to the millisecond, on one store. Every test gets sessions of its own; the clock only goes on. */
const deadlines = <E>(name: string, storeLayer: Layer.Layer<SessionStore.SessionStore, E>) =>
  layer(storeLayer, { timeout: 60_000 })(`${name} keeps both deadlines to the millisecond`, (it) => {
    for (const [when, offset, live] of edges) {
      it.scoped(`an unused session ${live ? "lives" : "is over"} ${when} the idle timeout`, () =>
        Effect.gen(function*() {
          const sessions = yield* managerOf(yield* SessionStore.SessionStore)
          const { id } = yield* sessions.create()
          yield* TestClock.adjust(15 * minute + offset)
          assert.strictEqual(yield* isLive(sessions, id), live)
          assert.strictEqual(yield* sessions.touch(id), live)
          const updated = yield* Effect.either(sessions.update(id, (data) => ({ ...data, count: 1 })))
          assert.strictEqual(updated._tag === "Right" ? "changed" : updated.left._tag, live ? "changed" : "SessionGone")
          const rotated = yield* Effect.either(sessions.rotate(id))
          assert.strictEqual(rotated._tag === "Right" ? "rotated" : rotated.left._tag, live ? "rotated" : "SessionGone")
        }))

      it.scoped(`a session in use all the time ${live ? "lives" : "is over"} ${when} the absolute timeout`, () =>
        Effect.gen(function*() {
          const sessions = yield* managerOf(yield* SessionStore.SessionStore, { absolute: "1 hour" })
          const { id } = yield* sessions.create({ user: "ada" })
          for (let used = 1; used < 60; used++) {
            yield* TestClock.adjust(minute)
            assert.isTrue(yield* sessions.touch(id))
          }
          yield* TestClock.adjust(minute + offset)
          assert.strictEqual(yield* isLive(sessions, id), live)
          assert.strictEqual((yield* sessions.listByUser("ada")).length, live ? 1 : 0)
          yield* sessions.destroyByUser("ada")
        }))
    }
  })

deadlines("Memory", SessionStore.layerMemory)
deadlines("SQLite", Layer.provide(SqlSessionStore.layerWith({ prefix: "expiry" }), sqlite()))
describe.skipIf(postgresMissing() !== undefined)("PostgreSQL", () => {
  deadlines("PostgreSQL", Layer.provide(SqlSessionStore.layerWith({ prefix: "expiry" }), postgres()))
})

describe("Activity", () => {
  scoped("extends the idle timeout from the moment of the activity", () =>
    Effect.gen(function*() {
      const sessions = yield* managerOf(yield* SessionStore.makeMemory())
      const { id } = yield* sessions.create()
      yield* TestClock.adjust(10 * minute)
      assert.isTrue(yield* sessions.touch(id))
      yield* TestClock.adjust(15 * minute - 1)
      assert.isTrue(yield* isLive(sessions, id))
      yield* TestClock.adjust(1)
      assert.isFalse(yield* isLive(sessions, id))
    }))

  scoped("is written when the interval is over, not a millisecond before", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const sessions = yield* managerOf(store, { touchInterval: "1 minute" })
      const { id, record } = yield* sessions.create()
      const lastSeenAt = Effect.map(store.read(record.key, 0), (found) => Option.getOrThrow(found).lastSeenAt)
      yield* TestClock.adjust(minute - 1)
      yield* sessions.touch(id)
      assert.strictEqual(yield* lastSeenAt, 0)
      yield* TestClock.adjust(1)
      yield* sessions.touch(id)
      assert.strictEqual(yield* lastSeenAt, minute)
    }))

  scoped("does not include reading through the manager", () =>
    Effect.gen(function*() {
      const sessions = yield* managerOf(yield* SessionStore.makeMemory())
      const { id } = yield* sessions.create()
      yield* TestClock.adjust(14 * minute)
      assert.isTrue(yield* isLive(sessions, id))
      yield* TestClock.adjust(minute)
      assert.isFalse(yield* isLive(sessions, id))
    }))

  scoped("never moves lastSeenAt back when the clock steps back", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const sessions = yield* managerOf(store)
      yield* TestClock.setTime(100 * minute)
      const { id, record } = yield* sessions.create()
      yield* TestClock.setTime(90 * minute)
      yield* sessions.touch(id)
      yield* sessions.update(id, (data) => ({ ...data, count: 1 }))
      const rotated = yield* sessions.rotate(id)
      assert.strictEqual(record.lastSeenAt, 100 * minute)
      assert.strictEqual(rotated.record.lastSeenAt, 100 * minute)
      assert.strictEqual(rotated.record.expiresAt, record.expiresAt)
      assert.isTrue(yield* isLive(sessions, rotated.id))
    }))
})

describe("A changed policy", () => {
  scoped("that is shorter ends sessions that are stored already, at once", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const before = yield* managerOf(store)
      const idle = yield* managerOf(store, { idle: "5 minutes" })
      const absolute = yield* managerOf(store, { idle: "5 minutes", absolute: "10 minutes" })
      const { id } = yield* before.create({ user: "ada" })
      yield* TestClock.adjust(5 * minute - 1)
      assert.isTrue(yield* isLive(idle, id))
      yield* TestClock.adjust(1)
      assert.isFalse(yield* isLive(idle, id))
      assert.deepStrictEqual(yield* idle.listByUser("ada"), [])
      yield* before.touch(id)
      yield* TestClock.adjust(5 * minute - 1)
      assert.isTrue(yield* isLive(absolute, id))
      yield* TestClock.adjust(1)
      assert.isFalse(yield* isLive(absolute, id))
      assert.isTrue(yield* isLive(before, id))
    }))

  scoped("that is longer revives no session that has expired", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const before = yield* managerOf(store, { idle: "5 minutes" })
      const after = yield* managerOf(store, { idle: "1 hour" })
      const { id } = yield* before.create()
      yield* TestClock.adjust(5 * minute)
      assert.isFalse(yield* isLive(after, id))
      assert.isFalse(yield* after.touch(id))
    }))

  scoped("that is longer extends a live session with its next activity", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const before = yield* managerOf(store, { idle: "5 minutes" })
      const after = yield* managerOf(store, { idle: "1 hour" })
      const { id } = yield* before.create()
      yield* TestClock.adjust(4 * minute)
      assert.isTrue(yield* after.touch(id))
      yield* TestClock.adjust(60 * minute - 1)
      assert.isTrue(yield* isLive(after, id))
    }))
})

describe("Impossible times in a row make a visitor", () => {
  const now = 1_800_000_000_000
  const year9999 = Date.UTC(9999, 0)
  type Times = Pick<SessionStore.SessionRecord, "createdAt" | "lastSeenAt" | "expiresAt">
  const cases: ReadonlyArray<readonly [what: string, times: Partial<Times>, live: boolean]> = [
    ["none, to compare", {}, true],
    ["created at NaN", { createdAt: NaN }, false],
    ["last seen at NaN", { lastSeenAt: NaN }, false],
    ["expires at NaN", { expiresAt: NaN }, false],
    ["created before 1970", { createdAt: -1 }, false],
    ["everything before 1970", { createdAt: -3, lastSeenAt: -2, expiresAt: -1 }, false],
    ["expires in the year 9999", { expiresAt: year9999 }, false],
    ["expires never", { expiresAt: Infinity }, false],
    ["a fraction of a millisecond", { createdAt: now - 0.5 }, false],
    ["seen before it was created", { lastSeenAt: now - 1 }, false],
    ["created a day in the future", {
      createdAt: now + 86_400_000,
      lastSeenAt: now + 86_400_000,
      expiresAt: now + 90_000_000
    }, false],
    ["created in the year 9999", { createdAt: year9999, lastSeenAt: year9999, expiresAt: year9999 + 1 }, false],
    ["created a second in the future, by a node whose clock is ahead", {
      createdAt: now + 1000,
      lastSeenAt: now + 1000
    }, true]
  ]

  for (const [what, times, live] of cases) {
    scoped(what, () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(now)
        const store = yield* SessionStore.makeMemory()
        // A store may hold what it cannot know to be impossible, and hand it out.
        const lenient: SessionStore.Service = {
          ...store,
          read: (key) => Effect.map(store.read(key, now), Option.map((record) => ({ ...record, ...times })))
        }
        const { id } = yield* (yield* managerOf(store)).create()
        const sessions = yield* managerOf(lenient)
        assert.strictEqual(yield* isLive(sessions, id), live)
        assert.strictEqual(yield* sessions.touch(id), live)
      }))
  }
})
