import type * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type { Target } from "./targets.js"

/** The time of a filled table: sessions that end before are expired. */
export const fillNow = 1_700_000_000_000

/** The key of a filled row. */
export const fillKey = (index: number): string => `key-${String(index).padStart(40, "0")}`

const numbers: Readonly<Record<Target["dialect"], (rows: number) => string>> = {
  pg: (rows) => `SELECT g::bigint AS n FROM generate_series(0, ${rows - 1}) AS g`,
  sqlite: (rows) =>
    `WITH RECURSIVE counter (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counter WHERE n < ${
      rows - 1
    }) SELECT n FROM counter`,
  mysql: (rows) => {
    const digit =
      "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
    const tables = ["a", "b", "c", "d", "e", "f"]
    const value = tables.map((name, index) => `${name}.d * ${10 ** index}`).join(" + ")
    return `SELECT n FROM (SELECT ${value} AS n FROM ${
      tables.map((name) => `${digit} ${name}`).join(", ")
    }) AS counter WHERE n < ${rows}`
  }
}

const keyText: Readonly<Record<Target["dialect"], string>> = {
  pg: "'key-' || lpad(n::text, 40, '0')",
  sqlite: "'key-' || printf('%040d', n)",
  mysql: "CONCAT('key-', LPAD(n, 40, '0'))"
}

const formerText: Readonly<Record<Target["dialect"], string>> = {
  pg: "'was-' || lpad(n::text, 40, '0')",
  sqlite: "'was-' || printf('%040d', n)",
  mysql: "CONCAT('was-', LPAD(n, 40, '0'))"
}

const handleText: Readonly<Record<Target["dialect"], string>> = {
  pg: "'handle-' || lpad(n::text, 15, '0')",
  sqlite: "'handle-' || printf('%015d', n)",
  mysql: "CONCAT('handle-', LPAD(n, 15, '0'))"
}

const userText: Readonly<Record<Target["dialect"], string>> = {
  pg: "'user-' || (n / 3)",
  sqlite: "'user-' || (n / 3)",
  mysql: "CONCAT('user-', FLOOR(n / 3))"
}

const bucket: Readonly<Record<Target["dialect"], (ends: string) => string>> = {
  pg: (ends) => `(${ends} + 299999) / 300000 * 300000`,
  sqlite: (ends) => `(${ends} + 299999) / 300000 * 300000`,
  mysql: (ends) => `(${ends} + 299999) DIV 300000 * 300000`
}

/**
 * Fills a table: one row in five is expired, since the last hour; every second belongs to a user, with about two
 * sessions each, every fourth was renamed once, an hour ago; the others live for another minute at least, a quarter of an hour at most. Refreshes the statistics of the planner.
 */
export const fill = (
  sql: SqlClient.SqlClient,
  dialect: Target["dialect"],
  table: string,
  rows: number
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const key = dialect === "mysql" ? "`key`" : "\"key\""
    const ends =
      `CASE WHEN n % 5 = 0 THEN ${fillNow} - 3600000 + (n * 7919) % 3600000 ELSE ${fillNow} + 60000 + (n * 7919) % 900000 END`
    yield* sql.unsafe(
      `INSERT INTO ${table} (name, ${key}, previous_key, renamed_at, handle, user_id, data, version, created_at, last_seen_at, expires_at, sweep_after)
       SELECT 'name', ${keyText[dialect]}, CASE WHEN n % 4 = 0 THEN ${formerText[dialect]} END,
         CASE WHEN n % 4 = 0 THEN ${fillNow} - 3600000 END, ${handleText[dialect]}, CASE WHEN n % 2 = 0 THEN ${
        userText[dialect]
      } END,
         '{"cart":["apple","pear"],"locale":"en","theme":"dark","visits":17}', 1,
         ${fillNow} - 7200000, ${fillNow} - 1000, ${ends}, ${bucket[dialect](`(${ends})`)}
       FROM (${numbers[dialect](rows)}) AS numbers`
    )
    yield* sql.unsafe(
      dialect === "pg" ? `VACUUM ANALYZE ${table}` : dialect === "mysql" ? `ANALYZE TABLE ${table}` : "ANALYZE"
    )
  }).pipe(Effect.orDie)

/** How many rows of a filled table are expired. */
export const expiredOf = (rows: number): number => Math.ceil(rows / 5)
