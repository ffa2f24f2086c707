/**
 * The conformance suite for session stores, to run with vitest: every sentence of the contract in `SessionStore`, and
 * random sequences of operations against a small model. A store that passes keeps the promises of this library.
 *
 * @since 0.1.0
 */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Operation, runModel, sample } from "./internal/storeModel.js"
import type { SessionStoreError } from "./SessionError.js"
import type { Service, SessionRecord } from "./SessionStore.js"
import { SessionStore } from "./SessionStore.js"

const now = 1000

const keyExists = (effect: Effect.Effect<unknown, SessionStoreError>) =>
  Effect.map(
    Effect.either(effect),
    (result) => assert.strictEqual(result._tag === "Left" ? result.left.reason : result._tag, "KeyExists")
  )

const reads = (store: Service, key: string, expected: SessionRecord | undefined, at = now) =>
  Effect.map(store.read(key, at), (found) => assert.deepStrictEqual(Option.getOrUndefined(found), expected))

const texts: ReadonlyArray<readonly [name: string, text: string]> = [
  ["an empty object", "{}"],
  ["quotes and backslashes", JSON.stringify({ text: "'\"\\`%_;--" })],
  ["white space", JSON.stringify({ text: "  two \t\n  " }) + " "],
  ["four-byte characters", JSON.stringify({ text: "\u{1f600}\u{10ffff}\u00e9" })],
  ["an escaped NUL", JSON.stringify({ text: "\u0000" })],
  ["64 KiB", JSON.stringify({ text: "\u00e9".repeat(32 * 1024 - 6) })]
]

const key = FastCheck.constantFrom("a", "b", "c")
const user = FastCheck.constantFrom("u", "v")
const life = FastCheck.integer({ min: 0, max: 30 })
const operation: FastCheck.Arbitrary<Operation> = FastCheck.oneof(
  FastCheck.record({
    _tag: FastCheck.constantFrom("insert" as const, "rotate" as const),
    key,
    other: key,
    userId: FastCheck.option(user),
    life
  }),
  FastCheck.record({
    _tag: FastCheck.constantFrom("update" as const, "touch" as const),
    key,
    life,
    stale: FastCheck.boolean()
  }),
  FastCheck.record({ _tag: FastCheck.constantFrom("delete" as const, "read" as const), key }),
  FastCheck.record({
    _tag: FastCheck.constant("deleteByUser" as const),
    userId: user,
    key: FastCheck.option(key, { nil: undefined })
  }),
  FastCheck.record({ _tag: FastCheck.constant("list" as const), userId: user }),
  FastCheck.record({ _tag: FastCheck.constantFrom("sweep" as const, "wait" as const), life })
)

const runStore = (
  store: Service,
  operation: Operation,
  now: number,
  version: number
): Effect.Effect<unknown, SessionStoreError> => {
  const at = { lastSeenAt: now, expiresAt: now + ("life" in operation ? operation.life : 0), now }
  const taken = (effect: Effect.Effect<unknown, SessionStoreError>) =>
    Effect.catchIf(effect, (error) => error.reason === "KeyExists", () => Effect.succeed<unknown>("KeyExists"))
  switch (operation._tag) {
    case "insert": {
      const { expiresAt, lastSeenAt } = at
      const { key, userId } = operation
      return taken(store.insert(sample({ key, userId, createdAt: now, lastSeenAt, expiresAt })))
    }
    case "read":
      return Effect.map(store.read(operation.key, now), Option.getOrUndefined)
    case "update": {
      const expectedVersion = operation.stale ? version - 1 : version
      return store.update({ ...at, key: operation.key, expectedVersion, data: `{"n":${now}}` })
    }
    case "touch":
      return store.touch({ ...at, key: operation.key })
    case "rotate": {
      const { expiresAt, lastSeenAt } = at
      const { other, userId } = operation
      const next = sample({ key: other, userId, lastSeenAt, expiresAt, version: version + 1 })
      return taken(store.rotate({ oldKey: operation.key, expectedVersion: version, next, now }))
    }
    case "delete":
      return store.delete(operation.key)
    case "deleteByUser":
      return store.deleteByUser(operation.userId, { except: operation.key })
    case "list":
      return store.listByUser(operation.userId, { now, limit: 100, offset: 0 })
    case "sweep":
      return store.deleteExpired(now - operation.life, 100)
    case "wait":
      return Effect.void
  }
}

/**
 * Declares the conformance tests of the store that `storeLayer` provides. They clear the store and run one after the
 * other; give them a store, a table or a prefix of their own. `runs` is the number of random sequences (100 if left
 * out), `timeout` the milliseconds for each test.
 *
 * @example
 * ```ts
 * import { SessionStore } from "effect-sessions"
 * import { conformance } from "effect-sessions/testing"
 *
 * conformance("MyStore", SessionStore.layerMemory)
 * ```
 *
 * @since 0.1.0
 * @category testing
 */
