/**
 * What a session store must do, and the store that keeps sessions in memory.
 *
 * A store is dumb on purpose: atomic operations over encoded records. Policy, schemas and HTTP live above it. Whoever
 * writes one runs the conformance suite in `effect-sessions/testing` against it, which checks every sentence below.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Direct from "./Direct.js"
import * as MemoryStore from "./internal/memoryStore.js"
import type * as Record from "./internal/record.js"
import { SessionConfigError, SessionStoreError } from "./SessionError.js"
import * as SessionMetrics from "./SessionMetrics.js"

/**
 * A session as a store keeps it. Times are epoch milliseconds of Effect's Clock, passed in by the caller; a store
 * never asks its own clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionRecord extends Record.SessionRecord {}

/**
 * A change of a session's data.
 *
 * @since 0.1.0
 * @category models
 */
export interface Update {
  readonly key: string
  readonly expectedVersion: number
  readonly data: string
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly now: number
}

/**
 * A note of activity.
 *
 * @since 0.1.0
 * @category models
 */
export interface Touch {
  readonly key: string
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly now: number
}

/**
 * A change of a session's key, and of everything else along with it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rotation {
  readonly oldKey: string
  readonly expectedVersion: number
  readonly next: SessionRecord
  readonly now: number
}

/**
 * The store contract. Every method is one atomic operation: others see all of it or nothing, whatever fails or is
 * interrupted. What a method has acknowledged, every later call on every node sees. A record is *live* at `now` while
 * `now < expiresAt`; one that is not is treated as absent by every method that takes a `now`, whether or not it has
 * been swept. Every method fails with a `SessionStoreError` when the store cannot be reached or does not answer as it
 * should, and never otherwise, unless it says so.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Adds a record. Fails with reason `"KeyExists"` if a record with that key is there, live or not, and leaves that
   * record untouched: never overwrites.
   */
  readonly insert: (record: SessionRecord) => Effect.Effect<void, SessionStoreError>

  /**
   * The live record under `key`, exactly as it was written, character for character. None if there is none. Writes
   * nothing.
   */
  readonly read: (key: string, now: number) => Effect.Effect<Option.Option<SessionRecord>, SessionStoreError>

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
   * Removes the record under `key`, live or not. Says whether there was one. Idempotent: no record is no error.
   */
  readonly delete: (key: string) => Effect.Effect<boolean, SessionStoreError>

  /**
   * Removes every record of `userId`, live or not, except the one under `except`. Says how many there were.
   * Idempotent.
   */
  readonly deleteByUser: (
    userId: string,
    options?: { readonly except?: string | undefined }
  ) => Effect.Effect<number, SessionStoreError>

  /**
   * The live records of `userId`, the most recently seen first, those seen at the same time in the order of their
   * keys. Skips `offset` of them and returns `limit` at the most. Empty if there are none.
   */
  readonly listByUser: (
    userId: string,
    options: { readonly now: number; readonly limit: number; readonly offset: number }
  ) => Effect.Effect<ReadonlyArray<SessionRecord>, SessionStoreError>

  /**
   * Removes records with `expiresAt <= before`, at most `limit` of them, and says how many. Which ones is up to the
   * store; fewer than `limit` means that none are left, but for those that another node is removing right now. Never
   * removes a record that expires later, even one touched while this runs.
   */
  readonly deleteExpired: (before: number, limit: number) => Effect.Effect<number, SessionStoreError>

  /** The number of live records. */
  readonly count: (now: number) => Effect.Effect<number, SessionStoreError>

  /** Removes every record of this store, and nothing else that shares its database. Idempotent. */
  readonly clear: Effect.Effect<void, SessionStoreError>

  /** Whether every method completes without waiting for anything, so that nobody needs a timeout. False if left out. */
  readonly isImmediate?: boolean | undefined
}

const failureCounted = (error: SessionStoreError): SessionStoreError => {
  if (error.reason === "Unavailable") SessionMetrics.unsafeCount(SessionMetrics.storeFailures)
  return error
}

