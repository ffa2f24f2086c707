import { assert, describe, it } from "@effect/vitest"
import { endsWith, newestFirst, timesOf, wasRenamed } from "effect-sessions/core/record"
import { sample } from "effect-sessions/core/storeModel"

describe("A record", () => {
  it("tells its times, and nothing else", () => {
    assert.deepStrictEqual(
      timesOf(sample({ handle: "one", createdAt: 1, lastSeenAt: 2, expiresAt: 3, remembered: true })),
      { handle: "one", createdAt: 1, lastSeenAt: 2, expiresAt: 3, remembered: true }
    )
  })

  it("comes before those seen earlier, and among those seen at once in the order of the handles", () => {
    const of = (handle: string, lastSeenAt: number) => sample({ handle, lastSeenAt })
    assert.isBelow(newestFirst(of("b", 2), of("a", 1)), 0)
    assert.isAbove(newestFirst(of("a", 1), of("b", 2)), 0)
    assert.isBelow(newestFirst(of("a", 1), of("b", 1)), 0)
    assert.isAbove(newestFirst(of("b", 1), of("a", 1)), 0)
    assert.strictEqual(newestFirst(of("a", 1), of("a", 1)), 0)
  })

  it("was renamed from its last two keys, later than what is asked for", () => {
    const record = sample({ key: "now", previousKey: "before", earlierKey: "earlier", renamedAt: 100 })
    assert.isTrue(wasRenamed(record, ["before"], 99))
    assert.isTrue(wasRenamed(record, ["other", "earlier"], 99))
    assert.isFalse(wasRenamed(record, ["before"], 100))
    assert.isFalse(wasRenamed(record, ["now"], 99))
    assert.isFalse(wasRenamed(record, [], 99))
    assert.isTrue(wasRenamed({ ...record, previousKey: null }, ["earlier"], 99))
    assert.isTrue(wasRenamed({ ...record, earlierKey: null }, ["before"], 99))
    assert.isFalse(wasRenamed({ ...record, previousKey: null, earlierKey: null }, ["before", "earlier"], 99))
    assert.isFalse(wasRenamed({ ...record, renamedAt: null }, ["before"], -1))
  })

  it("ends with its user's, all of them, it alone or all but it", () => {
    const record = sample({ name: "App", userId: "ann", handle: "one" })
    const whose = { name: "App", userId: "ann" }
    assert.isTrue(endsWith(record, whose))
    assert.isFalse(endsWith(record, { ...whose, name: "Admin" }))
    assert.isFalse(endsWith(record, { ...whose, userId: "bob" }))
    assert.isTrue(endsWith(record, { ...whose, only: "one" }))
    assert.isFalse(endsWith(record, { ...whose, only: "two" }))
    assert.isFalse(endsWith(record, { ...whose, except: "one" }))
    assert.isTrue(endsWith(record, { ...whose, except: "two" }))
  })
})
