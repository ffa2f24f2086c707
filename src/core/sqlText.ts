import type { LiveAfter } from "./expiry.js"
import type { Newest } from "./limit.js"
import type { SessionRecord } from "./record.js"
import { clearedBy, endedBy } from "./signal.js"

/** The databases this library speaks to. MariaDB is spoken to like MySQL. */
export type Dialect = "pg" | "sqlite" | "mysql"

/** Where the table is, and what it is like. */
export interface TableOptions {
  readonly prefix: string
  readonly schema: string | undefined
  readonly unlogged: boolean
}

/** The longest prefix: what is derived from it must fit the 63 bytes of a PostgreSQL identifier. */
export const maxPrefixLength = 40

const identifier = /^[a-z_][a-z0-9_]*$/

const identifierProblem = (name: string, value: string, maxLength: number): ReadonlyArray<string> =>
  identifier.test(value) && value.length <= maxLength ? [] : [
    `SqlSessionStore.${name} ${
      JSON.stringify(value)
    } must be 1 to ${maxLength} lower-case letters, digits and "_", and begin with a letter or "_"`
  ]

/** Everything that is wrong with the options, in words that say what to change. */
export const problemsOf = (dialect: Dialect, options: TableOptions): ReadonlyArray<string> => [
  ...identifierProblem("prefix", options.prefix, maxPrefixLength),
  ...(options.schema === undefined ? [] : identifierProblem("schema", options.schema, 63)),
  ...(options.schema !== undefined && dialect === "sqlite"
    ? ["SqlSessionStore.schema is not for SQLite: leave it out"]
    : []),
  ...(options.unlogged && dialect !== "pg" ? ["SqlSessionStore.unlogged is for PostgreSQL only: leave it out"] : [])
]

/** Identifiers were checked, so quoting is all they need. */
const quote = (dialect: Dialect, name: string): string => dialect === "mysql" ? `\`${name}\`` : `"${name}"`

const qualified = (dialect: Dialect, options: TableOptions, name: string): string =>
  options.schema === undefined ? quote(dialect, name) : `${quote(dialect, options.schema)}.${quote(dialect, name)}`

/** The name of the ledger of our own migrations. */
export const ledgerOf = (options: TableOptions): string =>
  `${options.schema === undefined ? "" : `${options.schema}.`}${options.prefix}_migrations`

/** A statement and its parameters: `?` in the text, numbered where the dialect wants that. */
export interface Statement {
  readonly text: string
  readonly parameters: ReadonlyArray<string | number | null>
}

/** What an activity sets forth. */
interface Activity {
  readonly key: string
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly now: number
}

/** Whose sessions. */
interface Owner {
  readonly name: string
  readonly userId: string
}

/** Which sessions are live, by a policy. */
interface Live {
  readonly now: number
  readonly liveAfter: LiveAfter
}

/** The statements of the store: one for each operation. */
export interface Statements {
  readonly insert: (
    record: SessionRecord,
    unlessRenamed: { readonly keys: ReadonlyArray<string>; readonly after: number } | undefined
  ) => Statement
  readonly read: (key: string, now: number) => Statement
  readonly search: (keys: ReadonlyArray<string>, renamedAfter: number, now: number) => Statement
  readonly update: (change: Activity & { readonly expectedVersion: number; readonly data: string }) => Statement
  readonly touch: (activity: Activity) => Statement
  readonly rotate: (oldKey: string, expectedVersion: number, next: SessionRecord, now: number) => Statement
  readonly delete: (
    keys: ReadonlyArray<string>,
    renamedAfter: number | undefined,
    handle: string | undefined
  ) => Statement
  readonly deleteByUser: (owner: Owner, only: string | undefined, except: string | undefined) => Statement
  readonly limitByUser: (limit: Owner & Live & { readonly limit: number; readonly newest: Newest }) => Statement
  readonly listByUser: (search: Owner & Live & { readonly limit: number; readonly offset: number }) => Statement
  readonly readTimes: (name: string, handles: ReadonlyArray<string>, now: number) => Statement
  readonly deleteExpired: (before: number, limit: number) => Statement
  readonly count: (search: Live & { readonly name: string }) => Statement
  readonly clear: (name: string | undefined) => Statement
  /** Sends a text to those who listen. */
  readonly send: (text: string) => Statement
  /** Fails if the table is not there. */
  readonly probe: Statement
  /** The migrations that were run. Locks nothing that a reader minds. */
  readonly ledger: Statement
}

const textColumns = ["name", "key", "previous_key", "earlier_key", "handle", "user_id", "data"]
const timeColumns = ["created_at", "last_seen_at", "expires_at", "remembered"]
const numberColumns = ["renamed_at", "version", "created_at", "last_seen_at", "expires_at", "remembered"]

