import * as Headers from "@effect/platform/Headers"
import * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import { type Cookie, cookieHeader, type Jar, live, persistent, receive } from "../core/cookieJar.js"
import { SessionConfigError } from "../SessionError.js"

/**
 * A cookie in the jar of a browser. `domain` is undefined for one that is for the host alone, `expiresAt`, in epoch
 * milliseconds, for one that goes when the browser is closed.
 *
 * @since 3.0.0
 * @category models
 */
export type { Cookie }

/**
 * Where the app is.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The origin that the browser knows the app by: `https://localhost` if left out. At one with `http:` it keeps no
   * `Secure` cookie, and says no `Sec-Fetch-Site` but on `localhost`.
   */
  readonly origin?: string | undefined
}

/**
 * What a request says beyond its method and its path. Of `body`, `json` and `form` one at the most.
 *
 * @since 3.0.0
 * @category models
 */
export interface RequestOptions {
  /** They take the place of what the browser says by itself, `cookie` and `origin` included. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** As it is. Its `content-type` is among the headers. */
  readonly body?: string | Uint8Array | undefined
  readonly json?: unknown
  /** The fields of an HTML form, URL-encoded. */
  readonly form?: Readonly<Record<string, string>> | undefined
  /**
   * Whether to follow redirects, 20 at the most, with the method that a browser uses. One to another origin is not
   * followed: the app is not there.
   */
  readonly follow?: boolean | undefined
  /**
   * The origin of the page that follows the link or sends the form: that of the app if left out. From another host the
   * browser says `Sec-Fetch-Site: cross-site`, and holds back the cookies that `SameSite` keeps from such requests.
   */
  readonly from?: string | undefined
}

/**
 * A response, read to its end.
 *
 * @since 3.0.0
 * @category models
 */
export interface Response {
  /** Of the page that answered, which is another one after redirects. */
  readonly url: string
  /** Its status. */
  readonly status: number
  /** Its headers, by their names in lower case. */
  readonly headers: Headers.Headers
  /** Its body. */
  readonly text: string
  /** The text as JSON, if the response says that it is JSON and it is. Undefined otherwise. */
  readonly json: unknown
  /** Every `Set-Cookie` header, also of what the browser refuses. */
  readonly setCookies: ReadonlyArray<string>
}

/**
 * A browser of one user, on one device. Requests fail only if no browser can send them, with `SessionConfigError`: they are
 * a part of the test that has to be changed. Whatever the app does is a status; a defect is 500.
 *
 * @since 3.0.0
 * @category models
 */
export interface TestBrowser {
  /** Follows a link to a path of the app. */
  readonly get: (path: string, options?: RequestOptions) => Effect.Effect<Response, SessionConfigError>
  /** Sends a form, or what else the options say, to a path of the app. */
  readonly post: (path: string, options?: RequestOptions) => Effect.Effect<Response, SessionConfigError>
  /** A request with any other method. */
  readonly request: (
    method: string,
    path: string,
    options?: RequestOptions
  ) => Effect.Effect<Response, SessionConfigError>
  /** What the jar holds now, in the order in which it came. What has expired by the Effect `Clock` is not in it. */
  readonly cookies: Effect.Effect<ReadonlyArray<Cookie>>
  /** Closes the browser and opens it again: the cookies without `Max-Age` and `Expires` are gone. */
  readonly restart: Effect.Effect<void>
}

const defaultOrigin = "https://localhost"

/** What fetch allows. */
const mostRedirects = 20

const originProblems = (option: string, origin: string): ReadonlyArray<string> => {
  const parsed = URL.canParse(origin) && /^https?:/.test(origin) ? new URL(origin).origin : undefined
  return parsed === origin ? [] : [
    `${option} ${JSON.stringify(origin)} is no origin, as browsers send it: write it like ${
      JSON.stringify(parsed ?? "https://example.com")
    }`
  ]
}

const requestProblems = (origin: string, path: string, options: RequestOptions): ReadonlyArray<string> => {
  const problems = options.from === undefined ? [] : [...originProblems("from", options.from)]
  if (!path.startsWith("/") || !URL.canParse(path, origin) || new URL(path, origin).origin !== origin) {
    problems.push(`path ${JSON.stringify(path)} is not one of the app: write it like "/notes?page=2"`)
  }
  if ([options.body, options.json, options.form].filter((body) => body !== undefined).length > 1) {
    problems.push("body, json and form exclude each other: leave all but one out")
  }
  return problems
}

/** A request as the page asks for it, before the browser adds what it says by itself. */
interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
  readonly from: URL
}

const bodyOf = ({ body, form, json }: RequestOptions): Pick<Asked, "body" | "headers"> => {
  if (json !== undefined) return { body: JSON.stringify(json), headers: { "content-type": "application/json" } }
  if (form === undefined) return { body, headers: {} }
  return {
    body: new URLSearchParams({ ...form }).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" }
  }
}

const lowerCase = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const asked = (origin: string, method: string, path: string, options: RequestOptions): Asked => {
  const { body, headers } = bodyOf(options)
  const url = new URL(path, origin)
  url.hash = ""
  return {
    method: method.toUpperCase(),
    url,
    headers: { ...headers, ...lowerCase(options.headers ?? {}) },
    body,
    from: new URL(options.from ?? origin)
  }
}

const isSecure = (url: URL): boolean => url.protocol === "https:"

/** Ports make no site, schemes do. Of hosts that share a domain no browser can tell without a list of all registries. */
const isSameSite = ({ from, url }: Asked): boolean => from.protocol === url.protocol && from.hostname === url.hostname

