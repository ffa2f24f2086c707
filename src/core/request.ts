import * as Expiry from "./expiry.js"
import { endsWith, type SessionRecord, type UserEnd } from "./record.js"

/** A session as it was read or last written, decoded. The shell knows more of it. */
export interface Stored<Data> {
  readonly data: Data
  readonly record: SessionRecord
}

/** A change of the data. A sign-in without `carry` begins with the initial data instead, made anew. */
export type Change<Data> = (data: Data, initial: () => Data) => Data

/** A sign-in that is staged. */
export interface StagedSignIn<User> {
  readonly user: User
  readonly remember: boolean | undefined
  /** The one that it takes the place of. Of the same user, it says whether he is remembered where this one does not. */
  readonly before: StagedSignIn<User> | undefined
}

/** What a request wants and has not written yet. */
export interface Staged<Data, User> {
  readonly changes: ReadonlyArray<Change<Data>>
  readonly signIn: StagedSignIn<User> | undefined
  readonly rotate: boolean
  /** Whether a visitor's session is to be stored even if its data does not change. */
  readonly create: boolean
}

/** What has become of the session in this request, for the cookie of its response. */
export type Outcome =
  /** Nobody looked at it, there is none, or it was ended or renamed elsewhere: nothing to tell the browser. */
  | "Untouched"
  /** It stands under the id that the request carries. */
  | "Kept"
  /** So it does, and its idle timeout moved. */
  | "Extended"
  /** This request gave it its id. */
  | "Given"
  /** This request ended it. */
  | "SignedOut"

/** Data as a request sees it. */
export interface Content<Data> {
  /** Without what is staged: that of the stored session, or the initial one. */
  readonly before: Data
  /** With what is staged. The very same value is no change. */
  readonly data: Data
}

/**
 * One request's session, as data. Everything that happens is a function from one state to the next. None of them but
 * `refreshed` calls a change, which may throw: what has happened is noted whatever they do.
 */
export interface State<Data, User, S extends Stored<Data>> {
  /** Makes the initial data anew: whoever changes it in place changes it for nobody else. */
  readonly initial: () => Data
  readonly stored: S | undefined
  /** When the session had been seen last, as this request found it. */
  readonly seenBefore: number | undefined
  /** Undefined while it must be made, of data that no change has had in its hands. */
  readonly content: Content<Data> | undefined
  /** The handle of the session that this request has read or written last, whatever became of that since. */
  readonly handle: string | undefined
  readonly staged: Staged<Data, User>
  /** Whether this is activity of the user. */
  readonly active: boolean
  /** Whether the request has said that it is. */
  readonly touched: boolean
  /** Whether reading and changing counts as no activity. */
  readonly background: boolean
  readonly outcome: Outcome
  /** Whether the store was asked, or need not be. */
  readonly loaded: boolean
  /** Whether the request carries the ids of several live sessions. */
  readonly several: boolean
  /** Whether the response has been decided on: nothing more can be staged. */
  readonly closed: boolean
  /**
   * How a user's session was lost to somebody else, after this request read it. A sign-in must not undo that, and not
   * when it is tried again either.
   */
  readonly refused: Loss | undefined
}

/** A state whose content is made. */
export interface Ready<Data, User, S extends Stored<Data>> extends State<Data, User, S> {
  readonly content: Content<Data>
}

export const isReady = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>
): state is Ready<Data, User, S> => state.content !== undefined

/** How a session is lost: it ended elsewhere, or was renamed there. */
export type Loss = "Gone" | "Renamed"

const unstaged = { changes: [], signIn: undefined, rotate: false, create: false }

/** A request that has not asked for its session yet. */
export const begin = <Data, User, S extends Stored<Data>>(
  initial: () => Data,
  options: { readonly background: boolean; readonly closed: boolean }
): State<Data, User, S> => ({
  initial,
  stored: undefined,
  seenBefore: undefined,
  content: undefined,
  handle: undefined,
  staged: unstaged,
  active: false,
  touched: false,
  background: options.background,
  closed: options.closed,
  outcome: "Untouched",
  loaded: false,
  several: false,
  refused: undefined
})

/** Asking for the session counts as activity, except in the background. */
export const use = <S extends { readonly active: boolean; readonly background: boolean }>(state: S): S =>
  state.active || state.background ? state : { ...state, active: true }

/** Says that this request is activity of the user, in the background as well. */
export const touch = <Data, User, S extends Stored<Data>>(state: State<Data, User, S>): State<Data, User, S> => ({
  ...state,
  active: true,
  touched: true
})

/** From now on, asking for the session counts as no activity, and what was asked before neither. */
export const beInBackground = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>
): State<Data, User, S> => ({ ...state, background: true, active: state.touched })

/** What is staged applied to `fresh`, which is `stored` with its data made anew, or to the initial data. */
export const refreshed = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>,
  fresh: S | undefined
): Ready<Data, User, S> => {
  const { initial, staged } = state
  return {
    ...state,
    stored: fresh,
    content: apply(staged.changes, fresh === undefined ? initial() : fresh.data, initial)
  }
}

