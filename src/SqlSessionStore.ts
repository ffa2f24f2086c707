/**
 * The session store on a SQL database, through `@effect/sql`: PostgreSQL, SQLite, MySQL and MariaDB.
 *
 * One table, one statement for each operation. The statements are in `core/sqlText`, what drivers fail with is in
 * `core/sqlFailure`. Run on PostgreSQL 15 and 18 (`@effect/sql-pg`), SQLite (`@effect/sql-libsql`,
 * `@effect/sql-sqlite-node`) and MariaDB 10.11 (`@effect/sql-mysql2`). Written for MySQL 8 as well, but not run there.
 *
 * **Transactions.** Called inside an open transaction of the app, the store works outside of it, on another connection:
 * what is rolled back there does not bring a session back, and what was acknowledged elsewhere meanwhile is seen. So the
 * pool needs a second connection; without one the operation fails when its time is over. SQLite has only one connection:
 * there the store joins a transaction of its own client and shares its fate, and several processes on one file do best
 * with a client for the sessions alone.
 *
 * **Timeouts.** Every operation answers or fails within `timeout`, `clear` and `count` within `bulkTimeout`, whatever the
 * database, the pool or the network do, in uninterruptible regions as well. (On SQLite a statement that waits for another
 * process holds up this one, for up to two seconds longer.) Give the client a limit for connecting all the same
 * (`connectTimeout` of `PgClient`), and the database one for statements (`statement_timeout` of PostgreSQL), so that what
 * was given up here does not go on there.
 *
 * **Signals.** On PostgreSQL a statement that ends sessions tells other nodes so itself, with `NOTIFY`: handles, which are
 * no secret. A node where somebody waits for sessions to end, or that publishes events, listens with the `listen` of
 * `PgClient`, on one connection more. A pooler that gives the connection to others between two statements (PgBouncer in
 * transaction mode) does not let it: the node notices, says so in the log and in `SessionMetrics.listening`, and looks in
 * the interval of `ended` instead, as on the other databases. A connection that dies in silence is noticed within some
 * fifteen seconds. What is removed by hand, or by a node with `signals: false`, is found within a minute; so is what a node
 * ends that names the table otherwise, with `schema` where others have a search path: nodes hear those that name it alike.
 *
 * **Unknown outcomes.** A `SessionStoreError` says with `outcomeUnknown` whether a write may have been made, or may still
 * be, although it failed: after a timeout or a broken connection. MySQL and MariaDB cannot cancel a statement, so one that
 * waits for a lock is carried out when it gets the lock, long after the client was told. Do not simply repeat such a
 * write; read first.
 *
 * @since 3.0.0
 */
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid, identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SqlFailure from "./core/sqlFailure.js"
import * as SqlText from "./core/sqlText.js"
import * as Durations from "./internal/durations.js"
import * as SharedTimeout from "./internal/sharedTimeout.js"
import * as Signals from "./internal/signals.js"
import { SessionConfigError, SessionStoreError } from "./SessionError.js"
import * as SessionStore from "./SessionStore.js"