/** The values of a row, in the order of the columns and of `sweep_after` behind them. */
const valuesOf = (record: SessionRecord): ReadonlyArray<string | number | null> => [
  record.name,
  record.key,
  record.previousKey,
  record.earlierKey,
  record.handle,
  record.userId,
  record.data,
  record.renamedAt,
  record.version,
  record.createdAt,
  record.lastSeenAt,
  record.expiresAt,
  record.remembered ? 1 : 0,
  sweepAfter(record.expiresAt)
]

const sweepBucket = 5 * 60_000

/**
 * What the sweep's index is on: the expiry rounded up to five minutes. A touch moves the expiry every time but this
 * only every fifth time or so, and a row whose indexed columns stay is updated in place: PostgreSQL writes about half
 * the log for it (241 bytes a touch instead of 432, four of five updates HOT) and vacuums a third as often.
 * `test/sql/measureTouch.ts` measures it.
 */
export const sweepAfter = (expiresAt: number): number => Math.ceil(expiresAt / sweepBucket) * sweepBucket

const numbered = (text: string): string => {
  let index = 0
  return text.replace(/\?/g, () => `$${++index}`)
}

/**
 * Takes over later times only. MySQL assigns from left to right and sees what it assigned, so what depends on the old
 * `last_seen_at` comes before it.
 */
const laterTimes = ["expires_at", "sweep_after", "last_seen_at"]
  .map((name) => `${name} = CASE WHEN last_seen_at < ? THEN ? ELSE ${name} END`)
  .join(", ")

const laterTimesParameters = (times: { readonly lastSeenAt: number; readonly expiresAt: number }) =>
  [times.expiresAt, sweepAfter(times.expiresAt), times.lastSeenAt].flatMap((time) => [times.lastSeenAt, time])

/** A limit or an offset, as text: drivers disagree about parameters here. */
const whole = (value: number): string => String(Math.max(0, wholeTime(value) || 0))

/** A time to compare with. What is stored is whole, so nothing changes where this is made whole as well. */
const wholeTime = (value: number): number =>
  Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.floor(value)))

/** Live by a policy. The columns are those of the table, whatever else has their names. */
const live = `entry.expires_at > ? AND (
  (entry.remembered <> 1 AND entry.last_seen_at > ? AND entry.created_at > ?) OR
  (entry.remembered = 1 AND entry.last_seen_at > ? AND entry.created_at > ?)
)`

const liveParameters = ({ liveAfter: { ordinary, remembered }, now }: Live): ReadonlyArray<number> =>
  [now, ordinary.seenAfter, ordinary.begunAfter, remembered.seenAfter, remembered.begunAfter].map(wholeTime)

const marks = (values: ReadonlyArray<unknown>): string => values.map(() => "?").join(", ")

/** Where nodes tell each other what they end. */
export interface Telling {
  readonly channel: string
  readonly node: string
}

/** The channel of a table, as long as an identifier may be. That of another one would do no harm: signals are hints. */
export const channelOf = ({ prefix, schema }: TableOptions): string =>
  (schema === undefined ? prefix : `${schema}.${prefix}`).slice(-63)

/**
 * All statements for one table. Where PostgreSQL is told how, a statement that ends sessions tells others so itself: what
 * is not committed is not told, and what is committed is.
 */
