import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { clientOf } from "./support/environment.js"
import { start } from "./support/processes.js"
import { sized, timeout } from "./support/size.js"
import { now, sample, storeOn } from "./support/stores.js"
import { dropTables, mysqlTarget, postgresTarget, type Target, targets } from "./support/targets.js"

const prefix = "migrating"

const processes = sized({ small: 4, full: 8 })

const nameOf = ({ dialect }: Target, name: string): string => dialect === "mysql" ? `\`${name}\`` : `"${name}"`

/** A database without our tables, and a client for it. */
const fresh = (target: Target, prefixes: ReadonlyArray<string> = [prefix]) =>
  Effect.gen(function*() {
    const url = target.url()
    yield* Effect.forEach(prefixes, (prefix) => dropTables(url, prefix))
    const client = clientOf(url, 5)
    const sql = Context.get(yield* Layer.build(client), SqlClient.SqlClient)
    return { url, client, sql }
  })

const ledgerOf = (sql: SqlClient.SqlClient, table: string) =>
  Effect.map(
    sql<{ readonly name: string }>`SELECT name FROM ${sql(table)} ORDER BY migration_id`,
    (rows) => rows.map(({ name }) => name)
  )

describe.each(targets)("$name", (target) => {
  describe.skipIf(target.missing !== undefined)("migrations", () => {
    scopedLive("succeed in processes that boot at once on an empty database", () =>
      Effect.gen(function*() {
        const { sql, url } = yield* fresh(target)
        const nodes = yield* Effect.replicateEffect(
          Effect.flatMap(
            start("boot.ts", { DATABASE_URL: url, PREFIX: prefix }),
            (node) => Effect.map(node.exitCode, (code) => ({ code, errors: node.errors() }))
          ),
          processes,
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(nodes, nodes.map(() => ({ code: 0, errors: "" })))
        const rows = yield* sql`SELECT 1 FROM ${sql(prefix)}`
        assert.strictEqual(rows.length, processes)
      }), timeout)

    scopedLive(
      "bring a database up to date that knows only the first of them, and keep its rows",
      () =>
        Effect.gen(function*() {
          const { client, sql } = yield* fresh(target)
          const [first, ...others] = Object.entries(
            yield* Effect.provideService(SqlSessionStore.migrations({ prefix }), SqlClient.SqlClient, sql)
          )
          assert.isDefined(first)
          yield* Migrator.make({})({
            loader: Migrator.fromRecord(Object.fromEntries(first === undefined ? [] : [first])),
            table: `${prefix}_migrations`
          }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
          const { store: old } = yield* storeOn(client, { prefix, migrate: false })
          yield* old.insert({ record: sample() })
          assert.strictEqual((yield* ledgerOf(sql, `${prefix}_migrations`)).length, 1)

          const { store } = yield* storeOn(client, { prefix })
          assert.deepStrictEqual(Option.getOrUndefined(yield* store.read("key", now)), sample())
          assert.strictEqual((yield* ledgerOf(sql, `${prefix}_migrations`)).length, 1 + others.length)
        })
    )

    scopedLive("do nothing to a database that is up to date", () =>
      Effect.gen(function*() {
        const { client, sql } = yield* fresh(target)
        yield* Effect.flatMap(storeOn(client, { prefix }), ({ store }) => store.insert({ record: sample() }))
        const ledger = yield* ledgerOf(sql, `${prefix}_migrations`)
        const { store } = yield* storeOn(client, { prefix })
        assert.deepStrictEqual(Option.getOrUndefined(yield* store.read("key", now)), sample())
        assert.deepStrictEqual(yield* ledgerOf(sql, `${prefix}_migrations`), ledger)
      }))

    scopedLive("keep a ledger of their own beside the app's", () =>
      Effect.gen(function*() {
        const { client, sql } = yield* fresh(target)
        yield* sql`DROP TABLE IF EXISTS effect_sql_migrations`
        yield* sql`DROP TABLE IF EXISTS app_table`
        const migrate = Migrator.make({})({
          loader: Migrator.fromRecord({
            "0001_app_table": Effect.flatMap(SqlClient.SqlClient, (sql) => sql`CREATE TABLE app_table (id INTEGER)`)
          })
        }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
        yield* storeOn(client, { prefix })
        assert.strictEqual((yield* migrate).length, 1)
        assert.deepStrictEqual(yield* ledgerOf(sql, "effect_sql_migrations"), ["app_table"])
        yield* sql`DROP TABLE effect_sql_migrations`
        yield* sql`DROP TABLE app_table`
      }))

    scopedLive("run in the app's own migrator, with migrate: false in the layer", () =>
      Effect.gen(function*() {
        const { client, sql } = yield* fresh(target)
        yield* sql`DROP TABLE IF EXISTS own_ledger`
        const { store } = yield* storeOn(client, { prefix, migrate: false })
        assert.isTrue((yield* Effect.either(store.read("key", now)))._tag === "Left")
        const ours = yield* Effect.provideService(SqlSessionStore.migrations({ prefix }), SqlClient.SqlClient, sql)
        yield* Migrator.make({})({ loader: Migrator.fromRecord(ours), table: "own_ledger" }).pipe(
          Effect.provideService(SqlClient.SqlClient, sql)
        )
        yield* store.insert({ record: sample() })
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
        assert.isTrue((yield* Effect.either(ledgerOf(sql, `${prefix}_migrations`)))._tag === "Left")
        yield* sql`DROP TABLE own_ledger`
      }))

    scopedLive("give two prefixes two tables that do not see each other", () =>
      Effect.gen(function*() {
        const { client } = yield* fresh(target, ["migrating_one", "migrating_two"])
        const { store: one } = yield* storeOn(client, { prefix: "migrating_one" })
        const { store: two } = yield* storeOn(client, { prefix: "migrating_two" })
        yield* one.insert({ record: sample() })
        assert.isTrue(Option.isNone(yield* two.read("key", now)))
        yield* two.clear()
        assert.isTrue(Option.isSome(yield* one.read("key", now)))
      }))

    scopedLive("make a table that is missing although the ledger says that it is there", () =>
      Effect.gen(function*() {
        const { client, sql } = yield* fresh(target)
        yield* storeOn(client, { prefix })
        yield* sql.unsafe(`DROP TABLE ${nameOf(target, prefix)}`)
        const { store } = yield* storeOn(client, { prefix })
        yield* store.insert({ record: sample() })
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
      }))
  })
})

describe.each([postgresTarget, mysqlTarget])("$name, a schema of its own", (target) => {
  describe.skipIf(target.missing !== undefined)("migrations", () => {
    scopedLive("put the table and the ledger there", () =>
      Effect.gen(function*() {
        const { client, sql } = yield* fresh(target)
        yield* sql.unsafe("DROP SCHEMA IF EXISTS sessions_elsewhere" + (target.dialect === "pg" ? " CASCADE" : ""))
        yield* sql.unsafe("CREATE SCHEMA sessions_elsewhere")
        const { store } = yield* storeOn(client, { prefix, schema: "sessions_elsewhere" })
        yield* store.insert({ record: sample() })
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
        const rows = yield* sql.unsafe(`SELECT 1 FROM sessions_elsewhere.${nameOf(target, prefix)}`)
        assert.strictEqual(rows.length, 1)
        assert.isAtLeast((yield* ledgerOf(sql, `sessions_elsewhere.${prefix}_migrations`)).length, 1)
        assert.isTrue((yield* Effect.either(sql`SELECT 1 FROM ${sql(prefix)}`))._tag === "Left")
        yield* storeOn(client, { prefix, schema: "sessions_elsewhere" })
      }))
  })
})

describe.skipIf(postgresTarget.missing !== undefined)("PostgreSQL, an unlogged table", () => {
  for (const unlogged of [true, false]) {
    scopedLive(unlogged ? "is unlogged when asked for" : "is logged when not asked for", () =>
      Effect.gen(function*() {
        const { client, sql } = yield* fresh(postgresTarget)
        yield* storeOn(client, { prefix, unlogged })
        const [row] = yield* sql<{ readonly relpersistence: string }>`
          SELECT relpersistence FROM pg_class WHERE oid = ${prefix}::regclass
        `
        assert.strictEqual(row?.relpersistence, unlogged ? "u" : "p")
      }))
  }
})
