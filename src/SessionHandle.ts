/**
 * The handle of a request's own session: reads it at most once, stages what the request wants changed, and commits
 * that in one store operation.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { EndState } from "./internal/plan.js"
import { SessionResponseSent, type SessionStoreError } from "./SessionError.js"
import type * as Sessions from "./Sessions.js"
import type { SessionId } from "./SessionToken.js"

/**
 * What can go wrong when a change is staged.
 *
 * @since 0.1.0
 * @category errors
 */
export type StageError = Sessions.ReadError | SessionResponseSent

/**
 * The session of one request. Everything is lazy: a request that does not use its handle costs nothing, and one that
 * does reads the store once, however many fibers ask.
 *
 * Changes are staged and written together, once, just before the headers of the response leave, if its status is below
 * 500; a failure, a defect or a client that hung up drops them. What was staged is visible to the rest of the request
 * at once. Only `signOut` (`destroy`) and `commit` act immediately. A visitor without a session has the declared
 * initial data, and gets a session when something is first changed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handle<Data, User> {
  /** The data, with what this request has staged. The initial data if there is no live session. */
  readonly get: Effect.Effect<Data, Sessions.ReadError>

  /** Stages new data in the place of the old, whatever the old is by the time it is written. Prefer `update`. */
  readonly set: (data: Data) => Effect.Effect<void, StageError>

  /**
   * Stages a change of the data. The function runs now and, where another request changed the session meanwhile, again
   * on its data; so it must not do anything else. Returning the very same value is no change.
   */
  readonly update: (f: (data: Data) => Data) => Effect.Effect<void, StageError>

  /** Like `update`, and returns the first part of the function's result. */
  readonly modify: <A>(f: (data: Data) => readonly [A, Data]) => Effect.Effect<A, StageError>

  /** The signed-in user. None for a visitor. */
  readonly user: Effect.Effect<Option.Option<User>, Sessions.ReadError>

  /**
   * Stages the sign-in of a user: the session gets a new id, the old one is dead, both timeouts restart, and the
   * earlier data is dropped for the initial data, unless `carry` says what to keep of it.
   */
  readonly signIn: (
    user: User,
    options?: { readonly carry?: ((data: Data) => Data) | undefined }
  ) => Effect.Effect<void, StageError>

  /**
   * Ends the session at once and for good, drops what was staged, and clears the visitor's cookie. Neither a failure
   * later in the request nor another request in flight brings it back. Without a session it does nothing.
   */
  readonly signOut: Effect.Effect<void, SessionStoreError>

  /** The same as `signOut`. */
  readonly destroy: Effect.Effect<void, SessionStoreError>

  /** Stages a new id for the session. The old one is dead once it is written. Without a session it does nothing. */
  readonly rotate: Effect.Effect<void, StageError>

  /** Counts this request as activity, where reading does not (a background request). Written when a touch is due. */
  readonly touch: Effect.Effect<void, StageError>

  /**
   * What is known of the stored session: its public handle and its times, with the activity of this request. None if
   * there is no live session. What is staged but not committed does not show.
   */
  readonly info: Effect.Effect<Option.Option<Sessions.Info>, Sessions.ReadError>

  /**
   * Writes what is staged now, instead of with the response: for sockets, long streams, and answers that must know.
   * Fails with `SessionGone` if the session ended meanwhile; what was staged is dropped then.
   */
  readonly commit: Effect.Effect<void, Sessions.CommitError | SessionResponseSent>
}

/**
 * A handle, and what whoever made it does at the end of the request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request<Data, User> {
  readonly handle: Handle<Data, User>
  /**
   * Ends the request: commits what is staged, or drops it. Changes staged later fail with `SessionResponseSent`. Does
   * its work once; again, it does nothing.
   */
  readonly finish: (options: { readonly discard: boolean }) => Effect.Effect<void, Sessions.CommitError>
  /** Whether something is staged that is not written yet. */
  readonly isStaged: () => boolean
  /** Whether anybody asked for the session at all. */
  readonly isUsed: () => boolean
  /** What has become of the session so far. */
  readonly endState: () => EndState
  /** The id under which the session is stored, if this request knows one. */
  readonly id: () => Option.Option<SessionId>
}

