import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Server, startServer, until } from "./servers.js"
import { adminOf, tell } from "./stores.js"

/** A Redis Cluster of a test. */
export interface Cluster {
  readonly servers: ReadonlyArray<Server>
  readonly nodes: ReadonlyArray<{ readonly host: string; readonly port: number }>
}

const slots = 16_384

/** Starts a cluster of three masters, which ends with the scope. */
export const startCluster: Effect.Effect<Cluster, never, Scope.Scope> = Effect.gen(function*() {
  const servers = yield* Effect.all(Array.from({ length: 3 }, () => startServer(["--cluster-enabled", "yes"])), {
    concurrency: "unbounded"
  })
  yield* Effect.scoped(Effect.gen(function*() {
    const admins = yield* Effect.forEach(servers, ({ url }) => adminOf(url))
    const share = Math.ceil(slots / servers.length)
    for (const [index, admin] of admins.entries()) {
      const range = [index * share, Math.min((index + 1) * share, slots) - 1].map(String)
      yield* tell(admin, "CLUSTER", "ADDSLOTSRANGE", ...range)
      yield* tell(admin, "CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`)
    }
    for (const { port } of servers.slice(1)) {
      for (const admin of admins.slice(0, 1)) yield* tell(admin, "CLUSTER", "MEET", "127.0.0.1", `${port}`)
    }
    for (const admin of admins) {
      yield* until(
        "the cluster is complete",
        Effect.map(
          tell(admin, "CLUSTER", "INFO"),
          (info) => /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:3/.test(String(info))
        )
      )
    }
  }))
  return { servers, nodes: servers.map(({ port }) => ({ host: "127.0.0.1", port })) }
})
