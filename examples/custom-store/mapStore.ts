/**
 * A store of one's own: the one that FluidAuth's documentation builds on a `Map`, as a layer. Each operation is one
 * synchronous step, and so others see all of it or nothing.
 */
import { SessionError, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

type Row = SessionStore.SessionRecord

const isLive = (row: Row, now: number): boolean => now < row.expiresAt

/** Whether a policy counts a row as live, besides its own deadline. */
const isCounted = (row: Row, now: number, { ordinary, remembered }: SessionStore.LiveAfter): boolean => {
  const since = row.remembered ? remembered : ordinary
  return isLive(row, now) && row.lastSeenAt > since.seenAfter && row.createdAt > since.begunAfter
}

/** Whether a row had one of these keys before, and lost it later than `after`. */
const wasRenamed = (row: Row, keys: ReadonlyArray<string>, after: number): boolean =>
  row.renamedAt !== null && row.renamedAt > after &&
  [row.previousKey, row.earlierKey].some((key) => key !== null && keys.includes(key))

const byText = (left: string, right: string): number => left < right ? -1 : left > right ? 1 : 0

const newestFirst = (left: Row, right: Row): number =>
  right.lastSeenAt - left.lastSeenAt || byText(left.handle, right.handle)

const keyExists = (operation: string) =>
  new SessionError.SessionStoreError({ operation, reason: "KeyExists", outcomeUnknown: false, detail: "map" })

export const make: Effect.Effect<SessionStore.Service> = Effect.sync(() => {
  const db = new Map<string, Row>()
  const rows = (which: (row: Row) => boolean): ReadonlyArray<Row> => Array.from(db.values()).filter(which)
  const remove = (ended: ReadonlyArray<Row>): number => ended.filter(({ key }) => db.delete(key)).length
  const live = (key: string, now: number): Option.Option<Row> =>
    Option.filter(Option.fromNullable(db.get(key)), (row) => isLive(row, now))
  const ofUser = ({ liveAfter, name, now, userId }: Omit<SessionStore.UserSearch, "limit" | "offset">) =>
    rows((row) => row.name === name && row.userId === userId && isCounted(row, now, liveAfter))

  return {
    // Never overwrites.
    insert: ({ record, unlessRenamed }) =>
      Effect.suspend(() => {
        if (db.has(record.key)) return Effect.fail(keyExists("insert"))
        if (unlessRenamed !== undefined) {
          const { after, keys } = unlessRenamed
          if (rows((row) => wasRenamed(row, keys, after)).length > 0) return Effect.succeed(false)
        }
        db.set(record.key, record)
        return Effect.succeed(true)
      }),

    read: (key, now) => Effect.sync(() => live(key, now)),

    search: ({ keys, now, renamedAfter }) =>
      Effect.sync(() =>
        rows((row) => isLive(row, now) && (keys.includes(row.key) || wasRenamed(row, keys, renamedAfter)))
      ),

    // Never creates, and never overwrites what another request has written meanwhile.
    update: ({ data, expectedVersion, expiresAt, key, lastSeenAt, now }) =>
      Effect.sync(() => {
        const row = db.get(key)
        if (row === undefined || !isLive(row, now) || row.version !== expectedVersion) return false
        const times = lastSeenAt > row.lastSeenAt ? { lastSeenAt, expiresAt } : {}
        db.set(key, { ...row, ...times, data, version: row.version + 1 })
        return true
      }),

    // Forwards only.
    touch: ({ expiresAt, key, lastSeenAt, now }) =>
      Effect.sync(() => {
        const row = db.get(key)
        if (row === undefined || !isLive(row, now)) return false
        if (lastSeenAt > row.lastSeenAt) db.set(key, { ...row, lastSeenAt, expiresAt })
        return true
      }),

    rotate: ({ expectedVersion, next, now, oldKey }) =>
      Effect.suspend(() => {
        const row = db.get(oldKey)
        if (row === undefined || !isLive(row, now) || row.version !== expectedVersion) return Effect.succeed(false)
        if (next.key !== oldKey && db.has(next.key)) return Effect.fail(keyExists("rotate"))
        db.delete(oldKey)
        db.set(next.key, next)
        return Effect.succeed(true)
      }),

    // What the keys lead to, so that a rename does not outrun a sign-out.
    delete: ({ handle, keys, renamedAfter }) =>
      Effect.sync(() =>
        remove(rows((row) =>
          keys.includes(row.key) || row.handle === handle ||
          (renamedAfter !== undefined && wasRenamed(row, keys, renamedAfter))
        ))
      ),

    deleteByUser: ({ except, name, only, userId }) =>
      Effect.sync(() =>
        remove(rows((row) =>
          row.name === name && row.userId === userId && row.handle !== except &&
          (only === undefined || row.handle === only)
        ))
      ),

    limitByUser: ({ limit, newest, ...owner }) =>
      Effect.sync(() => {
        const placeOf = ({ createdAt, handle }: Row): number => {
          if (handle === newest.handle) return 1
          const isLater = createdAt > newest.createdAt || (createdAt === newest.createdAt && handle < newest.handle)
          return isLater && createdAt <= owner.now ? 0 : 2
        }
        const inOrder = [...ofUser(owner)].sort((left, right) =>
          placeOf(left) - placeOf(right) || newestFirst(left, right)
        )
        return remove(inOrder.slice(limit))
      }),

    listByUser: ({ limit, offset, ...owner }) =>
      Effect.sync(() => [...ofUser(owner)].sort(newestFirst).slice(offset, offset + limit)),

    readTimes: ({ handles, name, now }) =>
      Effect.sync(() =>
        rows((row) => row.name === name && handles.includes(row.handle) && isLive(row, now)).map(
          ({ createdAt, expiresAt, handle, lastSeenAt, remembered }) => ({
            handle,
            createdAt,
            lastSeenAt,
            expiresAt,
            remembered
          })
        )
      ),

    deleteExpired: (before, limit) => Effect.sync(() => remove(rows((row) => row.expiresAt <= before).slice(0, limit))),

    count: ({ liveAfter, name, now }) =>
      Effect.sync(() => {
        const counted = rows((row) => row.name === name && isCounted(row, now, liveAfter))
        return { live: counted.length, signedIn: counted.filter(({ userId }) => userId !== null).length }
      }),

    clear: (name) => Effect.sync(() => void remove(rows((row) => name === undefined || row.name === name)))
  }
})

export const layer: Layer.Layer<SessionStore.SessionStore> = Layer.effect(SessionStore.SessionStore, make)
