import type * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Cluster, type Redis } from "ioredis"
import { startCluster } from "./cluster.js"
import { startServer } from "./servers.js"
import { adminOf } from "./stores.js"

/** Redis of a kind: how to reach it, and a client to look at it with. */
export interface Deployment {
  readonly options: RedisSessionStore.ConnectionOptions
  readonly admin: Redis | Cluster
  readonly urls: ReadonlyArray<string>
}

/** The kinds of Redis that there are. */
export const deployments: ReadonlyArray<
  readonly [name: string, start: Effect.Effect<Deployment, never, Scope.Scope>]
> = [
  [
    "Redis",
    Effect.flatMap(
      startServer(),
      ({ url }) => Effect.map(adminOf(url), (admin) => ({ options: { url }, admin, urls: [url] }))
    )
  ],
  [
    "Redis Cluster",
    Effect.flatMap(startCluster, ({ nodes, servers }) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => new Cluster([...nodes])),
          (client) => Effect.sync(() => client.disconnect())
        ),
        (admin) => ({ options: { cluster: { nodes } }, admin, urls: servers.map(({ url }) => url) })
      ))
  ]
]
