import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import { eventually } from "../sql/support/processes.js"
import { change, now, sample } from "../sql/support/stores.js"
import { binaryMissing, startSentinel, startServer } from "./support/servers.js"
import { adminOf, eventuallyDone, replicated, storeOn, tell } from "./support/stores.js"

describe.skipIf(binaryMissing() !== undefined)("Behind Sentinel", () => {
  scopedLive(
    "the store goes on with the replica when the master is lost, with all that was replicated",
    () =>
      Effect.gen(function*() {
        const master = yield* startServer()
        const replica = yield* startServer(["--replicaof", "127.0.0.1", `${master.port}`])
        const sentinel = yield* startSentinel(master.port)
        const store = yield* storeOn({
          redis: { sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "sessions" }
        })
        yield* eventuallyDone("the store answers", store.clear())
        yield* store.insert({ record: sample({ userId: "user" }) })
        const admin = yield* adminOf(master.url)
        yield* replicated(admin)
        const watch = yield* adminOf(sentinel.url)
        yield* eventually(
          "Sentinel knows the replica",
          Effect.map(
            tell(watch, "SENTINEL", "REPLICAS", "sessions"),
            (replicas) => Array.isArray(replicas) && replicas.length > 0 ? true : undefined
          )
        )
        yield* master.kill
        yield* eventuallyDone("the replica takes over", store.update(change(sample(), "{\"after\":1}")), identity)
        assert.strictEqual(Option.getOrThrow(yield* store.read("key", now)).data, "{\"after\":1}")
        const role = yield* tell(yield* adminOf(replica.url), "ROLE")
        assert.strictEqual(Array.isArray(role) ? role[0] : role, "master")
      })
  )
})
