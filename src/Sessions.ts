/**
 * The session manager: every rule about sessions, over a store, without HTTP. Request handlers use it through the
 * handle of their request; jobs, sockets and admin code use it directly.
 *
 * @since 3.0.0
 */
import type * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Types from "effect/Types"
import { isHandle } from "./core/digest.js"
import * as Expiry from "./core/expiry.js"
import { endsWith } from "./core/record.js"
import * as Request from "./core/request.js"
import type * as Codec from "./internal/codec.js"
import * as Durations from "./internal/durations.js"
import * as Engine from "./internal/engine.js"
import { requests } from "./internal/handle.js"
import {
  SessionConfigError,
  SessionConflict,
  type SessionDataError,
  SessionGone,
  type SessionStoreError
} from "./SessionError.js"
import * as SessionEvents from "./SessionEvents.js"
import * as SessionMetrics from "./SessionMetrics.js"
import * as SessionStore from "./SessionStore.js"
import { SessionTimeouts } from "./SessionTimeouts.js"
import * as SessionToken from "./SessionToken.js"

/**
 * The key of what a manager has for the middleware alone.
 *
 * @since 3.0.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("effect-sessions/Sessions")

/**
 * The type of that key.
 *
 * @since 3.0.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * A live session as it was read: its id, its data, its user, and the stored record.
 *
 * @since 3.0.0
 * @category models
 */
export interface Snapshot<Data, User> {
  /** Whoever has it has the session. */
  readonly id: SessionToken.SessionId
  /** Decoded with the declared schema. */
  readonly data: Data
  /** The signed-in user. None for a visitor. */
  readonly user: Option.Option<User>
  /** As the store has it. */
  readonly record: SessionStore.SessionRecord
}

/**
 * What is known of a session without opening it.
 *
 * @since 3.0.0
 * @category models
 */
export interface Info {
  /** Names the session in a list or a log. Opens nothing. Stays the same until another user signs in. */
  readonly handle: string
  /** When the session began: when it was stored first, or at the last sign-in. */
  readonly createdAt: DateTime.Utc
  /** The last activity that was written down. */
  readonly lastSeenAt: DateTime.Utc
  /** When the session ends if nobody uses it: the sooner of the idle and the absolute timeout. */
  readonly expiresAt: DateTime.Utc
  /** When the user signed in. None for a visitor. */
  readonly authenticatedAt: Option.Option<DateTime.Utc>
  /** Whether the user asked to be remembered. */
  readonly remembered: boolean
}

/**
 * A live session of a user, as a list of his sessions shows it.
 *
 * @since 3.0.0
 * @category models
 */
export interface Listed<Data> extends Info {
  /** Whether it is the one whose handle was given as `current`. */
  readonly current: boolean
  /** None if the row does not decode, which is reported in the log. */
  readonly data: Option.Option<Data>
}

/**
 * Identifies the manager of one declared session in types.
 *
 * @since 3.0.0
 * @category models
 */
export interface Sessions<in out Self> {
  /** Only a type: nothing is there. */
  readonly "effect-sessions/Sessions": Types.Invariant<Self>
}

/**
 * How the data and the user of a declared session are written down: made of the schemas that `Session.Tag` takes.
 *
 * @since 3.0.0
 * @category models
 */
export interface Format<Data, User> extends Codec.Format<Data, User> {}

/**
 * A declared session, as `Session.Tag` makes it.
 *
 * @since 3.0.0
 * @category models
 */
export interface Definition<Self, Data, User> {
  /** The declared name. Part of every key, so that definitions can share a store. */
  readonly sessionName: string
  /** How data and user are written down. */
  readonly format: Format<Data, User>
  /** What to do with a stored session that does not decode. */
  readonly onUndecodable: "discard" | "fail"
  /** The tag of the manager. */
  readonly sessions: Context.Tag<Sessions<Self>, Service<Data, User>>
}

