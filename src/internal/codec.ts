/** Between the declared schema of a session and the text in a store. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Json from "../core/json.js"
import type { SessionRecord } from "../core/record.js"
import { SessionConfigError, SessionDataError } from "../SessionError.js"
import * as Verbatim from "./verbatim.js"

/** How the data and the user of a session are written down. */
export interface Format<Data, User> {
  /** To and from what is JSON. */
  readonly data: Codable<Data, unknown>
  /** What a visitor's session holds before anything is stored. */
  readonly initial: Data
  /** To and from a string of 1 to 255 characters. */
  readonly user: Codable<User, string>
  /** The longest encoded data, in bytes. */
  readonly maxBytes: number
}

/**
 * The two directions of a schema. What the functions of a schema throw is a failure as well. The failure is a `Place`: it
 * says where, not what.
 */
export interface Codable<Type, Encoded> {
  readonly encode: (value: Type) => Effect.Effect<Encoded, Place>
  /** `encode` without waiting. None if that fails, or cannot be. */
  readonly encodeNow: (value: Type) => Option.Option<Encoded>
  readonly decode: (value: unknown) => Effect.Effect<Type, Place>
  /** `decode` without waiting. None if that fails, or cannot be. */
  readonly decodeNow: (value: unknown) => Option.Option<Type>
  /** Whether both would make of a value what it is, where that can be told beforehand. See `Verbatim`. */
  readonly isVerbatim: ((value: unknown) => value is Type & Encoded) | undefined
}

/** Where in the data something does not fit its schema, as a path. */
export interface Place {
  readonly path: string
}

const placeOf = (cause: Cause.Cause<ParseResult.ParseError>): Place => {
  const failure = Cause.failureOption(cause)
  if (Option.isNone(failure)) return { path: "a function of the schema threw" }
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(failure.value)
  return { path: Json.pathOf(issue?.path ?? []) }
}

const placed = <A>(run: () => Effect.Effect<A, ParseResult.ParseError>): Effect.Effect<A, Place> =>
  Effect.catchAllCause(
    Effect.suspend(run),
    (cause) => Cause.isInterruptedOnly(cause) ? Effect.interrupt : Effect.fail(placeOf(cause))
  )

/** The two directions of a schema. */
export const codable = <Type, Encoded>(schema: Schema.Schema<Type, Encoded>): Codable<Type, Encoded> => {
  const encode = Schema.encode(schema)
  const decode = Schema.decodeUnknown(schema)
  return {
    encode: (value) => placed(() => encode(value)),
    decode: (value) => placed(() => decode(value)),
    encodeNow: Schema.encodeOption(schema),
    decodeNow: Schema.decodeUnknownOption(schema),
    isVerbatim: Verbatim.make(schema)
  }
}

/** A format made ready to use. */
export interface Codec<Data, User> {
  /** Makes the initial data anew each time, so that visitors share no object. */
  readonly initial: Effect.Effect<() => Data>
  readonly initialText: string
  /** Fails if the data does not encode, is not JSON then, or is too large. */
  readonly encodeData: (data: Data) => Effect.Effect<string, SessionDataError>
  /** Fails if the user does not encode to a string of 1 to 255 characters without NUL. */
  readonly encodeUser: (user: User) => Effect.Effect<string, SessionDataError>
  /** What `decode` would make of a record, where that can be told by looking at it. */
  readonly decodeVerbatim: (record: SessionRecord) => Decoded<Data, User> | undefined
  /** The data alone. */
  readonly decodeData: (text: string) => Effect.Effect<Data, Place>
  /** Fails if the row is corrupt or of another schema. */
  readonly decode: (record: SessionRecord) => Effect.Effect<Decoded<Data, User>, Undecodable>
}

/** The decoded part of a record. */
export interface Decoded<Data, User> {
  readonly data: Data
  readonly user: Option.Option<User>
}

/** What of a record does not decode, and where. */
export interface Undecodable extends Place {
  readonly part: "data" | "user"
}

const maxUserLength = 255

/** Databases disagree about NUL, and text that is not Unicode comes back as something else. */
const unstorable = /\u0000|\p{Surrogate}/u

const dataError = (reason: SessionDataError["reason"], detail: string) => new SessionDataError({ reason, detail })

/**
 * Makes a codec. Fails if `maxBytes` is not a whole number from 1 to 16 MiB or if the initial data does not encode, or
 * does not decode again.
 */
