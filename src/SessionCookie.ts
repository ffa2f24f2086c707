/**
 * The cookie that carries a session id: its name, its attributes, its signature.
 *
 * @since 0.1.0
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as CookiePolicy from "./internal/cookiePolicy.js"
import * as Credential from "./internal/credential.js"
import * as Signature from "./internal/signature.js"
import { SessionConfigError } from "./SessionError.js"
import type * as SessionToken from "./SessionToken.js"

/**
 * What a user of the library may set. Everything is checked when the layer is built.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The name. `__Host-sid` if left out, which browsers accept only from this very host over https. */
  readonly name?: string | undefined
  /** `/` if left out. Other paths need another name than one with the prefix `__Host-`. */
  readonly path?: string | undefined
  /** The domain whose hosts all get the cookie. Left out: this host alone. */
  readonly domain?: string | undefined
  /** Only over https. True, unless `insecure` is set. */
  readonly secure?: boolean | undefined
  /** Out of reach of scripts. True if left out. */
  readonly httpOnly?: boolean | undefined
  /** Whether other sites' requests carry the cookie. `"lax"` if left out. */
  readonly sameSite?: "strict" | "lax" | "none" | undefined
  /** Keeps one cookie per top-level site. Needs `sameSite: "none"`. */
  readonly partitioned?: boolean | undefined
  /** What browsers that run out of space drop last. */
  readonly priority?: "low" | "medium" | "high" | undefined
  /**
   * Whether the cookie outlives the browser. It then lasts as long as the session: until the sooner of the idle and
   * the absolute timeout. False if left out, unless `maxAge` or `expires` is set.
   */
  readonly persistent?: boolean | undefined
  /** A cookie that outlives the browser, for this long at most. Whole seconds, 400 days at most. */
  readonly maxAge?: Duration.DurationInput | undefined
  /** A cookie that outlives the browser, until this moment at the latest. */
  readonly expires?: Date | undefined
  /**
   * Keys to sign the id with: the first signs, all verify, and a cookie signed under a later one is signed anew. At
   * least 32 bytes each, from a secure random source.
   */
  readonly signingKeys?: ReadonlyArray<Redacted.Redacted<string>> | undefined
  /** Whether ids are signed. True if `signingKeys` are given. */
  readonly signed?: boolean | undefined
  /** Allows plain http, for development: no `Secure`, and no prefix in the name. */
  readonly insecure?: boolean | undefined
}

/**
 * A checked cookie policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy extends Credential.Policy {
  readonly attributes: NonNullable<Cookies.Cookie["options"]>
  readonly persistent: boolean
  /** Seconds. */
  readonly maxAge: number | undefined
  /** Epoch milliseconds. */
  readonly expires: number | undefined
}

/**
 * What the `Cookie` header of a request says.
 *
 * @since 0.1.0
 * @category models
 */
export type Reading =
  /** There is no cookie of our name, or one that we did not make: no store needs to be asked. */
  | Exclude<Credential.Credential, { readonly _tag: "Accepted" }>
  /** There is one with the form of an id. `reissue`: it is signed under a key that is on its way out. */
  | { readonly _tag: "Accepted"; readonly id: SessionToken.SessionId; readonly reissue: boolean }

const minKeyBytes = 32
const maxKeys = 16

const placeholder = /^(?:(?:changeme|change[-_ ]me|keyboard[-_ ]?cat|secret|password)[-_ ]?)+$/i

const keyProblems = (keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (keys.length > maxKeys) problems.push(`SessionCookie.signingKeys takes ${maxKeys} keys at the most`)
  if (new Set(keys).size !== keys.length) problems.push("SessionCookie.signingKeys holds the same key twice")
  keys.forEach((key, index) => {
    if (Buffer.byteLength(key) < minKeyBytes) {
      problems.push(
        `SessionCookie.signingKeys[${index}] is shorter than ${minKeyBytes} bytes: make one with "openssl rand -base64 32"`
      )
    } else if (placeholder.test(key)) {
      problems.push(
        `SessionCookie.signingKeys[${index}] is a placeholder, not a random key: make one with "openssl rand -base64 32"`
      )
    }
  })
  return problems
}

const seconds = (maxAge: Duration.DurationInput): number =>
  Option.match(Duration.decodeUnknown(maxAge), {
    onNone: () => NaN,
    onSome: (duration) => Duration.toMillis(duration) / 1000
  })

