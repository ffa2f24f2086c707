import { isLiveAfter, isLiveOf, type LiveAfter } from "./expiry.js"
import { beyond } from "./limit.js"
import { newestFirst, type SessionRecord, type Times, timesOf, wasRenamed } from "./record.js"

export const byHandle = (all: ReadonlyArray<Times>): ReadonlyArray<Times> =>
  [...all].sort((left, right) => left.handle < right.handle ? -1 : 1)

/** How long before now a record may have been seen and begun, of either kind. */
interface Policy {
  readonly ordinary: readonly [seen: number, begun: number]
  readonly remembered: readonly [seen: number, begun: number]
}

export const liveAfterOf = ({ ordinary, remembered }: Policy, now: number): LiveAfter => {
  const since = ([seen, begun]: readonly [number, number]) => ({ seenAfter: now - seen, begunAfter: now - begun })
  return { ordinary: since(ordinary), remembered: since(remembered) }
}

/** A live record as of time 1000. */
export const sample = (change: Partial<SessionRecord> = {}): SessionRecord => ({
  name: "name",
  key: "key",
  previousKey: null,
  earlierKey: null,
  renamedAt: null,
  handle: "handle",
  userId: null,
  data: "{\"n\":1}",
  version: 1,
  createdAt: 1000,
  lastSeenAt: 1000,
  expiresAt: 2000,
  remembered: false,
  ...change
})

/** A record under its next key, as a rotation leaves it. */
export const renamed = (
  record: SessionRecord,
  key: string,
  renamedAt: number,
  change: Partial<SessionRecord> = {}
): SessionRecord => ({
  ...record,
  key,
  previousKey: record.key,
  earlierKey: record.previousKey,
  renamedAt,
  version: record.version + 1,
  ...change
})

/**
 * What can be done to a store, on few keys and few users so that they meet. `age` is how long before now something was
 * at the most, `whose` the key of the record whose handle is meant.
 */
export type Operation =
  | {
    readonly _tag: "insert"
    readonly key: string
    readonly name: string
    readonly userId: string | null
    readonly previousKey: string | null
    readonly unlessRenamed: ReadonlyArray<string> | undefined
    readonly age: number
    readonly life: number
    readonly remembered: boolean
  }
  | {
    readonly _tag: "rotate"
    readonly key: string
    readonly other: string
    readonly userId: string | null
    readonly stale: boolean
    readonly life: number
  }
  | { readonly _tag: "update" | "touch"; readonly key: string; readonly life: number; readonly stale: boolean }
  | { readonly _tag: "read"; readonly key: string }
  | { readonly _tag: "search"; readonly keys: ReadonlyArray<string>; readonly age: number }
  | {
    readonly _tag: "delete"
    readonly keys: ReadonlyArray<string>
    readonly age: number | undefined
    readonly whose: string | undefined
  }
  | {
    readonly _tag: "deleteByUser"
    readonly name: string
    readonly userId: string
    readonly only: string | undefined
    readonly except: string | undefined
  }
  | {
    readonly _tag: "list"
    readonly name: string
    readonly userId: string
    readonly policy: Policy
    readonly limit: number
    readonly offset: number
  }
  | { readonly _tag: "limit"; readonly newest: string; readonly policy: Policy; readonly limit: number }
  | { readonly _tag: "times"; readonly name: string; readonly keys: ReadonlyArray<string> }
  | { readonly _tag: "sweep"; readonly life: number }
  | { readonly _tag: "count"; readonly name: string; readonly policy: Policy }
  | { readonly _tag: "clear"; readonly name: string | undefined }
  | { readonly _tag: "wait"; readonly life: number }

/** The record that an insertion adds. Its handle is the turn in which that was: nobody else has it. */
export const inserted = (
  { key, life, name, previousKey, remembered, userId }: Extract<Operation, { readonly _tag: "insert" }>,
  now: number,
  turn: number
): SessionRecord =>
  sample({
    name,
    key,
    previousKey,
    renamedAt: previousKey === null ? null : now,
    handle: `handle-${turn}`,
    userId,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: now + life,
    remembered
  })

/** The record that a rotation leaves. */
export const rotated = (
  record: SessionRecord,
  { life, other, userId }: Extract<Operation, { readonly _tag: "rotate" }>,
  now: number
): SessionRecord =>
  renamed(record, other, now, { userId, data: `{"n":${now}}`, lastSeenAt: now, expiresAt: now + life })

