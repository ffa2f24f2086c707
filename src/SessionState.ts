/**
 * The session in one request: read at most once, what the request wants changed staged, and that committed in one store
 * operation. `SessionHandle` is what request handlers see of it.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Direct from "./Direct.js"
import { wholeMillis } from "./internal/expiry.js"
import type { EndState } from "./internal/plan.js"
import type { StageError } from "./Session.js"
import { SessionResponseSent, type SessionStoreError } from "./SessionError.js"
import type * as Sessions from "./Sessions.js"
import type { SessionRecord } from "./SessionStore.js"
import type { SessionId } from "./SessionToken.js"

/**
 * What a request brings along.
 *
 * @since 0.1.0
 * @category models
 */
export interface Brought {
  /** The declared name of the session. */
  readonly sessionName: string
  /** What the request carries, if it has the form of an id. */
  readonly sent: Option.Option<Sent>
  readonly credential: "missing" | "rejected" | "accepted"
  /** Whether the response can hand out an id: that of a socket cannot. */
  readonly canRename: boolean
  /** The id as the client shall send it, where the client keeps it itself. */
  readonly toBearer: (id: SessionId) => Option.Option<Redacted.Redacted<string>>
}

/**
 * An id that a request carries.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sent {
  /** The key under which a session with this id is stored. */
  readonly key: string
  /** Wraps it for whoever needs more than the key, which most requests do not. */
  readonly toId: () => SessionId
}

/** What an app's own function throws is a defect, of a call as well. */
const attempt = <A, E>(run: () => Effect.Effect<A, E>): Effect.Effect<A, E> => {
  try {
    return run()
  } catch (defect) {
    return Exit.die(defect)
  }
}

/** The length from which it costs less to forget a record than to keep it. */
const longText = 2048

const untouched: EndState = { _tag: "Untouched" }
const ended: EndState = { _tag: "Ended" }

/**
 * One request's state, shared by all its fibers. A class, since it is made for every request that uses its session and
 * the functions of a class are made once.
 *
 * @since 0.1.0
 * @category models
 */
export class SessionState<Data, User> {
  /** The data, with what is staged. */
  data: Data
  /** The session as it was read or last written. None, too, once it has been unloaded. */
  stored: Option.Option<Sessions.Stored<Data, User>> = Option.none()
  /** Who is staged to sign in. */
  signedIn: Option.Option<User> = Option.none()
  /** Whether a new id is staged. */
  rotates = false
  /** Whether this is activity of the user. */
  active = false
  /** What has become of the session so far. */
  end: EndState = untouched
  /** Whether anybody asked for the session at all. */
  used = false

  private loaded: boolean
  /** What was `stored` until it was unloaded, unless that has been forgotten. */
  private unloaded: SessionRecord | undefined = undefined
  /** The id that this request has given the stored session. None if that has the id that was sent. */
  private givenId: Option.Option<SessionId> = Option.none()
  private changes: ReadonlyArray<(data: Data) => Data> = []
  private creates = false
  /** The id to take if a new one is needed, for somebody has been told it already. */
  private stagedId: Option.Option<SessionId> = Option.none()
  /** Whether reading counts as no activity. */
  private background = false
  private finished = false
  // Keeps loading, committing and destroying apart.
  private busy = false
  private waiting: Deferred.Deferred<void> | undefined = undefined
  // Tells whether anything has happened since an effect was prepared.
  private steps = 0

  constructor(
    readonly sessions: Sessions.Service<Data, User>,
    readonly brought: Brought,
    private readonly clock: Clock.Clock
  ) {
    this.data = sessions.initial
    this.loaded = Option.isNone(brought.sent)
  }

  now(): number {
    return wholeMillis(this.clock.unsafeCurrentTimeMillis())
  }

  /** The id under which the session is stored, if this request knows one. */
  id(): Option.Option<SessionId> {
    return Option.isSome(this.givenId) ? this.givenId : this.sentId()
  }

  /** The id that the request carries. */
  sentId(): Option.Option<SessionId> {
    return Option.map(this.brought.sent, ({ toId }) => toId())
  }

  /** The key under which the session is stored, if this request knows one. */
  private key(): string | undefined {
    if (Option.isSome(this.givenId)) return this.sessions.byKey.keyOf(Redacted.value(this.givenId.value))
    return Option.isSome(this.brought.sent) ? this.brought.sent.value.key : undefined
  }

