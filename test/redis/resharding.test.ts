import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RedisText from "../../src/core/redisText.js"
import { renamed, sample } from "../../src/core/storeModel.js"
import { campaign, sized } from "../sql/support/size.js"
import { addReplica, moveSlot, startCluster, startClusterWith } from "./support/cluster.js"
import { makeLoad } from "./support/load.js"
import { binaryMissing } from "./support/servers.js"
import { adminOf, eventuallyDone, replicated, storeOn, tell } from "./support/stores.js"

describe.skipIf(binaryMissing() !== undefined)("A Redis Cluster", () => {
  scopedLive(
    "whose slots move under load gives errors or right answers, and nothing by half",
    () =>
      Effect.gen(function*() {
        const cluster = yield* startCluster
        const [from, to] = cluster.servers
        if (from === undefined || to === undefined) return
        const store = yield* storeOn({ cluster: { nodes: cluster.nodes } })
        const admin = yield* adminOf(from.url)
        const load = makeLoad(store)
        const moved = yield* load.during(Effect.gen(function*() {
          yield* load.more(200)
          let moved = 0
          let left = sized({ small: 20, full: 80 })
          for (let part = 0; part < RedisText.parts && left > 0; part++) {
            const slot = String(yield* tell(admin, "CLUSTER", "KEYSLOT", `{${part}}`))
            if (Number(slot) >= 16_384 / 3) continue
            left--
            yield* load.more(3)
            moved += yield* Effect.scoped(moveSlot(cluster, slot, from, to))
          }
          yield* load.more(20)
          return moved
        }))
        assert.isAbove(moved, 50)
        assert.deepStrictEqual(load.wrong, [])
        assert.deepStrictEqual(yield* load.check, [])
        for (const { key } of load.stories.filter(({ isEnded, version }) => isEnded === "no" && version === 3)) {
          assert.strictEqual(yield* store.deleteByUser({ name: "name", userId: key }), 1, key)
        }
      })
  )

  scopedLive(
    "keeps a session apart from one that begins under a key that the first one had",
    () =>
      Effect.gen(function*() {
        const { nodes } = yield* startCluster
        const store = yield* storeOn({ cluster: { nodes } })
        const first = sample({ key: "a", handle: "first" })
        const second = { record: sample({ key: "a", handle: "second" }), unlessRenamed: undefined }
        yield* store.insert({ record: first, unlessRenamed: undefined })
        assert.strictEqual((yield* Effect.flip(store.insert(second))).reason, "KeyExists")
        const next = renamed(first, "b", 1000)
        assert.isTrue(yield* store.rotate({ oldKey: "a", expectedVersion: 1, next, now: 1000 }))
        assert.isTrue(yield* store.insert(second))
        assert.deepStrictEqual(yield* store.read("a", 1000), Option.some(second.record))
        assert.deepStrictEqual(yield* store.read("b", 1000), Option.some(next))
        assert.strictEqual((yield* Effect.flip(store.insert(second))).reason, "KeyExists")
      })
  )

  scopedLive.skipIf(campaign === "small")(
    "that loses a master goes on with its replica, with all that was replicated",
    () =>
      Effect.gen(function*() {
        const args = ["--cluster-node-timeout", "3000"]
        const cluster = yield* startClusterWith(args)
        yield* addReplica(cluster, args)
        const [master] = cluster.servers
        if (master === undefined) return
        const store = yield* storeOn({ cluster: { nodes: cluster.nodes.slice(1) } })
        const load = makeLoad(store)
        yield* load.during(load.more(100))
        yield* replicated(yield* adminOf(master.url))
        const again = makeLoad(store, "again")
        yield* again.during(Effect.gen(function*() {
          yield* master.kill
          yield* eventuallyDone("every session can be read again", load.check, (bad) => bad.length === 0)
          yield* again.more(20)
        }))
        assert.isAbove(again.failures.length, 0)
        // What was not replicated when the master was lost may be lost, or be as it was before.
        yield* eventuallyDone("every session can be looked at", again.check)
        assert.deepStrictEqual(yield* load.check, [])
      })
  )
})
