import type { SessionRecord } from "./record.js"

/** The timeouts of a session in milliseconds, as `SessionTimeouts` validated them. */
export interface Timeouts {
  readonly idle: number
  readonly absolute: number
  readonly touchInterval: number
}

type Times = Pick<SessionRecord, "createdAt" | "lastSeenAt" | "expiresAt">

/** How far in the future a session may have begun, for nodes whose clocks disagree. Further is an impossible time. */
export const clockTolerance = 30 * 60_000

/** No session lives longer: ten years. Bounds the configuration, and what a row may claim. */
export const maxLifetime = 3650 * 86_400_000

/** A clock may tell fractions (a test's, after a sleep of half a millisecond). Stored times are whole. */
export const wholeMillis = (now: number): number => Math.floor(now)

/**
 * An id that was renamed later than this was renamed a moment ago, as a request sees it that arrived at `arrivedAt`: up
 * to a minute before, and a second for clocks that disagree. The browser may not have had the new cookie yet.
 */
export const renamedAfter = (arrivedAt: number): number => arrivedAt - 61_000

/** Idle and absolute timeout together: the sooner one ends the session. */
export const expiresAt = (timeouts: Timeouts, createdAt: number, lastSeenAt: number): number =>
  Math.min(lastSeenAt + timeouts.idle, createdAt + timeouts.absolute)

/**
 * When a stored session ends under today's policy. The stored deadline counts as well, so that a longer policy does
 * not revive, and the current timeouts count, so that a shorter policy applies to old rows at once.
 */
export const deadline = (timeouts: Timeouts, times: Times): number =>
  Math.min(times.expiresAt, expiresAt(timeouts, times.createdAt, times.lastSeenAt))

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

/** What `isLive` asks of the times of a row besides its stored deadline, for whoever asks a store for many rows. */
export const liveAfter = (
  timeouts: Timeouts,
  now: number
): { readonly seenAfter: number; readonly begunAfter: number } => ({
  seenAfter: now - timeouts.idle,
  begunAfter: now - timeouts.absolute
})

/** Whether the last written activity is so old that this one should be written too. */
export const isTouchDue = (timeouts: Timeouts, times: Times, now: number): boolean =>
  now - times.lastSeenAt >= timeouts.touchInterval

/** The times after activity at `now`. `lastSeenAt` never moves backwards, and nothing moves past the absolute end. */
export const seenAt = (timeouts: Timeouts, times: Times, now: number): Times => {
  const lastSeenAt = Math.max(times.lastSeenAt, now)
  return { createdAt: times.createdAt, lastSeenAt, expiresAt: expiresAt(timeouts, times.createdAt, lastSeenAt) }
}

/** The times of a session that begins at `now`. */
export const beginAt = (timeouts: Timeouts, now: number): Times => ({
  createdAt: now,
  lastSeenAt: now,
  expiresAt: expiresAt(timeouts, now, now)
})
