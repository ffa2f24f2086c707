/**
 * For tests with vitest. `TestBrowser` visits an app in process, by the `TestClock`, and keeps its cookies. `conformance`
 * is the suite for session stores: every sentence of the contract in `SessionStore`, races, and random sequences of
 * operations against a small model. A store that passes keeps the promises of this library.
 *
 * @since 3.0.0
 */
import { assert, it as shared, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { timesOf } from "./core/record.js"
import {
  byHandle,
  handleOf,
  inserted,
  liveAfterOf,
  type Operation,
  renamed,
  rotated,
  runModel,
  sample
} from "./core/storeModel.js"
import type { SessionStoreError } from "./SessionError.js"
import type { LiveAfter, Rotation, Service, SessionRecord, Signal, Update } from "./SessionStore.js"
import { SessionStore } from "./SessionStore.js"

/**
 * A browser for tests of an app with sessions: no socket, no waiting. `make` takes the app, as `HttpRouter.toHttpApp`,
 * `HttpLayerRouter.toHttpEffect` or `HttpApiBuilder.httpApp` make it, and serves every request in a fiber of its own, as
 * a server does. The jar keeps, sends, refuses and forgets cookies as browsers do, by the Effect `Clock`.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { assert, it } from "@effect/vitest"
 * import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
 * import { TestBrowser } from "effect-sessions/testing"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Option from "effect/Option"
 * import * as Schema from "effect/Schema"
 * import * as TestClock from "effect/TestClock"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ notes: Schema.Array(Schema.String) }),
 *   initial: { notes: [] }
 * }) {}
 *
 * const signIn = AppSession.pipe(
 *   Effect.flatMap((session) => session.signIn("ada")),
 *   Effect.as(HttpServerResponse.redirect("/me"))
 * )
 *
 * const me = AppSession.pipe(
 *   Effect.flatMap((session) => session.user),
 *   Effect.map((user) => HttpServerResponse.text(Option.getOrElse(user, () => "nobody")))
 * )
 *
 * const routes = Layer.mergeAll(
 *   HttpLayerRouter.add("POST", "/sign-in", signIn),
 *   HttpLayerRouter.add("GET", "/me", me)
 * ).pipe(
 *   Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
 *   Layer.provide([Sessions.layerMemory(AppSession), SessionCookie.layer()]),
 *   Layer.provide(SessionTimeouts.layer({ idle: "15 minutes" }))
 * )
 *
 * it.scoped("is signed in on one device, until the idle timeout", () =>
 *   Effect.gen(function*() {
 *     const app = yield* HttpLayerRouter.toHttpEffect(routes)
 *     const laptop = yield* TestBrowser.make(app)
 *     const phone = yield* TestBrowser.make(app)
 *
 *     const page = yield* laptop.post("/sign-in", { follow: true })
 *     assert.strictEqual(page.text, "ada")
 *     assert.strictEqual((yield* phone.get("/me")).text, "nobody")
 *
 *     yield* TestClock.adjust("15 minutes")
 *     assert.strictEqual((yield* laptop.get("/me")).text, "nobody")
 *   }))
 * ```
 *
 * @since 3.0.0
 * @category testing
 */
export * as TestBrowser from "./internal/browser.js"

const now = 1000

const keyExists = (effect: Effect.Effect<unknown, SessionStoreError>) =>
  Effect.map(
    Effect.either(effect),
    (result) => {
      assert.strictEqual(result._tag === "Left" ? result.left.reason : result._tag, "KeyExists")
      assert.isFalse(result._tag === "Left" && result.left.outcomeUnknown)
    }
  )

const reads = (store: Service, key: string, expected: SessionRecord | undefined, at = now) =>
  Effect.map(store.read(key, at), (found) => assert.deepStrictEqual(Option.getOrUndefined(found), expected))

const adds = (store: Service, ...records: ReadonlyArray<SessionRecord>) =>
  Effect.forEach(
    records,
    (record) => Effect.map(store.insert({ record }), (added) => assert.isTrue(added)),
    { discard: true }
  )

const byKey = (records: ReadonlyArray<SessionRecord>): ReadonlyArray<SessionRecord> =>
  [...records].sort((left, right) => left.key < right.key ? -1 : 1)

const searches = (
  store: Service,
  search: { readonly keys: ReadonlyArray<string>; readonly renamedAfter: number; readonly now?: number },
  expected: ReadonlyArray<SessionRecord>
) =>
  Effect.map(
    store.search({ now, ...search }),
    (found) => assert.deepStrictEqual(byKey(found), byKey(expected))
  )

const update = (change: Partial<Update> = {}): Update => ({
  key: "key",
  expectedVersion: 1,
  data: "[2]",
  lastSeenAt: 1200,
  expiresAt: 2200,
  now: 1200,
  ...change
})

/** A rotation of a record to its next key. */
const rotation = (record: SessionRecord, key: string, change: Partial<SessionRecord> = {}): Rotation => ({
  oldKey: record.key,
  expectedVersion: record.version,
  next: renamed(record, key, 1000, change),
  now
})

const since = (seenAfter: number, begunAfter: number) => ({ seenAfter, begunAfter })

/** A policy by which every record is live that is so by its own deadline. */
const always: LiveAfter = { ordinary: since(0, 0), remembered: since(0, 0) }

/** A policy for ordinary sessions. */
const ordinarily = (seenAfter: number, begunAfter: number): LiveAfter => ({
  ...always,
  ordinary: since(seenAfter, begunAfter)
})

/** A page that holds all sessions of a user. */
const everySession = { name: "name", userId: "user", now, liveAfter: always, limit: 100, offset: 0 }

const counts = (store: Service, name: string, now: number, live: number) =>
  Effect.map(store.count({ name, now, liveAfter: always }), (counts) => assert.strictEqual(counts.live, live))

const texts: ReadonlyArray<readonly [name: string, text: string]> = [
  ["an empty object", "{}"],
  ["quotes and backslashes", JSON.stringify({ text: "'\"\\`%_;--?$1" })],
  ["white space", JSON.stringify({ text: "  two \t\n  " }) + " "],
  ["four-byte characters", JSON.stringify({ text: "\u{1f600}\u{10ffff}\u00e9" })],
  ["an escaped NUL", JSON.stringify({ text: "\u0000" })],
  ["64 KiB", JSON.stringify({ text: "\u00e9".repeat(32 * 1024 - 6) })]
]

const key = FastCheck.constantFrom("a", "b", "c", "d")
const keys = FastCheck.array(key, { maxLength: 3 })
const name = FastCheck.constantFrom("one", "two")
const user = FastCheck.constantFrom("u", "v")
const span = FastCheck.integer({ min: 0, max: 30 })
const policy = FastCheck.record({ ordinary: FastCheck.tuple(span, span), remembered: FastCheck.tuple(span, span) })
const maybe = <A>(arbitrary: FastCheck.Arbitrary<A>) => FastCheck.option(arbitrary, { nil: undefined })
const tag = <Tag extends string>(tag: Tag) => FastCheck.constant(tag)
const operation: FastCheck.Arbitrary<Operation> = FastCheck.oneof(
  FastCheck.record({
    _tag: tag("insert"),
    key,
    name,
    userId: FastCheck.option(user),
    previousKey: FastCheck.option(key),
    unlessRenamed: maybe(keys),
    age: span,
    life: span,
    remembered: FastCheck.boolean()
  }),
  FastCheck.record({
    _tag: tag("rotate"),
    key,
    other: key,
    userId: FastCheck.option(user),
    stale: FastCheck.boolean(),
    life: span
  }),
  FastCheck.record({ _tag: tag("update"), key, life: span, stale: FastCheck.boolean() }),
  FastCheck.record({ _tag: tag("touch"), key, life: span, stale: FastCheck.constant(false) }),
  FastCheck.record({ _tag: tag("search"), keys, age: span }),
  FastCheck.record({ _tag: tag("delete"), keys, age: maybe(span), whose: maybe(key) }),
  FastCheck.record({ _tag: tag("deleteByUser"), name, userId: user, only: maybe(key), except: maybe(key) }),
  FastCheck.record({
    _tag: tag("list"),
    name,
    userId: user,
    policy,
    limit: FastCheck.nat(3),
    offset: FastCheck.nat(2)
  }),
  FastCheck.record({ _tag: tag("limit"), newest: key, policy, limit: FastCheck.integer({ min: 1, max: 3 }) }),
  FastCheck.record({ _tag: tag("times"), name, keys }),
  FastCheck.record({ _tag: tag("sweep"), life: span }),
  FastCheck.record({ _tag: tag("count"), name, policy }),
  FastCheck.record({ _tag: tag("clear"), name: maybe(name) }),
  FastCheck.record({ _tag: tag("wait"), life: span })
)

/** Asks a store what the model was asked. `records` are what the model held before. */
const runStore = (
  store: Service,
  records: ReadonlyMap<string, SessionRecord>,
  operation: Operation,
  now: number,
  turn: number
): Effect.Effect<unknown, SessionStoreError> => {
  const taken = (effect: Effect.Effect<unknown, SessionStoreError>) =>
    Effect.catchIf(effect, (error) => error.reason === "KeyExists", () => Effect.succeed<unknown>("KeyExists"))
  switch (operation._tag) {
    case "insert": {
      const { age, unlessRenamed: keys } = operation
      const unlessRenamed = keys === undefined ? undefined : { keys, after: now - age }
      return taken(store.insert({ record: inserted(operation, now, turn), unlessRenamed }))
    }
    case "read":
      return Effect.map(store.read(operation.key, now), Option.getOrUndefined)
    case "search":
      return Effect.map(store.search({ keys: operation.keys, renamedAfter: now - operation.age, now }), byKey)
    case "update":
    case "touch": {
      const { key, life, stale } = operation
      const version = records.get(key)?.version ?? 1
      const at = { key, lastSeenAt: now, expiresAt: now + life, now }
      return operation._tag === "touch"
        ? store.touch(at)
        : store.update({ ...at, expectedVersion: stale ? version - 1 : version, data: `{"n":${now}}` })
    }
    case "rotate": {
      const { key: oldKey, stale } = operation
      const record = records.get(oldKey) ?? sample({ key: oldKey })
      const expectedVersion = stale ? record.version - 1 : record.version
      return taken(store.rotate({ oldKey, expectedVersion, next: rotated(record, operation, now), now }))
    }
    case "delete": {
      const { age, keys, whose } = operation
      const renamedAfter = age === undefined ? undefined : now - age
      return store.delete({ keys, renamedAfter, handle: handleOf(records, whose) })
    }
    case "deleteByUser": {
      const { except, name, only, userId } = operation
      return store.deleteByUser({ name, userId, only: handleOf(records, only), except: handleOf(records, except) })
    }
    case "list": {
      const { limit, name, offset, policy, userId } = operation
      return store.listByUser({ name, userId, now, liveAfter: liveAfterOf(policy, now), limit, offset })
    }
    case "limit": {
      const newest = records.get(operation.newest) ?? sample({ key: operation.newest, handle: "nobody" })
      const { name, userId } = newest
      const { limit, policy } = operation
      const liveAfter = liveAfterOf(policy, now)
      return userId === null ? Effect.succeed(0) : store.limitByUser({ name, userId, now, liveAfter, limit, newest })
    }
    case "times": {
      const handles = operation.keys.flatMap((key) => handleOf(records, key) ?? [])
      return Effect.map(store.readTimes({ name: operation.name, handles, now }), byHandle)
    }
    case "sweep":
      return store.deleteExpired(now - operation.life, 100)
    case "count":
      return store.count({ name: operation.name, now, liveAfter: liveAfterOf(operation.policy, now) })
    case "clear":
      return store.clear(operation.name)
    case "wait":
      return Effect.void
  }
}

/**
 * Declares the conformance tests of the store that `storeLayer` provides. They clear the store and run one after the
 * other; give them a store, a table or a prefix of their own. `runs` is the number of random sequences (100 if left
 * out), `rounds` that of each race (20 if left out), `timeout` the milliseconds for each test.
 *
 * @example
 * ```ts
 * import { SessionStore } from "effect-sessions"
 * import { conformance } from "effect-sessions/testing"
 *
 * conformance("MyStore", SessionStore.layerMemory)
 * ```
 *
 * @since 3.0.0
 * @category testing
 */
export const conformance = <E>(
  name: string,
  storeLayer: Layer.Layer<SessionStore, E>,
  options: {
    readonly runs?: number | undefined
    readonly rounds?: number | undefined
    readonly timeout?: number | undefined
  } = {}
): void => {
  const timeout = options.timeout ?? 60_000
  // `layer` puts the tests of its layer into the one `it` that all tests have, where those that follow would find them.
  const before = { ...shared }
  layer(storeLayer, { timeout })(`${name} keeps the store contract`, (it) => {
    const test = (title: string, run: (store: Service) => Effect.Effect<unknown, SessionStoreError>) =>
      it.effect(
        title,
        () => Effect.flatMap(SessionStore, (store) => Effect.zipRight(store.clear(), run(store))),
        timeout
      )
    const race = (title: string, run: (store: Service) => Effect.Effect<unknown, SessionStoreError>) =>
      test(title, (store) =>
        Effect.forEach(
          Array.from({ length: options.rounds ?? 20 }),
          () => Effect.zipRight(store.clear(), run(store)),
          { discard: true }
        ))

    test("insert adds a record and read returns it exactly, every field of it", (store) =>
      Effect.gen(function*() {
        const record = sample({
          name: "a name: \u00e9",
          previousKey: "previous",
          earlierKey: "earlier",
          renamedAt: 1_700_000_000_000,
          userId: "user",
          version: 7,
          lastSeenAt: 1500,
          expiresAt: 1_800_000_000_000,
          remembered: true
        })
        yield* adds(store, record, sample({ key: "plain" }))
        yield* reads(store, record.key, record)
        yield* reads(store, "plain", sample({ key: "plain" }))
      }))

    for (const [what, data] of texts) {
      test(`every write keeps the data character for character: ${what}`, (store) =>
        Effect.gen(function*() {
          yield* adds(store, sample({ data }), sample({ key: "updated" }), sample({ key: "old" }))
          yield* reads(store, "key", sample({ data }))
          const unlessRenamed = { keys: ["updated"], after: 0 }
          assert.isTrue(yield* store.insert({ record: sample({ key: "guarded", data }), unlessRenamed }))
          yield* reads(store, "guarded", sample({ key: "guarded", data }))
          yield* store.update(update({ key: "updated", data, lastSeenAt: now, expiresAt: 2000, now }))
          yield* reads(store, "updated", sample({ key: "updated", data, version: 2 }))
          const change = rotation(sample({ key: "old" }), "next", { data })
          yield* store.rotate(change)
          yield* reads(store, "next", change.next)
        }))
    }

    test("insert never overwrites, live or expired", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample(), sample({ key: "expired", expiresAt: 500 }))
        const other = sample({ data: "{}", userId: "other", handle: "other" })
        yield* keyExists(store.insert({ record: other }))
        yield* keyExists(store.insert({ record: other, unlessRenamed: { keys: ["key"], after: 0 } }))
        yield* reads(store, "key", sample())
        yield* keyExists(store.insert({ record: sample({ key: "expired" }) }))
        yield* reads(store, "expired", undefined)
        yield* reads(store, "expired", sample({ key: "expired", expiresAt: 500 }), 499)
      }))

    test("insert adds nothing where one of the keys was renamed later, once or twice, live or not", (store) =>
      Effect.gen(function*() {
        const record = sample({ key: "new", previousKey: "old", renamedAt: now })
        const refuses = (keys: ReadonlyArray<string>, after: number) =>
          Effect.gen(function*() {
            assert.isFalse(yield* store.insert({ record, unlessRenamed: { keys, after } }))
            yield* reads(store, "new", undefined)
          })
        const accepts = (keys: ReadonlyArray<string>, after: number) =>
          Effect.gen(function*() {
            assert.isTrue(yield* store.insert({ record, unlessRenamed: { keys, after } }))
            yield* reads(store, "new", record)
            yield* store.delete({ keys: ["new"] })
          })
        yield* adds(
          store,
          sample({ key: "live", previousKey: "one", earlierKey: "two", renamedAt: 900 }),
          sample({ key: "expired", previousKey: "three", renamedAt: 900, expiresAt: 950 }),
          sample({ key: "never", previousKey: "four" })
        )
        for (const key of ["one", "two", "three"]) {
          yield* refuses([key], 899)
          yield* refuses(["unknown", key], 899)
          yield* accepts([key], 900)
        }
        yield* accepts(["live", "expired", "four", "unknown"], 0)
        yield* accepts([], 0)
      }))

    test("read finds nothing where nothing is, nor under a key that was renamed", (store) =>
      Effect.gen(function*() {
        yield* reads(store, "nobody", undefined)
        yield* adds(store, sample({ previousKey: "previous", earlierKey: "earlier", renamedAt: now }))
        yield* reads(store, "previous", undefined)
        yield* reads(store, "earlier", undefined)
      }))

    test("search finds what keys lead to, each record once", (store) =>
      Effect.gen(function*() {
        const one = sample({ key: "one", previousKey: "one-1", earlierKey: "one-0", renamedAt: 900 })
        const two = sample({ key: "two", previousKey: "one", renamedAt: 950 })
        const never = sample({ key: "never", previousKey: "never-0" })
        const expired = sample({ key: "expired", previousKey: "one-1", renamedAt: 950, expiresAt: 1000 })
        yield* adds(store, one, two, never, expired)
        yield* searches(store, { keys: [], renamedAfter: 0 }, [])
        yield* searches(store, { keys: ["unknown", "expired", "never-0"], renamedAfter: 0 }, [])
        yield* searches(store, { keys: ["never", "never"], renamedAfter: 0 }, [never])
        for (const key of ["one-1", "one-0"]) {
          yield* searches(store, { keys: [key], renamedAfter: 899 }, [one])
          yield* searches(store, { keys: [key], renamedAfter: 900 }, [])
        }
        yield* searches(store, { keys: ["one-0", "one-1", "one"], renamedAfter: 899 }, [one, two])
        yield* searches(store, { keys: ["one", "two"], renamedAfter: 949 }, [one, two])
        yield* searches(store, { keys: ["one"], renamedAfter: 950 }, [one])
        yield* searches(store, { keys: ["one-1", "two"], renamedAfter: 0, now: 999 }, [one, two, expired])
      }))

    test("keys, handles, names and users are told apart by case and by trailing space", (store) =>
      Effect.gen(function*() {
        const upper = sample({ key: "Key", name: "Name", userId: "User", handle: "Handle" })
        const lower = sample({ userId: "user" })
        const spaced = sample({ key: "spaced", name: "name ", userId: "user " })
        yield* adds(store, upper, lower, spaced)
        yield* reads(store, "KEY", undefined)
        yield* reads(store, "Key", upper)
        yield* counts(store, "name", now, 1)
        assert.strictEqual(yield* store.deleteByUser({ name: "name ", userId: "user" }), 0)
        assert.strictEqual(yield* store.deleteByUser({ name: "name", userId: "user " }), 0)
        assert.strictEqual(yield* store.deleteByUser({ name: "name", userId: "user", only: "HANDLE" }), 0)
        assert.strictEqual(yield* store.deleteByUser({ name: "name", userId: "user" }), 1)
        yield* reads(store, "Key", upper)
        yield* reads(store, "spaced", spaced)
      }))

    for (
      const [when, at, live] of [
        ["one millisecond before its expiry", 1999, true],
        ["half a millisecond before its expiry", 1999.5, true],
        ["at its expiry", 2000, false],
        ["one millisecond after its expiry", 2001, false]
      ] as const
    ) {
      test(`a record is ${live ? "live" : "absent"} ${when}`, (store) =>
        Effect.gen(function*() {
          const times = { lastSeenAt: 1990, expiresAt: 9000, now: at }
          for (const key of ["read", "update", "touch", "rotate"]) {
            yield* adds(store, sample({ key, handle: key, userId: "user" }))
          }
          const found = sample({ key: "read", handle: "read", userId: "user" })
          yield* reads(store, "read", live ? found : undefined, at)
          yield* searches(store, { keys: ["read"], renamedAfter: 0, now: at }, live ? [found] : [])
          assert.strictEqual((yield* store.listByUser({ ...everySession, now: at })).length, live ? 4 : 0)
          yield* counts(store, "name", at, live ? 4 : 0)
          assert.strictEqual(yield* store.update({ ...times, key: "update", expectedVersion: 1, data: "{}" }), live)
          assert.strictEqual(yield* store.touch({ ...times, key: "touch" }), live)
          assert.strictEqual(
            yield* store.rotate({ ...rotation(sample({ key: "rotate" }), "next"), now: at }),
            live
          )
          const touched = sample({ key: "touch", handle: "touch", userId: "user", lastSeenAt: 1990, expiresAt: 9000 })
          yield* reads(store, "touch", live ? touched : undefined, at)
        }))
    }

    const successor = sample({ userId: "user", previousKey: "previous", earlierKey: "earlier", renamedAt: 900 })

    test("update replaces the data, raises the version, takes over later times, and leaves the rest", (store) =>
      Effect.gen(function*() {
        yield* adds(store, successor)
        assert.isTrue(yield* store.update(update()))
        yield* reads(store, "key", { ...successor, data: "[2]", version: 2, lastSeenAt: 1200, expiresAt: 2200 })
      }))

    test("update keeps the times where its own are not later", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample({ lastSeenAt: 1500, expiresAt: 2500 }))
        assert.isTrue(yield* store.update(update({ lastSeenAt: 1500, expiresAt: 2400, now: 1500 })))
        yield* reads(store, "key", sample({ data: "[2]", version: 2, lastSeenAt: 1500, expiresAt: 2500 }))
      }))

    test("update changes nothing at another version and creates nothing", (store) =>
      Effect.gen(function*() {
        assert.isFalse(yield* store.update(update()))
        yield* reads(store, "key", undefined)
        yield* adds(store, successor)
        assert.isFalse(yield* store.update(update({ expectedVersion: 2 })))
        assert.isFalse(yield* store.update(update({ expectedVersion: 0 })))
        assert.isFalse(yield* store.update(update({ key: "previous" })))
        yield* reads(store, "key", successor)
      }))

    test("touch takes over later times and nothing else", (store) =>
      Effect.gen(function*() {
        yield* adds(store, successor)
        assert.isTrue(yield* store.touch({ key: "key", lastSeenAt: 1300, expiresAt: 2300, now: 1300 }))
        yield* reads(store, "key", { ...successor, lastSeenAt: 1300, expiresAt: 2300 })
        assert.isTrue(yield* store.touch({ key: "key", lastSeenAt: 1200, expiresAt: 2200, now: 1300 }))
        assert.isTrue(yield* store.touch({ key: "key", lastSeenAt: 1300, expiresAt: 2200, now: 1300 }))
        yield* reads(store, "key", { ...successor, lastSeenAt: 1300, expiresAt: 2300 })
      }))

    test("touch can bring the expiry forward, and creates nothing", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample({ expiresAt: 9000, previousKey: "previous", renamedAt: 900 }))
        assert.isTrue(yield* store.touch({ key: "key", lastSeenAt: 1100, expiresAt: 1200, now: 1100 }))
        yield* reads(store, "key", undefined, 1200)
        for (const key of ["nobody", "previous"]) {
          assert.isFalse(yield* store.touch({ key, lastSeenAt: 1100, expiresAt: 1200, now: 1100 }))
          yield* reads(store, key, undefined)
        }
      }))

    test("rotate puts the next record in the place of the old, everything along with it", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample({ previousKey: "previous", renamedAt: 900 }))
        const next = sample({
          key: "next",
          previousKey: "key",
          earlierKey: "previous",
          renamedAt: 1100,
          handle: "another",
          userId: "user",
          data: "[]",
          version: 2,
          createdAt: 1100,
          lastSeenAt: 1100,
          expiresAt: 2100,
          remembered: true
        })
        assert.isTrue(yield* store.rotate({ oldKey: "key", expectedVersion: 1, next, now: 1100 }))
        yield* reads(store, "key", undefined)
        yield* reads(store, "next", next)
        assert.deepStrictEqual(yield* store.listByUser(everySession), [next])
        yield* searches(store, { keys: ["previous", "key"], renamedAfter: 1099 }, [next])
        yield* counts(store, "name", now, 1)
        const unlessRenamed = { keys: ["previous"], after: 1099 }
        assert.isFalse(yield* store.insert({ record: sample({ key: "late" }), unlessRenamed }))
        assert.strictEqual(yield* store.delete({ keys: [], handle: "handle" }), 0)
        assert.strictEqual(yield* store.delete({ keys: [], handle: "another" }), 1)
      }))

    test("rotate changes nothing at another version, from an absent key, or onto another record", (store) =>
      Effect.gen(function*() {
        assert.isFalse(yield* store.rotate(rotation(sample(), "next")))
        yield* reads(store, "next", undefined)
        yield* adds(store, successor)
        assert.isFalse(yield* store.rotate(rotation({ ...successor, version: 5 }, "next")))
        assert.isFalse(yield* store.rotate(rotation({ ...successor, key: "previous" }, "next")))
        yield* reads(store, "next", undefined)
        const victim = sample({ key: "next", handle: "victim", data: "\"victim\"" })
        const expired = sample({ key: "expired", handle: "expired", expiresAt: 500 })
        yield* adds(store, victim, expired)
        yield* keyExists(store.rotate(rotation(successor, "next")))
        yield* keyExists(store.rotate(rotation(successor, "expired")))
        yield* reads(store, "key", successor)
        yield* reads(store, "next", victim)
        yield* reads(store, "expired", expired, 499)
      }))

    test("delete removes the records of keys, live or expired, once", (store) =>
      Effect.gen(function*() {
        yield* adds(
          store,
          sample(),
          sample({ key: "second" }),
          sample({ key: "third" }),
          sample({ key: "expired", expiresAt: 500 })
        )
        assert.strictEqual(yield* store.delete({ keys: ["key"] }), 1)
        assert.strictEqual(yield* store.delete({ keys: ["key", "second", "expired", "unknown"] }), 2)
        assert.strictEqual(yield* store.delete({ keys: ["key", "second", "expired"] }), 0)
        assert.strictEqual(yield* store.delete({ keys: [] }), 0)
        yield* counts(store, "name", 0, 1)
        yield* reads(store, "third", sample({ key: "third" }))
      }))

    test("delete removes successors that were renamed later, and only these", (store) =>
      Effect.gen(function*() {
        const other = sample({ key: "other", previousKey: "another", renamedAt: 900 })
        const fresh = adds(
          store,
          sample({ key: "one", previousKey: "key", renamedAt: 900 }),
          sample({ key: "two", previousKey: "between", earlierKey: "key", renamedAt: 900 }),
          sample({ key: "expired", previousKey: "key", renamedAt: 900, expiresAt: 950 }),
          sample({ key: "never", previousKey: "key" }),
          other
        )
        yield* fresh
        assert.strictEqual(yield* store.delete({ keys: ["key"] }), 0)
        assert.strictEqual(yield* store.delete({ keys: ["key"], renamedAfter: 900 }), 0)
        yield* counts(store, "name", 0, 5)
        assert.strictEqual(yield* store.delete({ keys: ["key", "between"], renamedAfter: 899 }), 3)
        yield* counts(store, "name", 0, 2)
        yield* reads(store, "other", other)
      }))

    test("delete removes the record of a handle, whatever its key is, and counts it once", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample(), sample({ key: "other", handle: "other" }))
        assert.isTrue(yield* store.rotate(rotation(sample(), "next")))
        assert.strictEqual(yield* store.delete({ keys: ["unknown"], handle: "nobody" }), 0)
        assert.strictEqual(yield* store.delete({ keys: ["next", "key"], renamedAfter: 0, handle: "handle" }), 1)
        assert.strictEqual(yield* store.delete({ keys: [], handle: "other" }), 1)
        yield* counts(store, "name", 0, 0)
      }))

    test("deleteByUser removes the records of a user of a declaration: all, one, or all but one", (store) =>
      Effect.gen(function*() {
        for (const handle of ["1", "2", "3"]) yield* adds(store, sample({ key: handle, handle, userId: "user" }))
        yield* adds(
          store,
          sample({ key: "expired", handle: "expired", userId: "user", expiresAt: 500 }),
          sample({ key: "other", handle: "other", userId: "other" }),
          sample({ key: "elsewhere", handle: "elsewhere", userId: "user", name: "elsewhere" }),
          sample({ key: "visitor", handle: "visitor" })
        )
        const user = { name: "name", userId: "user" }
        assert.strictEqual(yield* store.deleteByUser({ ...user, only: "other" }), 0)
        assert.strictEqual(yield* store.deleteByUser({ ...user, only: "1" }), 1)
        assert.strictEqual(yield* store.deleteByUser({ ...user, only: "1" }), 0)
        assert.strictEqual(yield* store.deleteByUser({ ...user, except: "2" }), 2)
        yield* reads(store, "2", sample({ key: "2", handle: "2", userId: "user" }))
        assert.strictEqual(yield* store.deleteByUser(user), 1)
        assert.strictEqual(yield* store.deleteByUser(user), 0)
        yield* counts(store, "name", 0, 2)
        yield* counts(store, "elsewhere", 0, 1)
      }))

    test("listByUser is live only, recent only, in order, and paged", (store) =>
      Effect.gen(function*() {
        const records = [["c", 1300], ["a", 1200], ["b", 1200], ["d", 1100]].map(([handle, lastSeenAt]) =>
          sample({
            key: `key-${handle}`,
            handle: String(handle),
            userId: "user",
            createdAt: handle === "d" ? 900 : 1000,
            lastSeenAt: Number(lastSeenAt)
          })
        )
        yield* adds(store, ...[...records].reverse())
        yield* adds(
          store,
          sample({ key: "expired", userId: "user", expiresAt: 500 }),
          sample({ key: "other", userId: "other" }),
          sample({ key: "elsewhere", userId: "user", name: "elsewhere" }),
          sample({ key: "visitor" })
        )
        const lists = (search: Partial<typeof everySession>, expected: ReadonlyArray<SessionRecord>) =>
          Effect.map(
            store.listByUser({ ...everySession, ...search }),
            (found) => assert.deepStrictEqual(found, expected)
          )
        yield* lists({}, records)
        yield* lists({ limit: 2, offset: 1 }, records.slice(1, 3))
        yield* lists({ limit: 2, offset: 2 }, records.slice(2))
        yield* lists({ limit: 2, offset: 4 }, [])
        yield* lists({ limit: 0 }, [])
        yield* lists({ userId: "nobody" }, [])
        yield* lists({ liveAfter: ordinarily(1199, 0) }, records.slice(0, 3))
        yield* lists({ liveAfter: ordinarily(1200, 0) }, records.slice(0, 1))
        yield* lists({ liveAfter: ordinarily(0, 899) }, records)
        yield* lists({ liveAfter: ordinarily(0, 900) }, records.slice(0, 3))
        yield* lists({ liveAfter: ordinarily(0, 900), limit: 2, offset: 1 }, records.slice(1, 3))
        const remembered = sample({ key: "remembered", userId: "user", lastSeenAt: 1000, remembered: true })
        yield* adds(store, remembered)
        yield* lists({ liveAfter: ordinarily(2000, 2000) }, [remembered])
        yield* lists({ liveAfter: { ordinary: since(0, 0), remembered: since(1000, 0) } }, records)
        yield* lists({ liveAfter: { ordinary: since(0, 0), remembered: since(0, 1000) } }, records)
      }))

    test("deleteExpired removes what has expired, batch by batch, and nothing else", (store) =>
      Effect.gen(function*() {
        for (let index = 0; index < 5; index++) {
          yield* adds(store, sample({ key: `old${index}`, expiresAt: 100 + index }))
        }
        yield* adds(
          store,
          sample({ key: "edge", expiresAt: 1000 }),
          sample({ key: "live", expiresAt: 1001 }),
          sample({ key: "touched", lastSeenAt: 1, expiresAt: 900 })
        )
        yield* store.touch({ key: "touched", lastSeenAt: 800, expiresAt: 5000, now: 800 })
        assert.strictEqual(yield* store.deleteExpired(999.5, 0), 0)
        assert.strictEqual(yield* store.deleteExpired(999.5, 4), 4)
        assert.strictEqual(yield* store.deleteExpired(999.5, 4), 1)
        assert.strictEqual(yield* store.deleteExpired(1000, 4), 1)
        assert.strictEqual(yield* store.deleteExpired(1000.5, 4), 0)
        yield* counts(store, "name", 0, 2)
      }))

    test("count counts the live records of a declaration, and those of users, by a policy", (store) =>
      Effect.gen(function*() {
        yield* adds(
          store,
          sample(),
          sample({ key: "user", userId: "user" }),
          sample({ key: "expired", expiresAt: 500 }),
          sample({ key: "elsewhere", name: "elsewhere" })
        )
        yield* counts(store, "name", now, 2)
        yield* counts(store, "name", 0, 3)
        yield* counts(store, "elsewhere", now, 1)
        yield* counts(store, "nowhere", now, 0)
        yield* adds(
          store,
          sample({ key: "seen", userId: "user", lastSeenAt: 900, createdAt: 900 }),
          sample({ key: "remembered", userId: "user", lastSeenAt: 900, createdAt: 900, remembered: true })
        )
        const counting = { name: "name", now }
        const policies: ReadonlyArray<readonly [policy: LiveAfter, live: number, signedIn: number]> = [
          [always, 4, 3],
          [{ ordinary: since(899, 899), remembered: since(899, 899) }, 4, 3],
          [{ ordinary: since(900, 0), remembered: since(0, 0) }, 3, 2],
          [{ ordinary: since(0, 900), remembered: since(0, 0) }, 3, 2],
          [{ ordinary: since(0, 0), remembered: since(900, 0) }, 3, 2],
          [{ ordinary: since(0, 0), remembered: since(0, 900) }, 3, 2],
          [{ ordinary: since(2000, 0), remembered: since(2000, 0) }, 0, 0]
        ]
        for (const [liveAfter, live, signedIn] of policies) {
          assert.deepStrictEqual(yield* store.count({ ...counting, liveAfter }), { live, signedIn })
        }
      }))

    test("limitByUser leaves the most recently seen live records, the newest always among them", (store) =>
      Effect.gen(function*() {
        const record = (handle: string, createdAt: number, lastSeenAt: number, change: Partial<SessionRecord> = {}) =>
          sample({ key: handle, handle, userId: "user", createdAt, lastSeenAt, expiresAt: 9000, ...change })
        const others = [
          record("expired", 100, 1900, { expiresAt: 1999 }),
          record("policy", 100, 150),
          record("other", 100, 900, { userId: "other" }),
          record("elsewhere", 100, 900, { name: "elsewhere" }),
          record("visitor", 100, 900, { userId: null })
        ]
        const limited = (limit: number, newest: SessionRecord, records: ReadonlyArray<SessionRecord>) =>
          Effect.gen(function*() {
            yield* store.clear()
            yield* adds(store, ...others, ...records)
            const liveAfter = { ordinary: since(200, 0), remembered: since(200, 0) }
            const asked = { name: "name", userId: "user", now: 2000, liveAfter, limit, newest }
            const removed = yield* store.limitByUser(asked)
            assert.strictEqual(yield* store.limitByUser(asked), 0)
            const left = yield* Effect.filter(records, ({ key }) => Effect.map(store.read(key, 0), Option.isSome))
            for (const { key } of others) assert.isTrue(Option.isSome(yield* store.read(key, 0)), key)
            assert.strictEqual(removed, records.length - left.length)
            return left.map(({ key }) => key)
          })
        // Each kind of session by its own pair of times, each time the last that does not count.
        const policy = { ordinary: since(1100, 100), remembered: since(500, 50) }
        const kept = [
          record("seen", 101, 1101),
          record("long ago", 51, 501, { remembered: true }),
          record("begun now", 2000, 2000)
        ]
        const outside = [
          record("unseen", 101, 1100),
          record("old", 100, 1900),
          record("unseen, remembered", 51, 500, { remembered: true }),
          record("old, remembered", 50, 1900, { remembered: true })
        ]
        yield* store.clear()
        yield* adds(store, ...kept, ...outside)
        const first = { handle: "first", createdAt: 1500 }
        const asked = { name: "name", userId: "user", now: 2000, liveAfter: policy, limit: 1, newest: first }
        assert.strictEqual(yield* store.limitByUser(asked), 2)
        for (const { key } of [...outside, sample({ key: "begun now" })]) {
          assert.isTrue(Option.isSome(yield* store.read(key, 0)), key)
        }
        const [a, b, c] = [record("a", 100, 1100), record("b", 100, 1300), record("c", 100, 1200)]
        const newest = record("newest", 1000, 1000)
        assert.deepStrictEqual(yield* limited(4, newest, [a, b, c, newest]), ["a", "b", "c", "newest"])
        assert.deepStrictEqual(yield* limited(3, newest, [a, b, c, newest]), ["b", "c", "newest"])
        assert.deepStrictEqual(yield* limited(1, newest, [a, b, c, newest]), ["newest"])
        // Seen at the same time: in the order of their handles.
        const [d, e] = [record("d", 100, 1300), record("e", 100, 1300)]
        assert.deepStrictEqual(yield* limited(3, newest, [e, d, b, newest]), ["d", "b", "newest"])
        // Those begun later count more, but not those of a clock that runs ahead.
        const later = record("later", 1500, 1500)
        const ahead = record("ahead", 2001, 2001)
        assert.deepStrictEqual(yield* limited(1, newest, [newest, later]), ["later"])
        assert.deepStrictEqual(yield* limited(1, newest, [newest, ahead]), ["newest"])
        assert.deepStrictEqual(yield* limited(2, newest, [a, ahead, newest]), ["ahead", "newest"])
        // Begun at the same time: in the order of their handles, whoever asks.
        const twin = record("m", 1000, 1000)
        assert.deepStrictEqual(yield* limited(1, newest, [newest, twin]), ["m"])
        assert.deepStrictEqual(yield* limited(1, twin, [newest, twin]), ["m"])
      }))

    race("of parallel sign-ins with a limit exactly as many live as it allows", (store) =>
      Effect.gen(function*() {
        const liveAfter = always
        yield* Effect.forEach(
          Array.from({ length: 12 }, (_, index) => index),
          (index) => {
            const at = now + index % 3
            const times = { createdAt: at, lastSeenAt: at }
            const newest = sample({ key: `${index}`, handle: `${index}`, userId: "user", ...times })
            const user = { name: "name", userId: "user", now: now + 2, liveAfter }
            return Effect.zipRight(store.insert({ record: newest }), store.limitByUser({ ...user, limit: 5, newest }))
          },
          { concurrency: "unbounded", discard: true }
        )
        yield* counts(store, "name", now, 5)
      }))

    race(
      "a limit ends no session that was signed in to, or used, while it was applied",
      (store) =>
        Effect.gen(function*() {
          const record = (handle: string, at: number) =>
            sample({ key: handle, handle, userId: "user", createdAt: at, lastSeenAt: at, expiresAt: 9000 })
          const [old, newest] = [record("old", 100), record("newest", 1000)]
          yield* adds(store, old, record("used", 200), record("between", 300), newest)
          const again = rotation(old, "again", { createdAt: 1001, lastSeenAt: 1001 })
          const limited = { name: "name", userId: "user", now: 1001, liveAfter: always, limit: 3 }
          const signIn = Effect.flatMap(
            store.rotate(again),
            (done) =>
              done ? Effect.as(store.limitByUser({ ...limited, newest: again.next }), true) : Effect.succeed(false)
          )
          const touch = store.touch({ key: "used", lastSeenAt: 1001, expiresAt: 9001, now: 1001 })
          const [isSignedIn] = yield* Effect.all(
            [signIn, store.limitByUser({ ...limited, newest }), touch],
            { concurrency: "unbounded" }
          )
          yield* reads(store, "newest", newest)
          if (isSignedIn) yield* reads(store, "again", again.next)
          yield* counts(store, "name", now, 3)
        })
    )

    test("readTimes has the times of the live records of a declaration with these handles", (store) =>
      Effect.gen(function*() {
        const record = sample({ userId: "user", lastSeenAt: 1200, expiresAt: 3000, remembered: true })
        yield* adds(
          store,
          record,
          sample({ key: "two", handle: "two" }),
          sample({ key: "expired", handle: "expired", expiresAt: 1000 }),
          sample({ key: "elsewhere", handle: "elsewhere", name: "elsewhere" })
        )
        const reads = (handles: ReadonlyArray<string>, expected: ReadonlyArray<SessionRecord>) =>
          Effect.map(
            store.readTimes({ name: "name", handles, now }),
            (found) => assert.deepStrictEqual(byHandle(found), byHandle(expected.map(timesOf)))
          )
        yield* reads(["handle", "two", "expired", "elsewhere", "unknown"], [record, sample({ handle: "two" })])
        yield* reads(["handle", "handle"], [record])
        yield* reads([], [])
        yield* reads([...Array.from({ length: 999 }, (_, index) => `unknown-${index}`), "handle"], [record])
        yield* store.rotate(rotation(record, "next"))
        yield* reads(["handle"], [record])
      }))

    test("clear removes the records of a declaration, or all", (store) =>
      Effect.gen(function*() {
        yield* adds(
          store,
          sample({ previousKey: "previous", renamedAt: now, userId: "user" }),
          sample({ key: "expired", expiresAt: 500 }),
          sample({ key: "second", name: "second" }),
          sample({ key: "third", name: "third" })
        )
        yield* store.clear("name")
        yield* store.clear("name")
        yield* counts(store, "name", 0, 0)
        yield* counts(store, "second", 0, 1)
        assert.deepStrictEqual(yield* store.listByUser(everySession), [])
        const unlessRenamed = { keys: ["previous"], after: 0 }
        assert.isTrue(yield* store.insert({ record: sample(), unlessRenamed }))
        yield* store.clear()
        yield* store.clear()
        for (const name of ["name", "second", "third"]) yield* counts(store, name, 0, 0)
      }))

    test("of parallel inserts, updates or rotations from one version, one wins", (store) =>
      Effect.gen(function*() {
        const twenty = Array.from({ length: 20 }, (_, index) => index)
        const inserted = yield* Effect.forEach(
          twenty,
          (n) => Effect.either(store.insert({ record: sample({ data: String(n) }) })),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(inserted.filter((result) => result._tag === "Right").length, 1)
        const updated = yield* Effect.forEach(
          twenty,
          (n) => store.update(update({ data: String(n), lastSeenAt: now, expiresAt: 2000, now })),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(updated.filter((done) => done).length, 1)
        const rotatedTo = yield* Effect.forEach(
          twenty,
          (n) => store.rotate(rotation(sample({ version: 2 }), `next${n}`)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(rotatedTo.filter((done) => done).length, 1)
        yield* counts(store, "name", now, 1)
      }))

    race("nothing that races with a delete brings the record back", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample())
        yield* Effect.all([
          store.update(update()),
          store.touch({ key: "key", lastSeenAt: 1200, expiresAt: 2200, now: 1200 }),
          store.delete({ keys: ["key"] }),
          store.touch({ key: "key", lastSeenAt: 1300, expiresAt: 2300, now: 1300 }),
          store.update(update({ expectedVersion: 2 }))
        ], { concurrency: "unbounded" })
        yield* reads(store, "key", undefined)
        yield* counts(store, "name", 0, 0)
      }))

    /** Two renames, one after the other, as far as they come. */
    const renameTwice = (store: Service, record: SessionRecord) => {
      const first = rotation(record, `${record.key}-1`)
      const second = rotation(first.next, `${record.key}-2`)
      return Effect.flatMap(store.rotate(first), (done) => done ? store.rotate(second) : Effect.succeed(false))
    }

    const ends: ReadonlyArray<
      readonly [by: string, end: (store: Service) => Effect.Effect<number, SessionStoreError>]
    > = [
      ["by its first key", (store) => store.delete({ keys: ["key"], renamedAfter: 999 })],
      ["by its handle", (store) => store.delete({ keys: ["unknown"], handle: "handle" })],
      ["with all of its user's", (store) => store.deleteByUser({ name: "name", userId: "user" })],
      ["as the one of its user's", (store) => store.deleteByUser({ name: "name", userId: "user", only: "handle" })]
    ]
    for (const [by, end] of ends) {
      race(`no rename outruns the end of its record, ended ${by}`, (store) =>
        Effect.gen(function*() {
          const record = sample({ userId: "user" })
          yield* adds(store, record, sample({ key: "bystander", handle: "bystander" }))
          const [, removed] = yield* Effect.all(
            [renameTwice(store, record), end(store)],
            { concurrency: "unbounded" }
          )
          assert.strictEqual(removed, 1)
          yield* counts(store, "name", 0, 1)
        }))
    }

    race("a record that is renamed can be found at every moment, once", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample())
        const renaming = yield* Effect.fork(renameTwice(store, sample()))
        for (let turn = 0; turn < 50 && Option.isNone(yield* Fiber.poll(renaming)); turn++) {
          const found = yield* store.search({ keys: ["key"], renamedAfter: 999, now })
          assert.strictEqual(found.length, 1)
        }
        assert.isTrue(yield* Fiber.join(renaming))
        yield* searches(store, { keys: ["key"], renamedAfter: 999 }, [
          renamed(renamed(sample(), "key-1", 1000), "key-2", 1000)
        ])
      }))

    race("a rename that is interrupted is made or not, never half", (store) =>
      Effect.gen(function*() {
        yield* adds(store, sample())
        const fiber = yield* Effect.fork(store.rotate(rotation(sample(), "next")))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        const [found, ...others] = yield* store.search({ keys: ["key"], renamedAfter: 999, now })
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(found, found?.key === "key" ? sample() : rotation(sample(), "next").next)
      }))

    it.effect.prop(
      "any sequence of operations answers and leaves what the model says",
      { operations: FastCheck.array(operation, { maxLength: 40 }) },
      ({ operations }) =>
        Effect.gen(function*() {
          const store = yield* SessionStore
          yield* store.clear()
          const records = new Map<string, SessionRecord>()
          let now = 1000
          for (const [turn, operation] of operations.entries()) {
            if (operation._tag === "wait") now += operation.life
            const asked = runStore(store, new Map(records), operation, now, turn)
            const expected = runModel(records, operation, now, turn)
            const answer = yield* asked
            if (operation._tag === "insert" && expected === undefined) assert.include([false, "KeyExists"], answer)
            else assert.deepStrictEqual(answer, expected)
            for (const key of ["a", "b", "c", "d"]) {
              const read = { _tag: "read", key } as const
              assert.deepStrictEqual(
                yield* runStore(store, records, read, now, turn),
                runModel(records, read, now, turn)
              )
            }
          }
        }),
      { timeout, fastCheck: { numRuns: options.runs ?? 100 } }
    )
  })

  layer(storeLayer, { timeout, excludeTestServices: true })(`${name} keeps the store contract`, (it) => {
    it.effect(
      "where it tells what is ended, it tells of each, after it is, and of nothing else",
      () =>
        Effect.flatMap(
          SessionStore,
          (store) => store.signals === undefined ? Effect.void : Effect.scoped(tellsWhatIsEnded(store, store.signals))
        ),
      timeout
    )

    Object.assign(shared, before)
  })
}

