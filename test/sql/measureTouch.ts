/**
 * What a touch costs PostgreSQL in several layouts of the table. Run by hand, from the root of the project:
 * `node --import tsx test/sql/measureTouch.ts [sessions] [minutes]`. Needs no server: it starts one.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as FileSystem from "node:fs/promises"
import { makeFolder, makePostgres } from "../support/postgres.js"

const sessions = Number(process.argv[2] ?? 100_000)
const minutes = Number(process.argv[3] ?? 15)
const idle = 15 * 60_000
const start = 1_700_000_000_000

interface Layout {
  readonly name: string
  readonly fillFactor: number
  /** What the sweep goes by: the end itself, the end rounded up to so many minutes, or nothing. */
  readonly sweepBy: "expires_at" | number | undefined
}

const layouts: ReadonlyArray<Layout> = [
  { name: "a: fillfactor 80, index on expires_at", fillFactor: 80, sweepBy: "expires_at" },
  { name: "b: fillfactor 100, index on expires_at", fillFactor: 100, sweepBy: "expires_at" },
  { name: "c5: fillfactor 80, index on the end rounded up to 5 minutes", fillFactor: 80, sweepBy: 5 },
  { name: "c15: fillfactor 80, index on the end rounded up to 15 minutes", fillFactor: 80, sweepBy: 15 },
  { name: "c15/100: fillfactor 100, index on the end rounded up to 15 minutes", fillFactor: 100, sweepBy: 15 },
  { name: "c60: fillfactor 80, index on the end rounded up to 60 minutes", fillFactor: 80, sweepBy: 60 },
  { name: "bound: fillfactor 80, no index to sweep by", fillFactor: 80, sweepBy: undefined }
]

const table = "measured"

const roundedUp = (layout: Layout, ends: string): string =>
  typeof layout.sweepBy === "number"
    ? `((${ends}) + ${layout.sweepBy * 60_000 - 1}) / ${layout.sweepBy * 60_000} * ${layout.sweepBy * 60_000}`
    : "NULL"

/** The sessions touch at their own second of the minute, in another order each minute, a few to a commit. */
const procedure = (layout: Layout): string => `
CREATE OR REPLACE PROCEDURE touch_all(minute INTEGER) LANGUAGE plpgsql AS $$
DECLARE
  wanted TEXT[];
  visited BIGINT;
  seen BIGINT;
BEGIN
  SELECT array_agg(key ORDER BY md5(key || minute)) INTO wanted FROM ${table};
  FOR visited IN 1 .. array_length(wanted, 1) LOOP
    seen := ${start} + minute * 60000 + visited::bigint * 60000 / array_length(wanted, 1);
    UPDATE ${table} SET last_seen_at = seen, expires_at = seen + ${idle}${
  typeof layout.sweepBy === "number" ? `, sweep_after = ${roundedUp(layout, `seen + ${idle}`)}` : ""
}
    WHERE key = wanted[visited] AND expires_at > seen - ${idle};
    IF visited % 20 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$`

const measure = (layout: Layout) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql.unsafe(`DROP TABLE IF EXISTS ${table}`)
    yield* sql.unsafe(`CREATE TABLE ${table} (
      key VARCHAR(64) COLLATE "C" PRIMARY KEY, user_id VARCHAR(255) COLLATE "C", data TEXT NOT NULL,
      version INTEGER NOT NULL, created_at BIGINT NOT NULL, last_seen_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
      sweep_after BIGINT
    ) WITH (fillfactor = ${layout.fillFactor})`)
    yield* sql.unsafe(`CREATE INDEX ${table}_user_id ON ${table} (user_id) WHERE user_id IS NOT NULL`)
    if (layout.sweepBy === "expires_at") yield* sql.unsafe(`CREATE INDEX ${table}_sweep ON ${table} (expires_at)`)
    if (typeof layout.sweepBy === "number") {
      yield* sql.unsafe(`CREATE INDEX ${table}_sweep ON ${table} (sweep_after)`)
    }
    yield* sql.unsafe(`INSERT INTO ${table}
      SELECT encode(sha256(g::text::bytea), 'hex'), CASE WHEN g % 2 = 0 THEN 'user-' || g END,
        '{"cart":["${"apple ".repeat(30)}"],"locale":"en","theme":"dark"}', 1, ${start}, ${start}, ${start} + ${idle},
        ${roundedUp(layout, `${start} + ${idle}`)}
      FROM generate_series(1, ${sessions}) AS g`)
    yield* sql.unsafe(`VACUUM ANALYZE ${table}`)
    yield* sql.unsafe("CHECKPOINT")
    yield* sql.unsafe(procedure(layout))
    const sizes = sql.unsafe<
      { readonly heap: string; readonly indexes: string; readonly lsn: string; readonly fpi: string }
    >(
      `SELECT pg_table_size('${table}') AS heap, pg_indexes_size('${table}') AS indexes,
        pg_current_wal_lsn() - '0/0' AS lsn, (SELECT wal_fpi FROM pg_stat_wal) AS fpi`
    )
    const [before] = yield* sizes
    const started = performance.now()
    for (let minute = 1; minute <= minutes; minute++) yield* sql.unsafe(`CALL touch_all(${minute})`)
    const seconds = (performance.now() - started) / 1000
    const [after] = yield* sizes
    yield* sql.unsafe("SELECT pg_stat_force_next_flush()")
    const [counts] = yield* sql.unsafe<{ readonly updated: string; readonly hot: string; readonly vacuums: string }>(
      `SELECT n_tup_upd AS updated, n_tup_hot_upd AS hot, autovacuum_count AS vacuums
       FROM pg_stat_user_tables WHERE relname = '${table}'`
    )
    const touches = sessions * minutes
    const megabytes = (bytes: string | undefined) => Math.round(Number(bytes) / 10_000) / 100
    return {
      layout: layout.name,
      microsecondsPerTouch: Math.round(seconds * 1e8 / touches) / 100,
      hotShare: Math.round(Number(counts?.hot) / Number(counts?.updated) * 1000) / 1000,
      walBytesPerTouch: Math.round((Number(after?.lsn) - Number(before?.lsn)) / touches),
      fullPageImages: Number(after?.fpi) - Number(before?.fpi),
      heapMegabytes: [megabytes(before?.heap), megabytes(after?.heap)],
      indexMegabytes: [megabytes(before?.indexes), megabytes(after?.indexes)],
      autovacuums: Number(counts?.vacuums)
    }
  })

const program = Effect.gen(function*() {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(makeFolder),
    (path) => Effect.promise(() => FileSystem.rm(path, { recursive: true, force: true }))
  )
  // A minute passes in a second or two here, so the vacuum that comes every minute comes every two seconds.
  const settings = ["autovacuum_naptime=2s", "max_wal_size=8GB", "shared_buffers=512MB", "checkpoint_timeout=1h"]
  const server = yield* Effect.promise(() => makePostgres({ folder, name: "data", settings }))
  yield* Effect.acquireRelease(Effect.promise(server.start), () => Effect.promise(server.stop))
  const url = Redacted.make(server.url)
  for (const layout of layouts) {
    const figures = yield* Effect.provide(measure(layout), PgClient.layer({ url, maxConnections: 1 }))
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
})

Effect.runPromise(Effect.scoped(program)).then(() => process.exit(0), (error) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
