import type * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, scopedLive } from "@effect/vitest"
import type { SessionStoreError } from "effect-sessions/SessionError"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { mysql, mysqlMissing, postgresMissing, sqlite } from "../support/clients.js"
import { countLive } from "../support/observedStore.js"
import { turn } from "../support/turn.js"
import { isolated } from "./support/environment.js"
import { campaign, report, rounded, sized, timeout } from "./support/size.js"
import { now, owner, postgresWith, rotation, sample, storeOn } from "./support/stores.js"

type Store = SessionStore.Service

/** Renames of a record, one after the other, as far as they come. Says how many were made. */
const renameAlong = (store: Store, record: SessionStore.SessionRecord, keys: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    let current = record
    for (const [index, key] of keys.entries()) {
      const next = rotation(current, key)
      if (!(yield* store.rotate(next))) return index
      current = next.next
    }
    return keys.length
  })

/** A sign-out by the first key of a session, on one connection, against two renames on another. */
const signOut = (one: Store, other: Store, round: number, wait: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const record = sample({ key: `${round}`, handle: `handle-${round}`, userId: `user-${round}` })
    yield* one.insert({ record })
    const end = one.delete({ keys: [record.key], renamedAfter: now - 1 })
    const [renames] = yield* Effect.all(
      [renameAlong(other, record, [`${round}-1`, `${round}-2`]), Effect.zipRight(wait, end)],
      { concurrency: 2 }
    )
    return `${renames} renames`
  })

/** The end of all sessions of a user, on one connection, against renames of them on another. */
const everywhere = (one: Store, other: Store, round: number, wait: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const userId = `user-${round}`
    const records = Array.from(
      { length: 5 },
      (_, index) => sample({ key: `${round}-${index}`, handle: `handle-${round}-${index}`, userId })
    )
    yield* Effect.forEach(records, (record) => one.insert({ record }))
    const [renames] = yield* Effect.all([
      Effect.forEach(
        records,
        (record) => renameAlong(other, record, [1, 2, 3].map((turn) => `${turn}${record.key}`)),
        { concurrency: 3 }
      ),
      Effect.zipRight(wait, one.deleteByUser({ ...owner, userId }))
    ], { concurrency: 2 })
    return `${renames.reduce((sum, count) => sum + count, 0)} renames`
  })

/**
 * Plays rounds of a race between two clients, among other rows, so that the database looks things up in its indexes.
 * Then nothing may be left. The wait before the end differs from round to round.
 */
const noneSurvives = <E>(options: {
  readonly what: string
  readonly prefix: string
  readonly rounds: number
  readonly client: Layer.Layer<SqlClient.SqlClient, E>
  readonly isSqlite?: boolean
  readonly race: (one: Store, other: Store, round: number, wait: Effect.Effect<void>) => Effect.Effect<
    string,
    SessionStoreError
  >
}) =>
  Effect.gen(function*() {
    const { client, isSqlite = false, prefix, race, rounds, what } = options
    // The bound must not come in between on a loaded machine.
    const { sql, store: one } = yield* storeOn(client, { prefix, timeout: "10 minutes" })
    // A second client of SQLite in one process would stop both while it waits. `logoutIsFinal` has two processes.
    const { store: other } = isSqlite ? { store: one } : yield* storeOn(client, { prefix, timeout: "10 minutes" })
    yield* one.clear()
    const others = isSqlite ? 50 : sized({ small: 100, middle: 500, full: 5_000 })
    yield* Effect.forEach(
      Array.from({ length: others }, (_, index) => index),
      (index) =>
        one.insert({
          record: sample({
            key: `other-${index}`,
            previousKey: `previous-${index}`,
            earlierKey: `earlier-${index}`,
            renamedAt: now,
            handle: `other-${index}`
          })
        }),
      { concurrency: isSqlite ? 1 : 4 }
    )
    yield* sql.onDialectOrElse({
      pg: () => sql`ANALYZE ${sql(prefix)}`,
      mysql: () => sql`ANALYZE TABLE ${sql(prefix)}`,
      orElse: () => sql`ANALYZE`
    })
    const started = performance.now()
    const outcomes = new Map<string, number>()
    yield* Effect.forEach(
      Array.from({ length: rounds }, (_, round) => round),
      (round) =>
        Effect.zipRight(
          turn,
          Effect.map(
            race(one, other, round, Effect.sleep(round % 3 === 0 ? 0 : (round * 7 % 30) / 10)),
            (outcome) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
          )
        ),
      { concurrency: isSqlite ? 1 : 3, discard: true }
    )
    const survivors = yield* sql`SELECT 1 FROM ${sql(prefix)} WHERE user_id IS NOT NULL`
    report(what, {
      rounds,
      survivors: survivors.length,
      outcomes: Object.fromEntries(outcomes),
      seconds: rounded((performance.now() - started) / 1000)
    })
    assert.strictEqual(survivors.length, 0)
    assert.strictEqual(yield* countLive(one, owner.name, 0), others)
  })

const rounds = sized({ small: 30, middle: 300, full: 5_000 })

const races = [
  ["by the first key of its session", signOut],
  ["D2: of all sessions of a user", everywhere]
] as const

describe("No rename outruns the end", () => {
  for (const [index, [which, race]] of races.entries()) {
    describe(which, () => {
      const what = (database: string): string => `${database}, end ${which}`
      describe.skipIf(postgresMissing() !== undefined)("on PostgreSQL", () => {
        for (const isolation of ["read committed", "repeatable read", "serializable"]) {
          scopedLive(isolation, () =>
            noneSurvives({
              what: what(`PostgreSQL ${isolation}`),
              prefix: `races_${index}`,
              rounds: isolation === "read committed" || campaign === "full" ? rounds : Math.ceil(rounds / 3),
              client: postgresWith({ default_transaction_isolation: isolation }, { maxConnections: 5 }),
              race
            }), timeout)
        }
      })
      describe.skipIf(mysqlMissing() !== undefined)("on MySQL", () => {
        for (const isolation of ["READ COMMITTED", "REPEATABLE READ"]) {
          scopedLive(isolation, () =>
            noneSurvives({
              what: what(`MySQL ${isolation}`),
              prefix: `races_${index}`,
              rounds,
              client: isolated(mysql({ maxConnections: 5 }), isolation, 5),
              race
            }), timeout)
        }
      })
      scopedLive("on SQLite", () => {
        return noneSurvives({
          what: what("SQLite"),
          prefix: `races_${index}`,
          rounds: race === signOut && campaign === "full" ? rounds : Math.ceil(rounds / 10),
          client: sqlite(),
          isSqlite: true,
          race
        })
      }, timeout)
    })
  }
})
