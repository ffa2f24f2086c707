import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

/** Which cores the servers and the load generator are held to; `undefined` where the system cannot. */
export interface Pinning {
  readonly server: string
  readonly load: string
}

export const detectPinning = (): Pinning | undefined => {
  const [server, load] = allowedCores()
  if (server === undefined || load === undefined) return undefined
  try {
    execFileSync("taskset", ["-c", server, "true"], { stdio: "ignore" })
    return { server, load }
  } catch {
    return undefined
  }
}

/** A command line held to a core. */
export const pinned = (core: string | undefined, command: ReadonlyArray<string>): [string, ReadonlyArray<string>] => {
  const [file = "", ...args] = core === undefined ? command : ["taskset", "-c", core, ...command]
  return [file, args]
}

/** The cores this process may use: those of its own affinity mask, not of the machine. */
const allowedCores = (): ReadonlyArray<string> => {
  if (process.platform !== "linux") return []
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
  return list.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
  })
}
