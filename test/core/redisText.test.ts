import { assert, describe, prop } from "@effect/vitest"
import { newestFirst, type SessionRecord } from "effect-sessions/core/record"
import * as RedisText from "effect-sessions/core/redisText"
import { sample } from "effect-sessions/core/storeModel"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const text = FastCheck.oneof(
  FastCheck.string(),
  FastCheck.constantFrom("", "\n", "\\", "\\n", "a\n\\n=", "=", "\u00e9")
)
const time = FastCheck.maxSafeNat()
const record: FastCheck.Arbitrary<SessionRecord> = FastCheck.record({
  name: text,
  key: text,
  previousKey: FastCheck.option(text),
  earlierKey: FastCheck.option(text),
  renamedAt: FastCheck.option(time),
  handle: text,
  userId: FastCheck.option(text),
  data: text,
  version: time,
  createdAt: time,
  lastSeenAt: time,
  expiresAt: time,
  remembered: FastCheck.boolean()
})

describe("a record as Redis has it", () => {
  prop("is read as it was written, one line for each field", { record, until: time }, ({ record, until }) => {
    const stored = RedisText.encode(record, until)
    assert.deepStrictEqual(RedisText.decode(stored, record.data), { record, linkedUntil: until })
    assert.strictEqual(stored.split("\n").length, 14)
  })

  test("that somebody else wrote is nobody's, and crashes nothing", () => {
    const { record } = RedisText.decode("text", "data")
    assert.strictEqual(record.key, "text")
    assert.isNaN(record.expiresAt)
    assert.isNull(record.userId)
  })
})

describe("a text that stands between others", () => {
  prop("has no line feed, and is read back as it was", { text }, ({ text }) => {
    const escaped = RedisText.escape(text)
    assert.notInclude(escaped, "\n")
    assert.strictEqual(RedisText.unescape(escaped), text)
    assert.strictEqual(RedisText.maybe(text), `=${escaped}`)
  })

  test("may be missing, which is not the empty one, and one of many, which are counted", () => {
    assert.strictEqual(RedisText.maybe(undefined), "")
    assert.deepStrictEqual(RedisText.listOf([]), ["0"])
    assert.deepStrictEqual(RedisText.listOf(["b", "a"]), ["2", "b", "a"])
  })

  test("is a policy, the ordinary one first", () => {
    const policy = { ordinary: { seenAfter: 1, begunAfter: 2 }, remembered: { seenAfter: 3, begunAfter: -Infinity } }
    assert.deepStrictEqual(RedisText.policyOf(policy), ["1", "2", "3", "-Infinity"])
  })
})

describe("a key leads to a record", () => {
  const renamed = sample({ key: "new", previousKey: "old", earlierKey: "older", renamedAt: 100 })
  for (
    const [what, keys, after, leads] of [
      ["as its own, whenever that was renamed", ["new"], Infinity, true],
      ["as its last one, renamed later", ["old"], 99, true],
      ["as the one before, renamed later", ["x", "older"], 99, true],
      ["but not as its last one, renamed at that time", ["old"], 100, false],
      ["but not as the one before, renamed at that time", ["older"], 100, false],
      ["but not as that of another", ["x"], 0, false],
      ["but not as none", [], 0, false]
    ] as const
  ) test(what, () => assert.strictEqual(RedisText.leadsTo(renamed, keys, after), leads))
})

describe("the words of a record", () => {
  prop("tell a key from a handle and a user", { text, other: text }, ({ other, text }) => {
    const words = [RedisText.keyWord(text), RedisText.handleWord(text), RedisText.userWord(text, other)]
    assert.strictEqual(new Set(words).size, 3)
  })

  prop(
    "tell users of declarations apart",
    { one: FastCheck.tuple(text, text), other: FastCheck.tuple(text, text) },
    ({
      one,
      other
    }) => {
      const isSame = one[0] === other[0] && one[1] === other[1]
      assert.strictEqual(RedisText.userWord(...one) === RedisText.userWord(...other), isSame)
    }
  )

  test("are its keys, its handle and its user, but for the key that is its place", () => {
    const found = sample({ key: "c", previousKey: "b", earlierKey: "a", userId: "u" })
    assert.deepStrictEqual(RedisText.wordsOf(found, "a"), ["kc", "kb", "hhandle", "uname\nu"])
    assert.deepStrictEqual(RedisText.wordsOf(sample(), "key"), ["hhandle"])
    assert.deepStrictEqual(RedisText.wordsOf(sample(), "key~1"), ["kkey", "hhandle"])
  })
})

describe("the parts of a cluster", () => {
  prop("are whole numbers below their count, and a marked place is where its key is", { key: text }, ({ key }) => {
    const part = RedisText.partOf(key)
    assert.isTrue(Number.isInteger(part) && part >= 0 && part < RedisText.parts)
    assert.strictEqual(RedisText.partOf(`${key}~12`), part)
  })

  test("are those that they always were: in others nobody would look", () => {
    assert.deepStrictEqual(["", "a", "key-1", "qQvTIeqnjwZmv4Wg3KXjVM"].map(RedisText.partOf), [217, 32, 166, 217])
  })

  test("are used evenly", () => {
    const counts = new Map<number, number>()
    for (let index = 0; index < 25_600; index++) {
      const part = RedisText.partOf(`key-${index}-${index * 7919}`)
      counts.set(part, (counts.get(part) ?? 0) + 1)
    }
    assert.strictEqual(counts.size, RedisText.parts)
    assert.isBelow(Math.max(...counts.values()), 200)
  })
})

describe("links", () => {
  prop("last at least as long as the record, and twice as long as it lives", { expiresAt: time, now: time }, ({
    expiresAt,
    now
  }) => {
    const until = RedisText.linkUntil(expiresAt, now)
    assert.isAtLeast(until, expiresAt)
    assert.strictEqual(until, now < expiresAt ? expiresAt + (expiresAt - now) : expiresAt)
  })
})

describe("a prefix", () => {
  test("is made of what does not decide over slots", () => {
    for (const prefix of ["a", "effect_sessions:", "my-app/sessions.1:", "a".repeat(64)]) {
      assert.deepStrictEqual(RedisText.problemsOf(prefix), [])
    }
    for (const prefix of ["", "{a}", "{a", "a}", "a b", "a\n", "a".repeat(65)]) {
      const [problem, ...others] = RedisText.problemsOf(prefix)
      assert.include(problem, "prefix must be 1 to 64 letters, digits or any of _ . : / -")
      assert.deepStrictEqual(others, [])
    }
  })
})

describe("the order of a list", () => {
  test("is that of activity, then of handles", () => {
    const records = [["c", 1], ["a", 1], ["b", 2], ["B", 1]].map(([handle, lastSeenAt]) =>
      sample({ handle: String(handle), lastSeenAt: Number(lastSeenAt) })
    )
    assert.deepStrictEqual([...records].sort(newestFirst).map(({ handle }) => handle), ["b", "B", "a", "c"])
  })
})
