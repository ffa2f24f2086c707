/**
 * The session manager: every rule about sessions, over a store, without HTTP. Request handlers use it through the
 * handle of their request; jobs, sockets and admin code use it directly.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Types from "effect/Types"
import type * as SessionCodec from "./SessionCodec.js"
import type * as SessionCommit from "./SessionCommit.js"
import type { SessionConfigError, SessionDataError, SessionStoreError } from "./SessionError.js"
import * as SessionManager from "./SessionManager.js"
import * as SessionStore from "./SessionStore.js"
import type * as SessionToken from "./SessionToken.js"

/**
 * A live session as it was read, without its id: its data, its user, and the stored record.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored<Data, User> extends SessionCommit.Stored<Data, User> {}

/**
 * A live session as it was read: its id, its data, its user, and the stored record.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot<Data, User> extends Stored<Data, User> {
  readonly id: SessionToken.SessionId
}

/**
 * What is known of a session without opening it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Info {
  /** Names the session in a list or a log. Opens nothing, and changes when the id is rotated. */
  readonly handle: string
  /** When the session began: when it was stored first, or at the last sign-in. */
  readonly createdAt: DateTime.Utc
  /** The last activity that was written down. */
  readonly lastSeenAt: DateTime.Utc
  /** When the session ends if nobody uses it: the sooner of the idle and the absolute timeout. */
  readonly expiresAt: DateTime.Utc
  /** When the user signed in. None for a visitor. */
  readonly authenticatedAt: Option.Option<DateTime.Utc>
}

/**
 * Identifies the manager of one declared session in types.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sessions<in out Self> {
  readonly "effect-sessions/Sessions": Types.Invariant<Self>
}

/**
 * A declared session, as `Session.Tag` makes it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Definition<Self, Data, User> {
  /** The declared name. Part of every key, so that definitions can share a store. */
  readonly sessionName: string
  readonly format: SessionCodec.Format<Data, User>
  /** What to do with a stored session that does not decode. */
  readonly onUndecodable: "discard" | "fail"
  /** The tag of the manager. */
  readonly sessions: Context.Tag<Sessions<Self>, Service<Data, User>>
}

/**
 * What can go wrong when a session is read.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = SessionStoreError | SessionDataError

/**
 * What can go wrong when a session is changed.
 *
 * @since 0.1.0
 * @category errors
 */
export type CommitError = SessionCommit.CommitError

/**
 * The manager of one declared session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service<Data, User> {
  /** What a visitor's session holds before anything is stored. */
  readonly initial: Data

  /** Whether the store answers without waiting, so that no timeout is needed. */
  readonly isImmediate: boolean

  /** Whether the last noted activity of a session is so old that a touch would be written. */
  readonly isTouchDue: (session: Pick<Stored<Data, User>, "record">, now: number) => boolean

  /** The generator of the ids, whose form every incoming id must have. */
  readonly token: SessionToken.Generator

  /** A new id, for whoever must know it before the session is stored (see `commit`). */
  readonly generateId: Effect.Effect<SessionToken.SessionId>

  /**
   * Stores a new session and returns it. Without `data` it holds the declared initial data, without `user` it is a
   * visitor's. Never touches another session: an id that is taken already is replaced by another.
   */
  readonly create: (options?: {
    readonly data?: Data | undefined
    readonly user?: User | undefined
  }) => Effect.Effect<Snapshot<Data, User>, SessionStoreError | SessionDataError>

  /**
   * The live session of an id. None if it is unknown, ended or expired, or if its row does not decode and the session
   * was declared to discard such rows. Writes nothing, so it does not extend the session: `touch` does.
   */
  readonly read: (
    id: SessionToken.SessionId
  ) => Effect.Effect<Option.Option<Snapshot<Data, User>>, ReadError>

  /**
   * Changes the data of a session with a function, and returns the session after it. The function runs again on fresh
   * data if somebody else changed the session meanwhile, so no update is lost. Counts as activity. Returning the very
   * same value writes nothing but, when due, the activity. Fails with `SessionGone` if there is no live session.
   */
  readonly update: (
    id: SessionToken.SessionId,
    f: (data: Data) => Data
  ) => Effect.Effect<Snapshot<Data, User>, CommitError>

  /**
   * Notes activity, which restarts the idle timeout but never passes the absolute one. Written at most once per touch
   * interval. Says whether there is a live session; none is no error.
   */
  readonly touch: (id: SessionToken.SessionId) => Effect.Effect<boolean, ReadError>

  /**
   * Gives a session a new id, in one atomic step, and returns it under the new one. The old id is dead from then on.
   * Keeps the data, the user and the absolute timeout. Fails with `SessionGone` if there is no live session.
   */
  readonly rotate: (id: SessionToken.SessionId) => Effect.Effect<Snapshot<Data, User>, CommitError>

  /**
   * Ends a session at once and for good. Idempotent: an unknown id is no error.
   */
  readonly destroy: (id: SessionToken.SessionId) => Effect.Effect<void, SessionStoreError>

  /**
   * The live sessions of a user, the most recently seen first, those of other definitions that share the store too. At most `limit` (100 if left out), after skipping
   * `offset`.
   */
  readonly listByUser: (user: User, options?: {
    readonly limit?: number | undefined
    readonly offset?: number | undefined
  }) => Effect.Effect<ReadonlyArray<Info>, SessionStoreError | SessionDataError>

  /**
   * Ends every session of a user, all but `except` if given, and says how many. Those of other definitions that share
   * the store end, too: a user who signs out everywhere means it. Idempotent.
   */
  readonly destroyByUser: (user: User, options?: {
    readonly except?: SessionToken.SessionId | undefined
  }) => Effect.Effect<number, SessionStoreError | SessionDataError>

  /**
   * Ends the session of a user that has this public handle, and says whether there was one. A handle of another
   * user's session ends nothing. Idempotent.
   */
  readonly destroyByHandle: (user: User, handle: string) => Effect.Effect<boolean, SessionStoreError | SessionDataError>

  /**
   * Ends every session in the store, those of other definitions that share it too.
   */
  readonly clear: Effect.Effect<void, SessionStoreError>

  /**
   * Removes rows expired for longer than `margin` (1 minute if left out), at most `limit` (1000) of them, and says how
   * many. Only hygiene: an expired session is not readable, whether or not it has been removed. `SessionCleaner` does
   * this in the background.
   */
  readonly deleteExpired: (options?: {
    readonly limit?: number | undefined
    readonly margin?: Duration.DurationInput | undefined
  }) => Effect.Effect<number, SessionStoreError>

  /**
   * What is known of a session without opening it. With `seenAt`, as it will be once activity at that time has been
   * noted, where a touch is due.
   */
  readonly infoOf: (
    session: Pick<Stored<Data, User>, "record">,
    options?: { readonly seenAt?: number | undefined }
  ) => Info

  /**
   * The primitive under `create`, `update`, `touch` and `rotate`: applies a change to a session as it was read, or to
   * none, with at most one store operation, again on fresh data where somebody else came first.
   */
  readonly commit: (
    session: Option.Option<Snapshot<Data, User>>,
    change: SessionCommit.Change<Data, User>
  ) => Effect.Effect<SessionCommit.Committed<Snapshot<Data, User>>, CommitError>

  /**
   * What the middleware uses in place of `read`, `commit` and `destroy`, to do without most ids: wrapping one costs 2 us
   * of a read's 12 to 17.
   */
  readonly byKey: ByKey<Data, User>
}

