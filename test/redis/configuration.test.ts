import { assert, describe, effect } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Cluster, Redis } from "ioredis"

const bad: ReadonlyArray<readonly [what: string, options: RedisSessionStore.ConnectionOptions, problem: RegExp]> = [
  ["nothing", {}, /give url, redis or cluster/],
  [
    "a cluster beside a server",
    { url: "redis://localhost", cluster: { nodes: ["redis://localhost"] } },
    /leave out url/
  ],
  ["a cluster without a node", { cluster: { nodes: [] } }, /must name a node/],
  [
    "a database of a cluster",
    { cluster: { nodes: ["redis://localhost"], options: { redisOptions: { db: 3 } } } },
    /database 0 only/
  ],
  ["another URL", { url: "http://localhost" }, /RedisSessionStore\.url/],
  ["no URL", { url: Redacted.make("redis://secret@:x") }, /RedisSessionStore\.url/],
  ["a password with a bare percent sign", { url: "redis://user:secret%@localhost" }, /RedisSessionStore\.url/],
  ["a database that is no number", { url: "redis://localhost/sessions" }, /RedisSessionStore\.url/],
  ["a path of a socket", { url: "redis:///var/run/redis.sock" }, /RedisSessionStore\.url/],
  ["a family that there is not", { url: "redis://localhost?family=9" }, /into redis$/],
  ["a time limit in a URL, which would be a text", { url: "redis://localhost?connectTimeout=0" }, /into redis$/],
  [
    "what must not be otherwise in a URL",
    { url: "redis://localhost/3?family=6&enableOfflineQueue=true" },
    /into redis$/
  ],
  ["a prefix with braces", { url: "redis://localhost", prefix: "{a}" }, /RedisSessionStore\.prefix/],
  ["no time", { url: "redis://localhost", timeout: 0 }, /RedisSessionStore\.timeout/],
  ["no end", { url: "redis://localhost", bulkTimeout: Infinity }, /RedisSessionStore\.bulkTimeout/]
]

describe("The options of the store on Redis", () => {
  for (const [what, options, problem] of bad) {
    effect(`are refused: ${what}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(RedisSessionStore.make(options)))
        assert.strictEqual(error._tag, "SessionConfigError")
        assert.strictEqual(error.problems.length, 1)
        assert.match(error.problems[0] ?? "", problem)
        assert.notInclude(error.message, "secret")
      }))
  }

  effect(
    "come from configuration, and no server is needed to build the layer",
    () =>
      Layer.build(RedisSessionStore.layerConfig({ url: Config.redacted("REDIS_URL"), prefix: Config.succeed("a:") }))
        .pipe(
          Effect.scoped,
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["REDIS_URL", "redis://127.0.0.1:1"]])))
        )
  )

  const nowhere = { host: "127.0.0.1", port: 1 }
  const bounds: RedisSessionStore.Options = { prefix: "a:" }
  const layers = {
    "options": () => RedisSessionStore.layer({ ...bounds, url: "redis://127.0.0.1:1" }),
    "options with a family": () => RedisSessionStore.layer({ ...bounds, url: "redis://127.0.0.1:1/?family=4" }),
    "a client of the app": () => RedisSessionStore.layerFrom(new Redis({ ...nowhere, lazyConnect: true }), bounds),
    "a cluster's client of the app": () =>
      RedisSessionStore.layerFrom(new Cluster([nowhere], { lazyConnect: true }), bounds)
  }
  for (const [what, layer] of Object.entries(layers)) {
    effect(
      `make the layer from ${what}; what is asked where no server is fails, and was never sent`,
      () =>
        Effect.gen(function*() {
          const error = yield* SessionStore.SessionStore.pipe(
            Effect.flatMap((store) => store.delete({ keys: ["key"] })),
            Effect.provide(layer()),
            Effect.flip
          )
          assert.strictEqual(error._tag, "SessionStoreError")
          assert.deepInclude(error, { operation: "delete", reason: "Unavailable", outcomeUnknown: false })
          assert.match(error.message, /not connected/)
        })
    )
  }
})