/** Who is meant, or nobody. */
export const handleOf = (records: ReadonlyMap<string, SessionRecord>, whose: string | undefined): string | undefined =>
  whose === undefined ? undefined : records.get(whose)?.handle ?? "nobody"

/**
 * The contract as a map of records: what each operation answers, and what it leaves. An insertion that has two reasons to
 * fail answers nothing: the contract does not say which one counts.
 */
export const runModel = (
  records: Map<string, SessionRecord>,
  operation: Operation,
  now: number,
  turn: number
): unknown => {
  const all = () => [...records.values()]
  const live = (key: string) => [records.get(key)].find((record) => record !== undefined && now < record.expiresAt)
  const end = (ends: (record: SessionRecord) => boolean) =>
    all().filter(ends).filter(({ key }) => records.delete(key)).length
  const at = { lastSeenAt: now, expiresAt: now + ("life" in operation ? operation.life : 0) }
  switch (operation._tag) {
    case "insert": {
      const { age, key, unlessRenamed } = operation
      const taken = records.has(key)
      if (unlessRenamed !== undefined && all().some((record) => wasRenamed(record, unlessRenamed, now - age))) {
        return taken ? undefined : false
      }
      if (taken) return "KeyExists"
      records.set(key, inserted(operation, now, turn))
      return true
    }
    case "read":
      return live(operation.key)
    case "search": {
      const { age, keys } = operation
      return all().filter((record) =>
        now < record.expiresAt && (keys.includes(record.key) || wasRenamed(record, keys, now - age))
      ).sort((left, right) => left.key < right.key ? -1 : 1)
    }
    case "update":
    case "touch": {
      const record = live(operation.key)
      if (record === undefined || (operation._tag === "update" && operation.stale)) return false
      const times = now > record.lastSeenAt ? at : {}
      const data = operation._tag === "update" ? { data: `{"n":${now}}`, version: record.version + 1 } : {}
      records.set(record.key, { ...record, ...times, ...data })
      return true
    }
    case "rotate": {
      const record = live(operation.key)
      if (record === undefined || operation.stale) return false
      if (operation.other !== operation.key && records.has(operation.other)) return "KeyExists"
      records.delete(operation.key)
      records.set(operation.other, rotated(record, operation, now))
      return true
    }
    case "delete": {
      const { age, keys, whose } = operation
      const handle = handleOf(records, whose)
      return end((record) =>
        keys.includes(record.key) || record.handle === handle ||
        (age !== undefined && wasRenamed(record, keys, now - age))
      )
    }
    case "deleteByUser": {
      const only = handleOf(records, operation.only)
      const except = handleOf(records, operation.except)
      return end((record) =>
        record.name === operation.name && record.userId === operation.userId &&
        (only === undefined || record.handle === only) && record.handle !== except
      )
    }
    case "list": {
      const { limit, name, offset, policy, userId } = operation
      const owner = { name, userId, now, liveAfter: liveAfterOf(policy, now) }
      return all().filter((record) => isLiveOf(record, owner))
        .sort(newestFirst)
        .slice(offset, offset + limit)
    }
    case "sweep":
      return end((record) => record.expiresAt <= now - operation.life)
    case "limit": {
      const { limit, policy } = operation
      const newest = records.get(operation.newest)
      if (newest === undefined || newest.userId === null) return 0
      const { name, userId } = newest
      const owner = { name, userId, now, liveAfter: liveAfterOf(policy, now) }
      const ended = beyond(all().filter((record) => isLiveOf(record, owner)), { limit, newest, now })
      return end((record) => ended.includes(record))
    }
    case "times": {
      const handles = operation.keys.map((key) => handleOf(records, key))
      return byHandle(
        all().filter((record) =>
          record.name === operation.name && handles.includes(record.handle) && now < record.expiresAt
        ).map(timesOf)
      )
    }
    case "count": {
      const { name, policy } = operation
      const live = all().filter((record) => record.name === name && isLiveAfter(record, liveAfterOf(policy, now), now))
      return { live: live.length, signedIn: live.filter(({ userId }) => userId !== null).length }
    }
    case "clear":
      end((record) => operation.name === undefined || record.name === operation.name)
      return undefined
    case "wait":
      return undefined
  }
}
