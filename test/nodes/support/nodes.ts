import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Esbuild from "esbuild"
import * as FileSystem from "node:fs"
import { fileURLToPath } from "node:url"
import { inject } from "vitest"
import { listening, run, type Server } from "../../sql/support/processes.js"
import { Servers } from "../../sql/support/rounds.js"
import {
  dropTables,
  mysqlTarget,
  postgresTarget,
  redisTarget,
  type Shared,
  usersWithRows
} from "../../sql/support/targets.js"
import { type Answer, type Broken, send } from "../../sql/support/visitor.js"
import { type Balancer, startBalancer } from "./balancer.js"
import type { NodeEnvironment } from "./environment.js"

export const deployments: ReadonlyArray<Shared> = [postgresTarget, mysqlTarget, redisTarget]

/** The limit of every deployment. */
export const maxPerUser = 5

/** A process of the deployment. A restart puts another one in its place. */
export interface Node extends Server {
  /** Its place. */
  readonly index: number
}

/** Four nodes behind a balancer. */
export interface Service {
  readonly balancer: Balancer
  /** Those that run now. */
  readonly all: () => ReadonlyArray<Node>
  /** Starts a node in the place of one that has ended, and waits until it has its turn. */
  readonly startAgain: (node: Node) => Effect.Effect<void>
  /** Lets the clocks go, each so many milliseconds ahead. */
  readonly goAhead: (ahead: ReadonlyArray<number>) => Effect.Effect<void, Broken>
  /** Lets the clocks stand still at a time, each so many milliseconds ahead. */
  readonly standAt: (time: number, ahead: ReadonlyArray<number>) => Effect.Effect<void, Broken>
}

/** The program of a node in one file: it starts in a tenth of the time that its sources take. */
const bundle: Effect.Effect<string> = Effect.promise(async () => {
  const program = `${inject("directory")}/node.mjs`
  if (FileSystem.existsSync(program)) return program
  const outfile = `${inject("directory")}/node-${process.pid}.mjs`
  await Esbuild.build({
    entryPoints: [fileURLToPath(new URL("../processes/node.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outfile,
    // What is written for CommonJS asks for what Node has.
    banner: {
      js: "import { createRequire as requireFrom } from \"node:module\"; const require = requireFrom(import.meta.url)"
    },
    external: ["@effect/sql-libsql", "pg-native"],
    logLevel: "error"
  })
  // Whoever else has made it meanwhile has made the same.
  FileSystem.renameSync(outfile, program)
  return program
})

/** The clocks of four nodes up to half a minute from the true time, and so up to a whole one from each other. */
export const halfAMinute = [0, 30_000, -30_000, 15_000]

export class Nodes extends Context.Tag("test/Nodes")<Nodes, Service>() {
  /** Four nodes with clocks that are wrong by so many milliseconds. Their tests end every session that they begin. */
  static readonly on = (
    deployment: Shared,
    prefix: string,
    { ahead, sweepInterval }: { readonly ahead: ReadonlyArray<number>; readonly sweepInterval: number }
  ): Layer.Layer<Nodes | Servers> =>
    Layer.scopedContext(Effect.gen(function*() {
      const url = yield* deployment.start
      const stored = usersWithRows(url, prefix)
      yield* dropTables(url, prefix)
      const program = yield* bundle
      const balancer = yield* startBalancer
      const scope = yield* Effect.scope
      const startNode = (index: number): Effect.Effect<Node> => {
        const variables: NodeEnvironment = {
          STORE_URL: url,
          PREFIX: prefix,
          MAX_PER_USER: String(maxPerUser),
          SESSION_SECRETS: "the-signing-key-of-all-nodes-0123456789abcdef",
          CLOCK_OFFSET: String(ahead[index] ?? 0),
          SWEEP_INTERVAL: String(sweepInterval)
        }
        return Effect.provideService(
          Effect.map(listening(run([program], { ...variables })), (server) => ({ ...server, index })),
          Scope.Scope,
          scope
        )
      }
      const all = yield* Effect.forEach([0, 1, 2, 3], startNode, { concurrency: "unbounded" })
      yield* Effect.forEach(all, ({ port }) => balancer.add(port), { concurrency: "unbounded", discard: true })
      const clocks = (query: (node: Node) => string) =>
        Effect.forEach(all, (node) => send(node.port, `/clock?${query(node)}`), { discard: true })
      const nodes: Service = {
        balancer,
        all: () => all,
        startAgain: (node) =>
          Effect.gen(function*() {
            yield* balancer.remove(node.port)
            const next = yield* startNode(node.index)
            all[node.index] = next
            yield* balancer.add(next.port)
          }),
        goAhead: (ahead) => clocks(({ index }) => `ahead=${ahead[index] ?? 0}`),
        standAt: (time, ahead) => clocks(({ index }) => `at=${time + (ahead[index] ?? 0)}`)
      }
      const [first, second] = all
      if (first === undefined || second === undefined) return yield* Effect.dieMessage("there are no nodes")
      return Context.make(Nodes, nodes).pipe(
        Context.add(Servers, { name: `${deployment.name}, four nodes`, first, second, all, stored })
      )
    }))
}

/** A browser behind the balancer: it keeps the cookie that it was given last. */
export const browse = (port: number) => {
  let cookie: string | undefined
  return {
    cookie: () => cookie ?? "",
    send: (path: string): Effect.Effect<Answer, Broken> =>
      Effect.tap(Effect.suspend(() => send(port, path, cookie)), (answer) =>
        Effect.sync(() => {
          cookie = answer.cookie ?? cookie
        }))
  }
}
