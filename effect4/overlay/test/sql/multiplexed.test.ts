import { assert, describe, live } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { postgres, postgresMissing } from "../support/clients.js"
import { holding, now, postgresWith, sample, storeOn } from "./support/stores.js"

const prefix = "multiplexed_lock"

const records = Array.from(
  { length: 60 },
  (_, index) => sample({ key: `key-${index}`, handle: `handle-${index}`, userId: `user-${index}` })
)

describe.skipIf(postgresMissing() !== undefined)("A multiplexed client", () => {
  live(
    "whose database gives up locks in time fails nobody but the one that waits for it",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const client = postgresWith({ lock_timeout: 300 }, { multiplex: true, maxConnections: 2 })
        const { store } = yield* storeOn(client, { prefix })
        const { sql } = yield* storeOn(postgres({ maxConnections: 2 }), { prefix })
        yield* store.clear(records[0]!.name)
        yield* Effect.forEach(records, (record) => store.insert({ record }), { concurrency: "unbounded" })
        yield* holding(sql, sql`SELECT 1 FROM ${sql(prefix)} WHERE user_id = 'user-0' FOR UPDATE`)

        const [locked, ...others] = yield* Effect.all([
          Effect.exit(store.delete({ keys: ["key-0"], renamedAfter: now - 1 })),
          ...records.slice(1).map(({ key }) => Effect.exit(store.delete({ keys: [key], renamedAfter: now - 1 })))
        ], { concurrency: "unbounded" })
        assert.isTrue(Exit.isFailure(locked))
        assert.deepStrictEqual(others.filter(Exit.isFailure), [])
      }))
  )
})
