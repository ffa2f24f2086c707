import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqlText from "../../src/internal/sqlText.js"
import { clientOf } from "./support/environment.js"
import { fill, fillKey, fillNow } from "./support/fill.js"
import { report, sized, timeout } from "./support/size.js"
import { storeOn } from "./support/stores.js"
import { dropTables, type Target, targets } from "./support/targets.js"

const prefix = "planned"

/** Every statement that a growing table must not slow down. `count` and `clear` read all of it, by what they are for. */
const indexed = (statements: SqlText.Statements) => {
  const key = fillKey(4)
  const ends = fillNow + 900_000
  const before = fillNow - 60_000
  const times = SqlText.laterTimesParameters({ lastSeenAt: fillNow, expiresAt: ends })
  return [
    ["read", statements.read, [key, fillNow]],
    ["update", statements.update, ["{}", ...times, key, 1, fillNow]],
    ["touch", statements.touch, [...times, key, fillNow]],
    [
      "rotate",
      statements.rotate,
      ["next", "user", "{}", 2, fillNow, fillNow, ends, SqlText.sweepAfter(ends), key, 1, fillNow]
    ],
    ["delete", statements.delete, [key]],
    ["deleteByUser", statements.deleteByUser, ["user-4"]],
    ["deleteByUser but one", statements.deleteByUserExcept, ["user-4", key]],
    ["listByUser", statements.listByUser(100, 0), ["user-4", fillNow]],
    ["deleteExpired", statements.deleteExpired(1000), [SqlText.sweepAfter(before), before, before]]
  ] as const
}

/** The plan of a statement as text, and how the database calls reading the whole table. */
const explain: Readonly<
  Record<
    Target["dialect"],
    { readonly prefix: string; readonly wholeTable: RegExp; readonly expected: RegExp }
  >
> = {
  pg: { prefix: "EXPLAIN (FORMAT JSON) ", wholeTable: /Seq Scan/, expected: /Index (Only )?Scan/ },
  sqlite: { prefix: "EXPLAIN QUERY PLAN ", wholeTable: /SCAN (?!batch)/, expected: /SEARCH .* USING .*INDEX/ },
  mysql: {
    prefix: "EXPLAIN FORMAT=JSON ",
    wholeTable: /(?<!<derived\d+>",[\sn]*)"access_type": ?"(ALL|index)"/,
    expected: /"key"/
  }
}

describe.each(targets)("$name", (target) => {
  describe.skipIf(target.missing !== undefined)("on a large table", () => {
    scopedLive(
      "reads no table from end to end for any statement of a request or a sweep",
      () =>
        Effect.gen(function*() {
          const { dialect } = target
          const rows = sized({ small: 20_000, full: dialect === "mysql" ? 999_999 : 1_000_000 })
          const url = target.url()
          yield* dropTables(url, prefix)
          const client = clientOf(url, 2)
          yield* storeOn(client, { prefix })
          const sql = Context.get(yield* Layer.build(client), SqlClient.SqlClient)
          yield* fill(sql, dialect, prefix, rows)
          const statements = SqlText.statements(dialect, { prefix, schema: undefined, unlogged: false })
          const plans: Record<string, string> = {}
          for (const [name, text, parameters] of indexed(statements)) {
            const plan = JSON.stringify(yield* sql.unsafe(explain[dialect].prefix + text, parameters)).replaceAll(
              "\\",
              ""
            )
            assert.notMatch(plan, explain[dialect].wholeTable, name)
            assert.match(plan, explain[dialect].expected, name)
            plans[name] = [...new Set(plan.match(/"(?:Index Name|key|detail)": ?"[^"]+"/g))].join(" ")
          }
          report(`plans, ${target.name}`, { rows, plans })
          yield* dropTables(url, prefix)
        }),
      timeout
    )
  })
})
