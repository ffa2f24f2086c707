/**
 * A session as a store keeps it: plain data, nothing decoded. Times are epoch milliseconds of Effect's Clock. A store has
 * a primary key of its own besides, which never changes and never leaves it.
 */
export interface SessionRecord {
  /** The declared name of the session. Lists, bulk ends and counts belong to it. */
  readonly name: string
  /** The hash of the session id. The id itself is never stored. Unique. */
  readonly key: string
  /** The key that was presented when the session was last renamed, or when a sign-in began it afresh. */
  readonly previousKey: string | null
  /** The key that was presented for the rename before that. */
  readonly earlierKey: string | null
  /** When the key was last renamed. `null` if never. */
  readonly renamedAt: number | null
  /** The public name: random, opens nothing, stable through renames and a new sign-in of the same user. */
  readonly handle: string
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
  /** Whether the user asked to be remembered. */
  readonly remembered: boolean
}

/** What decides when a session ends. */
export interface Times
  extends Pick<SessionRecord, "handle" | "createdAt" | "lastSeenAt" | "expiresAt" | "remembered">
{}

export const timesOf = ({ createdAt, expiresAt, handle, lastSeenAt, remembered }: SessionRecord): Times => ({
  handle,
  createdAt,
  lastSeenAt,
  expiresAt,
  remembered
})

/** The order of a user's sessions: the most recently seen first, those seen at the same time by their handles. */
export const newestFirst = (left: SessionRecord, right: SessionRecord): number =>
  right.lastSeenAt - left.lastSeenAt || (left.handle < right.handle ? -1 : left.handle > right.handle ? 1 : 0)

/** Whether a record was renamed from one of the keys, once or twice, later than `after`. */
export const wasRenamed = (record: SessionRecord, keys: ReadonlyArray<string>, after: number): boolean =>
  record.renamedAt !== null && record.renamedAt > after &&
  [record.previousKey, record.earlierKey].some((key) => key !== null && keys.includes(key))

/** The end of a user's sessions: all of them, `only` the one with that handle, or all `except` the one with that handle. */
export interface UserEnd {
  /** The declared name of the session. */
  readonly name: string
  /** The stored text of the user. */
  readonly userId: string
  readonly only?: string | undefined
  readonly except?: string | undefined
}

/** Whether a session is among those that such an end is the end of. */
export const endsWith = (record: SessionRecord, { except, name, only, userId }: UserEnd): boolean =>
  record.name === name && record.userId === userId && record.handle !== except &&
  (only === undefined || record.handle === only)
