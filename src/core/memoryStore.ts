import * as ExpiryQueue from "./expiryQueue.js"
import type { SessionRecord } from "./record.js"

type Times = Pick<SessionRecord, "lastSeenAt" | "expiresAt">

/** The store contract on plain maps. One call is one step of JavaScript, so every call is atomic. */
export interface MemoryStore {
  readonly insert: (record: SessionRecord) => "Inserted" | "KeyExists"
  readonly read: (key: string, now: number) => SessionRecord | undefined
  readonly update: (
    key: string,
    expectedVersion: number,
    change: Times & { readonly data: string },
    now: number
  ) => boolean
  readonly touch: (key: string, times: Times, now: number) => boolean
  readonly rotate: (
    oldKey: string,
    expectedVersion: number,
    next: SessionRecord,
    now: number
  ) => boolean | "KeyExists"
  readonly delete: (key: string) => boolean
  readonly deleteByUser: (userId: string, except: string | undefined) => number
  readonly listByUser: (userId: string, now: number) => ReadonlyArray<SessionRecord>
  readonly deleteExpired: (before: number, limit: number) => number
  readonly count: (now: number) => number
  readonly clear: () => void
}

/** A store of `capacity` records at the most: one more evicts the one that expires soonest. */
export const make = (capacity: number): MemoryStore => {
  const records = new Map<string, SessionRecord>()
  const keysByUser = new Map<string, Set<string>>()
  const expiry = ExpiryQueue.make(
    (key) => records.get(key)?.expiresAt,
    () => records.size,
    () => records.keys()
  )

  const liveAt = (key: string, now: number): SessionRecord | undefined => {
    const record = records.get(key)
    return record !== undefined && now < record.expiresAt ? record : undefined
  }

  const put = (record: SessionRecord): void => {
    records.set(record.key, record)
    expiry.push(record.key, record.expiresAt)
    if (record.userId !== null) {
      const keys = keysByUser.get(record.userId)
      if (keys === undefined) keysByUser.set(record.userId, new Set([record.key]))
      else keys.add(record.key)
    }
  }

  const remove = (key: string): boolean => {
    const record = records.get(key)
    if (record === undefined) return false
    records.delete(key)
    if (record.userId !== null) {
      const keys = keysByUser.get(record.userId)
      keys?.delete(key)
      if (keys?.size === 0) keysByUser.delete(record.userId)
    }
    return true
  }

  /** Replaces a record that is there. The queue learns only of an expiry that came nearer. */
  const replace = (record: SessionRecord, next: SessionRecord): void => {
    records.set(next.key, next)
    if (next.expiresAt < record.expiresAt) expiry.push(next.key, next.expiresAt)
  }

  const changed = (record: SessionRecord, times: Times, data: string, version: number): SessionRecord => {
    const { expiresAt, lastSeenAt } = times.lastSeenAt <= record.lastSeenAt ? record : times
    const { createdAt, key, userId } = record
    return { key, userId, data, version, createdAt, lastSeenAt, expiresAt }
  }

  const recordsOf = (userId: string): ReadonlyArray<SessionRecord> =>
    Array.from(keysByUser.get(userId) ?? [], (key) => records.get(key) ?? []).flat()

  return {
    insert: (record) => {
      if (records.has(record.key)) return "KeyExists"
      if (records.size >= capacity) {
        const soonest = expiry.pop(Infinity)
        if (soonest !== undefined) remove(soonest)
      }
      put(record)
      return "Inserted"
    },
    read: liveAt,
    update: (key, expectedVersion, change, now) => {
      const record = liveAt(key, now)
      if (record === undefined || record.version !== expectedVersion) return false
      replace(record, changed(record, change, change.data, record.version + 1))
      return true
    },
    touch: (key, times, now) => {
      const record = liveAt(key, now)
      if (record === undefined) return false
      replace(record, changed(record, times, record.data, record.version))
      return true
    },
    rotate: (oldKey, expectedVersion, next, now) => {
      const record = liveAt(oldKey, now)
      if (record === undefined || record.version !== expectedVersion) return false
      if (next.key !== oldKey && records.has(next.key)) return "KeyExists"
      remove(oldKey)
      put(next)
      return true
    },
    delete: remove,
    deleteByUser: (userId, except) => recordsOf(userId).filter(({ key }) => key !== except && remove(key)).length,
    listByUser: (userId, now) =>
      recordsOf(userId)
        .filter((record) => now < record.expiresAt)
        .sort((left, right) => right.lastSeenAt - left.lastSeenAt || (left.key < right.key ? -1 : 1)),
    deleteExpired: (before, limit) => {
      let removed = 0
      while (removed < limit) {
        const key = expiry.pop(before)
        if (key === undefined) break
        remove(key)
        removed++
      }
      return removed
    },
    count: (now) => {
      let live = 0
      for (const record of records.values()) if (now < record.expiresAt) live++
      return live
    },
    clear: () => {
      records.clear()
      keysByUser.clear()
      expiry.clear()
    }
  }
}