/**
 * Where the sessions are stored.
 *
 * @since 3.0.0
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
  /**
   * PostgreSQL only: whether nodes tell each other what they end. True if left out. False is for databases that speak its
   * protocol and have no `NOTIFY`; the same on all nodes, or some are heard of late.
   */
  readonly signals?: boolean | undefined
  /** How long an operation may take, retries and the wait for a connection included. Five seconds if left out. */
  readonly timeout?: Duration.DurationInput | undefined
  /** How long `clear` and `count` may take, which go through all rows. One minute if left out. */
  readonly bulkTimeout?: Duration.DurationInput | undefined
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
 * Each may run again without harm. Run by the layer, they are kept in a ledger of their own. Fails with
 * `SessionConfigError` if the options cannot work, or the database is none of those that the store is for.
 *
 * @example
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Config, Effect } from "effect"
 * import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
 *
 * // With a role that may make tables; the app itself takes `SqlSessionStore.layerWith({ migrate: false })`
 * export const migrate = Effect.gen(function*() {
 *   const migrations = yield* SqlSessionStore.migrations()
 *   for (const [name, run] of Object.entries(migrations)) {
 *     yield* Effect.log(name)
 *     yield* run
 *   }
 * }).pipe(Effect.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") })))
 * ```
 *
 * @since 3.0.0
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
const failed =
  (operation: string, writes: boolean) => (cause: Cause.Cause<unknown>): Effect.Effect<never, SessionStoreError> => {
    if (Cause.isInterruptedOnly(cause)) return Effect.interrupt
    const { detail, kind, outcomeUnknown } = SqlFailure.classify(Cause.squash(cause))
    return Effect.fail(
      new SessionStoreError({
        operation,
        reason: kind === "KeyExists" ? "KeyExists" : "Unavailable",
        outcomeUnknown: writes && outcomeUnknown,
        detail
      })
    )
  }

const kindOf = (cause: Cause.Cause<unknown>): SqlFailure.SqlFailure["kind"] | "Interrupted" =>
  Cause.isInterruptedOnly(cause) ? "Interrupted" : SqlFailure.classify(Cause.squash(cause)).kind

/** Nodes that start at once stand in each other's way here, so what fails is tried again for some seconds. */
const whileOthersMigrate = Schedule.recurs(4).pipe(
  Schedule.andThen(Schedule.intersect(Schedule.jittered(Schedule.spaced("200 millis")), Schedule.recurs(25)))
)

/** A database that refuses says so at once, and what to do about it. */
const notMigrated = (cause: Cause.Cause<unknown>): Effect.Effect<never, SessionConfigError | SessionStoreError> =>
  kindOf(cause) !== "Refused" ? failed("migrate", true)(cause) : Effect.fail(
    new SessionConfigError({
      module: "SqlSessionStore",
      problems: [
        `the database does not make the table of the sessions (${
          SqlFailure.classify(Cause.squash(cause)).detail
        }): make the schema first where it is missing; where this role may not, run the exported \`migrations\` with one ` +
        "that may, and set `migrate: false` here"
      ]
    })
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
 * Runs the migrations if one is missing. It looks first, for the migrator locks its ledger, which waits for whoever reads
 * it, such as a backup. Where a database cannot undo a half-made schema (MySQL), the ledger may say that a table is there
 * which is not; so the table is looked at as well, and made if it is missing.
 */
const migrate = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  dialect: SqlText.Dialect,
  options: Options
) {
  const table = tableOptions(options)
  const { ledger, probe } = SqlText.statements(dialect, table)
  const record = yield* migrations(options)
  const run = Migrator.make({})({ loader: Migrator.fromRecord(record), table: SqlText.ledgerOf(table) })
  const waiting = waitForOthers(sql, dialect)
  const isThere = Effect.zipRight(
    sql.unsafe(probe.text),
    Effect.map(sql.unsafe(ledger.text), (rows) => rows.length >= Object.keys(record).length)
  )
  const bringUpToDate = Effect.zipRight(
    Effect.zipLeft(run, waiting),
    Effect.catchAll(sql.unsafe(probe.text), () => Effect.all(Object.values(record), { discard: true }))
  )
  yield* Effect.zipRight(
    waiting,
    Effect.flatMap(
      Effect.orElseSucceed(isThere, () => false),
      (isThere) => isThere ? Effect.void : bringUpToDate
    )
  ).pipe(
    Effect.sandbox,
    Effect.retry({
      schedule: whileOthersMigrate,
      while: (cause) => !["Interrupted", "Refused"].includes(kindOf(cause))
    }),
    Effect.catchAll(notMigrated)
  )
}, (effect, sql) => Effect.provideService(effect, SqlClient.SqlClient, sql))

