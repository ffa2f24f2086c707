import { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Str from "effect/String"
import { inject } from "vitest"

const missing = "there is no driver for this version of Effect yet"

const undriven = (compiler: Statement.Compiler): Layer.Layer<SqlClient.SqlClient> =>
  Layer.effect(
    SqlClient.SqlClient,
    SqlClient.make({ acquirer: Effect.die(new Error(missing)), compiler, driver: "none", spanAttributes: [] })
  ).pipe(Layer.provide(Reactivity.layer))

export const sqliteFile = (): string => missing

/** A client of SQLite that speaks its dialect and has no connection. */
export const sqlite = (_options: object = {}): Layer.Layer<SqlClient.SqlClient> =>
  undriven(Statement.makeCompilerSqlite())

const urlOf = (server: { readonly url: string } | { readonly missing: string }): string =>
  "url" in server ? server.url : ""

/** The PostgreSQL server of the tests, or why there is none. */
export const postgresMissing = (): string | undefined => {
  const server = inject("postgres")
  return "missing" in server ? server.missing : undefined
}

export const postgresUrl = (): string => urlOf(inject("postgres"))

export const postgres = (
  options: Partial<PgClient.PgPoolConfig> = {}
): Layer.Layer<SqlClient.SqlClient | PgClient.PgClient, SqlError> =>
  Layer.suspend(() => PgClient.layer({ url: Redacted.make(postgresUrl()), ...options }))

export const mysqlMissing = (): string | undefined => missing

export const mysqlUrl = (): string => ""

/** Nobody asks for it, since it is missing. */
export const mysql = (_options: object = {}): Layer.Layer<SqlClient.SqlClient> =>
  undriven(Statement.makeCompilerSqlite())

/** How an app may have set up its client: with camelCase names on the JavaScript side. */
export const camelCase = {
  transformQueryNames: Str.camelToSnake,
  transformResultNames: Str.snakeToCamel
}
