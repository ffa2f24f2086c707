import type { SessionRecord } from "./record.js"

/** A live record as of time 1000. */
export const sample = (change: Partial<SessionRecord> = {}): SessionRecord => ({
  key: "key",
  userId: null,
  data: "{\"n\":1}",
  version: 1,
  createdAt: 1000,
  lastSeenAt: 1000,
  expiresAt: 2000,
  ...change
})

/** What can be done to a store, on few keys and few users so that they meet. */
export type Operation =
  | {
    readonly _tag: "insert" | "rotate"
    readonly key: string
    readonly other: string
    readonly userId: string | null
    readonly life: number
  }
  | { readonly _tag: "update" | "touch"; readonly key: string; readonly life: number; readonly stale: boolean }
  | { readonly _tag: "delete" | "read"; readonly key: string }
  | { readonly _tag: "deleteByUser"; readonly userId: string; readonly key: string | undefined }
  | { readonly _tag: "list"; readonly userId: string }
  | { readonly _tag: "sweep" | "wait"; readonly life: number }

/** The contract as a map of records: what each operation answers, and what it leaves. */
export const runModel = (records: Map<string, SessionRecord>, operation: Operation, now: number): unknown => {
  const live = (key: string) => [records.get(key)].find((record) => record !== undefined && now < record.expiresAt)
  const at = { lastSeenAt: now, expiresAt: now + ("life" in operation ? operation.life : 0) }
  switch (operation._tag) {
    case "insert": {
      if (records.has(operation.key)) return "KeyExists"
      records.set(operation.key, sample({ ...at, key: operation.key, userId: operation.userId, createdAt: now }))
      return undefined
    }
    case "read":
      return live(operation.key)
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
      if (record === undefined) return false
      if (operation.other !== operation.key && records.has(operation.other)) return "KeyExists"
      records.delete(operation.key)
      records.set(
        operation.other,
        sample({ ...at, key: operation.other, userId: operation.userId, version: record.version + 1 })
      )
      return true
    }
    case "delete":
      return records.delete(operation.key)
    case "deleteByUser":
      return [...records.values()].filter((record) =>
        record.userId === operation.userId && record.key !== operation.key && records.delete(record.key)
      ).length
    case "list":
      return [...records.values()].filter((record) => record.userId === operation.userId && now < record.expiresAt)
        .sort((left, right) => right.lastSeenAt - left.lastSeenAt || (left.key < right.key ? -1 : 1))
    case "sweep":
      return [...records.values()].filter((record) =>
        record.expiresAt <= now - operation.life && records.delete(record.key)
      ).length
    case "wait":
      return undefined
  }
}