export const statements = (dialect: Dialect, options: TableOptions, telling?: Telling): Statements => {
  const table = qualified(dialect, options, options.prefix)
  const text = dialect === "pg" ? numbered : (text: string): string => text
  const fixed = (template: string) => {
    const made = text(template)
    return (...parameters: Statement["parameters"]): Statement => ({ text: made, parameters })
  }
  const statement = (template: string, parameters: Statement["parameters"]): Statement => ({
    text: text(template),
    parameters
  })
  const key = quote(dialect, "key")
  const stored = [...textColumns, ...numberColumns, "sweep_after"].map((name) => quote(dialect, name))
  // Numbers come as text from SQLite: there a column may hold one that a driver refuses to read, and the rows beside it.
  const numbers = (names: ReadonlyArray<string>) =>
    names.map((name) => dialect === "sqlite" ? `CAST(${name} AS TEXT) AS ${name}` : name)
  const columns = [...textColumns.map((name) => quote(dialect, name)), ...numbers(numberColumns)].join(", ")

  const insertText = `INSERT INTO ${table} (${stored.join(", ")})`
  const insert = fixed(`${insertText} VALUES (${marks(stored)})`)
  const read = fixed(`SELECT ${columns} FROM ${table} WHERE ${key} = ? AND expires_at > ?`)
  const update = fixed(
    `UPDATE ${table} SET data = ?, version = version + 1, ${laterTimes} WHERE ${key} = ? AND version = ? AND expires_at > ?`
  )
  const touch = fixed(`UPDATE ${table} SET ${laterTimes} WHERE ${key} = ? AND expires_at > ?`)
  const rotate = fixed(
    `UPDATE ${table}${telling === undefined ? "" : " AS entry"} SET ${
      stored.map((name) => `${name} = ?`).join(", ")
    } WHERE ${key} = ? AND version = ? AND expires_at > ?${
      telling === undefined ? "" : ` RETURNING (
  SELECT CASE WHEN was.handle <> entry.handle THEN pg_notify(?, ? || was.handle || ' ' || was.name) END
  FROM ${table} AS was WHERE was.row_id = entry.row_id
)`
    }`
  )
  const told = telling === undefined ? [] : [telling.channel, endedBy(telling.node)]
  /** The end of rows, told of each. There are as many rows in the answer. */
  const ended = ({ parameters, text }: Statement): Statement =>
    statement(
      telling === undefined ? text : `WITH ended AS (
${text} RETURNING handle, name
) SELECT pg_notify(?, ? || handle || ' ' || name) FROM ended`,
      [...parameters, ...told]
    )
  const count = fixed(
    `SELECT COUNT(*) AS live, COUNT(user_id) AS signed_in FROM ${table} AS entry WHERE name = ? AND ${live}`
  )

  const wasRenamed = (column: string, keys: ReadonlyArray<string>): string =>
    `SELECT row_id FROM ${table} WHERE ${column} IN (${marks(keys)}) AND renamed_at > ?`

  /** The rows that keys lead to, and that of a handle. */
  const led = (
    keys: ReadonlyArray<string>,
    renamedAfter: number | undefined,
    handle: string | undefined
  ): Statement => {
    const ofKeys: ReadonlyArray<Statement> = keys.length === 0 ? [] : [
      { text: `SELECT row_id FROM ${table} WHERE ${key} IN (${marks(keys)})`, parameters: keys },
      ...(renamedAfter === undefined ? [] : ["previous_key", "earlier_key"].map((column) => ({
        text: wasRenamed(column, keys),
        parameters: [...keys, wholeTime(renamedAfter)]
      })))
    ]
    const ofHandle = handle === undefined
      ? []
      : [{ text: `SELECT row_id FROM ${table} WHERE handle = ?`, parameters: [handle] }]
    const parts = [...ofKeys, ...ofHandle]
    return parts.length === 0
      ? { text: `SELECT row_id FROM ${table} WHERE 1 = 0`, parameters: [] }
      : {
        text: parts.map(({ text }) => text).join("\n  UNION "),
        parameters: parts.flatMap(({ parameters }) => parameters)
      }
  }

  return {
    insert: (record, unlessRenamed) => {
      if (unlessRenamed === undefined || unlessRenamed.keys.length === 0) return insert(...valuesOf(record))
      const { after, keys } = unlessRenamed
      const renamed = ["previous_key", "earlier_key"].map((column) => `NOT EXISTS (${wasRenamed(column, keys)})`)
      return statement(
        `${insertText} SELECT ${marks(stored)}${dialect === "mysql" ? " FROM DUAL" : ""} WHERE ${
          renamed.join(" AND ")
        }`,
        [...valuesOf(record), ...keys, wholeTime(after), ...keys, wholeTime(after)]
      )
    },
    read: (key, now) => read(key, wholeTime(now)),
    search: (keys, renamedAfter, now) => {
      const { parameters, text } = led(keys, renamedAfter, undefined)
      return statement(
        `SELECT ${columns} FROM ${table} AS entry JOIN (
  ${text}
) AS led ON led.row_id = entry.row_id WHERE entry.expires_at > ?`,
        [...parameters, wholeTime(now)]
      )
    },
    update: ({ data, expectedVersion, key, now, ...times }) =>
      update(data, ...laterTimesParameters(times), key, expectedVersion, wholeTime(now)),
    touch: ({ key, now, ...times }) => touch(...laterTimesParameters(times), key, wholeTime(now)),
    rotate: (oldKey, expectedVersion, next, now) =>
      rotate(...valuesOf(next), oldKey, expectedVersion, wholeTime(now), ...told),
    delete: (keys, renamedAfter, handle) => {
      const { parameters, text } = led(keys, renamedAfter, handle)
      return ended({ text: deleteLed(dialect, table, text), parameters })
    },
    deleteByUser: ({ name, userId }, only, except) =>
      ended({
        text: `DELETE FROM ${table} WHERE name = ? AND user_id = ?${only === undefined ? "" : " AND handle = ?"}${
          except === undefined ? "" : " AND handle <> ?"
        }`,
        parameters: [name, userId, only, except].filter((value) => value !== undefined)
      }),
    limitByUser: ({ limit, name, newest, userId, ...policy }) => {
      const { createdAt, handle } = newest
      return ended({
        text: deleteLed(
          dialect,
          table,
          `SELECT row_id FROM ${ownedBy(dialect, table)} WHERE ${live}
  ORDER BY CASE
    WHEN handle = ? THEN 1
    WHEN (created_at > ? OR (created_at = ? AND handle < ?)) AND created_at <= ? THEN 0
    ELSE 2
  END, last_seen_at DESC, handle ASC ${allAfter(dialect, whole(limit))}`
        ),
        parameters: [
          name,
          userId,
          ...liveParameters(policy),
          handle,
          createdAt,
          createdAt,
          handle,
          wholeTime(policy.now)
        ]
      })
    },
    listByUser: ({ limit, name, offset, userId, ...policy }) =>
      statement(
        `SELECT ${columns} FROM ${table} AS entry WHERE name = ? AND user_id = ? AND ${live}
ORDER BY entry.last_seen_at DESC, handle ASC LIMIT ${whole(limit)} OFFSET ${whole(offset)}`,
        [name, userId, ...liveParameters(policy)]
      ),
    readTimes: (name, handles, now) =>
      statement(
        `SELECT handle, ${numbers(timeColumns).join(", ")} FROM ${table} AS entry
WHERE handle IN (${marks(handles)}) AND name = ? AND entry.expires_at > ?`,
        [...handles, name, wholeTime(now)]
      ),
    deleteExpired: (before, limit) => {
      const time = wholeTime(before)
      return statement(sweep(dialect, table, whole(limit)), [sweepAfter(time), time, time])
    },
    count: ({ name, ...policy }) => count(name, ...liveParameters(policy)),
    clear: (name) => {
      const text = `DELETE FROM ${table}${name === undefined ? "" : " WHERE name = ?"}`
      const parameters = name === undefined ? [] : [name]
      return telling === undefined ? statement(text, parameters) : statement(
        `WITH ended AS (${text} RETURNING 1) SELECT COUNT(*), pg_notify(?, ?) FROM ended`,
        [...parameters, telling.channel, clearedBy(telling.node, name)]
      )
    },
    send: (text) => statement("SELECT pg_notify(?, ?)", [telling?.channel ?? "", text]),
    probe: statement(`SELECT 1 FROM ${table} WHERE 1 = 0`, []),
    ledger: statement(
      `SELECT migration_id FROM ${qualified(dialect, options, `${options.prefix}_migrations`)}`,
      []
    )
  }
}

