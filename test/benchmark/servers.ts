import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { end } from "../support/children.js"
import type { ServerStats } from "./load/messages.js"
import { pinned, type Pinning } from "./pinning.js"

const here = fileURLToPath(new URL(".", import.meta.url))

/** A contender's process and its two ports. */
export interface Server {
  readonly port: number
  readonly control: number
  readonly stop: () => Promise<void>
}

export interface ServerOptions {
  readonly file: string
  readonly config: Readonly<Record<string, unknown>>
  readonly pinning: Pinning | undefined
}

/** A TypeScript contender runs compiled: what tsx makes of it is slower than what a user runs. */
const scriptOf = (file: string): string => {
  const compiled = join(here, ".build/test/benchmark/contenders", file.replace(/\.ts$/, ".js"))
  return file.endsWith(".ts") && existsSync(compiled) ? compiled : join(here, "contenders", file)
}

export const startServer = async ({ config, file, pinning }: ServerOptions): Promise<Server> => {
  const [command, args] = pinned(pinning?.server, [
    process.execPath,
    "--expose-gc",
    "--max-old-space-size=6144",
    scriptOf(file),
    JSON.stringify(config)
  ])
  const child = spawn(command, args, {
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["pipe", "pipe", "pipe"]
  })
  let errors = ""
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000)
  })
  const ports = await announcement(child, () => errors)
  const { control, port } = JSON.parse(ports) as { port: number; control: number }
  return { port, control, stop: () => end(child, "SIGKILL") }
}

const announcement = (child: ChildProcess, errors: () => string): Promise<string> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      reject(new Error(`the server did not start in two minutes: ${errors()}`))
    }, 120_000)
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${errors()}`)))
    if (child.stdout === null) return
    createInterface(child.stdout).on("line", (line) => {
      // Some libraries have a word to say first.
      if (!line.startsWith("{\"port\"")) return
      clearTimeout(timer)
      resolve(line)
    })
  })

/** The control port's figures after a garbage collection. */
export const settledStats = (server: Server): Promise<ServerStats> => control<ServerStats>(server, "/stats?gc")

export interface Sweep {
  readonly removed: number
  readonly millis: number
}

export const sweep = (server: Server): Promise<Sweep> => control<Sweep>(server, "/sweep")

const control = async <A>(server: Server, path: string): Promise<A> => {
  const response = await fetch(`http://127.0.0.1:${server.control}${path}`)
  const answer = await response.json() as A & { error?: string }
  if (answer.error !== undefined) throw new Error(`${path}: ${answer.error}`)
  return answer
}
