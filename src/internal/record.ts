/**
 * A session as a store keeps it: plain data, nothing decoded.
 * Times are epoch milliseconds of Effect's Clock.
 */
export interface SessionRecord {
  /** The hash of the session id. The id itself is never stored. */
  readonly key: string
  /** The signed-in user as a string, or `null` for a visitor. */
  readonly userId: string | null
  /** The encoded session data: JSON text. */
  readonly data: string
  /** Raised by one with every change of data, user or key. A touch leaves it alone. */
  readonly version: number
  /** When the session began. A sign-in begins it anew. */
  readonly createdAt: number
  /** The last activity that was written down. Never moves backwards. */
  readonly lastSeenAt: number
  /** From this millisecond on the session is expired. */
  readonly expiresAt: number
}

/** A record but for its key: the shell makes the id, and the key from it. */
export type Row = Omit<SessionRecord, "key">

/**
 * The record of a row. Field by field, here and wherever a record is made: what is copied with `...` can get a hidden
 * class of its own from V8, which takes 300 bytes a session and makes every later look at it slower.
 */
export const make = (key: string, row: Row): SessionRecord => ({
  key,
  userId: row.userId,
  data: row.data,
  version: row.version,
  createdAt: row.createdAt,
  lastSeenAt: row.lastSeenAt,
  expiresAt: row.expiresAt
})
