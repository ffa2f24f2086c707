/**
 * What a session store must do, and the store that keeps sessions in memory.
 *
 * A store is dumb on purpose: atomic operations over encoded records. Policy, schemas and HTTP live above it. Whoever
 * writes one runs the conformance suite in `effect-sessions/testing` against it, which checks every sentence below.
 *
 * @since 3.0.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Expiry from "./core/expiry.js"
import * as MemoryStore from "./core/memoryStore.js"
import type * as Record from "./core/record.js"
import type * as Signals from "./core/signal.js"
import * as Durations from "./internal/durations.js"
import * as SharedTimeout from "./internal/sharedTimeout.js"
import { SessionConfigError, SessionStoreError } from "./SessionError.js"

/**
 * A session as a store keeps it. Times are epoch milliseconds of Effect's Clock, passed in by the caller; a store
 * never asks its own clock.
 *
 * @since 3.0.0
 * @category models
 */
export interface SessionRecord extends Record.SessionRecord {}

/**
 * A new session. `unlessRenamed` names keys, such as the one that a request carries, and the time after which none of
 * them may have been renamed.
 *
 * @since 3.0.0
 * @category models
 */
export interface Insertion {
  /** What is added, as it is. */
  readonly record: SessionRecord
  readonly unlessRenamed?: { readonly keys: ReadonlyArray<string>; readonly after: number } | undefined
}

/**
 * Where several keys lead. `renamedAfter` says which renames still count.
 *
 * @since 3.0.0
 * @category models
 */
export interface Search {
  /** Those that a request carries, hashed. */
  readonly keys: ReadonlyArray<string>
  readonly renamedAfter: number
  /** The time by which a record is live or not. */
  readonly now: number
}

/**
 * A change of a session's data.
 *
 * @since 3.0.0
 * @category models
 */
export interface Update {
  /** The record's key now. */
  readonly key: string
  /** The version that was read. */
  readonly expectedVersion: number
  /** The new data: JSON text. */
  readonly data: string
  /** The activity to note. */
  readonly lastSeenAt: number
  /** When the session ends after that. */
  readonly expiresAt: number
  /** The time by which a record is live or not. */
  readonly now: number
}

/**
 * A note of activity.
 *
 * @since 3.0.0
 * @category models
 */
export interface Touch {
  /** The record's key now. */
  readonly key: string
  /** The activity to note. */
  readonly lastSeenAt: number
  /** When the session ends after that. */
  readonly expiresAt: number
  /** The time by which a record is live or not. */
  readonly now: number
}

/**
 * A change of a session's key, and of everything else along with it.
 *
 * @since 3.0.0
 * @category models
 */
export interface Rotation {
  /** The record's key now. */
  readonly oldKey: string
  /** The version that was read. */
  readonly expectedVersion: number
  /** The record as it shall be, under its new key. */
  readonly next: SessionRecord
  /** The time by which a record is live or not. */
  readonly now: number
}

/**
 * The end of the sessions that keys lead to. With `renamedAfter`, of the successors that got their keys later than that
 * as well; with `handle`, of the session of that handle, too, whatever its key is by now.
 *
 * @since 3.0.0
 * @category models
 */
export interface Deletion {
  /** Those that a request carries, hashed. */
  readonly keys: ReadonlyArray<string>
  readonly renamedAfter?: number | undefined
  readonly handle?: string | undefined
}

/**
 * The end of a user's sessions: all of them, `only` the one with that handle, or all `except` the one with that handle.
 *
 * @since 3.0.0
 * @category models
 */
export interface UserDeletion extends Record.UserEnd {}

/**
 * Which records a policy counts as live, besides their own deadline: those that were last seen later than `seenAfter` and
 * begun later than `begunAfter`, in epoch milliseconds. One pair for sessions whose user asked to be remembered, one for
 * all others.
 *
 * @since 3.0.0
 * @category models
 */
export interface LiveAfter extends Expiry.LiveAfter {}

/**
 * A page of a user's sessions.
 *
 * @since 3.0.0
 * @category models
 */
