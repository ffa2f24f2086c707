import type * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import { conformance } from "effect-sessions/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath, pathToFileURL } from "node:url"
import { sqliteFile } from "../support/clients.js"
import { sized } from "./support/size.js"
import { change, now, sample, storeOn } from "./support/stores.js"

const drivers = fileURLToPath(new URL("../drivers/", import.meta.url))
const installed = existsSync(`${drivers}node_modules/better-sqlite3/build/Release/better_sqlite3.node`)

/** The driver is no dependency of the project, for its native part may need a compiler; so it has no types here. */
const driver = async (): Promise<{
  readonly layer: (options: { readonly filename: string }) => Layer.Layer<SqlClient.SqlClient>
}> => import(pathToFileURL(createRequire(drivers).resolve("@effect/sql-sqlite-node/SqliteClient")).href)

const sqliteNode = () =>
  Layer.unwrapEffect(Effect.map(Effect.promise(driver), ({ layer }) => layer({ filename: sqliteFile() })))

const missing = installed ? "" : " (skipped: not installed, run `npm ci --prefix test/drivers`)"

describe.skipIf(!installed)(`@effect/sql-sqlite-node${missing}`, () => {
  conformance("SQLite, node driver", Layer.provide(SqlSessionStore.layer, sqliteNode()), {
    runs: sized({ small: 15, full: 1_000 })
  })

  scopedLive("loses no increment of writers that race", () =>
    Effect.gen(function*() {
      const { store } = yield* storeOn(sqliteNode(), { prefix: "increments" })
      yield* store.insert({ record: sample({ data: "0" }) })
      const writer = Effect.gen(function*() {
        for (let wins = 0; wins < 50;) {
          const record = Option.getOrThrow(yield* store.read("key", now))
          yield* Effect.yieldNow()
          if (yield* store.update(change(record, String(Number(record.data) + 1)))) wins++
        }
      })
      yield* Effect.replicateEffect(writer, 8, { concurrency: "unbounded", discard: true })
      assert.strictEqual(Option.getOrThrow(yield* store.read("key", now)).data, "400")
    }))

  scopedLive("joins a transaction of its own client, and none of another", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* storeOn(sqliteNode(), { prefix: "joining" })
      const { sql: other } = yield* storeOn(sqliteNode(), { prefix: "joining" })
      const insert = Effect.zipRight(store.insert({ record: sample() }), Effect.fail("undone"))
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(insert)), "undone")
      assert.isTrue(Option.isNone(yield* store.read("key", now)))
      assert.strictEqual(yield* Effect.flip(other.withTransaction(insert)), "undone")
      assert.isTrue(Option.isSome(yield* store.read("key", now)))
    }))
})
