import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { parts } from "../../src/core/redisText.js"
import { eventually } from "../sql/support/processes.js"
import { timeout } from "../sql/support/size.js"
import { now, operationsOf, owner, rotation, sample } from "../sql/support/stores.js"
import { Deployed, deployments } from "./support/deployments.js"
import { binaryMissing } from "./support/servers.js"
import { adminOf, storeOn, tell } from "./support/stores.js"

/** Runs an effect, and returns the commands that clients sent meanwhile, by the servers' own log. */
const commandsOf = <A, E>(urls: ReadonlyArray<string>, effect: Effect.Effect<A, E>) =>
  Effect.scoped(Effect.gen(function*() {
    const commands: Array<string> = []
    const ends = new Set<string>()
    const admins = yield* Effect.forEach(urls, adminOf)
    for (const [index, admin] of admins.entries()) {
      const monitor = yield* Effect.acquireRelease(
        Effect.promise(() => admin.monitor()),
        (monitor) => Effect.sync(() => monitor.disconnect())
      )
      monitor.on("error", () => {})
      monitor.on("monitor", (_time: string, args: ReadonlyArray<string>, source: string) => {
        const command = String(args[0]).toLowerCase()
        if (command === "echo") ends.add(`${index}`)
        else if (source !== "lua") commands.push(command)
      })
    }
    yield* effect
    // The logs come on other connections, later: they are complete when they show what was asked last.
    for (const admin of admins) yield* tell(admin, "ECHO", "end")
    yield* eventually("the logs are complete", Effect.sync(() => ends.size === urls.length ? true : undefined))
    return commands.filter((command) => !["info", "cluster", "client", "command"].includes(command))
  }))

for (const [name, deployed] of deployments) {
  describe.skipIf(binaryMissing() !== undefined)(`The commands of a store on ${name}`, () => {
    layer(deployed, { excludeTestServices: true, timeout })((it) => {
      it.scoped("are as few as it says", () =>
        Effect.gen(function*() {
          const { options, urls } = yield* Deployed.alone
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
        }))

      it.scoped("for very many sessions of a user are one, or two for each part of a cluster", () =>
        Effect.gen(function*() {
          const { options, urls } = yield* Deployed.alone
          const store = yield* storeOn(options)
          const many = 2_000
          const records = Array.from(
            { length: many },
            (_, index) => sample({ key: `k${index}`, handle: `h${index}`, userId: "user" })
          )
          const begin = Effect.forEach(records, (record) => store.insert({ record }), {
            concurrency: 32,
            discard: true
          })
          let ended = 0
          const end = Effect.map(store.deleteByUser(owner), (count) => void (ended = count))
          // The first time, scripts are sent as a whole where a server does not know them.
          yield* Effect.zipRight(begin, end)
          yield* begin
          const commands = yield* commandsOf(urls, end)
          assert.strictEqual(ended, many)
          assert.isAtMost(commands.length, options.cluster === undefined ? 1 : 1 + 2 * parts + many / 500)
          assert.deepStrictEqual(yield* store.search({ keys: ["k0", "k1999"], now, renamedAfter: -1 }), [])
        }))
    })
  })
}