/**
 * What can go wrong when a session is read: `SessionStoreError`, or `SessionDataError` where its row does not decode and it
 * was declared to fail then.
 *
 * @since 3.0.0
 * @category errors
 */
export type ReadError = SessionStoreError | SessionDataError

/**
 * What can go wrong when a session is changed: `ReadError`, with `SessionDataError` also where the data cannot be stored,
 * `SessionGone` where the session has ended, `SessionConflict` where the change can be tried again.
 *
 * @since 3.0.0
 * @category errors
 */
export type CommitError = ReadError | SessionGone | SessionConflict

/**
 * The manager of one declared session.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { Session, Sessions, SessionTimeouts } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
 *   initial: { cart: [] }
 * }) {}
 *
 * const SessionsLive = Layer.provide(Sessions.layerMemory(AppSession), SessionTimeouts.layer())
 *
 * export const program = Effect.gen(function*() {
 *   const sessions = yield* AppSession.sessions
 *   const { id } = yield* sessions.create({ user: "ann" })
 *   yield* sessions.update(id, ({ cart }) => ({ cart: [...cart, "tea"] }))
 *   const session = yield* sessions.read(id) // none once it has ended
 *   const devices = yield* sessions.listByUser("ann") // public handles and times
 *   yield* sessions.destroyByUser("ann") // signed out everywhere
 *   return { session, devices, counts: yield* sessions.count }
 * }).pipe(Effect.provide(SessionsLive))
 * ```
 *
 * @since 3.0.0
 * @category models
 */
export interface Service<Data, User> {
  /** The engine that the middleware drives. Whoever replaces a method takes it over with the rest: `{ ...sessions }`. */
  readonly [TypeId]: Engine.Engine<Data, User>

  /** The generator of the ids, whose form every incoming id must have. */
  readonly token: SessionToken.Generator

  /**
   * Stores a new session and returns it. Without `data` it holds the declared initial data, without `user` it is a
   * visitor's. With `remember`, it lives by the `remembered` timeouts. Never touches another session: an id that is taken already is replaced by another.
   * Fails with `SessionDataError` if the data or the user cannot be stored, and with `SessionStoreError`.
   */
  readonly create: (options?: {
    readonly data?: Data | undefined
    readonly user?: User | undefined
    readonly remember?: boolean | undefined
  }) => Effect.Effect<Snapshot<Data, User>, SessionStoreError | SessionDataError>

  /**
   * The live session of an id. None if it is unknown, ended or expired, or if its row does not decode and the session was
   * declared to discard such rows. Writes nothing, so it does not extend the session: `touch` does. Fails with `ReadError`.
   */
  readonly read: (
    id: SessionToken.SessionId
  ) => Effect.Effect<Option.Option<Snapshot<Data, User>>, ReadError>

  /**
   * Changes the data of a session with a function, and returns the session after it. The function runs again on fresh data
   * if somebody else changed the session meanwhile, so no update is lost. Counts as activity. Returning the very same value
   * writes nothing but, when due, the activity. Fails with `CommitError`: `SessionGone` if there is no live session.
   */
  readonly update: (
    id: SessionToken.SessionId,
    f: (data: Data) => Data
  ) => Effect.Effect<Snapshot<Data, User>, CommitError>

  /**
   * Notes activity, which restarts the idle timeout but never passes the absolute one. Written at most once per touch
   * interval. Says whether there is a live session; none is no error. Fails with `ReadError`.
   */
  readonly touch: (id: SessionToken.SessionId) => Effect.Effect<boolean, ReadError>

  /**
   * Gives a session a new id, in one atomic step, and returns it under the new one. The old id is dead from then on.
   * Keeps the data, the user and the absolute timeout. Fails with `CommitError`: `SessionGone` if there is no live session.
   */
  readonly rotate: (id: SessionToken.SessionId) => Effect.Effect<Snapshot<Data, User>, CommitError>

  /**
   * Ends a session at once and for good. Idempotent: an unknown id is no error. Fails with `SessionStoreError`.
   */
  readonly destroy: (id: SessionToken.SessionId) => Effect.Effect<void, SessionStoreError>