export const conformance = <E>(
  name: string,
  storeLayer: Layer.Layer<SessionStore, E>,
  options: { readonly runs?: number | undefined; readonly timeout?: number | undefined } = {}
): void => {
  const timeout = options.timeout ?? 60_000
  layer(storeLayer, { timeout })(`${name} keeps the store contract`, (it) => {
    const test = (title: string, run: (store: Service) => Effect.Effect<unknown, SessionStoreError>) =>
      it.effect(
        title,
        () => Effect.flatMap(SessionStore, (store) => Effect.zipRight(store.clear, run(store))),
        timeout
      )

    test("insert adds a record and read returns it exactly", (store) =>
      Effect.gen(function*() {
        const record = sample({ userId: "user", version: 7, lastSeenAt: 1500, expiresAt: 1_800_000_000_000 })
        yield* store.insert(record)
        yield* reads(store, record.key, record)
      }))

    for (const [what, data] of texts) {
      test(`insert and update keep the data character for character: ${what}`, (store) =>
        Effect.gen(function*() {
          yield* store.insert(sample({ data }))
          yield* reads(store, "key", sample({ data }))
          yield* store.insert(sample({ key: "updated" }))
          yield* store.update({ key: "updated", expectedVersion: 1, data, lastSeenAt: now, expiresAt: 2000, now })
          yield* reads(store, "updated", sample({ key: "updated", data, version: 2 }))
        }))
    }

    test("insert never overwrites, live or expired", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample())
        yield* keyExists(store.insert(sample({ data: "{}", userId: "other" })))
        yield* reads(store, "key", sample())
        yield* store.insert(sample({ key: "expired", expiresAt: 500 }))
        yield* keyExists(store.insert(sample({ key: "expired" })))
        yield* reads(store, "expired", undefined)
      }))

    test("read finds nothing where nothing is", (store) => reads(store, "nobody", undefined))

    test("keys and users are told apart by case and by trailing space", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample({ key: "Key", userId: "User" }))
        yield* store.insert(sample({ key: "key", userId: "user" }))
        yield* store.insert(sample({ key: "other", userId: "user " }))
        yield* reads(store, "KEY", undefined)
        yield* reads(store, "Key", sample({ key: "Key", userId: "User" }))
        assert.strictEqual(yield* store.deleteByUser("user"), 1)
        yield* reads(store, "other", sample({ key: "other", userId: "user " }))
      }))

    for (const [when, at, live] of [["before", 1999, true], ["at", 2000, false], ["after", 2001, false]] as const) {
      test(
        `a record is ${live ? "live" : "absent"} one millisecond ${when} its expiry`.replace(
          "one millisecond at",
          "at"
        ),
        (store) =>
          Effect.gen(function*() {
            const times = { lastSeenAt: at, expiresAt: 9000, now: at }
            const next = sample({ key: "next", version: 2 })
            for (const key of ["read", "update", "touch", "rotate"]) {
              yield* store.insert(sample({ key, userId: "user" }))
            }
            yield* reads(store, "read", live ? sample({ key: "read", userId: "user" }) : undefined, at)
            assert.strictEqual((yield* store.listByUser("user", { now: at, limit: 9, offset: 0 })).length, live ? 4 : 0)
            assert.strictEqual(yield* store.count(at), live ? 4 : 0)
            assert.strictEqual(yield* store.update({ ...times, key: "update", expectedVersion: 1, data: "{}" }), live)
            assert.strictEqual(yield* store.touch({ ...times, key: "touch" }), live)
            assert.strictEqual(yield* store.rotate({ oldKey: "rotate", expectedVersion: 1, next, now: at }), live)
            yield* reads(
              store,
              "touch",
              live ? sample({ key: "touch", userId: "user", lastSeenAt: at, expiresAt: 9000 }) : undefined,
              at
            )
          })
      )
    }

    test("update replaces the data, raises the version and takes over later times", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample({ userId: "user" }))
        const update = { key: "key", expectedVersion: 1, data: "[2]", lastSeenAt: 1200, expiresAt: 2200, now: 1200 }
        assert.isTrue(yield* store.update(update))
        yield* reads(
          store,
          "key",
          sample({ userId: "user", data: "[2]", version: 2, lastSeenAt: 1200, expiresAt: 2200 })
        )
      }))

    test("update keeps the times where its own are not later", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample({ lastSeenAt: 1500, expiresAt: 2500 }))
        const update = { key: "key", expectedVersion: 1, data: "[2]", lastSeenAt: 1400, expiresAt: 2400, now: 1500 }
        assert.isTrue(yield* store.update(update))
        yield* reads(store, "key", sample({ data: "[2]", version: 2, lastSeenAt: 1500, expiresAt: 2500 }))
      }))

    test("update changes nothing at another version and creates nothing", (store) =>
      Effect.gen(function*() {
        const update = { key: "key", expectedVersion: 2, data: "[2]", lastSeenAt: 1200, expiresAt: 2200, now: 1200 }
        assert.isFalse(yield* store.update(update))
        yield* reads(store, "key", undefined)
        yield* store.insert(sample())
        assert.isFalse(yield* store.update(update))
        yield* reads(store, "key", sample())
      }))

    test("touch takes over later times and nothing else", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample({ userId: "user" }))
        assert.isTrue(yield* store.touch({ key: "key", lastSeenAt: 1300, expiresAt: 2300, now: 1300 }))
        yield* reads(store, "key", sample({ userId: "user", lastSeenAt: 1300, expiresAt: 2300 }))
        assert.isTrue(yield* store.touch({ key: "key", lastSeenAt: 1200, expiresAt: 2200, now: 1300 }))
        yield* reads(store, "key", sample({ userId: "user", lastSeenAt: 1300, expiresAt: 2300 }))
      }))

    test("touch can bring the expiry forward, and creates nothing", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample({ expiresAt: 9000 }))
        assert.isTrue(yield* store.touch({ key: "key", lastSeenAt: 1100, expiresAt: 1200, now: 1100 }))
        yield* reads(store, "key", undefined, 1200)
        assert.isFalse(yield* store.touch({ key: "nobody", lastSeenAt: 1100, expiresAt: 1200, now: 1100 }))
        yield* reads(store, "nobody", undefined)
      }))

    test("rotate puts the next record in the place of the old", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample())
        const next = sample({
          key: "next",
          userId: "user",
          data: "[]",
          version: 2,
          createdAt: 1100,
          lastSeenAt: 1100,
          expiresAt: 2100
        })
        assert.isTrue(yield* store.rotate({ oldKey: "key", expectedVersion: 1, next, now: 1100 }))
        yield* reads(store, "key", undefined)
        yield* reads(store, "next", next)
        assert.deepStrictEqual(yield* store.listByUser("user", { now, limit: 9, offset: 0 }), [next])
      }))

    test("rotate changes nothing at another version, from an absent key, or onto another record", (store) =>
      Effect.gen(function*() {
        const next = sample({ key: "next", version: 2 })
        assert.isFalse(yield* store.rotate({ oldKey: "key", expectedVersion: 1, next, now }))
        yield* reads(store, "next", undefined)
        yield* store.insert(sample())
        assert.isFalse(yield* store.rotate({ oldKey: "key", expectedVersion: 5, next, now }))
        yield* reads(store, "next", undefined)
        yield* store.insert(sample({ key: "next", data: "\"victim\"" }))
        yield* keyExists(store.rotate({ oldKey: "key", expectedVersion: 1, next, now }))
        yield* reads(store, "key", sample())
        yield* reads(store, "next", sample({ key: "next", data: "\"victim\"" }))
      }))

    test("delete removes a record, live or expired, once", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample())
        yield* store.insert(sample({ key: "expired", expiresAt: 500 }))
        assert.isTrue(yield* store.delete("key"))
        assert.isTrue(yield* store.delete("expired"))
        assert.isFalse(yield* store.delete("key"))
        yield* reads(store, "key", undefined)
      }))

    test("deleteByUser removes the records of one user, all or all but one", (store) =>
      Effect.gen(function*() {
        for (const key of ["1", "2", "3"]) yield* store.insert(sample({ key, userId: "user" }))
        yield* store.insert(sample({ key: "expired", userId: "user", expiresAt: 500 }))
        yield* store.insert(sample({ key: "other", userId: "other" }))
        yield* store.insert(sample({ key: "visitor" }))
        assert.strictEqual(yield* store.deleteByUser("user", { except: "2" }), 3)
        yield* reads(store, "2", sample({ key: "2", userId: "user" }))
        assert.strictEqual(yield* store.deleteByUser("user"), 1)
        assert.strictEqual(yield* store.deleteByUser("user"), 0)
        assert.strictEqual(yield* store.count(now), 2)
      }))

    test("listByUser is live only, in order, and paged", (store) =>
      Effect.gen(function*() {
        const records = [["c", 1300], ["a", 1200], ["b", 1200], ["d", 1100]].map(([key, lastSeenAt]) =>
          sample({ key: String(key), userId: "user", lastSeenAt: Number(lastSeenAt) })
        )
        for (const record of [...records].reverse()) yield* store.insert(record)
        yield* store.insert(sample({ key: "expired", userId: "user", expiresAt: 500 }))
        yield* store.insert(sample({ key: "other", userId: "other" }))
        assert.deepStrictEqual(yield* store.listByUser("user", { now, limit: 9, offset: 0 }), records)
        assert.deepStrictEqual(yield* store.listByUser("user", { now, limit: 2, offset: 1 }), records.slice(1, 3))
        assert.deepStrictEqual(yield* store.listByUser("user", { now, limit: 2, offset: 4 }), [])
        assert.deepStrictEqual(yield* store.listByUser("nobody", { now, limit: 9, offset: 0 }), [])
      }))

    test("deleteExpired removes what has expired, batch by batch, and nothing else", (store) =>
      Effect.gen(function*() {
        for (let index = 0; index < 5; index++) {
          yield* store.insert(sample({ key: `old${index}`, expiresAt: 100 + index }))
        }
        yield* store.insert(sample({ key: "edge", expiresAt: 1000 }))
        yield* store.insert(sample({ key: "live", expiresAt: 1001 }))
        yield* store.insert(sample({ key: "touched", lastSeenAt: 1, expiresAt: 900 }))
        yield* store.touch({ key: "touched", lastSeenAt: 800, expiresAt: 5000, now: 800 })
        assert.strictEqual(yield* store.deleteExpired(1000, 4), 4)
        assert.strictEqual(yield* store.deleteExpired(1000, 4), 2)
        assert.strictEqual(yield* store.deleteExpired(1000, 4), 0)
        assert.strictEqual(yield* store.count(0), 2)
      }))

    test("count counts live records and clear removes all", (store) =>
      Effect.gen(function*() {
        yield* store.insert(sample())
        yield* store.insert(sample({ key: "expired", expiresAt: 500 }))
        assert.strictEqual(yield* store.count(now), 1)
        assert.strictEqual(yield* store.count(0), 2)
        yield* store.clear
        yield* store.clear
        assert.strictEqual(yield* store.count(0), 0)
      }))

    test("of parallel inserts, updates or rotations from one version, one wins", (store) =>
      Effect.gen(function*() {
        const twenty = Array.from({ length: 20 }, (_, index) => index)
        const inserted = yield* Effect.forEach(
          twenty,
          (n) => Effect.either(store.insert(sample({ data: String(n) }))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(inserted.filter((result) => result._tag === "Right").length, 1)
        const updated = yield* Effect.forEach(
          twenty,
          (n) =>
            store.update({ key: "key", expectedVersion: 1, data: String(n), lastSeenAt: now, expiresAt: 2000, now }),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(updated.filter((done) => done).length, 1)
        const rotated = yield* Effect.forEach(
          twenty,
          (n) =>
            store.rotate({ oldKey: "key", expectedVersion: 2, next: sample({ key: `next${n}`, version: 3 }), now }),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(rotated.filter((done) => done).length, 1)
        assert.strictEqual(yield* store.count(now), 1)
      }))

    test("nothing that races with a delete brings the record back", (store) =>
      Effect.forEach(Array.from({ length: 50 }), () =>
        Effect.gen(function*() {
          yield* store.insert(sample())
          yield* Effect.all([
            store.update({ key: "key", expectedVersion: 1, data: "{}", lastSeenAt: 1100, expiresAt: 2100, now: 1100 }),
            store.touch({ key: "key", lastSeenAt: 1200, expiresAt: 2200, now: 1200 }),
            store.delete("key"),
            store.touch({ key: "key", lastSeenAt: 1300, expiresAt: 2300, now: 1300 })
          ], { concurrency: "unbounded" })
          yield* reads(store, "key", undefined)
        })))

    it.effect.prop(
      "any sequence of operations answers and leaves what the model says",
      { operations: FastCheck.array(operation, { maxLength: 40 }) },
      ({ operations }) =>
        Effect.gen(function*() {
          const store = yield* SessionStore
          yield* store.clear
          const records = new Map<string, SessionRecord>()
          let now = 1000
          for (const operation of operations) {
            if (operation._tag === "wait") now += operation.life
            const version = ("key" in operation && records.get(operation.key ?? "")?.version) || 1
            const expected = runModel(records, operation, now)
            const answer = yield* runStore(store, operation, now, version)
            if (operation._tag !== "insert" || expected === "KeyExists") assert.deepStrictEqual(answer, expected)
            for (const key of ["a", "b", "c"]) {
              const read = { _tag: "read", key } as const
              assert.deepStrictEqual(yield* runStore(store, read, now, 0), runModel(records, read, now))
            }
          }
        }),
      { timeout, fastCheck: { numRuns: options.runs ?? 100 } }
    )
  })
}
