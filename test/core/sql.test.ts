import { assert, describe, prop } from "@effect/vitest"
import { affectedRows, classify, type SqlFailure } from "effect-sessions/core/sqlFailure"
import * as SqlText from "effect-sessions/core/sqlText"
import { sample } from "effect-sessions/core/storeModel"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"
import { always } from "../support/observedStore.js"

const dialects = ["pg", "sqlite", "mysql"] as const
const options: SqlText.TableOptions = { prefix: "sessions", schema: undefined, unlogged: false }

const times = { lastSeenAt: 1000, expiresAt: 2000, now: 1000 }
const user = { name: "name", userId: "user" }
const page = { ...user, now: 1000, liveAfter: always, limit: 10, offset: 20 }

/** Every statement, in every form that it can take. */
const statementsOf = (
  dialect: SqlText.Dialect,
  options: SqlText.TableOptions
): Readonly<Record<string, SqlText.Statement>> => {
  const statements = SqlText.statements(dialect, options)
  return {
    insert: statements.insert(sample(), undefined),
    "insert, guarded by nothing": statements.insert(sample(), { keys: [], after: 0 }),
    "insert, guarded": statements.insert(sample(), { keys: ["a", "b"], after: 0 }),
    read: statements.read("a", 1000),
    search: statements.search(["a", "b"], 0, 1000),
    "search for nothing": statements.search([], 0, 1000),
    update: statements.update({ ...times, key: "a", expectedVersion: 1, data: "{}" }),
    touch: statements.touch({ ...times, key: "a" }),
    rotate: statements.rotate("a", 1, sample(), 1000),
    delete: statements.delete(["a"], undefined, undefined),
    "delete nothing": statements.delete([], 0, undefined),
    "delete by handle": statements.delete([], undefined, "handle"),
    "delete all that is led to": statements.delete(["a", "b"], 0, "handle"),
    deleteByUser: statements.deleteByUser(user, undefined, undefined),
    "deleteByUser, one": statements.deleteByUser(user, "handle", undefined),
    "deleteByUser but one": statements.deleteByUser(user, undefined, "handle"),
    listByUser: statements.listByUser(page),
    deleteExpired: statements.deleteExpired(1000, 30),
    count: statements.count({ name: "name", now: 1000, liveAfter: always }),
    readTimes: statements.readTimes("name", ["handle"], 1000),
    limitByUser: statements.limitByUser({ ...page, limit: 5, newest: { handle: "handle", createdAt: 1000 } }),
    clear: statements.clear("name"),
    "clear all": statements.clear(undefined),
    probe: statements.probe,
    ledger: statements.ledger
  }
}

const textsOf = (dialect: SqlText.Dialect, options: SqlText.TableOptions): ReadonlyArray<string> =>
  Object.values(statementsOf(dialect, options)).map(({ text }) => text)

