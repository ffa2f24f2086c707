import { type SessionError, SessionStore } from "effect-sessions"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import { conformance } from "effect-sessions/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { describe } from "vitest"
import { sized, timeout } from "../sql/support/size.js"
import { startCluster } from "./support/cluster.js"
import { anyServer, binaryMissing, redisMissing } from "./support/servers.js"

const many = {
  runs: sized({ small: 30, middle: 200, full: 1_000 }),
  rounds: sized({ small: 10, middle: 100, full: 1_000 }),
  timeout
}
const few = { runs: sized({ small: 3, full: 100 }), rounds: sized({ small: 2, full: 100 }), timeout }

const prefixed = (prefix: string) => `effect_sessions_test:${process.pid}:${prefix}:`

/** The store, whose records are gone at the end. */
const storeLayer = (make: Effect.Effect<SessionStore.Service, SessionError.SessionConfigError, Scope.Scope>) =>
  Layer.scoped(
    SessionStore.SessionStore,
    Effect.tap(make, (store) => Effect.addFinalizer(() => Effect.ignore(store.clear())))
  )

const onServer = storeLayer(
  Effect.flatMap(anyServer, (url) => RedisSessionStore.make({ url, prefix: prefixed("conformance") }))
)

const fromClient = storeLayer(
  Effect.gen(function*() {
    const url = yield* anyServer
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => new Redis(url, { keyPrefix: "app:", lazyConnect: true })),
      (client) => Effect.sync(() => client.disconnect())
    )
    return yield* RedisSessionStore.makeFrom(client, { prefix: prefixed("client") })
  })
)

const onCluster = storeLayer(
  Effect.flatMap(startCluster, ({ nodes }) => RedisSessionStore.make({ cluster: { nodes } }))
)

describe.skipIf(await redisMissing() !== undefined)("Redis", () => {
  conformance("Redis", onServer, many)
  conformance("Redis, from a client of the app", fromClient, few)
})

describe.skipIf(binaryMissing() !== undefined)("Redis Cluster", () => {
  conformance("A Redis Cluster of three masters", onCluster, many)
})
