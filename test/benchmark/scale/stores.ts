/** The stores that are measured: each on a server of its own, with a way to fill it fast, and with what can be told of it. */
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { SessionStore } from "effect-sessions"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { freePort } from "../../support/ports.js"
import * as Postgres from "../../support/postgres.js"
import * as Population from "./population.js"
import { countBytes, isInstalled, makeFolder, startProgram, until } from "./servers.js"

/** What a server has counted since it began. Undefined where it cannot be told. */
export interface Counters {
  /** Statements or commands that it was sent. */
  readonly statements: number | undefined
  /** Bytes that it wrote to its log, so that what was acknowledged is not lost. */
  readonly logBytes: number | undefined
}

/** A filled store. */
export interface Measured {
  readonly store: SessionStore.Service
  /** The same through a way that counts the bytes on it. */
  readonly counted: { readonly store: SessionStore.Service; readonly bytes: () => number } | undefined
  /** Stores the population from one number up to another. */
  readonly fill: (from: number, to: number, data: string) => Effect.Effect<void>
  /** What is stored, in bytes, with its indexes. */
  readonly bytes: Effect.Effect<number>
  readonly counters: Effect.Effect<Counters>
  /** The processes of the server. None where the store is in this process. */
  readonly processes: ReadonlyArray<number>
}

export interface StoreToMeasure {
  readonly name: string
  readonly version: string
  /** Why it cannot be measured here. */
  readonly missing: string | undefined
  /** What the bytes of a session are bytes of. */
  readonly keeps: "memory" | "disk"
  /** It is not filled further. */
  readonly atMost: number
  readonly make: Effect.Effect<Measured, never, Scope.Scope>
}

const noCounters: Counters = { statements: undefined, logBytes: undefined }

const memory: StoreToMeasure = {
  name: "memory",
  version: `Node ${process.versions.node}`,
  missing: globalThis.gc === undefined ? "Node was not started with --expose-gc" : undefined,
  keeps: "memory",
  atMost: 1_000_000,
  make: Effect.map(Effect.orDie(SessionStore.makeMemory({ capacity: 2_000_000 })), (store) => {
    const heap = () => {
      globalThis.gc?.()
      globalThis.gc?.()
      const { external, heapUsed } = process.memoryUsage()
      return heapUsed + external
    }
    const empty = heap()
    return {
      store,
      counted: undefined,
      fill: fillByInserting(store, 1),
      bytes: Effect.sync(() => heap() - empty),
      counters: Effect.succeed(noCounters),
      processes: []
    }
  })
}

function fillByInserting(store: SessionStore.Service, concurrency: number): Measured["fill"] {
  return (from, to, data) =>
    Effect.orDie(Effect.forEach(
      {
        *[Symbol.iterator]() {
          for (let index = from; index < to; index++) yield index
        }
      },
      // Not the same text for all: a copy of its own, as it comes from a request.
      (index) => store.insert({ record: Population.recordOf(index, Buffer.from(data).toString()) }),
      { concurrency, discard: true }
    ))
}

const table = "effect_sessions"

const columns = (key: string): ReadonlyArray<string> => [
  ...["name", key, "previous_key", "renamed_at", "handle", "user_id", "data", "version", "created_at", "last_seen_at"],
  ...["expires_at", "sweep_after"]
]

/** The client and the store on it, as long as the scope lives. */
const storeOn = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.map(
    Effect.orDie(Layer.build(Layer.provideMerge(SqlSessionStore.layer, client))),
    (context) => ({
      store: Context.get(context, SessionStore.SessionStore),
      sql: Context.get(context, SqlClient.SqlClient)
    })
  )

/** The values of the population as SQL over a number `n`, for databases that make up their rows by themselves. */
const valuesOf = (sha: (text: string) => string, div: string, data: string): string => {
  const ends = `${Population.now} + 60000 + (n * 7919) % 900000`
  const whenSignedIn = (value: string) => `CASE WHEN n % 2 = 0 THEN ${value} END`
  return [
    `'${Population.name}'`,
    sha("'k'"),
    whenSignedIn(sha("'p'")),
    whenSignedIn(`${Population.now - 3_600_000}`),
    sha("'h'").replace(", 43)", ", 22)"),
    whenSignedIn(`CONCAT('user-', n ${div} 4)`),
    `'${data}'`,
    "1",
    `${Population.now - 7_200_000}`,
    `${Population.now - 1000}`,
    ends,
    `(${ends} + 299999) ${div} 300000 * 300000`
  ].join(", ")
}

