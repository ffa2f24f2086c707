import { assert, describe, effect, prop } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import { isDeepStrictEqual } from "node:util"
import { test } from "vitest"
import * as Codec from "../../src/internal/codec.js"
import * as Verbatim from "../../src/internal/verbatim.js"
import { sized } from "../sql/support/size.js"

type AnySchema = Schema.Schema<unknown, unknown>

const of = ({ ast }: { readonly ast: AST.AST }): AnySchema => Schema.make(ast)

const leaves: ReadonlyArray<AnySchema> = [
  Schema.String,
  Schema.Number,
  Schema.Boolean,
  Schema.Null,
  Schema.Literal("x"),
  Schema.Literal("y", 0, false),
  Schema.Int,
  Schema.NonEmptyString
].map(of)

/** Those that transform, or take values of which nothing is known: none of them is verbatim. */
const others: ReadonlyArray<AnySchema> = [
  Schema.Unknown,
  Schema.Object,
  Schema.Date,
  Schema.NumberFromString,
  Schema.Struct({}),
  Schema.Struct({ a: Schema.optionalWith(Schema.Number, { as: "Option" }) }),
  Schema.Struct({ a: Schema.Number, b: Schema.Number }).pipe(Schema.rename({ a: "c" }))
].map(of)

const counts = [
  Schema.optionalWith(Schema.Number, { default: () => 7 }),
  Schema.optionalWith(Schema.Number, { default: () => 7, nullable: true }),
  Schema.optionalWith(Schema.Number, { default: () => 7, exact: true })
]

/** So few that values of one schema are often values, or almost, of another. */
const name = FastCheck.constantFrom("a", "b", "c", "toJSON", "__proto__")

const schemas = (leaves: ReadonlyArray<AnySchema>): FastCheck.Arbitrary<AnySchema> =>
  FastCheck.letrec<{ readonly schema: AnySchema }>((tie) => {
    const schema = tie("schema")
    const field = FastCheck.tuple(schema, FastCheck.boolean()).map(([schema, isOptional]) =>
      isOptional ? Schema.optional(schema) : schema
    )
    const fields = FastCheck.dictionary(name.filter((name) => name !== "__proto__"), field, { minKeys: 1, maxKeys: 3 })
    return {
      schema: FastCheck.oneof(
        { maxDepth: 3, depthSize: "small" },
        FastCheck.constantFrom(...leaves),
        fields.map((fields) => of(Schema.Struct(fields))),
        FastCheck.tuple(FastCheck.constantFrom("x", "y"), fields).map(([tag, fields]) =>
          of(Schema.Struct({ ...fields, a: Schema.Literal(tag) }))
        ),
        schema.map((schema) => of(Schema.Array(schema))),
        FastCheck.tuple(schema, schema).map(([left, right]) => of(Schema.Tuple(left, right))),
        schema.map((schema) => of(Schema.NonEmptyArray(schema))),
        schema.map((value) => of(Schema.Record({ key: Schema.String, value }))),
        FastCheck.array(schema, { minLength: 2, maxLength: 3 }).map((members) => of(Schema.Union(...members))),
        schema.map((schema) => of(Schema.NullOr(schema))),
        FastCheck.tuple(fields, FastCheck.constantFrom(...counts)).map(([fields, b]) =>
          of(Schema.Struct({ ...fields, b }))
        )
      )
    }
  }).schema

class Point {
  readonly a = 1
}

/** What an app may hold, JSON or not. */
const anything = FastCheck.letrec<{ readonly value: unknown }>((tie) => ({
  value: FastCheck.oneof(
    { maxDepth: 3, depthSize: "small" },
    FastCheck.constantFrom<Array<unknown>>("x", "y", "", "é", 0, -0, 1.5, NaN, Infinity, true, false, null),
    FastCheck.constantFrom<Array<unknown>>(undefined, 1n, new Date(0), new Point(), [1, , 2]),
    FastCheck.array(tie("value"), { maxLength: 3 }),
    FastCheck.array(FastCheck.tuple(name, tie("value")), { maxLength: 4 }).map((entries) =>
      Object.fromEntries(entries)
    ),
    FastCheck.dictionary(name, tie("value"), { maxKeys: 2, noNullPrototype: false })
  )
})).value

