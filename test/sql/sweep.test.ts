import { assert, describe, scopedLive } from "@effect/vitest"
import * as SessionCleaner from "effect-sessions/SessionCleaner"
import * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { countLive } from "../support/observedStore.js"
import { clientOf } from "./support/environment.js"
import { expiredOf, fill, fillKey, fillNow } from "./support/fill.js"
import { percentile, report, rounded, sized, timeout } from "./support/size.js"
import { atTime, holding, owner, sample, storeOn } from "./support/stores.js"
import { dropTables, mysqlTarget, postgresTarget, type Target } from "./support/targets.js"

const prefix = "swept"

const rows = sized({ small: 5_000, middle: 50_000, full: 1_000_000 })

const idOfLive = (turn: number): number => {
  const index = (turn * 7919) % rows
  return index % 5 === 0 ? (index + 1) % rows : index
}

/** A filled table and two nodes that use it, each with a client of its own. */
const twoNodes = (target: Target) =>
  Effect.gen(function*() {
    const url = target.url()
    yield* dropTables(url, prefix)
    const one = yield* storeOn(clientOf(url, 4), { prefix })
    const other = yield* storeOn(clientOf(url, 4), { prefix })
    yield* fill(one.sql, target.dialect, prefix, rows)
    return { one, other }
  })

/** A full sweep at the time of the filled table: nothing else expires in its next minute. */
const sweep = (store: SessionStore.Service) =>
  SessionCleaner.sweep({ margin: 0, batchSize: 1000 }).pipe(
    Effect.provideService(SessionStore.SessionStore, store),
    atTime(fillNow)
  )

/** Milliseconds of each read of a live session, one after the other, until told to stop. */
const readLatencies = (store: SessionStore.Service, goesOn: Effect.Effect<boolean>) =>
  Effect.gen(function*() {
    const latencies: Array<number> = []
    for (let turn = 0; yield* goesOn; turn++) {
      const started = performance.now()
      const found = yield* store.read(fillKey(idOfLive(turn)), fillNow)
      latencies.push(performance.now() - started)
      assert.isTrue(Option.isSome(found))
    }
    return latencies
  })

const figuresOf = (latencies: ReadonlyArray<number>) => ({
  reads: latencies.length,
  p50: rounded(percentile(latencies, 0.5)),
  p99: rounded(percentile(latencies, 0.99)),
  max: rounded(percentile(latencies, 1))
})

describe.each([postgresTarget, mysqlTarget])("$name", (target) => {
  describe.skipIf(target.missing !== undefined)("a sweep", () => {
    scopedLive(
      "of two nodes at once removes exactly what has expired, while sessions are read and written",
      () =>
        Effect.gen(function*() {
          const { one, other } = yield* twoNodes(target)
          let calm = sized({ small: 200, full: 10_000 })
          const before = yield* readLatencies(one.store, Effect.sync(() => calm-- > 0))

          const running = yield* Ref.make(true)
          const reader = yield* Effect.fork(readLatencies(one.store, Ref.get(running)))
          let writes = 0
          const writer = yield* Effect.fork(Effect.gen(function*() {
            while (yield* Ref.get(running)) {
              const key = fillKey(idOfLive(writes++))
              assert.isTrue(
                yield* one.store.touch({ key, lastSeenAt: fillNow, expiresAt: fillNow + 900_000, now: fillNow })
              )
            }
          }))
          const started = performance.now()
          const removed = yield* Effect.all([sweep(one.store), sweep(other.store)], { concurrency: 2 })
          const seconds = rounded((performance.now() - started) / 1000)
          yield* Ref.set(running, false)
          const during = yield* reader
          yield* writer
          assert.strictEqual(removed[0] + removed[1], expiredOf(rows))
          assert.strictEqual(yield* countLive(one.store, owner.name, 0), rows - expiredOf(rows))
          assert.strictEqual(yield* countLive(one.store, owner.name, fillNow), rows - expiredOf(rows))
          report(`sweep, ${target.name}`, {
            rows,
            removed,
            seconds,
            writes,
            without: figuresOf(before),
            during: figuresOf(during)
          })
        }),
      timeout
    )

    scopedLive("neither waits for expired rows that others have locked nor removes them", () =>
      Effect.gen(function*() {
        const { one, other } = yield* twoNodes(target)
        const { sql } = one
        const locked = [0, 5, 10].map(fillKey)
        yield* Effect.scoped(Effect.gen(function*() {
          yield* holding(sql, sql`SELECT 1 FROM ${sql(prefix)} WHERE ${sql.in("key", locked)} FOR UPDATE`)
          assert.strictEqual(yield* sweep(other.store), expiredOf(rows) - locked.length)
        }))
        assert.strictEqual(yield* sweep(other.store), locked.length)
      }), timeout)

    scopedLive(
      "leaves every session that a node with a slower clock extends while it runs",
      () =>
        Effect.gen(function*() {
          const { one, other } = yield* twoNodes(target)
          const earlier = fillNow - 4_000_000
          const extended: Array<string> = []
          const extend = Effect.gen(function*() {
            for (let index = 0; index < Math.min(rows, 5_000); index += 5) {
              const key = fillKey(index)
              const lives = yield* one.store.touch({
                key,
                lastSeenAt: fillNow,
                expiresAt: fillNow + 900_000,
                now: earlier
              })
              if (lives) extended.push(key)
            }
          })
          const [, removed] = yield* Effect.all([extend, sweep(other.store)], { concurrency: 2 })
          assert.strictEqual(removed + extended.length, expiredOf(rows))
          for (const key of extended) assert.isTrue(Option.isSome(yield* one.store.read(key, fillNow)))
        }),
      timeout
    )
  })
})

describe.skipIf(postgresTarget.missing !== undefined)("PostgreSQL", () => {
  scopedLive("keeps a session in less than a kilobyte, indexes included", () =>
    Effect.gen(function*() {
      const { one: { sql, store } } = yield* twoNodes(postgresTarget)
      const [size] = yield* sql<{ readonly heap: string; readonly indexes: string }>`
        SELECT pg_table_size(${prefix}::regclass) AS heap, pg_indexes_size(${prefix}::regclass) AS indexes
      `
      const heap = Number(size?.heap) / rows
      const indexes = Number(size?.indexes) / rows
      report("bytes of a session, PostgreSQL", { rows, heap: rounded(heap), indexes: rounded(indexes) })
      assert.isBelow(heap + indexes, 1024)
      yield* store.insert({ record: sample() })
    }), timeout)
})