export interface UserSearch {
  /** The declared name of the session. */
  readonly name: string
  /** The stored text of the user. */
  readonly userId: string
  /** The time by which a record is live or not. */
  readonly now: number
  /** Which records the policy counts as live. */
  readonly liveAfter: LiveAfter
  /** How many at the most. */
  readonly limit: number
  /** How many are skipped before. */
  readonly offset: number
}

/**
 * How many sessions a user may have, applied for a sign-in that began one at `newest.createdAt`.
 *
 * @since 3.0.0
 * @category models
 */
export interface UserLimit {
  /** The declared name of the session. */
  readonly name: string
  /** The stored text of the user. */
  readonly userId: string
  /** The time by which a record is live or not. */
  readonly now: number
  /** Which records the policy counts as live. */
  readonly liveAfter: LiveAfter
  /** How many may stay. */
  readonly limit: number
  /** The session that the sign-in began. It stays. */
  readonly newest: { readonly handle: string; readonly createdAt: number }
}

/**
 * The sessions that have these handles.
 *
 * @since 3.0.0
 * @category models
 */
export interface TimesSearch {
  /** The declared name of the session. */
  readonly name: string
  /** Public handles. */
  readonly handles: ReadonlyArray<string>
  /** The time by which a record is live or not. */
  readonly now: number
}

/**
 * What decides when a session ends.
 *
 * @since 3.0.0
 * @category models
 */
export interface Times extends Record.Times {}

/**
 * The sessions of a declaration that a policy counts as live.
 *
 * @since 3.0.0
 * @category models
 */
export interface Counting {
  /** The declared name of the session. */
  readonly name: string
  /** The time by which a record is live or not. */
  readonly now: number
  /** Which records the policy counts as live. */
  readonly liveAfter: LiveAfter
}

/**
 * How many sessions are live, and how many of them a user's.
 *
 * @since 3.0.0
 * @category models
 */
export interface Counts {
  /** All of them. */
  readonly live: number
  /** Those that have a user. */
  readonly signedIn: number
}

/**
 * What a store tells of what some node has ended: that from now on everything is told (`Listening`), that the session of a
 * handle has ended (`Ended`), that every session of a declaration has, or of the store if none is named (`Cleared`). `here`
 * says whether it was this very store that ended it.
 *
 * @since 3.0.0
 * @category models
 */
export type Signal = Signals.Signal

/**
 * The store contract. Every method is one atomic operation: others see all of it or nothing, whatever fails or is
 * interrupted. What a method has acknowledged, every later call on every node sees, also one inside an open transaction
 * of the app. A record is *live* at `now` while `now < expiresAt`; one that is not is treated as absent by every method
 * that takes a `now`, whether or not it has been swept.
 *
 * A key *leads to* a record if it is its `key`, or if it is its `previousKey` or `earlierKey` and the record's
 * `renamedAt` is later than a given time.
 *
 * Every method answers or fails within a bound of the store's own, wherever it is called: in an uninterruptible region,
 * in an open transaction. It fails with a `SessionStoreError` when the store cannot be reached or does not answer as it
 * should, and never otherwise, unless it says so; the error says whether the outcome is unknown.
 *
 * @since 3.0.0
 * @category models
 */
export interface Service {
  /**
   * Adds a record. With `unlessRenamed`, only if none of its keys is the `previousKey` or the `earlierKey` of a record,
   * live or not, whose `renamedAt` is later than `after`. Says whether it did so: false, and nothing changed, if one is.
   * Fails with reason `"KeyExists"` if a record with that key is there, live or not, and leaves that record untouched:
   * never overwrites.
   */
  readonly insert: (insertion: Insertion) => Effect.Effect<boolean, SessionStoreError>

  /**
   * The live record under `key`, exactly as it was written, character for character. None if there is none. Writes
   * nothing.
   */
  readonly read: (key: string, now: number) => Effect.Effect<Option.Option<SessionRecord>, SessionStoreError>

  /**
   * The live records that `keys` lead to, each once, in no particular order. Empty if there are none. Writes nothing.
   */
  readonly search: (search: Search) => Effect.Effect<ReadonlyArray<SessionRecord>, SessionStoreError>

