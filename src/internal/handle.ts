/**
 * The session of one request: read at most once, what the request wants staged, and that written in one store operation.
 * What happens to it is decided in `core/request`; here is the one place that holds its state, and the lock that keeps
 * reading, writing and ending apart.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Csrf from "../core/csrf.js"
import type { Presented } from "../core/plan.js"
import type { SessionRecord, UserEnd } from "../core/record.js"
import * as Request from "../core/request.js"
import { type SessionConflict, SessionGone, SessionResponseSent, type SessionStoreError } from "../SessionError.js"
import type { SessionId } from "../SessionToken.js"
import type { Coming, CommitError, Committed, Engine, ReadError, Stored } from "./engine.js"
import { infoOf, noneComing, renamed, withNow } from "./engine.js"

/** What a request brings along. */
export interface Brought {
  /** The ids that it carries, as text: secret. */
  readonly ids: ReadonlyArray<string>
  readonly presented: Presented
  readonly credential: "missing" | "rejected" | "accepted"
  /** What carried the ids. */
  readonly transport: "none" | "cookie" | "bearer"
  /** Says what there is to say of the credential, when the session is first used. */
  readonly report: Effect.Effect<void> | undefined
}

/** What the response of a request can do. */
export interface Options {
  /** Whether the response can hand out an id: that of a socket cannot. */
  readonly canGiveId: boolean
  /** The id as the client shall send it. Undefined where the client cannot be one that keeps it itself. */
  readonly toBearer: ((id: SessionId) => Redacted.Redacted<string>) | undefined
}

/** A session that a request in progress has begun. */
export interface Begun {
  /** The declared name. */
  readonly name: string
  /** The request as the server made it, however often it was changed since. */
  readonly source: unknown
  /** The name of its cookie. None for bearer tokens. */
  readonly cookieName: string | undefined
  /** Whether bearer tokens count. */
  readonly takesBearer: boolean
  /** Sessions of a user were ended in the course of this request. */
  readonly noteEnded: (end: UserEnd) => void
  /** Reading and changing counts as no activity from now on. */
  readonly beInBackground: () => void
  /** The session as the request has read or written it last, if it has. */
  readonly record: () => SessionRecord | undefined
  /** The context with the handle in it. */
  readonly provide: <R>(context: Context.Context<R>) => Context.Context<R>
}

/**
 * The sessions that the requests in progress around a fiber have begun: its own request's, and those of a request that
 * dispatched it in process. Not in the context, since `HttpApi` takes away what its middleware leaves there.
 */
export const requests = FiberRef.unsafeMake<ReadonlyArray<Begun>>([])

type StageError = ReadError | SessionResponseSent

/** How a session was lost, if an error says that it was. */
const lossOf = (error: CommitError | undefined): Request.Loss | undefined =>
  error?._tag === "SessionGone"
    ? "Gone"
    : error?._tag === "SessionConflict" && error.reason === "Renamed"
    ? "Renamed"
    : undefined

const errorOf = (loss: Request.Loss): SessionGone | SessionConflict => loss === "Gone" ? new SessionGone() : renamed()

type State<Data, User> = Request.State<Data, User, Stored<Data, User>>

type Ready<Data, User> = Request.Ready<Data, User, Stored<Data, User>>

/** A commit that has been asked for and has not been answered. */
interface Asking<Data, User> {
  readonly asked: Request.Staged<Data, User>
  /** Why another commit, which took some of that, could not write it. */
  drop: Cause.Cause<CommitError> | undefined
}

const responseSent: Effect.Effect<never, SessionResponseSent> = Effect.suspend(() => new SessionResponseSent())

/**
 * The session of one request, made when the request first asks for it.
 */
export class RequestSession<Data, User> {
  /** Undefined until it has begun. */
  state: State<Data, User> | undefined = undefined
  /** What failed last. */
  failure: CommitError | undefined = undefined
  /** Whether reading and changing counts as no activity. */
  inBackground = false
  /** Whether the response has been decided on. */
  closed = false
  /** Whether the handler has asked for the id, to hand it out itself. */
  asksForToken = false
  /** The ends of sessions of users in the course of this request. */
  endedHere: ReadonlyArray<UserEnd> = []

  /** The id that this request has given the session. */
  private given: SessionId | undefined = undefined
  private readonly coming: Coming = noneComing()
  /** The commits that are on their way, or wait for the lock. */
  private readonly asking = new Set<Asking<Data, User>>()
  private readonly lock = Effect.unsafeMakeSemaphore(1)
  /** How many writes are on their way, or wait for the lock. */
  private writes = 0

  constructor(
    readonly engine: Engine<Data, User>,
    readonly brought: Brought,
    private readonly options: Options
  ) {}

