import { writeFileSync } from "node:fs"
import { compileLibrary, hasEffect4 } from "./compile.js"
import { type Flags, parseFlags, usage } from "./flags.js"
import { Fleet } from "./fleet.js"
import { formatGoals, type Goal, judge } from "./goals.js"
import { formatGrowth, type GrowthRow, measureGrowth } from "./growth.js"
import { startLoader } from "./loader.js"
import { describeMachine, formatMachine, type Machine } from "./machine.js"
import { type Harness, measureScenario, type Table } from "./measure.js"
import { detectPinning } from "./pinning.js"
import { type Choice, chosenContenders, type Effort, effortOf, extraChosen, planOf } from "./plan.js"
import { openPostgres, type Postgres } from "./postgres.js"
import { redisVersion } from "./redis.js"
import { formatScenario } from "./report.js"
import { formatSweeps, measureSweeps, type SweepRow } from "./sweeping.js"

/** Everything a run has found so far; written again after every part, so that an interrupted run is not lost. */
interface Results {
  readonly machine: Machine
  readonly effort: Effort
  readonly tables: Array<Table>
  readonly growth: Array<GrowthRow>
  readonly sweeps: Array<SweepRow>
  goals: ReadonlyArray<Goal>
}

const measure = async (choice: Choice, harness: Harness, results: Results, save: () => void): Promise<void> => {
  const show = (text: string) => {
    console.log(`${text}\n`)
    save()
  }
  for (const scenario of planOf(choice)) {
    const table = await measureScenario(harness, scenario)
    results.tables.push(table)
    show(formatScenario(table))
  }
  await harness.fleet.stopAll()

  if (extraChosen(choice, "growth")) {
    console.log("### Growth: reads of sessions picked at random, 100 B\n")
    await measureGrowth(harness, chosenContenders(choice), (rows) => {
      results.growth.push(...rows)
      show(formatGrowth(rows))
    })
  }
  if (extraChosen(choice, "sweep")) {
    results.sweeps.push(...await measureSweeps(harness, chosenContenders(choice)))
    show(`### Sweep\n\n${formatSweeps(results.sweeps)}`)
  }
  results.goals = judge(results.tables, results.growth)
  if (results.goals.length > 0) show(`### Goals\n\n${formatGoals(results.goals)}`)
}

const failed = ({ growth, sweeps, tables }: Results): boolean =>
  [...tables.flatMap((table) => table.rows), ...growth, ...sweeps].some((row) => row.error !== undefined)

const main = async (flags: Flags): Promise<void> => {
  compileLibrary()
  const pinning = detectPinning()
  const postgres = await openPostgres().catch((error: Error): Postgres | undefined => {
    console.error(`no PostgreSQL: ${error.message}`)
    return undefined
  })
  const redis = redisVersion()
  if (redis === undefined) console.error("no Redis: redis-server is not installed")
  if (!hasEffect4) console.error("no Effect 4: npm ci in effect4 installs it")
  const choice = { ...flags, postgres: postgres !== undefined, redis: redis !== undefined, effect4: hasEffect4 }
  const fleet = new Fleet(pinning, postgres)
  const loader = startLoader(pinning)
  let closing: Promise<void> | undefined
  const close = () => closing ??= closeAll()
  const closeAll = async () => {
    loader.stop()
    await fleet.close()
    await postgres?.drop()
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void close().finally(() => process.exit(130)))
  }

  const results: Results = {
    machine: describeMachine(pinning, postgres?.version, redis),
    effort: effortOf(choice),
    tables: [],
    growth: [],
    sweeps: [],
    goals: []
  }
  const save = () => {
    // What fails because the benchmark is being stopped is no result.
    if (flags.json !== undefined && closing === undefined) {
      writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`)
    }
  }
  console.log(`${formatMachine(results.machine)}\n`)
  try {
    await measure(choice, { fleet, loader, effort: results.effort, pinned: pinning !== undefined }, results, save)
    if (failed(results)) process.exitCode = 1
  } finally {
    await close()
  }
}

const readFlags = (): Flags => {
  try {
    return parseFlags(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    process.exit(2)
  }
}

await main(readFlags())