/**
 * A manager by the keys of sessions: the hashes of their ids, under which the store keeps them.
 *
 * @since 0.1.0
 * @category models
 */
export interface ByKey<Data, User> {
  /** The key that belongs to the text of an id. */
  readonly keyOf: (text: string) => string

  /** As `Service.read`. */
  readonly read: (key: string) => Effect.Effect<Option.Option<Stored<Data, User>>, ReadError>

  /** A session that was read before, from its record: its data and its user once more, without asking the store. */
  readonly decode: (record: SessionStore.SessionRecord) => Effect.Effect<Option.Option<Stored<Data, User>>, ReadError>

  /** As `Service.commit`. */
  readonly commit: (
    session: Option.Option<Stored<Data, User>>,
    change: SessionCommit.Change<Data, User>
  ) => Effect.Effect<SessionCommit.Committed<Stored<Data, User>>, CommitError>

  /** As `Service.destroy`. */
  readonly destroy: (key: string) => Effect.Effect<void, SessionStoreError>
}

/**
 * What else can be set of a manager.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Whether the operations of the manager are traced, as `Sessions.read` and so on: without ids, users or data. False
   * if left out, since a span costs more than a read from memory; the SQL client traces its statements anyway.
   */
  readonly spans?: boolean | undefined
}

/**
 * Makes the manager of a declared session over the store in context, with the timeouts and the token generator of the
 * context. Fails if the declaration cannot work.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options?: Options
) => Effect.Effect<Service<Data, User>, SessionConfigError, SessionStore.SessionStore> = SessionManager.make

/**
 * The manager of a declared session over the store in context. Reads timeouts and token generator once.
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
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self, Data, User>(
  definition: Definition<Self, Data, User>
): Layer.Layer<Sessions<Self>, SessionConfigError, SessionStore.SessionStore> =>
  Layer.effect(definition.sessions, make(definition))

/**
 * The manager of a declared session over the store in context, with options.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = <Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options: Options
): Layer.Layer<Sessions<Self>, SessionConfigError, SessionStore.SessionStore> =>
  Layer.effect(definition.sessions, make(definition, options))

/**
 * The manager over a store in memory: what an app starts development with. Warns when `NODE_ENV` is `production`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = <Self, Data, User>(
  definition: Definition<Self, Data, User>
): Layer.Layer<Sessions<Self>, SessionConfigError> => Layer.provide(layer(definition), SessionStore.layerMemory)
