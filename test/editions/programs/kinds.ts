/** Kinds of data, each with a sample, that one edition writes and another reads. */
import { Session, Sessions, type SessionStore, SessionTimeouts, SessionToken } from "effect-sessions"
import type { SessionConfigError } from "effect-sessions/SessionError"
import * as BigDecimal from "effect/BigDecimal"
import * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { isDeepStrictEqual } from "node:util"

type Failure = Sessions.ReadError | SessionConfigError

/** A kind of data, as a session of its own. */
export interface Kind {
  readonly name: string
  /** Stores the sample, and returns the id of its session. */
  readonly write: Effect.Effect<string, Failure, SessionStore.SessionStore>
  /** Whether what a session holds is the sample. */
  readonly read: (id: string) => Effect.Effect<boolean, Failure, SessionStore.SessionStore>
}

/** `show` is for data that keeps what it holds where a comparison does not see it. */
const kind = <A, I>(
  name: string,
  schema: Schema.Schema<A, I>,
  sample: A,
  show: (data: A) => unknown = (data) => data
): Kind => {
  const definition = Session.Tag<Kind>()(name, { data: schema, initial: sample, onUndecodable: "fail" })
  const Live = Layer.provide(Sessions.layer(definition), SessionTimeouts.layer())
  const withSessions = <B, E>(f: (sessions: Sessions.Service<A, string>) => Effect.Effect<B, E>) =>
    Effect.flatMap(definition.sessions, f).pipe(Effect.provide(Live))
  return {
    name,
    write: withSessions((sessions) =>
      Effect.map(sessions.create({ data: sample }), (session) => Redacted.value(session.id))
    ),
    read: (id) =>
      withSessions((sessions) =>
        Effect.map(
          sessions.read(Option.getOrThrow(SessionToken.parse(sessions.token, id))),
          (found) => isDeepStrictEqual(show(Option.getOrThrow(found).data), show(sample))
        )
      )
  }
}

const date = new Date("2026-01-02T03:04:05.678Z")

class Address extends Schema.Class<Address>("Address")({ city: Schema.String, since: Schema.Date }) {}

class Card extends Schema.TaggedClass<Card>()("Card", { digits: Schema.String }) {}

const Failed = Schema.Struct({ _tag: Schema.Literal("Failed"), why: Schema.String })

const Done = Schema.Struct({ _tag: Schema.Literal("Done"), at: Schema.Date })

const WithDefault = Schema.Struct({
  theme: Schema.optionalWith(Schema.String, { default: () => "light" }),
  since: Schema.optionalWith(Schema.Date, { default: () => date })
})

const WithOptional = Schema.Struct({
  name: Schema.String,
  nick: Schema.optionalWith(Schema.String, { exact: true })
})

/** What serves both editions. */
export const kinds: ReadonlyArray<Kind> = [
  kind("string", Schema.String, "ann \u{1f600}\n\"quoted\""),
  kind("number", Schema.Array(Schema.Number), [0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER]),
  kind("boolean", Schema.Array(Schema.Boolean), [true, false]),
  kind("null", Schema.NullOr(Schema.Date), null),
  kind("literal", Schema.Literal("light", "dark"), "dark"),
  kind("brand", Schema.String.pipe(Schema.brand("Item")), Schema.String.pipe(Schema.brand("Item")).make("tea")),
  kind("unknown", Schema.Unknown, { any: ["thing", { that: "is" }, null, 1] }),
  kind("struct", Schema.Struct({ id: Schema.String, born: Schema.Date }), { id: "1", born: date }),
  kind("optional", WithOptional, { name: "ann", nick: "a" }),
  kind("optionalMissing", WithOptional, { name: "ann" }),
  kind("default", WithDefault, { theme: "dark", since: new Date(0) }),
  {
    ...kind("defaultMissing", Schema.Struct({ id: Schema.String }), { id: "1" }),
    read: kind("defaultMissing", WithDefault, { theme: "light", since: date }).read
  },
  kind("tuple", Schema.Tuple(Schema.String, Schema.Date), ["a", date]),
  kind("record", Schema.Record({ key: Schema.String, value: Schema.BigInt }), { a: 1n, b: -2n }),
  kind("union", Schema.Array(Schema.Union(Address, Schema.Date, Schema.Number)), [
    new Address({ city: "Oslo", since: date }),
    date,
    1
  ]),
  kind("taggedUnion", Schema.Array(Schema.Union(Failed, Done)), [{ _tag: "Failed", why: "no" }, {
    _tag: "Done",
    at: date
  }]),
  kind("class", Address, new Address({ city: "Oslo", since: date })),
  kind("taggedClass", Card, new Card({ digits: "42" })),
  kind("date", Schema.Date, date),
  kind("dateTime", Schema.DateTimeUtc, DateTime.unsafeMake(date)),
  kind("bigint", Schema.BigInt, 12345678901234567890n),
  kind("bigDecimal", Schema.BigDecimal, BigDecimal.make(125n, 1), BigDecimal.format),
  kind("url", Schema.URL, new URL("https://app.test/a?b"), String),
  kind("redacted", Schema.Redacted(Schema.String), Redacted.make("secret"), Redacted.value),
  kind("option", Schema.Array(Schema.Option(Schema.Date)), [Option.some(date), Option.none()]),
  kind("optionFromNull", Schema.Struct({ at: Schema.OptionFromNullOr(Schema.Date) }), { at: Option.some(date) }),
  kind("map", Schema.ReadonlyMap({ key: Schema.String, value: Schema.Date }), new Map([["a", date]])),
  kind("set", Schema.ReadonlySet(Schema.Date), new Set([date])),
  kind("chunk", Schema.Chunk(Schema.Date), Chunk.make(date), Chunk.toReadonlyArray),
  kind(
    "hashMap",
    Schema.HashMap({ key: Schema.String, value: Schema.Date }),
    HashMap.make(["a", date]),
    HashMap.toEntries
  ),
  kind("hashSet", Schema.HashSet(Schema.String), HashSet.make("a"), (set) => Array.from(set)),
  kind("json", Schema.parseJson(Schema.Struct({ id: Schema.String })), { id: "1" }),
  kind("numberFromString", Schema.Array(Schema.NumberFromString), [1.5, NaN, Infinity]),
  kind("durationFromMillis", Schema.DurationFromMillis, Duration.millis(90_000)),
  kind("uint8ArrayFromBase64", Schema.Uint8ArrayFromBase64, Uint8Array.of(1, 2, 255))
]

/** What Effect itself writes in two ways, with what of the above to declare instead. */
export const different: ReadonlyArray<Kind & { readonly instead: string }> = [
  { ...kind("nan", Schema.Number, NaN), instead: "numberFromString" },
  { ...kind("duration", Schema.Duration, Duration.millis(90_000)), instead: "durationFromMillis" },
  { ...kind("uint8Array", Schema.Uint8Array, Uint8Array.of(1, 2, 255)), instead: "uint8ArrayFromBase64" },
  {
    ...kind("undefined", Schema.Struct({ nick: Schema.optional(Schema.String) }), { nick: undefined }),
    instead: "optional"
  },
  {
    ...kind("either", Schema.Either({ left: Schema.String, right: Schema.Number }), Either.right(1)),
    instead: "taggedUnion"
  },
  { ...kind("jsonOfDate", Schema.parseJson(Schema.Struct({ at: Schema.Date })), { at: date }), instead: "struct" },
  { ...kind("symbol", Schema.Symbol, Symbol.for("a")), instead: "string" }
]
