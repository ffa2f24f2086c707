import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Sessions from "effect-sessions/Sessions"
import * as SessionTimeouts from "effect-sessions/SessionTimeouts"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { mysql, mysqlMissing, postgres, postgresMissing, sqlite, sqliteFile } from "../support/clients.js"
import { eventually } from "./support/processes.js"
import { Ledger } from "./support/session.js"
import { now, operationsOf, postgresWith, sample, storeOn, unavailable } from "./support/stores.js"

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
      Sessions.layer(Ledger).pipe(
        Layer.provide(SessionTimeouts.layer()),
        Layer.provide(SqlSessionStore.layerWith({ prefix })),
        Layer.provideMerge(client)
      )
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

/**
 * Whatever a transaction has seen already, sessions are as they are outside of it. Each work is done in a transaction of
 * its own whose snapshot was taken before.
 */
const seesWhatWasAcknowledged = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const { sessions, sql } = yield* managerOn(client)
    const { sessions: elsewhere } = yield* managerOn(client)
    const increment = (data: { readonly count: number; readonly items: ReadonlyArray<string> }) => ({
      ...data,
      count: data.count + 1
    })
    const inTransaction = <A, E>(work: Effect.Effect<A, E>) =>
      sql.withTransaction(Effect.zipRight(sql`SELECT COUNT(*) FROM ${sql(prefix)}`, work))
    const { id } = yield* sessions.create({ user: "user" })

    yield* inTransaction(Effect.gen(function*() {
      yield* sessions.update(id, increment)
      const { data } = yield* sessions.update(id, increment)
      assert.strictEqual(data.count, 2)
    }))
    yield* inTransaction(Effect.gen(function*() {
      yield* elsewhere.update(id, increment)
      assert.strictEqual(Option.getOrThrow(yield* sessions.read(id)).data.count, 3)
      yield* elsewhere.update(id, increment)
      const { data } = yield* sessions.update(id, increment)
      assert.strictEqual(data.count, 5)
    }))
    yield* inTransaction(Effect.gen(function*() {
      const created = yield* sessions.create({ user: "user" })
      assert.isTrue(Option.isSome(yield* sessions.read(created.id)))
      yield* sessions.destroy(created.id)
      assert.isTrue(Option.isNone(yield* sessions.read(created.id)))
    }))
    yield* inTransaction(Effect.gen(function*() {
      yield* elsewhere.destroy(id)
      assert.isTrue(Option.isNone(yield* sessions.read(id)))
      assert.strictEqual((yield* sessions.listByUser("user")).length, 0)
    }))
  })

/** A point at which each waits for all. */
const meeting = (size: number) =>
  Effect.map(Effect.makeLatch(false), (latch) => {
    let missing = size
    return Effect.suspend(() => --missing === 0 ? latch.open : latch.await)
  })

/** Every operation, called where it can have no connection, fails in time, and those who wait for one go on then. */
const failsInTime = <E>(client: (maxConnections: number) => Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const options = { prefix, timeout: "300 millis", bulkTimeout: "400 millis" } as const
    for (const size of [1, 5]) {
      const { sql, store } = yield* storeOn(client(size), options)
      yield* Effect.retry(store.clear(), { times: 20 })
      for (const [operation, writes, effect] of operationsOf(store)) {
        // As many transactions as there are connections, none of which lets go before all have been answered.
        const begun = yield* meeting(size)
        const answered = yield* meeting(size)
        const results = yield* Effect.replicateEffect(
          sql.withTransaction(
            Effect.zipRight(begun, Effect.zipLeft(Effect.uninterruptible(Effect.flip(effect)), answered))
          ),
          size,
          { concurrency: "unbounded" }
        )
        for (const error of results) yield* unavailable(Effect.fail(error), operation, /no answer in time/, writes)
      }
      // Whether the writes are made later is open: the driver of MySQL cannot take them back.
      yield* eventually(
        "the store works",
        Effect.gen(function*() {
          yield* Effect.ignore(store.insert({ record: sample({ key: "later" }) }))
          const found = yield* Effect.option(store.read("later", now))
          return Option.getOrUndefined(Option.flatten(found))
        })
      )
    }
  })

const otherClientsAreNotJoined = <E>(client: Layer.Layer<SqlClient.SqlClient, E>, prefix: string) =>
  Effect.gen(function*() {
    const { store } = yield* storeOn(client, { prefix })
    const app = Context.get(yield* Layer.build(sqlite()), SqlClient.SqlClient)
    yield* store.clear()
    yield* rolledBack(
      app,
      Effect.gen(function*() {
        yield* store.insert({ record: sample() })
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
      })
    )
    assert.isTrue(Option.isSome(yield* store.read("key", now)))
  })

