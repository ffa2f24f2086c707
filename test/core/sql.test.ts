import { assert, describe, prop } from "@effect/vitest"
import { affectedRows, classify } from "effect-sessions/internal/sqlFailure"
import * as SqlText from "effect-sessions/internal/sqlText"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const dialects = ["pg", "sqlite", "mysql"] as const
const options: SqlText.TableOptions = { prefix: "sessions", schema: undefined, unlogged: false }

const textsOf = (dialect: SqlText.Dialect, options: SqlText.TableOptions): ReadonlyArray<string> => {
  const { deleteExpired, listByUser, ...fixed } = SqlText.statements(dialect, options)
  return [...Object.values(fixed), listByUser(10, 20), deleteExpired(30)]
}

describe("Statements", () => {
  for (const dialect of dialects) {
    test(`of ${dialect} are one statement each, on the given table, without a literal`, () => {
      for (const text of textsOf(dialect, options)) {
        assert.notInclude(text, ";")
        assert.notInclude(text, "'")
        assert.include(text, dialect === "mysql" ? "`sessions`" : "\"sessions\"")
      }
    })

    test(`of ${dialect} have numbered parameters only where the dialect wants them`, () => {
      const { update } = SqlText.statements(dialect, options)
      assert.strictEqual(update.includes("?"), dialect !== "pg")
      assert.strictEqual(
        dialect === "pg" ? update.match(/\$\d+/g)?.join() : undefined,
        dialect === "pg" ? "$1,$2,$3,$4,$5,$6,$7,$8,$9,$10" : undefined
      )
    })

    test(`of ${dialect} read no clock but ours`, () => {
      for (const text of textsOf(dialect, options)) assert.notMatch(text, /now\s*\(|current_timestamp|sysdate/i)
    })

    prop(`of ${dialect} page with whole numbers, whatever is asked for`, {
      limit: FastCheck.double(),
      offset: FastCheck.double()
    }, ({ limit, offset }) => {
      const statements = SqlText.statements(dialect, options)
      assert.match(statements.listByUser(limit, offset), / LIMIT \d+ OFFSET \d+$/)
      assert.match(statements.deleteExpired(limit), / LIMIT \d+\b/)
    })
  }

  test("touch no data and change no version", () => {
    for (const dialect of dialects) assert.notMatch(SqlText.statements(dialect, options).touch, /\bdata\b|\bversion\b/)
  })

  test("name the schema, in the ledger too", () => {
    const withSchema = { ...options, schema: "app" }
    for (const text of textsOf("pg", withSchema)) assert.include(text, "\"app\".\"sessions\"")
    for (const text of textsOf("mysql", withSchema)) assert.include(text, "`app`.`sessions`")
    assert.strictEqual(SqlText.ledgerOf(withSchema), "app.sessions_migrations")
    assert.strictEqual(SqlText.ledgerOf(options), "sessions_migrations")
  })
})

describe("problemsOf", () => {
  prop("lets only names pass that need no escaping", {
    prefix: FastCheck.oneof(FastCheck.fullUnicodeString(), FastCheck.stringMatching(/^[a-zA-Z0-9_"'`;. -]{0,45}$/))
  }, ({ prefix }) => {
    const isFine = SqlText.problemsOf("pg", { ...options, prefix }).length === 0
    assert.strictEqual(isFine, /^[a-z_][a-z0-9_]{0,39}$/.test(prefix) && !prefix.includes("\n"))
  })

  test("does not let a line break pass at the end", () => {
    assert.strictEqual(SqlText.problemsOf("pg", { ...options, prefix: "sessions\n" }).length, 1)
  })

  test("lets every derived name fit an identifier of PostgreSQL", () => {
    const prefix = "x".repeat(SqlText.maxPrefixLength)
    assert.deepStrictEqual(SqlText.problemsOf("pg", { ...options, prefix }), [])
    for (const [, text] of SqlText.migrations("pg", { ...options, prefix })) {
      for (const [, name = ""] of text.matchAll(/"([^"]+)"/g)) assert.isAtMost(name.length, 63)
    }
  })
})

describe("classify", () => {
  const cases: ReadonlyArray<readonly [what: string, failure: unknown, kind: string, detail: string]> = [
    [
      "a code of PostgreSQL",
      { _tag: "SqlError", cause: Object.assign(new Error("quotes a row"), { code: "23505" }) },
      "KeyExists",
      "SqlError 23505"
    ],
    [
      "a deadlock of MySQL",
      Object.assign(new Error("x"), { code: "ER_LOCK_DEADLOCK" }),
      "Transient",
      "Error ER_LOCK_DEADLOCK"
    ],
    [
      "a busy SQLite, far down",
      { _tag: "SqlError", cause: { cause: { cause: { code: "SQLITE_BUSY" } } } },
      "Transient",
      "SqlError SQLITE_BUSY"
    ],
    [
      "a primary key of SQLite",
      { cause: { code: "SQLITE_CONSTRAINT_PRIMARYKEY" } },
      "KeyExists",
      "unknown failure SQLITE_CONSTRAINT_PRIMARYKEY"
    ],
    ["a code nobody knows", { _tag: "SqlError", cause: { code: "57P01" } }, "Other", "SqlError 57P01"],
    ["an error without a code", new TypeError("quotes a row"), "Other", "TypeError"],
    ["a code that quotes a row", { _tag: "SqlError", code: "Key (a)=(secret) exists" }, "Other", "SqlError"],
    ["a text", "quotes a row", "Other", "unknown failure"],
    ["nothing", undefined, "Other", "unknown failure"],
    ["null", null, "Other", "unknown failure"]
  ]
  for (const [what, failure, kind, detail] of cases) {
    test(what, () => assert.deepStrictEqual(classify(failure), { kind, detail }))
  }

  test("comes to an end with a failure that causes itself", () => {
    const failure: { cause?: unknown } = {}
    failure.cause = failure
    assert.strictEqual(classify(failure).kind, "Other")
  })

  prop("never repeats what a driver says", {
    message: FastCheck.string({ minLength: 50 }),
    code: FastCheck.string({ minLength: 41 })
  }, ({ code, message }) => {
    const { detail } = classify(Object.assign(new Error(message), { code }))
    assert.notInclude(detail, message)
    assert.notInclude(detail, code)
  })
})

describe("affectedRows", () => {
  for (const name of ["rowCount", "affectedRows", "rowsAffected", "changes"]) {
    test(`reads ${name}, a number of any kind`, () => {
      assert.strictEqual(affectedRows({ [name]: 3 }), 3)
      assert.strictEqual(affectedRows({ [name]: 3n }), 3)
    })
  }

  test("is nothing for what has no count", () => {
    for (const result of [undefined, null, [], "", {}]) assert.strictEqual(affectedRows(result), 0)
  })
})