/** The same with its properties the other way round, and one more. */
const bent = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(bent)
    : typeof value === "object" && value !== null
    ? Object.fromEntries([...Object.entries(value).map(([name, value]) => [name, bent(value)]).reverse(), ["b", 1]])
    : value

/** A value, valid or not, and a schema. */
const both = (leaves: ReadonlyArray<AnySchema>): FastCheck.Arbitrary<readonly [AnySchema, unknown]> =>
  schemas(leaves).chain((schema) =>
    FastCheck.tuple(
      FastCheck.constant(schema),
      FastCheck.oneof(anything, Arbitrary.make(schema), Arbitrary.make(schema).map(bent))
    )
  )

/** Texts that are JSON, nearly, or that a decoder could stumble on. */
const texts = (value: unknown): FastCheck.Arbitrary<string> => {
  const text = toText(value)
  return FastCheck.oneof(
    FastCheck.constant(text),
    FastCheck.constantFrom("1e999", "-1e999", "[1e999]", "{\"a\":1e999}", "[".repeat(300) + "]".repeat(300)),
    FastCheck.constantFrom("{\"__proto__\":1}", "{\"\\u005f_proto__\":{\"a\":1}}", "{\"a\":1,\"a\":\"x\"}"),
    FastCheck.nat({ max: Math.max(0, text.length - 1) }).map((end) => text.slice(0, end)),
    FastCheck.nat({ max: text.length }).map((at) => `${text.slice(0, at)} ${text.slice(at)}`)
  )
}

const toText = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? "null"
  } catch {
    return "null"
  }
}

/** What a codec is made with, whatever its schema. */
const initial = "the initial data of the tests of a codec"

const codecOf = (data: Codec.Codable<unknown, unknown>) =>
  Effect.map(
    Codec.make({
      data: {
        ...data,
        encode: (value) => value === initial ? Effect.succeed(initial) : data.encode(value),
        decode: (value) => value === initial ? Effect.succeed(initial) : data.decode(value)
      },
      initial,
      user: Codec.codable(Schema.String),
      maxBytes: 100
    }),
    ({ decode, encodeData }) => ({
      // Schemas throw at some values: at an object without a prototype, for one.
      encode: (data: unknown) => Effect.suspend(() => encodeData(data)),
      decode: (data: string) =>
        Effect.suspend(() =>
          decode({
            name: "",
            key: "",
            previousKey: null,
            earlierKey: null,
            renamedAt: null,
            handle: "",
            userId: null,
            data,
            version: 0,
            createdAt: 0,
            lastSeenAt: 0,
            expiresAt: 0,
            remembered: false
          })
        )
    })
  )

describe("a codec", () => {
  effect.prop(
    "writes and reads the same with the test for verbatim values as without",
    {
      given: both([...leaves, ...others]).chain(([schema, value]) =>
        FastCheck.tuple(FastCheck.constant(schema), FastCheck.constant(value), texts(value))
      )
    },
    ({ given: [schema, value, text] }) =>
      Effect.gen(function*() {
        const codable = Codec.codable(schema)
        const tested = yield* codecOf(codable)
        const plain = yield* codecOf({ ...codable, isVerbatim: undefined })
        assert.deepStrictEqual(
          yield* Effect.exit(tested.encode(value)),
          yield* Effect.exit(plain.encode(value))
        )
        const read = yield* Effect.exit(tested.decode(text))
        assert.deepStrictEqual(read, yield* Effect.exit(plain.decode(text)))
      }),
    { fastCheck: { numRuns: sized({ small: 200, middle: 1_000, full: 20_000 }) } }
  )
})