  /**
   * The live sessions of a user, the most recently seen first, those seen at the same time in the order of their handles:
   * at most `limit` (100 if left out), after skipping `offset`, both made whole numbers. The one whose handle is `current`
   * (`info` of the request's own session has it) is marked. A page is short only at the end, but for sessions whose stored
   * times cannot be true: these are reported in the log and left out. One whose data does not decode is listed without it.
   * Fails with `SessionDataError` if the user does not encode, and with `SessionStoreError`.
   */
  readonly listByUser: (user: User, options?: {
    readonly limit?: number | undefined
    readonly offset?: number | undefined
    readonly current?: string | undefined
  }) => Effect.Effect<ReadonlyArray<Listed<Data>>, SessionStoreError | SessionDataError>

  /**
   * Changes the data of every live session of a user with a function, and says how many it changed: for "his role
   * changed". Each is changed as `update` changes one, so no update is lost, wherever else it is changed meanwhile; sessions
   * that are renamed or begun while this runs are changed as well, those that end are not missed. Counts as no activity,
   * and extends nothing. A session whose data does not decode is reported in the log and left alone. Fails with
   * `SessionDataError` if the user does not encode or the new data cannot be stored, with `SessionConflict` where others
   * change them again and again, and with `SessionStoreError`; some may have been changed then.
   */
  readonly updateByUser: (
    user: User,
    f: (data: Data) => Data
  ) => Effect.Effect<number, SessionStoreError | SessionDataError | SessionConflict>

  /**
   * Ends every session of a user, all but the one with the handle `except` if given (`info` has it), and says how many.
   * Those of other declarations that share the store go on. Idempotent. Fails with `SessionDataError` if the user does not
   * encode, and with `SessionStoreError`.
   */
  readonly destroyByUser: (user: User, options?: {
    readonly except?: string | undefined
  }) => Effect.Effect<number, SessionStoreError | SessionDataError>

  /**
   * Ends the session of a user that has this public handle, and says whether there was one. A handle of another
   * user's session ends nothing. Idempotent. Fails as `destroyByUser` does, with `SessionDataError` or `SessionStoreError`.
   */
  readonly destroyByHandle: (user: User, handle: string) => Effect.Effect<boolean, SessionStoreError | SessionDataError>

  /**
   * How many sessions of this declaration are live, and how many of them a user's. Goes through all rows: for operators,
   * not for every request. Fails with `SessionStoreError`.
   */
  readonly count: Effect.Effect<SessionStore.Counts, SessionStoreError>

  /**
   * Ends every session of this declaration. Those of other declarations that share the store go on; `clear` of the store
   * ends all. Fails with `SessionStoreError`.
   */
  readonly clear: Effect.Effect<void, SessionStoreError>

  /**
   * Removes rows expired for longer than `margin` (1 minute if left out), at most `limit` (1000) of them, and says how
   * many. Those of other declarations that share the store as well: what has expired is nobody's. Only hygiene: an
   * expired session is not readable, whether or not it has been removed. `SessionCleaner` does this in the background,
   * and checks its settings. Fails with `SessionConfigError` if the margin is no duration, and with `SessionStoreError`.
   */
  readonly deleteExpired: (options?: {
    readonly limit?: number | undefined
    readonly margin?: Duration.DurationInput | undefined
  }) => Effect.Effect<number, SessionStoreError | SessionConfigError>
}

/**
 * What else can be set of a manager.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * Whether the operations of the manager are traced, as `Sessions.read` and so on: without ids, users or data. False
   * if left out, since a span costs more than a read from memory; the SQL client traces its statements anyway.
   */
  readonly spans?: boolean | undefined
  /**
   * How many live sessions a user may have, 1 to 1000: a sign-in beyond that ends those that were seen least recently, on
   * whatever node they are, and never the one it has just begun. One more statement at sign-in. No limit if left out.
   */
  readonly maxPerUser?: number | undefined
  /**
   * How often those who wait for sessions to end (`ended` of the handle) look for what other nodes have ended, where the
   * store does not tell. 5 seconds if left out; from 100 milliseconds to an hour.
   */
  readonly endedInterval?: Duration.DurationInput | undefined
}

