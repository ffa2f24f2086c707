import type { Contender } from "./contenders.js"
import type { Fleet, Started } from "./fleet.js"
import type { RunResult } from "./load/messages.js"
import type { Loader } from "./loader.js"
import type { Effort, Scenario } from "./plan.js"
import { median, type Spread, spread } from "./statistics.js"

/** One contender in one scenario. */
export interface Row {
  readonly contender: string
  /** The session's own CPU microseconds per request: the server's, minus its bare server's in the same round. */
  readonly own: Spread
  /** The same from the best round of each: noise only ever adds. */
  readonly ownBest: number
  readonly total: Spread
  readonly bare: Spread
  readonly requestsPerSecond: Spread
  readonly bareRequestsPerSecond: Spread
  readonly p50: number
  readonly p99: number
  /** Statements sent to the database per request, where there is one. */
  readonly statements: number | null
  /** CPU microseconds of the store's server per request, where it tells. */
  readonly storeCpu: number | null
  /** Total CPU microseconds in each round, and those of its bare server. */
  readonly rounds: ReadonlyArray<{ readonly total: number; readonly bare: number }>
  /** Why there are no figures. */
  readonly error?: string
}

export interface Table {
  readonly scenario: Omit<Scenario, "contenders">
  readonly rows: ReadonlyArray<Row>
}

/** A server that takes part, and its runs so far. */
interface Entrant {
  readonly name: string
  readonly start: () => Promise<Started>
  /** The process it is in now. Undefined if it did not start. */
  started: Started | undefined
  readonly runs: Array<RunResult>
  error: string | undefined
}

/** A bare server and the contenders measured against it. */
interface Group {
  readonly bare: Entrant
  readonly contenders: ReadonlyArray<Entrant>
}

export interface Harness {
  readonly fleet: Fleet
  readonly loader: Loader
  readonly effort: Effort
  /** The load generator has a core of its own. */
  readonly pinned: boolean
}

/**
 * Every round runs every contender right after its bare server; the order turns by one from round to round, so that
 * no one always runs first, or always after the same neighbour.
 */
export const measureScenario = async (harness: Harness, scenario: Scenario): Promise<Table> => {
  const { effort, fleet } = harness
  const groups = groupsOf(fleet, scenario)
  const instanceOf = (round: number): number => Math.floor((round * effort.instances) / effort.rounds)
  for (let round = 0; round < effort.rounds; round++) {
    if (round === 0 || instanceOf(round) !== instanceOf(round - 1)) {
      if (round > 0) await fleet.stopAll()
      await startGroups(harness, scenario, groups)
    }
    for (const group of rotated(groups, round)) {
      for (const entrant of [group.bare, ...rotated(group.contenders, round)]) {
        const result = await runOnce(harness, scenario, entrant, effort.millis)
        if (result !== undefined) entrant.runs.push(result)
      }
    }
  }
  if (!effort.keepServers) await fleet.stopAll()
  const { contenders, ...rest } = scenario
  const rows = new Map(
    groups.flatMap((group) => group.contenders.map((entrant) => [entrant.name, rowOf(group.bare, entrant)]))
  )
  return { scenario: rest, rows: contenders.flatMap(({ name }) => rows.get(name) ?? []) }
}

const groupsOf = (fleet: Fleet, scenario: Scenario): ReadonlyArray<Group> =>
  [...new Set(scenario.contenders.map((contender) => contender.bare))].map((file) => ({
    bare: entrantOf(file, () => fleet.bare(file)),
    contenders: scenario.contenders
      .filter(({ bare }) => bare === file)
      .map((contender) => entrantOf(contender.name, () => start(fleet, contender, scenario)))
  }))

const entrantOf = (name: string, start: Entrant["start"]): Entrant => ({
  name,
  start,
  started: undefined,
  runs: [],
  error: undefined
})

/**
 * Starts everyone in a new process, unless it is kept from another scenario, and warms it up. One that does not start,
 * or fails a check later, has no figures; the others go on.
 */
const startGroups = async (harness: Harness, scenario: Scenario, groups: ReadonlyArray<Group>): Promise<void> => {
  const entrants = groups.flatMap((group) => [group.bare, ...group.contenders])
  await Promise.all(entrants.map(async (entrant) => {
    entrant.started = await entrant.start().catch(failing(entrant))
  }))
  for (const entrant of entrants) {
    if (entrant.started === undefined) continue
    const { target } = entrant.started
    await harness.loader.send({ type: "prepare", target, clients: scenario.connections }).catch(failing(entrant))
  }
  for (const entrant of entrants) await warmUp(harness, scenario, entrant)
}

const start = (fleet: Fleet, contender: Contender, { payload, workload }: Scenario): Promise<Started> =>
  fleet.contender(contender, payload, workload === "touch" ? { touchMillis: 1 } : {})

const failing = (entrant: Entrant) => (error: unknown): undefined => {
  entrant.error ??= messageOf(error)
}

const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

const warmUp = async (harness: Harness, scenario: Scenario, entrant: Entrant): Promise<void> => {
  if (entrant.started === undefined) return
  const { atMost, millis, requests } = harness.effort.warmUp[entrant.started.warm ? "warm" : "cold"]
  const first = await runOnce(harness, scenario, entrant, millis)
  const missing = requests - (first?.requests ?? 0)
  if (missing > 0) await runOnce(harness, scenario, entrant, atMost - millis, missing)
  entrant.started.warm = true
}

const runOnce = async (
  { effort, loader, pinned }: Harness,
  { connections, store, workload }: Scenario,
  entrant: Entrant,
  millis: number,
  requests = effort.requests
): Promise<RunResult | undefined> => {
  if (entrant.started === undefined || entrant.error !== undefined) return undefined
  const result = await loader.send({
    type: "run",
    key: entrant.started.target.key,
    workload,
    connections,
    requests: workload === "sign-out" ? effort.signOuts : requests,
    millis,
    fromFilled: false,
    // A server of the store needs the load generator's core too.
    spin: pinned && store !== "postgres" && store !== "redis"
  }).catch(failing(entrant))
  return result ?? undefined
}

const rotated = <A>(values: ReadonlyArray<A>, by: number): ReadonlyArray<A> => {
  const start = by % values.length
  return [...values.slice(start), ...values.slice(0, start)]
}

const rowOf = (bare: Entrant, { error, name, runs }: Entrant): Row => {
  const cpu = runs.map((run) => run.cpuMicros / run.requests)
  const bareCpu = bare.runs.map((run) => run.cpuMicros / run.requests)
  const first = runs[0]
  const failure = error ?? bare.error
  return {
    contender: name,
    own: spread(cpu.map((value, round) => value - (bareCpu[round] ?? NaN))),
    ownBest: Math.min(...cpu) - Math.min(...bareCpu),
    total: spread(cpu),
    bare: spread(bareCpu),
    requestsPerSecond: spread(runs.map((run) => run.requests / run.seconds)),
    bareRequestsPerSecond: spread(bare.runs.map((run) => run.requests / run.seconds)),
    p50: median(runs.map((run) => run.p50)),
    p99: median(runs.map((run) => run.p99)),
    statements: first === undefined || first.statements === null
      ? null
      : median(runs.map((run) => (run.statements ?? 0) / run.requests)),
    storeCpu: first === undefined || first.storeCpuMicros === null
      ? null
      : median(runs.map((run) => (run.storeCpuMicros ?? 0) / run.requests)),
    rounds: cpu.map((total, round) => ({ total, bare: bareCpu[round] ?? NaN })),
    ...(failure === undefined ? {} : { error: failure })
  }
}
