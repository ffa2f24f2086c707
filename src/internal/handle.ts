/**
 * The session of one request: read at most once, what the request wants staged, and that written in one store operation.
 * What happens to it is decided in `core/request`; here is the one variable that holds it, and the lock that keeps
 * reading, writing and ending apart.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Csrf from "../core/csrf.js"
import type { Presented } from "../core/plan.js"
import type { SessionRecord } from "../core/record.js"
import * as Request from "../core/request.js"
import {
  type SessionConflict,
  type SessionDataError,
  type SessionGone,
  SessionResponseSent,
  type SessionStoreError
} from "../SessionError.js"
import type { UserDeletion } from "../SessionStore.js"
import type { SessionId } from "../SessionToken.js"
import type { Coming, Engine, Stored } from "./engine.js"
import { infoOf } from "./engine.js"

/**
 * What a request brings along.
 *
 * @since 0.1.0
 * @category models
 */
export interface Brought {
  /** The ids that it carries, as text: not for eyes. */
  readonly ids: ReadonlyArray<string>
  readonly presented: Presented
  readonly credential: "missing" | "rejected" | "accepted"
  /** Says what there is to say of the credential, when the session is first used. */
  readonly report: Effect.Effect<void>
}

/**
 * What the response of a request can do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether reading and changing counts as no activity. */
  readonly background: boolean
  /** Whether the response can hand out an id: that of a socket cannot. */
  readonly canGiveId: boolean
  /** The id as the client shall send it, where the client keeps it itself. */
  readonly toBearer: (id: SessionId) => Option.Option<Redacted.Redacted<string>>
}

/**
 * A session that a request in progress has begun.
 *
 * @since 0.1.0
 * @category models
 */
export interface Begun {
  /** The declared name. */
  readonly name: string
  /** The request as the server made it, however often it was changed since. */
  readonly source: unknown
  /** The name of its cookie. None for bearer tokens. */
  readonly cookieName: string | undefined
  /** Sessions of a user were ended in the course of this request. */
  readonly noteEnded: (deletion: UserDeletion) => void
  /** The context with the handle in it. */
  readonly provide: <R>(context: Context.Context<R>) => Context.Context<R>
}

/**
 * The sessions that the requests in progress around a fiber have begun: its own request's, and those of a request that
 * dispatched it in process. Not in the context, since `HttpApi` takes away what its middleware leaves there.
 *
 * @since 0.1.0
 * @category fiber refs
 */
export const requests = FiberRef.unsafeMake<ReadonlyArray<Begun>>([])

type ReadError = SessionStoreError | SessionDataError
type CommitError = ReadError | SessionGone | SessionConflict
type StageError = ReadError | SessionResponseSent

/** Whether the end of a user's sessions was the end of this one. */
const covers = ({ except, name, only, userId }: UserDeletion, record: SessionRecord): boolean =>
  record.name === name && record.userId === userId && record.handle !== except &&
  (only === undefined || record.handle === only)

