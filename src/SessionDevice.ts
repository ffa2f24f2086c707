/**
 * A short text that tells a user which of their devices a session is on, for an account page that lists them. It is a part
 * of the session's own data: the app stores it at sign-in.
 *
 * @since 3.0.0
 */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { BROWSER_MAP, getParser } from "bowser"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as DeviceLabel from "./core/deviceLabel.js"
import * as Forwarded from "./core/forwarded.js"
import * as Addresses from "./internal/addresses.js"
import { SessionConfigError } from "./SessionError.js"

/**
 * The schema of a device, for a field in the data of a session.
 *
 * - `label` is what the user agent says of itself: `Firefox on Linux`, `Safari on iPhone`, `curl`, or `Unknown device`.
 *   It has 64 characters at most: letters, digits, blanks and ` ._+-`. Whoever signs in chooses it, so it is no evidence.
 * - `address` is the IP address that the request came from: `192.0.2.1`, `2001:db8::1`. Null where the app does not ask
 *   for it, or where it is not known.
 *
 * @since 3.0.0
 * @category schemas
 */
export const Device = Schema.Struct({ label: Schema.String, address: Schema.NullOr(Schema.String) })

/**
 * A device.
 *
 * @since 3.0.0
 * @category models
 */
export type Device = typeof Device.Type

/**
 * What a user of the library may set.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The proxies in front of the app: addresses (`192.0.2.1`, `2001:db8::1`) and ranges (`10.0.0.0/8`, `fd00::/8`). They,
   * and nobody else, are believed what they write into `X-Forwarded-For`. Empty where there are none.
   */
  readonly trustedProxies: ReadonlyArray<string>
}

/**
 * Describes requests, with their addresses.
 *
 * @since 3.0.0
 * @category models
 */
export interface Describer {
  /** The device that a request came from. Waits for nothing and never fails, whatever the request says. */
  readonly describe: (request: Pick<HttpServerRequest.HttpServerRequest, "headers" | "remoteAddress">) => Device
}

const systemOf = (name: string, model: string | undefined): string =>
  ["iPhone", "iPad", "iPod"].find((device) => device.toLowerCase() === model?.toLowerCase()) ?? name

const labelOf = (userAgent: string | undefined): string => {
  if (userAgent === undefined || userAgent === "") return DeviceLabel.unknownDevice
  const text = userAgent.slice(0, DeviceLabel.maxUserAgentLength)
  const parser = getParser(text, true)
  const browser = parser.getBrowserName()
  return DeviceLabel.labelOf({
    // Where the parser knows no browser, it returns a part of the header.
    browser: Object.values(BROWSER_MAP).includes(browser) ? browser.replace(/ for Android$/, "") : undefined,
    product: DeviceLabel.productOf(text),
    system: systemOf(parser.getOSName(), parser.getPlatform().model)
  })
}

/**
 * The device that a request came from, without its address. Waits for nothing and never fails, whatever the request says.
 *
 * @example
 * ```ts
 * import { HttpServerRequest } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { Session, SessionDevice } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ device: Schema.NullOr(SessionDevice.Device) }),
 *   initial: { device: null }
 * }) {}
 *
 * export const signIn = (userId: string) =>
 *   Effect.gen(function*() {
 *     const request = yield* HttpServerRequest.HttpServerRequest
 *     const session = yield* AppSession
 *     yield* session.signIn(userId)
 *     yield* session.update((data) => ({ ...data, device: SessionDevice.describe(request) }))
 *   })
 * ```
 *
 * @since 3.0.0
 * @category constructors
 */
export const describe: Describer["describe"] = (request) => ({
  label: labelOf(request.headers["user-agent"]),
  address: null
})

/**
 * Makes a `describe` that tells the address as well, which is personal data: keep it no longer than the session. It is the
 * address of the connection, or, where that is one of the trusted proxies, the last one in `X-Forwarded-For` that is none
 * of them. Leave `HttpMiddleware.xForwardedHeaders` out: it puts another address in the place of the connection's. Web
 * handlers, and sockets without an address, have none; then it is null.
 *
 * Fails with `SessionConfigError` if an address or a range is none, or is everybody's.
 *
 * @example
 * ```ts
 * import { HttpServerRequest } from "@effect/platform"
 * import { Config, Context, Effect, Layer } from "effect"
 * import { SessionDevice } from "effect-sessions"
 *
 * class Devices extends Context.Tag("Devices")<Devices, SessionDevice.Describer>() {}
 *
 * // TRUSTED_PROXIES=10.0.0.0/8,fd00::/8
 * export const DevicesLive = Layer.effect(
 *   Devices,
 *   Effect.flatMap(Config.array(Config.string(), "TRUSTED_PROXIES"), (trustedProxies) =>
 *     SessionDevice.make({ trustedProxies }))
 * )
 *
 * export const device = Effect.gen(function*() {
 *   const devices = yield* Devices
 *   return devices.describe(yield* HttpServerRequest.HttpServerRequest)
 * })
 * ```
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Describer, SessionConfigError> =>
  SessionConfigError.check(
    "SessionDevice",
    Addresses.problemsOf(options.trustedProxies).map((problem) => `SessionDevice.trustedProxies: ${problem}`),
    () => {
      const addresses = { read: Addresses.read, isTrusted: Addresses.within(options.trustedProxies) }
      return {
        describe: (request) => ({
          label: labelOf(request.headers["user-agent"]),
          address: Forwarded.clientAddress(
            Option.getOrUndefined(request.remoteAddress),
            request.headers["x-forwarded-for"],
            addresses
          ) ?? null
        })
      }
    }
  )
