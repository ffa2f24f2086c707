import { growthRatio, type GrowthRow } from "./growth.js"
import type { Row, Table } from "./measure.js"
import { formatNumber, formatSpread, formatTable } from "./report.js"
import { type Spread, spread } from "./statistics.js"
import type { WorkloadName } from "./workloads.js"

/** A ratio of two figures of one run, and how high it may be. */
export interface Goal {
  readonly goal: string
  readonly ratio: number
  /** Where it is the median of the rounds: their quartiles. */
  readonly spread?: Spread
  readonly atMost: number
}

const signed = "effect-sessions signed"
const unsigned = "effect-sessions unsigned"
const onPostgres = "effect-sessions + pg"
const onRedis = "effect-sessions + redis"
const onEffect4 = {
  signed: "effect-sessions 4 signed",
  unsigned: "effect-sessions 4 unsigned",
  onPostgres: "effect-sessions 4 + pg",
  floor: "floor on Effect 4",
  select: "effect 4 SELECT"
}
const memoryPeers = ["express-session", "@fastify/session", "hono-sessions", "koa-session"]

/** Those goals whose figures this run has. */
export const judge = (tables: ReadonlyArray<Table>, growth: ReadonlyArray<GrowthRow>): ReadonlyArray<Goal> => {
  const row = rowsOf(tables)
  const own = (workload: WorkloadName, contender: string): number => row(workload, contender)?.own.median ?? NaN
  const total = (workload: WorkloadName, contender: string): number => row(workload, contender)?.total.median ?? NaN
  const best = (workload: WorkloadName, contenders: ReadonlyArray<string>): number => {
    const measured = contenders.map((contender) => own(workload, contender)).filter(Number.isFinite)
    return measured.length === 0 ? NaN : Math.min(...measured)
  }
  const grown = (contender: string): number => growthRatio(growth.filter((row) => row.contender === contender))

  const goals: ReadonlyArray<Goal> = [
    {
      goal: "untouched, signed / the best peer's read",
      ratio: own("untouched", signed) / best("read", memoryPeers),
      atMost: 0.25
    },
    {
      goal: "read, unsigned / hono-sessions",
      ratio: own("read", unsigned) / own("read", "hono-sessions"),
      atMost: 0.6
    },
    {
      goal: "read, signed / @fastify/session",
      ratio: own("read", signed) / own("read", "@fastify/session"),
      atMost: 0.85
    },
    {
      goal: "write, signed / the better of hono-sessions and @fastify/session",
      ratio: own("write", signed) / best("write", ["hono-sessions", "@fastify/session"]),
      atMost: 1
    },
    { goal: "forged, signed / our own read", ratio: own("forged", signed) / own("read", signed), atMost: 0.5 },
    {
      goal: "read, PostgreSQL / one SELECT by the same client and router, whole server",
      ratio: total("read", onPostgres) / total("read", "effect SELECT"),
      atMost: 1.15
    },
    {
      goal: "the same, without the bare server",
      ratio: own("read", onPostgres) / own("read", "effect SELECT"),
      atMost: 1.15
    },
    { goal: "statements of a read, PostgreSQL", ratio: row("read", onPostgres)?.statements ?? NaN, atMost: 1 },
    { goal: "commands of a read, Redis", ratio: row("read", onRedis)?.statements ?? NaN, atMost: 1 },
    { goal: "commands of a write, Redis", ratio: row("write", onRedis)?.statements ?? NaN, atMost: 2 },
    { goal: "read at 10^6 stored / at 10^3, memory", ratio: grown(signed), atMost: 1.2 },
    { goal: "read at 10^6 stored / at 10^3, PostgreSQL", ratio: grown(onPostgres), atMost: 1.2 }
  ]
  return [...goals, ...judgeEffect4(row)].filter(({ ratio }) => Number.isFinite(ratio))
}

type FindRow = (workload: WorkloadName, contender: string, payload?: number) => Row | undefined

const rowsOf = (tables: ReadonlyArray<Table>): FindRow => (workload, contender, payload = 100) =>
  tables
    .filter(({ scenario }) =>
      scenario.workload === workload && scenario.payload === payload && scenario.connections === 32
    )
    .flatMap((table) => table.rows)
    .find((row) => row.contender === contender && row.error === undefined)

/** Ratios of whole servers, each round's by itself: what slows the machine slows both. */
const judgeEffect4 = (row: FindRow): ReadonlyArray<Goal> => {
  const { floor, onPostgres, select, signed, unsigned } = onEffect4
  const goalOf = (goal: string, ratios: ReadonlyArray<number>, atMost: number): Goal => ({
    goal,
    ratio: spread(ratios).median,
    spread: spread(ratios),
    atMost
  })
  const goal = (workload: WorkloadName, ours: string, theirs: string, atMost: number, payload = 100): Goal => {
    const their = row(workload, theirs, payload)?.rounds ?? []
    return goalOf(
      `${workload}, ${payload} B: ${ours} / ${theirs}`,
      (row(workload, ours, payload)?.rounds ?? []).map(({ total }, round) => total / (their[round]?.total ?? NaN)),
      atMost
    )
  }
  const best = (workload: WorkloadName, payload: number): string => {
    const measured = ["@fastify/session", "hono-sessions", "koa-session"]
      .map((contender) => ({ contender, total: row(workload, contender, payload)?.total.median ?? Infinity }))
      .sort((left, right) => left.total - right.total)
    return measured[0]?.contender ?? ""
  }
  return [
    goal("read", signed, floor, 1.1),
    goal("write", signed, floor, 1.2),
    goalOf(
      `untouched, 100 B: ${signed} / the bare server`,
      (row("untouched", signed)?.rounds ?? []).map(({ bare, total }) => total / bare),
      1.1
    ),
    goal("read", signed, "@fastify/session", 0.84),
    goal("write", signed, "@fastify/session", 0.84),
    goal("read", unsigned, "hono-sessions", 0.75),
    goal("write", signed, "koa-session", 1.03),
    goal("read", signed, "koa-session", 1.43),
    goal("read", signed, best("read", 10_000), 1, 10_000),
    goal("write", signed, best("write", 10_000), 1, 10_000),
    goal("read", onPostgres, select, 1.2),
    goal("read", onPostgres, "@fastify/session + connect-pg-simple", 0.76)
  ]
}

export const formatGoals = (goals: ReadonlyArray<Goal>): string =>
  formatTable(
    ["goal", "ratio", "at most", ""],
    goals.map(({ atMost, goal, ratio, spread }) => [
      goal,
      spread === undefined ? formatNumber(ratio, 2) : formatSpread(spread, 2),
      formatNumber(atMost, 2),
      ratio <= atMost + 0.005 ? "met" : "missed"
    ])
  )