  /** Runs what must not run beside another. */
  private alone<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.flatMap(
      this.lock.withPermitsIfAvailable(1)(effect),
      (done) => Option.isSome(done) ? Effect.succeed(done.value) : this.lock.withPermits(1)(effect)
    )
  }

  /** The state, begun with the first question. */
  private begin(): Effect.Effect<State<Data, User>> {
    if (this.state !== undefined) return Effect.succeed(this.state)
    const { engine, brought: { report } } = this
    return Effect.map(
      report === undefined ? engine.initial : Effect.zipRight(report, engine.initial),
      (initial) => this.state ??= Request.begin(initial, { background: this.inBackground, closed: this.closed })
    )
  }

  /** A state that a fiber was told of may be past: others had their turn since. */
  private latest(state: State<Data, User>): State<Data, User> {
    return this.state ?? state
  }

  private readonly load: Effect.Effect<Ready<Data, User>, ReadError> = Effect.suspend(() =>
    Effect.flatMap(this.begin(), (begun): Effect.Effect<Ready<Data, User>, ReadError> => {
      const state = this.state = Request.use(this.latest(begun))
      if (state.loaded) return this.fresh(state)
      const { presented } = this.brought
      const keys = this.given === undefined ? presented.keys : [this.keyOf(this.given)]
      return Effect.matchEffect(this.engine.read({ keys, renamedAfter: presented.renamedAfter }), {
        onFailure: (error) => {
          this.failure = error
          return Effect.fail(error)
        },
        onSuccess: ({ several, stored }) => {
          const latest = this.latest(state)
          // What another fiber has begun and written meanwhile is newer than what was read.
          this.state = latest.loaded ? latest : Request.load(latest, stored, several)
          return this.fresh(this.state)
        }
      })
    })
  )

  /** The state with what is staged applied. A change that throws then throws here, in whoever needs it. */
  private fresh(state: State<Data, User>): Effect.Effect<Ready<Data, User>, ReadError> {
    if (Request.isReady(state)) return Effect.succeed(state)
    const again = state.stored === undefined
      ? Effect.succeed(undefined)
      : this.engine.reopen(state.stored.record)
    return Effect.map(again, (stored) => {
      const refreshed = Request.refreshed(this.latest(state), stored)
      this.state = refreshed
      return refreshed
    })
  }

  /** The state, which is loaded first. */
  loaded(): Effect.Effect<Ready<Data, User>, ReadError> {
    if (this.state?.loaded === true && Request.isReady(this.state)) {
      const used = Request.use(this.state)
      this.state = used
      return Effect.succeed(used)
    }
    // Who has no id has nothing to wait for.
    const isNobody = this.brought.presented.keys.length === 0 && this.given === undefined && !this.isUnsettled()
    return isNobody ? this.load : this.alone(this.load)
  }

  /** Stages something, unless the response has been decided on meanwhile. */
  private stage<A>(f: (state: Ready<Data, User>) => readonly [A, State<Data, User>]): Effect.Effect<A, StageError> {
    if (this.closed) return responseSent
    return Effect.flatMap(this.loaded(), (loaded) => {
      const latest = this.latest(loaded)
      if (latest.closed) return responseSent
      if (!Request.isReady(latest)) return this.stage(f)
      const [result, next] = f(latest)
      if (!this.options.canGiveId && Request.renames(next)) return responseSent
      this.state = next
      return Effect.succeed(result)
    })
  }

  modify<A>(f: (data: Data) => readonly [A, Data]): Effect.Effect<A, StageError> {
    return this.stage((state) => {
      const [result, next] = f(state.content.data)
      return [result, Request.stageChange(state, (data) => f(data)[1], next)]
    })
  }

  signIn(user: User, options: Request.SignInOptions<Data>): Effect.Effect<void, StageError> {
    return this.stage((state) => [undefined, Request.stageSignIn(state, user, options)])
  }

  rotate(): Effect.Effect<void, StageError> {
    return this.stage((state) => [undefined, Request.stageRotate(state)])
  }

  touch(): Effect.Effect<void, StageError> {
    return this.stage((state) => [undefined, Request.touch(state)])
  }

  /** From now on, reading and changing counts as no activity. */
  beInBackground(): void {
    this.inBackground = true
    if (this.state !== undefined) this.state = Request.beInBackground(this.state)
  }

  commit(): Effect.Effect<void, CommitError | SessionResponseSent> {
    return Effect.flatMap(this.stage((state) => [state.staged, state]), (asked) => this.write(asked))
  }

  /** Runs what writes, alone and to its end. What comes of it is noted by `settle`. */
  private writing<A, E extends CommitError>(
    run: (before: State<Data, User>) => Effect.Effect<A, E>,
    settle: (exit: Exit.Exit<A, E>, before: State<Data, User>) => void
  ): Effect.Effect<void, E> {
    return Effect.uninterruptible(Effect.flatMap(this.begin(), (begun) => {
      this.writes++
      return this.alone(Effect.suspend(() => {
        const before = this.latest(begun)
        const noted = (exit: Exit.Exit<A, E>): Effect.Effect<void, E> => {
          this.writes--
          this.failure = Option.getOrElse(
            Option.flatMap(Exit.causeOption(exit), Cause.failureOption),
            () => this.failure
          )
          settle(exit, before)
          return Exit.asVoid(exit)
        }
        return Effect.matchCauseEffect(run(before), {
          onFailure: (cause) => noted(Exit.failCause(cause)),
          onSuccess: (result) => noted(Exit.succeed(result))
        })
      }))
    }))
  }

  /** Whether writes are on their way, or it is not known what became of one. */
  isUnsettled(): boolean {
    return this.writes > 0 || this.isUnsure()
  }

  /** Waits for the writes that are on their way. */
  settled(): Effect.Effect<void> {
    return this.writes === 0 ? Effect.void : this.lock.withPermits(1)(Effect.void)
  }

  /** Whether the session may stand under a new id, and nobody has seen it there. */
  isUnsure(): boolean {
    return this.coming.tried !== undefined
  }

  /**
   * Writes what is staged. Fails as well if another commit took some of what was `asked` for, and could not write it. Not
   * to be interrupted on the way.
   */
  write(asked: Request.Staged<Data, User>): Effect.Effect<void, CommitError> {
    return Effect.uninterruptible(Effect.suspend(() => {
      const one: Asking<Data, User> = { asked, drop: undefined }
      this.asking.add(one)
      return this.writeOne(one)
    }))
  }

  private writeOne(one: Asking<Data, User>): Effect.Effect<void, CommitError> {
    let ends = 0
    return this.writing((before): Effect.Effect<Committed<Data, User>, CommitError> => {
      if (one.drop !== undefined) return Effect.failCause(one.drop)
      const loss = Request.refusal(before)
      if (loss !== undefined) return Effect.fail(errorOf(loss))
      ends = this.endedHere.length
      return Effect.flatMap(
        this.fresh(before),
        ({ active, content, initial, several, stored }) =>
          this.engine.commit({
            staged: before.staged,
            presented: this.brought.presented,
            initial,
            stored,
            several,
            content,
            active,
            coming: this.coming,
            endedHere: (record) => Request.isEnded(record, this.endedHere)
          })
      )
    }, (exit, before) => {
      const { staged: taken } = before
      this.asking.delete(one)
      if (one.drop !== undefined) {
        this.state = Request.failed(before, one.asked)
      } else if (Exit.isSuccess(exit)) {
        const { extended, newId, stored } = exit.value
        this.state = Request.committed(this.latest(before), taken, { stored, extended, given: newId !== undefined })
        this.given = newId ?? this.given
        // What stands now was written after those ends.
        if (stored?.record !== before.stored?.record) this.endedHere = this.endedHere.slice(ends)
      } else {
        for (const other of this.asking) {
          if (Request.shares(other.asked, taken)) other.drop ??= exit.cause
        }
        const loss = lossOf(Option.getOrUndefined(Cause.failureOption(exit.cause)))
        if (loss !== undefined) this.given = undefined
        this.state = loss === undefined
          ? Request.failed(this.latest(before), taken)
          : Request.lost(this.latest(before), taken, loss, this.endedHere)
      }
    })
  }

  /** Ends what the request's ids lead to, what it read, and what it has stored itself. Not to be interrupted either. */
  destroy(): Effect.Effect<void, SessionStoreError> {
    return this.writing((before) => {
      const { presented } = this.brought
      const { tried } = this.coming
      const own = [
        ...(this.given === undefined ? [] : [this.keyOf(this.given)]),
        ...(tried === undefined ? [] : [tried.key])
      ]
      const keys = [...presented.keys, ...own]
      const isOver = before.outcome === "SignedOut" && own.length === 0
      return isOver || keys.length === 0 ? Effect.succeed(0) : this.engine.end({
        keys,
        renamedAfter: presented.renamedAfter,
        handle: before.handle
      }, before.stored?.record)
    }, (exit, before) => {
      if (Exit.isFailure(exit)) return
      this.state = Request.ended(this.latest(before), before.staged)
      this.given = undefined
      this.coming.tried = undefined
    })
  }

  private keyOf(id: SessionId): string {
    return this.engine.keyOf(Redacted.value(id))
  }

  /** The id under which the session is stored, if this request knows it. */
  id(): SessionId | undefined {
    if (this.given !== undefined) return this.given
    const text = this.brought.ids.find((text) => this.engine.keyOf(text) === this.state?.stored?.record.key)
    return text === undefined ? undefined : Redacted.make(text)
  }

  /** Waits until the session has ended, whatever becomes of this request. */
  ended(): Effect.Effect<void, ReadError> {
    const { endings } = this.engine
    // Once the response is on its way the handle is all that is left.
    const handle = this.state?.handle
    if (handle !== undefined) return endings.waitFor(handle)
    return Effect.flatMap(
      this.loaded(),
      ({ stored }) => stored === undefined ? Effect.void : endings.waitFor(stored.record.handle)
    )
  }

  csrfToken(): Effect.Effect<string, StageError> {
    const { engine } = this
    const known = this.stage((state) => {
      if (Request.renames(state)) return [this.coming.id, state]
      // Whoever signs in or out to put an end to several sessions needs the token of a form for it.
      if (state.several) return [this.brought.ids.map((text) => Redacted.make(text))[0], state]
      return state.stored === undefined ? [this.coming.id, Request.stageCreate(state)] : [this.id(), state]
    })
    const coming = Effect.flatMap(
      known,
      (known) =>
        known !== undefined ? Effect.succeed(known) : Effect.map(engine.generateId, (id) => this.coming.id ??= id)
    )
    return Effect.map(coming, (id) => {
      const mask = globalThis.crypto.getRandomValues(new Uint8Array(Csrf.maskBytes))
      return Csrf.makeToken(engine.name, Redacted.value(id), mask)
    })
  }

  isCsrfToken(token: string): boolean {
    return this.brought.ids.some((text) => Csrf.verifyToken(this.engine.name, text, token))
  }

  bearerToken(): Effect.Effect<Option.Option<Redacted.Redacted<string>>, CommitError | SessionResponseSent> {
    const { toBearer } = this.options
    if (toBearer === undefined) return Effect.as(this.commit(), Option.none())
    if (!this.closed) this.asksForToken = true
    return Effect.map(this.commit(), () =>
      this.given === undefined || this.state?.outcome !== "Given"
        ? Option.none()
        : Option.some(toBearer(this.given)))
  }

  /** The response has been decided on. */
  close(status: number): void {
    this.closed = true
    if (this.state !== undefined) this.state = Request.close(this.state, status)
  }

  /** The response is on its way. */
  letGo(): void {
    if (this.state !== undefined) this.state = Request.letGo(this.state)
  }
}

