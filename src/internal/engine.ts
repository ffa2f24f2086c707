/**
 * The engine of one declared session: reads, changes and ends sessions by their keys, for the manager and for the
 * handles of requests alike. The rules are in `core/plan`; here is what must be waited for.
 *
 * How retries and timeouts nest, from the inside out:
 *
 * 1. A **store** that waits bounds each of its operations (`SqlSessionStore`: 5 seconds if nobody says otherwise), its
 *    own retries included: those of a statement that the database undid because of another one, which may be repeated
 *    whatever it does. What runs out fails with a `SessionStoreError`.
 * 2. A **write under a new key** whose outcome is unknown is looked up at once, under that key, which nobody else knows,
 *    and again before the next thing that its request writes, at the latest with the response. If it is there, it is
 *    done. No other write of unknown outcome is looked up, and none is repeated.
 * 3. A **commit** whose write found another version is tried again on what the store holds by then: ten times at once,
 *    then with growing random pauses, 40 times or 10 seconds in all. Then it fails with `SessionConflict`. Writers of
 *    one process that met a conflict on one session go one after the other meanwhile. Any failure ends the commit.
 * 4. A **request** commits once, before its headers leave, and as often as its handler asks. Nothing around that repeats
 *    a commit or has a timeout of its own, and none can be interrupted while its write is on its way.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { isCanonical } from "../core/base64url.js"
import { deriveKey } from "../core/digest.js"
import * as Expiry from "../core/expiry.js"
import * as Plan from "../core/plan.js"
import type { SessionRecord } from "../core/record.js"
import * as Request from "../core/request.js"
import {
  SessionConfigError,
  SessionConflict,
  SessionDataError,
  SessionGone,
  SessionStoreError
} from "../SessionError.js"
import type * as SessionEvents from "../SessionEvents.js"
import * as SessionMetrics from "../SessionMetrics.js"
import * as SessionStore from "../SessionStore.js"
import type { Timeouts } from "../SessionTimeouts.js"
import type { Generator, SessionId } from "../SessionToken.js"
import * as Codec from "./codec.js"
import * as Endings from "./endings.js"

/** A live session as it was read or written last. */
export interface Stored<Data, User> extends Request.Stored<Data> {
  readonly user: Option.Option<User>
}

/** What a request carries leads to this. */
export interface Reading<Data, User> {
  readonly stored: Stored<Data, User> | undefined
  readonly several: boolean
}

/**
 * The id that a request gives its session if it needs a new one, kept for the whole request. `tried` is what was to be
 * stored under it and, as far as anybody knows, may be.
 */
export interface Coming {
  id: SessionId | undefined
  tried: SessionRecord | undefined
  /** Whether what was tried is a sign-in. */
  signsIn: boolean
}

/** A request that has not needed a new id yet. */
export const noneComing = (): Coming => ({ id: undefined, tried: undefined, signsIn: false })

/** What to write. */
export interface Commit<Data, User> extends Reading<Data, User> {
  readonly staged: Request.Staged<Data, User>
  readonly presented: Plan.Presented
  /** Makes the initial data anew. */
  readonly initial: () => Data
  /** The data of `stored`, or the initial one, without the changes and with them. */
  readonly content: Request.Content<Data>
  readonly active: boolean
  readonly coming: Coming
  /** Whether the request that commits ended this session itself. */
  readonly endedHere: (record: SessionRecord) => boolean
}

/** What was written. */
export interface Committed<Data, User> {
  /** The session as the store holds it now. None if there was none and nothing to store. */
  readonly stored: Stored<Data, User> | undefined
  /** The id of the session, if it is a new one. */
  readonly newId: SessionId | undefined
  /** Whether the idle timeout moved. */
  readonly extended: boolean
}