describe("Statements", () => {
  for (const dialect of dialects) {
    test(`of ${dialect} are one statement each, on the given table, without a literal`, () => {
      for (const text of textsOf(dialect, options)) {
        assert.notInclude(text, ";")
        assert.notInclude(text, "'")
        assert.match(text, dialect === "mysql" ? /`sessions(_migrations)?`/ : /"sessions(_migrations)?"/)
      }
    })

    test(`of ${dialect} have a mark for each parameter, numbered only where the dialect wants that`, () => {
      for (const [name, { parameters, text }] of Object.entries(statementsOf(dialect, options))) {
        const marks = text.match(dialect === "pg" ? /\$\d+/g : /\?/g) ?? []
        assert.strictEqual(marks.length, parameters.length, name)
        if (dialect === "pg") assert.deepStrictEqual(marks, parameters.map((_, index) => `$${index + 1}`))
      }
    })

    test(`of ${dialect} read no clock but ours`, () => {
      for (const text of textsOf(dialect, options)) assert.notMatch(text, /now\s*\(|current_timestamp|sysdate/i)
    })

    prop(`of ${dialect} page with whole numbers, whatever is asked for`, {
      limit: FastCheck.double(),
      offset: FastCheck.double()
    }, ({ limit, offset }) => {
      const statements = SqlText.statements(dialect, options)
      assert.match(statements.listByUser({ ...page, limit, offset }).text, / LIMIT \d+ OFFSET \d+$/)
      assert.match(statements.deleteExpired(1000, limit).text, / LIMIT \d+\b/)
    })
  }

  prop("compare with whole times, where that changes nothing", {
    time: FastCheck.double({ noNaN: true, min: -1e17, max: 1e17 }),
    stored: FastCheck.integer({ min: 0, max: 2 ** 45 })
  }, ({ stored, time }) => {
    const [, now] = SqlText.statements("pg", options).read("a", time).parameters
    assert.isTrue(Number.isSafeInteger(now))
    assert.strictEqual(stored > Number(now), stored > time)
    assert.strictEqual(stored <= Number(now), stored <= time)
  })

  test("that end what keys lead to look into the indexes in the order in which a rename moves a key", () => {
    for (const dialect of dialects) {
      const text = statementsOf(dialect, options)["delete all that is led to"]?.text ?? ""
      const order = ["key", "previous_key", "earlier_key"].map((column) =>
        text.search(new RegExp(`WHERE .?${column}.? IN`))
      )
      assert.notInclude(order, -1)
      assert.deepStrictEqual(order, [...order].sort((left, right) => left - right))
    }
  })

  test("touch no data and change no version", () => {
    for (const dialect of dialects) {
      assert.notMatch(statementsOf(dialect, options)["touch"]?.text ?? "data", /\bdata\b|\bversion\b/)
    }
  })

  test("name the schema, in the ledger too", () => {
    const withSchema = { ...options, schema: "app" }
    for (const text of textsOf("pg", withSchema)) assert.match(text, /"app"\."sessions(_migrations)?"/)
    for (const text of textsOf("mysql", withSchema)) assert.match(text, /`app`\.`sessions(_migrations)?`/)
    assert.strictEqual(SqlText.ledgerOf(withSchema), "app.sessions_migrations")
    assert.strictEqual(SqlText.ledgerOf(options), "sessions_migrations")
  })
})

describe("A statement that ends sessions", () => {
  const telling = { channel: "channel", node: "node" }
  const silent = SqlText.statements("pg", options)
  const loud = SqlText.statements("pg", options, telling)
  const ends: ReadonlyArray<readonly [what: string, of: (statements: SqlText.Statements) => SqlText.Statement]> = [
    ["a sign-out", (statements) => statements.delete(["a"], 0, undefined)],
    ["the end of a user's sessions", (statements) => statements.deleteByUser(user, undefined, undefined)],
    [
      "a limit",
      (statements) => statements.limitByUser({ ...page, limit: 5, newest: { handle: "handle", createdAt: 1000 } })
    ],
    ["a new handle", (statements) => statements.rotate("a", 1, sample(), 1000)]
  ]
  for (const [what, of] of ends) {
    test(`tells of each by what ends it, where it is told how: ${what}`, () => {
      assert.notInclude(of(silent).text, "pg_notify")
      assert.include(of(loud).text, "pg_notify($")
      assert.deepStrictEqual(of(loud).parameters, [...of(silent).parameters, "channel", "ended node "])
    })
  }

  test("tells of the end of all in one text", () => {
    assert.deepStrictEqual(loud.clear("App").parameters, ["App", "channel", "cleared node App"])
    assert.deepStrictEqual(loud.clear(undefined).parameters, ["channel", "cleared node"])
    assert.include(loud.clear("App").text, "pg_notify($2, $3)")
    assert.deepStrictEqual(silent.clear("App").parameters, ["App"])
    assert.deepStrictEqual(loud.send("text"), { text: "SELECT pg_notify($1, $2)", parameters: ["channel", "text"] })
  })

  test("does not tell of those that a sweep removes, which have ended by themselves", () => {
    assert.deepStrictEqual(loud.deleteExpired(1000, 30), silent.deleteExpired(1000, 30))
  })

  test("names a channel that is as long as an identifier may be", () => {
    assert.strictEqual(SqlText.channelOf(options), "sessions")
    assert.strictEqual(SqlText.channelOf({ ...options, schema: "app" }), "app.sessions")
    const prefix = "p".repeat(40)
    assert.strictEqual(SqlText.channelOf({ ...options, prefix, schema: `a${"s".repeat(22)}` }).length, 63)
    assert.strictEqual(SqlText.channelOf({ ...options, prefix, schema: "s".repeat(63) }).slice(-41), `.${prefix}`)
  })
})

describe("The column of the sweep", () => {
  prop("is the expiry, at the most five minutes later, so that few touches move it", {
    expiresAt: FastCheck.integer({ min: 0, max: 2 ** 45 })
  }, ({ expiresAt }) => {
    const after = SqlText.sweepAfter(expiresAt)
    assert.isTrue(after >= expiresAt && after - expiresAt < 300_000)
    assert.strictEqual(after % 300_000, 0)
  })
})

describe("problemsOf", () => {
  for (
    const [what, dialect, change, says] of [
      ["a prefix of 41 letters", "pg", { prefix: "x".repeat(41) }, "prefix \"xxx"],
      ["no prefix", "pg", { prefix: "" }, "must be 1 to 40 lower-case letters"],
      ["a schema with a quote", "pg", { schema: "a\"b" }, "schema \"a\\\"b\" must be 1 to 63"],
      ["a schema of 64 letters", "mysql", { schema: "x".repeat(64) }, "must be 1 to 63 lower-case letters"],
      ["a schema of a database in a file", "sqlite", { schema: "app" }, "schema is not for SQLite: leave it out"],
      ["an unlogged table in a file", "sqlite", { unlogged: true }, "unlogged is for PostgreSQL only: leave it out"],
      ["an unlogged table of MySQL", "mysql", { unlogged: true }, "unlogged is for PostgreSQL only: leave it out"]
    ] as const
  ) {
    test(`says what is wrong with ${what}`, () => {
      const [problem, ...others] = SqlText.problemsOf(dialect, { ...options, ...change })
      assert.include(problem, says)
      assert.deepStrictEqual(others, [])
    })
  }

  test("finds nothing in what can be", () => {
    for (const dialect of dialects) assert.deepStrictEqual(SqlText.problemsOf(dialect, options), [])
    assert.deepStrictEqual(SqlText.problemsOf("pg", { ...options, schema: "x".repeat(63), unlogged: true }), [])
    assert.deepStrictEqual(SqlText.problemsOf("mysql", { ...options, schema: "_app1" }), [])
  })

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
  const sqlError = (code: string, more: object = {}) => ({
    _tag: "SqlError",
    message: "Failed to execute statement",
    cause: Object.assign(new Error("quotes a row"), { code }, more)
  })
  /** Whether the outcome is known: the database said that it did not do it, or never heard of it. */
  const known = false
  const unknown = true
  const cases: ReadonlyArray<
    readonly [what: string, failure: unknown, kind: SqlFailure["kind"], outcomeUnknown: boolean, detail: string]
  > = [
    ["a code of PostgreSQL", sqlError("23505"), "KeyExists", known, "SqlError 23505"],
    ["a duplicate of MySQL", sqlError("ER_DUP_ENTRY"), "KeyExists", known, "SqlError ER_DUP_ENTRY"],
    [
      "a primary key of SQLite",
      { cause: { code: "SQLITE_CONSTRAINT_PRIMARYKEY" } },
      "KeyExists",
      known,
      "unknown failure SQLITE_CONSTRAINT_PRIMARYKEY"
    ],
    [
      "a deadlock of MySQL",
      Object.assign(new Error("x"), { code: "ER_LOCK_DEADLOCK" }),
      "Transient",
      known,
      "Error ER_LOCK_DEADLOCK"
    ],
    ["a serialization failure", sqlError("40001"), "Transient", known, "SqlError 40001"],
    [
      "a busy SQLite, far down",
      { _tag: "SqlError", cause: { cause: { cause: { code: "SQLITE_BUSY" } } } },
      "Transient",
      known,
      "SqlError SQLITE_BUSY"
    ],
    ["no right to create", sqlError("42501"), "Refused", known, "SqlError 42501"],
    [
      "no right to create on MySQL",
      sqlError("ER_TABLEACCESS_DENIED_ERROR"),
      "Refused",
      known,
      "SqlError ER_TABLEACCESS_DENIED_ERROR"
    ],
    ["a statement that was cancelled", sqlError("57014"), "Other", known, "SqlError 57014"],
    ["a lock not had in time", sqlError("ER_LOCK_WAIT_TIMEOUT"), "Other", known, "SqlError ER_LOCK_WAIT_TIMEOUT"],
    ["a full disk", sqlError("SQLITE_FULL"), "Other", known, "SqlError SQLITE_FULL"],
    ["a table that is not there", sqlError("42P01"), "Other", known, "SqlError 42P01"],
    ["too many connections", sqlError("53300"), "Other", known, "SqlError 53300"],
    ["too many connections of MySQL", sqlError("ER_CON_COUNT_ERROR"), "Other", known, "SqlError ER_CON_COUNT_ERROR"],
    ["a server that is not there", sqlError("ECONNREFUSED"), "Other", known, "SqlError ECONNREFUSED"],
    ["a server without a name", sqlError("ENOTFOUND"), "Other", known, "SqlError ENOTFOUND"],
    [
      "a server that does not answer when called",
      sqlError("ETIMEDOUT", { syscall: "connect" }),
      "Other",
      known,
      "SqlError ETIMEDOUT"
    ],
    [
      "a pool without a connection",
      { _tag: "SqlError", message: "Failed to acquire connection", cause: new Error("timeout exceeded") },
      "Other",
      known,
      "SqlError"
    ],
    ["a server that shuts down", sqlError("57P01"), "Other", unknown, "SqlError 57P01"],
    ["a server that crashes", sqlError("57P02"), "Other", unknown, "SqlError 57P02"],
    ["a broken connection of PostgreSQL", sqlError("08006"), "Other", unknown, "SqlError 08006"],
    ["an outcome that PostgreSQL does not know", sqlError("40003"), "Other", unknown, "SqlError 40003"],
    ["a failure inside PostgreSQL", sqlError("XX000"), "Other", unknown, "SqlError XX000"],
    ["a connection reset", sqlError("ECONNRESET", { syscall: "read" }), "Other", unknown, "SqlError ECONNRESET"],
    [
      "a connection that falls silent",
      sqlError("ETIMEDOUT", { syscall: "read" }),
      "Other",
      unknown,
      "SqlError ETIMEDOUT"
    ],
    ["a broken pipe", sqlError("EPIPE"), "Other", unknown, "SqlError EPIPE"],
    [
      "a connection that MySQL lost",
      sqlError("PROTOCOL_CONNECTION_LOST"),
      "Other",
      unknown,
      "SqlError PROTOCOL_CONNECTION_LOST"
    ],
    [
      "a connection that was killed",
      sqlError("ER_CONNECTION_KILLED"),
      "Other",
      unknown,
      "SqlError ER_CONNECTION_KILLED"
    ],
    ["a shutdown of MySQL", sqlError("ER_SERVER_SHUTDOWN"), "Other", unknown, "SqlError ER_SERVER_SHUTDOWN"],
    ["a disk that fails", sqlError("SQLITE_IOERR_FSYNC"), "Other", unknown, "SqlError SQLITE_IOERR_FSYNC"],
    ["an error without a code", new TypeError("quotes a row"), "Other", unknown, "TypeError"],
    [
      "a code that quotes a row",
      { _tag: "SqlError", code: "Key (a)=(secret) exists" },
      "Other",
      unknown,
      "SqlError"
    ],
    ["a text", "quotes a row", "Other", unknown, "unknown failure"],
    ["nothing", undefined, "Other", unknown, "unknown failure"],
    ["null", null, "Other", unknown, "unknown failure"]
  ]
  for (const [what, failure, kind, outcomeUnknown, detail] of cases) {
    test(what, () => assert.deepStrictEqual(classify(failure), { kind, outcomeUnknown, detail }))
  }

  const kinds: ReadonlyArray<readonly [SqlFailure["kind"], outcomeUnknown: boolean, codes: ReadonlyArray<string>]> = [
    ["KeyExists", known, ["SQLITE_CONSTRAINT", "SQLITE_CONSTRAINT_UNIQUE"]],
    ["Transient", known, ["40P01", "ER_CHECKREAD", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"]],
    [
      "Refused",
      known,
      [
        "25006",
        "3F000",
        "ER_DBACCESS_DENIED_ERROR",
        "ER_SPECIFIC_ACCESS_DENIED_ERROR",
        "ER_BAD_DB_ERROR",
        "ER_OPTION_PREVENTS_STATEMENT",
        "SQLITE_READONLY",
        "SQLITE_AUTH"
      ]
    ],
    [
      "Other",
      unknown,
      [
        "58030",
        "ER_NEW_ABORTING_CONNECTION",
        "ER_ABORTING_CONNECTION",
        "ER_ERROR_DURING_COMMIT",
        "ER_NET_READ_ERROR",
        "SQLITE_IOERR",
        // No codes of ours: of five letters without a digit, longer, or with something before.
        "EPIPE",
        "ABCDE",
        "2350",
        "235055",
        "23b05",
        "XER_DUP_ENTRY",
        "XSQLITE_BUSY",
        "c".repeat(40)
      ]
    ],
    ["Other", known, [
      "EAI_AGAIN",
      "22P02",
      "42804",
      "ER_PARSE_ERROR",
      "ER_XER_NET_",
      "SQLITE_XSQLITE_IOERR",
      "10857",
      "25058"
    ]]
  ]
  for (const [kind, outcomeUnknown, codes] of kinds) {
    for (const code of codes) {
      test(`of ${code}: ${kind}, ${outcomeUnknown ? "perhaps" : "not"} carried out`, () => {
        assert.deepStrictEqual(classify(sqlError(code)), { kind, outcomeUnknown, detail: `SqlError ${code}` })
      })
    }
  }

  test("knows that a statement never left where no connection was made, wherever in the causes that stands", () => {
    const isKnown = (failure: unknown) => !classify(failure).outcomeUnknown
    assert.isTrue(isKnown({ cause: { cause: { syscall: "connect" } } }))
    assert.isTrue(isKnown({ syscall: "getaddrinfo" }))
    assert.isTrue(isKnown({ cause: { message: "Failed to acquire connection from the pool" } }))
    assert.isFalse(isKnown({ message: "it says: Failed to acquire connection" }))
    assert.isFalse(isKnown({ message: { toString: () => "Failed to acquire connection" } }))
    assert.isFalse(isKnown({ syscall: "write", code: 5, message: 5 }))
  })

  test("looks at six causes", () => {
    const under = (depth: number): unknown => depth === 0 ? { code: "23505" } : { cause: under(depth - 1) }
    assert.deepStrictEqual([classify(under(5)).kind, classify(under(6)).kind], ["KeyExists", "Other"])
  })

  test("has the first code that is one, and a name that is one", () => {
    assert.strictEqual(classify({ code: 5, cause: { code: "23505" } }).kind, "KeyExists")
    assert.strictEqual(classify({ code: "a b", cause: { code: "23505" } }).kind, "KeyExists")
    assert.strictEqual(classify({ code: "40001", cause: { code: "23505" } }).kind, "Transient")
    assert.strictEqual(classify({ _tag: 5 }).detail, "unknown failure")
    assert.strictEqual(classify({ _tag: "quotes a row" }).detail, "unknown failure")
    assert.strictEqual(classify({ name: "Like" }).detail, "unknown failure")
    assert.strictEqual(classify(Object.assign(new Error("x"), { name: "quotes a row" })).detail, "unknown failure")
    assert.strictEqual(classify({ _tag: "T".repeat(40) }).detail, "T".repeat(40))
    assert.strictEqual(classify({ _tag: "T".repeat(41) }).detail, "unknown failure")
  })

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
