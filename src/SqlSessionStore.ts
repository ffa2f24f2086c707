/**
 * The session store on a SQL database, through `@effect/sql`: PostgreSQL, SQLite, MySQL and MariaDB.
 *
 * One table, one statement for each operation. The statements are in `internal/sqlText`, what drivers fail with is in
 * `internal/sqlFailure`. Run on PostgreSQL 15 and 18 (`@effect/sql-pg`), SQLite (`@effect/sql-libsql`,
 * `@effect/sql-sqlite-node`) and MariaDB 10.11 (`@effect/sql-mysql2`). Written for MySQL 8 as well, but not run there.
 *
 * Give the client a limit for connecting (`connectTimeout` of `PgClient`), since without one it waits for ever for a
 * server that does not answer, or for a pool whose connections are all taken; and the database one for statements
 * (`statement_timeout` of PostgreSQL).
 *
 * Called inside an open transaction of the app, the store writes outside of it, on another connection: what is rolled
 * back there does not bring a session back. A pool without a second connection fails that write after five seconds
 * (with MySQL, which cannot cancel, it may still happen later). SQLite has only one connection, so there the write
 * joins the transaction and shares its fate; and several processes on one SQLite file do best with a client for the
 * sessions alone.
 *
 * @since 0.1.0
 */
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constVoid, identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as SqlFailure from "./internal/sqlFailure.js"
import * as SqlText from "./internal/sqlText.js"
import { SessionConfigError, SessionStoreError } from "./SessionError.js"
import * as SessionStore from "./SessionStore.js"

/**
 * Where the sessions are stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The name of the table, and what the names of its indexes and of its migration ledger begin with:
   * `effect_sessions` if left out. Lower-case letters, digits and `_`, 40 at the most.
   */
  readonly prefix?: string | undefined
  /** The schema (PostgreSQL) or database (MySQL) of the table. It must exist. The connection's own if left out. */
  readonly schema?: string | undefined
  /** Whether to run the migrations when the layer is built. True if left out; see `migrations` to run them yourself. */
  readonly migrate?: boolean | undefined
  /**
   * PostgreSQL only: a table without a write-ahead log. Writes are cheaper, and after a crash of the server the table
   * is empty: everybody is signed out. It is not replicated either. False if left out.
   */
  readonly unlogged?: boolean | undefined
}

const defaultPrefix = "effect_sessions"

const tableOptions = (options: Options): SqlText.TableOptions => ({
  prefix: options.prefix ?? defaultPrefix,
  schema: options.schema,
  unlogged: options.unlogged ?? false
})

const unsupported = (name: string) => (): Effect.Effect<SqlText.Dialect, SessionConfigError> =>
  Effect.fail(
    new SessionConfigError({
      module: "SqlSessionStore",
      problems: [`SqlSessionStore does not support ${name}: use PostgreSQL, SQLite, MySQL or MariaDB`]
    })
  )

const supported = (dialect: SqlText.Dialect) => (): Effect.Effect<SqlText.Dialect, SessionConfigError> =>
  Effect.succeed(dialect)

const dialectOf = (sql: SqlClient.SqlClient): Effect.Effect<SqlText.Dialect, SessionConfigError> =>
  sql.onDialect({
    pg: supported("pg"),
    sqlite: supported("sqlite"),
    mysql: supported("mysql"),
    mssql: unsupported("SQL Server"),
    clickhouse: unsupported("ClickHouse")
  })

/**
 * The migrations that make the table, for apps that run their own migrator (with `migrate: false` in the layer).
 * Each may run again without harm. Run by the layer, they are kept in a ledger of their own.
 *
 * @since 0.1.0
 * @category migrations
 */
export const migrations = (
  options: Options = {}
): Effect.Effect<
  Record<string, Effect.Effect<void, SqlError, SqlClient.SqlClient>>,
  SessionConfigError,
  SqlClient.SqlClient
> =>
  Effect.gen(function*() {
    const dialect = yield* dialectOf(yield* SqlClient.SqlClient)
    const table = tableOptions(options)
    return yield* SessionConfigError.check("SqlSessionStore", SqlText.problemsOf(dialect, table), () =>
      Object.fromEntries(
        SqlText.migrations(dialect, table).map(([name, text]) => [
          name,
          Effect.flatMap(SqlClient.SqlClient, (sql) =>
            Effect.asVoid(sql.unsafe(text)))
        ])
      ))
  })

/** What a driver failed or died with, as our error. An interruption stays one. */
const failed = (operation: string) => (cause: Cause.Cause<unknown>): Effect.Effect<never, SessionStoreError> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.interrupt
  const { detail, kind } = SqlFailure.classify(Cause.squash(cause))
  return Effect.fail(
    new SessionStoreError({ operation, reason: kind === "KeyExists" ? "KeyExists" : "Unavailable", detail })
  )
}