/**
 * Makes the handle of one request from the id it brought. `background` is whether reading counts as no activity.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Data, User>(
  sessions: Sessions.Service<Data, User>,
  sentId: Option.Option<SessionId>,
  options: { readonly background: boolean }
): Request<Data, User> => {
  // One request's state, shared by all its fibers. `busy` keeps loading, committing and destroying apart.
  let busy: Deferred.Deferred<void> | undefined
  let loaded = Option.isNone(sentId)
  let stored: Option.Option<Sessions.Snapshot<Data, User>> = Option.none()
  const { initial } = sessions
  let data = initial
  let changes: ReadonlyArray<(data: Data) => Data> = []
  let signedIn: Option.Option<User> = Option.none()
  let rotates = false
  let active = false
  let used = false
  let finished = false
  let end: EndState = { _tag: "Untouched" }

  const dropStaged = (): void => {
    changes = []
    signedIn = Option.none()
    rotates = false
    data = Option.isSome(stored) ? stored.value.data : initial
  }

  const settle = (session: typeof stored): void => {
    loaded = true
    stored = session
    dropStaged()
  }

  const exclusive = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        if (busy !== undefined) return Effect.zipRight(restore(Deferred.await(busy)), restore(exclusive(effect)))
        const mine = Deferred.unsafeMake<void>(FiberId.none)
        busy = mine
        return Effect.onExit(restore(effect), () => {
          busy = undefined
          return Deferred.succeed(mine, void 0)
        })
      })
    )

  const load: Effect.Effect<void, Sessions.ReadError> = Effect.suspend(() => {
    used = true
    return loaded ? Effect.void : exclusive(Effect.suspend(() => {
      if (loaded || Option.isNone(sentId)) return Effect.void
      return Effect.map(sessions.read(sentId.value), (session) => {
        settle(session)
        if (Option.isNone(session)) return
        end = { _tag: "Kept", expiresAt: session.value.record.expiresAt, extended: false }
      })
    }))
  })

  const use = <A>(f: () => A): Effect.Effect<A, Sessions.ReadError> =>
    Effect.map(load, () => {
      active = active || !options.background
      return f()
    })

  const stage = <A>(f: () => A): Effect.Effect<A, StageError> =>
    Effect.suspend((): Effect.Effect<A, StageError> => finished ? Effect.fail(new SessionResponseSent()) : use(f))

  // A function that changes nothing now is kept as well: on fresh data it may.
  const change = (f: (data: Data) => Data, next: Data): void => {
    changes = [...changes, f]
    data = next
  }

  const isStaged = (): boolean => changes.length > 0 || Option.isSome(signedIn) || rotates

  const write = exclusive(Effect.suspend(() => {
    const staged = changes
    return sessions.commit(stored, {
      data,
      reapply: (data) => staged.reduce((data, f) => f(data), data),
      signIn: signedIn,
      rotate: rotates,
      create: false,
      active,
      id: Option.none()
    }).pipe(
      Effect.map((committed) => {
        const later = changes.slice(staged.length)
        settle(committed.session)
        for (const f of later) change(f, f(data))
        if (Option.isNone(committed.session)) return
        const { expiresAt } = committed.session.value.record
        end = end._tag === "Renamed" || committed.operation === "Insert" || committed.operation === "Rotate"
          ? { _tag: "Renamed", expiresAt }
          : { _tag: "Kept", expiresAt, extended: committed.extended || (end._tag === "Kept" && end.extended) }
      }),
      Effect.tapErrorTag("SessionGone", () =>
        Effect.sync(() => {
          settle(Option.none())
          end = { _tag: "Ended" }
        }))
    )
  }))

  const id = (): Option.Option<SessionId> => Option.isSome(stored) ? Option.map(stored, ({ id }) => id) : sentId

  const destroy = Effect.uninterruptible(exclusive(Effect.suspend(() => {
    used = true
    const current = loaded ? Option.map(stored, ({ id }) => id) : sentId
    return Effect.map(Option.isSome(current) ? sessions.destroy(current.value) : Effect.void, () => {
      settle(Option.none())
      end = { _tag: "Ended" }
    })
  })))

  const handle: Handle<Data, User> = {
    get: use(() => data),
    set: (next) => stage(() => change(() => next, next)),
    update: (f) => stage(() => change(f, f(data))),
    modify: (f) =>
      stage(() => {
        const [result, next] = f(data)
        change((data) => f(data)[1], next)
        return result
      }),
    user: use(() => Option.orElse(signedIn, () => Option.flatMap(stored, ({ user }) => user))),
    signIn: (user, options) =>
      stage(() => {
        const carry = options?.carry ?? (() => initial)
        change(carry, carry(data))
        signedIn = Option.some(user)
      }),
    signOut: destroy,
    destroy,
    rotate: stage(() => {
      rotates = Option.isSome(stored)
    }),
    touch: stage(() => {
      active = true
    }),
    info: Effect.zipWith(
      use(() => stored),
      Clock.currentTimeMillis,
      (session, now) => Option.map(session, (session) => sessions.infoOf(session, active ? { seenAt: now } : {}))
    ),
    commit: Effect.zipRight(stage(() => void 0), Effect.uninterruptible(write))
  }

  return {
    handle,
    finish: ({ discard }) =>
      Effect.suspend(() => {
        if (finished) return Effect.void
        finished = true
        if (discard) {
          dropStaged()
          return Effect.void
        }
        return isStaged() || (active && Option.isSome(stored)) ? write : Effect.void
      }),
    isStaged,
    isUsed: () => used,
    endState: () => end,
    id
  }
}
