import { createRequire } from "node:module"
import type { Table } from "./contenders.js"

/** The little of `pg` that is used here; the package belongs to the benchmark alone. */
interface PgPool {
  query(sql: string, values?: ReadonlyArray<unknown>): Promise<{ rows: Array<Record<string, string>> }>
  end(): Promise<void>
  on(event: "error", listener: (error: Error) => void): void
}

const databaseName = "effect_sessions_benchmark"

/** The benchmark's own database, made new and dropped at the end. */
export interface Postgres {
  readonly version: string
  /** Where it keeps its data, if that is on this machine. */
  readonly dataDirectory: string | undefined
  /** A schema for one contender, so that no two meet; answers the URL that leads into it. */
  readonly schema: (name: string) => Promise<string>
  /** Multiplies one stored row, under new keys, until there are `count` more. */
  readonly copyRows: (schema: string, table: Table, count: number, expired: boolean) => Promise<void>
  readonly countRows: (schema: string, table: Table) => Promise<number>
  /** Tables and indexes, after a vacuum. */
  readonly bytes: (schema: string, table: Table) => Promise<number>
  readonly drop: () => Promise<void>
}

/** One connection, so that statements queue. */
const connect = (url: string): PgPool => {
  const { Pool } = createRequire(import.meta.url)("pg") as {
    readonly Pool: new(options: { connectionString: string; max: number; idleTimeoutMillis: number }) => PgPool
  }
  const pool = new Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 })
  // A connection that dies idle fails the next statement, which tells.
  pool.on("error", () => {})
  return pool
}

/** `BENCHMARK_POSTGRES_URL` names a server on which a database may be created. */
export const openPostgres = async (): Promise<Postgres> => {
  const server = new URL(process.env["BENCHMARK_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres")
  const admin = connect(server.href)
  await admin.query(`DROP DATABASE IF EXISTS ${databaseName} WITH (FORCE)`)
  await admin.query(`CREATE DATABASE ${databaseName}`)
  const url = new URL(server)
  url.pathname = `/${databaseName}`
  const client = connect(url.href)
  const setting = async (name: string): Promise<string | undefined> => {
    const { rows } = await client.query(`SHOW ${name}`).catch(() => ({ rows: [] }))
    return rows[0]?.[name]
  }

  const qualified = (schema: string, table: Table) => `"${schema}"."${table.name}"`

  return {
    version: await setting("server_version") ?? "unknown",
    dataDirectory: await setting("data_directory"),
    schema: async (name) => {
      await client.query(`DROP SCHEMA IF EXISTS "${name}" CASCADE`)
      await client.query(`CREATE SCHEMA "${name}"`)
      const inside = new URL(url)
      inside.searchParams.set("options", `-c search_path=${name}`)
      // `options` is read as it stands by libpq and its kin: a space is %20, never +.
      return inside.href.replaceAll("+", "%20")
    },
    copyRows: async (schema, table, count, expired) => {
      const name = qualified(schema, table)
      const { rows } = await client.query(
        `SELECT column_name FROM information_schema.columns
         WHERE table_schema = $1 AND table_name = $2 AND column_name <> $3`,
        [schema, table.name, table.key]
      )
      const others = rows.map((row) => `"${row["column_name"]}"`).join(", ")
      await client.query(
        `INSERT INTO ${name} ("${table.key}", ${others})
         SELECT encode(sha256(random()::text::bytea || n::text::bytea), 'hex'), ${others}
         FROM (SELECT * FROM ${name} LIMIT 1) AS one, generate_series(1, ${count}) AS n`
      )
      if (expired) await client.query(`UPDATE ${name} SET ${table.expired}`)
      await client.query(`VACUUM ANALYZE ${name}`)
      // Else the database writes the rows to disk while their reads are measured. Not every user may ask for it.
      await client.query("CHECKPOINT").catch(() => {})
    },
    countRows: async (schema, table) => {
      const { rows } = await client.query(`SELECT count(*) AS count FROM ${qualified(schema, table)}`)
      return Number(rows[0]?.["count"])
    },
    bytes: async (schema, table) => {
      await client.query(`VACUUM FULL ${qualified(schema, table)}`)
      const { rows } = await client.query(`SELECT pg_total_relation_size('${qualified(schema, table)}') AS bytes`)
      return Number(rows[0]?.["bytes"])
    },
    drop: async () => {
      await client.end()
      await admin.query(`DROP DATABASE IF EXISTS ${databaseName} WITH (FORCE)`)
      await admin.end()
    }
  }
}
