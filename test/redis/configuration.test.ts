import { assert, describe, effect } from "@effect/vitest"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const bad: ReadonlyArray<readonly [what: string, options: RedisSessionStore.ConnectionOptions, problem: RegExp]> = [
  ["nothing", {}, /give url, redis or cluster/],
  [
    "a cluster beside a server",
    { url: "redis://localhost", cluster: { nodes: ["redis://localhost"] } },
    /leave out url/
  ],
  ["a cluster without a node", { cluster: { nodes: [] } }, /must name a node/],
  ["another URL", { url: "http://localhost" }, /RedisSessionStore\.url/],
  ["no URL", { url: Redacted.make("redis://secret@:x") }, /RedisSessionStore\.url/],
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
})
