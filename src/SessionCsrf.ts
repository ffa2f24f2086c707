/**
 * Keeps other sites from acting in a user's name: refuses requests that may change something unless the browser says,
 * and a token proves, that they come from this app.
 *
 * The token is the handle's `csrfToken`. It is bound to the id of the session and so replaced at every sign-in and
 * rotation. It goes into a form field or a header:
 *
 * - a page with a form puts it into a hidden field `_csrf` (see `formField`);
 * - a single-page app fetches it from a route of the app that returns `csrfToken`, and sends it as `X-CSRF-Token`.
 *
 * @since 3.0.0
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Csrf from "./core/csrf.js"
import type { Handle, StageError } from "./Session.js"
import { SessionConfigError, SessionCsrfError } from "./SessionError.js"

/**
 * How requests are checked. Everything is checked when the layer is built.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The app's own origins, such as `https://example.com`: for browsers that do not send `Sec-Fetch-Site`, and compared to
   * the letter. None if left out; the `Host` header is never believed. Where a browser says that another origin of the same
   * site sent the request, that is refused, whatever stands here.
   */
  readonly origins?: ReadonlyArray<string> | undefined
  /**
   * Whether to let requests pass that tell nothing of where they come from, as those of programs do. False if left
   * out.
   */
  readonly allowUnknown?: boolean | undefined
  /** Whether the token of the session is needed as well. True if left out. */
  readonly token?: boolean | undefined
  /** The form field that may carry the token, in URL-encoded forms. `_csrf` if left out. */
  readonly field?: string | undefined
  /**
   * The request headers that may carry the token. `x-csrf-token` and `x-xsrf-token` if left out. The layer keeps their
   * values out of the spans of requests, as it does those of cookies.
   */
  readonly headers?: ReadonlyArray<string> | undefined
  /**
   * The longest form that is read for a token, in bytes; a longer one must bring it in a header. From 1 KiB to 16 MiB, 64
   * KiB if left out. Where `HttpServerRequest.withMaxBodySize` around the check allows less, that counts.
   */
  readonly maxFormBytes?: number | undefined
}

/**
 * A checked way of checking requests.
 *
 * @since 3.0.0
 * @category models
 */
export interface Policy extends Csrf.CsrfOptions {
  /** Whether requests pass that tell nothing of where they come from. */
  readonly allowUnknown: boolean
  /** Whether the token of the session is needed. */
  readonly token: boolean
}

/**
 * Checks the options. Fails with `SessionConfigError` if an origin is not written as browsers send it, if a header or a
 * field cannot have that name, or if the longest form is no sensible size.
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Policy, SessionConfigError> =>
  Effect.suspend(() => {
    const headers = options.headers ?? ["x-csrf-token", "x-xsrf-token"]
    const policy: Policy = {
      origins: options.origins ?? [],
      allowUnknown: options.allowUnknown ?? false,
      token: options.token ?? true,
      field: options.field ?? "_csrf",
      headers: Array.from(new Set(headers.map((name) => name.toLowerCase()))),
      maxFormBytes: options.maxFormBytes ?? 64 * 1024
    }
    const problems = Csrf.problemsOf(policy).map((problem) => `SessionCsrf.${problem}`)
    return SessionConfigError.check("SessionCsrf", problems, () => policy)
  })

/**
 * How the app checks requests. A service, so that options that cannot work fail when the app starts, and not when the
 * first form is sent.
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionCsrf extends Context.Tag("effect-sessions/SessionCsrf")<SessionCsrf, Policy>() {}

const layerOf = <E>(policy: Effect.Effect<Policy, E>): Layer.Layer<SessionCsrf, E> =>
  Layer.scoped(
    SessionCsrf,
    Effect.tap(
      policy,
      ({ headers }) => Effect.locallyScopedWith(Headers.currentRedactedNames, (names) => [...names, ...headers])
    )
  )

/**
 * How requests are checked. What is left out keeps its default. Fails with `SessionConfigError` as `make` does.
 *
 * @example
 * ```ts
 * import { SessionCsrf } from "effect-sessions"
 *
 * export const CsrfLive = SessionCsrf.layer({ origins: ["https://example.com"] })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<SessionCsrf, SessionConfigError> => layerOf(make(options))

/**
 * How requests are checked, from configuration. Fails with `ConfigError` if that cannot be read, and with
 * `SessionConfigError` as `make` does.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import { SessionCsrf } from "effect-sessions"
 *
 * export const CsrfLive = SessionCsrf.layerConfig({ origins: Config.array(Config.string(), "APP_ORIGINS") })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<SessionCsrf, SessionConfigError | ConfigError.ConfigError> =>
  layerOf(Effect.flatMap(Config.unwrap(options), make))

const refuse = (reason: SessionCsrfError["reason"]) => Effect.fail(new SessionCsrfError({ reason }))

const isForm = /^application\/x-www-form-urlencoded\b/i

/** The token in the form that a request carries. A form that is too long is not read; what is read, the handler finds. */
const formToken = (
  request: HttpServerRequest.HttpServerRequest,
  { field, maxFormBytes }: Policy
): Effect.Effect<string | undefined> => {
  if (!isForm.test(request.headers["content-type"] ?? "")) return Effect.succeed(undefined)
  return Effect.flatMap(HttpServerRequest.MaxBodySize, (size) => {
    const most = Option.match(size, {
      onNone: () => maxFormBytes,
      onSome: (own) => Math.min(Number(own), maxFormBytes)
    })
    if (Number(request.headers["content-length"]) > most) return Effect.succeed(undefined)
    return Effect.match(HttpServerRequest.withMaxBodySize(request.text, Option.some(most)), {
      onFailure: () => undefined,
      // Requests of the web standard know no limit.
      onSuccess: (form) => Buffer.byteLength(form) > most ? undefined : Csrf.fieldOf(form, field)
    })
  })
}

