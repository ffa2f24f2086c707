import { assert, describe, it } from "@effect/vitest"
import * as Expiry from "effect-sessions/core/expiry"
import { sample } from "effect-sessions/core/storeModel"

const minute = 60_000
const day = 24 * 60 * minute

describe("A row whose numbers cannot be true", () => {
  const now = 100 * day
  const possible = sample({ version: 3, createdAt: now - minute, lastSeenAt: now, expiresAt: now + minute })

  const cases: ReadonlyArray<readonly [what: string, change: Parameters<typeof sample>[0], is: boolean]> = [
    ["as it was written", {}, true],
    ["the first version", { version: 0 }, true],
    ["a version below", { version: -1 }, false],
    ["the last version that can be followed by another", { version: Number.MAX_SAFE_INTEGER - 1 }, true],
    ["a version after which there is none", { version: Number.MAX_SAFE_INTEGER }, false],
    ["a version that is no whole number", { version: 1.5 }, false],
    ["a beginning that is no whole number", { createdAt: now - minute + 0.5 }, false],
    ["a use that is no whole number", { lastSeenAt: now + 0.5 }, false],
    ["a deadline that is no whole number", { expiresAt: now + 0.5 }, false],
    ["never renamed", { renamedAt: null }, true],
    ["renamed", { renamedAt: now }, true],
    ["renamed at no whole number", { renamedAt: now + 0.5 }, false],
    ["begun with the epoch", { createdAt: 0, expiresAt: minute }, true],
    ["begun before the epoch", { createdAt: -1, expiresAt: minute }, false],
    ["seen as it began", { lastSeenAt: now - minute }, true],
    ["seen before it began", { lastSeenAt: now - minute - 1 }, false],
    ["begun as far ahead as a clock may be", { createdAt: now + 30 * minute, lastSeenAt: now + 30 * minute }, true],
    ["begun further ahead", { createdAt: now + 30 * minute + 1, lastSeenAt: now + 30 * minute + 1 }, false],
    ["ten years long", { expiresAt: now - minute + 3650 * day }, true],
    ["longer than ten years", { expiresAt: now - minute + 3650 * day + 1 }, false]
  ]

  for (const [what, change, is] of cases) {
    it(`${what}: ${is ? "possible" : "impossible"}`, () => {
      assert.strictEqual(Expiry.isPossible({ ...possible, ...change }, now), is)
    })
  }

  it("is judged impossible before anything else, then by its time", () => {
    const lifetime = { idle: minute, absolute: day }
    const timeouts = { ...lifetime, remembered: lifetime, touchInterval: 1 }
    assert.strictEqual(Expiry.judge(timeouts, possible, now), "live")
    assert.strictEqual(Expiry.judge(timeouts, possible, now + minute), "expired")
    assert.strictEqual(Expiry.judge(timeouts, { ...possible, version: -1 }, now), "impossible")
    assert.strictEqual(Expiry.judge(timeouts, { ...possible, version: -1 }, now + minute), "impossible")
  })
})

describe("To the millisecond", () => {
  const policy: Expiry.Timeouts = {
    idle: 100,
    absolute: 1_000,
    remembered: { idle: 300, absolute: 3_000 },
    touchInterval: 10
  }

  it("stored times are whole, and none is ahead", () => {
    assert.strictEqual(Expiry.wholeMillis(5.9), 5)
  })

  it("a minute ago and a minute for clocks is no moment ago", () => {
    assert.strictEqual(Expiry.renamedAfter(120_000), 0)
  })

  it("a store is asked for what has been seen and begun since, of both kinds of sessions", () => {
    assert.deepStrictEqual(Expiry.liveAfter(policy, 5_000), {
      ordinary: { seenAfter: 4_900, begunAfter: 4_000 },
      remembered: { seenAfter: 4_700, begunAfter: 2_000 }
    })
  })

  const live: ReadonlyArray<readonly [what: string, change: Parameters<typeof sample>[0], is: boolean]> = [
    ["seen and begun since", { lastSeenAt: 4_901, createdAt: 4_001 }, true],
    ["seen no longer since", { lastSeenAt: 4_900, createdAt: 4_001 }, false],
    ["begun no longer since", { lastSeenAt: 4_901, createdAt: 4_000 }, false],
    ["at its deadline", { lastSeenAt: 4_901, createdAt: 4_001, expiresAt: 5_000 }, false],
    ["a millisecond before its deadline", { lastSeenAt: 4_901, createdAt: 4_001, expiresAt: 5_001 }, true],
    ["remembered, seen and begun since", { remembered: true, lastSeenAt: 4_701, createdAt: 2_001 }, true],
    ["remembered, seen no longer since", { remembered: true, lastSeenAt: 4_700, createdAt: 2_001 }, false],
    ["remembered, begun no longer since", { remembered: true, lastSeenAt: 4_701, createdAt: 2_000 }, false]
  ]

  for (const [what, change, is] of live) {
    it(`a record ${what} is ${is ? "" : "not "}live, and of its user and name alone`, () => {
      const record = sample({ name: "App", userId: "ann", expiresAt: 9_000, ...change })
      const whose = { name: "App", userId: "ann", now: 5_000, liveAfter: Expiry.liveAfter(policy, 5_000) }
      assert.strictEqual(Expiry.isLiveAfter(record, whose.liveAfter, 5_000), is)
      assert.strictEqual(Expiry.isLiveOf(record, whose), is)
      assert.isFalse(Expiry.isLiveOf(record, { ...whose, name: "Admin" }))
      assert.isFalse(Expiry.isLiveOf(record, { ...whose, userId: "bob" }))
    })
  }

  it("a sign-in is fresh up to its age, and one that is ahead of the clock too", () => {
    assert.isTrue(Expiry.isFresh(1_000, 100, 1_100))
    assert.isFalse(Expiry.isFresh(1_000, 100, 1_101))
    assert.isTrue(Expiry.isFresh(1_000, 100, 900))
  })

  it("activity is written when the interval is over", () => {
    const times = { createdAt: 0, lastSeenAt: 50, expiresAt: 150, remembered: false }
    assert.isFalse(Expiry.isTouchDue(policy, times, 59))
    assert.isTrue(Expiry.isTouchDue(policy, times, 60))
  })

  it("activity moves what was seen and the deadline, as a beginning sets them", () => {
    const times = { createdAt: 0, lastSeenAt: 50, expiresAt: 150, remembered: false }
    assert.deepStrictEqual(Expiry.seenAt(policy, times, 60), { ...times, lastSeenAt: 60, expiresAt: 160 })
    assert.deepStrictEqual(Expiry.seenAt(policy, times, 40), times)
    assert.deepStrictEqual(Expiry.beginAt(policy, 7, true), {
      createdAt: 7,
      lastSeenAt: 7,
      expiresAt: 307,
      remembered: true
    })
  })
})
