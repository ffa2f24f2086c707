import { deriveHandle } from "./digest.js"
import * as Expiry from "./expiry.js"
import type { SessionRecord } from "./record.js"

/** What a request carries. */
export interface Presented {
  /** The keys of the ids, several where the browser sends several cookies of one name. */
  readonly keys: ReadonlyArray<string>
  /** An id that was renamed later than this was renamed a moment ago. */
  readonly renamedAfter: number
}

/** What the presented keys lead to. */
export type Found =
  | { readonly _tag: "Nobody" }
  | { readonly _tag: "One"; readonly record: SessionRecord }
  /** Several live sessions: nothing says which one is meant. */
  | { readonly _tag: "Several" }

const nobody: Found = { _tag: "Nobody" }

/**
 * Which session a request means that carries several ids: the one that is live, if exactly one is and no other id was
 * renamed to another session a moment ago. `records` are the live ones that the keys lead to.
 */
export const choose = (keys: ReadonlyArray<string>, records: ReadonlyArray<SessionRecord>): Found => {
  const [record, another] = records.filter(({ key }) => keys.includes(key))
  if (another !== undefined) return { _tag: "Several" }
  if (record === undefined) return nobody
  // An id that led to this one as well was replaced by it: two sign-ins at once leave two successors.
  const leadsElsewhere = (key: string) => !cameFrom(record, key) && records.some((other) => cameFrom(other, key))
  return keys.some(leadsElsewhere) ? nobody : { _tag: "One", record }
}

const cameFrom = ({ earlierKey, previousKey }: SessionRecord, key: string): boolean =>
  previousKey === key || earlierKey === key

/** Who signed in. `remember`: whether he asked to be remembered, if that was said. */
export interface SignIn {
  readonly userId: string
  readonly remember: boolean | undefined
}

/** What was asked of a session since it was read. */
export interface Wish {
  /** The encoded data, if it changed. */
  readonly data: string | undefined
  /** Who signed in, if somebody did. */
  readonly signIn: SignIn | undefined
  /** Whether the session shall get a new id. A sign-in implies it. */
  readonly rotate: boolean
  /** Whether to store a visitor's session although its data did not change. */
  readonly create: boolean
  /** Whether this counts as activity of the user, which extends the idle timeout. */
  readonly active: boolean
}

/** Where a wish meets: the declaration, today's policy, and what the request brought and found. */
export interface Situation {
  readonly name: string
  readonly timeouts: Expiry.Timeouts
  readonly now: number
  /** The encoded data of a session that nobody has changed. */
  readonly initial: string
  readonly presented: Presented
  /** The session as it was read. */
  readonly stored: SessionRecord | undefined
  /** Whether the request carries the ids of several live sessions. */
  readonly several: boolean
}

/** Makes the record of a new key. */
export type UnderKey = (key: string) => SessionRecord

/** The one store operation that grants a wish. */
export type Plan =
  | { readonly _tag: "Nothing" }
  /** `guarded`: only if no presented id was renamed a moment ago. `ends`: the presented sessions end then. */
  | { readonly _tag: "Insert"; readonly next: UnderKey; readonly guarded: boolean; readonly ends: boolean }
  | { readonly _tag: "Update"; readonly next: SessionRecord; readonly extended: boolean }
  | { readonly _tag: "Touch"; readonly next: SessionRecord }
  | { readonly _tag: "Rotate"; readonly oldKey: string; readonly expectedVersion: number; readonly next: UnderKey }
  /** The session ended after it was read: there is nothing left to change. */
  | { readonly _tag: "Gone" }
  /** Several sessions are live, and a change of one of them is refused. */
  | { readonly _tag: "Several" }

const nothing = { _tag: "Nothing" } as const

/**
 * Every rule about what a commit does to the store.
 *
 * - Without a session only a wish worth a row makes one; everything else writes nothing.
 * - A visitor's first change is not stored where the presented id was renamed a moment ago: the browser has another by
 *   then. A sign-in always begins a session, and remembers the presented ids as its former ones.
 * - A session that ended meanwhile is not changed and not revived.
 * - Who signs in again as the same user stays remembered, or not, unless he says otherwise.
 * - A sign-in begins the session anew under a new id: both timeouts restart. Where the browser sends several ids and none
 *   of them is the session's, it ends what they are the ids of, so that the new one is the only one that is live.
 * - A new id and new data go into one operation.
 * - The idle timeout moves only when a touch is due, whether by a touch alone or along with a change.
 */
export const plan = (situation: Situation, wish: Wish): Plan =>
  situation.stored === undefined
    ? planBegin(situation, wish)
    : planChange(situation, situation.stored, wish)