/** Nodes that start at once stand in each other's way here, so what fails is tried again for some seconds. */
const whileOthersMigrate = Schedule.recurs(4).pipe(
  Schedule.andThen(Schedule.intersect(Schedule.jittered(Schedule.spaced("200 millis")), Schedule.recurs(50)))
)

/**
 * Lets an SQLite connection wait for another process that writes to the file, unless the app has said how long it waits
 * itself. Without it `@effect/sql-libsql` does not only fail at once: it never resets the statement that found the file
 * locked, and its connection sees an old state of the database from then on. A new connection has to be told again, and
 * this driver opens one after every transaction.
 */
const waitForOthers = (sql: SqlClient.SqlClient, dialect: SqlText.Dialect): Effect.Effect<void> =>
  dialect !== "sqlite" ? Effect.void : Effect.ignore(Effect.flatMap(
    sql.unsafe<{ readonly timeout: unknown }>("PRAGMA busy_timeout"),
    ([row]) => Number(row?.timeout) > 0 ? Effect.void : sql.unsafe("PRAGMA busy_timeout = 2000")
  ))

/**
 * Runs the migrations. Where a database cannot undo a half-made schema (MySQL), the ledger may say that a table is
 * there which is not; so the table is looked at afterwards, and made if it is missing.
 */
const migrate = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  dialect: SqlText.Dialect,
  statements: SqlText.Statements,
  options: Options
) {
  const record = yield* migrations(options)
  const run = Migrator.make({})({
    loader: Migrator.fromRecord(record),
    table: SqlText.ledgerOf(tableOptions(options))
  })
  const probe = sql.unsafe(statements.probe)
  const waiting = waitForOthers(sql, dialect)
  yield* Effect.zipRight(
    Effect.zipRight(waiting, Effect.zipLeft(run, waiting)),
    Effect.catchAll(probe, () => Effect.zipRight(Effect.all(Object.values(record), { discard: true }), probe))
  ).pipe(
    Effect.sandbox,
    Effect.retry({ schedule: whileOthersMigrate, while: (cause) => !Cause.isInterruptedOnly(cause) }),
    Effect.catchAll(failed("migrate"))
  )
})

interface Row {
  readonly key: unknown
  readonly user_id: unknown
  readonly data: unknown
  readonly version: unknown
  readonly created_at: unknown
  readonly last_seen_at: unknown
  readonly expires_at: unknown
}

const toText = (value: unknown): string =>
  typeof value === "string" ? value : value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : ""

const toRecord = (row: Row): SessionStore.SessionRecord => ({
  key: toText(row.key),
  userId: row.user_id === null ? null : toText(row.user_id),
  data: toText(row.data),
  version: Number(row.version),
  createdAt: Number(row.created_at),
  lastSeenAt: Number(row.last_seen_at),
  expiresAt: Number(row.expires_at)
})

/** The values of a row in the order of the columns. */
const toValues = (record: SessionStore.SessionRecord): ReadonlyArray<string | number | null> => [
  record.key,
  record.userId,
  record.data,
  record.version,
  record.createdAt,
  record.lastSeenAt,
  record.expiresAt,
  SqlText.sweepAfter(record.expiresAt)
]

/** A statement that lost against another is undone by the database. It is tried again, soon and then less soon. */
const whileInConflict = Schedule.recurs(3).pipe(
  Schedule.andThen(
    Schedule.intersect(
      Schedule.jittered(Schedule.union(Schedule.exponential("5 millis"), Schedule.spaced("250 millis"))),
      Schedule.recurs(30)
    )
  ),
  Schedule.upTo("10 seconds")
)

const isTransient = (cause: Cause.Cause<unknown>): boolean =>
  !Cause.isInterruptedOnly(cause) && SqlFailure.classify(Cause.squash(cause)).kind === "Transient"

const transactionTags = [SqlClient.TransactionConnection.key, "@effect/sql-libsql/LibsqlClient/LibsqlTransaction"]

/** How long a write that must not join an open transaction waits for another connection. */
const connectionTimeout = "5 seconds"

/**
 * Where a statement runs that is called while the app has a transaction open. A write runs outside of it: the
 * transaction may be rolled back, and a sign-out may not. A read joins it, so that it needs no second connection. Both
 * run outside of a transaction that another client opened, which may be on another database. SQLite has one connection,
 * so there writes join, too: anything else would wait for itself. `own` is a connection of our client, to know it by.
 */
const outsideTransactions =
  (own: Option.Option<object>, dialect: SqlText.Dialect) =>
  (kind: "read" | "write") =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | Cause.TimeoutException> =>
    Effect.withFiberRuntime(({ currentContext: context }) => {
      const open = transactionTags.filter((key) => context.unsafeMap.has(key))
      if (open.length === 0) return effect
      const isOwn = Option.exists(own, (own) =>
        open.every((key) => {
          const [connection] = context.unsafeMap.get(key)
          return connection === own || (connection.constructor !== Object && connection.constructor === own.constructor)
        }))
      if (isOwn && (kind === "read" || dialect === "sqlite")) return effect
      const outside = Context.unsafeMake<never>(new Map([...context.unsafeMap].filter(([key]) => !open.includes(key))))
      return Effect.timeout(Effect.mapInputContext(effect, () => outside), connectionTimeout)
    })

