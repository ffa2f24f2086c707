import * as PgClient from "@effect/sql-pg/PgClient"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as AuditLog from "./auditLog.js"
import { redisSessions } from "./redis.js"

const choices = "postgres://… or memory:"

const hintOf = (url: string): string => {
  if (/^rediss?:/.test(url)) return "Redis keeps the sessions only: set SESSIONS_URL to it"
  const database = /^file:/.test(url) ? "SQLite" : /^(mysql|mariadb):/.test(url) ? "MySQL" : undefined
  return database === undefined
    ? `Expected ${choices}`
    : `There is no ${database} driver for Effect 4 yet. Set it to ${choices}`
}

const DatabaseUrl = Schema.String.check(
  Schema.makeFilter((url) => url === "memory:" || /^postgres(ql)?:\/\//.test(url) && URL.canParse(url) || hintOf(url))
)

const databaseUrl = Config.withDefault(Config.schema(DatabaseUrl, "DATABASE_URL"), "memory:")

/** This driver connects when it is first used: it is used at once. */
const postgres = (url: string) =>
  Layer.tap(
    PgClient.layer({ url: Redacted.make(url), connectTimeout: "5 seconds", maxConnections: 20 }),
    (context) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`).pipe(Effect.provide(context))
  )

/** Where what is stored is, for people: nothing secret. */
export const storageName: Effect.Effect<string, Config.ConfigError> = Effect.gen(function*() {
  const name = (yield* databaseUrl).split(":")[0] ?? ""
  return Option.isSome(yield* redisSessions) ? `sessions in redis, activity in ${name}` : `sessions in ${name}`
})

/** The session store of `SESSIONS_URL`, else of `DATABASE_URL`; and the audit log, always in the latter. */
export const StoreLive = Layer.unwrap(Effect.gen(function*() {
  const url = yield* databaseUrl
  const redis = yield* redisSessions
  if (url === "memory:") {
    return Layer.merge(Option.getOrElse(redis, () => SessionStore.layerMemory), AuditLog.layerMemory)
  }
  const stores = Layer.merge(Option.getOrElse(redis, () => SqlSessionStore.layer), AuditLog.layerSql)
  return Layer.provide(stores, postgres(url))
}))
