import { parseArgs } from "node:util"
import { type Extra, extras } from "./plan.js"
import { type WorkloadName, workloadNames } from "./workloads.js"

const names: ReadonlyArray<WorkloadName | Extra> = [...workloadNames, ...extras]

export interface Flags {
  readonly quick: boolean
  readonly json: string | undefined
  readonly only: ReadonlyArray<string> | undefined
  readonly workloads: ReadonlyArray<WorkloadName | Extra> | undefined
  readonly rounds: number | undefined
  readonly instances: number | undefined
  readonly millis: number | undefined
  readonly warmUpSeconds: number | undefined
}

export const usage = `npm run benchmark -- [flags]

  --quick                 a selection, in under a minute
  --json FILE             write every figure there
  --only NAME[,NAME]      contenders of these names, or whose names contain them
  --workload NAME[,NAME]  of ${names.join(", ")}
  --rounds N              how often each is measured
  --instances N           in how many processes of its own each, one after the other
  --millis N              how long each round of each lasts
  --warm-up SECONDS       of each server before each table, at most`

export const parseFlags = (args: ReadonlyArray<string>): Flags => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      only: { type: "string" },
      workload: { type: "string" },
      rounds: { type: "string" },
      instances: { type: "string" },
      millis: { type: "string" },
      "warm-up": { type: "string" }
    }
  })
  return {
    quick: values.quick,
    json: values.json,
    only: values.only?.split(","),
    workloads: values.workload?.split(",").map(workloadNamed),
    rounds: positive("rounds", values.rounds),
    instances: positive("instances", values.instances),
    millis: positive("millis", values.millis),
    warmUpSeconds: positive("warm-up", values["warm-up"])
  }
}

const positive = (name: string, text: string | undefined): number | undefined => {
  const value = text === undefined ? undefined : Number(text)
  if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
    throw new Error(`--${name} must be a whole number above zero`)
  }
  return value
}

const workloadNamed = (name: string): WorkloadName | Extra => {
  const found = names.find((known) => known === name)
  if (found === undefined) throw new Error(`--workload ${name}: not one of ${names.join(", ")}`)
  return found
}
