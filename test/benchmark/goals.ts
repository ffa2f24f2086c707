import { growthRatio, type GrowthRow } from "./growth.js"
import type { Row, Table } from "./measure.js"
import { formatNumber, formatTable } from "./report.js"
import type { WorkloadName } from "./workloads.js"

/** A ratio of two figures of one run, and how high it may be. */
export interface Goal {
  readonly goal: string
  readonly ratio: number
  readonly atMost: number
}

const signed = "effect-sessions signed"
const unsigned = "effect-sessions unsigned"
const onPostgres = "effect-sessions + pg"
const memoryPeers = ["express-session", "@fastify/session", "hono-sessions", "koa-session"]

/** Those goals whose figures this run has. */
export const judge = (tables: ReadonlyArray<Table>, growth: ReadonlyArray<GrowthRow>): ReadonlyArray<Goal> => {
  const row = (workload: WorkloadName, contender: string): Row | undefined =>
    tables
      .filter(({ scenario }) =>
        scenario.workload === workload && scenario.payload === 100 && scenario.connections === 32
      )
      .flatMap((table) => table.rows)
      .find((row) => row.contender === contender && row.error === undefined)
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
    { goal: "read at 10^6 stored / at 10^3, memory", ratio: grown(signed), atMost: 1.2 },
    { goal: "read at 10^6 stored / at 10^3, PostgreSQL", ratio: grown(onPostgres), atMost: 1.2 }
  ]
  return goals.filter(({ ratio }) => Number.isFinite(ratio))
}

export const formatGoals = (goals: ReadonlyArray<Goal>): string =>
  formatTable(
    ["goal", "ratio", "at most", ""],
    goals.map(({ atMost, goal, ratio }) => [
      goal,
      formatNumber(ratio, 2),
      formatNumber(atMost, 2),
      ratio <= atMost + 0.005 ? "met" : "missed"
    ])
  )