const tellsWhatIsEnded = Effect.fnUntraced(function*(
  store: Service,
  signals: Stream.Stream<Signal, SessionStoreError>
) {
  yield* store.clear()
  const told = yield* Queue.unbounded<Signal>()
  const hearing = yield* Effect.forkScoped(Stream.runForEach(signals, (signal) => Queue.offer(told, signal)))
  const next = Effect.raceFirst(Queue.take(told), Effect.zipRight(Fiber.join(hearing), Effect.never))
  const user = { userId: "user" }
  const tells = (operation: Effect.Effect<unknown, SessionStoreError>, ...handles: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      yield* operation
      // It comes last, so that whatever is told too much is seen before it.
      yield* store.clear("another")
      const seen = new Set<string>()
      for (let signal = yield* next; signal._tag !== "Cleared"; signal = yield* next) {
        if (signal._tag === "Listening") continue
        assert.strictEqual(signal.name, "name")
        assert.isTrue(signal.here)
        assert.deepStrictEqual(yield* store.readTimes({ name: "name", handles: [signal.handle], now }), [])
        seen.add(signal.handle)
      }
      assert.deepStrictEqual([...seen].sort(), [...handles].sort())
    })

  // What was told of the clear may still be on its way.
  yield* Effect.repeat(next, { until: ({ _tag }) => _tag === "Listening" })
  const [a, b, c] = [
    sample({ key: "a", handle: "handle-a", ...user, lastSeenAt: 1003 }),
    sample({ key: "b", handle: "handle-b", ...user, lastSeenAt: 1002 }),
    sample({ key: "c", handle: "handle-c", ...user, lastSeenAt: 1001 })
  ]
  yield* tells(adds(store, a, b, c))
  yield* tells(store.update({ key: "a", expectedVersion: 1, data: "{}", lastSeenAt: 1004, expiresAt: 2001, now }))
  yield* tells(store.touch({ key: "a", lastSeenAt: 1005, expiresAt: 2002, now }))
  yield* tells(store.rotate(rotation(c, "d")))
  const renamed = rotation(c, "d").next
  const rename = rotation(renamed, "e")
  yield* tells(store.rotate({ ...rename, next: { ...rename.next, handle: "handle-e" } }), "handle-c")
  yield* tells(
    store.limitByUser({ name: "name", ...user, now, liveAfter: always, limit: 2, newest: a }),
    "handle-e"
  )
  yield* tells(store.delete({ keys: ["b", "nobody"] }), "handle-b")
  yield* tells(store.delete({ keys: ["nobody"] }))
  yield* tells(adds(store, b, c, sample({ key: "old", handle: "handle-old", expiresAt: 1 })))
  yield* tells(store.deleteExpired(1, 10))
  yield* tells(store.deleteByUser({ name: "name", ...user, except: "handle-b" }), "handle-a", "handle-c")
  yield* tells(store.deleteByUser({ name: "name", ...user }), "handle-b")
  yield* store.clear("name")
  assert.deepStrictEqual(yield* next, { _tag: "Cleared", here: true, name: "name" })
  yield* store.clear()
  assert.deepStrictEqual(yield* next, { _tag: "Cleared", here: true, name: undefined })
})