interface Row {
  readonly name: unknown
  readonly key: unknown
  readonly previous_key: unknown
  readonly earlier_key: unknown
  readonly renamed_at: unknown
  readonly handle: unknown
  readonly user_id: unknown
  readonly data: unknown
  readonly version: unknown
  readonly created_at: unknown
  readonly last_seen_at: unknown
  readonly expires_at: unknown
  readonly remembered: unknown
}

const toText = (value: unknown): string =>
  typeof value === "string" ? value : value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : ""

const orNull = <A>(value: unknown, f: (value: unknown) => A): A | null => value === null ? null : f(value)

const toTimes = (row: Pick<Row, "handle" | "created_at" | "last_seen_at" | "expires_at" | "remembered">) => ({
  handle: toText(row.handle),
  createdAt: Number(row.created_at),
  lastSeenAt: Number(row.last_seen_at),
  expiresAt: Number(row.expires_at),
  remembered: Number(row.remembered) === 1
})

/** A row as a record. What is impossible in it stays so (a number that is none becomes `NaN`): it is not for us to judge. */
const toRecord = (row: Row): SessionStore.SessionRecord => ({
  ...toTimes(row),
  name: toText(row.name),
  key: toText(row.key),
  previousKey: orNull(row.previous_key, toText),
  earlierKey: orNull(row.earlier_key, toText),
  renamedAt: orNull(row.renamed_at, Number),
  userId: orNull(row.user_id, toText),
  data: toText(row.data),
  version: Number(row.version)
})

/** A statement that lost against another is undone by the database. It is tried again, soon and then less soon. */
const whileInConflict = Schedule.recurs(3).pipe(
  Schedule.andThen(
    Schedule.intersect(
      Schedule.jittered(Schedule.union(Schedule.exponential("5 millis"), Schedule.spaced("250 millis"))),
      Schedule.recurs(30)
    )
  )
)

const isTransient = (cause: Cause.Cause<unknown>): boolean => kindOf(cause) === "Transient"

/** How `@effect/sql-libsql` marks an open transaction; the other drivers use the tag of `SqlClient`. */
const LibsqlTransaction = Context.GenericTag<"LibsqlTransaction", readonly [connection: object, depth: number]>(
  "@effect/sql-libsql/LibsqlClient/LibsqlTransaction"
)

/**
 * Runs a statement outside of the transactions that are open where it is called: what is rolled back there does not take
 * it along, and it sees what was acknowledged elsewhere meanwhile. `isOwn` says of a connection in a transaction whether it
 * is the only one that our client has: then the statement joins, for it would wait for itself.
 */
const outsideTransactions =
  (isOwn: (connection: object) => boolean) => <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.contextWithEffect((context: Context.Context<never>) => {
      const outside = <I, Connection extends object>(
        effect: Effect.Effect<A, E>,
        tag: Context.Tag<I, readonly [connection: Connection, depth: number]>
      ): Effect.Effect<A, E> =>
        Option.exists(Context.getOption(context, tag), ([connection]) => !isOwn(connection))
          ? Effect.mapInputContext(effect, Context.omit(tag))
          : effect
      return outside(outside(effect, SqlClient.TransactionConnection), LibsqlTransaction)
    })

