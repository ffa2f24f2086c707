/**
 * Carries a change of a session out: asks the plan, runs its one store operation, and where another writer came first,
 * does so again on fresh data.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Direct from "./Direct.js"
import type * as Expiry from "./internal/expiry.js"
import { wholeMillis } from "./internal/expiry.js"
import * as Plan from "./internal/plan.js"
import * as Record from "./internal/record.js"
import type { Codec } from "./SessionCodec.js"
import { SessionConflict, type SessionDataError, SessionGone, type SessionStoreError } from "./SessionError.js"
import * as SessionMetrics from "./SessionMetrics.js"
import type { Service as Store, SessionRecord } from "./SessionStore.js"
import type { SessionId } from "./SessionToken.js"

/**
 * A live session as it was read, without its id, which nobody needs to change it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored<Data, User> {
  readonly data: Data
  readonly user: Option.Option<User>
  /** The session as the store held it. */
  readonly record: SessionRecord
}

/**
 * What to do to a session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Change<Data, User> {
  /** The new data of the session as it was read. The very same value as before means no change. */
  readonly data: Data
  /** Makes the new data again from fresh data, should the session have been changed since it was read. */
  readonly reapply: (data: Data) => Data
  /** The user who signs in: a new id, both timeouts restart. */
  readonly signIn: Option.Option<User>
  /** Whether to give the session a new id. */
  readonly rotate: boolean
  /** Whether to store a session that is not stored yet although its data did not change. */
  readonly create: boolean
  /** Whether this is activity of the user, which extends the idle timeout when a touch is due. */
  readonly active: boolean
  /** The id to take if a new one is needed; none makes one. */
  readonly id: Option.Option<SessionId>
}

/**
 * What a commit did.
 *
 * @since 0.1.0
 * @category models
 */
export interface Committed<Session> {
  /** The one store operation that was needed. */
  readonly operation: "Nothing" | "Insert" | "Update" | "Touch" | "Rotate"
  /** Whether the idle timeout moved. */
  readonly extended: boolean
  /** The id of the session, if it is a new one. */
  readonly newId: Option.Option<SessionId>
  /** The session as the store holds it now. None only if there was none and nothing to store. */
  readonly session: Option.Option<Session>
}

/**
 * What can go wrong in a commit.
 *
 * @since 0.1.0
 * @category errors
 */
export type CommitError = SessionStoreError | SessionGone | SessionConflict | SessionDataError

/** Tries before a change is given up as a conflict. Every lost try is somebody else's success. */
const maxAttempts = 40

/** The first tries follow each other at once: the way to the store is pause enough. */
const attemptsWithoutDelay = 10

/** A new id that is taken already is a broken source of randomness; this many are tried. */
const maxCollisions = 3

const unchanged = Exit.succeed(undefined)

const pause = (attempt: number): Effect.Effect<void> =>
  attempt <= attemptsWithoutDelay
    ? Effect.void
    : Effect.flatMap(
      Random.nextIntBetween(0, 1 + Math.min(64, 2 ** (attempt - attemptsWithoutDelay))),
      (millis) => Effect.sleep(millis)
    )

/**
 * Lets the writers of one process that met a conflict on one session go one after the other: without it, each would
 * make the others fail again.
 */
const makeQueue = () => {
  const queues = new Map<string, { readonly semaphore: Effect.Semaphore; users: number }>()
  return (key: string) => <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const queue = queues.get(key) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
      queues.set(key, queue)
      queue.users++
      return Effect.ensuring(
        queue.semaphore.withPermits(1)(effect),
        Effect.sync(() => {
          if (--queue.users === 0) queues.delete(key)
        })
      )
    })
}