/** Changes, one after the other, of what was before. */
export const apply = <Data>(
  changes: ReadonlyArray<Change<Data>>,
  before: Data,
  initial: () => Data
): Content<Data> => ({ before, data: changes.reduce((data, change) => change(data, initial), before) })

const unchanged = <Data>(data: Data): Content<Data> => ({ before: data, data })

/** The store was asked. */
export const load = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>,
  stored: S | undefined,
  several: boolean
): State<Data, User, S> => ({
  ...state,
  stored,
  content: state.staged.changes.length > 0
    ? undefined
    : unchanged(stored === undefined ? state.initial() : stored.data),
  handle: stored?.record.handle ?? state.handle,
  seenBefore: state.seenBefore ?? stored?.record.lastSeenAt,
  several,
  loaded: true,
  outcome: stored !== undefined && state.outcome === "Untouched" ? "Kept" : state.outcome
})

/** Stages a change. One that changes nothing now is kept as well: on fresh data it may. */
export const stageChange = <Data, User, S extends Stored<Data>>(
  state: Ready<Data, User, S>,
  change: Change<Data>,
  next: Data
): Ready<Data, User, S> => ({
  ...state,
  content: { before: state.content.before, data: next },
  staged: { ...state.staged, changes: [...state.staged.changes, change] }
})

/** How somebody signs in: what is kept of the data, and whether he asked to be remembered. */
export interface SignInOptions<Data> {
  readonly carry?: ((data: Data) => Data) | undefined
  readonly remember?: boolean | undefined
}

/** Stages a sign-in: the data is the initial one, but for what `carry` keeps. */
export const stageSignIn = <Data, User, S extends Stored<Data>>(
  state: Ready<Data, User, S>,
  user: User,
  { carry, remember }: SignInOptions<Data>
): State<Data, User, S> => {
  const change: Change<Data> = carry === undefined ? (_data, initial) => initial() : (data) => carry(data)
  const changed = stageChange(state, change, change(state.content.data, state.initial))
  const before = remember === undefined ? state.staged.signIn : undefined
  return { ...changed, staged: { ...changed.staged, signIn: { user, remember, before } } }
}

/** Stages a new id, if there is a session to give one to, or there are several. */
export const stageRotate = <Data, User, S extends Stored<Data>>(state: State<Data, User, S>): State<Data, User, S> => ({
  ...state,
  staged: { ...state.staged, rotate: state.stored !== undefined || state.several }
})

/** Stages that a visitor gets a session. */
export const stageCreate = <Data, User, S extends Stored<Data>>(state: State<Data, User, S>): State<Data, User, S> => ({
  ...state,
  staged: { ...state.staged, create: true }
})

/** A sign-in is a change as well. */
const isStaged = <Data, User>({ changes, create, rotate }: Staged<Data, User>): boolean =>
  changes.length > 0 || rotate || create

/** Whether what is staged gives the session a new id. */
export const renames = <Data, User, S extends Stored<Data>>({ staged, stored }: State<Data, User, S>): boolean =>
  stored === undefined ? isStaged(staged) : staged.rotate || staged.signIn !== undefined

/** What there is to write: a change, no more than a note of activity, or nothing. */
export const pending = <Data, User, S extends Stored<Data>>(
  { active, staged, stored }: State<Data, User, S>,
  timeouts: Expiry.Timeouts,
  now: number
): "Change" | "Touch" | "Nothing" =>
  isStaged(staged)
    ? "Change"
    : active && stored !== undefined && Expiry.isTouchDue(timeouts, stored.record, now)
    ? "Touch"
    : "Nothing"

/** What is staged but for `taken`, which is no longer to be written. */
const stagedSince = <Data, User>(staged: Staged<Data, User>, taken: Staged<Data, User>): Staged<Data, User> => {
  if (staged === taken) return unstaged
  const changes = new Set(taken.changes)
  return {
    changes: staged.changes.filter((change) => !changes.has(change)),
    signIn: staged.signIn === taken.signIn ? undefined : staged.signIn,
    rotate: staged.rotate && !taken.rotate,
    create: staged.create && !taken.create
  }
}

/** Whether something that was to be written is among what another commit has taken. */
export const shares = <Data, User>(asked: Staged<Data, User>, taken: Staged<Data, User>): boolean =>
  asked.changes.some((change) => taken.changes.includes(change)) ||
  (asked.signIn !== undefined && asked.signIn === taken.signIn) ||
  (asked.rotate && taken.rotate) ||
  (asked.create && taken.create)

/**
 * `taken` has been written, which left `stored`. What was staged meanwhile is staged on that. Where nothing was to be
 * changed, and the session was gone, the request goes on with what it has read.
 */