const number = (rows: ReadonlyArray<Record<string, unknown>>, name: string): number => Number(rows[0]?.[name])

const postgres: StoreToMeasure = {
  name: "PostgreSQL",
  version: "",
  missing: undefined,
  keeps: "disk",
  atMost: 10_000_000,
  make: Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(Postgres.makeFolder),
      (folder) => Effect.sync(() => FileSystem.rmSync(folder, { recursive: true, force: true }))
    )
    const server = yield* Effect.promise(() =>
      Postgres.makePostgres({
        folder,
        name: "data",
        // Images of whole pages come once for each page and checkpoint: the page says so, the count leaves them out.
        settings: [
          "shared_buffers=512MB",
          "max_wal_size=8GB",
          "checkpoint_timeout=1h",
          "full_page_writes=off",
          // Waiting for the disk is no CPU time, and no byte more.
          "fsync=off",
          "autovacuum=off"
        ]
      })
    )
    yield* Effect.acquireRelease(Effect.promise(server.start), () => Effect.promise(server.stop))
    const postmaster = Number(FileSystem.readFileSync(Path.join(folder, "data/postmaster.pid"), "utf8").split("\n")[0])
    const clientOf = (url: string) => PgClient.layer({ url: Redacted.make(url), maxConnections: 10 })
    const { sql, store } = yield* storeOn(clientOf(server.url))
    const way = yield* countBytes(Number(new URL(server.url).port))
    const counted = yield* storeOn(clientOf(Object.assign(new URL(server.url), { port: `${way.port}` }).href))
    const ask = (text: string) => Effect.orDie(sql.unsafe<Record<string, unknown>>(text))
    return {
      store,
      counted: { store: counted.store, bytes: way.bytes },
      fill: (from, to, data) => {
        const sha = (what: string) => `substr(encode(sha256((${what} || n)::bytea), 'hex'), 1, 43)`
        return Effect.zipRight(
          ask(
            `INSERT INTO ${table} (${columns("\"key\"").join(", ")})
             SELECT ${valuesOf(sha, "/", data)} FROM generate_series(${from}::bigint, ${to - 1}) AS n`
          ),
          Effect.zipRight(ask(`VACUUM ANALYZE ${table}`), Effect.asVoid(ask("CHECKPOINT")))
        )
      },
      bytes: Effect.map(ask(`SELECT pg_total_relation_size('${table}') AS bytes`), (rows) => number(rows, "bytes")),
      counters: Effect.gen(function*() {
        const rows = yield* ask("SELECT pg_current_wal_insert_lsn() - '0/0' AS log")
        // What its connections have committed is told a second later, too late for a round.
        return { statements: undefined, logBytes: number(rows, "log") }
      }),
      processes: [postmaster]
    }
  })
}

