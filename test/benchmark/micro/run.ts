/**
 * What each step of a request costs inside the process, without a socket: own CPU time beside that of the bare router
 * in the same run, bytes allocated, and instructions where the machine counts them. `--save` keeps the result as the
 * baseline of this processor, `--compare` fails if a step has become dearer than the baseline says. `--effect4` measures
 * the edition for Effect 4.
 */
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import type * as Scenarios from "./scenarios.js"

type LayerName = "unsigned" | "signed"

interface Cost {
  /** Own CPU in units of the bare router's, which differs less between machines than microseconds. */
  readonly ratio: number
  /** Own bytes, which hardly differ between machines. */
  readonly bytes: number
  readonly instructions: number | undefined
}

type Costs = Record<string, Cost>

/** Processors differ in what a session costs beside a router: in how fast they hash, for one. */
type Baseline = Record<string, Costs>

const file = fileURLToPath(import.meta.url)
const isEffect4 = process.argv.includes("--effect4")
const edition = isEffect4 ? ["--effect4"] : []
const { scenariosOf }: typeof Scenarios = await import(isEffect4 ? "./effect4/scenarios.js" : "./scenarios.js")
const suffix = ", Effect 4"
const processor = `${cpus()[0]?.model ?? "unknown"}${isEffect4 ? suffix : ""}`
// This file runs from `.build`; the baseline stands beside the source.
const baselineFile = fileURLToPath(new URL("../../../../micro/baseline.json", import.meta.url))

const rounds = 40
const requests = 500

/** How much dearer than the baseline a step may be: what is noise here, and then some. */
const tolerance = 1.3

/** The same for bytes, which depend on what V8 has compiled how, and on nothing else that happens on the machine. */
const bytesTolerance = 1.15

const layerNames: ReadonlyArray<LayerName> = ["unsigned", "signed"]

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
    perfStat([process.execPath, file, ...edition, "--once", name, key, String(count)])
  )
  const [short = NaN, long = NaN] = counts
  return Number.isNaN(long - short) ? undefined : Math.round((long - short) / 20_000)
}

/** Bytes that each scenario allocates for a request, in a process whose young generation holds all of them. */
const allocate = async (name: LayerName): Promise<Record<string, number>> => {
  const scenarios = Object.entries(await scenariosOf(name))
  for (const [, send] of scenarios) await repeat(send, 20 * requests)
  const bytes: Record<string, number> = {}
  for (const [key, send] of scenarios) {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    await repeat(send, 4 * requests)
    bytes[key] = (process.memoryUsage().heapUsed - before) / (4 * requests)
  }
  return bytes
}

/** Own bytes of a scenario, the median of three processes. */
const bytesOf = (name: LayerName): (key: string) => number => {
  const flags = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"]
  const runs = Array.from(
    { length: 3 },
    (): Record<string, number> =>
      JSON.parse(
        spawnSync(process.execPath, [...flags, file, ...edition, "--bytes", name], { encoding: "utf8" }).stdout
      )
  )
  return (key) => {
    const own = runs.map((bytes) => (bytes[key] ?? NaN) - (bytes["bare"] ?? NaN)).sort((a, b) => a - b)
    return Math.round(own[1] ?? NaN)
  }
}

const run = async (): Promise<Costs> => {
  const results: Costs = {}
  for (const name of layerNames) {
    const times = await measure(name)
    const bare = times.get("bare") ?? NaN
    const bytesOfStep = bytesOf(name)
    for (const [key, time] of times) {
      const instructions = instructionsOf(name, key)
      const bytes = bytesOfStep(key)
      results[`${name}, ${key}`] = { ratio: Number(((time - bare) / bare).toFixed(2)), bytes, instructions }
      console.log(
        `${`${name}, ${key}`.padEnd(22)} ${time.toFixed(1).padStart(7)} us, own ${
          (time - bare).toFixed(1).padStart(6)
        } us`
          + ` = ${((time - bare) / bare).toFixed(2)} of the bare router, ${String(bytes).padStart(6)} bytes`
          + (instructions === undefined ? "" : `, ${instructions} instructions`)
      )
    }
  }
  return results
}

/** The costs to compare with: those of this processor, or of any other, whose time says nothing here. */
const comparable = (baseline: Baseline): Costs => {
  const ours = baseline[processor]
  if (ours !== undefined) return ours
  console.log(`No baseline of ${processor}: bytes alone are compared. --save adds one.`)
  const [, others = {}] = Object.entries(baseline).find(([name]) => name.endsWith(suffix) === isEffect4) ?? []
  return Object.fromEntries(
    Object.entries(others).map(([key, { bytes }]) => [key, { ratio: Infinity, bytes, instructions: undefined }])
  )
}

const compare = (baseline: Costs, results: Costs): ReadonlyArray<string> =>
  Object.entries(results).flatMap(([key, { bytes, instructions, ratio }]) => {
    const before = baseline[key]
    if (before === undefined || key.endsWith("bare")) return []
    const [was, is, unit] = before.instructions !== undefined && instructions !== undefined
      ? [before.instructions, instructions, "instructions"]
      : [before.ratio, ratio, "of the bare router"]
    return [
      ...(is > Math.max(was * tolerance, was + 0.06) ? [`${key}: ${is} ${unit}, ${was} in the baseline`] : []),
      ...(bytes > Math.max(before.bytes * bytesTolerance, before.bytes + 1500)
        ? [`${key}: ${bytes} bytes, ${before.bytes} in the baseline`]
        : [])
    ]
  })

const lower = (left: Costs, right: Costs): Costs =>
  Object.fromEntries(
    Object.entries(left).map(([key, cost]) => {
      const other = right[key] ?? cost
      const { instructions, ratio } = other.ratio < cost.ratio ? other : cost
      return [key, { ratio, bytes: Math.min(cost.bytes, other.bytes), instructions }]
    })
  )

const readBaseline = (): Baseline => JSON.parse(readFileSync(baselineFile, "utf8"))

const [mode, ...rest] = process.argv.slice(2).filter((argument) => argument !== "--effect4")
const layerNamed = (name: string | undefined): LayerName => name === "signed" ? "signed" : "unsigned"

if (mode === "--bytes") {
  console.log(JSON.stringify(await allocate(layerNamed(rest[0]))))
} else if (mode === "--once") {
  const [name, key = "", count] = rest
  const scenarios = await scenariosOf(layerNamed(name))
  const send = Object.entries(scenarios).find(([candidate]) => candidate === key)?.[1]
  if (send !== undefined) await repeat(send, Number(count))
} else {
  const results = await run()
  if (mode === "--save") {
    writeFileSync(baselineFile, `${JSON.stringify({ ...readBaseline(), [processor]: results }, undefined, 2)}\n`)
  }
  if (mode === "--compare") {
    const baseline = comparable(readBaseline())
    const first = compare(baseline, results)
    // Measured again before it counts: a machine is seldom busy twice at the same step.
    const dearer = first.length === 0 ? first : compare(baseline, lower(results, await run()))
    console.log(
      dearer.length === 0 ? "No step is dearer than the baseline." : `Dearer than the baseline:\n${dearer.join("\n")}`
    )
    process.exitCode = dearer.length === 0 ? 0 : 1
  }
}