export const committed = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>,
  taken: Staged<Data, User>,
  result: { readonly stored: S | undefined; readonly given: boolean; readonly extended: boolean }
): State<Data, User, S> => {
  const stored = result.stored ?? (isStaged(taken) ? undefined : state.stored)
  const staged = stagedSince(state.staged, taken)
  const isSettled = result.stored !== undefined && staged.changes.length === 0
  return {
    ...state,
    stored,
    content: isSettled ? unchanged(result.stored.data) : undefined,
    handle: stored?.record.handle ?? state.handle,
    staged,
    several: state.several && result.stored === undefined,
    outcome: result.stored === undefined
      ? state.outcome
      : result.given || state.outcome === "Given"
      ? "Given"
      : result.extended || state.outcome === "Extended"
      ? "Extended"
      : "Kept"
  }
}

/** `taken` could not be written, and is dropped. */
export const failed = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>,
  taken: Staged<Data, User>
): State<Data, User, S> => ({ ...state, staged: stagedSince(state.staged, taken), content: undefined })

/** Whether a record is one of those that this request ended, with the user's sessions. */
export const isEnded = (record: SessionRecord, ends: ReadonlyArray<UserEnd>): boolean =>
  ends.some((end) => endsWith(record, end))

/**
 * `taken` could not be written, since the session was lost. Nothing to tell the browser. A user's session that this
 * request has not ended itself, with one of `ends`, was ended or renamed by somebody else.
 */
export const lost = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>,
  taken: Staged<Data, User>,
  loss: Loss,
  ends: ReadonlyArray<UserEnd>
): State<Data, User, S> => {
  const record = state.stored?.record
  const isOthers = record !== undefined && record.userId !== null && !isEnded(record, ends)
  return failed<Data, User, S>(
    { ...state, stored: undefined, outcome: "Untouched", refused: isOthers ? loss : state.refused },
    taken
  )
}

/** Why a sign-in is refused. */
export const refusal = <Data, User, S extends Stored<Data>>(
  { refused, staged }: State<Data, User, S>
): Loss | undefined => staged.signIn === undefined ? undefined : refused

/** This request ended the session, and dropped `taken`. */
export const ended = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>,
  taken: Staged<Data, User>
): State<Data, User, S> =>
  failed<Data, User, S>(
    {
      ...state,
      stored: undefined,
      loaded: true,
      several: false,
      outcome: "SignedOut",
      handle: undefined,
      refused: undefined
    },
    taken
  )

/**
 * The response has been decided on. A failure (500 and above) and a client that hung up (499) drop what is staged, and
 * are no activity.
 */
export const close = <Data, User, S extends Stored<Data>>(
  state: State<Data, User, S>,
  status: number
): State<Data, User, S> =>
  status >= 500 || status === 499
    ? { ...state, closed: true, active: false, staged: unstaged, content: undefined }
    : { ...state, closed: true }

/** The response is on its way. Whoever asks from now on has the store asked again. */
export const letGo = <Data, User, S extends Stored<Data>>(state: State<Data, User, S>): State<Data, User, S> => ({
  ...state,
  stored: undefined,
  content: undefined,
  staged: unstaged,
  loaded: false
})

/** What the browser's cookie needs. */
export type CookiePlan =
  | { readonly _tag: "Keep" }
  | { readonly _tag: "Set"; readonly expiresAt: number; readonly persistent: boolean }
  | { readonly _tag: "Clear" }

const keep: CookiePlan = { _tag: "Keep" }

/**
 * Every rule about the cookie of a response. (One that is only sent again is left out after all where the session is
 * found gone by then: the door looks.) `sent` is whether the request carried one of ours, good or bad; `reissue`
 * whether it was signed under a key that is on its way out, not signed, or of a former name; `persistent` whether every
 * cookie has a lifetime that must follow the session's; `changedAt` when its attributes were last changed.
 *
 * - Only a sign-out clears it.
 * - It is set where this request gave the session its id.
 * - It is sent again where the id must be written anew, where its lifetime moved or is longer than today's policy allows,
 *   and at the first activity after its attributes changed.
 * - That of a session whose user asked to be remembered always has a lifetime.
 */
export const planCookie = <Data, User, S extends Stored<Data>>(
  { outcome, seenBefore, stored }: State<Data, User, S>,
  timeouts: Expiry.Timeouts,
  cookie: {
    readonly sent: boolean
    readonly reissue: boolean
    readonly persistent: boolean
    readonly changedAt: number | undefined
  }
): CookiePlan => {
  if (outcome === "SignedOut") return cookie.sent ? { _tag: "Clear" } : keep
  if (outcome === "Untouched" || stored === undefined) return keep
  const { record } = stored
  const expiresAt = Expiry.deadline(timeouts, record)
  const persistent = cookie.persistent || record.remembered
  const lifetimeMoved = outcome === "Extended" || record.expiresAt > expiresAt
  const isOutdated = cookie.reissue ||
    (persistent && lifetimeMoved) ||
    (cookie.changedAt !== undefined && seenBefore !== undefined && seenBefore < cookie.changedAt)
  return outcome === "Given" || isOutdated ? { _tag: "Set", expiresAt, persistent } : keep
}
