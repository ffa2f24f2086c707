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
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Csrf from "./internal/csrf.js"
import type { Handle, StageError } from "./Session.js"
import { SessionCsrfError } from "./SessionError.js"

/**
 * How requests are checked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The app's own origins, such as `https://example.com`: for browsers too old to send `Sec-Fetch-Site`, and compared
   * to the letter. None if left out; the `Host` header is never believed.
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
  /** The request headers that may carry the token. `x-csrf-token` and `x-xsrf-token` if left out. */
  readonly headers?: ReadonlyArray<string> | undefined
}

const defaultField = "_csrf"

const defaultHeaders = ["x-csrf-token", "x-xsrf-token"]

const refuse = (reason: SessionCsrfError["reason"]) => Effect.fail(new SessionCsrfError({ reason }))

/** The token a request carries: from a header, else from a form. Two are none. */
const sentToken = (
  request: HttpServerRequest.HttpServerRequest,
  options: Options
): Effect.Effect<Option.Option<string>> => {
  const sent = (options.headers ?? defaultHeaders).flatMap((name) => request.headers[name.toLowerCase()] ?? [])
  if (sent.length > 0) return Effect.succeed(sent.length === 1 ? Option.fromNullable(sent[0]) : Option.none())
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "")) return Effect.succeedNone
  return Effect.match(request.urlParamsBody, {
    onFailure: () => Option.none(),
    onSuccess: (form) => {
      const values = UrlParams.getAll(form, options.field ?? defaultField)
      return values.length === 1 ? Option.fromNullable(values[0]) : Option.none()
    }
  })
}

/**
 * Checks the request in context: succeeds, or fails with `SessionCsrfError` (403). Requests with the methods GET, HEAD
 * and OPTIONS pass, but for those that open a socket, which must come from the app too, without a token. Asks no
 * store.
 *
 * @since 0.1.0
 * @category guards
 */
export const check = <Self, Data, User>(
  session: Context.Tag<Self, Handle<Data, User>>,
  options: Options = {}
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
    const { allowUnknown = false, origins = [] } = options
    if (Csrf.isForeign(provenance, { origins, allowUnknown })) return refuse("Foreign")
    if (options.token === false || provenance.upgrade !== undefined) return Effect.void
    return Effect.flatMap(
      Effect.zip(session, sentToken(request, options)),
      ([session, token]) => Option.exists(token, session.isCsrfToken) ? Effect.void : refuse("Token")
    )
  })

/**
 * Middleware for routes of any router: checks every request first. Goes inside the session middleware.
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
 *   HttpRouter.use(SessionCsrf.protect(AppSession, { origins: ["https://example.com"] })),
 *   HttpRouter.use(SessionMiddleware.httpRouter(AppSession))
 * )
 * ```
 *
 * @since 0.1.0
 * @category middleware
 */
export const protect = <Self, Data, User>(
  session: Context.Tag<Self, Handle<Data, User>>,
  options: Options = {}
) => {
  const checked = check(session, options)
  return <E, R>(
    app: HttpApp.Default<E, R>
  ): HttpApp.Default<E | SessionCsrfError, R | Self> => Effect.zipRight(checked, app)
}

/**
 * A hidden form field with the token of the session, as HTML.
 *
 * @since 0.1.0
 * @category utils
 */
export const formField = <Self, Data, User>(
  session: Context.Tag<Self, Handle<Data, User>>
): Effect.Effect<string, StageError, Self> =>
  Effect.map(
    Effect.flatMap(session, ({ csrfToken }) => csrfToken),
    (token) => `<input type="hidden" name="${defaultField}" value="${token}">`
  )
