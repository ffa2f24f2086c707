import { isLiveAfter, type LiveAfter, type OfUser } from "./expiry.js"
import * as ExpiryQueue from "./expiryQueue.js"
import { beyond, type Newest } from "./limit.js"
import { endsWith, newestFirst, type SessionRecord, type Times, timesOf, type UserEnd } from "./record.js"

type Activity = Pick<SessionRecord, "lastSeenAt" | "expiresAt">

/** The store contract on plain maps. One call is one step of JavaScript, so every call is atomic. */
export interface MemoryStore {
  readonly insert: (
    record: SessionRecord,
    unlessRenamed: { readonly keys: ReadonlyArray<string>; readonly after: number } | undefined
  ) => boolean | "KeyExists"
  readonly read: (key: string, now: number) => SessionRecord | undefined
  readonly search: (keys: ReadonlyArray<string>, renamedAfter: number, now: number) => ReadonlyArray<SessionRecord>
  readonly update: (
    key: string,
    expectedVersion: number,
    change: Activity & { readonly data: string },
    now: number
  ) => boolean
  readonly touch: (key: string, times: Activity, now: number) => boolean
  readonly rotate: (
    oldKey: string,
    expectedVersion: number,
    next: SessionRecord,
    now: number
  ) => boolean | "KeyExists"
  readonly delete: (
    keys: ReadonlyArray<string>,
    renamedAfter: number | undefined,
    handle: string | undefined
  ) => number
  readonly deleteByUser: (end: UserEnd) => number
  readonly limitByUser: (owner: OfUser & { readonly limit: number; readonly newest: Newest }) => number
  readonly listByUser: (owner: OfUser) => ReadonlyArray<SessionRecord>
  readonly readTimes: (name: string, handles: ReadonlyArray<string>, now: number) => ReadonlyArray<Times>
  readonly deleteExpired: (before: number, limit: number) => number
  readonly count: (
    name: string,
    liveAfter: LiveAfter,
    now: number
  ) => { readonly live: number; readonly signedIn: number }
  readonly clear: (name: string | undefined) => void
}

/** Sets of keys under a word that several records may share. */
const makeIndex = () => {
  const sets = new Map<string, Set<string>>()
  return {
    add: (word: string, key: string): void => {
      const keys = sets.get(word)
      if (keys === undefined) sets.set(word, new Set([key]))
      else keys.add(key)
    },
    remove: (word: string, key: string): void => {
      const keys = sets.get(word)
      keys?.delete(key)
      if (keys?.size === 0) sets.delete(word)
    },
    get: (word: string): Iterable<string> => sets.get(word) ?? []
  }
}

/** A user belongs to a declaration. No name holds a NUL. */
const userWord = (name: string, userId: string): string => `${name}\u0000${userId}`

/**
 * A store of `capacity` records at the most: one more evicts the one that expires soonest, of the visitors' if there are
 * any, so that nobody is signed out by the requests of nobody.
 */
