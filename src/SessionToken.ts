/**
 * The session id: an unguessable token that a visitor carries, and nothing else.
 *
 * @since 3.0.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { isCanonical } from "./core/base64url.js"
import { SessionConfigError } from "./SessionError.js"

/**
 * The id of a session: base64url text, wrapped so that no log, span or error prints it. Whoever holds it holds the
 * session. A store never sees it, only a hash of it.
 *
 * @since 3.0.0
 * @category models
 */
export type SessionId = Redacted.Redacted<string>

/**
 * Makes ids.
 *
 * @since 3.0.0
 * @category models
 */
export interface Generator {
  /** The random bytes in an id, at least 16. Incoming ids of any other size are not ours. */
  readonly bytes: number
  /**
   * A new id: the canonical base64url encoding, without padding, of `bytes` bytes from a cryptographically secure
   * source. Gets nothing from the request. Dies if the source fails: there is no fallback.
   */
  readonly generate: Effect.Effect<SessionId>
}

/** Random bytes for this many ids are drawn at once. */
const poolSize = 64

const unsafeMake = (bytes: number): Generator => {
  const pool = Buffer.alloc(bytes * poolSize)
  let used = pool.length
  return {
    bytes,
    generate: Effect.sync(() => {
      if (used === pool.length) {
        globalThis.crypto.getRandomValues(pool)
        used = 0
      }
      const id = pool.toString("base64url", used, used + bytes)
      pool.fill(0, used, used + bytes)
      used += bytes
      return Redacted.make(id)
    })
  }
}

/**
 * A generator of ids with `bytes` random bytes from the platform's secure source. Fails with `SessionConfigError` if
 * `bytes` is not a whole number from 16 (128 bits, 22 characters) to 64.
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: { readonly bytes: number }): Effect.Effect<Generator, SessionConfigError> =>
  SessionConfigError.check(
    "SessionToken",
    Number.isInteger(options.bytes) && options.bytes >= 16 && options.bytes <= 64
      ? []
      : ["SessionToken.bytes must be a whole number from 16 (128 bits) to 64"],
    () => unsafeMake(options.bytes)
  )

/**
 * The generator of session ids. Without a layer, ids have 128 random bits in 22 characters. Replace it in a test to
 * know the ids beforehand.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Redacted } from "effect"
 * import { SessionToken } from "effect-sessions"
 *
 * export const KnownId = Layer.succeed(SessionToken.SessionToken, {
 *   bytes: 16,
 *   generate: Effect.succeed(Redacted.make("A".repeat(22)))
 * })
 * ```
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionToken extends Context.Reference<SessionToken>()("effect-sessions/SessionToken", {
  defaultValue: (): Generator => unsafeMake(16)
}) {}

/**
 * Sets the size of ids. Sessions with ids of another size end. Fails with `SessionConfigError` as `make` does.
 *
 * @example
 * ```ts
 * import { SessionToken } from "effect-sessions"
 *
 * export const TokenLive = SessionToken.layer({ bytes: 32 }) // 43 characters
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: { readonly bytes: number }): Layer.Layer<never, SessionConfigError> =>
  Layer.effect(SessionToken, make(options))

/**
 * Reads an id that came from outside. None unless it is exactly what the generator could have made: the right length,
 * the right alphabet, the canonical encoding.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SessionToken } from "effect-sessions"
 *
 * export const program = Effect.map(
 *   SessionToken.make({ bytes: 16 }),
 *   (generator) => SessionToken.parse(generator, "not an id") // none
 * )
 * ```
 *
 * @since 3.0.0
 * @category utils
 */
export const parse = (generator: Generator, value: string): Option.Option<SessionId> =>
  isCanonical(value, generator.bytes) ? Option.some(Redacted.make(value)) : Option.none()