  /**
   * Replaces the data of the live record under `key` if its version is `expectedVersion`, and raises the version by
   * one. `lastSeenAt` and `expiresAt` are taken over only if that moves `lastSeenAt` forward. Says whether it did so:
   * false, and nothing changed, if the record is absent, expired or at another version. Never creates a record.
   */
  readonly update: (update: Update) => Effect.Effect<boolean, SessionStoreError>

  /**
   * Takes over `lastSeenAt` and `expiresAt` in the live record under `key` if that moves `lastSeenAt` forward.
   * Changes neither data nor version. Says whether there is a live record: true also when a later activity was
   * already noted, false if the record is absent or expired. Never creates a record.
   */
  readonly touch: (touch: Touch) => Effect.Effect<boolean, SessionStoreError>

  /**
   * Puts `next` in the place of the live record under `oldKey` if its version is `expectedVersion`: from then on only
   * `next.key` is there. Says whether it did so: false, and nothing changed, if the old record is absent, expired or
   * at another version. Fails with reason `"KeyExists"`, and changes nothing, if it would have to overwrite another
   * record. There is no moment at which both keys or neither can be read.
   */
  readonly rotate: (rotation: Rotation) => Effect.Effect<boolean, SessionStoreError>

  /**
   * Removes the records, live or not, that `keys` lead to, renames later than `renamedAfter` included (none if it is
   * left out), and the one whose handle is `handle`. A rename that is acknowledged or on its way does not outrun it: of
   * the two, either the rename finds nothing, or its record is removed. Says how many records there were. Idempotent: no
   * record is no error.
   */
  readonly delete: (deletion: Deletion) => Effect.Effect<number, SessionStoreError>

  /**
   * Removes the records of a user of a declaration, live or not: all, only one, or all but one. Says how many there
   * were. One that is renamed or changed at the same moment is removed as well. Idempotent.
   */
  readonly deleteByUser: (deletion: UserDeletion) => Effect.Effect<number, SessionStoreError>

  /**
   * Removes all live records of a user of a declaration but the first `limit`, in this order: those begun later than the
   * one whose handle is `newest.handle` (at the same time, those with lesser handles) and no later than `now`; that one;
   * the others. Among themselves the most recently seen come first, those seen at the same time in the order of their
   * handles. Records that are not live, by their own deadline or by `liveAfter`, neither count nor are removed. Says how
   * many were removed. Idempotent.
   */
  readonly limitByUser: (limit: UserLimit) => Effect.Effect<number, SessionStoreError>

  /**
   * The live records of a user of a declaration that `liveAfter` counts as live, the most recently seen first, those seen at the same time in the order of their handles. Skips `offset` of them and returns `limit` at the most,
   * fewer only at the end. Empty if there are none.
   */
  readonly listByUser: (search: UserSearch) => Effect.Effect<ReadonlyArray<SessionRecord>, SessionStoreError>

  /**
   * The times of the live records of a declaration that have these handles, each once, in no particular order. Empty if
   * there are none. Writes nothing.
   */
  readonly readTimes: (search: TimesSearch) => Effect.Effect<ReadonlyArray<Times>, SessionStoreError>

  /**
   * Removes records with `expiresAt <= before`, at most `limit` of them, and says how many. Which ones is up to the
   * store; fewer than `limit` means that none are left, but for those that another node is removing right now. Never
   * removes a record that expires later, even one touched while this runs.
   */
  readonly deleteExpired: (before: number, limit: number) => Effect.Effect<number, SessionStoreError>

  /**
   * The number of live records of a declaration that `liveAfter` counts as live, and of those among them that have a
   * user. May take longer than other methods, within a bound of its own.
   */
  readonly count: (counting: Counting) => Effect.Effect<Counts, SessionStoreError>

  /**
   * Removes every record of a declaration, or of this store if none is named, and nothing else that shares its database.
   * May take longer than other methods, within a bound of its own. Idempotent.
   */
  readonly clear: (name?: string) => Effect.Effect<void, SessionStoreError>

  /**
   * What all nodes end, as they do it, for those who wait for it; left out by a store that cannot tell. It says
   * `Listening` once it is certain that everything is told from then on, and fails, or ends, when it no longer is. After
   * that, `delete`, `deleteByUser` and `limitByUser` tell of each record that they remove, `rotate` of one that gets
   * another handle, `clear` that it has cleared; `deleteExpired` tells of nothing, since deadlines are known. A signal is
   * a hint: it comes after what it tells of can be read, perhaps twice, and whoever acts on it reads first.
   */
  readonly signals?: Stream.Stream<Signal, SessionStoreError> | undefined
}