/**
 * Makes the store on the client in context: checks the options and, unless told otherwise, runs the migrations. Fails with
 * `SessionConfigError` if the options cannot work, the database is none of those that the store is for, or the role may not
 * make the table; with `SessionStoreError` if the migrations failed otherwise. What it does in the background ends with the
 * scope.
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options = {}): Effect.fn.Return<
  SessionStore.Service,
  SessionConfigError | SessionStoreError,
  SqlClient.SqlClient | Scope.Scope
> {
  const client = yield* SqlClient.SqlClient
  const sql = client.withoutTransforms()
  const dialect = yield* dialectOf(sql)
  const table = tableOptions(options)
  const { timeout: bounds } = Durations.bounds
  const timeout = Durations.read("SqlSessionStore.timeout", options.timeout ?? "5 seconds", bounds)
  const bulkTimeout = Durations.read("SqlSessionStore.bulkTimeout", options.bulkTimeout ?? "1 minute", bounds)
  const telling = dialect === "pg" && (options.signals ?? true)
    ? { channel: SqlText.channelOf(table), node: yield* Signals.generateNode }
    : undefined
  const statements = yield* SessionConfigError.check(
    "SqlSessionStore",
    [...SqlText.problemsOf(dialect, table), ...timeout.problems, ...bulkTimeout.problems],
    () => SqlText.statements(dialect, table, telling)
  )
  const bound = yield* SharedTimeout.make(timeout.millis)
  const bulkBound = yield* SharedTimeout.make(bulkTimeout.millis)
  const placed = outsideTransactions(yield* ownConnection(sql, dialect))
  yield* placed(options.migrate ?? true ? migrate(sql, dialect, options) : waitForOthers(sql, dialect))

  /**
   * Runs a statement in time, outside of transactions, and again where another one undid it. What `f` makes of the
   * result is the answer.
   */
  const ask =
    (inTime: SharedTimeout.SharedTimeout, writes: boolean) =>
    <A, E, B>(operation: string, statement: Effect.Effect<A, E>, f: (result: A) => B): Effect.Effect<
      B,
      SessionStoreError
    > => {
      const again = Effect.zipRight(waitForOthers(sql, dialect), statement).pipe(
        Effect.sandbox,
        Effect.retry({ schedule: whileInConflict, while: isTransient }),
        Effect.catchAll(failed(operation, writes)),
        Effect.map(f)
      )
      return inTime(
        placed(Effect.matchCauseEffect(statement, {
          onSuccess: (result) => Effect.succeed(f(result)),
          onFailure: (cause) => isTransient(cause) ? again : failed(operation, writes)(cause)
        })),
        ({ detail, hasBegun }) =>
          new SessionStoreError({
            operation,
            reason: "Unavailable",
            outcomeUnknown: writes && hasBegun,
            detail
          })
      )
    }

  const rowsOf = (inTime: SharedTimeout.SharedTimeout) =>
  <A extends object, B>(
    operation: string,
    { parameters, text }: SqlText.Statement,
    f: (rows: ReadonlyArray<A>) => B
  ) => ask(inTime, false)(operation, sql.unsafe<A>(text, parameters), f)

  const affectedBy =
    (inTime: SharedTimeout.SharedTimeout) =>
    <A>(operation: string, { parameters, text }: SqlText.Statement, f: (count: number) => A) =>
      ask(inTime, true)(operation, sql.unsafe(text, parameters).raw, (result) => f(SqlFailure.affectedRows(result)))

  const rows = rowsOf(bound)
  const affected = affectedBy(bound)

  return {
    insert: ({ record, unlessRenamed }) => affected("insert", statements.insert(record, unlessRenamed), isPositive),
    read: (key, now) =>
      rows<Row, Option.Option<SessionStore.SessionRecord>>(
        "read",
        statements.read(key, now),
        ([row]) => row === undefined ? Option.none() : Option.some(toRecord(row))
      ),
    search: ({ keys, now, renamedAfter }) =>
      rows<Row, ReadonlyArray<SessionStore.SessionRecord>>(
        "search",
        statements.search(keys, renamedAfter, now),
        (rows) => rows.map(toRecord)
      ),
    update: (update) => affected("update", statements.update(update), isPositive),
    touch: (touch) => affected("touch", statements.touch(touch), isPositive),
    rotate: ({ expectedVersion, next, now, oldKey }) =>
      affected("rotate", statements.rotate(oldKey, expectedVersion, next, now), isPositive),
    delete: ({ handle, keys, renamedAfter }) =>
      affected("delete", statements.delete(keys, renamedAfter, handle), identity),
    deleteByUser: ({ except, only, ...owner }) =>
      affected("deleteByUser", statements.deleteByUser(owner, only, except), identity),
    limitByUser: (limit) => affected("limitByUser", statements.limitByUser(limit), identity),
    listByUser: (search) =>
      rows<Row, ReadonlyArray<SessionStore.SessionRecord>>(
        "listByUser",
        statements.listByUser(search),
        (rows) => rows.map(toRecord)
      ),
    readTimes: ({ handles, name, now }) =>
      handles.length === 0 ? Effect.succeed([]) : rows<Row, ReadonlyArray<SessionStore.Times>>(
        "readTimes",
        statements.readTimes(name, handles, now),
        (rows) => rows.map(toTimes)
      ),
    deleteExpired: (before, limit) => affected("deleteExpired", statements.deleteExpired(before, limit), identity),
    count: (counting) =>
      rowsOf(bulkBound)<{ readonly live: unknown; readonly signed_in: unknown }, SessionStore.Counts>(
        "count",
        statements.count(counting),
        ([row]) => ({ live: Number(row?.live ?? 0), signedIn: Number(row?.signed_in ?? 0) })
      ),
    clear: (name) => affectedBy(bulkBound)("clear", statements.clear(name), constVoid),
    signals: telling === undefined || !canListen(client) ? undefined : yield* Signals.make(telling.node, {
      hear: (onText) => hear(client, telling.channel, onText),
      send: (text) => affected("listen", statements.send(text), constVoid)
    })
  }
})

