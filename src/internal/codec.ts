/**
 * Between the declared schema of a session and the text in a store.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Direct from "./Direct.js"
import * as Json from "./internal/json.js"
import { SessionConfigError, SessionDataError } from "./SessionError.js"
import type { SessionRecord } from "./SessionStore.js"
import * as Verbatim from "./Verbatim.js"

/**
 * How the data and the user of a session are written down.
 *
 * @since 0.1.0
 * @category models
 */
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
 * The two directions of a schema.
 *
 * @since 0.1.0
 * @category models
 */
export interface Codable<Type, Encoded> {
  readonly encode: (value: Type) => Effect.Effect<Encoded, ParseError>
  readonly decode: (value: unknown) => Effect.Effect<Type, ParseError>
  /** Whether both would make of a value what it is, where that can be told beforehand. See `Verbatim`. */
  readonly isVerbatim: ((value: unknown) => value is Type & Encoded) | undefined
}

/**
 * The two directions of a schema.
 *
 * @since 0.1.0
 * @category constructors
 */
export const codable = <Type, Encoded>(schema: Schema.Schema<Type, Encoded>): Codable<Type, Encoded> => {
  const encode = Schema.encode(schema)
  const decode = Schema.decodeUnknown(schema)
  return { encode: (value) => encode(value), decode: (value) => decode(value), isVerbatim: Verbatim.make(schema) }
}

/**
 * A format made ready to use.
 *
 * @since 0.1.0
 * @category models
 */
export interface Codec<Data, User> {
  readonly initial: Data
  readonly initialText: string
  /** Fails if the data does not encode, is not JSON then, or is too large. */
  readonly encodeData: (data: Data) => Effect.Effect<string, SessionDataError>
  /** Fails if the user does not encode to a string of 1 to 255 characters without NUL. */
  readonly encodeUser: (user: User) => Effect.Effect<string, SessionDataError>
  /** Fails, with what does not decode, if the row is corrupt or of another schema. */
  readonly decode: (record: SessionRecord) => Effect.Effect<Decoded<Data, User>, "data" | "user">
}

/**
 * The decoded part of a record.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decoded<Data, User> {
  readonly data: Data
  readonly user: Option.Option<User>
}

const maxUserLength = 255

const loneSurrogate = /\p{Surrogate}/u

const dataError = (reason: SessionDataError["reason"]) => new SessionDataError({ reason })

/**
 * Makes a codec. Fails if `maxBytes` is not a positive whole number or if the initial data does not encode.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Data, User>(
  format: Format<Data, User>
): Effect.Effect<Codec<Data, User>, SessionConfigError> => {
  const { isVerbatim } = format.data

  const decodeText = (text: string): Effect.Effect<Data, "data"> => {
    if (isVerbatim !== undefined) {
      const value = Json.parseUnchecked(text)
      if (isVerbatim(value)) return Exit.succeed(value)
    }
    const value = Json.parse(text)
    return value === undefined ? Exit.fail("data") : Direct.mapError(format.data.decode(value), () => "data")
  }

  const toText = (result: Json.Text): Effect.Effect<string, SessionDataError> => {
    if (result._tag !== "Text") return Exit.fail(dataError(result._tag))
    // A required property that is undefined is lost in JSON. Better to fail now than to lose the session later.
    return result.droppedUndefined
      ? Direct.mapError(Direct.map(decodeText(result.text), () => result.text), () => dataError("NotJson"))
      : Exit.succeed(result.text)
  }

  const encodeData = (data: Data): Effect.Effect<string, SessionDataError> =>
    isVerbatim !== undefined && isVerbatim(data)
      ? toText(Json.stringifyUnchecked(data, format.maxBytes))
      : Direct.flatMap(
        Direct.mapError(format.data.encode(data), () => dataError("Unencodable")),
        (encoded) => toText(Json.stringify(encoded, format.maxBytes))
      )

  const encodeUser = (user: User): Effect.Effect<string, SessionDataError> =>
    Effect.flatMap(
      Effect.mapError(format.user.encode(user), () => dataError("Unencodable")),
      (text) =>
        text.length > 0 && text.length <= maxUserLength && !text.includes("\u0000") && !loneSurrogate.test(text)
          ? Effect.succeed(text)
          : Effect.fail(dataError("Unencodable"))
    )

  const decode = (record: SessionRecord): Effect.Effect<Decoded<Data, User>, "data" | "user"> => {
    const { userId } = record
    return Direct.flatMap(decodeText(record.data), (data) =>
      userId === null
        ? Exit.succeed({ data, user: Option.none() })
        : Direct.mapError(
          Direct.map(format.user.decode(userId), (user) => ({ data, user: Option.some(user) })),
          (): "user" => "user"
        ))
  }

  if (!(Number.isSafeInteger(format.maxBytes) && format.maxBytes > 0)) {
    return Effect.fail(
      new SessionConfigError({
        module: "Session",
        problems: ["Session.maxBytes must be a positive whole number of bytes"]
      })
    )
  }
  return Effect.mapBoth(encodeData(format.initial), {
    onFailure: (error) =>
      new SessionConfigError({
        module: "Session",
        problems: [`Session.initial cannot be stored: ${error.message}`]
      }),
    onSuccess: (initialText) => ({ initial: format.initial, initialText, encodeData, encodeUser, decode })
  })
}