/** What is known of a session without opening it. `seenAt` is the time of activity that is not written down yet. */
export const infoOf = (timeouts: Timeouts, record: SessionRecord, seenAt?: number) => {
  const times = seenAt !== undefined && Expiry.isTouchDue(timeouts, record, seenAt)
    ? Expiry.seenAt(timeouts, record, seenAt)
    : record
  return {
    handle: record.handle,
    createdAt: DateTime.unsafeMake(times.createdAt),
    lastSeenAt: DateTime.unsafeMake(times.lastSeenAt),
    expiresAt: DateTime.unsafeMake(Expiry.deadline(timeouts, times)),
    authenticatedAt: record.userId === null ? Option.none() : Option.some(DateTime.unsafeMake(record.createdAt)),
    remembered: record.remembered
  }
}

/** What a read fails with. */
export type ReadError = SessionStoreError | SessionDataError

/** What a commit fails with. */
export type CommitError = ReadError | SessionGone | SessionConflict

/** The engine of one declared session. */
export interface Engine<Data, User> {
  readonly name: string
  /** That of the declaration which it was made for: another one of the same name has its own. */
  readonly format: Codec.Format<Data, User>
  readonly timeouts: Timeouts
  readonly token: Generator
  /** Makes the initial data anew. */
  readonly initial: Effect.Effect<() => Data>
  /** The time, in whole milliseconds. */
  readonly now: Effect.Effect<number>
  /** A new id. */
  readonly generateId: Effect.Effect<SessionId>
  /** The key that belongs to the text of an id. */
  readonly keyOf: (text: string) => string
  /** The text under which a user is stored. */
  readonly encodeUser: (user: User) => Effect.Effect<string, SessionDataError>
  /** The store, its failures counted. */
  readonly store: SessionStore.Service
  /** The live session that a request means. */
  readonly read: (presented: Plan.Presented) => Effect.Effect<Reading<Data, User>, ReadError>
  /** A session with its data made anew, since who changes data in place changes what was read. */
  readonly reopen: (record: SessionRecord) => Effect.Effect<Stored<Data, User>, SessionDataError>
  /**
   * Writes what there is to write with one store operation, again on fresh data where somebody else came first. Not to be
   * interrupted on the way.
   */
  readonly commit: (commit: Commit<Data, User>) => Effect.Effect<Committed<Data, User>, CommitError>
  /** Ends the sessions that keys lead to, and says how many. `known` is the session, if it was read. */
  readonly end: (deletion: SessionStore.Deletion, known?: SessionRecord) => Effect.Effect<number, SessionStoreError>
  /** Ends sessions of a user, and says how many. */
  readonly endByUser: (
    deletion: SessionStore.UserDeletion,
    by: SessionEvents.Revoked["by"]
  ) => Effect.Effect<number, SessionStoreError>
  /** Tells those who subscribed to the events, if the declaration publishes them. */
  readonly tell: (event: (at: DateTime.Utc) => SessionEvents.SessionEvent) => Effect.Effect<void>
  /** Those who wait for sessions to end. */
  readonly endings: Endings.Endings
  /** The data of a record. None if it does not decode, which is reported. */
  readonly dataOf: (record: SessionRecord) => Effect.Effect<Option.Option<Data>>
  /** The records of a list that are as they can be. Others are reported. */
  readonly usable: (
    records: ReadonlyArray<SessionRecord>,
    now: number
  ) => Effect.Effect<ReadonlyArray<SessionRecord>>
}

/** Tries before a change is given up as a conflict. Every lost try is somebody else's success. */
const maxAttempts = 40

/** Milliseconds before a change is given up as a conflict. */
const maxConflictTime = 10_000

/** The first tries follow each other at once: the way to the store is pause enough. */
const attemptsWithoutDelay = 10

/** A new id that is taken already is a broken source of randomness; this many are tried. */
const maxCollisions = 3

const pause = (attempt: number): Effect.Effect<void> =>
  attempt <= attemptsWithoutDelay
    ? Effect.void
    : Effect.flatMap(
      Random.nextIntBetween(0, 1 + Math.min(64, 2 ** (attempt - attemptsWithoutDelay))),
      (millis) => Effect.sleep(millis)
    )

