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

/** The statements of the store. Parameters are `?` here and numbered where the dialect wants that. */
export interface Statements {
  readonly insert: string
  readonly read: string
  readonly update: string
  readonly touch: string
  readonly rotate: string
  readonly delete: string
  readonly deleteByUser: string
  readonly deleteByUserExcept: string
  readonly listByUser: (limit: number, offset: number) => string
  readonly deleteExpired: (limit: number) => string
  readonly count: string
  readonly clear: string
  /** Fails if the table is not there. */
  readonly probe: string
}

const columnNames = ["key", "user_id", "data", "version", "created_at", "last_seen_at", "expires_at"]

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

/** Parameters of `laterTimes`. */
export const laterTimesParameters = (times: { readonly lastSeenAt: number; readonly expiresAt: number }) =>
  [times.expiresAt, sweepAfter(times.expiresAt), times.lastSeenAt].flatMap((time) => [times.lastSeenAt, time])

/** A page of a list, as text: drivers disagree about parameters here, and these are whole numbers. */
const page = (limit: number, offset: number): string => `LIMIT ${whole(limit)} OFFSET ${whole(offset)}`

const whole = (value: number): number => Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(value) || 0))

/**
 * One batch of a sweep: three parameters, the bucket of the time, the time, and the time again. It takes rows that nobody else has locked, so that nodes share the work and requests do not
 * wait, and checks again when it deletes.
 */
const sweep = (dialect: Dialect, table: string, key: string, limit: number): string => {
  const batch = `WHERE sweep_after <= ? AND expires_at <= ? ORDER BY sweep_after LIMIT ${whole(limit)}`
  switch (dialect) {
    case "pg":
      return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${table} ${batch} FOR UPDATE SKIP LOCKED
)) AND expires_at <= ?`
    case "mysql":
      return `DELETE expired FROM ${table} AS expired JOIN (
  SELECT ${key} FROM ${table} ${batch} FOR UPDATE SKIP LOCKED
) AS batch ON batch.${key} = expired.${key} WHERE expired.expires_at <= ?`
    case "sqlite":
      return `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} ${batch}) AND expires_at <= ?`
  }
}

/** All statements for one table, made once. */
export const statements = (dialect: Dialect, options: TableOptions): Statements => {
  const table = qualified(dialect, options, options.prefix)
  const key = quote(dialect, "key")
  const columns = columnNames.map((name) => quote(dialect, name)).join(", ")
  const text = dialect === "pg" ? numbered : (text: string): string => text
  return {
    insert: text(`INSERT INTO ${table} (${columns}, sweep_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    read: text(`SELECT ${columns} FROM ${table} WHERE ${key} = ? AND expires_at > ?`),
    update: text(
      `UPDATE ${table} SET data = ?, version = version + 1, ${laterTimes} WHERE ${key} = ? AND version = ? AND expires_at > ?`
    ),
    touch: text(`UPDATE ${table} SET ${laterTimes} WHERE ${key} = ? AND expires_at > ?`),
    rotate: text(
      `UPDATE ${table} SET ${[...columnNames, "sweep_after"].map((name) => `${quote(dialect, name)} = ?`).join(", ")}
  WHERE ${key} = ? AND version = ? AND expires_at > ?`
    ),
    delete: text(`DELETE FROM ${table} WHERE ${key} = ?`),
    deleteByUser: text(`DELETE FROM ${table} WHERE user_id = ?`),
    deleteByUserExcept: text(`DELETE FROM ${table} WHERE user_id = ? AND ${key} <> ?`),
    listByUser: (limit, offset) =>
      text(
        `SELECT ${columns} FROM ${table} WHERE user_id = ? AND expires_at > ? ORDER BY last_seen_at DESC, ${key} ASC ${
          page(limit, offset)
        }`
      ),
    deleteExpired: (limit) => text(sweep(dialect, table, key, limit)),
    count: text(`SELECT COUNT(*) AS live FROM ${table} WHERE expires_at > ?`),
    clear: `DELETE FROM ${table}`,
    probe: `SELECT 1 FROM ${table} WHERE 1 = 0`
  }
}

/**
 * The migrations, one statement each, and each safe to run again: not every database can undo them together.
 * Never edited once released; what changes is added.
 */
export const migrations = (
  dialect: Dialect,
  options: TableOptions
): ReadonlyArray<readonly [name: string, text: string]> => {
  const table = qualified(dialect, options, options.prefix)
  const key = quote(dialect, "key")
  const index = (name: string) => quote(dialect, `${options.prefix}_${name}`)
  switch (dialect) {
    case "pg":
      return [
        [
          "0001_create_table",
          `CREATE ${options.unlogged ? "UNLOGGED " : ""}TABLE IF NOT EXISTS ${table} (
  ${key} VARCHAR(64) COLLATE "C" PRIMARY KEY,
  user_id VARCHAR(255) COLLATE "C",
  data TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  sweep_after BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 80)`
        ],
        [
          "0002_index_user_id",
          `CREATE INDEX IF NOT EXISTS ${index("user_id")} ON ${table} (user_id) WHERE user_id IS NOT NULL`
        ],
        ["0003_index_sweep_after", `CREATE INDEX IF NOT EXISTS ${index("sweep_after")} ON ${table} (sweep_after)`]
      ]
    case "sqlite":
      return [
        [
          "0001_create_table",
          `CREATE TABLE IF NOT EXISTS ${table} (
  ${key} TEXT NOT NULL PRIMARY KEY,
  user_id TEXT,
  data TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  sweep_after INTEGER NOT NULL DEFAULT 0
)`
        ],
        [
          "0002_index_user_id",
          `CREATE INDEX IF NOT EXISTS ${index("user_id")} ON ${table} (user_id) WHERE user_id IS NOT NULL`
        ],
        ["0003_index_sweep_after", `CREATE INDEX IF NOT EXISTS ${index("sweep_after")} ON ${table} (sweep_after)`]
      ]
    case "mysql":
      // The indexes come with the table: MySQL has no CREATE INDEX IF NOT EXISTS. Users are bytes, so that neither case
      // nor trailing spaces make two users one.
      return [
        [
          "0001_create_table",
          `CREATE TABLE IF NOT EXISTS ${table} (
  ${key} VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  user_id VARBINARY(1020),
  data MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  version INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  sweep_after BIGINT NOT NULL DEFAULT 0,
  KEY ${index("user_id")} (user_id),
  KEY ${index("sweep_after")} (sweep_after)
) ENGINE = InnoDB`
        ]
      ]
  }
}
