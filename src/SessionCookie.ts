/**
 * The cookie that carries a session id: its name, its attributes, its signature.
 *
 * @since 3.0.0
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as CookiePolicy from "./core/cookiePolicy.js"
import * as Credential from "./core/credential.js"
import * as Signature from "./core/signature.js"
import * as SigningKeys from "./core/signingKeys.js"
import * as Durations from "./internal/durations.js"
import { SessionConfigError } from "./SessionError.js"
import type * as SessionToken from "./SessionToken.js"

/**
 * What a user of the library may set. Everything is checked when the layer is built.
 *
 * @since 3.0.0
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
   * the absolute timeout. False if left out, unless `maxAge` or `expires` is set. That of a session whose user asked to be
   * remembered always outlives the browser.
   */
  readonly persistent?: boolean | undefined
  /**
   * A cookie that outlives the browser, for this long at most, also where the user asked to be remembered. Whole seconds,
   * 400 days at most.
   */
  readonly maxAge?: Duration.DurationInput | undefined
  /** A cookie that outlives the browser, until this moment at the latest, also where the user asked to be remembered. */
  readonly expires?: Date | undefined
  /**
   * When `path`, `domain`, `sameSite`, `httpOnly`, `persistent` or the like were last changed: the moment of that deploy.
   * Browsers keep a cookie with the attributes it came with; whoever was last seen before gets it once more, with the
   * new ones. A new `path` or `domain` leaves the old cookie where it is, beside the new one: rename the cookie then, too.
   */
  readonly changedAt?: Date | undefined
  /**
   * What the cookie was called before. A cookie of such a name still counts, is sent anew under today's name, and cleared
   * then. Its signature must be that of its own name.
   */
  readonly formerNames?: ReadonlyArray<string> | undefined
  /**
   * Keys to sign the id with: the first signs, all verify, and a cookie signed under a later one is signed anew. At
   * least 32 bytes each, from a secure random source: what `openssl rand -base64 32` prints.
   */
  readonly signingKeys?: ReadonlyArray<Redacted.Redacted<string>> | undefined
  /** Whether ids are signed. True if `signingKeys` are given. */
  readonly signed?: boolean | undefined
  /**
   * Until when ids without a signature count as well, for an app that begins to sign: a cookie without one is signed at
   * its next use. As far ahead as sessions live, at the most. Not at all if left out.
   */
  readonly acceptUnsignedUntil?: Date | undefined
  /** Allows plain http, for development: no `Secure`, and no prefix in the name. */
  readonly insecure?: boolean | undefined
}

/**
 * A checked cookie policy. A cookie belongs to one declared session.
 *
 * @since 3.0.0
 * @category models
 */
export interface Policy extends Credential.Policy {
  /** All but `Max-Age` and `Expires`, which depend on the session. */
  readonly attributes: NonNullable<Cookies.Cookie["options"]>
  /** Whether the cookie outlives the browser. */
  readonly persistent: boolean
  /** How long it does so at most, in seconds. */
  readonly maxAge: number | undefined
  /** Until when it does so at the latest, in epoch milliseconds. */
  readonly expires: number | undefined
  /** When the attributes were last changed, in epoch milliseconds. */
  readonly changedAt: number | undefined
  /**
   * Says that the session of this name travels in this cookie. Fails with `SessionConfigError` if another one does already:
   * of two sessions in one cookie, one would be unreachable.
   */
  readonly claim: (sessionName: string) => Effect.Effect<void, SessionConfigError>
}

/**
 * An id that a request carries.
 *
 * @since 3.0.0
 * @category models
 */
export interface Sent {
  /** As the request carries it: not looked up yet. */
  readonly id: SessionToken.SessionId
  /** Whether it is to be written anew: it came under a former name, or under a key on its way out, or without one. */
  readonly reissue: boolean
  /** The name of its cookie, if that is not today's. */
  readonly formerName: string | undefined
}

/**
 * What a request says of its session.
 *
 * @since 3.0.0
 * @category models
 */
export type Reading =
  /** There is no cookie of our name, or none that we made: no store needs to be asked. */
  | Exclude<Credential.Reading, { readonly _tag: "Accepted" }>
  /**
   * There are ids, or what looks like them: each once, those under today's name first, four at the most. `overlooked` is
   * how many more there were. More than one comes from cookies of other paths or domains.
   */
  | { readonly _tag: "Accepted"; readonly sent: readonly [Sent, ...Array<Sent>]; readonly overlooked: number }