/**
 * The session store.
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionStore extends Context.Tag("effect-sessions/SessionStore")<SessionStore, Service>() {}

/**
 * The name of a method of the store contract.
 *
 * @since 3.0.0
 * @category models
 */
export type Operation = Exclude<keyof Service, "signals">

/**
 * The same store with something around each of its operations: a bound, a count, a span. Its signals stay as they are.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SessionStore } from "effect-sessions"
 *
 * export const traced = (store: SessionStore.Service) =>
 *   SessionStore.around(store, (operation, effect) => Effect.withSpan(effect, `SessionStore.${operation}`))
 * ```
 *
 * @since 3.0.0
 * @category combinators
 */
export const around = (
  store: Service,
  f: <A>(operation: Operation, effect: Effect.Effect<A, SessionStoreError>) => Effect.Effect<A, SessionStoreError>
): Service => ({
  insert: (insertion) => f("insert", store.insert(insertion)),
  read: (key, now) => f("read", store.read(key, now)),
  search: (search) => f("search", store.search(search)),
  update: (update) => f("update", store.update(update)),
  touch: (touch) => f("touch", store.touch(touch)),
  rotate: (rotation) => f("rotate", store.rotate(rotation)),
  delete: (deletion) => f("delete", store.delete(deletion)),
  deleteByUser: (deletion) => f("deleteByUser", store.deleteByUser(deletion)),
  limitByUser: (limit) => f("limitByUser", store.limitByUser(limit)),
  listByUser: (search) => f("listByUser", store.listByUser(search)),
  readTimes: (search) => f("readTimes", store.readTimes(search)),
  deleteExpired: (before, limit) => f("deleteExpired", store.deleteExpired(before, limit)),
  count: (counting) => f("count", store.count(counting)),
  clear: (name) => f("clear", store.clear(name)),
  signals: store.signals
})

const readers: ReadonlyArray<Operation> = ["read", "search", "listByUser", "readTimes", "count"]

const bulk: ReadonlyArray<Operation> = ["count", "clear"]

/**
 * The same store, each operation bounded: one that takes longer than `timeout` fails with a `SessionStoreError`, whose
 * outcome is unknown where it was to change something. For stores that have no bound of their own. `clear` and `count` get
 * twelve times as long. Fails with `SessionConfigError` if `timeout` is not of whole milliseconds, from one to a day. The store
 * ends with the scope: what runs then, and what is asked of it later, fails.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { SessionStore } from "effect-sessions"
 *
 * const makeMyStore = SessionStore.makeMemory() // a third party's
 *
 * export const StoreLive = Layer.scoped(
 *   SessionStore.SessionStore,
 *   Effect.flatMap(makeMyStore, (store) => SessionStore.withTimeout(store, "5 seconds"))
 * )
 * ```
 *
 * @since 3.0.0
 * @category combinators
 */
export const withTimeout = Effect.fnUntraced(function*(
  store: Service,
  timeout: Duration.DurationInput
): Effect.fn.Return<Service, SessionConfigError, Scope.Scope> {
  const { millis, problems } = Durations.read("SessionStore.timeout", timeout, Durations.bounds.timeout)
  yield* SessionConfigError.check("SessionStore", problems, () => millis)
  const bound = yield* SharedTimeout.make(millis)
  const bulkBound = yield* SharedTimeout.make(millis * 12)
  return around(
    store,
    (operation, effect) =>
      (bulk.includes(operation) ? bulkBound : bound)(effect, ({ detail, hasBegun }) =>
        new SessionStoreError({
          operation,
          reason: "Unavailable",
          outcomeUnknown: !readers.includes(operation) && hasBegun,
          detail
        }))
  )
})

/**
 * The sessions that the memory store holds if no capacity is given.
 *
 * @since 3.0.0
 * @category constants
 */
export const defaultCapacity = 100_000

