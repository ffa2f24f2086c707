import type * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { mysql, mysqlMissing, postgres, postgresMissing } from "../support/clients.js"
import { countLive } from "../support/observedStore.js"
import { sized } from "./support/size.js"
import { change, now, owner, postgresWith, sample, storeOn, waitingForLock } from "./support/stores.js"

const prefix = "conflicts"

/** Writers that each read and conditionally write until they won: every win is one increment. */
const increments = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const { store } = yield* storeOn(client, { prefix })
    yield* store.clear()
    yield* store.insert({ record: sample({ data: "0" }) })
    const each = sized({ small: 10, full: 200 })
    const writer = Effect.gen(function*() {
      for (let wins = 0; wins < each;) {
        const record = Option.getOrThrow(yield* store.read("key", now))
        if (yield* store.update(change(record, String(Number(record.data) + 1)))) wins++
      }
    })
    yield* Effect.replicateEffect(writer, 8, { concurrency: "unbounded", discard: true })
    const record = Option.getOrThrow(yield* store.read("key", now))
    assert.deepStrictEqual([record.data, record.version], [String(8 * each), 8 * each + 1])
  })

/** Sign-outs everywhere, of one user, at once, while the user signs in: nothing fails, and nothing is left at the end. */
const signOutsEverywhere = <E>(client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Effect.gen(function*() {
    const { store } = yield* storeOn(client, { prefix })
    yield* store.clear()
    let keys = 0
    let removed = 0
    const one = Effect.gen(function*() {
      for (let index = 0; index < 5; index++) {
        yield* store.insert({ record: sample({ key: `key-${keys++}`, userId: "user" }) })
      }
      const first = yield* store.deleteByUser(owner)
      const second = yield* store.deleteByUser({ ...owner, except: "none" })
      removed += first + second
    })
    const rounds = sized({ small: 40, full: 1_000 })
    yield* Effect.replicateEffect(one, rounds, { concurrency: 8, discard: true })
    assert.strictEqual(removed, rounds * 5)
    assert.strictEqual(yield* countLive(store, owner.name, now), 0)
  })

describe.skipIf(postgresMissing() !== undefined)("PostgreSQL undoes a statement", () => {
  for (const isolation of ["serializable", "repeatable read"]) {
    scopedLive(
      `that cannot be serialized (${isolation}): it is tried again, and no increment is lost`,
      () => increments(postgresWith({ default_transaction_isolation: isolation }))
    )
  }

  scopedLive("to end a deadlock: it is tried again, and removes what it should", () =>
    Effect.gen(function*() {
      const applicationName = "conflicts-deadlock"
      const { sql, store: admin } = yield* storeOn(postgresWith({ deadlock_timeout: "20s" }), { prefix })
      // PostgreSQL looks for a deadlock once in each wait, so the other one must be waiting by then.
      const client = postgresWith({ deadlock_timeout: "2s" }, { applicationName })
      const { store } = yield* storeOn(client, { prefix, timeout: "1 minute" })
      yield* admin.clear()
      yield* admin.insert({ record: sample({ key: "first", userId: "user" }) })
      yield* admin.insert({ record: sample({ key: "second", userId: "user" }) })

      const locked = yield* Effect.makeLatch(false)
      const waiting = yield* Effect.makeLatch(false)
      const lock = (key: string) => sql`UPDATE ${sql(prefix)} SET version = version + 1 WHERE key = ${key}`
      const other = yield* Effect.fork(sql.withTransaction(
        lock("second").pipe(
          Effect.zipRight(locked.open),
          Effect.zipRight(waiting.await),
          Effect.zipRight(lock("first"))
        )
      ))
      yield* locked.await
      const removal = yield* Effect.fork(store.deleteByUser(owner))
      yield* waitingForLock(sql, applicationName)
      yield* waiting.open
      yield* Fiber.join(other)
      assert.strictEqual(yield* Fiber.join(removal), 2)
      assert.strictEqual(yield* countLive(admin, owner.name, now), 0)
    }))

  scopedLive("never, however many sign out everywhere at once", () => signOutsEverywhere(postgres()))
})

describe.skipIf(mysqlMissing() !== undefined)("MySQL undoes a statement", () => {
  scopedLive("in no race of increments so that one is lost", () => increments(mysql()))

  scopedLive("to end a deadlock: sign-outs everywhere at once do not fail", () => signOutsEverywhere(mysql()))
})