/**
 * The end of rows that were found by keys, however their keys change meanwhile: a row is found first and removed by
 * what never changes. PostgreSQL finds it as it was when the statement began, and follows it to where a rename has taken
 * it. MySQL looks at what is committed now, in one index after the other; a rename moves a key from `key` to
 * `previous_key` to `earlier_key`, and they are looked up in this order, so it cannot slip past. (With one condition over
 * all columns the optimizer chooses the order, and PostgreSQL checks again where the row has gone.)
 */
const deleteLed = (dialect: Dialect, table: string, led: string): string => {
  switch (dialect) {
    case "pg":
      return `DELETE FROM ${table} WHERE row_id = ANY (ARRAY(
  ${led}
))`
    case "mysql":
      return `DELETE ended FROM ${table} AS ended JOIN (
  ${led}
) AS led ON led.row_id = ended.row_id`
    case "sqlite":
      return `DELETE FROM ${table} WHERE row_id IN (
  ${led}
)`
  }
}

/**
 * The rows of a user, for whoever decides over all of them at once: none changes before that is done, and each is as it was
 * committed last. PostgreSQL would order them as they were when the statement began, so they are locked first, always in
 * one order.
 */
const ownedBy = (dialect: Dialect, table: string): string => {
  const locked = { pg: " ORDER BY row_id FOR UPDATE", mysql: " FOR UPDATE", sqlite: "" }[dialect]
  return `(SELECT * FROM ${table} WHERE name = ? AND user_id = ?${locked}) AS entry`
}

/** All rows but the first ones. */
const allAfter = (dialect: Dialect, first: string): string => {
  switch (dialect) {
    case "pg":
      return `OFFSET ${first}`
    case "mysql":
      return `LIMIT 18446744073709551615 OFFSET ${first}`
    case "sqlite":
      return `LIMIT -1 OFFSET ${first}`
  }
}

