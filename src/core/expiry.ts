import type { SessionRecord } from "./record.js"

/** How long a session lives without activity, and whatever the activity, in milliseconds. */
export interface Lifetime {
  /** Without activity. */
  readonly idle: number
  /** Whatever the activity. */
  readonly absolute: number
}

/** The timeouts of sessions in milliseconds, as `SessionTimeouts` validated them. */
export interface Timeouts extends Lifetime {
  /** Of sessions whose user asked to be remembered. */
  readonly remembered: Lifetime
  /** How stale the recorded activity may get. */
  readonly touchInterval: number
}

type Times = Pick<SessionRecord, "createdAt" | "lastSeenAt" | "expiresAt" | "remembered">

/** Decided by the flag that is stored, when a session is read: a policy that changes applies at once. */
const lifetimeOf = (timeouts: Timeouts, remembered: boolean): Lifetime => remembered ? timeouts.remembered : timeouts

/** How far in the future a session may have begun, for nodes whose clocks disagree. Further is an impossible time. */
export const clockTolerance = 30 * 60_000

/** No session lives longer: ten years. Bounds the configuration, and what a row may claim. */
export const maxLifetime = 3650 * 86_400_000

/** A clock may tell fractions (a test's, after a sleep of half a millisecond). Stored times are whole. */
export const wholeMillis = (now: number): number => Math.floor(now)

/**
 * How far the clocks of two nodes may be apart without a promise being broken. The margin of a sweep is as long if nobody
 * says otherwise.
 */
const clockDifference = 60_000

/**
 * An id that was renamed later than this was renamed a moment ago, as a request sees it that arrived at `arrivedAt`: up
 * to a minute before, whichever clock was ahead. The browser may not have had the new cookie yet. By one clock it is up
 * to two minutes then, which harms nobody: what comes with an old id is refused or ends its session, for a while longer.
 */
export const renamedAfter = (arrivedAt: number): number => arrivedAt - 60_000 - clockDifference

/** Idle and absolute timeout together: the sooner one ends the session. */
export const expiresAt = ({ absolute, idle }: Lifetime, createdAt: number, lastSeenAt: number): number =>
  Math.min(lastSeenAt + idle, createdAt + absolute)

/**
 * When a stored session ends under today's policy. The stored deadline counts as well, so that a longer policy does
 * not revive, and the current timeouts count, so that a shorter policy applies to old rows at once.
 */
export const deadline = (timeouts: Timeouts, times: Times): number =>
  Math.min(times.expiresAt, expiresAt(lifetimeOf(timeouts, times.remembered), times.createdAt, times.lastSeenAt))

/** Whether the numbers of a row can be true at all. A row that fails this is corrupt. */
export const isPossible = (record: SessionRecord, now: number): boolean =>
  Number.isSafeInteger(record.version) && record.version >= 0 && record.version < Number.MAX_SAFE_INTEGER &&
  Number.isSafeInteger(record.createdAt) && Number.isSafeInteger(record.lastSeenAt) &&
  Number.isSafeInteger(record.expiresAt) &&
  (record.renamedAt === null || Number.isSafeInteger(record.renamedAt)) &&
  record.createdAt >= 0 && record.createdAt <= record.lastSeenAt &&
  record.createdAt <= now + clockTolerance &&
  record.expiresAt <= record.createdAt + maxLifetime

/** `now >= deadline` is expired: at the very millisecond of the deadline the session is over. */
export const isLive = (timeouts: Timeouts, times: Times, now: number): boolean => now < deadline(timeouts, times)

/** What becomes of a record that a store returned. */
export const judge = (timeouts: Timeouts, record: SessionRecord, now: number): "live" | "expired" | "impossible" =>
  !isPossible(record, now) ? "impossible" : isLive(timeouts, record, now) ? "live" : "expired"

/** A session that was seen or begun at these times, or before, is expired. */
export interface Since {
  readonly seenAfter: number
  readonly begunAfter: number
}

/** What `isLive` asks of the times of a row besides its stored deadline, for whoever asks a store for many rows. */
export interface LiveAfter {
  /** For all sessions but the remembered ones. */
  readonly ordinary: Since
  /** For sessions whose user asked to be remembered. */
  readonly remembered: Since
}

const since = ({ absolute, idle }: Lifetime, now: number): Since => ({
  seenAfter: now - idle,
  begunAfter: now - absolute
})

export const liveAfter = (timeouts: Timeouts, now: number): LiveAfter => ({
  ordinary: since(timeouts, now),
  remembered: since(timeouts.remembered, now)
})

/** Whether a record is live at `now`, by its stored deadline and by a policy. */
export const isLiveAfter = (record: SessionRecord, { ordinary, remembered }: LiveAfter, now: number): boolean => {
  const { begunAfter, seenAfter } = record.remembered ? remembered : ordinary
  return now < record.expiresAt && record.lastSeenAt > seenAfter && record.createdAt > begunAfter
}

/** Whether a sign-in is no older than `maxAge`. One that another node's clock puts into the future is as fresh as can be. */
export const isFresh = (authenticatedAt: number, maxAge: number, now: number): boolean =>
  now - authenticatedAt <= maxAge

/** The sessions of a user of a declaration that a policy counts as live. */
export interface OfUser {
  readonly name: string
  readonly userId: string
  readonly now: number
  readonly liveAfter: LiveAfter
}

export const isLiveOf = (record: SessionRecord, { liveAfter, name, now, userId }: OfUser): boolean =>
  record.name === name && record.userId === userId && isLiveAfter(record, liveAfter, now)

/** Whether the last written activity is so old that this one should be written too. */
export const isTouchDue = (timeouts: Timeouts, times: Times, now: number): boolean =>
  now - times.lastSeenAt >= timeouts.touchInterval

/** The times after activity at `now`. `lastSeenAt` never moves backwards, and nothing moves past the absolute end. */
export const seenAt = (timeouts: Timeouts, { createdAt, lastSeenAt, remembered }: Times, now: number): Times => {
  const later = Math.max(lastSeenAt, now)
  const lifetime = lifetimeOf(timeouts, remembered)
  return { createdAt, lastSeenAt: later, expiresAt: expiresAt(lifetime, createdAt, later), remembered }
}

/** The times of a session that begins at `now`. */
export const beginAt = (timeouts: Timeouts, now: number, remembered: boolean): Times => ({
  createdAt: now,
  lastSeenAt: now,
  expiresAt: expiresAt(lifetimeOf(timeouts, remembered), now, now),
  remembered
})
