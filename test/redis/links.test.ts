import { assert, describe, layer } from "@effect/vitest"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Cluster, Redis } from "ioredis"
import * as RedisText from "../../src/core/redisText.js"
import { renamed } from "../../src/core/storeModel.js"
import { timeout } from "../sql/support/size.js"
import { everySession, sample } from "../sql/support/stores.js"
import { Deployed, deployments } from "./support/deployments.js"
import { binaryMissing } from "./support/servers.js"
import { storeOn } from "./support/stores.js"

const margin = 3_600_000

/** What every record needs: links from all its words, for as long as it may live, and its place in the index. */
const isWhole = (
  { admin, prefix }: { readonly admin: Redis | Cluster; readonly prefix: string },
  places: ReadonlyArray<string>,
  now: number
) =>
  Effect.promise(async () => {
    const isCluster = "nodes" in admin
    const base = (word: string) => isCluster ? `${prefix}{${RedisText.partOf(word)}}:` : prefix
    let records = 0
    for (const place of places) {
      const [text, data] = await admin.hmget(`${base(place)}r:${place}`, "m", "d")
      if (typeof text !== "string") continue
      records++
      const { linkedUntil, record } = RedisText.decode(text, data ?? "")
      assert.isAtLeast(linkedUntil, record.expiresAt)
      assert.strictEqual(Number(await admin.zscore(`${base(place)}x`, place)), record.expiresAt)
      const life = await admin.pttl(`${base(place)}r:${place}`)
      assert.isAbove(life, record.expiresAt - now + margin - 60_000)
      assert.isAtMost(life, Math.max(record.expiresAt - now, 0) + margin)
      for (const word of RedisText.wordsOf(record, place)) {
        const key = `${base(word.startsWith("k") ? word.slice(1) : word)}l:${word}`
        assert.isAtLeast(Number(await admin.zscore(key, place)), linkedUntil, word)
        assert.isAbove(await admin.pttl(key), record.expiresAt - now + margin - 60_000, word)
      }
    }
    return records
  })

for (const [name, deployed] of deployments) {
  describe.skipIf(binaryMissing() !== undefined)(`What leads to a record in ${name}`, () => {
    layer(deployed, { excludeTestServices: true, timeout })((it) => {
      it.scoped(
        "lasts as long as the record, however often it is touched, changed and renamed",
        () =>
          Effect.gen(function*() {
            const deployment = yield* Deployed.alone
            const store = yield* storeOn(deployment.options)
            const begun = sample({ key: "key0", userId: "user", expiresAt: 1000 + 1_800_000 })
            yield* store.insert({ record: begun })
            let current: SessionStore.SessionRecord = begun
            for (let turn = 1; turn <= 40; turn++) {
              const now = 1000 + turn * 600_000
              const times = { lastSeenAt: now, expiresAt: now + 1_800_000 }
              if (turn % 7 === 0) {
                const next = renamed(current, `key${turn}`, now, {
                  ...times,
                  userId: turn % 2 === 0 ? "user" : "other"
                })
                assert.isTrue(
                  yield* store.rotate({ oldKey: current.key, expectedVersion: current.version, next, now })
                )
              } else if (turn % 3 === 0) {
                const change = { ...times, key: current.key, expectedVersion: current.version, data: "{}", now }
                assert.isTrue(yield* store.update(change))
              } else {
                assert.isTrue(yield* store.touch({ ...times, key: current.key, now }))
              }
              const turns = Array.from({ length: turn + 1 }, (_, index) => `key${index}`)
              const found = yield* Effect.filter(turns, (key) => Effect.map(store.read(key, now), Option.isSome))
              assert.strictEqual(found.length, 1)
              current = Option.getOrThrow(yield* store.read(found[0] ?? "", now))
              assert.strictEqual(yield* isWhole(deployment, ["key0"], now), 1)
              const userId = current.userId ?? ""
              assert.deepStrictEqual(yield* store.listByUser({ ...everySession, userId, now }), [current])
            }
            assert.strictEqual(yield* store.deleteByUser({ name: "name", userId: current.userId ?? "" }), 1)
            assert.strictEqual(yield* isWhole(deployment, ["key0"], 0), 0)
          })
      )

      it.scoped(
        "leads nowhere without it: links without a record, as of a node that died, do no harm",
        () =>
          Effect.gen(function*() {
            const { admin, options, prefix } = yield* Deployed.alone
            const store = yield* storeOn(options)
            const record = sample({ userId: "user", expiresAt: 1_801_000 })
            yield* store.insert({ record })
            // The record is gone, as after its time or a crash between two steps; what leads to it is not.
            const part = "nodes" in admin ? `{${RedisText.partOf("key")}}:` : ""
            yield* Effect.promise(() => admin.del(`${prefix}${part}r:key`))
            assert.isTrue(Option.isNone(yield* store.read("key", 1000)))
            assert.deepStrictEqual(yield* store.listByUser(everySession), [])
            assert.deepStrictEqual(yield* store.search({ keys: ["key"], renamedAfter: 0, now: 1000 }), [])
            assert.strictEqual(yield* store.deleteByUser({ name: "name", userId: "user" }), 0)
            assert.strictEqual(yield* store.delete({ keys: ["key"], handle: "handle" }), 0)
            assert.strictEqual(yield* store.deleteExpired(2_000_000, 10), 0)
            assert.isTrue(yield* store.insert({ record }))
            assert.deepStrictEqual(yield* store.listByUser(everySession), [record])
          })
      )
    })
  })
}