/**
 * The options of a manager that publishes what happens to its sessions to `SessionEvents`, which then must be provided.
 * A sign-out costs one statement more then, which finds out whose session it is that ends.
 *
 * @since 3.0.0
 * @category models
 */
export interface OptionsWithEvents extends Options {
  /** That it publishes. */
  readonly events: true
}

interface Settings {
  readonly maxPerUser: number | undefined
  readonly endedInterval: number
}

const settings = (options: Options): Effect.Effect<Settings, SessionConfigError> => {
  const { maxPerUser } = options
  const endedInterval = Durations.read("Sessions.endedInterval", options.endedInterval ?? "5 seconds", {
    from: "100 millis",
    to: "1 hours"
  })
  const isPossible = maxPerUser === undefined || (Number.isInteger(maxPerUser) && maxPerUser >= 1 && maxPerUser <= 1000)
  return SessionConfigError.check(
    "Sessions",
    [
      ...endedInterval.problems,
      ...(isPossible ? [] : ["Sessions.maxPerUser must be a whole number from 1 to 1000"])
    ],
    () => ({ maxPerUser, endedInterval: endedInterval.millis })
  )
}

/** How many sessions of a user are listed at once, to change them. */
const pageSize = 1000

/** How often the sessions of a user are listed anew, while they are changed, until each was seen and changed. */
const maxPasses = 10

/** A whole number from a limit or an offset that may be anything. */
const whole = (value: number | undefined, otherwise: number): number =>
  value === undefined || Number.isNaN(value)
    ? otherwise
    : Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(value)))

