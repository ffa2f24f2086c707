/**
 * What each step of a request costs inside the process, without a socket: own CPU time beside that of the bare router
 * in the same run, and instructions where the machine counts them. `--save` keeps the result as the baseline,
 * `--compare` fails if a step has become dearer than the baseline says.
 */
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type layers, makeScenarios, provided } from "./scenarios.js"

type LayerName = keyof typeof layers

/** What is compared: own CPU in units of the bare router's, which differs less between machines than microseconds. */
type Baseline = Record<string, { readonly ratio: number; readonly instructions: number | undefined }>

// This file runs from `.build`; the baseline stands beside the source.
const baselineFile = fileURLToPath(new URL("../../../../micro/baseline.json", import.meta.url))

const rounds = 40
const requests = 500

/** How much dearer than the baseline a step may be: what is noise here, and then some. */
const tolerance = 1.3

const layerNames: ReadonlyArray<LayerName> = ["unsigned", "signed"]

const scenariosOf = (name: LayerName) => Effect.runPromise(Effect.provide(makeScenarios, provided(name)))

/** The lowest but for a tenth: other work on the machine only ever adds. */
const undisturbed = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 10)] ?? NaN

const repeat = async (send: () => Promise<unknown>, count: number): Promise<void> => {
  for (let index = 0; index < count; index++) await send()
}

/** CPU microseconds of each scenario, the scenarios taking turns. */
const measure = async (name: LayerName): Promise<ReadonlyMap<string, number>> => {
  const scenarios = Object.entries(await scenariosOf(name))
  const times = new Map(scenarios.map(([key]): [string, Array<number>] => [key, []]))
  for (const [, send] of scenarios) await repeat(send, 10 * requests)
  for (let round = 0; round < rounds; round++) {
    for (const [key, send] of scenarios) {
      const start = process.cpuUsage()
      await repeat(send, requests)
      const { system, user } = process.cpuUsage(start)
      times.get(key)?.push((user + system) / requests)
    }
  }
  return new Map([...times].map(([key, values]) => [key, undisturbed(values)]))
}

const perfStat = (program: ReadonlyArray<string>): number => {
  const { stderr } = spawnSync("perf", ["stat", "-x,", "-e", "instructions:u", ...program], { encoding: "utf8" })
  return Number(/^(\d+),/m.exec(stderr ?? "")?.[1] ?? NaN)
}

/** Many virtual machines count none. */
const countsInstructions = perfStat(["true"]) > 0

/** Instructions of one request: the difference of a long run and a short one. Undefined where nobody counts. */
const instructionsOf = (name: LayerName, key: string): number | undefined => {
  if (!countsInstructions) return undefined
  const counts = [10_000, 30_000].map((count) =>
    perfStat([process.execPath, fileURLToPath(import.meta.url), "--once", name, key, String(count)])
  )
  const [short = NaN, long = NaN] = counts
  return Number.isNaN(long - short) ? undefined : Math.round((long - short) / 20_000)
}

const run = async (): Promise<Baseline> => {
  const results: Baseline = {}
  for (const name of layerNames) {
    const times = await measure(name)
    const bare = times.get("bare") ?? NaN
    for (const [key, time] of times) {
      const instructions = instructionsOf(name, key)
      results[`${name}, ${key}`] = { ratio: Number(((time - bare) / bare).toFixed(2)), instructions }
      console.log(
        `${`${name}, ${key}`.padEnd(22)} ${time.toFixed(1).padStart(7)} us, own ${
          (time - bare).toFixed(1).padStart(6)
        } us`
          + ` = ${((time - bare) / bare).toFixed(2)} of the bare router`
          + (instructions === undefined ? "" : `, ${instructions} instructions`)
      )
    }
  }
  return results
}

const compare = (baseline: Baseline, results: Baseline): ReadonlyArray<string> =>
  Object.entries(results).flatMap(([key, { instructions, ratio }]) => {
    const before = baseline[key]
    if (before === undefined || key.endsWith("bare")) return []
    const [was, is, unit] = before.instructions !== undefined && instructions !== undefined
      ? [before.instructions, instructions, "instructions"]
      : [before.ratio, ratio, "of the bare router"]
    return is > Math.max(was * tolerance, was + 0.06) ? [`${key}: ${is} ${unit}, ${was} in the baseline`] : []
  })

const lower = (left: Baseline, right: Baseline): Baseline =>
  Object.fromEntries(
    Object.entries(left).map(([key, cost]) => {
      const other = right[key]
      return [key, other !== undefined && other.ratio < cost.ratio ? other : cost]
    })
  )

const [mode, ...rest] = process.argv.slice(2)
if (mode === "--once") {
  const [name, key = "", count] = rest
  const scenarios = await scenariosOf(name === "signed" ? "signed" : "unsigned")
  const send = Object.entries(scenarios).find(([candidate]) => candidate === key)?.[1]
  if (send !== undefined) await repeat(send, Number(count))
} else {
  const results = await run()
  if (mode === "--save") writeFileSync(baselineFile, `${JSON.stringify(results, undefined, 2)}\n`)
  if (mode === "--compare") {
    const baseline: Baseline = JSON.parse(readFileSync(baselineFile, "utf8"))
    const first = compare(baseline, results)
    // Measured again before it counts: a machine is seldom busy twice at the same step.
    const dearer = first.length === 0 ? first : compare(baseline, lower(results, await run()))
    console.log(
      dearer.length === 0 ? "No step is dearer than the baseline." : `Dearer than the baseline:\n${dearer.join("\n")}`
    )
    process.exitCode = dearer.length === 0 ? 0 : 1
  }
}
