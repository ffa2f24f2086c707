import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Environment } from "./environment.js"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** A child program that runs: what it has written, and how to end it as a crash would. */
export interface Running {
  readonly pid: number
  readonly output: () => string
  readonly errors: () => string
  /** Tells it to end, with SIGTERM. */
  readonly stop: Effect.Effect<void>
  /** Ends it with SIGKILL and waits until it is gone. */
  readonly kill: Effect.Effect<void>
  /** Waits until it ends by itself. */
  readonly exitCode: Effect.Effect<number | null>
  readonly isOver: () => boolean
}

const ended = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.async((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.succeed(child.exitCode))
    else child.once("exit", (code) => resume(Effect.succeed(code)))
  })

/** Runs a program with Node. It ends with the scope. */
export const run = (
  args: ReadonlyArray<string>,
  variables: NodeJS.ProcessEnv
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, args, {
        cwd: root,
        env: { ...process.env, ...variables },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let output = ""
      let errors = ""
      child.stdout.on("data", (chunk) => output += String(chunk))
      child.stderr.on("data", (chunk) => errors += String(chunk))
      const exitCode = ended(child)
      return {
        pid: child.pid ?? 0,
        output: () => output,
        errors: () => errors,
        exitCode,
        stop: Effect.sync(() => child.kill("SIGTERM")),
        isOver: () => child.exitCode !== null || child.signalCode !== null,
        kill: Effect.suspend(() => {
          child.kill("SIGKILL")
          return Effect.asVoid(exitCode)
        })
      }
    }),
    ({ kill }) => kill
  )

/** Starts a program of test/sql/processes. It ends with the scope. */
export const start = (program: string, variables: Environment): Effect.Effect<Running, never, Scope.Scope> =>
  run(["--import", "tsx", `test/sql/processes/${program}`], { ...variables })

/**
 * Waits until a condition holds, by asking again and again: these are other processes, with clocks of their own. It gives up
 * before the test's own time is over, so that what it waited for is said.
 */
export const eventually = <A, E, R>(
  what: string | (() => string),
  ask: Effect.Effect<A | undefined, E, R>,
  patience = 200_000
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const end = performance.now() + patience
    const again: Effect.Effect<A, E, R> = Effect.flatMap(ask, (answer) => {
      if (answer !== undefined) return Effect.succeed(answer)
      return performance.now() > end
        ? Effect.dieMessage(`waited in vain until ${typeof what === "string" ? what : what()}`)
        : Effect.zipRight(Effect.sleep(10), again)
    })
    return again
  })

/** A server process that listens. */
export interface Server extends Running {
  readonly port: number
}

/** Waits until a program listens that has just been started. */
export const listening = <R>(starting: Effect.Effect<Running, never, R>): Effect.Effect<Server, never, R> =>
  Effect.gen(function*() {
    const running = yield* starting
    const port = yield* eventually(
      "the server listens",
      Effect.suspend(() => {
        const port = /listening (\d+)/.exec(running.output())?.[1]
        return port === undefined && running.isOver()
          ? Effect.dieMessage(`the server ended: ${running.output()}${running.errors()}`)
          : Effect.succeed(port)
      })
    )
    return { ...running, port: Number(port) }
  })

/** Starts the app under test and waits until it listens. */
export const startServer = (variables: Environment): Effect.Effect<Server, never, Scope.Scope> =>
  listening(start("server.ts", variables))