/** What a request handler sees of the session that `open` opens, when it is first asked for something. */
export const make = <Data, User>(open: () => RequestSession<Data, User>) => ({
  get: Effect.suspend(() => Effect.map(open().loaded(), ({ content }) => content.data)),
  set: (data: Data) => Effect.suspend(() => open().modify(() => [undefined, data])),
  update: (f: (data: Data) => Data) => Effect.suspend(() => open().modify((data) => [undefined, f(data)])),
  modify: <A>(f: (data: Data) => readonly [A, Data]) => Effect.suspend(() => open().modify(f)),
  user: Effect.suspend(() => Effect.map(open().loaded(), userOf)),
  signIn: (user: User, options: Request.SignInOptions<Data> = {}) => Effect.suspend(() => open().signIn(user, options)),
  signOut: Effect.suspend(() => open().destroy()),
  destroy: Effect.suspend(() => open().destroy()),
  rotate: Effect.suspend(() => open().rotate()),
  touch: Effect.suspend(() => open().touch()),
  background: Effect.sync(() => open().beInBackground()),
  info: Effect.suspend(() => {
    const { engine } = open()
    return Effect.flatMap(open().loaded(), ({ active, stored }) =>
      withNow((now) =>
        Effect.succeed(Option.map(
          Option.fromNullable(stored),
          ({ record }) => infoOf(engine.timeouts, record, active ? now : undefined)
        ))
      ))
  }),
  ended: Effect.suspend(() => open().ended()),
  commit: Effect.suspend(() => open().commit()),
  csrfToken: Effect.suspend(() => open().csrfToken()),
  isCsrfToken: (token: string) => open().isCsrfToken(token),
  bearerToken: Effect.suspend(() => open().bearerToken()),
  credential: Effect.sync(() => open().brought.credential),
  transport: Effect.sync(() => open().brought.transport)
})

const userOf = <Data, User>({ staged, stored }: State<Data, User>): Option.Option<User> =>
  staged.signIn !== undefined ? Option.some(staged.signIn.user) : stored === undefined ? Option.none() : stored.user