/**
 * One batch of a sweep: three parameters, the bucket of the time, the time, and the time again. It takes rows that nobody
 * else has locked, so that nodes share the work and requests do not wait, and checks again when it deletes.
 */
const sweep = (dialect: Dialect, table: string, limit: string): string => {
  const batch = `WHERE sweep_after <= ? AND expires_at <= ? ORDER BY sweep_after LIMIT ${limit}`
  switch (dialect) {
    case "pg":
      return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${table} ${batch} FOR UPDATE SKIP LOCKED
)) AND expires_at <= ?`
    case "mysql":
      return `DELETE expired FROM ${table} AS expired JOIN (
  SELECT row_id FROM ${table} ${batch} FOR UPDATE SKIP LOCKED
) AS batch ON batch.row_id = expired.row_id WHERE expired.expires_at <= ?`
    case "sqlite":
      return `DELETE FROM ${table} WHERE row_id IN (SELECT row_id FROM ${table} ${batch}) AND expires_at <= ?`
  }
}

/**
 * The migrations, one statement each, and each safe to run again: not every database can undo them together.
 * Never edited once released; what changes is added, and old nodes go on writing: a column that is added may be null or
 * has a default.
 */
export const migrations = (
  dialect: Dialect,
  options: TableOptions
): ReadonlyArray<readonly [name: string, text: string]> => {
  const table = qualified(dialect, options, options.prefix)
  const key = quote(dialect, "key")
  const index = (name: string) => quote(dialect, `${options.prefix}_${name}`)
  const createIndex = (name: string, columns: string, condition = ""): string =>
    `CREATE INDEX IF NOT EXISTS ${index(name)} ON ${table} (${columns})${condition}`
  const indexes = [
    ["0002_index_previous_key", createIndex("previous_key", "previous_key", " WHERE previous_key IS NOT NULL")],
    ["0003_index_earlier_key", createIndex("earlier_key", "earlier_key", " WHERE earlier_key IS NOT NULL")],
    ["0004_index_handle", createIndex("handle", "handle")],
    ["0005_index_user_id", createIndex("user_id", "name, user_id", " WHERE user_id IS NOT NULL")],
    ["0006_index_sweep_after", createIndex("sweep_after", "sweep_after")]
  ] as const
  switch (dialect) {
    case "pg":
      return [
        [
          "0001_create_table",
          `CREATE ${options.unlogged ? "UNLOGGED " : ""}TABLE IF NOT EXISTS ${table} (
  row_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name VARCHAR(255) COLLATE "C" NOT NULL,
  ${key} VARCHAR(64) COLLATE "C" NOT NULL UNIQUE,
  previous_key VARCHAR(64) COLLATE "C",
  earlier_key VARCHAR(64) COLLATE "C",
  renamed_at BIGINT,
  handle VARCHAR(64) COLLATE "C" NOT NULL,
  user_id VARCHAR(255) COLLATE "C",
  data TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  remembered SMALLINT NOT NULL DEFAULT 0,
  sweep_after BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 80)`
        ],
        ...indexes
      ]
    case "sqlite":
      return [
        [
          "0001_create_table",
          `CREATE TABLE IF NOT EXISTS ${table} (
  row_id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  ${key} TEXT NOT NULL UNIQUE,
  previous_key TEXT,
  earlier_key TEXT,
  renamed_at INTEGER,
  handle TEXT NOT NULL,
  user_id TEXT,
  data TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  remembered INTEGER NOT NULL DEFAULT 0,
  sweep_after INTEGER NOT NULL DEFAULT 0
)`
        ],
        ...indexes
      ]
    case "mysql":
      // The indexes come with the table: MySQL has no CREATE INDEX IF NOT EXISTS. Names and users are bytes, so that
      // neither case nor trailing spaces make two of them one. Compact rows would not hold the longest index.
      return [
        [
          "0001_create_table",
          `CREATE TABLE IF NOT EXISTS ${table} (
  row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARBINARY(1020) NOT NULL,
  ${key} VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  previous_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
  earlier_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
  renamed_at BIGINT,
  handle VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id VARBINARY(1020),
  data MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  version INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  remembered SMALLINT NOT NULL DEFAULT 0,
  sweep_after BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY ${index("key")} (${key}),
  KEY ${index("previous_key")} (previous_key),
  KEY ${index("earlier_key")} (earlier_key),
  KEY ${index("handle")} (handle),
  KEY ${index("user_id")} (name, user_id),
  KEY ${index("sweep_after")} (sweep_after)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`
        ]
      ]
  }
}
