/**
 * What happens to sessions, as a stream: for audit logs, for notices to users, for alarms.
 *
 * An event is published after the store has acknowledged what it tells of, by the node that did it. Who subscribes gets
 * the events of this node from then on, and where the store can tell, the ends of sessions by other nodes. The stream is bounded and slides: a subscriber who falls behind by more than its
 * capacity misses the oldest events, and delays nobody. Where a declaration is not told to publish (`events: true` in
 * `Sessions.layerWith`), nothing is made and nothing costs anything.
 *
 * @since 3.0.0
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { SessionConfigError } from "./SessionError.js"

/**
 * What every event of a session tells. The handle opens nothing and is safe to store and to show.
 *
 * @since 3.0.0
 * @category models
 */
export interface OfSession {
  /** When it happened. */
  readonly at: DateTime.Utc
  /** The declared name of the session. */
  readonly session: string
  /** Its public handle. */
  readonly handle: string
  /** The stored text of its user. None for a visitor. */
  readonly user: Option.Option<string>
}

/**
 * A visitor's session was stored for the first time.
 *
 * @since 3.0.0
 * @category models
 */
export interface Began extends OfSession {
  readonly _tag: "Began"
}

/**
 * A user signed in, whether that began a session or gave one a new id.
 *
 * @since 3.0.0
 * @category models
 */
export interface SignedIn extends OfSession {
  readonly _tag: "SignedIn"
  /** Whether the user asked to be remembered. */
  readonly remembered: boolean
}

/**
 * A session got a new id, and nobody signed in.
 *
 * @since 3.0.0
 * @category models
 */
export interface Rotated extends OfSession {
  readonly _tag: "Rotated"
}

/**
 * A session was ended by whoever has it: `signOut` and `destroy`.
 *
 * @since 3.0.0
 * @category models
 */
export interface SignedOut extends OfSession {
  readonly _tag: "SignedOut"
}

/**
 * Sessions of a user were ended: `count` of them, one event for all. `handle` is theirs if it was one by its handle.
 * `by` is who did it:
 *
 * - `"User"`: the user himself, in a request that has read a session of his own, which was among them.
 * - `"OtherDevice"`: he too, in a request whose session was not among them.
 * - `"Limit"`: a sign-in that went beyond `maxPerUser`.
 * - `"Administrator"`: anybody else, such as a job, or a request of another user or of another declaration.
 *
 * @since 3.0.0
 * @category models
 */
export interface Revoked {
  readonly _tag: "Revoked"
  /** When it happened. */
  readonly at: DateTime.Utc
  /** The declared name of the sessions. */
  readonly session: string
  /** The stored text of their user. */
  readonly user: string
  readonly handle: Option.Option<string>
  readonly by: "User" | "OtherDevice" | "Limit" | "Administrator"
  readonly count: number
}

/**
 * Another node ended a session, as its store tells (`SqlSessionStore` on PostgreSQL, `RedisSessionStore`; no other, and
 * none while that cannot be heard: see `SessionMetrics.listening`). Every other node tells of it, perhaps twice, so whoever
 * keeps a log that all nodes write to leaves it out: the node that did it has told why.
 *
 * @since 3.0.0
 * @category models
 */
export interface EndedElsewhere {
  readonly _tag: "EndedElsewhere"
  /** When this node heard of it. */
  readonly at: DateTime.Utc
  /** The declared name of the session. */
  readonly session: string
  /** Its public handle. */
  readonly handle: string
}

/**
 * A session that was stored was found past a deadline of today's timeouts. One that is past the deadline it was stored
 * with is not found at all: it is among those that a sweep counts.
 *
 * @since 3.0.0
 * @category models
 */
export interface Expired extends OfSession {
  readonly _tag: "Expired"
}

/**
 * Expired rows were removed: `count` of them, of whatever declaration.
 *
 * @since 3.0.0
 * @category models
 */
export interface Swept {
  readonly _tag: "Swept"
  /** When it happened. */
  readonly at: DateTime.Utc
  readonly count: number
}

/**
 * A request brought a cookie, or a bearer token, that we did not make.
 *
 * @since 3.0.0
 * @category models
 */
export interface Rejected {
  readonly _tag: "Rejected"
  /** When it happened. */
  readonly at: DateTime.Utc
  /** The declared name of the session. */
  readonly session: string
  /** What is wrong: its form, its signature, or that the header is too long to be read. */
  readonly reason: "malformed" | "signature" | "too_long"
}

/**
 * What happens to sessions.
 *
 * @since 3.0.0
 * @category models
 */
export type SessionEvent =
  | Began
  | SignedIn
  | Rotated
  | SignedOut
  | Revoked
  | EndedElsewhere
  | Expired
  | Swept
  | Rejected

/**
 * The events of this node.
 *
 * @since 3.0.0
 * @category models
 */
export interface Service {
  /** Tells all subscribers. Never waits, never fails. */
  readonly publish: (event: SessionEvent) => Effect.Effect<void>
  /** The events from the moment that the stream runs. Does not end. */
  readonly stream: Stream.Stream<SessionEvent>
  /** The events from the moment that this succeeds until the scope ends, for whoever must not miss what happens next. */
  readonly subscribe: Effect.Effect<Stream.Stream<SessionEvent>, never, Scope.Scope>
}

/**
 * The events of this node's sessions.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Stream } from "effect"
 * import { SessionEvents } from "effect-sessions"
 *
 * export const AuditLive = Layer.scopedDiscard(Effect.gen(function*() {
 *   const events = yield* (yield* SessionEvents.SessionEvents).subscribe
 *   yield* Effect.forkScoped(Stream.runForEach(events, (event) => Effect.log("session", event)))
 * }))
 * ```
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionEvents extends Context.Tag("effect-sessions/SessionEvents")<SessionEvents, Service>() {}

/**
 * The events that a subscriber may fall behind if no capacity is given.
 *
 * @since 3.0.0
 * @category constants
 */
export const defaultCapacity = 1024

/**
 * Makes a stream of events that holds `capacity` of them for a subscriber who is slow. Fails with `SessionConfigError` if
 * that is not a whole number from 1 to a million.
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (
  options: { readonly capacity?: number | undefined } = {}
): Effect.Effect<Service, SessionConfigError> => {
  const capacity = options.capacity ?? defaultCapacity
  const isPossible = Number.isInteger(capacity) && capacity >= 1 && capacity <= 1_000_000
  return Effect.flatMap(
    SessionConfigError.check(
      "SessionEvents",
      isPossible ? [] : ["SessionEvents.capacity must be a whole number from 1 to 1000000"],
      () => capacity
    ),
    (capacity) =>
      Effect.map(PubSub.sliding<SessionEvent>(capacity), (events) => ({
        publish: (event) => Effect.asVoid(PubSub.publish(events, event)),
        stream: Stream.fromPubSub(events),
        subscribe: Effect.map(PubSub.subscribe(events), (subscription) => Stream.fromQueue(subscription))
      }))
  )
}

/**
 * The events of this node's sessions. Give it to `Sessions.layerWith` of each declaration whose events you want, with
 * `events: true`, and to those who subscribe. Fails with `SessionConfigError` as `make` does.
 *
 * @since 3.0.0
 * @category layers
 */
export const layerWith = (
  options: { readonly capacity?: number | undefined }
): Layer.Layer<SessionEvents, SessionConfigError> => Layer.effect(SessionEvents, make(options))

/**
 * The events of this node's sessions, with the default capacity.
 *
 * @since 3.0.0
 * @category layers
 */
export const layer: Layer.Layer<SessionEvents> = Layer.effect(SessionEvents, Effect.orDie(make()))