export const make = Effect.fnUntraced(function*<Data, User>(
  format: Format<Data, User>
): Effect.fn.Return<Codec<Data, User>, SessionConfigError> {
  const { data: codable, initial, maxBytes } = format
  const { isVerbatim } = codable

  /** What is data as it stands. */
  const verbatim = (text: string): Data | undefined => {
    if (isVerbatim === undefined) return undefined
    const value = Json.parseUnchecked(text)
    return isVerbatim(value) ? value : undefined
  }

  const decodeText = (text: string): Effect.Effect<Data, Place> => {
    const data = verbatim(text)
    if (data !== undefined) return Effect.succeed(data)
    const value = Json.parse(text)
    return value === undefined ? Effect.fail({ path: "it is not JSON" }) : codable.decode(value)
  }

  /** None also if decoding has to wait for something. */
  const decodeNow = (text: string): Option.Option<Data> => {
    const data = verbatim(text)
    return data === undefined ? codable.decodeNow(Json.parse(text)) : Option.some(data)
  }

  const toText = (result: Json.Text): Effect.Effect<string, SessionDataError> => {
    switch (result._tag) {
      case "NotJson":
        return Effect.fail(dataError("NotJson", result.path))
      case "TooLarge":
        return Effect.fail(dataError("TooLarge", `${result.bytes} bytes, where ${maxBytes} are allowed`))
      case "Text":
        // A required property that is undefined is lost in JSON. Better to fail now than to lose the session later.
        return result.droppedUndefined
          ? Effect.mapBoth(decodeText(result.text), {
            onFailure: ({ path }) => dataError("NotJson", path),
            onSuccess: () => result.text
          })
          : Effect.succeed(result.text)
    }
  }

  /** Getters of the data may throw, wherever it is looked at. */
  const encodeData = (data: Data): Effect.Effect<string, SessionDataError> =>
    Effect.catchAllDefect(
      Effect.suspend(() => encoded(data)),
      () => Effect.fail(dataError("Unencodable", "a function of the data threw"))
    )

  const encoded = (data: Data): Effect.Effect<string, SessionDataError> => {
    if (isVerbatim !== undefined && isVerbatim(data)) return toText(Json.stringifyUnchecked(data, maxBytes))
    const prototypeKey = Json.prototypeKey(data)
    if (prototypeKey !== undefined) return Effect.fail(dataError("NotJson", prototypeKey))
    const now = codable.encodeNow(data)
    return Option.isSome(now) ? toText(Json.stringify(now.value, maxBytes)) : Effect.flatMap(
      Effect.mapError(codable.encode(data), ({ path }) => dataError("Unencodable", path)),
      (encoded) => toText(Json.stringify(encoded, maxBytes))
    )
  }

  const encodeUser = (user: User): Effect.Effect<string, SessionDataError> =>
    Effect.flatMap(
      Effect.mapError(format.user.encode(user), () => dataError("Unencodable", "the user")),
      (text) =>
        text.length > 0 && text.length <= maxUserLength && !unstorable.test(text)
          ? Effect.succeed(text)
          : Effect.fail(dataError("Unencodable", "the user: 1 to 255 characters without NUL are allowed"))
    )

  const decode = ({ data, userId }: SessionRecord): Effect.Effect<Decoded<Data, User>, Undecodable> =>
    Effect.flatMap(
      Effect.mapError(decodeText(data), ({ path }): Undecodable => ({ part: "data", path })),
      (data) =>
        userId === null
          ? Effect.succeed({ data, user: Option.none() })
          : Effect.mapBoth(format.user.decode(userId), {
            onFailure: ({ path }): Undecodable => ({ part: "user", path }),
            onSuccess: (user) => ({ data, user: Option.some(user) })
          })
    )

  const decodeVerbatim = (record: SessionRecord): Decoded<Data, User> | undefined => {
    const { userId } = record
    const data = verbatim(record.data)
    if (data === undefined) return undefined
    if (userId === null) return { data, user: Option.none() }
    const isUser = format.user.isVerbatim
    return isUser !== undefined && isUser(userId) ? { data, user: Option.some(userId) } : undefined
  }

  const problem = (text: string) => new SessionConfigError({ module: "Session", problems: [text] })

  if (!(Number.isSafeInteger(maxBytes) && maxBytes > 0 && maxBytes <= Json.maxLength)) {
    return yield* problem(`Session.maxBytes must be a whole number of bytes, from 1 to ${Json.maxLength}`)
  }
  const initialText = yield* Effect.mapError(
    encodeData(initial),
    ({ detail, message }) => problem(`Session.initial cannot be stored: ${message} (${detail})`)
  )
  const first = yield* Effect.mapError(
    decodeText(initialText),
    ({ path }) => problem(`Session.initial cannot be read again once it is stored (${path})`)
  )
  const initialNow = () => Option.getOrElse(decodeNow(initialText), () => first)
  return {
    // What can only be decoded by waiting is decoded once for each request.
    initial: Option.isSome(decodeNow(initialText)) ? Effect.succeed(initialNow) : Effect.map(
      Effect.orDieWith(
        decodeText(initialText),
        () => problem("Session.initial could be read when the layer was built, and no longer")
      ),
      (data) => () => data
    ),
    initialText,
    encodeData,
    encodeUser,
    decodeVerbatim,
    decodeData: decodeText,
    decode
  }
})