const mariadb: StoreToMeasure = {
  name: "MariaDB",
  version: "",
  missing: isInstalled("mariadbd") && isInstalled("mariadb-install-db") ? undefined : "mariadbd is not installed",
  keeps: "disk",
  atMost: 1_000_000,
  make: Effect.gen(function*() {
    const folder = yield* makeFolder
    const port = yield* Effect.promise(freePort)
    const data = Path.join(folder, "data")
    const args = [
      ...["--no-defaults", `--datadir=${data}`, "--user=root"],
      ...["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G", "--innodb-flush-log-at-trx-commit=0"]
    ]
    yield* startAndWait("mariadb-install-db", [...args, "--auth-root-authentication-method=normal"])
    const socket = Path.join(folder, "socket")
    const pid = yield* startProgram(
      "mariadbd",
      [...args, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${socket}`, `--pid-file=${folder}/pid`],
      port
    )
    const clientOf = (port: number, database: string) =>
      MysqlClient.layer({ url: Redacted.make(`mysql://root@127.0.0.1:${port}/${database}`), maxConnections: 10 })
    yield* Effect.scoped(Effect.flatMap(
      Effect.orDie(Layer.build(clientOf(port, "mysql"))),
      (context) => Effect.orDie(Context.get(context, SqlClient.SqlClient).unsafe("CREATE DATABASE scale"))
    ))
    const { sql, store } = yield* storeOn(clientOf(port, "scale"))
    const way = yield* countBytes(port)
    const counted = yield* storeOn(clientOf(way.port, "scale"))
    const ask = (text: string) => Effect.orDie(sql.unsafe<Record<string, unknown>>(text))
    const status = (name: string) =>
      Effect.map(ask(`SHOW GLOBAL STATUS LIKE '${name}'`), (rows) => number(rows, "Value"))
    return {
      store,
      counted: { store: counted.store, bytes: way.bytes },
      fill: (from, to, data) => {
        const sha = (what: string) => `SUBSTR(SHA2(CONCAT(${what}, n), 256), 1, 43)`
        const step = 100_000
        const starts = Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step)
        return Effect.zipRight(
          Effect.forEach(starts, (start) =>
            ask(
              `INSERT INTO ${table} (${columns("`key`").join(", ")})
               SELECT ${valuesOf(sha, "DIV", data)} FROM (
                 SELECT seq AS n FROM seq_${start}_to_${Math.min(start + step, to) - 1}
               ) AS numbers`
            ), { discard: true }),
          Effect.asVoid(ask(`ANALYZE TABLE ${table}`))
        )
      },
      bytes: Effect.sync(() => FileSystem.statSync(Path.join(data, "scale", `${table}.ibd`)).size),
      counters: Effect.gen(function*() {
        const statements = yield* status("Com_stmt_execute")
        return { statements, logBytes: yield* status("Innodb_lsn_current") }
      }),
      processes: [pid]
    }
  })
}

const startAndWait = (program: string, args: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { spawn } = yield* Effect.promise(() => import("node:child_process"))
    const code = yield* Effect.async<number | null>((resume) => {
      spawn(program, args, { stdio: "ignore" }).once("exit", (code) => resume(Effect.succeed(code)))
    })
    if (code !== 0) yield* Effect.dieMessage(`${program} ended with ${code}`)
  })

const sqlite: StoreToMeasure = {
  name: "SQLite",
  version: "@effect/sql-libsql",
  missing: undefined,
  keeps: "disk",
  atMost: 1_000_000,
  make: Effect.gen(function*() {
    const file = Path.join(yield* makeFolder, "sessions.sqlite")
    const { sql, store } = yield* storeOn(LibsqlClient.layer({ url: `file:${file}` }))
    const ask = (text: string, parameters: ReadonlyArray<unknown> = []) =>
      Effect.orDie(sql.unsafe(text, [...parameters]))
    yield* ask("PRAGMA journal_mode = WAL")
    yield* ask("PRAGMA synchronous = OFF")
    const values = Array.from({ length: 12 }, (_, index) => `json_extract(value, '$[${index}]')`).join(", ")
    return {
      store,
      counted: undefined,
      fill: (from, to, data) => {
        const step = 5000
        const starts = Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step)
        return Effect.zipRight(
          Effect.forEach(starts, (start) => {
            const rows = Array.from({ length: Math.min(step, to - start) }, (_, index) => {
              const { createdAt, expiresAt, handle, key, lastSeenAt, name, previousKey, renamedAt, userId, version } =
                Population.recordOf(start + index, data)
              const times = [createdAt, lastSeenAt, expiresAt, Math.ceil(expiresAt / 300_000) * 300_000]
              return [name, key, previousKey, renamedAt, handle, userId, data, version, ...times]
            })
            return ask(
              `INSERT INTO ${table} (${columns("\"key\"").join(", ")}) SELECT ${values} FROM json_each(?)`,
              [JSON.stringify(rows)]
            )
          }, { discard: true }),
          Effect.asVoid(ask("ANALYZE"))
        )
      },
      bytes: Effect.map(
        ask("PRAGMA wal_checkpoint(TRUNCATE)"),
        () => FileSystem.statSync(file).size
      ),
      // Its log begins anew within its file: its size tells nothing.
      counters: Effect.succeed(noCounters),
      processes: []
    }
  })
}