const makeService = <Data, User>(engine: Engine.Engine<Data, User>, options: Options): Service<Data, User> => {
  const { name, store, timeouts } = engine

  const traced = (operation: string) => <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    options.spans === true
      ? Effect.withSpan(effect, `Sessions.${operation}`, { captureStackTrace: false })
      : effect

  /** What an id leads to, for whoever comes now. */
  const presented = (id: SessionToken.SessionId, at: number) => ({
    keys: [engine.keyOf(Redacted.value(id))],
    renamedAfter: Expiry.renamedAfter(at)
  })

  const commit = (
    change: Pick<Engine.Commit<Data, User>, "presented" | "stored" | "initial"> & {
      /** Left out, the data stays. */
      readonly f: ((data: Data) => Data) | undefined
      readonly rotate: boolean
      readonly signIn?: Request.Staged<Data, User>["signIn"]
      readonly active: boolean
    }
  ) =>
    Effect.uninterruptible(Effect.suspend(() => {
      const { active, f, initial, presented, rotate, signIn, stored } = change
      const changes = f === undefined ? [] : [f]
      return engine.commit({
        presented,
        stored,
        several: false,
        initial,
        staged: {
          changes,
          signIn,
          rotate,
          create: stored === undefined
        },
        content: Request.apply(changes, stored === undefined ? initial() : stored.data, initial),
        active,
        coming: Engine.noneComing(),
        endedHere: () => false
      })
    }))

  const change = Effect.fnUntraced(function*(
    id: SessionToken.SessionId,
    f: ((data: Data) => Data) | undefined,
    rotate: boolean
  ): Effect.fn.Return<Snapshot<Data, User>, CommitError> {
    const carried = presented(id, yield* engine.now)
    const { stored } = yield* engine.read(carried)
    if (stored === undefined) return yield* new SessionGone()
    const initial = yield* engine.initial
    const committed = yield* commit({ presented: carried, stored, initial, f, rotate, active: true })
    return committed.stored === undefined
      ? yield* new SessionGone()
      : { id: committed.newId ?? id, ...committed.stored }
  })

  /**
   * Ends sessions of a user, and lets the requests around know, whose own sessions may be among them. Where there was
   * nothing left to end, somebody else has ended them.
   */
  const endByUser = Effect.fnUntraced(function*(
    user: User,
    which: { readonly only?: string | undefined; readonly except?: string | undefined }
  ) {
    const { except, only } = which
    // Databases compare text that is no handle in ways of their own.
    if (only !== undefined && !isHandle(only)) return 0
    const deletion = {
      name,
      userId: yield* engine.encodeUser(user),
      only,
      except: except !== undefined && isHandle(except) ? except : undefined
    }
    const around = (yield* FiberRef.get(requests)).filter((begun) => begun.name === name)
    const own = around.flatMap((begun) => begun.record() ?? []).find(({ userId }) => userId === deletion.userId)
    const by = own === undefined ? "Administrator" : endsWith(own, deletion) ? "User" : "OtherDevice"
    const count = yield* engine.endByUser(deletion, by)
    if (count > 0) { for (const begun of around) begun.noteEnded(deletion) }
    return count
  })

  /** A page of the live records of a user, as they can be. */
  const page = Effect.fnUntraced(function*(userId: string, limit: number, offset: number) {
    const now = yield* engine.now
    const liveAfter = Expiry.liveAfter(timeouts, now)
    const records = yield* store.listByUser({ name, userId, now, liveAfter, limit, offset })
    return { isLast: records.length < limit, records: yield* engine.usable(records, now) }
  })

  const everyPage = Effect.fnUntraced(function*(userId: string) {
    const all: Array<SessionStore.SessionRecord> = []
    for (let offset = 0;; offset += pageSize) {
      const { isLast, records } = yield* page(userId, pageSize, offset)
      all.push(...records)
      if (isLast) return all
    }
  })

  /** Changes the data of one session of a list. None if it ended or was renamed meanwhile. */
  const changeListed = Effect.fnUntraced(function*(record: SessionStore.SessionRecord, f: (data: Data) => Data) {
    const data = yield* engine.dataOf(record)
    if (Option.isNone(data)) return Option.some(false)
    const committed = commit({
      presented: { keys: [record.key], renamedAfter: Expiry.renamedAfter(yield* engine.now) },
      stored: { data: data.value, user: Option.none(), record },
      initial: yield* engine.initial,
      f,
      rotate: false,
      active: false
    })
    return yield* Effect.map(
      committed,
      ({ stored }) => Option.map(Option.fromNullable(stored), (stored) => stored.record.version !== record.version)
    ).pipe(
      Effect.catchTag("SessionGone", () => Effect.succeed(Option.none<boolean>())),
      Effect.catchIf(
        (error) => error._tag === "SessionConflict" && error.reason === "Renamed",
        () => Effect.succeed(Option.none<boolean>())
      ),
      Effect.catchIf(
        (error) => error._tag === "SessionDataError" && error.reason === "Undecodable",
        () => Effect.succeed(Option.some(false))
      )
    )
  })

  return {
    [TypeId]: {
      ...engine,
      read: (presented) => traced("read")(engine.read(presented)),
      commit: (commit) => traced("commit")(engine.commit(commit)),
      end: (deletion, known) => traced("destroy")(engine.end(deletion, known))
    },
    token: engine.token,
    create: (options) =>
      Effect.flatMap(engine.initial, (initial) => {
        const { data, remember, user } = options ?? {}
        const nobody = { keys: [], renamedAfter: 0 }
        const f = data === undefined ? undefined : () => data
        const signIn = user === undefined ? undefined : { user, remember, before: undefined }
        return commit({ presented: nobody, stored: undefined, initial, f, rotate: false, signIn, active: true })
      }).pipe(
        Effect.flatMap(({ newId, stored }) =>
          newId === undefined || stored === undefined ? new SessionGone() : Effect.succeed({ id: newId, ...stored })
        ),
        // Nothing was there that could be gone or in conflict.
        Effect.catchTags({ SessionGone: Effect.die, SessionConflict: Effect.die }),
        traced("create")
      ),
    read: (id) =>
      Effect.flatMap(engine.now, (at) => engine.read(presented(id, at))).pipe(
        Effect.map(({ stored }) => stored === undefined ? Option.none() : Option.some({ id, ...stored })),
        traced("read")
      ),
    update: (id, f) => traced("update")(change(id, f, false)),
    touch: (id) =>
      Effect.as(change(id, undefined, false), true).pipe(
        Effect.catchTags({ SessionGone: () => Effect.succeed(false), SessionConflict: () => Effect.succeed(true) }),
        traced("touch")
      ),
    rotate: (id) => traced("rotate")(change(id, undefined, true)),
    destroy: (id) =>
      Effect.flatMap(engine.now, (at) => engine.end(presented(id, at))).pipe(Effect.asVoid, traced("destroy")),
    listByUser: (user, options) =>
      Effect.gen(function*() {
        const userId = yield* engine.encodeUser(user)
        const { records } = yield* page(userId, whole(options?.limit, 100), whole(options?.offset, 0))
        return yield* Effect.forEach(records, (record) =>
          Effect.map(engine.dataOf(record), (data) => ({
            ...Engine.infoOf(timeouts, record),
            current: record.handle === options?.current,
            data
          })))
      }).pipe(traced("listByUser")),
    updateByUser: (user, f) =>
      Effect.gen(function*() {
        const userId = yield* engine.encodeUser(user)
        const done = new Set<string>()
        let changed = 0
        for (let pass = 0; pass < maxPasses; pass++) {
          const left = (yield* everyPage(userId)).filter(({ handle }) => !done.has(handle))
          if (left.length === 0) return changed
          for (const record of left) {
            // One that was seen meanwhile may be on two pages.
            if (done.has(record.handle)) continue
            const isChanged = yield* changeListed(record, f)
            if (Option.isNone(isChanged)) continue
            done.add(record.handle)
            if (isChanged.value) changed++
          }
        }
        return yield* new SessionConflict({ reason: "Contended" })
      }).pipe(traced("updateByUser")),
    destroyByUser: (user, options) => traced("destroyByUser")(endByUser(user, { except: options?.except })),
    destroyByHandle: (user, handle) =>
      traced("destroyByHandle")(Effect.map(endByUser(user, { only: handle }), (count) => count > 0)),
    count: traced("count")(
      Effect.flatMap(engine.now, (now) => store.count({ name, now, liveAfter: Expiry.liveAfter(timeouts, now) }))
    ),
    clear: traced("clear")(Effect.uninterruptible(Effect.zipRight(store.clear(name), engine.endings.hurry))),
    deleteExpired: (options) =>
      Effect.gen(function*() {
        const { millis, problems } = Durations.read(
          "Sessions.deleteExpired: margin",
          options?.margin ?? "1 minute",
          Durations.bounds.margin
        )
        const margin = yield* SessionConfigError.check("Sessions", problems, () => millis)
        const now = yield* engine.now
        const count = yield* store.deleteExpired(now - margin, whole(options?.limit, 1000))
        yield* Metric.incrementBy(SessionMetrics.swept, count)
        if (count > 0) yield* engine.tell((at) => ({ _tag: "Swept", at, count }))
        return count
      }).pipe(traced("deleteExpired"))
  }
}

