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
import { wholeMillis } from "./internal/expiry.js"
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
  /** Whether anybody asked for the session at all. */
  readonly isUsed: () => boolean
  /** Ends the staging: what is staged from now on fails with `SessionResponseSent`. May drop what is staged already. */
  readonly close: (options: { readonly discard: boolean }) => void
  /** What there is to write: a change, no more than a note of activity, or nothing. */
  readonly pending: (now: number) => "Change" | "Touch" | "Nothing"
  /** Writes what there is to write, in one store operation. */
  readonly write: Effect.Effect<void, Sessions.CommitError>
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
  let busy = false
  let waiting: Deferred.Deferred<void> | undefined
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

  const release = (): void => {
    busy = false
    if (waiting !== undefined) Deferred.unsafeDone(waiting, Effect.void)
    waiting = undefined
  }

  const exclusive = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.uninterruptibleMask((restore) => {
      if (busy) {
        waiting ??= Deferred.unsafeMake<void>(FiberId.none)
        return restore(Effect.zipRight(Deferred.await(waiting), exclusive(effect)))
      }
      busy = true
      return Effect.matchCauseEffect(restore(effect), {
        onFailure: (cause) => {
          release()
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          release()
          return Effect.succeed(value)
        }
      })
    })

  const load = (): Effect.Effect<void, Sessions.ReadError> =>
    exclusive(Effect.suspend((): Effect.Effect<void, Sessions.ReadError> => {
      if (loaded || Option.isNone(sentId)) return Effect.void
      return Effect.map(sessions.read(sentId.value), (session) => {
        settle(session)
        if (Option.isNone(session)) return
        end = { _tag: "Kept", expiresAt: session.value.record.expiresAt, extended: false }
      })
    }))

  const use = <A>(f: () => A): Effect.Effect<A, Sessions.ReadError> =>
    Effect.suspend(() => {
      used = true
      active = active || !background
      // While a commit or a sign-out is on its way, nothing can be staged: it would be lost.
      return loaded && !busy ? Effect.succeed(f()) : Effect.map(load(), f)
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

  const write = (): Effect.Effect<void, Sessions.CommitError> =>
    exclusive(Effect.suspend(() => {
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

  const destroy = () =>
    exclusive(Effect.suspend(() => {
      used = true
      // A row that was read but cannot be used (expired under a shorter timeout, undecodable) is ended as well.
      const current = Option.isSome(stored)
        ? Option.some(stored.value.id)
        : end._tag === "Ended"
        ? Option.none()
        : sentId
      return Effect.map(Option.isSome(current) ? sessions.destroy(current.value) : Effect.void, () => {
        settle(Option.none())
        end = { _tag: "Ended" }
      })
    }))

  const commit = () => Effect.zipRight(stage(() => void 0), Effect.uninterruptible(write()))

  /** The id that the session will have once this request has committed. */
  const comingId = () =>
    stageChange(() =>
      Option.isSome(stored) && Option.isNone(signedIn) && !rotates ? Option.some(stored.value.id) : newId
    ).pipe(
      Effect.flatMap((known) =>
        Option.isSome(known) ? Effect.succeed(known.value) : Effect.map(sessions.generateId, (id) => {
          creates = true
          newId = Option.orElse(newId, () => Option.some(id))
          return Option.getOrElse(newId, () => id)
        })
      )
    )

  // What is an effect is made when asked for: most requests ask for one or two.
  const handle: Handle<Data, User> = {
    get get() {
      return use(() => data)
    },
    set: (next) => stageChange(() => change(() => next, next)),
    update: (f) => stageChange(() => change(f, f(data))),
    modify: (f) =>
      stageChange(() => {
        const [result, next] = f(data)
        change((data) => f(data)[1], next)
        return result
      }),
    get user() {
      return use(() => Option.orElse(signedIn, () => Option.flatMap(stored, ({ user }) => user)))
    },
    signIn: (user, options) =>
      stageRename(() => {
        const carry = options?.carry ?? (() => initial)
        change(carry, carry(data))
        signedIn = Option.some(user)
      }),
    get signOut() {
      return Effect.uninterruptible(destroy())
    },
    get destroy() {
      return Effect.uninterruptible(destroy())
    },
    get rotate() {
      return stageRename(() => {
        rotates = Option.isSome(stored)
      })
    },
    get touch() {
      return stage(() => {
        active = true
      })
    },
    get background() {
      return Effect.sync(() => {
        background = true
        active = false
      })
    },
    get info() {
      return Effect.zipWith(
        use(() => stored),
        Effect.map(Clock.currentTimeMillis, wholeMillis),
        (session, now) => Option.map(session, (session) => sessions.infoOf(session, active ? { seenAt: now } : {}))
      )
    },
    get commit() {
      return commit()
    },
    get csrfToken() {
      return Effect.map(comingId(), (id) => {
        const mask = globalThis.crypto.getRandomValues(new Uint8Array(Csrf.maskBytes))
        return Csrf.makeToken(options.sessionName, Redacted.value(id), mask)
      })
    },
    isCsrfToken: (token) =>
      Option.exists(sentId, (id) => Csrf.verifyToken(options.sessionName, Redacted.value(id), token)),
    get bearerToken() {
      return Effect.map(
        commit(),
        () => end._tag === "Renamed" ? Option.flatMap(stored, ({ id }) => options.toBearer(id)) : Option.none()
      )
    },
    credential: options.credential
  }

  return {
    handle,
    isUsed: () => used,
    close: ({ discard }) => {
      finished = true
      if (discard) {
        dropStaged()
        active = false
      }
    },
    pending: (now) =>
      changes.length > 0 || Option.isSome(signedIn) || rotates || creates
        ? "Change"
        : active && Option.isSome(stored) && sessions.isTouchDue(stored.value, now)
        ? "Touch"
        : "Nothing",
    write: Effect.suspend(write),
    endState: () => end,
    id
  }
}

/**
 * A handle that is made when it is first asked for something. Most requests of an app never ask, and then this object
 * is all they cost: no cookie is read, no signature verified.
 *
 * @since 0.1.0
 * @category constructors
 */
export class LazyHandle<Data, User> implements Handle<Data, User> {
  private request: Request<Data, User> | undefined

  constructor(private readonly make: () => Request<Data, User>) {}

  /** The request's session, if anybody has asked for it. */
  opened(): Request<Data, User> | undefined {
    return this.request
  }

  private open(): Request<Data, User> {
    return this.request ??= this.make()
  }

  get get() {
    return this.open().handle.get
  }

  get set() {
    return this.open().handle.set
  }

  get update() {
    return this.open().handle.update
  }

  get modify() {
    return this.open().handle.modify
  }

  get user() {
    return this.open().handle.user
  }

  get signIn() {
    return this.open().handle.signIn
  }

  get signOut() {
    return this.open().handle.signOut
  }

  get destroy() {
    return this.open().handle.destroy
  }

  get rotate() {
    return this.open().handle.rotate
  }

  get touch() {
    return this.open().handle.touch
  }

  get background() {
    return this.open().handle.background
  }

  get info() {
    return this.open().handle.info
  }

  get commit() {
    return this.open().handle.commit
  }

  get csrfToken() {
    return this.open().handle.csrfToken
  }

  get isCsrfToken() {
    return this.open().handle.isCsrfToken
  }

  get bearerToken() {
    return this.open().handle.bearerToken
  }

  get credential() {
    return this.open().handle.credential
  }
}
