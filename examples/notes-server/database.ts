import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlError from "@effect/sql/SqlError"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as AuditLog from "./auditLog.js"

const defaultUrl = "file:notes-server.sqlite"

/** This driver throws where it cannot open the file. */
const openFile = (url: string) =>
  Layer.catchAllCause(LibsqlClient.layer({ url }), (cause) =>
    Cause.isInterrupted(cause)
      ? Layer.failCause(cause)
      : Layer.fail(
        new SqlError.SqlError({ cause: Cause.squash(cause), message: "LibsqlClient: Failed to open the file" })
      ))

const sqlStores = Layer.merge(SqlSessionStore.layer, AuditLog.layerSql)
const memoryStores = Layer.merge(SessionStore.layerMemory, AuditLog.layerMemory)

/** Several processes may share the file: readers and a writer do not wait for each other. */
const sqlite = (url: string) =>
  Layer.provide(
    sqlStores,
    Layer.tap(openFile(url), (context) =>
      Effect.flatMap(SqlClient.SqlClient, (sql) =>
        sql`PRAGMA journal_mode = WAL`).pipe(Effect.provide(context)))
  )

const postgres = (url: string) =>
  Layer.provide(
    sqlStores,
    PgClient.layer({ url: Redacted.make(url), connectTimeout: "5 seconds", maxConnections: 20 })
  )

const mysql = (url: string) => Layer.provide(sqlStores, MysqlClient.layer({ url: Redacted.make(url) }))

/** The name of the database for people: nothing secret. */
export const databaseName: Effect.Effect<string, ConfigError.ConfigError> = Effect.map(
  Config.withDefault(Config.string("DATABASE_URL"), defaultUrl),
  (url) => url === "memory:" ? "memory" : url.startsWith("file:") ? `SQLite ${url.slice(5)}` : url.split(":")[0] ?? ""
)

/** The session store that `DATABASE_URL` names, and the audit log beside it. */
export const StoreLive = Layer.unwrapEffect(Effect.gen(function*() {
  const url = yield* Config.withDefault(Config.string("DATABASE_URL"), defaultUrl)
  if (url === "memory:") return memoryStores
  if (/^file:./.test(url)) return sqlite(url)
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return postgres(url)
  if (/^(mysql|mariadb):\/\//.test(url) && URL.canParse(url)) return mysql(url.replace(/^mariadb:/, "mysql:"))
  return yield* Effect.fail(
    ConfigError.InvalidData(["DATABASE_URL"], "Expected memory:, file:PATH, postgres://… or mysql://…")
  )
}))