describe("verbatim", () => {
  prop("is what a schema without transformations has written", {
    given: schemas(leaves).chain((schema) => FastCheck.tuple(FastCheck.constant(schema), Arbitrary.make(schema)))
  }, ({ given: [schema, value] }) => {
    const isVerbatim = Verbatim.make(schema)
    FastCheck.pre(isVerbatim !== undefined)
    const encoded = Schema.encodeSync(schema)(value)
    const read: unknown = JSON.parse(toText(encoded))
    FastCheck.pre(isDeepStrictEqual(read, encoded))
    assert.isTrue(isVerbatim?.(read))
  })

  const { Array: List, Number, String } = Schema
  const cart = of(Schema.Struct({ count: Number, note: Schema.optional(String), items: List(Number) }))
  const scores = of(Schema.Record({ key: String, value: Number }))
  const state = of(Schema.Union(
    Schema.Struct({ _tag: Schema.Literal("Guest") }),
    Schema.Struct({ _tag: Schema.Literal("Member"), name: String }),
    Schema.Null
  ))
  const counted = of(Schema.Struct({
    count: Schema.optionalWith(Number, { default: () => 0, nullable: true }),
    name: String
  }))
  /** A count that is required and made of one that is optional. */
  const made = (
    options: {
      readonly from?: Schema.Schema<number>
      readonly to?: Schema.Schema<number>
      readonly decode?: (count: number) => number
      readonly encode?: (count: number) => number
    }
  ) =>
    of(Schema.Struct({
      count: Schema.optionalToRequired(options.from ?? Number, options.to ?? Number, {
        decode: Option.match({ onNone: () => 0, onSome: options.decode ?? identity }),
        encode: (count) => Option.some((options.encode ?? identity)(count))
      })
    }))
  const double = (count: number) => count * 2
  const pair = of(Schema.Tuple(Number, String))

  const parsed = (text: string): unknown => JSON.parse(text)
  const yes: ReadonlyArray<readonly [string, AnySchema, unknown]> = [
    ["a struct", cart, { count: 1, note: "n", items: [1, 2] }],
    ["a struct without what is optional", cart, { count: 1, items: [] }],
    ["a record", scores, { x: 1, y: 2 }],
    ["either member of a union", state, { _tag: "Guest" }],
    ["another member of a union", state, { _tag: "Member", name: "n" }],
    ["a plain member of a union", state, null],
    ["a tuple", pair, [1, "x"]],
    ["what passes a filter", of(Schema.Int), 1],
    ["a struct with a property that is made of an optional one", made({}), { count: 1 }],
    ["a struct that has what there is a default for", counted, { count: 1, name: "n" }]
  ]
  for (const [what, schema, value] of yes) {
    test(`is ${what}`, () => assert.isTrue(Verbatim.make(schema)?.(value)))
  }

  const no: ReadonlyArray<readonly [string, AnySchema, unknown]> = [
    ["a struct with a property that the schema strips", cart, { count: 1, note: "n", items: [], more: 1 }],
    ["a struct whose first property the schema strips", cart, { more: 1, count: 1, items: [] }],
    ["a struct in another order", cart, { items: [], count: 1 }],
    ["a struct without its last property", cart, { count: 1 }],
    ["a struct without its first property", cart, { items: [] }],
    ["a struct with an undefined property", cart, { count: 1, note: undefined, items: [] }],
    ["a struct of another class", cart, Object.assign(new (class Cart {})(), { count: 1, items: [] })],
    ["a number that is none", cart, { count: NaN, items: [] }],
    ["a number that JSON does not know", cart, parsed("{\"count\":1e999,\"items\":[]}")],
    ["an array with a hole", cart, { count: 1, items: [1, , 2] }],
    ["an array that says what its JSON is", cart, { count: 1, items: Object.assign([1], { toJSON: () => "other" }) }],
    ["an array in place of a struct", cart, []],
    ["nothing", cart, undefined],
    ["a record with the key __proto__", scores, parsed("{\"x\":1,\"__proto__\":2}")],
    ["a record with another value", scores, { x: "1" }],
    ["a member of a union with a property that the schema strips", state, { _tag: "Guest", name: "n" }],
    ["a tuple that is too long", pair, [1, "x", 2]],
    ["a tuple that is too short", pair, [1]],
    ["what a filter refuses", of(Schema.Int), 1.5],
    ["a struct that needs a default", counted, { name: "n" }],
    ["a struct that needs a default for null", counted, { count: null, name: "n" }],
    ["a struct that is changed as it is read", made({ decode: double }), { count: 1 }],
    ["a struct that is changed as it is written", made({ encode: double }), { count: 1 }],
    ["a struct with what may not be stored", made({ from: Schema.Int }), { count: 1.5 }],
    ["a struct with what may not be read", made({ to: Schema.Int }), { count: 1.5 }]
  ]
  for (const [what, schema, value] of no) {
    test(`is not ${what}`, () => assert.isFalse(Verbatim.make(schema)?.(value)))
  }

  const narrow = Schema.Struct({ a: Number })
  const wide = Schema.Struct({ a: Number, b: Number })
  const untestable: ReadonlyArray<readonly [string, AnySchema]> = [
    ["a union whose members take the same objects", of(Schema.Union(narrow, wide))],
    ["a union whose members take the same arrays", of(Schema.Union(List(narrow), List(wide)))],
    [
      "a union whose members have the same literal",
      of(Schema.Union(
        Schema.Struct({ kind: Schema.Literal("a"), a: Number }),
        Schema.Struct({ kind: Schema.Literal("a"), b: Number })
      ))
    ],
    [
      "a union whose members have literals under two names",
      of(Schema.Union(
        Schema.Struct({ kind: Schema.Literal("a"), a: Number }),
        Schema.Struct({ sort: Schema.Literal("b"), a: Number })
      ))
    ],
    ["a union with a filtered member", of(Schema.Union(narrow.pipe(Schema.filter(() => true)), wide))],
    [
      "a union told apart by what may be missing",
      of(Schema.Union(
        Schema.Struct({ kind: Schema.optionalWith(Schema.Literal("a"), { exact: true }), a: Number }),
        Schema.Struct({ kind: Schema.Literal("b"), a: Number })
      ))
    ],
    [
      "a union told apart by what may be missing in the other",
      of(Schema.Union(
        Schema.Struct({ kind: Schema.Literal("b"), a: Number }),
        Schema.Struct({ kind: Schema.optionalWith(Schema.Literal("a"), { exact: true }), a: Number })
      ))
    ],
    ["an empty struct", of(Schema.Struct({}))],
    ["a struct with the property __proto__", of(Schema.Struct({ ["__proto__"]: Number }))],
    ["a struct with a symbol", of(Schema.Struct({ [Symbol.for("s")]: Number }))],
    ["a struct with a record", of(Schema.Struct({ a: Number }, { key: String, value: Number }))],
    ["a record of some keys", of(Schema.Record({ key: Schema.NonEmptyString, value: Number }))],
    ["a tuple with an optional element", of(Schema.Tuple(Number, Schema.optionalElement(String)))],
    ["a tuple with elements after the rest", of(Schema.Tuple([Number], String, Number))],
    ["a bigint", of(Schema.Literal(1n))],
    ["infinity", of(Schema.Literal(Infinity))],
    [
      "a union of what has a default with another object",
      of(Schema.Union(Schema.Struct({ a: Schema.optionalWith(Number, { default: () => 0 }) }), narrow))
    ],
    ["another name", of(narrow.pipe(Schema.rename({ a: "b" })))],
    ["a transformation", of(Schema.Struct({ a: Schema.Date }))],
    ["a transformation in an array", of(List(Schema.NumberFromString))],
    ["a class", of(class Cart extends Schema.Class<Cart>("Cart")({ a: Number }) {})],
    ["a recursive schema", of(List(Schema.suspend((): Schema.Schema<unknown> => Schema.Unknown)))],
    ["anything", of(Schema.Unknown)]
  ]
  for (const [what, schema] of untestable) {
    test(`cannot be told for ${what}`, () => assert.isUndefined(Verbatim.make(schema)))
  }
})
