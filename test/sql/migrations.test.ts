import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scoped, scopedLive } from "@effect/vitest"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { clientOf } from "./support/environment.js"
import { start } from "./support/processes.js"
import { sized, timeout } from "./support/size.js"
import { holding, now, sample, storeOn } from "./support/stores.js"
import { dropTables, mysqlTarget, postgresTarget, type Target, targets } from "./support/targets.js"

const prefix = "migrating"

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
    // On SQLite a client that waits for another stops the process, and the other with it.
    if (target.dialect !== "sqlite") {
      scopedLive("succeed in nodes that boot at once on an empty database", () =>
        Effect.gen(function*() {
          const { sql, url } = yield* fresh(target)
          const nodes = sized({ small: 8, full: 16 })
          yield* Effect.replicateEffect(
            Effect.flatMap(storeOn(clientOf(url, 2), { prefix }), ({ store }) => store.read("key", now)),
            nodes,
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(yield* sql`SELECT 1 FROM ${sql(prefix)}`, [])
        }), timeout)
    }

    // Processes are slow to start, so few do.
    const processes = sized({ small: target.dialect === "sqlite" ? 2 : 0, middle: 4, full: 8 })
    if (processes > 0) {
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
    }

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

/** The URL of a target for somebody else. */
const urlFor = (target: Target, user: string, password: string): string => {
  const url = new URL(target.url())
  url.username = user
  url.password = password
  return url.href
}

/** Makes a user who may use all tables that `schema` has or will have, and create none. */
const withoutCreate = (
  sql: SqlClient.SqlClient,
  dialect: Target["dialect"],
  name: string,
  schema: string,
  database: string
) =>
  Effect.forEach(
    dialect === "pg"
      ? [
        `DROP SCHEMA IF EXISTS ${schema} CASCADE`,
        `CREATE SCHEMA ${schema}`,
        `DROP ROLE IF EXISTS ${name}`,
        `CREATE ROLE ${name} LOGIN PASSWORD 'secret'`,
        `GRANT USAGE ON SCHEMA ${schema} TO ${name}`,
        `ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${name}`
      ]
      : [
        `DROP SCHEMA IF EXISTS ${schema}`,
        `CREATE SCHEMA ${schema}`,
        `DROP USER IF EXISTS ${name}`,
        `CREATE USER ${name} IDENTIFIED BY 'secret'`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.* TO ${name}`,
        `GRANT SELECT ON ${database}.* TO ${name}`
      ],
    (text) => sql.unsafe(text),
    { discard: true }
  )

describe.each([postgresTarget, mysqlTarget])("$name, whose tables others use and guard", (target) => {
  describe.skipIf(target.missing !== undefined)("migrations", () => {
    scopedLive(
      "D3: wait for nobody who reads, such as a backup, where there is nothing to do",
      () =>
        Effect.gen(function*() {
          const { client, sql } = yield* fresh(target)
          yield* storeOn(client, { prefix })
          yield* holding(
            sql,
            Effect.zipRight(sql`SELECT * FROM ${sql(`${prefix}_migrations`)}`, sql`SELECT * FROM ${sql(prefix)}`)
          )
          const { store } = yield* storeOn(client, { prefix })
          yield* store.insert({ record: sample() })
        })
    )

    // The clock of this test stands still, so nothing is tried again after a while.
    scoped(
      "D4: of a role that may not create tables fail at once and say what to do, which works",
      () =>
        Effect.gen(function*() {
          const { client, sql } = yield* fresh(target)
          const schema = "sessions_denied"
          const name = "sessions_nobody"
          yield* withoutCreate(sql, target.dialect, name, schema, new URL(target.url()).pathname.slice(1))
          const denied = clientOf(urlFor(target, name, "secret"), 2)
          const options = { prefix, schema }
          const refusal = yield* Effect.flip(
            Effect.scoped(Layer.build(Layer.provide(SqlSessionStore.layerWith(options), denied)))
          )
          assert.strictEqual(refusal._tag, "SessionConfigError")
          assert.include(refusal.message, "`migrate: false`")
          assert.include(refusal.message, "`migrations`")
          const ours = yield* Effect.provideService(SqlSessionStore.migrations(options), SqlClient.SqlClient, sql)
          yield* Effect.all(Object.values(ours)).pipe(Effect.provideService(SqlClient.SqlClient, sql))
          const { store } = yield* storeOn(denied, { ...options, migrate: false })
          assert.isTrue(yield* store.insert({ record: sample() }))
          assert.strictEqual(yield* store.delete({ keys: ["key"] }), 1)
          // Where our own ledger says that nothing is missing, the role may look as well.
          yield* storeOn(client, options)
          yield* storeOn(denied, options)
        })
    )
  })
})

describe.skipIf(mysqlTarget.missing !== undefined)("MySQL, whose rows are compact unless told otherwise", () => {
  scopedLive("D5: migrations make a table whose indexes fit", () =>
    Effect.gen(function*() {
      const { client, sql } = yield* fresh(mysqlTarget)
      yield* Effect.acquireRelease(
        sql`SET GLOBAL innodb_default_row_format = compact`,
        () => Effect.orDie(sql`SET GLOBAL innodb_default_row_format = dynamic`)
      )
      const { store } = yield* storeOn(client, { prefix })
      yield* store.insert({ record: sample({ name: "n".repeat(255), userId: "u".repeat(255) }) })
    }))
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