const planBegin = ({ initial, name, now, presented, several, timeouts }: Situation, wish: Wish): Plan => {
  const { create, data, rotate, signIn } = wish
  if (signIn === undefined && several && (data !== undefined || create || rotate)) return { _tag: "Several" }
  if (signIn === undefined && data === undefined && !create) return nothing
  const times = Expiry.beginAt(timeouts, now, signIn?.remember ?? false)
  const [previousKey = null, earlierKey = null] = signIn === undefined ? [] : presented.keys
  return {
    _tag: "Insert",
    guarded: signIn === undefined && presented.keys.length > 0,
    ends: signIn !== undefined && presented.keys.length > 1,
    next: (key) => ({
      name,
      key,
      previousKey,
      earlierKey,
      renamedAt: previousKey === null ? null : now,
      handle: deriveHandle(key),
      userId: signIn?.userId ?? null,
      data: data ?? initial,
      version: 1,
      ...times
    })
  }
}

const planChange = ({ now, presented, timeouts }: Situation, stored: SessionRecord, wish: Wish): Plan => {
  const { active, data, rotate, signIn } = wish
  const renames = rotate || signIn !== undefined
  const changes = renames || data !== undefined
  if (!Expiry.isLive(timeouts, stored, now)) return changes ? { _tag: "Gone" } : nothing

  const extended = active && Expiry.isTouchDue(timeouts, stored, now)
  const userId = signIn === undefined ? stored.userId : signIn.userId
  const isSameUser = userId === stored.userId
  const times = signIn !== undefined
    ? Expiry.beginAt(timeouts, now, signIn.remember ?? (isSameUser && stored.remembered))
    : extended
    ? Expiry.seenAt(timeouts, stored, now)
    : stored
  const next: SessionRecord = {
    ...stored,
    userId,
    data: data ?? stored.data,
    version: changes ? stored.version + 1 : stored.version,
    createdAt: times.createdAt,
    lastSeenAt: times.lastSeenAt,
    expiresAt: times.expiresAt,
    remembered: times.remembered
  }
  if (renames) {
    return {
      _tag: "Rotate",
      oldKey: stored.key,
      expectedVersion: stored.version,
      next: (key) => ({
        ...next,
        key,
        // An id that this very request gave is in no answer yet: it would push out one that somebody may still send.
        ...(key === stored.key || !presented.keys.includes(stored.key)
          ? {}
          : { previousKey: stored.key, earlierKey: stored.previousKey }),
        renamedAt: now,
        handle: isSameUser ? stored.handle : deriveHandle(key)
      })
    }
  }
  if (changes) return { _tag: "Update", next, extended }
  return extended ? { _tag: "Touch", next } : nothing
}

/** What is left to do where a write found nothing at the version it expected. */
export type Missed =
  /** The write is there all the same: it had been done before. */
  | { readonly _tag: "Done"; readonly record: SessionRecord }
  /** Somebody else changed the session: again, on this. */
  | { readonly _tag: "Again"; readonly record: SessionRecord }
  /** There is nothing left to revoke: the sign-in begins a session of its own. */
  | { readonly _tag: "Begin" }
  | { readonly _tag: "Renamed" }
  | { readonly _tag: "Gone" }

/**
 * Every rule about a session that vanished or changed between reading and writing. `found` are the live records that its
 * key, and the new key of this request if it has one, lead to.
 *
 * - What is stored as it was to be written is done, whoever said so or did not.
 * - A sign-in does not need the session it found: a visitor's that is gone or renamed is not missed, nor one that this
 *   very request ended. But a second sign-in must not undo a revocation by somebody else.
 */
export const afterMiss = (
  before: SessionRecord,
  found: ReadonlyArray<SessionRecord>,
  request: {
    /** The record that a rename was to leave. */
    readonly tried: SessionRecord | undefined
    readonly signsIn: boolean
    /** Whether this request ended the session itself. */
    readonly endedHere: boolean
  }
): Missed => {
  const { endedHere, signsIn, tried } = request
  const mine = tried === undefined ? undefined : found.find(({ key }) => key === tried.key)
  if (mine !== undefined && tried !== undefined) {
    return isSame(mine, tried) ? { _tag: "Done", record: mine } : { _tag: "Again", record: mine }
  }
  const current = found.find(({ key }) => key === before.key)
  if (current !== undefined) return { _tag: "Again", record: current }
  if (signsIn && (before.userId === null || endedHere)) return { _tag: "Begin" }
  return found.length > 0 ? { _tag: "Renamed" } : { _tag: "Gone" }
}

/** Whether a record is the one that was to be written. Its key is random and known to this request alone. */
export const isSame = (found: SessionRecord, tried: SessionRecord): boolean =>
  isFrom(found, tried) && found.version === tried.version && found.data === tried.data &&
  found.remembered === tried.remembered

/** Whether a record is the one that was to be written, or what has become of it since. */
export const isFrom = (found: SessionRecord, tried: SessionRecord): boolean =>
  found.key === tried.key && found.handle === tried.handle && found.name === tried.name &&
  found.userId === tried.userId && found.previousKey === tried.previousKey && found.createdAt === tried.createdAt
