import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"

export { camelCase, postgres, postgresMissing, postgresUrl } from "./postgresClient.js"

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

export const mysqlMissing = (): string | undefined => missing

export const mysqlUrl = (): string => ""

/** Nobody asks for it, since it is missing. */
export const mysql = (_options: object = {}): Layer.Layer<SqlClient.SqlClient> =>
  undriven(Statement.makeCompilerSqlite())