/** What `INFO` of these servers says of a field, added up. */
const info = (admins: ReadonlyArray<Redis>, section: string, field: string): Effect.Effect<number> =>
  Effect.map(
    Effect.forEach(admins, (admin) => Effect.promise(() => admin.info(section))),
    (texts) =>
      texts.reduce(
        (sum, text) =>
          sum + [...text.matchAll(new RegExp(`^${field}:(\\d+)`, "gm"))].reduce((a, [, n]) => a + Number(n), 0),
        0
      )
  )

const adminOf = (port: number): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Redis(port, "127.0.0.1")),
    (client) => Effect.sync(() => client.disconnect())
  )

const startRedis = (args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const folder = yield* makeFolder
    const port = yield* Effect.promise(freePort)
    const pid = yield* startProgram(
      "redis-server",
      [
        ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes"],
        // It would rewrite its log while it is filled, and fork for that.
        ...["--auto-aof-rewrite-percentage", "0", ...args]
      ],
      port
    )
    return { port, pid, admin: yield* adminOf(port) }
  })

type RedisServer = Effect.Effect.Success<ReturnType<typeof startRedis>>

const measuredRedis = (
  servers: ReadonlyArray<RedisServer>,
  store: SessionStore.Service,
  counted: Measured["counted"]
): Effect.Effect<Measured> => {
  const admins = servers.map(({ admin }) => admin)
  const used = info(admins, "memory", "used_memory")
  const calls = Effect.map(
    Effect.forEach(admins, (admin) => Effect.promise(() => admin.info("commandstats"))),
    (texts) =>
      texts.flatMap((text) => [...text.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)])
        .reduce((sum, [, calls]) => sum + Number(calls), 0)
  )
  return Effect.map(used, (empty) => ({
    store,
    counted,
    fill: fillByInserting(store, 256),
    bytes: Effect.map(used, (bytes) => bytes - empty),
    counters: Effect.zipWith(calls, info(admins, "persistence", "aof_current_size"), (statements, logBytes) => ({
      statements,
      logBytes
    })),
    processes: servers.map(({ pid }) => pid)
  }))
}

const redisMissing = isInstalled("redis-server") ? undefined : "redis-server is not installed"

const redis: StoreToMeasure = {
  name: "Redis",
  version: "",
  missing: redisMissing,
  keeps: "memory",
  atMost: 1_000_000,
  make: Effect.gen(function*() {
    const server = yield* startRedis([])
    const store = yield* Effect.orDie(RedisSessionStore.make({ url: `redis://127.0.0.1:${server.port}` }))
    const way = yield* countBytes(server.port)
    const counted = yield* Effect.orDie(RedisSessionStore.make({ url: `redis://127.0.0.1:${way.port}` }))
    return yield* measuredRedis([server], store, { store: counted, bytes: way.bytes })
  })
}

const redisCluster: StoreToMeasure = {
  name: "Redis Cluster",
  version: "",
  missing: redisMissing,
  keeps: "memory",
  atMost: 100_000,
  make: Effect.gen(function*() {
    const servers = yield* Effect.all([1, 2, 3].map(() => startRedis(["--cluster-enabled", "yes"])))
    const tell = ({ admin }: RedisServer, ...args: ReadonlyArray<string>) =>
      Effect.promise(() => admin.call("CLUSTER", [...args]))
    const slots = 16_384
    const share = Math.ceil(slots / servers.length)
    for (const [index, server] of servers.entries()) {
      const last = Math.min((index + 1) * share, slots) - 1
      yield* tell(server, "ADDSLOTSRANGE", `${index * share}`, `${last}`)
      yield* tell(server, "SET-CONFIG-EPOCH", `${index + 1}`)
      for (const other of servers.slice(0, index)) yield* tell(server, "MEET", "127.0.0.1", `${other.port}`)
    }
    for (const server of servers) {
      yield* until("the cluster is complete", async () => {
        const text = String(await server.admin.call("CLUSTER", ["INFO"]))
        return /cluster_state:ok/.test(text) && /cluster_known_nodes:3/.test(text)
      })
    }
    const store = yield* Effect.orDie(RedisSessionStore.make({
      cluster: { nodes: servers.map(({ port }) => ({ host: "127.0.0.1", port })) }
    }))
    return yield* measuredRedis(servers, store, undefined)
  })
}

export const stores: ReadonlyArray<StoreToMeasure> = [memory, sqlite, postgres, mariadb, redis, redisCluster]