/** A layer that is built inside a transaction of the app makes its table outside of it. */
const isBuiltOutside = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const { sql } = yield* storeOn(client, { prefix })
    const lazy = "transactions_lazy"
    yield* sql`DROP TABLE IF EXISTS ${sql(lazy)}`
    yield* sql`DROP TABLE IF EXISTS ${sql(`${lazy}_migrations`)}`
    const make = Effect.provideService(SqlSessionStore.make({ prefix: lazy }), SqlClient.SqlClient, sql)
    yield* rolledBack(sql, make)
    const store = yield* make
    yield* store.insert({ record: sample() })
  })

describe("A transaction of the app", () => {
  describe.skipIf(postgresMissing() !== undefined)("on PostgreSQL", () => {
    scopedLive("does not bring a signed-out session back when it is rolled back", () => signOutStays(postgres()))
    for (const isolation of ["read committed", "repeatable read", "serializable"]) {
      scopedLive(
        `D1: hides nothing that was acknowledged (${isolation})`,
        () => seesWhatWasAcknowledged(postgresWith({ default_transaction_isolation: isolation }))
      )
    }
    scopedLive(
      "C1: makes every operation fail typed and in time where the pool has no other connection",
      () => failsInTime((maxConnections) => postgres({ maxConnections }))
    )
    scopedLive("on another database is not joined", () => otherClientsAreNotJoined(postgres(), prefix))
    scopedLive("does not take the migrations with it", () => isBuiltOutside(postgres()))
    scopedLive("on another PostgreSQL client does not take a write with it", () =>
      Effect.gen(function*() {
        const { sql } = yield* storeOn(postgres(), { prefix })
        const { store } = yield* storeOn(postgres(), { prefix })
        yield* store.clear()
        yield* rolledBack(sql, store.insert({ record: sample() }))
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
      }))
  })

  describe.skipIf(mysqlMissing() !== undefined)("on MySQL", () => {
    scopedLive("does not bring a signed-out session back when it is rolled back", () => signOutStays(mysql()))
    scopedLive("D1: hides nothing that was acknowledged", () => seesWhatWasAcknowledged(mysql()))
    scopedLive(
      "C1: makes every operation fail typed and in time where the pool has no other connection",
      () => failsInTime((maxConnections) => mysql({ maxConnections }))
    )
    scopedLive("on another database is not joined", () => otherClientsAreNotJoined(mysql(), prefix))
  })

  describe("on SQLite", () => {
    scopedLive(
      "is joined by the store, for there is one connection: what it writes is rolled back with it",
      () =>
        Effect.gen(function*() {
          const { sql, store } = yield* storeOn(sqlite(), { prefix })
          yield* rolledBack(
            sql,
            Effect.gen(function*() {
              yield* store.insert({ record: sample() })
              assert.isTrue(Option.isSome(yield* store.read("key", now)))
            })
          )
          assert.isTrue(Option.isNone(yield* store.read("key", now)))
          yield* sql.withTransaction(store.insert({ record: sample() }))
          assert.isTrue(Option.isSome(yield* store.read("key", now)))
        })
    )
    scopedLive("of @effect/sql-libsql is marked as the store thinks it is", () =>
      Effect.gen(function*() {
        const { sql } = yield* storeOn(sqlite(), { prefix })
        const isMarked = Effect.map(
          Effect.context<never>(),
          Context.getOption(Context.GenericTag<unknown>("@effect/sql-libsql/LibsqlClient/LibsqlTransaction"))
        )
        assert.isTrue(Option.isNone(yield* isMarked))
        assert.isTrue(Option.isSome(yield* sql.withTransaction(isMarked)))
      }))
    scopedLive("on another SQLite file is not joined", () => otherClientsAreNotJoined(sqlite(), prefix))
    scopedLive(
      "of another client on the same file is not joined either, nor waited for longer than said",
      () =>
        Effect.gen(function*() {
          const url = `file:${sqliteFile()}`
          const { store } = yield* storeOn(sqlite({ url }), { prefix, timeout: "300 millis" })
          const { sql } = yield* storeOn(sqlite({ url }), { prefix })
          const error = yield* sql.withTransaction(Effect.flip(store.insert({ record: sample() })))
          assert.strictEqual(error.reason, "Unavailable")
          yield* store.insert({ record: sample() })
        })
    )
  })
})