/**
 * Checks a cookie policy. Fails with `SessionConfigError` if browsers would reject the cookie, if options contradict each
 * other, or if a signing key is missing, short, doubled or can be guessed.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Layer, Schema } from "effect"
 * import { Session, SessionCookie, SessionMiddleware } from "effect-sessions"
 *
 * class AdminSession extends Session.Tag<AdminSession>()("AdminSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * // The second session of an app has a cookie of its own
 * export const adminRoutes = Layer.unwrapEffect(
 *   Effect.map(SessionCookie.make({ name: "__Host-admin", sameSite: "strict" }), (cookie) =>
 *     HttpLayerRouter.add("GET", "/admin", HttpServerResponse.empty()).pipe(
 *       Layer.provide(SessionMiddleware.layerRouter(AdminSession, { cookie }).layer)
 *     ))
 * )
 * ```
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Policy, SessionConfigError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const insecure = options.insecure ?? false
    const nameOf = (name: string) => insecure ? CookiePolicy.withoutPrefix(name) : name
    const name = nameOf(options.name ?? "__Host-sid")
    const sameSite = options.sameSite ?? "lax"
    const cookie: CookiePolicy.CookieOptions = {
      name,
      // What differs in its prefix only is the same where there are none.
      formerNames: insecure
        ? [...new Set((options.formerNames ?? []).map(nameOf))].filter((former) => former !== name)
        : options.formerNames ?? [],
      path: options.path ?? "/",
      domain: options.domain,
      secure: options.secure ?? !insecure,
      httpOnly: options.httpOnly ?? true,
      sameSite,
      partitioned: options.partitioned ?? false,
      priority: options.priority,
      maxAge: options.maxAge === undefined ? undefined : Durations.toMillis(options.maxAge) / 1000,
      expires: options.expires?.getTime(),
      changedAt: options.changedAt?.getTime(),
      insecure
    }
    const keys = (options.signingKeys ?? []).map(Redacted.value)
    const signed = options.signed ?? options.signingKeys !== undefined
    const acceptUnsignedUntil = options.acceptUnsignedUntil?.getTime()
    const problems = [...CookiePolicy.problemsOf(cookie), ...SigningKeys.problemsOf(keys)]
    if (signed && keys.length === 0) problems.push("signingKeys needs at least one key, or signed: false")
    if (!signed && keys.length > 0) problems.push("signed is false but signingKeys are given: leave one out")
    if (cookie.expires !== undefined && cookie.expires <= now) {
      problems.push("expires has passed: no browser would keep the cookie")
    }
    if (acceptUnsignedUntil !== undefined && !Number.isFinite(acceptUnsignedUntil)) {
      problems.push("acceptUnsignedUntil is not a valid date")
    }
    if (acceptUnsignedUntil !== undefined && !signed) {
      problems.push("acceptUnsignedUntil is given but ids are not signed: give signingKeys, or leave it out")
    }
    const isLasting = options.maxAge !== undefined || options.expires !== undefined
    if (options.persistent === false && isLasting) {
      problems.push("persistent is false but maxAge or expires is given: leave one out")
    }
    return SessionConfigError.check("SessionCookie", problems.map((problem) => `SessionCookie.${problem}`), () => ({
      name,
      formerNames: cookie.formerNames,
      attributes: {
        path: cookie.path,
        secure: cookie.secure,
        httpOnly: cookie.httpOnly,
        sameSite,
        partitioned: cookie.partitioned,
        domain: options.domain,
        priority: options.priority
      },
      persistent: options.persistent ?? isLasting,
      maxAge: cookie.maxAge,
      expires: cookie.expires,
      changedAt: cookie.changedAt,
      keys: keys.map((key) => Signature.toSigningKey(Buffer.from(key))),
      acceptUnsignedUntil,
      claim: makeClaim(name)
    }))
  })

const makeClaim = (name: string): Policy["claim"] => {
  let owner: string | undefined
  return (sessionName) =>
    Effect.suspend(() => {
      owner ??= sessionName
      return SessionConfigError.check(
        "SessionCookie",
        owner === sessionName ? [] : [
          `The cookie ${name} carries the session ${owner} and cannot carry ${sessionName} as well: make a policy of another `
          + `name with SessionCookie.make, and give it to the middleware of ${sessionName} as its option "cookie"`
        ],
        () => void 0
      )
    })
}

/**
 * The policy of the app's session cookie.
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionCookie extends Context.Tag("effect-sessions/SessionCookie")<SessionCookie, Policy>() {}

/**
 * The cookie policy. What is left out keeps its default; without options the cookie is
 * `__Host-sid; Path=/; Secure; HttpOnly; SameSite=Lax`, gone with the browser, not signed. Fails with
 * `SessionConfigError` as `make` does.
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
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<SessionCookie, SessionConfigError> =>
  Layer.effect(SessionCookie, make(options))

/**
 * The cookie policy from configuration. Fails with `ConfigError` if that cannot be read, and with `SessionConfigError` as
 * `make` does.
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
 * @since 3.0.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<SessionCookie, SessionConfigError | ConfigError.ConfigError> =>
  Layer.effect(SessionCookie, Effect.flatMap(Config.unwrap(options), make))

const toReading = (reading: Credential.Reading): Reading => {
  if (reading._tag !== "Accepted") return reading
  const toSent = ({ formerName, reissue, text }: Credential.Sent): Sent => ({
    id: Redacted.make(text),
    reissue,
    formerName
  })
  const [first, ...others] = reading.sent
  return { _tag: "Accepted", sent: [toSent(first), ...others.map(toSent)], overlooked: reading.overlooked }
}

/**
 * Reads ids from a raw `Cookie` header, strictly, without asking a store. Only what this policy could have written counts;
 * what else is there does not matter. `now` is the time in epoch milliseconds.
 *
 * @since 3.0.0
 * @category utils
 */
