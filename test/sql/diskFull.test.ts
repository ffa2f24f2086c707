import * as SqlClient from "@effect/sql/SqlClient"
import { assert, effect } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { sqlite } from "../support/clients.js"
import { now, sample } from "./support/stores.js"

const Live = Layer.provideMerge(SqlSessionStore.layer, sqlite())

effect(
  "A database without room fails writes typed, still reads and ends sessions, and goes on once there is room",
  () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const store = yield* SessionStore.SessionStore
      const data = JSON.stringify({ text: "x".repeat(20_000) })
      yield* store.insert({ record: sample({ key: "kept" }) })
      yield* store.insert({ record: sample({ key: "ended" }) })
      yield* sql`PRAGMA max_page_count = 1`
      const full = yield* Effect.flip(Effect.forEach(
        Array.from({ length: 50 }, (_, index) => sample({ key: `more${index}`, data })),
        (record) => store.insert({ record })
      ))
      assert.strictEqual(full._tag === "SessionStoreError" && full.detail, "SqlError SQLITE_FULL")
      assert.strictEqual(full.reason, "Unavailable")
      assert.isFalse(full.outcomeUnknown)
      assert.isTrue(Option.isSome(yield* store.read("kept", now)))
      assert.strictEqual(yield* store.delete({ keys: ["ended"] }), 1)
      yield* sql`PRAGMA max_page_count = 100000`
      yield* store.insert({ record: sample({ key: "later", data }) })
      assert.isTrue(Option.isSome(yield* store.read("later", now)))
    }).pipe(Effect.provide(Live))
)
