import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { startCluster } from "../../redis/support/cluster.js"
import { clearRecords, usersWithRecords } from "../../redis/support/records.js"
import { binaryMissing, startServer } from "../../redis/support/servers.js"
import { mysqlMissing, mysqlUrl, postgresMissing, postgresUrl, sqliteFile } from "../../support/clients.js"
import { clientOf, isRedis } from "./environment.js"

/** Where several processes can share their sessions. */
export interface Shared {
  readonly name: string
  readonly missing: string | undefined
  /** Starts it, if the tests have none yet, and says its URL. What it started ends with the scope. */
  readonly start: Effect.Effect<string, never, Scope.Scope>
}

/** A database that several processes can share. */
export interface Target extends Shared {
  readonly dialect: "pg" | "mysql" | "sqlite"
  /** The URL. A file of its own at each call, where the database is a file. */
  readonly url: () => string
}

const database = (target: Omit<Target, "start">): Target => ({ ...target, start: Effect.sync(target.url) })

export const postgresTarget: Target = database({
  name: "PostgreSQL",
  dialect: "pg",
  missing: postgresMissing(),
  url: postgresUrl
})

export const mysqlTarget: Target = database({
  name: "MySQL",
  dialect: "mysql",
  missing: mysqlMissing(),
  url: mysqlUrl
})

export const sqliteTarget: Target = database({
  name: "SQLite",
  dialect: "sqlite",
  missing: undefined,
  url: () => `file:${sqliteFile()}`
})

export const targets: ReadonlyArray<Target> = [postgresTarget, mysqlTarget, sqliteTarget]

/** A Redis server of its own at each start. */
export const redisTarget: Shared = {
  name: "Redis",
  missing: binaryMissing(),
  start: Effect.map(startServer(), ({ url }) => url)
}

/** A Redis Cluster of three masters of its own at each start. */
export const redisClusterTarget: Shared = {
  name: "Redis Cluster",
  missing: binaryMissing(),
  start: Effect.map(startCluster, ({ servers }) => `redis-cluster://127.0.0.1:${servers[0]?.port}`)
}

/** Runs an effect with a client of this process. */
export const withClient =
  (url: string) => <A, E>(effect: Effect.Effect<A, E, SqlClient.SqlClient>): Effect.Effect<A, E> =>
    Effect.provide(effect, clientOf(url, 4))

/** Drops the table and the ledger of a prefix, or its keys, so that a run begins without the rows of another. */
export const dropTables = (url: string, prefix: string): Effect.Effect<void> =>
  isRedis(url) ? clearRecords(url, prefix) : Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.zipRight(
      sql`DROP TABLE IF EXISTS ${sql(prefix)}`,
      sql`DROP TABLE IF EXISTS ${sql(`${prefix}_migrations`)}`
    )).pipe(Effect.asVoid, Effect.orDie, withClient(url))

/** The users of all rows of a prefix: who has a session, and how many. */
export const usersWithRows = (url: string, prefix: string): Effect.Effect<ReadonlyArray<string>> =>
  isRedis(url) ? usersWithRecords(url, prefix) : Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql<{ readonly user_id: string | Uint8Array }>`SELECT user_id FROM ${sql(prefix)}`
  ).pipe(
    Effect.map((rows) => rows.map((row) => Buffer.from(row.user_id).toString("utf8"))),
    Effect.orDie,
    withClient(url)
  )
