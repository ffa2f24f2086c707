import { type Contender, contenders, isEffect4, type Store } from "./contenders.js"
import { type WorkloadName, workloadNames } from "./workloads.js"

/** One table of the report: a workload at one payload, one store and one number of connections. */
export interface Scenario {
  readonly workload: WorkloadName
  readonly store: Store
  readonly payload: number
  readonly connections: number
  readonly contenders: ReadonlyArray<Contender>
}

/**
 * Until a server has both run this long and answered this many, but no longer than `atMost`: V8 compiles what
 * it has seen run often, and the slower servers have the more to compile.
 */
export interface WarmUp {
  readonly millis: number
  readonly atMost: number
  readonly requests: number
}

/** How long and how often. */
export interface Effort {
  readonly rounds: number
  /**
   * In how many processes each server is measured, one after the other. A process keeps for its life what V8 decided
   * when it compiled it: the same server started again may take a tenth more or less.
   */
  readonly instances: number
  readonly millis: number
  /** Before the first round: of a new server, and of one that was measured in another scenario. */
  readonly warmUp: { readonly cold: WarmUp; readonly warm: WarmUp }
  /** At most, in one round. */
  readonly requests: number
  /** Sessions ended in one round of sign-out. */
  readonly signOuts: number
  /** Servers live on from scenario to scenario; else each begins with nothing stored. */
  readonly keepServers: boolean
}

/** What is measured besides the workloads: the cost of many stored sessions, and of removing the expired ones. */
export type Extra = "growth" | "sweep"

export const extras: ReadonlyArray<Extra> = ["growth", "sweep"]

/** Extras take minutes: they are part of the full run, or asked for by name. */
export const extraChosen = ({ quick, workloads }: Choice, extra: Extra): boolean =>
  workloads === undefined ? !quick : workloads.includes(extra)

export interface Choice {
  readonly quick: boolean
  readonly only: ReadonlyArray<string> | undefined
  readonly workloads: ReadonlyArray<WorkloadName | Extra> | undefined
  readonly rounds: number | undefined
  readonly instances: number | undefined
  readonly millis: number | undefined
  readonly warmUpSeconds: number | undefined
  readonly postgres: boolean
  readonly redis: boolean
  readonly effect4: boolean
}

const patiently: WarmUp = { millis: 1000, atMost: 20_000, requests: 40_000 }

export const effortOf = (choice: Choice): Effort => {
  const { millis, warmUpSeconds } = choice
  const usual = usualEffort(choice)
  const effort = { ...usual, millis: millis ?? usual.millis }
  if (warmUpSeconds === undefined) return effort
  const warmUp = { ...patiently, atMost: warmUpSeconds * 1000 }
  return { ...effort, warmUp: { cold: warmUp, warm: warmUp } }
}

const usualEffort = ({ instances = 1, quick, rounds }: Choice): Effort =>
  quick
    ? {
      rounds: rounds ?? 3,
      instances,
      millis: 80,
      warmUp: {
        cold: { millis: 400, atMost: 6000, requests: 24_000 },
        warm: { millis: 100, atMost: 600, requests: 4000 }
      },
      requests: 50_000,
      signOuts: 1000,
      keepServers: true
    }
    : {
      // Many short rounds: the speed of a shared machine changes within seconds, and then for all that take turns.
      rounds: rounds ?? 12,
      instances,
      millis: 200,
      warmUp: { cold: patiently, warm: patiently },
      requests: 100_000,
      signOuts: 5000,
      keepServers: false
    }

/** Whether a contender's name is the given one, or contains it where nobody has that name. */
const isNamed = ({ name }: Contender, given: string): boolean =>
  contenders.some((other) => other.name === given) ? name === given : name.includes(given)

/** The contenders asked for by name, or those of the run. */
export const chosenContenders = ({ effect4, only, postgres, quick, redis }: Choice): ReadonlyArray<Contender> =>
  contenders.filter((contender) =>
    (only === undefined ? !quick || contender.quick : only.some((given) => isNamed(contender, given))) &&
    (postgres || contender.store !== "postgres") &&
    (redis || contender.store !== "redis") &&
    (effect4 || !isEffect4(contender))
  )

const base = { payload: 100, connections: 32 }

const isBase = ({ connections, payload }: { readonly connections: number; readonly payload: number }): boolean =>
  payload === base.payload && connections === base.connections

const full: ReadonlyArray<Omit<Scenario, "contenders">> = [
  ...workloadNames.map((workload) => ({ workload, store: "memory" as const, ...base })),
  ...([1000, 10_000] as const).flatMap((payload) => [
    { workload: "read" as const, store: "memory" as const, ...base, payload },
    { workload: "write" as const, store: "memory" as const, ...base, payload }
  ]),
  ...([1, 256] as const).map((connections) => ({
    workload: "read" as const,
    store: "memory" as const,
    ...base,
    connections
  })),
  ...workloadNames.map((workload) => ({ workload, store: "postgres" as const, ...base })),
  { workload: "read", store: "postgres", payload: 10_000, connections: 32 },
  ...([1, 256] as const).map((connections) => ({
    workload: "read" as const,
    store: "postgres" as const,
    ...base,
    connections
  })),
  ...workloadNames.map((workload) => ({ workload, store: "redis" as const, ...base })),
  ...workloadNames.map((workload) => ({ workload, store: "sqlite" as const, ...base }))
]

const quickly: ReadonlyArray<Omit<Scenario, "contenders">> = [
  { workload: "untouched", store: "memory", ...base },
  { workload: "read", store: "memory", ...base },
  { workload: "write", store: "memory", ...base },
  { workload: "read", store: "postgres", ...base }
]

export const planOf = (choice: Choice): ReadonlyArray<Scenario> => {
  const chosen = chosenContenders(choice)
  return (choice.quick ? choice.workloads === undefined ? quickly : full.filter(isBase) : full)
    .filter(({ workload }) => choice.workloads?.includes(workload) ?? true)
    .map((scenario) => ({
      ...scenario,
      contenders: chosen.filter((contender) =>
        contender.store === scenario.store &&
        (isBase(scenario) || !contender.variant) &&
        contender.maxPayload >= scenario.payload &&
        !contender.skips.includes(scenario.workload)
      )
    }))
    .filter((scenario) => scenario.contenders.length > 0)
}
