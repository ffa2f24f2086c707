import type { WorkloadName } from "../workloads.js"

/** What the load generator knows of a server before it asks it anything. */
export interface Target {
  readonly key: string
  readonly port: number
  readonly control: number
  /** A bare server has no session: only its status codes are checked. */
  readonly session: boolean
  /** The routes that change a session exist. */
  readonly writes: boolean
  /** The session lives on the server, so that an id given up is dead. */
  readonly serverSide: boolean
  /** Bytes of payload in each session. */
  readonly size: number
}

export interface Prepare {
  readonly type: "prepare"
  readonly target: Target
  readonly clients: number
}

/** Stores `count` sessions through `/seed` and keeps the cookies of at most `keep` of them. */
export interface Fill {
  readonly type: "fill"
  readonly key: string
  readonly count: number
  readonly keep: number
}

export interface Run {
  readonly type: "run"
  readonly key: string
  readonly workload: WorkloadName
  readonly connections: number
  readonly requests: number
  readonly millis: number
  /** Read sessions at random from those that `fill` kept, not each connection its own. */
  readonly fromFilled: boolean
  /** Never sleep in the poll: for when the load generator has a core of its own. */
  readonly spin: boolean
}

export type Message = Prepare | Fill | Run

export interface RunResult {
  readonly requests: number
  readonly seconds: number
  readonly cpuMicros: number
  readonly statements: number | null
  /** CPU time of the store's server, where it tells. */
  readonly storeCpuMicros: number | null
  readonly p50: number
  readonly p99: number
}

export interface ServerStats {
  readonly cpuMicros: number
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  readonly statements: number | null
  readonly storeCpuMicros: number | null
}

export type Reply =
  | { readonly ok: true; readonly result: RunResult | null }
  | { readonly ok: false; readonly error: string }
