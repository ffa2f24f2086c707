import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqlText from "../../src/core/sqlText.js"
import { clientOf } from "./support/environment.js"
import { fill, fillKey, fillNow } from "./support/fill.js"
import { report, sized, timeout } from "./support/size.js"
import { sample, storeOn } from "./support/stores.js"
import { dropTables, type Target, targets } from "./support/targets.js"

const prefix = "planned"

const liveSince = (time: number) => {
  const since = { seenAfter: time, begunAfter: 0 }
  return { ordinary: since, remembered: since }
}

/** Every statement that a growing table must not slow down. `count` and `clear` read all of it, by what they are for. */
const indexed = (statements: SqlText.Statements): Record<string, SqlText.Statement> => {
  const key = fillKey(4)
  const keys = [key, fillKey(8)]
  const times = { lastSeenAt: fillNow, expiresAt: fillNow + 900_000, now: fillNow }
  const user = { name: "name", userId: "user-4" }
  const next = sample({ key: "next", userId: "user", ...times })
  const after = fillNow - 60_000
  return {
    insert: statements.insert(next, undefined),
    "insert unless renamed": statements.insert(sample({ key: "new" }), { keys, after }),
    read: statements.read(key, fillNow),
    search: statements.search(keys, after, fillNow),
    update: statements.update({ ...times, key, expectedVersion: 1, data: "{}" }),
    touch: statements.touch({ ...times, key }),
    rotate: statements.rotate(key, 1, next, fillNow),
    delete: statements.delete([key], undefined, undefined),
    "delete successors": statements.delete(keys, after, "handle"),
    deleteByUser: statements.deleteByUser(user, undefined, undefined),
    "deleteByUser, one": statements.deleteByUser(user, "handle", undefined),
    "deleteByUser but one": statements.deleteByUser(user, undefined, "handle"),
    listByUser: statements.listByUser({
      ...user,
      now: fillNow,
      liveAfter: liveSince(after),
      limit: 100,
      offset: 0
    }),
    limitByUser: statements.limitByUser({
      ...user,
      now: fillNow,
      liveAfter: liveSince(after),
      limit: 5,
      newest: { handle: "handle", createdAt: fillNow }
    }),
    readTimes: statements.readTimes("App", ["handle", "another"], fillNow),
    deleteExpired: statements.deleteExpired(fillNow - 60_000, 1000)
  }
}

/** The plan of a statement as text, and how the database calls reading the whole table. */
const explain: Readonly<
  Record<
    Target["dialect"],
    { readonly prefix: string; readonly wholeTable: RegExp; readonly expected: RegExp }
  >
> = {
  pg: { prefix: "EXPLAIN (FORMAT JSON) ", wholeTable: /Seq Scan/, expected: /Index (Only )?Scan/ },
  sqlite: {
    prefix: "EXPLAIN QUERY PLAN ",
    wholeTable: /SCAN (?!batch|led|CONSTANT ROW)/,
    expected: /SEARCH .* USING .*INDEX/
  },
  mysql: {
    prefix: "EXPLAIN FORMAT=JSON ",
    wholeTable: /(?<!<(?:derived|union)[\d,]+>",[\sn]*)"access_type": ?"(ALL|index)"/,
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
          for (const [name, { parameters, text }] of Object.entries(indexed(statements))) {
            const plan = JSON.stringify(yield* sql.unsafe(explain[dialect].prefix + text, parameters)).replaceAll(
              "\\",
              ""
            )
            assert.notMatch(plan, explain[dialect].wholeTable, name)
            if (name !== "insert") assert.match(plan, explain[dialect].expected, name)
            plans[name] = [...new Set(plan.match(/"(?:Index Name|key|detail)": ?"[^"]+"/g))].join(" ")
          }
          report(`plans, ${target.name}`, { rows, plans })
          yield* dropTables(url, prefix)
        }),
      timeout
    )
  })
})
