import * as PgClient from "@effect/sql-pg/PgClient"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as AuditLog from "./auditLog.js"

const choices = "postgres://… or memory:"

const DatabaseUrl = Schema.String.check(Schema.makeFilter((url) => {
  if (url === "memory:" || /^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return true
  const database = /^file:/.test(url) ? "SQLite" : /^(mysql|mariadb):/.test(url) ? "MySQL" : undefined
  return database === undefined
    ? `Expected ${choices}`
    : `There is no ${database} driver for Effect 4 yet. Set it to ${choices}`
}))

const databaseUrl = Config.withDefault(Config.schema(DatabaseUrl, "DATABASE_URL"), "memory:")

/** This driver connects when it is first used: it is used at once. */
const postgres = (url: string) =>
  Layer.provide(
    Layer.merge(SqlSessionStore.layer, AuditLog.layerSql),
    Layer.tap(
      PgClient.layer({ url: Redacted.make(url), connectTimeout: "5 seconds", maxConnections: 20 }),
      (context) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`).pipe(Effect.provide(context))
    )
  )

/** The name of the database for people: nothing secret. */
export const databaseName: Effect.Effect<string, Config.ConfigError> = Effect.map(
  databaseUrl,
  (url) => url.split(":")[0] ?? ""
)

/** The session store that `DATABASE_URL` names, and the audit log beside it. */
export const StoreLive = Layer.unwrap(
  Effect.map(
    databaseUrl,
    (url) => url === "memory:" ? Layer.merge(SessionStore.layerMemory, AuditLog.layerMemory) : postgres(url)
  )
)
