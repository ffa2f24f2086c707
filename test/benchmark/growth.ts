import { existsSync, statfsSync, statSync } from "node:fs"
import { type Contender } from "./contenders.js"
import type { Started } from "./fleet.js"
import type { RunResult } from "./load/messages.js"
import type { Harness } from "./measure.js"
import type { Postgres } from "./postgres.js"
import { formatNumber, formatSpread, formatTable } from "./report.js"
import { settledStats } from "./servers.js"
import { type Spread, spread } from "./statistics.js"

/** One contender with so many sessions stored. */
export interface GrowthRow {
  readonly contender: string
  readonly stored: number
  /** The session's own CPU microseconds per read of a session picked at random. */
  readonly own: Spread
  /** The same in units of the bare server's CPU in that round: free of the machine's changes of speed. */
  readonly toBare: Spread
  /** Milliseconds, over one connection: what the database takes is in here, not in the server's CPU. */
  readonly p50: number
  /** In the heap of the server, or in the database with its indexes. */
  readonly bytesPerSession: number | null
  readonly error?: string
}

const payload = 100
const connections = 32
const filledOverHttp = 10_000
const steps = [1000, 10_000, 100_000, 1_000_000, 10_000_000]
/** Long enough that nothing expires and no read is a touch, however long the store took to fill. */
const config = { idleMillis: 6 * 60 * 60 * 1000, touchMillis: 5 * 60 * 60 * 1000 }

/** How the read cost of each contender grows with what is stored; each alone, from an empty store upwards. */
export const measureGrowth = async (
  harness: Harness,
  contenders: ReadonlyArray<Contender>,
  report: (rows: ReadonlyArray<GrowthRow>) => void
): Promise<void> => {
  for (const contender of contenders.filter(({ growsTo }) => growsTo > 0)) {
    const rows: Array<GrowthRow> = []
    try {
      await measureOne(harness, contender, rows)
    } catch (error) {
      const nothing = spread([NaN])
      rows.push({
        contender: contender.name,
        stored: NaN,
        own: nothing,
        toBare: nothing,
        p50: NaN,
        bytesPerSession: null,
        error: error instanceof Error ? error.message : String(error)
      })
    }
    await harness.fleet.stopAll()
    report(rows)
  }
}

const measureOne = async (harness: Harness, contender: Contender, rows: Array<GrowthRow>): Promise<void> => {
  const { fleet, loader } = harness
  const bare = await fleet.bare(contender.bare)
  const started = await fleet.contender(contender, payload, config)
  for (const { target } of [bare, started]) await loader.send({ type: "prepare", target, clients: connections })
  for (const server of [bare, started]) {
    await reads(harness, contender, server, { millis: 3000, count: connections, filled: false })
  }
  const empty = await heapOf(started)
  let stored = 0
  for (const step of steps.filter((step) => step <= growsTo(contender, fleet.postgres))) {
    await store(harness, contender, started, step - stored)
    stored = step
    // First, since it collects the garbage of the filling, which the reads would have to pay for.
    const bytes = await bytesPerSession(fleet.postgres, contender, started, stored, empty)
    rows.push({
      contender: contender.name,
      stored,
      ...await readCost(harness, contender, bare, started),
      bytesPerSession: bytes
    })
  }
}

/** Over HTTP, as users would; in PostgreSQL beyond some thousands by copying rows inside the database. */
const store = async (
  { fleet, loader }: Harness,
  contender: Contender,
  { place, target }: Started,
  count: number
): Promise<void> => {
  const { table } = contender
  const overHttp = table === undefined ? count : Math.min(count, filledOverHttp)
  await loader.send({ type: "fill", key: target.key, count: overHttp, keep: 50_000 })
  if (table !== undefined && count > overHttp) await fleet.postgres?.copyRows(place, table, count - overHttp, false)
}