/** The token that a request carries: from a header, else from a form. Two are none. */
const sentToken = (
  request: HttpServerRequest.HttpServerRequest,
  policy: Policy
): Effect.Effect<string | undefined> => {
  const sent = policy.headers.flatMap((name) => request.headers[name] ?? [])
  return sent.length === 0 ? formToken(request, policy) : Effect.succeed(sent.length === 1 ? sent[0] : undefined)
}

const checkBy = <Self, Data, User>(
  policy: Policy,
  session: Context.Tag<Self, Handle<Data, User>>
): Effect.Effect<void, SessionCsrfError, Self | HttpServerRequest.HttpServerRequest> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const { headers, method } = request
    const provenance = {
      method,
      upgrade: headers["upgrade"],
      secFetchSite: headers["sec-fetch-site"],
      origin: headers["origin"],
      referer: headers["referer"]
    }
    if (!Csrf.isUnsafe(provenance)) return Effect.void
    return Effect.flatMap(session, (session) =>
      Effect.flatMap(session.transport, (transport) => {
        // No browser sends this by itself.
        if (transport === "bearer") return Effect.void
        if (Csrf.isForeign(provenance, policy)) return refuse("Foreign")
        if (!policy.token || Csrf.opensSocket(provenance)) return Effect.void
        // Without an id of ours no token is good: its body need not be read.
        return transport === "none" ? refuse("Token") : Effect.flatMap(
          sentToken(request, policy),
          (token) => token !== undefined && session.isCsrfToken(token) ? Effect.void : refuse("Token")
        )
      }))
  })

/**
 * Checks the request in context: succeeds, or fails with `SessionCsrfError` (403). Requests with the methods GET, HEAD
 * and OPTIONS pass, but for those that open a socket, which must come from the app too, without a token. So do requests
 * whose session is that of a bearer token, which no browser sends by itself. Asks no store. Reads the body only of a form
 * that comes with an id and without a token in a header.
 *
 * @example
 * ```ts
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { Session, SessionCsrf } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * export const transfer = SessionCsrf.check(AppSession).pipe(Effect.as(HttpServerResponse.empty()))
 * ```
 *
 * @since 3.0.0
 * @category guards
 */
export const check = <Self, Data, User>(
  session: Context.Tag<Self, Handle<Data, User>>
): Effect.Effect<void, SessionCsrfError, Self | SessionCsrf | HttpServerRequest.HttpServerRequest> =>
  Effect.flatMap(SessionCsrf, (policy) => checkBy(policy, session))

/**
 * Middleware for routes of the classic `HttpRouter`, and for any app: checks every request first. Fails with
 * `SessionCsrfError` as `check` does. Goes inside the session middleware.
 *
 * @example
 * ```ts
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Schema } from "effect"
 * import { Session, SessionCsrf, SessionMiddleware } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * export const router = HttpRouter.empty.pipe(
 *   HttpRouter.post("/transfer", HttpServerResponse.empty()),
 *   HttpRouter.use(SessionCsrf.protect(AppSession)),
 *   HttpRouter.use(SessionMiddleware.httpRouter(AppSession))
 * )
 *
 * export const CsrfLive = SessionCsrf.layer({ origins: ["https://example.com"] })
 * ```
 *
 * @since 3.0.0
 * @category middleware
 */
export const protect = <Self, Data, User>(
  session: Context.Tag<Self, Handle<Data, User>>
) => {
  const checked = check(session)
  return <E, R>(
    app: HttpApp.Default<E, R>
  ): HttpApp.Default<E | SessionCsrfError, R | Self | SessionCsrf> => Effect.zipRight(checked, app)
}

/**
 * Middleware for `HttpLayerRouter`: checks every request of the routes whose layer it is provided to. Fails with
 * `SessionCsrfError` as `check` does. Is combined with the session middleware.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { Layer, Schema } from "effect"
 * import { Session, SessionCsrf, SessionMiddleware } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * const Protected = SessionCsrf.layerRouter(AppSession).combine(SessionMiddleware.layerRouter(AppSession))
 *
 * export const routes = HttpLayerRouter.add("POST", "/transfer", HttpServerResponse.empty()).pipe(
 *   Layer.provide(Protected.layer),
 *   Layer.provide(SessionCsrf.layer({ origins: ["https://example.com"] }))
 * )
 * ```
 *
 * @since 3.0.0
 * @category middleware
 */
export const layerRouter = <Self, Data, User>(session: Context.Tag<Self, Handle<Data, User>>) =>
  HttpLayerRouter.middleware(
    Effect.map(SessionCsrf, (policy) => {
      const checked = checkBy(policy, session)
      return (app) => Effect.zipRight(checked, app)
    })
  )

/**
 * A hidden form field with the token of the session, as HTML. Fails with `StageError`, as `csrfToken` of the handle does.
 *
 * @example
 * ```ts
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { Session, SessionCsrf } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({}),
 *   initial: {}
 * }) {}
 *
 * export const page = Effect.map(
 *   SessionCsrf.formField(AppSession),
 *   (field) => HttpServerResponse.text(`<form method="post">${field}<button>Send</button></form>`, { contentType: "text/html" })
 * )
 * ```
 *
 * @since 3.0.0
 * @category utils
 */
export const formField = <Self, Data, User>(
  session: Context.Tag<Self, Handle<Data, User>>
): Effect.Effect<string, StageError, Self | SessionCsrf> =>
  Effect.map(
    Effect.zip(SessionCsrf, Effect.flatMap(session, ({ csrfToken }) => csrfToken)),
    ([{ field }, token]) => `<input type="hidden" name="${field}" value="${token}">`
  )