/**
 * Makes a store in memory, empty, independent of every other. It holds `capacity` sessions at the most: one more evicts
 * the session that expires soonest, a visitor's if there is one. Fails with `SessionConfigError` if the capacity is
 * not a positive whole number.
 *
 * @since 3.0.0
 * @category constructors
 */
export const makeMemory = (
  options: { readonly capacity?: number | undefined } = {}
): Effect.Effect<Service, SessionConfigError> => {
  const capacity = options.capacity ?? defaultCapacity
  return SessionConfigError.check(
    "SessionStore",
    Number.isSafeInteger(capacity) && capacity > 0 ? [] : ["SessionStore.capacity must be a positive whole number"],
    () => unsafeMakeMemory(capacity)
  )
}

const unsafeMakeMemory = (capacity: number): Service => {
  const memory = MemoryStore.make(capacity)
  const unlessTaken = (
    operation: string,
    run: () => boolean | "KeyExists"
  ): Effect.Effect<boolean, SessionStoreError> =>
    Effect.suspend(() => {
      const result = run()
      return result === "KeyExists"
        ? Effect.fail(
          new SessionStoreError({ operation, reason: "KeyExists", outcomeUnknown: false, detail: "memory" })
        )
        : Effect.succeed(result)
    })
  return {
    insert: ({ record, unlessRenamed }) => unlessTaken("insert", () => memory.insert(record, unlessRenamed)),
    read: (key, now) => Effect.sync(() => Option.fromNullable(memory.read(key, now))),
    search: ({ keys, now, renamedAfter }) => Effect.sync(() => memory.search(keys, renamedAfter, now)),
    update: (update) => Effect.sync(() => memory.update(update.key, update.expectedVersion, update, update.now)),
    touch: (touch) => Effect.sync(() => memory.touch(touch.key, touch, touch.now)),
    rotate: ({ expectedVersion, next, now, oldKey }) =>
      unlessTaken("rotate", () => memory.rotate(oldKey, expectedVersion, next, now)),
    delete: ({ handle, keys, renamedAfter }) => Effect.sync(() => memory.delete(keys, renamedAfter, handle)),
    deleteByUser: (deletion) => Effect.sync(() => memory.deleteByUser(deletion)),
    limitByUser: (limit) => Effect.sync(() => memory.limitByUser(limit)),
    listByUser: ({ limit, offset, ...owner }) =>
      Effect.sync(() => memory.listByUser(owner).slice(offset, offset + limit)),
    readTimes: ({ handles, name, now }) => Effect.sync(() => memory.readTimes(name, handles, now)),
    deleteExpired: (before, limit) => Effect.sync(() => memory.deleteExpired(before, limit)),
    count: ({ liveAfter, name, now }) => Effect.sync(() => memory.count(name, liveAfter, now)),
    clear: (name) => Effect.sync(() => memory.clear(name))
  }
}

const warnInProduction = Effect.gen(function*() {
  const environment = yield* Effect.orElseSucceed(Config.string("NODE_ENV"), () => "")
  if (environment === "production") {
    yield* Effect.logWarning(
      "Sessions are kept in memory: they are lost with the process and not shared between processes. Provide SqlSessionStore.layer in production."
    )
  }
})

/**
 * A store in memory that holds `capacity` sessions at the most (see `makeMemory`). For tests, development and apps of
 * one process that may forget. Logs a warning when `NODE_ENV` is `production`. Fails with `SessionConfigError` as
 * `makeMemory` does.
 *
 * @example
 * ```ts
 * import { SessionStore } from "effect-sessions"
 *
 * export const StoreTest = SessionStore.layerMemoryWith({ capacity: 1000 })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layerMemoryWith = (
  options: { readonly capacity?: number | undefined }
): Layer.Layer<SessionStore, SessionConfigError> =>
  Layer.effect(SessionStore, Effect.zipRight(warnInProduction, makeMemory(options)))

/**
 * A store in memory with the default capacity (see `layerMemoryWith`).
 *
 * @since 3.0.0
 * @category layers
 */
export const layerMemory: Layer.Layer<SessionStore> = Layer.effect(
  SessionStore,
  Effect.map(warnInProduction, () => unsafeMakeMemory(defaultCapacity))
)
