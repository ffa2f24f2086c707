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
import * as Redacted from "effect/Redacted"
import * as Csrf from "./internal/csrf.js"
import type { EndState } from "./internal/plan.js"
import type { Handle, StageError } from "./Session.js"
import { SessionResponseSent } from "./SessionError.js"
import type * as Sessions from "./Sessions.js"
import type { SessionId } from "./SessionToken.js"

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
 * What a request brings along.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The declared name of the session. */
  readonly sessionName: string
  /** The id that the request carries, if it has the form of one. */
  readonly sentId: Option.Option<SessionId>
  readonly credential: "missing" | "rejected" | "accepted"
  /** Whether reading counts as no activity. */
  readonly background: boolean
  /** Whether the response can hand out an id: that of a socket cannot. */
  readonly canRename: boolean
  /** The id as the client shall send it, where the client keeps it itself. */
  readonly toBearer: (id: SessionId) => Option.Option<Redacted.Redacted<string>>
}

/**
 * Makes the handle of one request.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Data, User>(
  sessions: Sessions.Service<Data, User>,
  options: Options
): Request<Data, User> => {
  const { sentId } = options
  // One request's state, shared by all its fibers. `busy` keeps loading, committing and destroying apart.
  let busy: Deferred.Deferred<void> | undefined
  let loaded = Option.isNone(sentId)
  let stored: Option.Option<Sessions.Snapshot<Data, User>> = Option.none()
  const { initial } = sessions
  let data = initial
  let changes: ReadonlyArray<(data: Data) => Data> = []
  let signedIn: Option.Option<User> = Option.none()
  let rotates = false
  let creates = false
  let newId: Option.Option<SessionId> = Option.none()
  let background = options.background
  let active = false
  let used = false
  let finished = false
  let end: EndState = { _tag: "Untouched" }

  const dropStaged = (): void => {
    changes = []
    signedIn = Option.none()
    rotates = false
    creates = false
    newId = Option.none()
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
    // While a commit or a sign-out is on its way, nothing can be staged: it would be lost.
    return loaded && busy === undefined ? Effect.void : exclusive(Effect.suspend(() => {
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
      active = active || !background
      return f()
    })

  const stage = <A>(f: () => A): Effect.Effect<A, StageError> =>
    Effect.suspend((): Effect.Effect<A, StageError> => finished ? Effect.fail(new SessionResponseSent()) : use(f))

  /** Stages what gives the session a new id. */
  const stageRename = <A>(f: () => A): Effect.Effect<A, StageError> =>
    options.canRename ? stage(f) : Effect.fail(new SessionResponseSent())

  /** Stages a change of the data, which gives a visitor's session its first id. */
  const stageChange = <A>(f: () => A): Effect.Effect<A, StageError> =>
    options.canRename
      ? stage(f)
      : Effect.flatMap(stage(() => Option.isSome(stored)), (isStored) => isStored ? stage(f) : stageRename(f))

  // A function that changes nothing now is kept as well: on fresh data it may.
  const change = (f: (data: Data) => Data, next: Data): void => {
    changes = [...changes, f]
    data = next
  }

  const isStaged = (): boolean => changes.length > 0 || Option.isSome(signedIn) || rotates || creates

  const write = exclusive(Effect.suspend(() => {
    const staged = changes
    return sessions.commit(stored, {
      data,
      reapply: (data) => staged.reduce((data, f) => f(data), data),
      signIn: signedIn,
      rotate: rotates,
      create: creates,
      active,
      id: newId
    }).pipe(
      Effect.map((committed) => {
        settle(committed.session)
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

  const commit = Effect.zipRight(stage(() => void 0), Effect.uninterruptible(write))

  const handle: Handle<Data, User> = {
    get: use(() => data),
    set: (next) => stageChange(() => change(() => next, next)),
    update: (f) => stageChange(() => change(f, f(data))),
    modify: (f) =>
      stageChange(() => {
        const [result, next] = f(data)
        change((data) => f(data)[1], next)
        return result
      }),
    user: use(() => Option.orElse(signedIn, () => Option.flatMap(stored, ({ user }) => user))),
    signIn: (user, options) =>
      stageRename(() => {
        const carry = options?.carry ?? (() => initial)
        change(carry, carry(data))
        signedIn = Option.some(user)
      }),
    signOut: destroy,
    destroy,
    rotate: stageRename(() => {
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
    background: Effect.sync(() => {
      background = true
      active = false
    }),
    commit,
    csrfToken: Effect.flatMap(
      stageChange(() =>
        Option.isSome(stored) && Option.isNone(signedIn) && !rotates ? Option.some(stored.value.id) : newId
      ),
      (known) =>
        Effect.map(Option.isSome(known) ? Effect.succeed(known.value) : sessions.generateId, (id) => {
          if (Option.isNone(known)) {
            newId = Option.orElse(newId, () => Option.some(id))
            creates = true
          }
          const mask = globalThis.crypto.getRandomValues(new Uint8Array(Csrf.maskBytes))
          const bound = Option.getOrElse(newId, () => id)
          return Csrf.makeToken(options.sessionName, Redacted.value(bound), mask)
        })
    ),
    isCsrfToken: (token) =>
      Option.exists(sentId, (id) => Csrf.verifyToken(options.sessionName, Redacted.value(id), token)),
    bearerToken: Effect.map(
      commit,
      () => end._tag === "Renamed" ? Option.flatMap(stored, ({ id }) => options.toBearer(id)) : Option.none()
    ),
    credential: options.credential
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