const makeEngine = <Self, Data, User>(
  { format, onUndecodable, sessionName }: Definition<Self, Data, User>,
  options: Options,
  events: SessionEvents.Service | undefined
) =>
  Effect.gen(function*() {
    return yield* Engine.make({
      name: sessionName,
      format,
      onUndecodable,
      store: yield* SessionStore.SessionStore,
      timeouts: yield* SessionTimeouts,
      token: yield* SessionToken.SessionToken,
      ...(yield* settings(options)),
      events
    })
  })

/**
 * Makes the manager of a declared session over the store in context, with the timeouts and the token generator of the
 * context, and the events where the options ask for them. Fails with `SessionConfigError` if the declaration or the options
 * cannot work. What looks for ended sessions in the background ends with the scope.
 *
 * @since 3.0.0
 * @category constructors
 */
export function make<Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options?: Options
): Effect.Effect<
  Service<Data, User>,
  SessionConfigError,
  SessionStore.SessionStore | SessionTimeouts | Scope.Scope
>
export function make<Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options: OptionsWithEvents
): Effect.Effect<
  Service<Data, User>,
  SessionConfigError,
  SessionStore.SessionStore | SessionTimeouts | SessionEvents.SessionEvents | Scope.Scope
>
export function make<Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options: Options | OptionsWithEvents = {}
): Effect.Effect<
  Service<Data, User>,
  SessionConfigError,
  SessionStore.SessionStore | SessionTimeouts | SessionEvents.SessionEvents | Scope.Scope
