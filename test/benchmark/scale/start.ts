/** `npm run benchmark:scale`: prints what many sessions need, from `scale.json`; measures that anew if told to. */
import * as Effect from "effect/Effect"
import { readFileSync, writeFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { parseArgs } from "node:util"
import type { Table } from "../measure.js"
import { measureStore } from "./measure.js"
import { type Constants, type RequestCost } from "./model.js"
import { format } from "./report.js"
import { stores } from "./stores.js"

/** What is in `scale.json`. */
export interface Measurement {
  readonly date: string
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string }
  readonly loadBefore: number
  readonly loadAfter: number
  readonly stores: ReadonlyArray<Constants>
  /** CPU microseconds of a whole server, of a run of the benchmark. */
  readonly requests: Readonly<Record<string, RequestCost>>
}

const file = new URL("../scale.json", import.meta.url)

const usage = `npm run benchmark:scale -- [flags]

  (none)                 prints the tables from scale.json
  --measure              measures every store anew
  --only NAME[,NAME]     with --measure: only these, of ${stores.map(({ name }) => name).join(", ")}
  --sizes N[,N]          with --measure: how many are stored, 1000,100000,1000000 (PostgreSQL also takes 10000000)
  --requests FILE        takes the cost of whole requests from what npm run benchmark -- --json FILE has written`

const load = (): number => Math.round((loadavg()[0] ?? 0) * 100) / 100

const empty: Measurement = {
  date: "",
  machine: { cpu: "", cores: 0, node: "" },
  loadBefore: 0,
  loadAfter: 0,
  stores: [],
  requests: {}
}

const stored = (): Measurement => {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Measurement
  } catch {
    return empty
  }
}

const save = (measurement: Measurement): void => writeFileSync(file, `${JSON.stringify(measurement, null, 1)}\n`)

const measure = async (only: ReadonlyArray<string> | undefined, sizes: ReadonlyArray<number>): Promise<void> => {
  const loadBefore = load()
  for (const store of stores.filter(({ name }) => only?.includes(name) ?? true)) {
    if (store.missing !== undefined) {
      console.error(`${store.name} is left out: ${store.missing}`)
      continue
    }
    const effort = { sizes, rounds: 3, operations: 300 }
    const constants = await Effect.runPromise(measureStore(store, effort, (text) => console.error(text)))
    const before = stored()
    const others = before.stores.filter((other) => other.store !== constants.store)
    const all = [...others, constants]
    save({
      ...before,
      date: new Date().toISOString().slice(0, 10),
      machine: { cpu: cpus()[0]?.model ?? "", cores: cpus().length, node: process.version },
      loadBefore,
      loadAfter: load(),
      stores: stores.flatMap(({ name }) => all.filter(({ store }) => store === name))
    })
  }
}

/** Of the contenders of ours, by the store that they are on. */
const ours: Readonly<Record<string, string>> = {
  "memory": "effect-sessions signed",
  "PostgreSQL": "effect-sessions + pg",
  "Redis": "effect-sessions + redis"
}

const takeRequests = (path: string): void => {
  const { tables } = JSON.parse(readFileSync(path, "utf8")) as { readonly tables: ReadonlyArray<Table> }
  const totalOf = (workload: string, contender: string): number | undefined =>
    tables.filter(({ scenario }) => scenario.workload === workload && scenario.payload === 100)
      .flatMap(({ rows }) => rows)
      .find((row) => row.contender === contender && row.error === undefined)?.total.median
  const requests = Object.entries(ours).flatMap(([store, contender]) => {
    const untouched = totalOf("untouched", contender)
    const read = totalOf("read", contender)
    const write = totalOf("write", contender)
    if (untouched === undefined || read === undefined || write === undefined) return []
    const rounded = (micros: number) => Math.round(micros * 10) / 10
    return [[store, { untouched: rounded(untouched), read: rounded(read), write: rounded(write) }] as const]
  })
  const before = stored()
  save({ ...before, requests: { ...before.requests, ...Object.fromEntries(requests) } })
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      measure: { type: "boolean", default: false },
      only: { type: "string" },
      sizes: { type: "string", default: "1000,100000,1000000" },
      requests: { type: "string" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return console.log(usage)
  if (values.measure) await measure(values.only?.split(","), values.sizes.split(",").map(Number))
  if (values.requests !== undefined) takeRequests(values.requests)
  console.log(format(stored()))
}

await main()
