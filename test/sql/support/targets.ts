import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import { mysqlMissing, mysqlUrl, postgresMissing, postgresUrl, sqliteFile } from "../../support/clients.js"
import { clientOf } from "./environment.js"

/** A database that several processes can share. */
export interface Target {
  readonly name: string
  readonly dialect: "pg" | "mysql" | "sqlite"
  readonly missing: string | undefined
  /** The URL. A file of its own at each call, where the database is a file. */
  readonly url: () => string
}

export const postgresTarget: Target = {
  name: "PostgreSQL",
  dialect: "pg",
  missing: postgresMissing(),
  url: postgresUrl
}

export const mysqlTarget: Target = { name: "MySQL", dialect: "mysql", missing: mysqlMissing(), url: mysqlUrl }

export const sqliteTarget: Target = {
  name: "SQLite",
  dialect: "sqlite",
  missing: undefined,
  url: () => `file:${sqliteFile()}`
}

export const targets: ReadonlyArray<Target> = [postgresTarget, mysqlTarget, sqliteTarget]

/** Runs an effect with a client of this process. */
export const withClient =
  (url: string) => <A, E>(effect: Effect.Effect<A, E, SqlClient.SqlClient>): Effect.Effect<A, E> =>
    Effect.provide(effect, clientOf(url, 4))

/** Drops the table and the ledger of a prefix, so that a run begins without the rows of another. */
export const dropTables = (url: string, prefix: string): Effect.Effect<void> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.zipRight(
      sql`DROP TABLE IF EXISTS ${sql(prefix)}`,
      sql`DROP TABLE IF EXISTS ${sql(`${prefix}_migrations`)}`
    )).pipe(Effect.asVoid, Effect.orDie, withClient(url))

/** The users of all rows of a prefix: who has a session, and how many. */
export const usersWithRows = (url: string, prefix: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql<{ readonly user_id: string | Uint8Array }>`SELECT user_id FROM ${sql(prefix)}`
  ).pipe(
    Effect.map((rows) => rows.map((row) => Buffer.from(row.user_id).toString("utf8"))),
    Effect.orDie,
    withClient(url)
  )