/** A client that can listen: `PgClient`, of whatever copy of its package. */
interface Listening {
  readonly listen: (channel: string) => Stream.Stream<string, SqlError>
}

const canListen = (client: object): client is Listening => "listen" in client && typeof client.listen === "function"

const hear = (
  client: Listening,
  channel: string,
  onText: (text: string) => void
): Effect.Effect<never, SessionStoreError> =>
  Effect.catchAllCause(
    Effect.zipRight(
      Stream.runForEach(client.listen(channel), (text) => Effect.sync(() => onText(text))),
      Effect.fail("it listens no longer")
    ),
    failed("listen", false)
  )

const isPositive = (count: number): boolean => count > 0

/**
 * Tells the one connection of an SQLite client from those of other clients. `@effect/sql-sqlite-node` has the same for
 * everything; `@effect/sql-libsql` makes one for each transaction, of a class that each client has for itself, and there
 * is nothing else to know it by.
 */
const ownConnection = (
  sql: SqlClient.SqlClient,
  dialect: SqlText.Dialect
): Effect.Effect<(connection: object) => boolean> =>
  dialect !== "sqlite" ? Effect.succeed(() => false) : Effect.scoped(sql.reserve).pipe(
    Effect.map((own: object) => (connection: object) =>
      connection === own || (own.constructor !== Object && connection.constructor === own.constructor)
    ),
    Effect.orElseSucceed(() => () => false)
  )

/**
 * The store on the client in context, with the default options. Fails with `SessionConfigError` or `SessionStoreError` as
 * `make` does.
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
 * @since 3.0.0
 * @category layers
 */
export const layer: Layer.Layer<
  SessionStore.SessionStore,
  SessionConfigError | SessionStoreError,
  SqlClient.SqlClient
> = Layer.scoped(SessionStore.SessionStore, make())

/**
 * The store on the client in context. Fails with `SessionConfigError` or `SessionStoreError` as `make` does.
 *
 * @example
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Config, Layer } from "effect"
 * import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
 *
 * export const StoreLive = SqlSessionStore.layerWith({ prefix: "my_app_sessions", timeout: "2 seconds" }).pipe(
 *   Layer.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") }))
 * )
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layerWith = (
  options: Options
): Layer.Layer<SessionStore.SessionStore, SessionConfigError | SessionStoreError, SqlClient.SqlClient> =>
  Layer.scoped(SessionStore.SessionStore, make(options))