const hasBody = (method: string): boolean => method !== "GET" && method !== "HEAD"

/** What a browser says by itself. */
const ownHeaders = (request: Asked, jar: Jar, now: number): Readonly<Record<string, string>> => {
  const { from, method, url } = request
  const sameSite = isSameSite(request)
  const cookie = cookieHeader(jar, { secure: isSecure(url), path: url.pathname, method, sameSite }, now)
  const site = from.origin === url.origin ? "same-origin" : sameSite ? "same-site" : "cross-site"
  return {
    host: url.host,
    ...(cookie === undefined ? {} : { cookie }),
    ...(isSecure(url) || url.hostname === "localhost" ? { "sec-fetch-site": site } : {}),
    ...(hasBody(method) ? { origin: from.origin } : {})
  }
}

const webRequest = (request: Asked, jar: Jar, now: number): Request =>
  new Request(request.url, {
    method: request.method,
    headers: { ...ownHeaders(request, jar, now), ...request.headers },
    body: request.body ?? null
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isJson = /^application\/(?:[^;]+\+)?json\b/i

const read = async (url: URL, response: globalThis.Response): Promise<Response> => {
  const text = await response.text()
  return {
    url: url.href,
    status: response.status,
    headers: Headers.fromInput(response.headers),
    text,
    json: isJson.test(response.headers.get("content-type") ?? "") ? parsed(text) : undefined,
    setCookies: response.headers.getSetCookie()
  }
}

/** The request that a redirect leads to, if there is one and it leads to the app. */
const redirected = (request: Asked, { headers, status }: Response): Asked | undefined => {
  const location = headers["location"]
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined
  if (!URL.canParse(location, request.url.href)) return undefined
  const url = new URL(location, request.url.href)
  if (url.origin !== request.url.origin) return undefined
  url.hash = ""
  const asGet = status === 303 ? hasBody(request.method) : status < 303 && request.method === "POST"
  if (!asGet) return { ...request, url }
  const { "content-type": _, ...kept } = request.headers
  return { ...request, url, method: "GET", headers: kept, body: undefined }
}

/** Whatever `URL`, `Request` and `JSON` have to say against a request. */
const attempt = <A>(make: () => A): Effect.Effect<A, SessionConfigError> =>
  Effect.try({
    try: make,
    catch: (cause) => new SessionConfigError({ module: "TestBrowser", problems: [String(cause)] })
  })

/** Runs each request in a fiber of its own, with the services and by the clock of the fiber that makes the handler. */
const webHandler = <E, R>(app: HttpApp.Default<E, R | Scope.Scope>) =>
  // eslint-disable-next-line no-restricted-syntax -- This is what a server does, and a test has none.
  Effect.map(Effect.runtime<R>(), (runtime) => HttpApp.toWebHandlerRuntime(runtime)(app))

const over = (
  handle: (request: Request) => Promise<globalThis.Response>,
  origin: string,
  jar: Ref.Ref<Jar>
): TestBrowser => {
  const exchange = Effect.fnUntraced(function*(request: Asked) {
    const { url } = request
    const sentAt = yield* Clock.currentTimeMillis
    const cookies = yield* Ref.get(jar)
    const sent = yield* attempt(() => webRequest(request, cookies, sentAt))
    const response = yield* Effect.promise((signal) =>
      handle(new Request(sent, { signal })).then((response) => read(url, response))
    )
    const now = yield* Clock.currentTimeMillis
    const source = { secure: isSecure(url), host: url.hostname, path: url.pathname }
    yield* Ref.update(jar, (jar) => receive(jar, response.setCookies, source, now))
    return response
  })

  const request = Effect.fnUntraced(function*(method: string, path: string, options: RequestOptions = {}) {
    yield* SessionConfigError.check("TestBrowser", requestProblems(origin, path, options), () => undefined)
    let next = yield* attempt(() => asked(origin, method, path, options))
    let response = yield* exchange(next)
    for (let redirect = 0; options.follow === true && redirect < mostRedirects; redirect++) {
      const target = redirected(next, response)
      if (target === undefined) break
      next = target
      response = yield* exchange(next)
    }
    return response
  })

  return {
    get: (path, options) => request("GET", path, options),
    post: (path, options) => request("POST", path, options),
    request,
    cookies: Effect.zipWith(Ref.get(jar), Clock.currentTimeMillis, live),
    restart: Ref.update(jar, persistent)
  }
}

/**
 * Opens a browser with an empty jar. The app runs with the services and by the clock of the fiber that opens it: by the
 * `TestClock`, in a test. Several browsers over one app are several devices. Fails with `SessionConfigError` if `origin` is
 * none.
 *
 * @since 3.0.0
 * @category constructors
 */
export function make<E, R>(
  app: HttpApp.Default<E, R>,
  options?: Options
): Effect.Effect<TestBrowser, SessionConfigError, Exclude<R, Scope.Scope | HttpServerRequest.HttpServerRequest>>
export function make<E, R>(
  app: HttpApp.Default<E, R | Scope.Scope>,
  options: Options = {}
): Effect.Effect<TestBrowser, SessionConfigError, R> {
  const { origin = defaultOrigin } = options
  return Effect.zipRight(
    SessionConfigError.check("TestBrowser", originProblems("origin", origin), () => undefined),
    Effect.zipWith(webHandler(app), Ref.make<Jar>([]), (handle, jar) => over(handle, origin, jar))
  )
}
