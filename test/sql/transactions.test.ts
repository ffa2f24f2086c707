import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Sessions from "effect-sessions/Sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { mysql, mysqlMissing, postgres, postgresMissing, sqlite } from "../support/clients.js"
import { Ledger } from "./support/session.js"
import { now, sample, storeOn } from "./support/stores.js"

const prefix = "transactions"

class Undone {
  readonly _tag = "Undone"
}

/** Runs an effect in a transaction of the app, which is then rolled back. */
const rolledBack = <A, E, R>(sql: SqlClient.SqlClient, effect: Effect.Effect<A, E, R>) =>
  Effect.map(
    Effect.either(sql.withTransaction(Effect.zipRight(effect, Effect.fail(new Undone())))),
    (result) => assert.isTrue(result._tag === "Left" && result.left instanceof Undone)
  )

const managerOn = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Sessions.layer(Ledger).pipe(Layer.provide(SqlSessionStore.layerWith({ prefix })), Layer.provideMerge(client))
    )
    return { sessions: Context.get(context, Ledger.sessions), sql: Context.get(context, SqlClient.SqlClient) }
  })

const signOutStays = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const { sessions, sql } = yield* managerOn(client)
    const { id } = yield* sessions.create({ user: "user" })
    yield* rolledBack(sql, sessions.destroy(id))
    assert.isTrue(Option.isNone(yield* sessions.read(id)))

    const { id: kept } = yield* sessions.create({ user: "user" })
    yield* rolledBack(sql, sessions.destroyByUser("user"))
    assert.isTrue(Option.isNone(yield* sessions.read(kept)))
  })

const readsNeedNoSecondConnection = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const { sql, store } = yield* storeOn(client, { prefix })
    yield* store.clear
    yield* store.insert(sample({ userId: "user" }))
    yield* sql.withTransaction(Effect.gen(function*() {
      assert.isTrue(Option.isSome(yield* store.read("key", now)))
      assert.strictEqual((yield* store.listByUser("user", { now, limit: 10, offset: 0 })).length, 1)
      assert.strictEqual(yield* store.count(now), 1)
    }))
  })

const writesDoNotHang = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const { sql, store } = yield* storeOn(client, { prefix })
    yield* store.clear
    const result = yield* sql.withTransaction(Effect.either(store.insert(sample())))
    assert.strictEqual(result._tag === "Left" ? result.left.reason : result._tag, "Unavailable")
    // Whether the write is made later is open, as with every unavailable store: the driver of MySQL cannot take it back.
    yield* store.insert(sample({ key: "another" }))
  })

const otherClientsAreNotJoined = <E>(client: Layer.Layer<SqlClient.SqlClient, E>, prefix: string) =>
  Effect.gen(function*() {
    const { store } = yield* storeOn(client, { prefix })
    const app = Context.get(yield* Layer.build(sqlite()), SqlClient.SqlClient)
    yield* store.clear
    yield* rolledBack(
      app,
      Effect.gen(function*() {
        yield* store.insert(sample())
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
      })
    )
    assert.isTrue(Option.isSome(yield* store.read("key", now)))
  })

describe("A transaction of the app", () => {
  describe.skipIf(postgresMissing() !== undefined)("on PostgreSQL", () => {
    scopedLive("does not bring a signed-out session back when it is rolled back", () => signOutStays(postgres()))
    scopedLive(
      "shares its connection with reads, so that a pool of one suffices",
      () => readsNeedNoSecondConnection(postgres({ maxConnections: 1 }))
    )
    scopedLive(
      "makes a write fail typed where there is no second connection",
      () => writesDoNotHang(postgres({ maxConnections: 1 }))
    )
    scopedLive("on another database is not joined", () => otherClientsAreNotJoined(postgres(), prefix))
    scopedLive("on another PostgreSQL client does not take a write with it", () =>
      Effect.gen(function*() {
        const { sql } = yield* storeOn(postgres(), { prefix })
        const { store } = yield* storeOn(postgres(), { prefix })
        yield* store.clear
        yield* rolledBack(sql, store.insert(sample()))
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
      }))
  })

  describe.skipIf(mysqlMissing() !== undefined)("on MySQL", () => {
    scopedLive("does not bring a signed-out session back when it is rolled back", () => signOutStays(mysql()))
    scopedLive(
      "shares its connection with reads, so that a pool of one suffices",
      () => readsNeedNoSecondConnection(mysql({ maxConnections: 1 }))
    )
    scopedLive(
      "makes a write fail typed where there is no second connection",
      () => writesDoNotHang(mysql({ maxConnections: 1 }))
    )
    scopedLive("on another database is not joined", () => otherClientsAreNotJoined(mysql(), prefix))
  })

  describe("on SQLite", () => {
    scopedLive(
      "is joined by writes, for there is one connection: they are rolled back with it",
      () =>
        Effect.gen(function*() {
          const { sql, store } = yield* storeOn(sqlite(), { prefix })
          yield* rolledBack(sql, store.insert(sample()))
          assert.isTrue(Option.isNone(yield* store.read("key", now)))
          yield* sql.withTransaction(store.insert(sample()))
          assert.isTrue(Option.isSome(yield* store.read("key", now)))
        })
    )
    scopedLive("shares its connection with reads", () => readsNeedNoSecondConnection(sqlite()))
    scopedLive("on another SQLite file is not joined", () => otherClientsAreNotJoined(sqlite(), prefix))
  })
})
