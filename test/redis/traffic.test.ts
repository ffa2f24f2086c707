import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { now, operationsOf, rotation, sample } from "../sql/support/stores.js"
import { deployments } from "./support/deployments.js"
import { binaryMissing } from "./support/servers.js"
import { adminOf, storeOn } from "./support/stores.js"

/** Runs an effect, and returns the commands that clients sent meanwhile, by the servers' own log. */
const commandsOf = <A, E>(urls: ReadonlyArray<string>, effect: Effect.Effect<A, E>) =>
  Effect.scoped(Effect.gen(function*() {
    const commands: Array<string> = []
    for (const url of urls) {
      const admin = yield* adminOf(url)
      const monitor = yield* Effect.acquireRelease(
        Effect.promise(() => admin.monitor()),
        (monitor) => Effect.sync(() => monitor.disconnect())
      )
      monitor.on("error", () => {})
      monitor.on("monitor", (_time: string, args: ReadonlyArray<string>, source: string) => {
        if (source !== "lua") commands.push(String(args[0]).toLowerCase())
      })
    }
    yield* effect
    // The log comes on another connection, a little later.
    yield* Effect.sleep(50)
    return commands.filter((command) => !["info", "cluster", "client", "command"].includes(command))
  }))

for (const [name, start] of deployments) {
  describe.skipIf(binaryMissing() !== undefined)(`The commands of a store on ${name}`, () => {
    scopedLive("are as few as it says", () =>
      Effect.gen(function*() {
        const { options, urls } = yield* start
        const store = yield* storeOn(options)
        const isCluster = options.cluster !== undefined
        for (const [, , effect] of operationsOf(store)) yield* Effect.ignore(Effect.zipRight(store.clear(), effect))
        const counts: Array<readonly [string, number]> = []
        for (const [operation, , effect] of operationsOf(store)) {
          if (["count", "clear", "deleteExpired"].includes(operation)) continue
          yield* store.clear()
          if (operation !== "insert") yield* store.insert({ record: sample({ userId: "user" }) })
          counts.push([operation, (yield* commandsOf(urls, effect)).length])
        }
        assert.deepStrictEqual(
          counts.filter(([, count]) => count > 1),
          isCluster ? counts.filter(([operation]) => !["read", "update", "touch"].includes(operation)) : []
        )
        yield* store.clear()
        const record = sample({ userId: "user" })
        yield* store.insert({ record })
        yield* store.rotate(rotation(record, "next"))
        yield* store.read("next", now)
        const read = yield* commandsOf(urls, store.read("next", now))
        assert.strictEqual(read.length, isCluster ? 2 : 1, "the read of a session that was renamed")
      }), 60_000)
  })
}
