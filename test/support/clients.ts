import { LibsqlClient } from "@effect/sql-libsql"
import { MysqlClient } from "@effect/sql-mysql2"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inject } from "vitest"
import { urlOf } from "./postgresClient.js"

export { camelCase, postgres, postgresMissing, postgresUrl } from "./postgresClient.js"

let files = 0

/** An SQLite database in a file of its own. */
export const sqliteFile = (): string => `${inject("directory")}/${process.pid}-${++files}.sqlite`

export const sqlite = (
  options: Partial<LibsqlClient.LibsqlClientConfig.Full> = {}
): Layer.Layer<SqlClient.SqlClient> =>
  Layer.suspend(() => LibsqlClient.layer({ url: `file:${sqliteFile()}`, ...options }))

/** The MySQL server of the tests, or why there is none. */
export const mysqlMissing = (): string | undefined => {
  const server = inject("mysql")
  return "missing" in server ? server.missing : undefined
}

export const mysqlUrl = (): string => urlOf(inject("mysql"))

export const mysql = (
  options: Partial<MysqlClient.MysqlClientConfig> = {}
): Layer.Layer<SqlClient.SqlClient, SqlError | ConfigError.ConfigError> =>
  Layer.suspend(() => MysqlClient.layer({ url: Redacted.make(mysqlUrl()), ...options }))
