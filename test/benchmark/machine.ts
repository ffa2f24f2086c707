import { arch, cpus, loadavg, release, totalmem, type } from "node:os"
import type { Pinning } from "./pinning.js"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly date: string
  /** Of the minute before, in cores: other work makes every figure worse. */
  readonly loadBefore: number
  readonly pinning: string
  readonly postgres: string
  readonly redis: string
}

export const describeMachine = (
  pinning: Pinning | undefined,
  postgres: string | undefined,
  redis: string | undefined
): Machine => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()} ${arch()}`,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
  loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  pinning: pinning === undefined
    ? "none: servers and load generator share the cores"
    : `servers on core ${pinning.server}, load generator on core ${pinning.load}`,
  postgres: postgres ?? "none: its scenarios were left out",
  redis: redis ?? "none: its scenarios were left out"
})

export const formatMachine = (machine: Machine): string =>
  Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`).join("\n")