export const make = (capacity: number): MemoryStore => {
  const records = new Map<string, SessionRecord>()
  const byUser = makeIndex()
  const byFormerKey = makeIndex()
  const byHandle = makeIndex()

  const queueOf = (isVisitor: boolean): ExpiryQueue.ExpiryQueue =>
    ExpiryQueue.make(
      (key) => {
        const record = records.get(key)
        return record !== undefined && (record.userId === null) === isVisitor ? record.expiresAt : undefined
      },
      () => records.size,
      () => records.keys()
    )
  const visitors = queueOf(true)
  const users = queueOf(false)

  const queue = (record: SessionRecord): void =>
    (record.userId === null ? visitors : users).push(record.key, record.expiresAt)

  const liveAt = (key: string, now: number): SessionRecord | undefined => {
    const record = records.get(key)
    return record !== undefined && now < record.expiresAt ? record : undefined
  }

  const put = (record: SessionRecord): void => {
    const { earlierKey, handle, key, name, previousKey, userId } = record
    records.set(key, record)
    queue(record)
    byHandle.add(handle, key)
    if (userId !== null) byUser.add(userWord(name, userId), key)
    if (previousKey !== null) byFormerKey.add(previousKey, key)
    if (earlierKey !== null) byFormerKey.add(earlierKey, key)
  }

  const remove = (key: string): boolean => {
    const record = records.get(key)
    if (record === undefined) return false
    const { earlierKey, handle, name, previousKey, userId } = record
    records.delete(key)
    byHandle.remove(handle, key)
    if (userId !== null) byUser.remove(userWord(name, userId), key)
    if (previousKey !== null) byFormerKey.remove(previousKey, key)
    if (earlierKey !== null) byFormerKey.remove(earlierKey, key)
    return true
  }

  /** Replaces a record under its own key. The queue learns only of an expiry that came nearer. */
  const replace = (record: SessionRecord, next: SessionRecord): void => {
    records.set(next.key, next)
    if (next.expiresAt < record.expiresAt) queue(next)
  }

  const changed = (record: SessionRecord, times: Activity, data: string, version: number): SessionRecord => {
    const { expiresAt, lastSeenAt } = times.lastSeenAt <= record.lastSeenAt ? record : times
    return { ...record, data, version, lastSeenAt, expiresAt }
  }

  /** The keys of the records that were renamed from `key` later than `after`. */
  const successorsOf = (key: string, after: number): ReadonlyArray<string> =>
    Array.from(byFormerKey.get(key)).filter((successor) => (records.get(successor)?.renamedAt ?? -Infinity) > after)

  const recordsOf = (name: string, userId: string): ReadonlyArray<SessionRecord> =>
    Array.from(byUser.get(userWord(name, userId)), (key) => records.get(key) ?? []).flat()

  const liveOf = ({ liveAfter, name, now, userId }: OfUser): ReadonlyArray<SessionRecord> =>
    recordsOf(name, userId).filter((record) => isLiveAfter(record, liveAfter, now))

  const removeAll = (keys: Iterable<string>): number => {
    let removed = 0
    for (const key of new Set(keys)) if (remove(key)) removed++
    return removed
  }

  return {
    insert: (record, unlessRenamed) => {
      if (unlessRenamed?.keys.some((key) => successorsOf(key, unlessRenamed.after).length > 0)) return false
      if (records.has(record.key)) return "KeyExists"
      if (records.size >= capacity) {
        const evicted = visitors.pop(Infinity) ?? users.pop(Infinity)
        if (evicted !== undefined) remove(evicted)
      }
      put(record)
      return true
    },
    read: liveAt,
    search: (keys, renamedAfter, now) => {
      const found = new Set(keys.flatMap((key) => [key, ...successorsOf(key, renamedAfter)]))
      return Array.from(found, (key) => liveAt(key, now) ?? []).flat()
    },
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
    delete: (keys, renamedAfter, handle) =>
      removeAll([
        ...keys,
        ...(renamedAfter === undefined ? [] : keys.flatMap((key) => successorsOf(key, renamedAfter))),
        ...(handle === undefined ? [] : byHandle.get(handle))
      ]),
    deleteByUser: (end) =>
      removeAll(
        recordsOf(end.name, end.userId)
          .filter((record) => endsWith(record, end))
          .map(({ key }) => key)
      ),
    limitByUser: ({ limit, newest, ...owner }) =>
      removeAll(beyond(liveOf(owner), { limit, newest, now: owner.now }).map(({ key }) => key)),
    listByUser: (owner) => [...liveOf(owner)].sort(newestFirst),
    readTimes: (name, handles, now) =>
      Array.from(new Set(handles.flatMap((handle) => [...byHandle.get(handle)])), (key) => liveAt(key, now) ?? [])
        .flat()
        .filter((record) => record.name === name)
        .map(timesOf),
    deleteExpired: (before, limit) => {
      let removed = 0
      while (removed < limit) {
        const key = visitors.pop(before) ?? users.pop(before)
        if (key === undefined) break
        remove(key)
        removed++
      }
      return removed
    },
    count: (name, liveAfter, now) => {
      let live = 0
      let signedIn = 0
      for (const record of records.values()) {
        if (record.name !== name || !isLiveAfter(record, liveAfter, now)) continue
        live++
        if (record.userId !== null) signedIn++
      }
      return { live, signedIn }
    },
    clear: (name) => {
      removeAll(
        Array.from(records.values()).filter((record) => name === undefined || record.name === name).map(({ key }) =>
          key
        )
      )
    }
  }
}
