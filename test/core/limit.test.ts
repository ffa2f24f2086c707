import { assert, describe, prop } from "@effect/vitest"
import { beyond } from "effect-sessions/core/limit"
import type { SessionRecord } from "effect-sessions/core/record"
import { sample } from "effect-sessions/core/storeModel"
import * as FastCheck from "effect/FastCheck"

/** A sign-in that nobody has used since. */
const signIns = FastCheck.uniqueArray(
  FastCheck.record({ handle: FastCheck.constantFrom(..."abcdefgh"), at: FastCheck.integer({ min: 0, max: 4 }) }),
  { minLength: 1, maxLength: 8, selector: ({ handle }) => handle }
).map((all) => all.map(({ at, handle }) => sample({ key: handle, handle, createdAt: at, lastSeenAt: at })))

const limit = FastCheck.integer({ min: 1, max: 6 })

const handlesOf = (records: ReadonlyArray<SessionRecord>) => records.map(({ handle }) => handle).sort()

describe("A limit", () => {
  prop(
    "leaves the same sessions, whoever applies it and in whatever order, and as many as it allows",
    { signIns, limit, order: FastCheck.array(FastCheck.nat(7)) },
    ({ limit, order, signIns }) => {
      let left: ReadonlyArray<SessionRecord> = signIns
      for (const newest of [...order.map((index) => signIns[index % signIns.length]), ...signIns]) {
        if (newest === undefined) continue
        const over = beyond(left, { limit, newest, now: 10 })
        left = left.filter((record) => !over.includes(record))
      }
      const expected = [...signIns]
        .sort((one, other) => other.createdAt - one.createdAt || (one.handle < other.handle ? -1 : 1))
        .slice(0, limit)
      assert.deepStrictEqual(handlesOf(left), handlesOf(expected))
    },
    { fastCheck: { numRuns: 1000 } }
  )

  prop(
    "never ends the newest but for those begun later, however much the others are used, whatever other clocks say",
    {
      limit,
      others: FastCheck.array(
        FastCheck.record({ createdAt: FastCheck.integer({ min: 0, max: 20 }), used: FastCheck.nat(20) }),
        { maxLength: 12 }
      )
    },
    ({ limit, others }) => {
      const newest = sample({ handle: "newest", createdAt: 10, lastSeenAt: 10 })
      const records = others.map(({ createdAt, used }, index) =>
        sample({ handle: `other-${index}`, createdAt, lastSeenAt: createdAt + used })
      )
      const over = beyond([newest, ...records], { limit, newest, now: 12 })
      assert.strictEqual(over.length, Math.max(0, records.length + 1 - limit))
      // "newest" comes before "other-…" where both begin at once.
      const later = records.filter(({ createdAt }) => createdAt > 10 && createdAt <= 12)
      assert.strictEqual(over.includes(newest), later.length >= limit)
    },
    { fastCheck: { numRuns: 1000 } }
  )
})