/**
 * Makes the commit of one manager.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Data, User>(options: {
  readonly store: Store
  readonly codec: Codec<Data, User>
  readonly timeouts: Expiry.Timeouts
  readonly generate: Effect.Effect<SessionId>
  readonly keyOf: (id: SessionId) => string
  readonly reload: (key: string) => Effect.Effect<
    Option.Option<Stored<Data, User>>,
    SessionStoreError | SessionDataError
  >
}) => {
  const { codec, generate, keyOf, reload, store, timeouts } = options
  const queued = makeQueue()
  type Session = Stored<Data, User>
  type Attempt = Option.Option<Committed<Session>>

  const outcome = (
    operation: Committed<Session>["operation"],
    extended: boolean,
    session: Session,
    newId: Option.Option<SessionId> = Option.none()
  ): Committed<Session> => ({ operation, extended, newId, session: Option.some(session) })

  /** Runs an operation that stores a row under a new key, with other ids should one be taken. */
  const withNewId = <A>(
    clock: Clock.Clock,
    wanted: Option.Option<SessionId>,
    row: Record.Row,
    run: (record: SessionRecord) => Effect.Effect<A, SessionStoreError>,
    collisions = 0
  ): Effect.Effect<readonly [id: SessionId, record: SessionRecord, result: A], SessionStoreError> =>
    Direct.flatMap(Option.isSome(wanted) ? Exit.succeed(wanted.value) : Direct.enter(generate, clock), (id) => {
      const record = Record.make(keyOf(id), row)
      return Direct.catchAll(
        Direct.map(Direct.enter(run(record), clock), (result) => [id, record, result] as const),
        (error) =>
          error.reason === "KeyExists" && collisions < maxCollisions
            ? withNewId(clock, Option.none(), row, run, collisions + 1)
            : Exit.fail(error)
      )
    })

  /** Encodes what was asked for, and hands it to `f` with the time. */
  const withWish = <A>(
    before: Data,
    change: Change<Data, User>,
    f: (wish: Plan.Wish, now: number, clock: Clock.Clock) => Effect.Effect<A, SessionStoreError>
  ): Effect.Effect<A, SessionStoreError | SessionDataError> =>
    Direct.make((clock) => {
      const { active, create, rotate, signIn } = change
      return Direct.flatMap(change.data === before ? unchanged : codec.encodeData(change.data), (data) =>
        Direct.flatMap(Option.isSome(signIn) ? codec.encodeUser(signIn.value) : unchanged, (signIn) =>
          f({ data, signIn, rotate, create, active }, wholeMillis(clock.unsafeCurrentTimeMillis()), clock)))
    })

  /** For somebody who has no session. */
  const begin = (change: Change<Data, User>) =>
    withWish(codec.initial, change, (wish, now, clock): Effect.Effect<Committed<Session>, SessionStoreError> => {
      const plan = Plan.planStore(timeouts, now, undefined, codec.initialText, wish)
      if (plan._tag === "Nothing") {
        return Exit.succeed({ operation: "Nothing", extended: false, newId: Option.none(), session: Option.none() })
      }
      return Direct.map(
        withNewId(clock, change.id, plan.next, (record) => store.insert(record)),
        ([id, record]) => {
          SessionMetrics.unsafeCount(SessionMetrics.created)
          return outcome("Insert", true, { data: change.data, user: change.signIn, record }, Option.some(id))
        }
      )
    })

  /** One try. None means that the store holds another version, or nothing, by now. */
  const attempt = (session: Session, change: Change<Data, User>) =>
    withWish(session.data, change, (wish, now, clock): Effect.Effect<Attempt, SessionStoreError> => {
      const { record } = session
      const { key, version: expectedVersion } = record
      const plan = Plan.planStore(timeouts, now, record, codec.initialText, wish)
      const asBefore = outcome("Nothing", false, session)
      const sessionOf = (record: SessionRecord): Session => ({
        data: change.data,
        user: Option.isSome(change.signIn) ? change.signIn : session.user,
        record
      })

      switch (plan._tag) {
        case "Nothing": {
          if (change.active) SessionMetrics.unsafeCount(SessionMetrics.touchesSkipped)
          return Exit.succeed(Option.some(asBefore))
        }
        case "Gone":
          return Exit.succeed(Option.none())
        case "Touch": {
          const { expiresAt, lastSeenAt } = plan.next
          return Direct.map(Direct.enter(store.touch({ key, lastSeenAt, expiresAt, now }), clock), (live) => {
            SessionMetrics.unsafeCount(SessionMetrics.touchesWritten)
            return Option.some(live ? outcome("Touch", true, sessionOf(Record.make(key, plan.next))) : asBefore)
          })
        }
        case "Update": {
          const { data, expiresAt, lastSeenAt } = plan.next
          const update = store.update({ key, expectedVersion, data, lastSeenAt, expiresAt, now })
          return Direct.map(Direct.enter(update, clock), (written) => {
            if (!written) return Option.none()
            SessionMetrics.unsafeCount(SessionMetrics.updated)
            if (plan.extended) SessionMetrics.unsafeCount(SessionMetrics.touchesWritten)
            return Option.some(outcome("Update", plan.extended, sessionOf(Record.make(key, plan.next))))
          })
        }
        case "Rotate": {
          const rotate = (next: SessionRecord) => store.rotate({ oldKey: key, expectedVersion, next, now })
          return Direct.map(withNewId(clock, change.id, plan.next, rotate), ([newId, record, rotated]) => {
            if (!rotated) return Option.none()
            SessionMetrics.unsafeCount(SessionMetrics.rotated)
            return Option.some(outcome("Rotate", true, sessionOf(record), Option.some(newId)))
          })
        }
      }
    })

  /** Tries again on what the store holds now, until it works, the session is gone, or the tries are used up. */
  const retry = Effect.fnUntraced(function*(key: string, change: Change<Data, User>) {
    for (let tries = 2; tries <= maxAttempts; tries++) {
      yield* pause(tries)
      const session = yield* reload(key)
      if (Option.isNone(session)) {
        SessionMetrics.unsafeCount(SessionMetrics.gone)
        return yield* new SessionGone()
      }
      SessionMetrics.unsafeCount(SessionMetrics.conflicts)
      const committed = yield* attempt(session.value, { ...change, data: change.reapply(session.value.data) })
      if (Option.isSome(committed)) return committed.value
    }
    return yield* new SessionConflict()
  })

  /** Applies `change` to `session` as it was read, or to a session that does not exist yet. */
  return (
    session: Option.Option<Session>,
    change: Change<Data, User>
  ): Effect.Effect<Committed<Session>, CommitError> =>
    Option.isNone(session) ?
      begin(change) :
      Direct.make((clock) =>
        Direct.flatMap(Direct.enter(attempt(session.value, change), clock), (committed) =>
          Option.isSome(committed)
            ? Exit.succeed(committed.value)
            : queued(session.value.record.key)(retry(session.value.record.key, change)))
      )
}