  /** Asks something of the session, which is read first. */
  use<A>(f: () => A): Effect.Effect<A, Sessions.ReadError> {
    return Effect.suspend(() => this.ask(f))
  }

  stage<A>(f: () => A): Effect.Effect<A, StageError> {
    return Effect.suspend((): Effect.Effect<A, StageError> =>
      this.finished ? Effect.fail(new SessionResponseSent()) : this.ask(f)
    )
  }

  /** Stages what gives the session a new id. */
  stageRename<A>(f: () => A): Effect.Effect<A, StageError> {
    return this.brought.canRename ? this.stage(f) : Effect.fail(new SessionResponseSent())
  }

  /** Stages a change of the data, which gives a visitor's session its first id. */
  stageChange<A>(f: () => A): Effect.Effect<A, StageError> {
    return this.brought.canRename
      ? this.stage(f)
      : Effect.flatMap(
        this.stage(() => Option.isSome(this.stored)),
        (isStored) => isStored ? this.stage(f) : this.stageRename(f)
      )
  }

  /** A function that changes nothing now is kept as well: on fresh data it may. */
  change(f: (data: Data) => Data, next: Data): void {
    this.changes = [...this.changes, f]
    this.data = next
  }

  /** From now on this request is no activity. */
  toBackground(): void {
    this.background = true
    this.active = false
  }

  /** The id that the session will have once this request has committed. */
  get comingId(): Effect.Effect<SessionId, StageError> {
    const known = this.stageChange(() =>
      Option.isSome(this.stored) && Option.isNone(this.signedIn) && !this.rotates
        ? this.id()
        : this.stagedId
    )
    return Effect.flatMap(
      known,
      (known) =>
        Option.isSome(known) ? Effect.succeed(known.value) : Effect.map(this.sessions.generateId, (id) => {
          this.creates = true
          this.stagedId = Option.orElse(this.stagedId, () => Option.some(id))
          return Option.getOrElse(this.stagedId, () => id)
        })
    )
  }

  get destroy(): Effect.Effect<void, SessionStoreError> {
    return Effect.suspend(() => {
      this.used = true
      const destroyed = this.alone(() => {
        const { byKey } = this.sessions
        // A row that was read but cannot be used (expired under a shorter timeout, undecodable) is ended as well.
        const key = this.end._tag === "Ended" && Option.isNone(this.stored) ? undefined : this.key()
        const destroying = key === undefined ? Exit.void : Direct.enter(byKey.destroy(key), this.clock)
        return Direct.map(destroying, () => this.settle(Option.none(), ended))
      })
      return Direct.isDone(destroyed) ? destroyed : Effect.uninterruptible(destroyed)
    })
  }

  get commit(): Effect.Effect<void, Sessions.CommitError | SessionResponseSent> {
    return Effect.zipRight(this.stage(() => void 0), Effect.uninterruptible(Effect.suspend(() => this.write())))
  }

  /** Ends the staging: what is staged from now on fails with `SessionResponseSent`. May drop what is staged already. */
  close({ discard }: { readonly discard: boolean }): void {
    this.finished = true
    if (discard) {
      this.dropStaged()
      this.active = false
    }
  }

  /**
   * Lets the decoded data go when the request is answered; whoever still asks for it has it decoded again. A fiber keeps
   * what its context holds, and Effect's registries of fibers keep fibers in memory for many requests after they have
   * ended: with sessions of 10 KB, a fourth of what a read costs was V8 moving data about that nobody would ask for.
   */
  unload(): void {
    if (Option.isNone(this.stored)) return
    this.steps++
    this.loaded = false
    this.unloaded = this.stored.value.record
    this.stored = Option.none()
    this.dropStaged()
  }

  /** Whether what is left after `unload` is long enough to be worth a step of the fiber that has it forgotten. */
  get isLong(): boolean {
    return this.unloaded !== undefined && this.unloaded.data.length >= longText
  }

  /**
   * Lets the record go as well, for the same reason; whoever asks even now, in a fiber that outlives the request, has
   * the store asked again. Two thirds of what a write of 10 KB costs in a busy process was its text being kept.
   */
  forget(): void {
    this.unloaded = undefined
  }

