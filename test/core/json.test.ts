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
    ["an instance of a class that has no members", Object.create(Object.create(null))],
    ["an array that says what its JSON is", Object.assign([1], { toJSON: () => "other" })],
    ["a symbol as a key", { [Symbol("s")]: 1 }],
    ["a key that says __proto__", JSON.parse("{\"__proto__\":1}")],
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

  test("says where what is not JSON is", () => {
    const pathIn = (value: unknown) => {
      const result = Json.stringify(value, limit)
      return result._tag === "NotJson" ? result.path : assert.fail(result._tag)
    }
    assert.strictEqual(pathIn(NaN), "")
    assert.strictEqual(pathIn({ cart: [{ price: 1 }, { price: NaN }] }), "cart[1].price")
    assert.strictEqual(pathIn([[1, 1n]]), "[0][1]")
    assert.strictEqual(pathIn({ left: undefined, a: { b: { c: Symbol("s") } } }), "a.b.c")
  })

  test("takes plain objects without a prototype, what has a toJSON that does nothing, and the deepest that is read", () => {
    const bare: unknown = Object.assign(Object.create(null), { a: 1 })
    assert.deepInclude(Json.stringify(bare, limit), { _tag: "Text", text: "{\"a\":1}" })
    assert.deepInclude(Json.stringify({ toJSON: 1 }, limit), { _tag: "Text", text: "{\"toJSON\":1}" })
    assert.deepInclude(Json.stringify(nested(Json.maxDepth), limit), { _tag: "Text", droppedUndefined: false })
  })

  prop("is not asked whether it is JSON where that is known", { value: json }, ({ value }) => {
    assert.deepStrictEqual(Json.stringifyUnchecked(value, limit), Json.stringify(value, limit))
    assert.deepStrictEqual(
      Json.stringifyUnchecked([value, "x".repeat(9)], 9),
      Json.stringify([value, "x".repeat(9)], 9)
    )
  })

  test("says that it left out a property that is undefined", () => {
    assert.deepInclude(Json.stringify({ b: { c: undefined }, d: [1] }, limit), { droppedUndefined: true })
    assert.deepInclude(Json.stringify([{ b: undefined }], limit), { droppedUndefined: true })
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

describe("a key that says __proto__, in data that is still to be encoded", () => {
  const bad: unknown = JSON.parse("{\"__proto__\":1}")

  test("is found, wherever it is", () => {
    assert.strictEqual(Json.prototypeKey(bad), "__proto__")
    assert.strictEqual(Json.prototypeKey({ a: 1, b: [2, { c: bad }] }), "b[1].c.__proto__")
    assert.strictEqual(Json.prototypeKey(Object.assign(Object.create(null), { a: bad })), "a.__proto__")
  })

  test("is not looked for in what is no plain data", () => {
    class Point {
      readonly bad = bad
    }
    for (const value of [undefined, null, "__proto__", 1, {}, [], [{ a: [null] }], new Point(), new Map([[1, bad]])]) {
      assert.isUndefined(Json.prototypeKey(value))
    }
  })

  test("may be below what is too deep to be written", () => {
    assert.isUndefined(Json.prototypeKey(nested(Json.maxDepth)))
    assert.strictEqual(Json.prototypeKey(nested(Json.maxDepth + 1)), "[0]".repeat(Json.maxDepth))
    assert.isDefined(Json.prototypeKey(nested(200_000)))
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

  test("gives nothing for what is too deep", () => {
    const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
    assert.isUndefined(Json.parse(deep(200_000)))
    assert.isUndefined(Json.parse(deep(Json.maxDepth + 1)))
    assert.isDefined(Json.parse(deep(Json.maxDepth)))
    assert.isDefined(Json.parse(JSON.stringify("[{".repeat(1000))))
    assert.isDefined(Json.parse(JSON.stringify(`\\"${"[".repeat(1000)}`)))
    const objects = (depth: number) => "{\"a\":".repeat(depth) + "1" + "}".repeat(depth)
    assert.isUndefined(Json.parse(objects(Json.maxDepth + 1)))
    assert.isDefined(Json.parse(objects(Json.maxDepth)))
  })

  test("counts how deep brackets nest, not how many there are", () => {
    for (const one of ["[]", "{}", "[{}]", "\"[{\"", "\"]\"", "\"\\\"[\""]) {
      assert.isDefined(Json.parse(`[${Array<string>(1000).fill(one).join()}]`), one)
    }
    // Brackets that a string closes do not count either.
    const closed = Array<string>(Json.maxDepth + 1).fill("[\"]\",").join("")
    assert.isUndefined(Json.parse(`${closed}1${"]".repeat(Json.maxDepth + 1)}`))
  })

  for (
    const [text, isFinite] of [
      ["1e308", true],
      ["1e309", false],
      ["-1e309", false],
      ["1E309", false],
      ["1e+309", false],
      ["{\"a\":[1e999]}", false],
      ["1e-999", true],
      ["9".repeat(308), true],
      ["9".repeat(309), false],
      [`"${"9".repeat(309)}"`, true],
      ["[1e999, \"__proto__\"]", false]
    ] as const
  ) {
    const shown = text.length > 30 ? `${text.length} characters` : text
    test(`gives ${isFinite ? "what it is" : "nothing"} for ${shown}, which is ${isFinite ? "" : "not "}finite`, () => {
      assert.deepStrictEqual(Json.parse(text), isFinite ? JSON.parse(text) : undefined)
    })
  }

  test("leaves everything as it is for who looks at every part", () => {
    const value = Json.parseUnchecked("{\"__proto__\":1e999}")
    assert.deepStrictEqual(Object.entries(Object(value)), [["__proto__", Infinity]])
    assert.isUndefined(Json.parseUnchecked("{"))
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

  test("gives nothing for what is too long", () => {
    const ofLength = (length: number) => `"${"x".repeat(length - 2)}"`
    assert.isUndefined(Json.parse(ofLength(Json.maxLength + 1)))
    assert.isUndefined(Json.parseUnchecked(ofLength(Json.maxLength + 1)))
    assert.isDefined(Json.parseUnchecked(ofLength(Json.maxLength)))
    assert.isDefined(Json.parse(ofLength(Json.maxLength)))
  })

  test("keeps keys that only look dangerous", () => {
    assert.deepStrictEqual(Json.parse("{\"constructor\":{\"prototype\":1}}"), { constructor: { prototype: 1 } })
  })
})
