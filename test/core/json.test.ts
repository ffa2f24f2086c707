import { assert, describe, prop } from "@effect/vitest"
import * as Json from "effect-sessions/core/json"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const limit = 64 * 1024

const json = FastCheck.letrec<{ readonly value: unknown }>((tie) => ({
  value: FastCheck.oneof(
    { maxDepth: 4 },
    FastCheck.string(),
    FastCheck.fullUnicodeString(),
    FastCheck.boolean(),
    FastCheck.constant(null),
    FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number === 0 ? 0 : number),
    FastCheck.array(tie("value"), { maxLength: 4 }),
    FastCheck.dictionary(FastCheck.string().filter((key) => key !== "__proto__"), tie("value"), { maxKeys: 4 })
  )
})).value

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

describe("stringify", () => {
  prop("writes JSON that parse reads back", { value: json }, ({ value }) => {
    const result = Json.stringify(value, limit)
    if (result._tag !== "Text") return assert.fail(result._tag)
    assert.isFalse(result.droppedUndefined)
    assert.deepStrictEqual(Json.parse(result.text), JSON.parse(JSON.stringify(value)))
    assert.deepStrictEqual(Json.parse(result.text), value)
  })

  const cycle: Record<string, unknown> = {}
  cycle["left"] = cycle
  cycle["right"] = cycle
  class Point {
    readonly x = 1
  }
  const refused: ReadonlyArray<readonly [string, unknown]> = [
    ["undefined", undefined],
    ["NaN", NaN],
    ["infinity", -Infinity],
    ["a bigint", 1n],
    ["a symbol", Symbol("s")],
    ["a function", () => 1],
    ["a date", new Date(0)],
    ["a map", new Map()],
    ["a set", new Set()],
    ["bytes", new Uint8Array(1)],
    ["an instance of a class", new Point()],
    ["an object that says what its JSON is", { toJSON: () => "other" }],
    ["a hole in an array", [1, , 2]],
    ["undefined in an array", [undefined]],
    ["a cycle", cycle],
    ["what nests too deep", nested(Json.maxDepth + 1)],
    ["what nests 200 000 deep", nested(200_000)]
  ]
  for (const [what, value] of refused) {
    test(`refuses ${what}, at the top and further down`, () => {
      assert.strictEqual(Json.stringify(value, limit)._tag, "NotJson")
      assert.strictEqual(
        Json.stringify({ a: [1, { b: value }] }, limit)._tag,
        what === "undefined" ? "Text" : "NotJson"
      )
    })
  }

  test("says that it left out a property that is undefined", () => {
    assert.deepStrictEqual(Json.stringify({ a: 1, b: { c: undefined } }, limit), {
      _tag: "Text",
      text: "{\"a\":1,\"b\":{}}",
      droppedUndefined: true
    })
  })

  prop("measures bytes, not characters", {
    text: FastCheck.fullUnicodeString({ maxLength: 40 }),
    slack: FastCheck.integer({ min: -3, max: 3 })
  }, ({ slack, text }) => {
    const bytes = Buffer.byteLength(JSON.stringify(text))
    const maxBytes = Math.max(1, bytes + slack)
    assert.strictEqual(Json.stringify(text, maxBytes)._tag, bytes <= maxBytes ? "Text" : "TooLarge")
  })
})

describe("parse", () => {
  prop("never throws", {
    text: FastCheck.oneof(FastCheck.fullUnicodeString(), FastCheck.stringMatching(/^[[\]{}":,\\0-9nultrefas]{0,40}$/))
  }, ({ text }) => {
    let expected: unknown
    try {
      expected = JSON.parse(text)
    } catch {
      expected = undefined
    }
    assert.deepStrictEqual(Json.parse(text), expected)
  })

  test("gives nothing for what is too deep or too long", () => {
    const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
    assert.isUndefined(Json.parse(deep(200_000)))
    assert.isUndefined(Json.parse(deep(Json.maxDepth + 1)))
    assert.isDefined(Json.parse(deep(Json.maxDepth)))
    assert.isDefined(Json.parse(JSON.stringify("[{".repeat(1000))))
    assert.isDefined(Json.parse(JSON.stringify(`\\"${"[".repeat(1000)}`)))
    assert.isUndefined(Json.parse(JSON.stringify("x".repeat(Json.maxLength))))
  })

  for (
    const name of [
      "__proto__",
      "\\u005f_proto__",
      "_\\u005fproto__",
      "__pr\\u006fto__",
      "\\u005F\\u005Fproto\\u005f\\u005f"
    ]
  ) {
    test(`drops a key that says __proto__: ${name}`, () => {
      const value = Json.parse(`{"a":{"${name}":{"admin":true},"b":1}}`)
      assert.strictEqual(JSON.stringify(value), "{\"a\":{\"b\":1}}")
      const copy: { readonly a?: { readonly admin?: boolean } } = Object.assign({}, value)
      assert.isUndefined(Object.assign({}, copy.a).admin)
    })
  }

  test("keeps keys that only look dangerous", () => {
    assert.deepStrictEqual(Json.parse("{\"constructor\":{\"prototype\":1}}"), { constructor: { prototype: 1 } })
  })
})
