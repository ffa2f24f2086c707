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

/** Starts a cluster of three masters, with more arguments for each, which ends with the scope. */
export const startClusterWith = Effect.fnUntraced(function*(
  args: ReadonlyArray<string>
): Effect.fn.Return<Cluster, never, Scope.Scope> {
  const servers = yield* Effect.all(
    Array.from({ length: 3 }, () => startServer(["--cluster-enabled", "yes", ...args])),
    { concurrency: "unbounded" }
  )
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

/** Starts a cluster of three masters, which ends with the scope. */
export const startCluster: Effect.Effect<Cluster, never, Scope.Scope> = startClusterWith([])

/** Makes a server that is empty a replica of the first master of a cluster, and waits until it has everything. */
export const addReplica = Effect.fnUntraced(function*(
  { servers: [master] }: Cluster,
  args: ReadonlyArray<string>
): Effect.fn.Return<Server, never, Scope.Scope> {
  const replica = yield* startServer(["--cluster-enabled", "yes", ...args])
  const [admin, ofMaster] = [yield* adminOf(replica.url), yield* adminOf(master?.url ?? "")]
  const id = String(yield* tell(ofMaster, "CLUSTER", "MYID"))
  yield* tell(admin, "CLUSTER", "MEET", "127.0.0.1", `${master?.port}`)
  yield* until(
    "the nodes know each other",
    Effect.map(tell(admin, "CLUSTER", "NODES"), (text) => String(text).split("\n").filter((line) => line).length === 4)
  )
  yield* tell(admin, "CLUSTER", "REPLICATE", id)
  yield* until(
    "the replica has everything",
    Effect.map(tell(ofMaster, "INFO", "replication"), (text) => /state=online/.test(String(text)))
  )
  return replica
})

/** Moves a slot with all that is in it to another master, key by key, as an administrator does. */
export const moveSlot = Effect.fnUntraced(function*(cluster: Cluster, slot: string, from: Server, to: Server) {
  const admins = yield* Effect.forEach(cluster.servers, ({ url }) => adminOf(url))
  const [source, target] = [yield* adminOf(from.url), yield* adminOf(to.url)]
  const [sourceId, targetId] = [
    String(yield* tell(source, "CLUSTER", "MYID")),
    String(yield* tell(target, "CLUSTER", "MYID"))
  ]
  yield* tell(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", sourceId)
  yield* tell(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", targetId)
  let moved = 0
  for (;;) {
    const keys = yield* tell(source, "CLUSTER", "GETKEYSINSLOT", slot, "1")
    if (!Array.isArray(keys) || keys.length === 0) break
    yield* tell(source, "MIGRATE", "127.0.0.1", `${to.port}`, "", "0", "5000", "KEYS", ...keys.map(String))
    moved += keys.length
  }
  yield* tell(target, "CLUSTER", "SETSLOT", slot, "NODE", targetId)
  for (const admin of admins) yield* tell(admin, "CLUSTER", "SETSLOT", slot, "NODE", targetId)
  return moved
})
