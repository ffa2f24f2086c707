import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Sessions from "effect-sessions/Sessions"
import * as SessionTimeouts from "effect-sessions/SessionTimeouts"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import { mysql, mysqlMissing, postgres, postgresMissing, sqlite } from "../support/clients.js"
import { Ledger } from "./support/session.js"
import { everySession, now, sample, storeOn } from "./support/stores.js"

const prefix = "corruption"

/** What may have happened to a row, as an assignment. Text in a number column is possible on SQLite only. */
const corruptions = {
  everywhere: [
    ["data that is not JSON", "data = 'not json'"],
    ["data cut off", "data = '{\"count\":1,\"ite'"],
    ["no data", "data = ''"],
    ["data of another schema", "data = '{\"count\":\"many\",\"items\":[]}'"],
    ["data that is null", "data = 'null'"],
    ["activity before the beginning", "last_seen_at = created_at - 1"],
    ["a beginning in the far future", "created_at = created_at + 86400000, last_seen_at = last_seen_at + 86400000"],
    ["a beginning before time began", "created_at = -1"],
    ["an end in two hundred thousand years", "expires_at = 6311390400000000"],
    ["an end that is no safe integer", "expires_at = 9007199254740993"]
  ],
  sqlite: [
    ["text in place of a time", "expires_at = 'never'"],
    ["half a millisecond", "last_seen_at = last_seen_at + 0.5"],
    ["bytes in place of text", "data = x'00ff'"]
  ]
} as const

/** A corrupted session is a session that is not there: no failure, nothing is written to it, and it can be removed. */
const isAbsent = <E>(client: Layer.Layer<SqlClient.SqlClient, E>, assignment: string) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Sessions.layer(Ledger).pipe(
        Layer.provide(SessionTimeouts.layer()),
        Layer.provide(SqlSessionStore.layerWith({ prefix })),
        Layer.provideMerge(client)
      )
    )
    const sessions = Context.get(context, Ledger.sessions)
    const sql = Context.get(context, SqlClient.SqlClient)
    yield* sessions.clear
    const { id } = yield* sessions.create({ user: "user" })
    const { id: healthy } = yield* sessions.create({ user: "user" })
    const { key } = Option.getOrThrow(yield* sessions.read(id)).record
    yield* sql`UPDATE ${sql(prefix)} SET ${sql.literal(assignment)} WHERE ${sql("key")} = ${key}`

    assert.isTrue(Option.isNone(yield* sessions.read(id)))
    const update = yield* Effect.either(sessions.update(id, (data) => ({ ...data, count: 1 })))
    assert.strictEqual(update._tag === "Left" ? update.left._tag : update._tag, "SessionGone")
    const rotation = yield* Effect.either(sessions.rotate(id))
    assert.strictEqual(rotation._tag === "Left" ? rotation.left._tag : rotation._tag, "SessionGone")
    assert.isTrue(Option.isSome(yield* sessions.read(healthy)))
    assert.isAtLeast((yield* sessions.listByUser("user")).length, 1)
    yield* sessions.destroy(id)
    yield* sessions.destroy(healthy)
    const left = yield* sql`SELECT 1 FROM ${sql(prefix)}`
    assert.strictEqual(left.length, 0)
  }).pipe(Effect.provide(Logger.minimumLogLevel(LogLevel.None)))

const tests = <E>(
  client: Layer.Layer<SqlClient.SqlClient, E>,
  corruptions: ReadonlyArray<readonly [name: string, assignment: string]>
) => {
  for (const [name, assignment] of corruptions) {
    scopedLive(`${name} makes it a session that is not there`, () => isAbsent(client, assignment))
  }
}

describe("A corrupted row", () => {
  describe("on SQLite", () => {
    tests(sqlite(), [...corruptions.everywhere, ...corruptions.sqlite])

    scopedLive(
      "E4: with a number that the driver refuses to read is read, and hides no other",
      () =>
        Effect.gen(function*() {
          const { sql, store } = yield* storeOn(sqlite(), { prefix })
          const healthy = sample({ key: "healthy", handle: "healthy", userId: "user" })
          yield* store.insert({ record: sample({ userId: "user" }) })
          yield* store.insert({ record: healthy })
          yield* sql`UPDATE ${sql(prefix)} SET expires_at = 9007199254740993 WHERE ${sql("key")} = ${"key"}`
          const found = Option.getOrThrow(yield* store.read("key", now))
          assert.isFalse(Number.isSafeInteger(found.expiresAt))
          assert.deepStrictEqual(yield* store.listByUser(everySession), [found, healthy])
          assert.deepStrictEqual(yield* store.search({ keys: ["healthy", "key"], renamedAfter: 0, now }), [
            found,
            healthy
          ])
          assert.strictEqual(yield* store.delete({ keys: ["key"] }), 1)
        })
    )
  })
  describe.skipIf(postgresMissing() !== undefined)(
    "on PostgreSQL",
    () => tests(postgres(), corruptions.everywhere)
  )
  describe.skipIf(mysqlMissing() !== undefined)(
    "on MySQL",
    () => tests(mysql(), corruptions.everywhere)
  )
})