export const read = (
  policy: Policy,
  token: SessionToken.Generator,
  header: string | undefined,
  now: number
): Reading => toReading(Credential.fromCookie(policy, token.bytes, header, now))

/**
 * Reads the id from an `Authorization` header, for clients that keep it themselves. As strict as `read`.
 *
 * @since 3.0.0
 * @category utils
 */
export const readBearer = (
  policy: Policy,
  token: SessionToken.Generator,
  header: string | undefined,
  now: number
): Reading => toReading(Credential.fromBearer(policy, token.bytes, header, now))

/**
 * The id as a client shall send it in its `Authorization` header.
 *
 * @since 3.0.0
 * @category utils
 */
export const toBearer = (policy: Policy, id: SessionToken.SessionId): Redacted.Redacted<string> =>
  Redacted.make(Credential.encode(policy, Credential.bearerPurpose, Redacted.value(id)))

/**
 * A cookie whose value is only seen by who asks for it. A response prints its cookies, and is printed itself: in the cause
 * of its span where its body fails on its way.
 */
class HiddenCookie extends Inspectable.Class implements Cookies.Cookie {
  readonly [Cookies.CookieTypeId]: Cookies.CookieTypeId = Cookies.CookieTypeId
  readonly name: string
  readonly options: Cookies.Cookie["options"]
  private readonly hidden: Redacted.Redacted<Cookies.Cookie>

  constructor(cookie: Cookies.Cookie) {
    super()
    this.name = cookie.name
    this.options = cookie.options
    this.hidden = Redacted.make(cookie)
  }

  get value(): string {
    return Redacted.value(this.hidden).value
  }

  get valueEncoded(): string {
    return Redacted.value(this.hidden).valueEncoded
  }

  toJSON() {
    return { _id: "SessionCookie", name: this.name, value: String(this.hidden), options: this.options }
  }
}

/**
 * The cookie that hands out an id. A persistent one, by the policy or because the user asked to be remembered, vanishes no
 * later than the session does. It does not print its value.
 *
 * @since 3.0.0
 * @category utils
 */
export const write = (
  policy: Policy,
  id: SessionToken.SessionId,
  times: { readonly expiresAt: number; readonly now: number; readonly persistent?: boolean | undefined }
): Cookies.Cookie =>
  new HiddenCookie(
    Cookies.unsafeMakeCookie(
      policy.name,
      Credential.encode(policy, policy.name, Redacted.value(id)),
      policy.persistent || times.persistent === true
        ? {
          ...policy.attributes,
          maxAge: Duration.seconds(CookiePolicy.lifetime(policy, times.expiresAt, times.now))
        }
        : policy.attributes
    )
  )

/**
 * The cookie that clears the cookie: empty, of the same name and attributes, and past.
 *
 * @since 3.0.0
 * @category utils
 */
export const clear = (policy: Policy): Cookies.Cookie => clearName(policy, policy.name)

/**
 * The cookie that clears a cookie of a former name. It takes today's path and domain for the former ones.
 *
 * @since 3.0.0
 * @category utils
 */
export const clearName = (policy: Policy, name: string): Cookies.Cookie =>
  Cookies.unsafeMakeCookie(name, "", {
    ...policy.attributes,
    ...CookiePolicy.fixedByPrefix(name),
    maxAge: 0,
    expires: new Date(0)
  })
