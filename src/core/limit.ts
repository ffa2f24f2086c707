import { newestFirst, type SessionRecord } from "./record.js"

/** A session that a sign-in has just begun. */
export interface Newest {
  readonly handle: string
  readonly createdAt: number
}

/**
 * Where a record stands when a limit is applied for the sign-in that began `newest`, at `now`: first the sessions that
 * were begun later still, then that one, then all others. What a clock that runs ahead says counts for nothing here.
 *
 * Every node that limits a user's sessions at the same moment puts those that sign-ins have just begun in the same
 * order, so all of them keep the same ones, and none but later sign-ins can cost the newest its place.
 */
const placeOf = (record: SessionRecord, newest: Newest, now: number): number => {
  if (record.handle === newest.handle) return 1
  const isLater = record.createdAt > newest.createdAt ||
    (record.createdAt === newest.createdAt && record.handle < newest.handle)
  return isLater && record.createdAt <= now ? 0 : 2
}

/** The records of a user that are over the limit: all but the first `limit`, the most recently seen first. */
export const beyond = (
  records: ReadonlyArray<SessionRecord>,
  { limit, newest, now }: { readonly limit: number; readonly newest: Newest; readonly now: number }
): ReadonlyArray<SessionRecord> =>
  [...records]
    .sort((left, right) => placeOf(left, newest, now) - placeOf(right, newest, now) || newestFirst(left, right))
    .slice(limit)