/** Lets the writers of one process that met a conflict on one session go one after the other, not against each other. */
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

const nobody = { stored: undefined, several: false }

const anotherRecord = () =>
  new SessionStoreError({
    operation: "read",
    reason: "Unavailable",
    outcomeUnknown: false,
    detail: "it returned another record"
  })

/** An id that a change was to be made under is no longer the session's. */
export const renamed = () => new SessionConflict({ reason: "Renamed" })

const gone = Effect.zipRight(Metric.increment(SessionMetrics.gone), Effect.suspend(() => new SessionGone()))

/** What the time decides, in whole milliseconds of the clock around it. */
export const withNow = <A, E>(f: (now: number) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.clockWith((clock) => f(Expiry.wholeMillis(clock.unsafeCurrentTimeMillis())))

const now = withNow(Effect.succeed)

const namePattern = /^[^\u0000-\u001f\u007f\p{Surrogate}]{1,100}$/u

/** Makes the engine of a declared session. Fails if the declaration cannot work. */
export const make = Effect.fnUntraced(function*<Data, User>(options: {
  readonly name: string
  readonly format: Codec.Format<Data, User>
  readonly onUndecodable: "discard" | "fail"
  readonly store: SessionStore.Service
  readonly timeouts: Timeouts
  readonly token: Generator
  /** How many sessions a user may have. */
  readonly maxPerUser: number | undefined
  /** Milliseconds between two looks for sessions that other nodes have ended. */
  readonly endedInterval: number
  readonly events: SessionEvents.Service | undefined
}): Effect.fn.Return<Engine<Data, User>, SessionConfigError, Scope.Scope> {
  const { endedInterval, events, maxPerUser, name, onUndecodable, timeouts, token } = options
  yield* SessionConfigError.check("Session", [
    ...(namePattern.test(name)
      ? []
      : ["Session.Tag needs a name of 1 to 100 characters, without control characters and lone surrogates"]),
    ...(token.bytes >= 16 ? [] : ["SessionToken.bytes must be at least 16: a shorter id can be guessed"])
  ], () => void 0)
  const codec = yield* Codec.make(options.format)
  const queued = makeQueue()

  const store = SessionStore.around(
    options.store,
    (_operation, effect) =>
      Effect.tapError(
        effect,
        ({ reason }) => reason === "Unavailable" ? Metric.increment(SessionMetrics.storeFailures) : Effect.void
      )
  )

  const keyOf = (text: string): string => deriveKey(name, text)

  const tell: Engine<Data, User>["tell"] = (event) =>
    events === undefined
      ? Effect.void
      : Effect.flatMap(now, (at) =>
        Effect.catchAllCause(
          events.publish(event(DateTime.unsafeMake(at))),
          (cause) => Effect.logError("An event of a session could not be published", cause)
        ))

  /** What every event of a session tells. */
  const of = ({ handle, userId }: SessionRecord, at: DateTime.Utc) => ({
    at,
    session: name,
    handle,
    user: Option.fromNullable(userId)
  })

  const expired = (record: SessionRecord): Effect.Effect<void> =>
    Effect.zipRight(
      Metric.increment(SessionMetrics.expired),
      tell((at) => ({ _tag: "Expired", ...of(record, at) }))
    )

  const endings = yield* Endings.make({
    name,
    store,
    timeouts,
    now,
    interval: endedInterval,
    onElsewhere: events === undefined
      ? undefined
      : (handle) => tell((at) => ({ _tag: "EndedElsewhere", at, session: name, handle }))
  })

  const generateId = Effect.filterOrDie(
    token.generate,
    (id) => isCanonical(Redacted.value(id), token.bytes),
    () =>
      new SessionConfigError({
        module: "SessionToken",
        problems: ["SessionToken.generate must make canonical base64url of the declared number of bytes"]
      })
  )

  const unusable = (record: SessionRecord, part: "data" | "user" | "times", path = "") =>
    Effect.zipRight(
      Metric.increment(SessionMetrics.undecodable[part]),
      Effect.annotateLogs(
        Effect.logWarning(
          `A stored session is unusable: its ${part} cannot be read. Its visitor is treated as having none; the row stays.`
        ),
        { session: name, handle: record.handle, ...(path === "" ? {} : { path }) }
      )
    )

  const decode = (record: SessionRecord): Effect.Effect<Stored<Data, User> | undefined, SessionDataError> => {
    // Most data is JSON as it stands, and then there is nothing to wait for.
    const verbatim = codec.decodeVerbatim(record)
    if (verbatim !== undefined) return Effect.succeed({ data: verbatim.data, user: verbatim.user, record })
    return Effect.matchEffect(codec.decode(record), {
      onSuccess: ({ data, user }) => Effect.succeed({ data, user, record }),
      onFailure: ({ part, path }) =>
        onUndecodable === "discard"
          ? Effect.as(unusable(record, part, path), undefined)
          // No warning here: the error is logged where it is answered.
          : Effect.zipRight(
            Metric.increment(SessionMetrics.undecodable[part]),
            Effect.fail(new SessionDataError({ reason: "Undecodable", detail: part === "user" ? "the user" : path }))
          )
    })
  }

  const reopen: Engine<Data, User>["reopen"] = (record) =>
    Effect.flatMap(decode(record), (stored) =>
      stored === undefined
        ? new SessionDataError({ reason: "Undecodable", detail: "what was read a moment ago" })
        : Effect.succeed(stored))

  /** What is said of a record that a store returned, if it is not live by today's timeouts. */
  const whyNotUsable = (record: SessionRecord, at: number): Effect.Effect<void> | undefined => {
    switch (Expiry.judge(timeouts, record, at)) {
      case "live":
        return undefined
      case "expired":
        return expired(record)
      case "impossible":
        return unusable(record, "times")
    }
  }

  const usable: Engine<Data, User>["usable"] = (records, at) =>
    Effect.filter(records, (record) => {
      const why = whyNotUsable(record, at)
      return why === undefined ? Effect.succeed(true) : Effect.as(why, false)
    })

  const dataOf: Engine<Data, User>["dataOf"] = (record) =>
    Effect.matchEffect(codec.decodeData(record.data), {
      onSuccess: (data) => Effect.succeed(Option.some(data)),
      onFailure: ({ path }) => Effect.as(unusable(record, "data", path), Option.none())
    })

  const open = (record: SessionRecord): Effect.Effect<Reading<Data, User>, ReadError> =>
    Effect.flatMap(decode(record), (stored): Effect.Effect<Reading<Data, User>> =>
      stored === undefined
        ? Effect.succeed(nobody)
        : Effect.as(Metric.increment(SessionMetrics.read), { stored, several: false }))

  const readOne = (key: string, at: number): Effect.Effect<Reading<Data, User>, ReadError> =>
    Effect.flatMap(store.read(key, at), (found): Effect.Effect<Reading<Data, User>, ReadError> => {
      if (Option.isNone(found)) return Effect.as(Metric.increment(SessionMetrics.absent), nobody)
      const record = found.value
      if (record.key !== key) return Effect.fail(anotherRecord())
      const why = whyNotUsable(record, at)
      return why === undefined ? open(record) : Effect.as(why, nobody)
    })

  const readSeveral = ({ keys, renamedAfter }: Plan.Presented, at: number) =>
    Effect.flatMap(store.search({ keys, renamedAfter, now: at }), (records) =>
      records.length === 0
        ? Effect.as(Metric.increment(SessionMetrics.absent), nobody)
        : Effect.flatMap(usable(records, at), (live): Effect.Effect<Reading<Data, User>, ReadError> => {
          const found = Plan.choose(keys, live)
          return found._tag === "One"
            ? open(found.record)
            : Effect.succeed({ stored: undefined, several: found._tag === "Several" })
        }))

  const read: Engine<Data, User>["read"] = (presented) => {
    const [key, another] = presented.keys
    if (key === undefined) return Effect.succeed(nobody)
    return withNow((at) => another === undefined ? readOne(key, at) : readSeveral(presented, at))
  }

  const encodeWish = (
    { active, staged: { create, rotate, signIn } }: Commit<Data, User>,
    { before, data }: Request.Content<Data>
  ): Effect.Effect<Plan.Wish, SessionDataError> =>
    Effect.flatMap(
      data === before ? Effect.succeed(undefined) : codec.encodeData(data),
      (data): Effect.Effect<Plan.Wish, SessionDataError> =>
        signIn === undefined
          ? Effect.succeed({ data, signIn: undefined, rotate, create, active })
          : Effect.map(encodeSignIn(signIn), (signIn) => ({ data, signIn, rotate, create, active }))
    )

  /** Users are the same where their texts are. */
  const encodeSignIn = (
    { before, remember, user }: Request.StagedSignIn<User>
  ): Effect.Effect<Plan.SignIn, SessionDataError> =>
    Effect.flatMap(codec.encodeUser(user), (userId) =>
      before === undefined
        ? Effect.succeed({ userId, remember })
        : Effect.match(encodeSignIn(before), {
          onFailure: () => ({ userId, remember }),
          onSuccess: (before) => ({ userId, remember: before.userId === userId ? before.remember : remember })
        }))

  /** Writes a record under a new key, and returns it with its id. None if there was nothing to rename, or no longer. */
  const writeUnderNewKey = (
    coming: Coming,
    signsIn: boolean,
    under: Plan.UnderKey,
    write: (record: SessionRecord) => Effect.Effect<boolean, SessionStoreError>,
    collisions = 0
  ): Effect.Effect<readonly [SessionId, SessionRecord] | undefined, SessionStoreError> =>
    Effect.flatMap(coming.id === undefined ? generateId : Effect.succeed(coming.id), (id) => {
      const record = under(keyOf(Redacted.value(id)))
      const isTriedAgain = coming.tried?.key === record.key
      coming.id = id
      coming.tried = record
      coming.signsIn = signsIn
      const done = [id, record] as const
      return Effect.matchEffect(write(record), {
        onSuccess: (written) => Effect.succeed(written ? done : undefined),
        onFailure: (error) => {
          if (error.outcomeUnknown) {
            return Effect.matchEffect(Effect.flatMap(now, (at) => store.read(record.key, at)), {
              onFailure: () => Effect.fail(error),
              onSuccess: (found) =>
                Option.exists(found, (found) => Plan.isSame(found, record))
                  ? Effect.succeed(done)
                  : Effect.fail(error)
            })
          }
          // A key that was tried before is taken by that.
          if (error.reason !== "KeyExists" || isTriedAgain || collisions === maxCollisions) return Effect.fail(error)
          coming.id = undefined
          coming.tried = undefined
          return writeUnderNewKey(coming, signsIn, under, write, collisions + 1)
        }
      })
    })

  /** One try, on a session as it was read or on none. None means that the store holds something else by now. */
  const attempt = (
    asked: Commit<Data, User>,
    stored: Stored<Data, User> | undefined,
    content: Request.Content<Data>
  ): Effect.Effect<Committed<Data, User> | undefined, CommitError> =>
    Effect.flatMap(encodeWish(asked, content), (wish) =>
      withNow((at) => {
        const several = asked.several && stored === undefined
        const plan = Plan.plan(
          {
            name,
            timeouts,
            now: at,
            initial: codec.initialText,
            presented: asked.presented,
            stored: stored?.record,
            several
          },
          wish
        )
        return carryOut(asked, stored, content.data, plan, at)
      }))

  /** A session stands under a new id. Where somebody signed in, the user's others may be too many. */
  const stands = (record: SessionRecord, isSignIn: boolean): Effect.Effect<void> => {
    if (!isSignIn) return tell((at) => ({ _tag: record.version === 1 ? "Began" : "Rotated", ...of(record, at) }))
    const { remembered } = record
    const told = tell((at) => ({ _tag: "SignedIn", ...of(record, at), remembered }))
    return maxPerUser === undefined ? told : Effect.zipRight(told, limit(record, maxPerUser))
  }

  /** What was tried is found to be stored, which nobody has been told of. */
  const stood = (record: SessionRecord, { signsIn }: Coming): Effect.Effect<void> =>
    Effect.zipRight(stands(record, signsIn), endings.hurry)

  /** The sign-in is stored by now, so it does not fail where this does. */
  const limit = (newest: SessionRecord, limit: number): Effect.Effect<void> => {
    const { userId } = newest
    if (userId === null) return Effect.void
    const removed = Effect.flatMap(now, (at) => {
      const liveAfter = Expiry.liveAfter(timeouts, at)
      return store.limitByUser({ name, userId, now: at, liveAfter, limit, newest })
    })
    return Effect.matchEffect(removed, {
      onSuccess: (count) => revoked({ name, userId }, "Limit", count),
      onFailure: (error) =>
        Effect.annotateLogs(
          Effect.logError(
            `A user may have more sessions than maxPerUser allows, until the next sign-in: ${error.message}. `
              + "Look at the store: see whether its server is up, reachable, and not overloaded."
          ),
          { session: name, handle: newest.handle }
        )
    })
  }

  /** Sessions of a user were ended. */
  const revoked = (
    { only, userId }: SessionStore.UserDeletion,
    by: SessionEvents.Revoked["by"],
    count: number
  ): Effect.Effect<void> =>
    count === 0 ? Effect.void : Effect.zipRight(
      ended(count),
      tell((at) => ({
        _tag: "Revoked",
        at,
        session: name,
        user: userId,
        handle: Option.fromNullable(only),
        by,
        count
      }))
    )

  const ended = (count: number): Effect.Effect<void> =>
    Effect.zipRight(Metric.incrementBy(SessionMetrics.destroyed, count), endings.hurry)

  const carryOut = (
    { active, coming, presented, staged: { signIn } }: Commit<Data, User>,
    stored: Stored<Data, User> | undefined,
    data: Data,
    plan: Plan.Plan,
    at: number
  ): Effect.Effect<Committed<Data, User> | undefined, CommitError> => {
    const user = signIn === undefined
      ? stored === undefined ? Option.none<User>() : stored.user
      : Option.some(signIn.user)
    const written = (record: SessionRecord, extended: boolean, newId?: SessionId): Committed<Data, User> => ({
      stored: { data, user, record },
      newId,
      extended
    })
    const extended = Metric.increment(SessionMetrics.touchesWritten)

    switch (plan._tag) {
      case "Nothing": {
        const nothing = { stored, newId: undefined, extended: false }
        return stored !== undefined && active
          ? Effect.as(Metric.increment(SessionMetrics.touchesSkipped), nothing)
          : Effect.succeed(nothing)
      }
      case "Gone":
        return Effect.succeed(undefined)
      case "Several":
        return Effect.fail(new SessionConflict({ reason: "Several" }))
      case "Touch": {
        const { expiresAt, key, lastSeenAt } = plan.next
        return Effect.flatMap(store.touch({ key, lastSeenAt, expiresAt, now: at }), (isLive) =>
          isLive
            ? Effect.as(extended, written(plan.next, true))
            // It ended meanwhile. Nothing was to be changed, so nothing is lost.
            : Effect.succeed({ stored: undefined, newId: undefined, extended: false }))
      }
      case "Update": {
        const { data, expiresAt, key, lastSeenAt, version } = plan.next
        const update = { key, expectedVersion: version - 1, data, lastSeenAt, expiresAt, now: at }
        return Effect.flatMap(store.update(update), (updated) => {
          if (!updated) return Effect.succeed(undefined)
          const counted = Metric.increment(SessionMetrics.updated)
          return Effect.as(
            plan.extended ? Effect.zipRight(counted, extended) : counted,
            written(plan.next, plan.extended)
          )
        })
      }
      case "Insert": {
        const unlessRenamed = plan.guarded ? { keys: presented.keys, after: presented.renamedAfter } : undefined
        return Effect.flatMap(
          writeUnderNewKey(
            coming,
            signIn !== undefined,
            plan.next,
            (record) => store.insert({ record, unlessRenamed })
          ),
          (inserted): Effect.Effect<Committed<Data, User>, CommitError> => {
            if (inserted === undefined) return Effect.fail(renamed())
            const [newId, record] = inserted
            const counted = Metric.increment(SessionMetrics.created)
            // What it ends itself takes no place of the user's others.
            const alone = plan.ends ? Effect.zipRight(counted, end({ keys: presented.keys })) : counted
            return Effect.as(
              Effect.zipRight(alone, stands(record, signIn !== undefined)),
              written(record, true, newId)
            )
          }
        )
      }
      case "Rotate": {
        const { expectedVersion, oldKey } = plan
        return Effect.flatMap(
          writeUnderNewKey(
            coming,
            signIn !== undefined,
            plan.next,
            (next) => store.rotate({ oldKey, expectedVersion, next, now: at })
          ),
          (rotated) => {
            if (rotated === undefined) return Effect.succeed(undefined)
            const [newId, record] = rotated
            const told = stands(record, signIn !== undefined)
            // Another user's sign-in is the end of the session as it was.
            const ended = stored?.record.handle === record.handle ? told : Effect.zipRight(told, endings.hurry)
            return Effect.as(
              Effect.zipRight(Metric.increment(SessionMetrics.rotated), ended),
              written(record, true, newId)
            )
          }
        )
      }
    }
  }

  /** Tries again on what the store holds now, until it works, nothing is left to change, or the tries are used up. */
  const retry = Effect.fnUntraced(function*(
    asked: Commit<Data, User>,
    read: Stored<Data, User>,
    giveUpAt: number
  ): Effect.fn.Return<Committed<Data, User>, CommitError> {
    const { coming, initial, presented, staged: { changes, signIn } } = asked
    let before = read
    for (let tries = 2; tries <= maxAttempts; tries++) {
      yield* pause(tries)
      const at = yield* now
      if (at >= giveUpAt) break
      const keys = coming.tried === undefined ? [before.record.key] : [before.record.key, coming.tried.key]
      const found = yield* store.search({ keys, renamedAfter: presented.renamedAfter, now: at })
      const missed = Plan.afterMiss(before.record, yield* usable(found, at), {
        tried: coming.tried,
        signsIn: signIn !== undefined,
        endedHere: asked.endedHere(before.record)
      })
      switch (missed._tag) {
        case "Renamed":
          return yield* renamed()
        case "Gone":
          return yield* gone
        case "Begin": {
          const begun = yield* attempt(asked, undefined, Request.apply(changes, initial(), initial))
          if (begun !== undefined) return begun
          continue
        }
        case "Done":
        case "Again": {
          const current = yield* decode(missed.record)
          if (current === undefined) return yield* gone
          // Ours, and the browser does not know its id yet.
          const newId = missed.record.key === coming.tried?.key ? coming.id : undefined
          if (missed._tag === "Done") {
            yield* stood(missed.record, coming)
            return { stored: current, newId, extended: true }
          }
          yield* Metric.increment(SessionMetrics.conflicts)
          const committed = yield* attempt(asked, current, Request.apply(changes, current.data, initial))
          if (committed !== undefined) return { ...committed, newId: committed.newId ?? newId }
          before = current
        }
      }
    }
    return yield* new SessionConflict({ reason: "Contended" })
  })

  const commitOn = (
    asked: Commit<Data, User>,
    stored: Stored<Data, User> | undefined,
    content: Request.Content<Data>
  ): Effect.Effect<Committed<Data, User>, CommitError> =>
    Effect.flatMap(attempt(asked, stored, content), (committed) =>
      committed !== undefined || stored === undefined
        ? Effect.succeed(committed ?? { stored, newId: undefined, extended: false })
        : Effect.flatMap(now, (at) => queued(stored.record.key)(retry(asked, stored, at + maxConflictTime))))

  /** A commit after one whose outcome is unknown: what that may have stored is looked for first. */
  const commitAfterUnknown = Effect.fnUntraced(function*(asked: Commit<Data, User>, tried: SessionRecord) {
    const { coming, content, initial, staged: { changes }, stored } = asked
    const found = yield* store.read(tried.key, yield* now)
    const mine = Option.isSome(found) && Plan.isFrom(found.value, tried) ? yield* decode(found.value) : undefined
    if (mine === undefined) return yield* commitOn(asked, stored, content)
    const newId = coming.id
    coming.tried = undefined
    yield* stood(mine.record, coming)
    const committed = yield* commitOn(asked, mine, Request.apply(changes, mine.data, initial))
    return { ...committed, newId: committed.newId ?? newId }
  })

  const commit: Engine<Data, User>["commit"] = (asked) =>
    Effect.suspend(() => {
      const { coming } = asked
      const { tried } = coming
      return Effect.mapBoth(
        tried === undefined ? commitOn(asked, asked.stored, asked.content) : commitAfterUnknown(asked, tried),
        {
          onSuccess: (committed) => {
            coming.tried = undefined
            if (committed.newId !== undefined) coming.id = undefined
            return committed
          },
          onFailure: (error) => {
            if (error._tag !== "SessionStoreError" || !error.outcomeUnknown) coming.tried = tried
            return error
          }
        }
      )
    })

  /** Whose sessions are to be ended, for those who subscribed to the events. Another may stand where one was read. */
  const toEnd = (
    { keys, renamedAfter }: SessionStore.Deletion,
    known: SessionRecord | undefined
  ): Effect.Effect<ReadonlyArray<SessionRecord>> =>
    events === undefined ? Effect.succeed([]) : Effect.map(
      Effect.orElseSucceed(
        Effect.flatMap(now, (at) => store.search({ keys, renamedAfter: renamedAfter ?? at, now: at })),
        (): ReadonlyArray<SessionRecord> => []
      ),
      (found) => found.length === 0 && known !== undefined ? [known] : found
    )

  /** What is done is told of, whatever becomes of who asked for it. */
  const toldOf = (
    removal: Effect.Effect<number, SessionStoreError>,
    tell: (count: number) => Effect.Effect<void>
  ): Effect.Effect<number, SessionStoreError> =>
    Effect.uninterruptible(
      Effect.tapError(
        Effect.tap(removal, tell),
        ({ outcomeUnknown }) => outcomeUnknown ? endings.hurry : Effect.void
      )
    )

  const end: Engine<Data, User>["end"] = (deletion, known) =>
    Effect.flatMap(
      toEnd(deletion, known),
      (records) =>
        toldOf(store.delete(deletion), (count) =>
          count === 0 ? Effect.void : Effect.zipRight(
            ended(count),
            Effect.forEach(
              records.slice(0, count),
              (record) => tell((at) => ({ _tag: "SignedOut", ...of(record, at) })),
              { discard: true }
            )
          ))
    )

  const endByUser: Engine<Data, User>["endByUser"] = (deletion, by) =>
    toldOf(store.deleteByUser(deletion), (count) => revoked(deletion, by, count))

  return {
    name,
    format: options.format,
    timeouts,
    token,
    initial: codec.initial,
    now,
    generateId,
    keyOf,
    encodeUser: codec.encodeUser,
    store,
    read,
    reopen,
    commit,
    end,
    endByUser,
    tell,
    endings,
    dataOf,
    usable
  }
})