> {
  return makeWith(definition, options)
}

const makeWith = <Self, Data, User>(definition: Definition<Self, Data, User>, options: Options | OptionsWithEvents) =>
  Effect.flatMap(
    "events" in options ? SessionEvents.SessionEvents : Effect.succeed(undefined),
    (events) => Effect.map(makeEngine(definition, options, events), (engine) => makeService(engine, options))
  )

/**
 * The manager of a declared session over the store in context, with the timeouts of the context, which must be there:
 * `SessionTimeouts.layer()` has the defaults. Fails with `SessionConfigError` if the declaration cannot work.
 *
 * @example
 * ```ts
 * import { Layer, Schema } from "effect"
 * import { Session, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
 *   initial: { cart: [] }
 * }) {}
 *
 * export const SessionsLive = Sessions.layer(AppSession).pipe(
 *   Layer.provide(SessionStore.layerMemory),
 *   Layer.provide(SessionTimeouts.layer({ idle: "15 minutes", absolute: "7 days" }))
 * )
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = <Self, Data, User>(
  definition: Definition<Self, Data, User>
): Layer.Layer<Sessions<Self>, SessionConfigError, SessionStore.SessionStore | SessionTimeouts> =>
  layerWith(definition, {})

/**
 * The manager of a declared session over the store in context, with options. Fails with `SessionConfigError` as `make`
 * does.
 *
 * @example
 * ```ts
 * import { Layer, Schema } from "effect"
 * import { Session, SessionEvents, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
 *   initial: { cart: [] }
 * }) {}
 *
 * export const SessionsLive = Sessions.layerWith(AppSession, { maxPerUser: 5, events: true }).pipe(
 *   Layer.provide(SessionStore.layerMemory),
 *   Layer.provide(SessionTimeouts.layer()),
 *   Layer.provideMerge(SessionEvents.layer)
 * )
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export function layerWith<Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options: Options
): Layer.Layer<Sessions<Self>, SessionConfigError, SessionStore.SessionStore | SessionTimeouts>
export function layerWith<Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options: OptionsWithEvents
): Layer.Layer<
  Sessions<Self>,
  SessionConfigError,
  SessionStore.SessionStore | SessionTimeouts | SessionEvents.SessionEvents
>
export function layerWith<Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options: Options | OptionsWithEvents
): Layer.Layer<
  Sessions<Self>,
  SessionConfigError,
  SessionStore.SessionStore | SessionTimeouts | SessionEvents.SessionEvents
> {
  return Layer.scoped(definition.sessions, makeWith(definition, options))
}

/**
 * The manager over a store in memory: what an app starts development with. Warns when `NODE_ENV` is `production`.
 * Fails with `SessionConfigError` if the declaration cannot work.
 *
 * @since 3.0.0
 * @category layers
 */
export const layerMemory = <Self, Data, User>(
  definition: Definition<Self, Data, User>
): Layer.Layer<Sessions<Self>, SessionConfigError, SessionTimeouts> =>
  Layer.provide(layer(definition), SessionStore.layerMemory)