const countFailure = <A>(effect: Effect.Effect<A, SessionStoreError>): Effect.Effect<A, SessionStoreError> =>
  effect instanceof Direct.Direct
    ? Direct.make((clock) => Direct.mapError(effect.run(clock), failureCounted))
    : Effect.mapError(effect, failureCounted)

/**
 * The same store, its failures counted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const countFailures = (store: Service): Service => ({
  insert: (record) => countFailure(store.insert(record)),
  read: (key, now) => countFailure(store.read(key, now)),
  update: (update) => countFailure(store.update(update)),
  touch: (touch) => countFailure(store.touch(touch)),
  rotate: (rotation) => countFailure(store.rotate(rotation)),
  delete: (key) => countFailure(store.delete(key)),
  deleteByUser: (userId, options) => countFailure(store.deleteByUser(userId, options)),
  listByUser: (userId, options) => countFailure(store.listByUser(userId, options)),
  deleteExpired: (before, limit) => countFailure(store.deleteExpired(before, limit)),
  count: (now) => countFailure(store.count(now)),
  clear: countFailure(store.clear),
  isImmediate: store.isImmediate
})

/**
 * The session store.
 *
 * @since 0.1.0
 * @category tags
 */
export class SessionStore extends Context.Tag("effect-sessions/SessionStore")<SessionStore, Service>() {}

/**
 * The sessions that the memory store holds if no capacity is given.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultCapacity = 100_000

/**
 * Makes a store in memory, empty, independent of every other. It holds `capacity` sessions at the most: one more
 * evicts the session that expires soonest. Fails if the capacity is not a positive whole number.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (
  options: { readonly capacity?: number | undefined } = {}
): Effect.Effect<Service, SessionConfigError> =>
  Effect.suspend(() => {
    const capacity = options.capacity ?? defaultCapacity
    return SessionConfigError.check(
      "SessionStore",
      Number.isSafeInteger(capacity) && capacity > 0
        ? []
        : ["SessionStore.capacity must be a positive whole number"],
      () => unsafeMakeMemory(capacity)
    )
  })

const unsafeMakeMemory = (capacity: number): Service => {
  const memory = MemoryStore.make(capacity)
  const taken = (operation: string) =>
    Exit.fail(new SessionStoreError({ operation, reason: "KeyExists", detail: "memory" }))
  const now = <A>(f: () => A): Effect.Effect<A> => Direct.make(() => Exit.succeed(f()))
  return {
    isImmediate: true,
    insert: (record) => Direct.make(() => memory.insert(record) === "KeyExists" ? taken("insert") : Exit.void),
    read: (key, at) => now(() => Option.fromNullable(memory.read(key, at))),
    update: (update) => now(() => memory.update(update.key, update.expectedVersion, update, update.now)),
    touch: (touch) => now(() => memory.touch(touch.key, touch, touch.now)),
    rotate: ({ expectedVersion, next, now, oldKey }) =>
      Direct.make(() => {
        const rotated = memory.rotate(oldKey, expectedVersion, next, now)
        return rotated === "KeyExists" ? taken("rotate") : Exit.succeed(rotated)
      }),
    delete: (key) => now(() => memory.delete(key)),
    deleteByUser: (userId, options) => now(() => memory.deleteByUser(userId, options?.except)),
    listByUser: (userId, { limit, now: at, offset }) =>
      now(() => memory.listByUser(userId, at).slice(offset, offset + limit)),
    deleteExpired: (before, limit) => now(() => memory.deleteExpired(before, limit)),
    count: (at) => now(() => memory.count(at)),
    clear: now(memory.clear)
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
 * one process that may forget. Logs a warning when `NODE_ENV` is `production`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemoryWith = (
  options: { readonly capacity?: number | undefined }
): Layer.Layer<SessionStore, SessionConfigError> =>
  Layer.effect(SessionStore, Effect.zipRight(warnInProduction, makeMemory(options)))

/**
 * A store in memory with the default capacity (see `layerMemoryWith`).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<SessionStore> = Layer.effect(
  SessionStore,
  Effect.map(warnInProduction, () => unsafeMakeMemory(defaultCapacity))
)