  /** What there is to write: a change, no more than a note of activity, or nothing. */
  pending(now: number): "Change" | "Touch" | "Nothing" {
    return this.changes.length > 0 || Option.isSome(this.signedIn) || this.rotates || this.creates
      ? "Change"
      : this.active && Option.isSome(this.stored) && this.sessions.isTouchDue(this.stored.value, now)
      ? "Touch"
      : "Nothing"
  }

  /** Writes what there is to write, in one store operation. For code that returns the result as its own effect. */
  write(): Effect.Effect<void, Sessions.CommitError> {
    return this.alone(() => {
      const { active, changes, creates: create, data, rotates: rotate, signedIn: signIn, stagedId: id } = this
      const reapply = (data: Data): Data => changes.reduce((data, f) => f(data), data)
      const committing = this.sessions.byKey.commit(this.stored, { data, reapply, signIn, rotate, create, active, id })
      const written = Direct.map(Direct.enter(committing, this.clock), ({ extended, newId, operation, session }) => {
        if (Option.isNone(session)) return this.settle(session, this.end)
        const { expiresAt } = session.value.record
        const { end } = this
        this.settle(
          session,
          end._tag === "Renamed" || operation === "Insert" || operation === "Rotate"
            ? { _tag: "Renamed", expiresAt }
            : { _tag: "Kept", expiresAt, extended: extended || (end._tag === "Kept" && end.extended) },
          newId
        )
      })
      return Direct.mapError(written, (error) => {
        if (error._tag === "SessionGone") this.settle(Option.none(), ended)
        return error
      })
    })
  }

  private ask<A>(f: () => A): Effect.Effect<A, Sessions.ReadError> {
    this.steps++
    this.used = true
    this.active = this.active || !this.background
    // While a commit or a sign-out is on its way, nothing can be staged: it would be lost.
    return this.loaded && !this.busy ? Effect.succeed(f()) : Direct.map(this.load(), f)
  }

  private load(): Effect.Effect<void, Sessions.ReadError> {
    return this.alone((): Effect.Effect<void, Sessions.ReadError> => {
      if (this.loaded) return Effect.void
      if (this.unloaded !== undefined) {
        return Direct.map(this.sessions.byKey.decode(this.unloaded), (session) => this.settle(session, this.end))
      }
      const key = this.key()
      if (key === undefined) return Effect.void
      return Direct.map(Direct.enter(this.sessions.byKey.read(key), this.clock), (session) =>
        this.settle(
          session,
          Option.isNone(session)
            ? this.end
            : { _tag: "Kept", expiresAt: session.value.record.expiresAt, extended: false }
        ))
    })
  }

  private settle(
    session: Option.Option<Sessions.Stored<Data, User>>,
    end: EndState,
    newId: Option.Option<SessionId> = Option.none()
  ): void {
    this.steps++
    this.loaded = true
    this.stored = session
    this.givenId = Option.isNone(session) || Option.isSome(newId) ? newId : this.givenId
    this.end = end
    this.dropStaged()
  }

  private dropStaged(): void {
    this.changes = []
    this.signedIn = Option.none()
    this.rotates = false
    this.creates = false
    this.stagedId = Option.none()
    this.data = Option.isSome(this.stored) ? this.stored.value.data : this.sessions.initial
  }

  /** Runs what must not run beside another: at once where the store answers at once, else with the others waiting. */
  private alone<A, E>(run: () => Effect.Effect<A, E>): Effect.Effect<A, E> {
    if (this.busy || !this.sessions.isImmediate) return this.exclusive(run)
    const effect = attempt(run)
    if (Direct.isDone(effect)) return effect
    const { steps } = this
    return this.exclusive(() => this.steps === steps ? effect : run())
  }

  private exclusive<A, E>(run: () => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) => {
      if (this.busy) {
        this.waiting ??= Deferred.unsafeMake<void>(FiberId.none)
        return restore(Effect.zipRight(Deferred.await(this.waiting), this.exclusive(run)))
      }
      this.busy = true
      return Effect.matchCauseEffect(restore(attempt(run)), {
        onFailure: (cause) => {
          this.release()
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          this.release()
          return Effect.succeed(value)
        }
      })
    })
  }

  private release(): void {
    this.busy = false
    if (this.waiting !== undefined) Deferred.unsafeDone(this.waiting, Effect.void)
    this.waiting = undefined
  }
}
