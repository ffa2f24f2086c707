import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as FileSystem from "node:fs/promises"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Tls from "node:tls"
import { end } from "../../support/children.js"
import { freePort } from "../../support/ports.js"

const hasBinary = ChildProcess.spawnSync("redis-server", ["--version"]).status === 0

/** Why there is no `redis-server` to start, if there is none. */
export const binaryMissing = (): string | undefined => hasBinary ? undefined : "redis-server is not installed"

const plainly = (port: number): Net.Socket => Net.connect(port, "127.0.0.1")

const overTls = (port: number): Net.Socket => Tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false })

const answers = (port: number, connect: (port: number) => Net.Socket): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port)
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.write("PING\r\n")
    socket.on("data", (data) => end(/^(\+PONG|-LOADING|-NOAUTH)/.test(data.toString())))
    socket.on("error", () => end(false))
    socket.on("close", () => end(false))
    socket.setTimeout(1000, () => end(false))
  })

/** A server that is there already: `TEST_REDIS_URL`, or the one at its usual place. */
const given: Promise<string | undefined> = process.env["TEST_REDIS_URL"]
  ? Promise.resolve(process.env["TEST_REDIS_URL"])
  : answers(6379, plainly).then((isThere) => isThere ? "redis://127.0.0.1:6379" : undefined)

/** A Redis server of a test. */
export interface Server {
  readonly port: number
  readonly url: string
  /** Ends it at once, without a chance to save anything. */
  readonly kill: Effect.Effect<void>
  /** Starts it again, with the same port, folder and arguments. */
  readonly start: Effect.Effect<void>
}

/** Waits until something is so, by no clock of a test: servers know nothing of it. */
export const until = (what: string, ask: Effect.Effect<boolean>, turns = 400): Effect.Effect<void> =>
  Effect.flatMap(ask, (isSo) => {
    if (isSo) return Effect.void
    if (turns === 0) return Effect.dieMessage(`waited in vain until ${what}`)
    const pause = Effect.promise(() => new Promise((resume) => setTimeout(resume, 50)))
    return Effect.zipRight(pause, until(what, ask, turns - 1))
  })

/** Starts a program of Redis in a folder of its own, which ends with the scope. */
const startProgram = (
  argsOf: (port: number, folder: string) => Effect.Effect<ReadonlyArray<string>>,
  connect = plainly
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* Effect.promise(freePort)
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => FileSystem.mkdtemp(Path.join(Os.tmpdir(), "effect-sessions-redis-"))),
      (folder) => Effect.promise(() => FileSystem.rm(folder, { recursive: true, force: true }))
    )
    const args = yield* argsOf(port, folder)
    let running: ChildProcess.ChildProcess | undefined
    const kill = Effect.suspend(() => {
      const child = running
      running = undefined
      return child === undefined ? Effect.void : Effect.promise(() => end(child, "SIGKILL"))
    })
    const start = Effect.suspend(() => {
      const child = ChildProcess.spawn("redis-server", args, { stdio: "ignore" })
      running = child
      return until(
        `the server on port ${port} answers`,
        Effect.flatMap(
          Effect.promise(() => answers(port, connect)),
          (isThere) =>
            child.exitCode === null
              ? Effect.succeed(isThere)
              : Effect.dieMessage(`redis-server ended: ${child.exitCode}`)
        )
      )
    })
    yield* Effect.acquireRelease(start, () => kill)
    return { port, url: `redis://127.0.0.1:${port}`, kill, start }
  })

/** Starts a server. It saves nothing unless told so. */
export const startServer = (args: ReadonlyArray<string> = []): Effect.Effect<Server, never, Scope.Scope> =>
  startProgram((port, folder) =>
    Effect.succeed([
      "--port",
      `${port}`,
      "--bind",
      "127.0.0.1",
      "--dir",
      folder,
      "--save",
      "",
      "--enable-debug-command",
      "yes",
      ...args
    ])
  )

/** Starts a server that speaks TLS only, with a certificate. It saves nothing. */
export const startServerWithTls = (
  { cert, key }: { readonly cert: string; readonly key: string }
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.map(
    startProgram((port, folder) =>
      Effect.succeed([
        ...["--port", "0", "--tls-port", `${port}`, "--tls-cert-file", cert, "--tls-key-file", key],
        ...["--tls-auth-clients", "no", "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
      ]), overTls),
    (server) => ({ ...server, url: server.url.replace("redis:", "rediss:") })
  )

/** Starts a Sentinel that watches a master, `sessions`, and decides alone. */
export const startSentinel = (master: number): Effect.Effect<Server, never, Scope.Scope> =>
  startProgram((port, folder) => {
    const file = Path.join(folder, "sentinel.conf")
    const lines = [
      `port ${port}`,
      `dir ${folder}`,
      `sentinel monitor sessions 127.0.0.1 ${master} 1`,
      "sentinel down-after-milliseconds sessions 500",
      "sentinel failover-timeout sessions 5000"
    ]
    return Effect.as(Effect.promise(() => FileSystem.writeFile(file, lines.join("\n"))), [file, "--sentinel"])
  })

/** The URL of a server for what needs none of its own, for as long as the scope lives. */
export const anyServer: Effect.Effect<string, never, Scope.Scope> = Effect.flatMap(
  Effect.promise(() => given),
  (url) => url === undefined ? Effect.map(startServer(), ({ url }) => url) : Effect.succeed(url)
)

/** Why there is no server at all. */
export const redisMissing = async (): Promise<string | undefined> =>
  await given === undefined ? binaryMissing() : undefined