/**
 * Checks a cookie policy. Fails if browsers would reject the cookie, if options contradict each other, or if a signing
 * key is missing, short, doubled or a placeholder.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Policy, SessionConfigError> =>
  Effect.suspend(() => {
    const insecure = options.insecure ?? false
    const name = options.name ?? "__Host-sid"
    const cookie: CookiePolicy.CookieOptions = {
      name: insecure ? CookiePolicy.withoutPrefix(name) : name,
      path: options.path ?? "/",
      domain: options.domain,
      secure: options.secure ?? !insecure,
      httpOnly: options.httpOnly ?? true,
      sameSite: options.sameSite ?? "lax",
      partitioned: options.partitioned ?? false,
      priority: options.priority,
      maxAge: options.maxAge === undefined ? undefined : seconds(options.maxAge),
      expires: options.expires?.getTime(),
      insecure
    }
    const keys = (options.signingKeys ?? []).map(Redacted.value)
    const signed = options.signed ?? options.signingKeys !== undefined
    const problems = [
      ...CookiePolicy.problemsOf(cookie).map((problem) => `SessionCookie.${problem}`),
      ...keyProblems(keys)
    ]
    if (signed && keys.length === 0) {
      problems.push("SessionCookie.signingKeys needs at least one key, or signed: false")
    }
    if (!signed && keys.length > 0) {
      problems.push("SessionCookie.signed is false but signingKeys are given: leave one out")
    }
    if (options.persistent === false && (options.maxAge !== undefined || options.expires !== undefined)) {
      problems.push("SessionCookie.persistent is false but maxAge or expires is given: leave one out")
    }
    return SessionConfigError.check("SessionCookie", problems, () => unsafeMake(cookie, keys, options))
  })

const unsafeMake = (
  cookie: CookiePolicy.CookieOptions,
  keys: ReadonlyArray<string>,
  options: Options
): Policy => ({
  name: cookie.name,
  attributes: {
    path: cookie.path,
    secure: cookie.secure,
    httpOnly: cookie.httpOnly,
    sameSite: options.sameSite ?? "lax",
    partitioned: cookie.partitioned,
    ...(options.domain === undefined ? {} : { domain: options.domain }),
    ...(options.priority === undefined ? {} : { priority: options.priority })
  },
  persistent: options.persistent ?? (options.maxAge !== undefined || options.expires !== undefined),
  maxAge: cookie.maxAge,
  expires: cookie.expires,
  keys: keys.map((key) => Signature.toSigningKey(Buffer.from(key)))
})

/**
 * The policy of the app's session cookie. Without a layer it is
 * `__Host-sid; Path=/; Secure; HttpOnly; SameSite=Lax`, gone with the browser, not signed.
 *
 * @since 0.1.0
 * @category tags
 */
export class SessionCookie extends Context.Reference<SessionCookie>()("effect-sessions/SessionCookie", {
  defaultValue: (): Policy => ({
    name: "__Host-sid",
    attributes: { path: "/", secure: true, httpOnly: true, sameSite: "lax" },
    persistent: false,
    maxAge: undefined,
    expires: undefined,
    keys: []
  })
}) {}

/**
 * Sets the cookie policy. What is left out keeps its default.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { SessionCookie } from "effect-sessions"
 *
 * export const CookieLive = (signingKey: Redacted.Redacted<string>) =>
 *   SessionCookie.layer({ signingKeys: [signingKey], sameSite: "strict" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<never, SessionConfigError> =>
  Layer.effect(SessionCookie, make(options))

/**
 * Sets the cookie policy from configuration.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import { SessionCookie } from "effect-sessions"
 *
 * export const CookieLive = SessionCookie.layerConfig({
 *   signingKeys: Config.array(Config.redacted(), "SESSION_SECRETS"),
 *   insecure: Config.boolean("SESSION_INSECURE").pipe(Config.withDefault(false))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<never, SessionConfigError | ConfigError.ConfigError> =>
  Layer.effect(SessionCookie, Effect.flatMap(Config.unwrap(options), make))

const toReading = (credential: Credential.Credential): Reading =>
  credential._tag === "Accepted"
    ? { _tag: "Accepted", id: Redacted.make(credential.text), reissue: credential.reissue }
    : credential

/**
 * Reads the id from a raw `Cookie` header, strictly, without asking a store. Only a value that this policy could have
 * written is accepted.
 *
 * @since 0.1.0
 * @category utils
 */
export const read = (policy: Policy, token: SessionToken.Generator, header: string | undefined): Reading =>
  toReading(Credential.fromCookie(policy, token.bytes, header))

/**
 * Reads the id from an `Authorization` header, for clients that keep it themselves. As strict as `read`.
 *
 * @since 0.1.0
 * @category utils
 */
export const readBearer = (policy: Policy, token: SessionToken.Generator, header: string | undefined): Reading =>
  toReading(Credential.fromBearer(policy, token.bytes, header))

/**
 * The id as a client shall send it in its `Authorization` header.
 *
 * @since 0.1.0
 * @category utils
 */
export const toBearer = (policy: Policy, id: SessionToken.SessionId): Redacted.Redacted<string> =>
  Redacted.make(Credential.encode(policy, Credential.bearerPurpose, Redacted.value(id)))

/**
 * The cookie that hands out an id. A persistent one vanishes no later than the session does.
 *
 * @since 0.1.0
 * @category utils
 */
export const write = (
  policy: Policy,
  id: SessionToken.SessionId,
  times: { readonly expiresAt: number; readonly now: number }
): Cookies.Cookie =>
  Cookies.unsafeMakeCookie(
    policy.name,
    Credential.encode(policy, policy.name, Redacted.value(id)),
    policy.persistent
      ? {
        ...policy.attributes,
        maxAge: Duration.seconds(CookiePolicy.lifetime(policy, times.expiresAt, times.now))
      }
      : policy.attributes
  )

/**
 * The cookie that clears the cookie: empty, of the same name and attributes, and past.
 *
 * @since 0.1.0
 * @category utils
 */
export const clear = (policy: Policy): Cookies.Cookie =>
  Cookies.unsafeMakeCookie(policy.name, "", { ...policy.attributes, maxAge: 0, expires: new Date(0) })
