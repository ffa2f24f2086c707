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
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as AuditLog from "./auditLog.js"
import { redisSessions } from "./redis.js"

const defaultUrl = "file:notes-server.sqlite"

/** This driver throws where it cannot open the file. */
const openFile = (url: string) =>
  Layer.catchAllCause(LibsqlClient.layer({ url }), (cause) =>
    Cause.isInterrupted(cause)
      ? Layer.failCause(cause)
      : Layer.fail(
        new SqlError.SqlError({ cause: Cause.squash(cause), message: "LibsqlClient: Failed to open the file" })
      ))

/** Several processes may share the file: readers and a writer do not wait for each other. */
const sqlite = (url: string) =>
  Layer.tap(
    openFile(url),
    (context) =>
      Effect.flatMap(SqlClient.SqlClient, (sql) => sql`PRAGMA journal_mode = WAL`).pipe(Effect.provide(context))
  )

const postgres = (url: string) =>
  PgClient.layer({ url: Redacted.make(url), connectTimeout: "5 seconds", maxConnections: 20 })

const mysql = (url: string) => MysqlClient.layer({ url: Redacted.make(url) })

const databaseUrl = Config.withDefault(Config.string("DATABASE_URL"), defaultUrl)

const nameOf = (url: string): string =>
  url === "memory:" ? "memory" : url.startsWith("file:") ? `SQLite ${url.slice(5)}` : url.split(":")[0] ?? ""

/** Where what is stored is, for people: nothing secret. */
export const storageName: Effect.Effect<string, ConfigError.ConfigError> = Effect.gen(function*() {
  const name = nameOf(yield* databaseUrl)
  return Option.isSome(yield* redisSessions) ? `sessions in redis, activity in ${name}` : `sessions in ${name}`
})

/** The session store of `SESSIONS_URL`, else of `DATABASE_URL`; and the audit log, always in the latter. */
export const StoreLive = Layer.unwrapEffect(Effect.gen(function*() {
  const url = yield* databaseUrl
  const redis = yield* redisSessions
  const stores = Layer.merge(Option.getOrElse(redis, () => SqlSessionStore.layer), AuditLog.layerSql)
  if (url === "memory:") {
    return Layer.merge(Option.getOrElse(redis, () => SessionStore.layerMemory), AuditLog.layerMemory)
  }
  if (/^file:./.test(url)) return Layer.provide(stores, sqlite(url))
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return Layer.provide(stores, postgres(url))
  if (/^(mysql|mariadb):\/\//.test(url) && URL.canParse(url)) {
    return Layer.provide(stores, mysql(url.replace(/^mariadb:/, "mysql:")))
  }
  return yield* Effect.fail(
    ConfigError.InvalidData(
      ["DATABASE_URL"],
      /^rediss?:/.test(url)
        ? "Redis keeps the sessions only: set SESSIONS_URL to it"
        : "Expected memory:, file:PATH, postgres://… or mysql://…"
    )
  )
}))