const readCost = async (harness: Harness, contender: Contender, bare: Started, started: Started) => {
  const own: Array<number> = []
  const toBare: Array<number> = []
  const cpuOf = ({ cpuMicros, requests }: RunResult) => cpuMicros / requests
  await reads(harness, contender, started, { millis: 1000, count: connections, filled: true })
  for (let round = 0; round < harness.effort.rounds; round++) {
    const alone = await reads(harness, contender, bare, {
      millis: harness.effort.millis,
      count: connections,
      filled: false
    })
    const result = await reads(harness, contender, started, {
      millis: harness.effort.millis,
      count: connections,
      filled: true
    })
    own.push(cpuOf(result) - cpuOf(alone))
    toBare.push(cpuOf(result) / cpuOf(alone) - 1)
  }
  const single = await reads(harness, contender, started, { millis: 1000, count: 1, filled: true })
  return { own: spread(own), toBare: spread(toBare), p50: single.p50 }
}

const reads = async (
  { effort, loader, pinned }: Harness,
  { store }: Contender,
  { target }: Started,
  { count, filled, millis }: { readonly millis: number; readonly count: number; readonly filled: boolean }
): Promise<RunResult> => {
  const result = await loader.send({
    type: "run",
    key: target.key,
    workload: "read",
    connections: count,
    requests: effort.requests,
    millis,
    fromFilled: filled,
    spin: pinned && store !== "postgres"
  })
  if (result === null) throw new Error("the load generator ran nothing")
  return result
}

const heapOf = async ({ server }: Started): Promise<number> => {
  const { external, heapUsed } = await settledStats(server)
  return heapUsed + external
}

const bytesPerSession = async (
  postgres: Postgres | undefined,
  contender: Contender,
  started: Started,
  stored: number,
  empty: number
): Promise<number | null> => {
  switch (contender.store) {
    case "memory": {
      const bytes = await heapOf(started) - empty
      // With few stored, what the rest of the heap did meanwhile is more.
      return stored < filledOverHttp ? null : bytes / stored
    }
    case "sqlite": {
      const files = [started.place, `${started.place}-wal`].filter((file) => existsSync(file))
      return files.reduce((bytes, file) => bytes + statSync(file).size, 0) / stored
    }
    case "redis":
      return null
    case "postgres":
      // Copied rows are like the first ones, and repacking millions of them takes minutes.
      return contender.table === undefined || postgres === undefined || stored > filledOverHttp
        ? null
        : await postgres.bytes(started.place, contender.table) /
          await postgres.countRows(started.place, contender.table)
  }
}

const bytesForTenMillion = 20 * 2 ** 30

/** Ten million rows only where the database's disk is known to have room for them. */
const growsTo = (contender: Contender, postgres: Postgres | undefined): number => {
  if (contender.store !== "postgres") return contender.growsTo
  const directory = postgres?.dataDirectory
  const free = directory === undefined || !existsSync(directory) ? 0 : freeBytes(directory)
  return free > bytesForTenMillion ? contender.growsTo : Math.min(contender.growsTo, 1_000_000)
}

const freeBytes = (directory: string): number => {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

const head = [
  "contender",
  "stored",
  "own CPU us per read",
  "own / bare",
  "p50 ms, 1 connection",
  "bytes per session",
  "MiB per million"
]

export const formatGrowth = (rows: ReadonlyArray<GrowthRow>): string =>
  formatTable(
    head,
    rows.map((row) =>
      row.error !== undefined
        ? [row.contender, "failed", row.error, "", "", "", ""]
        : [
          row.contender,
          String(row.stored),
          formatSpread(row.own),
          formatNumber(row.toBare.median, 2),
          formatNumber(row.p50, 3),
          formatNumber(row.bytesPerSession ?? NaN, 0),
          formatNumber((row.bytesPerSession ?? NaN) * 1e6 / 2 ** 20, 0)
        ]
    )
  )

/** The read cost at a million sessions over that at a thousand. */
export const growthRatio = (rows: ReadonlyArray<GrowthRow>): number => {
  const at = (stored: number) => rows.find((row) => row.stored === stored)?.toBare.median ?? NaN
  return at(1_000_000) / at(1000)
}
