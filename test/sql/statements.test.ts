import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mysql } from "../support/clients.js"
import { always, countLive } from "../support/observedStore.js"
import { clientOf } from "./support/environment.js"
import { ownPostgres } from "./support/ownPostgres.js"
import { everySession, now, owner, rotation, sample, storeOn } from "./support/stores.js"
import { mysqlTarget, postgresTarget } from "./support/targets.js"

const prefix = "counted"

/** Every operation of the store, with what each kind of statement it may need is called. */
const operations = (store: SessionStore.Service) =>
  [
    ["insert", "INSERT", store.insert({ record: sample({ userId: "user" }) })],
    [
      "insert unless renamed",
      "INSERT",
      store.insert({ record: sample({ key: "guarded" }), unlessRenamed: { keys: ["other"], after: 0 } })
    ],
    ["read", "SELECT", store.read("key", now)],
    ["search", "SELECT", store.search({ keys: ["key", "other"], renamedAfter: 0, now })],
    [
      "update",
      "UPDATE",
      store.update({ key: "key", expectedVersion: 1, data: "{}", lastSeenAt: 1001, expiresAt: 2001, now })
    ],
    ["touch", "UPDATE", store.touch({ key: "key", lastSeenAt: 1002, expiresAt: 2002, now })],
    [
      "rotate",
      "UPDATE",
      store.rotate(rotation(sample({ version: 2, userId: "user" }), "next"))
    ],
    ["listByUser", "SELECT", store.listByUser(everySession)],
    ["readTimes", "SELECT", store.readTimes({ name: owner.name, handles: ["handle", "other"], now })],
    [
      "limitByUser",
      "END",
      store.limitByUser({ ...owner, now, liveAfter: always, limit: 5, newest: sample({ userId: "user" }) })
    ],
    ["count", "SELECT", countLive(store, owner.name, now)],
    ["deleteByUser but one", "END", store.deleteByUser({ ...owner, except: "next" })],
    ["deleteByUser", "END", store.deleteByUser(owner)],
    ["delete", "END", store.delete({ keys: ["key", "other"], renamedAfter: 0, handle: "handle" })],
    ["deleteExpired", "DELETE", store.deleteExpired(0, 10)],
    ["clear", "END", store.clear(owner.name)],
    ["clear all", "END", store.clear()]
  ] as const

describe.skipIf(postgresTarget.missing !== undefined)("PostgreSQL, by its own count", () => {
  scopedLive("each operation is one statement, without a transaction around it", () =>
    Effect.gen(function*() {
      const { url } = yield* ownPostgres([
        "shared_preload_libraries=pg_stat_statements",
        "pg_stat_statements.track_utility=on"
      ])
      const admin = Context.get(yield* Layer.build(clientOf(url, 1)), SqlClient.SqlClient)
      yield* admin`CREATE EXTENSION pg_stat_statements`
      const { store } = yield* storeOn(clientOf(url, 4), { prefix })
      for (const [name, kind, operation] of operations(store)) {
        yield* admin`SELECT pg_stat_statements_reset()`
        yield* operation
        const statements = yield* admin<{ readonly query: string; readonly calls: string }>`
          SELECT query, calls FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'
        `
        const seen = statements.map(({ calls, query }) => `${query.split(" ")[0]} ${calls}`)
        assert.deepStrictEqual(seen, [`${kind === "END" ? "WITH" : kind} 1`], name)
      }
    }))
})

const counters = [
  "begin",
  "commit",
  "delete",
  "delete_multi",
  "insert",
  "insert_select",
  "rollback",
  "select",
  "set_option",
  "update"
]

describe.skipIf(mysqlTarget.missing !== undefined)("MySQL, by its own count", () => {
  scopedLive("each operation is one statement, without a transaction around it", () =>
    Effect.gen(function*() {
      // The counters are those of a connection, so there is only one.
      const { sql, store } = yield* storeOn(mysql({ maxConnections: 1 }), { prefix })
      yield* store.clear()
      const count = Effect.map(
        sql.unsafe<{ readonly Variable_name: string; readonly Value: string }>("SHOW SESSION STATUS LIKE 'Com\\_%'"),
        (rows) => new Map(rows.map((row) => [row.Variable_name.slice("Com_".length).toLowerCase(), Number(row.Value)]))
      )
      for (const [name, kind, operation] of operations(store)) {
        const before = yield* count
        yield* operation
        const after = yield* count
        const seen = counters.flatMap((counter) => {
          const calls = (after.get(counter) ?? 0) - (before.get(counter) ?? 0)
          return calls === 0 ? [] : [`${counter.split("_")[0]?.toUpperCase()} ${calls}`]
        })
        assert.deepStrictEqual(seen, [`${kind === "END" ? "DELETE" : kind} 1`], name)
      }
    }))
})