/**
 * Makes the store on the client in context: checks the options and, unless told otherwise, runs the migrations.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options = {}): Effect.fn.Return<
  SessionStore.Service,
  SessionConfigError | SessionStoreError,
  SqlClient.SqlClient
> {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const dialect = yield* dialectOf(sql)
  const table = tableOptions(options)
  const statements = yield* SessionConfigError.check(
    "SqlSessionStore",
    SqlText.problemsOf(dialect, table),
    () => SqlText.statements(dialect, table)
  )
  yield* (options.migrate ?? true ? migrate(sql, dialect, statements, options) : waitForOthers(sql, dialect))
  const placed = outsideTransactions(yield* Effect.option(Effect.scoped(sql.reserve)), dialect)

  const retried = <A, E>(operation: string, statement: Effect.Effect<A, E>): Effect.Effect<A, SessionStoreError> =>
    Effect.zipRight(waitForOthers(sql, dialect), statement).pipe(
      Effect.sandbox,
      Effect.retry({ schedule: whileInConflict, while: isTransient }),
      Effect.catchAll(failed(operation))
    )

  /** Runs a statement, again where another undid it, and makes `f` of its result: one step of the fiber for all three. */
  const attempt = <A, E, B>(
    operation: string,
    statement: Effect.Effect<A, E>,
    f: (result: A) => B
  ): Effect.Effect<B, SessionStoreError> =>
    Effect.matchCauseEffect(statement, {
      onSuccess: (result) => Effect.succeed(f(result)),
      onFailure: (cause) => isTransient(cause) ? Effect.map(retried(operation, statement), f) : failed(operation)(cause)
    })

  const rows = <A extends object, B>(
    operation: string,
    text: string,
    parameters: ReadonlyArray<string | number | null>,
    f: (rows: ReadonlyArray<A>) => B
  ) => attempt(operation, placed("read")(sql.unsafe<A>(text, parameters)), f)

  const affected = <A>(
    operation: string,
    text: string,
    parameters: ReadonlyArray<string | number | null>,
    f: (count: number) => A
  ) =>
    attempt(
      operation,
      placed("write")(sql.unsafe(text, parameters).raw),
      (result) => f(SqlFailure.affectedRows(result))
    )

  return {
    insert: (record) => affected("insert", statements.insert, toValues(record), constVoid),
    read: (key, now) =>
      rows<Row, Option.Option<SessionStore.SessionRecord>>(
        "read",
        statements.read,
        [key, now],
        ([row]) => row === undefined ? Option.none() : Option.some(toRecord(row))
      ),
    update: ({ data, expectedVersion, key, now, ...times }) =>
      affected(
        "update",
        statements.update,
        [data, ...SqlText.laterTimesParameters(times), key, expectedVersion, now],
        isPositive
      ),
    touch: ({ key, now, ...times }) =>
      affected("touch", statements.touch, [...SqlText.laterTimesParameters(times), key, now], isPositive),
    rotate: ({ expectedVersion, next, now, oldKey }) =>
      affected("rotate", statements.rotate, [...toValues(next), oldKey, expectedVersion, now], isPositive),
    delete: (key) => affected("delete", statements.delete, [key], isPositive),
    deleteByUser: (userId, options) =>
      options?.except === undefined
        ? affected("deleteByUser", statements.deleteByUser, [userId], identity)
        : affected("deleteByUser", statements.deleteByUserExcept, [userId, options.except], identity),
    listByUser: (userId, { limit, now, offset }) =>
      rows<Row, ReadonlyArray<SessionStore.SessionRecord>>(
        "listByUser",
        statements.listByUser(limit, offset),
        [userId, now],
        (rows) => rows.map(toRecord)
      ),
    deleteExpired: (before, limit) =>
      affected(
        "deleteExpired",
        statements.deleteExpired(limit),
        [SqlText.sweepAfter(before), before, before],
        identity
      ),
    count: (now) =>
      rows<{ readonly live: unknown }, number>("count", statements.count, [now], ([row]) => Number(row?.live ?? 0)),
    clear: affected("clear", statements.clear, [], constVoid)
  }
})

const isPositive = (count: number): boolean => count > 0

/**
 * The store on the client in context, with the default options.
 *
 * @example
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Config, Layer } from "effect"
 * import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
 *
 * export const StoreLive = SqlSessionStore.layer.pipe(
 *   Layer.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  SessionStore.SessionStore,
  SessionConfigError | SessionStoreError,
  SqlClient.SqlClient
> = Layer.effect(SessionStore.SessionStore, make())

/**
 * The store on the client in context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  options: Options
): Layer.Layer<SessionStore.SessionStore, SessionConfigError | SessionStoreError, SqlClient.SqlClient> =>
  Layer.effect(SessionStore.SessionStore, make(options))