/**
 * Makes the session of one request: its handle, and what the door needs of it. Nothing is read before somebody asks.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Data, User>(engine: Engine<Data, User>, bring: () => Brought, options: Options) => {
  type State = Request.State<Data, User, Stored<Data, User>>

  let state: State | undefined
  let brought: Brought | undefined
  let closed = false
  /** The id that this request has given the session. */
  let given: SessionId | undefined
  let failure: CommitError | undefined
  let endedHere: ReadonlyArray<UserDeletion> = []
  const coming: Coming = { id: undefined, tried: undefined }
  const lock = Effect.unsafeMakeSemaphore(1)

  const bringOnce = (): Brought => brought ??= bring()

  /** The state, begun with the first question. */
  const begun: Effect.Effect<State> = Effect.suspend(() =>
    state !== undefined
      ? Effect.succeed(state)
      : Effect.zipRight(
        bringOnce().report,
        Effect.map(engine.initial, (initial) => state ??= { ...Request.begin(initial, options), closed })
      )
  )

  const noted = <A, E extends CommitError>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.tapError(effect, (error) =>
      Effect.sync(() => {
        failure = error
      }))

  const keyOf = (id: SessionId): string => engine.keyOf(Redacted.value(id))

  const readingKeys = (): Presented => {
    const { presented } = bringOnce()
    return given === undefined ? presented : { ...presented, keys: [keyOf(given)] }
  }

  const load: Effect.Effect<State, ReadError> = noted(
    lock.withPermits(1)(
      Effect.flatMap(begun, (beginning) => {
        if (beginning.loaded) return Effect.succeed(state = Request.use(beginning))
        state = Request.use(beginning)
        return Effect.map(
          engine.read(readingKeys()),
          ({ several, stored }) => state = Request.load(state ?? beginning, stored, several)
        )
      })
    )
  )

  const loaded: Effect.Effect<State, ReadError> = Effect.suspend(() =>
    state?.loaded === true ? Effect.succeed(state = Request.use(state)) : load
  )

  const responseSent: Effect.Effect<never, SessionResponseSent> = Effect.suspend(() =>
    Effect.fail(new SessionResponseSent())
  )

  /** Stages something, unless the response has been decided on meanwhile. */
  const staging = <A>(f: (state: State) => readonly [A, State]): Effect.Effect<A, StageError> =>
    Effect.suspend(() =>
      closed ? responseSent : Effect.flatMap(loaded, (now) => {
        if (now.closed) return responseSent
        const [result, next] = f(now)
        if (!options.canGiveId && Request.renames(next)) return responseSent
        state = next
        return Effect.succeed(result)
      })
    )

  const modify = <A>(f: (data: Data) => readonly [A, Data]): Effect.Effect<A, StageError> =>
    staging((now) => {
      const [result, next] = f(now.data)
      return [result, Request.stageChange(now, (data) => f(data)[1], next)]
    })

  /** Writes what is staged. */
  const write: Effect.Effect<void, CommitError> = noted(Effect.uninterruptible(
    lock.withPermits(1)(
      Effect.flatMap(begun, (before) => {
        const { staged: taken } = before
        return Effect.matchCauseEffect(
          engine.commit({
            ...taken,
            presented: bringOnce().presented,
            initial: before.initial,
            stored: before.stored,
            several: before.several,
            data: before.data,
            active: before.active,
            coming,
            endedHere: (record) => endedHere.some((deletion) => covers(deletion, record))
          }),
          {
            onSuccess: ({ extended, newId, stored }) => {
              state = Request.committed(state ?? before, taken, { stored, extended, given: newId !== undefined })
              given = newId ?? given
              return Effect.void
            },
            onFailure: (cause) => {
              const error = Option.getOrUndefined(Cause.failureOption(cause))
              if (error?._tag === "SessionGone" || (error?._tag === "SessionConflict" && error.reason === "Renamed")) {
                state = Request.lost(state ?? before, taken)
                given = undefined
              } else state = Request.failed(state ?? before, taken)
              return Effect.failCause(cause)
            }
          }
        )
      })
    )
  ))

  const commit = Effect.zipRight(staging((now) => [undefined, now]), write)

  /** Ends what the request's ids lead to, what it read, and what it has stored itself. */
  const destroy: Effect.Effect<void, SessionStoreError> = noted(Effect.uninterruptible(
    lock.withPermits(1)(
      Effect.flatMap(begun, (before) => {
        const { presented } = bringOnce()
        const own = given !== undefined ? [keyOf(given)] : coming.tried !== undefined ? [coming.tried.key] : []
        const keys = [...presented.keys, ...own]
        const isOver = before.outcome === "SignedOut" && own.length === 0
        const ending = isOver || keys.length === 0 ? Effect.void : engine.end({
          keys,
          renamedAfter: presented.renamedAfter,
          handle: before.stored?.record.handle
        })
        return Effect.map(ending, () => {
          state = Request.ended(state ?? before, before.staged)
          given = undefined
          coming.tried = undefined
        })
      })
    )
  ))

  /** The id under which the session is stored, if this request knows it. */
  const idOf = ({ stored }: State): SessionId | undefined => {
    if (given !== undefined) return given
    const text = bringOnce().ids.find((text) => engine.keyOf(text) === stored?.record.key)
    return text === undefined ? undefined : Redacted.make(text)
  }

  /** The id that the session will have once this request has committed. */
  const comingId: Effect.Effect<SessionId, StageError> = Effect.flatMap(
    staging((now) =>
      Request.renames(now)
        ? [coming.id, now.stored === undefined ? Request.stageCreate(now) : now]
        : [idOf(now), now]
    ),
    (known) => known !== undefined ? Effect.succeed(known) : Effect.map(engine.generateId, (id) => coming.id ??= id)
  )

  const handle = {
    get: Effect.map(loaded, ({ data }) => data),
    set: (data: Data) => modify(() => [undefined, data]),
    update: (f: (data: Data) => Data) => modify((data) => [undefined, f(data)]),
    modify,
    user: Effect.map(loaded, ({ staged, stored }) =>
      staged.signIn !== undefined
        ? Option.some(staged.signIn.user)
        : stored === undefined
        ? Option.none<User>()
        : stored.user),
    signIn: (user: User, options?: { readonly carry?: ((data: Data) => Data) | undefined }) =>
      staging((now) => [undefined, Request.stageSignIn(now, user, options?.carry)]),
    signOut: destroy,
    destroy,
    rotate: staging((now) => [undefined, Request.stageRotate(now)]),
    touch: Effect.suspend((): Effect.Effect<void, StageError> =>
      closed ? responseSent : Effect.map(loaded, (now) => {
        state = { ...now, active: true }
      })
    ),
    background: Effect.map(begun, (now) => {
      state = { ...now, background: true, active: false }
    }),
    info: Effect.zipWith(loaded, engine.now, ({ active, stored }, now) =>
      stored === undefined
        ? Option.none()
        : Option.some(infoOf(engine.timeouts, stored.record, active ? now : undefined))),
    commit,
    csrfToken: Effect.map(comingId, (id) => {
      const mask = globalThis.crypto.getRandomValues(new Uint8Array(Csrf.maskBytes))
      return Csrf.makeToken(engine.name, Redacted.value(id), mask)
    }),
    isCsrfToken: (token: string) => bringOnce().ids.some((text) => Csrf.verifyToken(engine.name, text, token)),
    bearerToken: Effect.map(
      commit,
      () => given === undefined || state?.outcome !== "Given" ? Option.none() : options.toBearer(given)
    ),
    get credential() {
      return bringOnce().credential
    }
  }

  return {
    handle,
    /** The state, if anybody asked for the session. */
    state: () => state,
    /** What became of the last thing that failed. */
    failure: () => failure,
    /** The id to put into the cookie. */
    id: () => state === undefined ? undefined : idOf(state),
    write,
    noteEnded: (deletion: UserDeletion): void => {
      endedHere = [...endedHere, deletion]
    },
    /** The response has been decided on. */
    close: (status: number): void => {
      closed = true
      if (state !== undefined) state = Request.close(state, status)
    },
    /** The response is on its way. */
    letGo: (): void => {
      if (state !== undefined) state = Request.letGo(state)
    }
  }
}
