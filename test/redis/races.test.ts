import { assert, describe, layer } from "@effect/vitest"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { renamed } from "../../src/core/storeModel.js"
import { sized, timeout } from "../sql/support/size.js"
import { everySession, now, owner, sample } from "../sql/support/stores.js"
import { always, countLive } from "../support/observedStore.js"
import { Deployed, deployments } from "./support/deployments.js"
import { binaryMissing } from "./support/servers.js"
import { storeOn } from "./support/stores.js"

const rounds = sized({ small: 20, middle: 300, full: 1_000 })

/** A session of its own for each round, so that no round has to clear anything. */
const ofRound = (round: number, change: Partial<SessionStore.SessionRecord> = {}) =>
  sample({ key: `r${round}`, handle: `h${round}`, userId: `u${round}`, ...change })

const renameTwice = (store: SessionStore.Service, record: SessionStore.SessionRecord) => {
  const first = renamed(record, `${record.key}-1`, now)
  const second = renamed(first, `${record.key}-2`, now)
  const rotation = (from: SessionStore.SessionRecord, next: SessionStore.SessionRecord) => ({
    oldKey: from.key,
    expectedVersion: from.version,
    next,
    now
  })
  return Effect.flatMap(
    store.rotate(rotation(record, first)),
    (done) => done ? store.rotate(rotation(first, second)) : Effect.succeed(false)
  )
}

for (const [name, deployed] of deployments) {
  describe.skipIf(binaryMissing() !== undefined)(`Two nodes on ${name}`, () => {
    layer(deployed, { excludeTestServices: true, timeout })((it) => {
      /** Runs a race again and again, on two stores with a connection each. */
      const race = (
        title: string,
        run: (
          one: SessionStore.Service,
          other: SessionStore.Service,
          round: number
        ) => Effect.Effect<unknown, unknown>
      ) =>
        it.scoped(title, () =>
          Effect.gen(function*() {
            const { options } = yield* Deployed.alone
            const one = yield* storeOn(options)
            const other = yield* storeOn(options)
            for (let round = 0; round < rounds; round++) yield* run(one, other, round)
          }), timeout)

      const ends: ReadonlyArray<
        readonly [by: string, end: (store: SessionStore.Service, round: number) => Effect.Effect<number, unknown>]
      > = [
        ["its first key", (store, round) => store.delete({ keys: [`r${round}`], renamedAfter: now - 1 })],
        ["its handle", (store, round) => store.delete({ keys: [], handle: `h${round}` })],
        ["its user", (store, round) => store.deleteByUser({ name: owner.name, userId: `u${round}` })]
      ]
      for (const [by, end] of ends) {
        race(`two renames do not outrun the end by ${by}`, (one, other, round) =>
          Effect.gen(function*() {
            const record = ofRound(round)
            yield* one.insert({ record })
            const [, removed] = yield* Effect.all(
              [renameTwice(one, record), Effect.delay(end(other, round), `${round % 5 * 200} micros`)],
              { concurrency: "unbounded" }
            )
            assert.strictEqual(removed, 1)
            for (const key of [record.key, `${record.key}-1`, `${record.key}-2`]) {
              assert.isTrue(Option.isNone(yield* one.read(key, now)), key)
            }
            assert.strictEqual(yield* countLive(one, owner.name, now), 0)
          }))
      }

      race("no update is lost, and none is made twice", (one, other, round) =>
        Effect.gen(function*() {
          const record = ofRound(round, { data: "0" })
          yield* one.insert({ record })
          const add = (store: SessionStore.Service): Effect.Effect<void, unknown> =>
            Effect.flatMap(store.read(record.key, now), (found) => {
              const { data, expiresAt, key, lastSeenAt, version: expectedVersion } = Option.getOrThrow(found)
              const next = String(Number(data) + 1)
              return Effect.flatMap(
                store.update({ key, expectedVersion, data: next, lastSeenAt, expiresAt, now }),
                (done) => done ? Effect.void : add(store)
              )
            })
          yield* Effect.all([one, other, one, other].map(add), { concurrency: "unbounded" })
          assert.strictEqual(Option.getOrThrow(yield* one.read(record.key, now)).data, "4")
        }))

      race("of sign-ins at once with a limit as many live as it allows", (one, other, round) =>
        Effect.gen(function*() {
          const user = { name: owner.name, userId: `u${round}`, now: now + 9, liveAfter: always }
          yield* Effect.forEach(
            Array.from({ length: 8 }, (_, index) => index),
            (index) => {
              const store = index % 2 === 0 ? one : other
              const at = now + index % 3
              const newest = ofRound(round, {
                key: `r${round}-${index}`,
                handle: `h${round}-${index}`,
                createdAt: at,
                lastSeenAt: at
              })
              return Effect.zipRight(store.insert({ record: newest }), store.limitByUser({ ...user, limit: 3, newest }))
            },
            { concurrency: "unbounded" }
          )
          const left = yield* one.listByUser({ ...everySession, userId: `u${round}` })
          assert.strictEqual(left.length, 3)
        }))

      race(
        "limits at once that would keep different sessions end none too many",
        (one, other, round) =>
          Effect.gen(function*() {
            const begun = (name: string, createdAt: number, lastSeenAt: number) =>
              ofRound(round, { key: `r${round}-${name}`, handle: `h${round}-${name}`, createdAt, lastSeenAt })
            // The second was used after the third was begun: it is what the first would keep, and the third would not.
            const records = [
              begun("first", now, now),
              begun("second", now + 1, now + 5),
              begun("third", now + 3, now + 3)
            ]
            yield* Effect.forEach(records, (record) => one.insert({ record }))
            const user = { name: owner.name, userId: `u${round}`, now: now + 9, liveAfter: always }
            yield* Effect.forEach(
              records,
              (newest, index) => (index % 2 === 0 ? one : other).limitByUser({ ...user, limit: 1, newest }),
              { concurrency: "unbounded" }
            )
            assert.strictEqual((yield* one.listByUser({ ...everySession, userId: `u${round}` })).length, 1)
          })
      )

      race(
        "who presents a key that was renamed begins no other session",
        (one, other, round) =>
          Effect.gen(function*() {
            const record = ofRound(round)
            yield* one.insert({ record })
            yield* renameTwice(one, record)
            for (const key of [record.key, `${record.key}-1`]) {
              const added = yield* other.insert({
                record: ofRound(round, { key: `late${round}` }),
                unlessRenamed: { keys: [key], after: now - 1 }
              })
              assert.isFalse(added)
            }
          })
      )
    })
  })
}
