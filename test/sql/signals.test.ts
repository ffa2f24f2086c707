import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { mysql, postgres, sqlite } from "../support/clients.js"
import { hearing, hearingAnew } from "../support/signals.js"
import { eventually } from "./support/processes.js"
import { change, owner, rotation, sample, storeOn } from "./support/stores.js"
import { mysqlTarget, postgresTarget } from "./support/targets.js"

const prefix = "signals"

const node = storeOn(postgres(), { prefix })

/** Two nodes on an empty table, of which one hears what the other ends. */
const nodes = Effect.gen(function*() {
  const [here, there] = [yield* node, yield* node]
  yield* here.store.clear()
  const { next } = yield* hearing(there.store)
  assert.deepStrictEqual(yield* next, { _tag: "Listening" })
  return { here, there, next }
})

/** Ends the connections that listen on our channel, as a restart of the server does. */
const endListeners = (sql: SqlClient.SqlClient) =>
  sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = ${`LISTEN "${prefix}"`}`

describe.skipIf(postgresTarget.missing !== undefined)("On PostgreSQL", () => {
  scopedLive("what one node ends, another one is told of, and it was there", () =>
    Effect.gen(function*() {
      const { here, next } = yield* nodes
      yield* here.store.insert({ record: sample({ name: "a name, with \\ \n and ü", handle: "handle" }) })
      yield* here.store.delete({ keys: ["key"] })
      assert.deepStrictEqual(yield* next, {
        _tag: "Ended",
        here: false,
        name: "a name, with \\ \n and ü",
        handle: "handle"
      })
      yield* here.store.clear("another")
      assert.deepStrictEqual(yield* next, { _tag: "Cleared", here: false, name: "another" })
    }))

  scopedLive(
    "a rename that fails, or keeps the handle, tells of nothing; one to another handle of the old one",
    () =>
      Effect.gen(function*() {
        const { here, next } = yield* nodes
        yield* here.store.insert({ record: sample() })
        const kept = rotation(sample(), "kept")
        assert.isTrue(yield* here.store.rotate(kept))
        assert.isFalse(yield* here.store.rotate({ ...kept, next: { ...kept.next, key: "no", handle: "no" } }))
        const taken = rotation(kept.next, "taken")
        assert.isTrue(yield* here.store.rotate({ ...taken, next: { ...taken.next, handle: "taken" } }))
        assert.deepStrictEqual(yield* next, { _tag: "Ended", here: false, name: owner.name, handle: "handle" })
        yield* here.store.clear()
        assert.deepStrictEqual(yield* next, { _tag: "Cleared", here: false, name: undefined })
      })
  )

  scopedLive(
    "what the app undoes was told all the same: the store is not part of its transaction",
    () =>
      Effect.gen(function*() {
        const { here, next, there } = yield* nodes
        yield* here.store.insert({ record: sample() })
        yield* Effect.flip(
          here.sql.withTransaction(Effect.zipRight(here.store.delete({ keys: ["key"] }), Effect.fail("undone")))
        )
        assert.strictEqual((yield* next)._tag, "Ended")
        assert.isFalse(yield* there.store.touch(change(sample())))
      })
  )

  scopedLive(
    "all who want to hear of one store share what listens, which ends with the last of them",
    () =>
      Effect.gen(function*() {
        const { sql, store } = yield* node
        const count = Effect.map(
          sql<{ readonly count: string }>`
          SELECT COUNT(*) AS count FROM pg_stat_activity WHERE query = ${`LISTEN "${prefix}"`}
        `,
          ([row]) => Number(row?.count)
        )
        yield* Effect.scoped(Effect.gen(function*() {
          const all = [yield* hearing(store), yield* hearing(store), yield* hearing(store)]
          for (const { next } of all) assert.deepStrictEqual(yield* next, { _tag: "Listening" })
          assert.strictEqual(yield* count, 1)
          yield* store.clear()
          for (const { next } of all) assert.strictEqual((yield* next)._tag, "Cleared")
        }))
        yield* eventually("nobody listens", Effect.map(count, (count) => count === 0 ? true : undefined))
      })
  )

  scopedLive("who wants to hear takes no connection that the app and the store need", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* storeOn(postgres({ maxConnections: 2 }), { prefix })
      const { next } = yield* hearing(store)
      const tries = yield* Effect.forkScoped(Effect.either(next))
      for (let round = 0; round < 20; round++) {
        yield* Effect.sleep(100)
        yield* sql.withTransaction(Effect.zipRight(sql`SELECT 1`, store.clear("nobody")))
      }
      yield* Fiber.interrupt(tries)
    }), 60_000)

  scopedLive("a listener whose connection has broken says so, and can listen anew", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* node
      const first = yield* hearing(store)
      assert.deepStrictEqual(yield* first.next, { _tag: "Listening" })
      assert.strictEqual((yield* endListeners(sql)).length, 1)
      assert.strictEqual((yield* first.end).operation, "listen")
      assert.deepStrictEqual(yield* hearingAnew(store), { _tag: "Listening" })
    }), 120_000)

  scopedLive(
    "a node that is not told what others end says so: a pooler gave its connection away",
    () =>
      Effect.gen(function*() {
        const context = yield* Layer.build(postgres())
        const client = Context.get(context, SqlClient.SqlClient)
        // What it listens to is another channel, as on a connection that somebody else has by now.
        const listen = Reflect.get(client, "listen")
        const deaf = Layer.succeed(
          SqlClient.SqlClient,
          new Proxy(client, {
            get: (target, name) => name === "listen" ? () => listen.call(target, "nobody") : Reflect.get(target, name)
          })
        )
        const { store } = yield* storeOn(deaf, { prefix })
        const { end } = yield* hearing(store)
        assert.deepStrictEqual(
          { ...(yield* end) },
          {
            ...(yield* end),
            operation: "listen",
            detail: "it does not tell what was sent to it",
            outcomeUnknown: false
          }
        )
      }),
    120_000
  )

  scopedLive("without signals nothing is told", () =>
    Effect.gen(function*() {
      const { store } = yield* storeOn(postgres(), { prefix, signals: false })
      assert.isUndefined(store.signals)
      const { next } = yield* hearing((yield* node).store)
      assert.deepStrictEqual(yield* next, { _tag: "Listening" })
      yield* store.insert({ record: sample() })
      yield* store.delete({ keys: ["key"] })
      yield* store.clear()
      yield* (yield* node).store.clear()
      assert.deepStrictEqual(yield* next, { _tag: "Cleared", here: false, name: undefined })
    }))
})

describe("On other databases", () => {
  scopedLive("SQLite tells nothing", () =>
    Effect.gen(function*() {
      assert.isUndefined((yield* storeOn(sqlite(), { prefix })).store.signals)
    }))

  describe.skipIf(mysqlTarget.missing !== undefined)("(where it is there)", () => {
    scopedLive("MySQL tells nothing", () =>
      Effect.gen(function*() {
        assert.isUndefined((yield* storeOn(mysql(), { prefix })).store.signals)
      }))
  })
})
