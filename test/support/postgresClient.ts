import { PgClient } from "@effect/sql-pg"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Str from "effect/String"
import { inject } from "vitest"

/** The PostgreSQL server of the tests, or why there is none. */
export const postgresMissing = (): string | undefined => {
  const server = inject("postgres")
  return "missing" in server ? server.missing : undefined
}

export const postgresUrl = (): string => urlOf(inject("postgres"))

export const postgres = (
  options: Partial<PgClient.PgClientConfig> = {}
): Layer.Layer<SqlClient.SqlClient | PgClient.PgClient, SqlError> =>
  Layer.suspend(() => PgClient.layer({ url: Redacted.make(postgresUrl()), ...options }))

/** None if the server is missing. */
export const urlOf = (server: { readonly url: string } | { readonly missing: string }): string =>
  "url" in server ? server.url : ""

/** How an app may have set up its client: with camelCase names on the JavaScript side. */
export const camelCase = {
  transformQueryNames: Str.camelToSnake,
  transformResultNames: Str.snakeToCamel
}
