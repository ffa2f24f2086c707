/** Servers that belong to the measurement alone: their sizes, their CPU time and what they write are nobody else's. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as FileSystem from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { end } from "../../support/children.js"

/** Whether a program is installed. */
export const isInstalled = (program: string): boolean =>
  ChildProcess.spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined

export const makeFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => FileSystem.mkdtempSync(Path.join(Os.tmpdir(), "effect-sessions-scale-"))),
  (folder) => Effect.sync(() => FileSystem.rmSync(folder, { recursive: true, force: true }))
)

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

/** Starts a program that listens on a port, until the scope ends; tells its process id. */
export const startProgram = (
  program: string,
  args: ReadonlyArray<string>,
  port: number
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => ChildProcess.spawn(program, args, { stdio: "ignore" })),
      (child) => Effect.promise(() => end(child, "SIGKILL"))
    )
    yield* until(`${program} listens`, () => accepts(port))
    return child.pid ?? 0
  })

export const until = (what: string, ask: () => Promise<boolean>, turns = 600): Effect.Effect<void> =>
  Effect.flatMap(Effect.promise(ask), (isSo) =>
    isSo
      ? Effect.void
      : turns === 0
      ? Effect.dieMessage(`waited in vain until ${what}`)
      : Effect.delay(until(what, ask, turns - 1), "100 millis"))

/** Microseconds of CPU time of these processes, of their children, and of all of their threads, as Linux counts them. */
export const cpuOf = (roots: ReadonlyArray<number>): number => {
  if (roots.length === 0) return 0
  const parents = new Map<number, number>()
  for (const entry of FileSystem.readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue
    const stat = readIfThere(`/proc/${entry}/stat`)
    const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    parents.set(Number(entry), Number(parent))
  }
  const isMeant = (pid: number): boolean => roots.includes(pid) || roots.includes(parents.get(pid) ?? 0)
  let nanos = 0
  for (const pid of parents.keys()) {
    if (!isMeant(pid) || pid === process.pid) continue
    for (const thread of foldersIn(`/proc/${pid}/task`)) {
      nanos += Number(readIfThere(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0] ?? 0)
    }
  }
  return nanos / 1000
}

const foldersIn = (path: string): ReadonlyArray<string> => {
  try {
    return FileSystem.readdirSync(path)
  } catch {
    return []
  }
}

const readIfThere = (path: string): string => {
  try {
    return FileSystem.readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** A way to a server that counts the bytes that go through it. */
export interface Counted {
  readonly port: number
  readonly bytes: () => number
}

export const countBytes = (to: number): Effect.Effect<Counted, never, Scope.Scope> =>
  Effect.gen(function*() {
    let bytes = 0
    const server = yield* Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        const server = Net.createServer((socket) => {
          const target = Net.connect(to, "127.0.0.1")
          for (const [from, other] of [[socket, target], [target, socket]] as const) {
            from.on("data", (data) => {
              bytes += data.length
              other.write(data)
            })
            from.on("error", () => other.destroy())
            from.on("close", () => other.destroy())
          }
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
    const address = server.address()
    return { port: typeof address === "object" && address !== null ? address.port : 0, bytes: () => bytes }
  })
