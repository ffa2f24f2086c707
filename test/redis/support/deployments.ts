import type * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
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

let prefixes = 0

/** Redis that was started for the tests of a file. A cluster takes seconds to start, so they share it. */
export class Deployed extends Context.Tag("test/Deployed")<Deployed, Deployment>() {
  /** It, with a prefix that no other test has. */
  static readonly alone = Effect.map(Deployed, (deployment) => {
    const prefix = `alone${++prefixes}:`
    return { ...deployment, prefix, options: { ...deployment.options, prefix } }
  })
}

/** The kinds of Redis that there are. */
export const deployments: ReadonlyArray<readonly [name: string, deployed: Layer.Layer<Deployed>]> = [
  [
    "Redis",
    Layer.scoped(
      Deployed,
      Effect.flatMap(
        startServer(),
        ({ url }) => Effect.map(adminOf(url), (admin) => ({ options: { url }, admin, urls: [url] }))
      )
    )
  ],
  [
    "Redis Cluster",
    Layer.scoped(
      Deployed,
      Effect.flatMap(startCluster, ({ nodes, servers }) =>
        Effect.map(
          Effect.acquireRelease(
            Effect.sync(() => new Cluster([...nodes])),
            (client) => Effect.sync(() => client.disconnect())
          ),
          (admin) => ({ options: { cluster: { nodes } }, admin, urls: servers.map(({ url }) => url) })
        ))
    )
  ]
]
