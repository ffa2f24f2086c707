/**
 * The session in a request and its response: makes the handle from the id that the request carries, commits before the
 * headers leave, and says in the response what must be said. The routers' doors to it are in `SessionMiddleware`.
 *
 * @since 0.1.0
 */
import * as Cookies from "@effect/platform/Cookies"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { wholeMillis } from "./internal/expiry.js"
import { planCookie } from "./internal/plan.js"
import { responseHeaders } from "./internal/responseHeaders.js"
import type * as Session from "./Session.js"
import * as SessionCookie from "./SessionCookie.js"
import { SessionStoreError } from "./SessionError.js"
import * as SessionHandle from "./SessionHandle.js"
import * as SessionMetrics from "./SessionMetrics.js"
import type * as Sessions from "./Sessions.js"
import type { SessionId } from "./SessionToken.js"

/**
 * How the middleware treats requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Where the id travels: in a cookie, or (`"bearer"`) in the `Authorization` header of clients that keep it
   * themselves, which get it from `bearerToken`. One or the other, never both. `"cookie"` if left out.
   */
  readonly transport?: "cookie" | "bearer" | undefined
  /**
   * The policy of this session's cookie, from `SessionCookie.make`, instead of the one in context: for apps with two
   * sessions, whose cookies need two names.
   */
  readonly cookie?: SessionCookie.Policy | undefined
  /**
   * How long the commit before the response may take. A store that takes longer makes the response a 503. 10 seconds
   * if left out.
   */
  readonly commitTimeout?: Duration.DurationInput | undefined
  /**
   * Whether requests read the session without extending it, as a poll in the background should. False if left out.
   */
  readonly background?: boolean | undefined
  /**
   * Whether a response that ends a session also tells the browser to forget everything of this site, with
   * `Clear-Site-Data`. False if left out.
   */
  readonly clearSiteData?: boolean | undefined
  /**
   * Whether a proxy in front of the app ends TLS and sets `X-Forwarded-Proto` itself. Only believed if said here, and
   * only for the warning that browsers drop a `Secure` cookie over plain http. False if left out.
   */
  readonly trustedProxy?: boolean | undefined
}

/**
 * A declared session: its tag, and its definition.
 *
 * @since 0.1.0
 * @category models
 */
export type Declared<Self, Data, User> =
  & Context.Tag<Self, Session.Handle<Data, User>>
  & Sessions.Definition<Self, Data, User>

/** What the error of a commit answers, with what the response that it replaces said to all origins and caches. */
const errorResponse = (error: Sessions.CommitError, replaced: HttpServerResponse.HttpServerResponse) =>
  Effect.map(
    HttpServerRespondable.toResponseOrElse(error, HttpServerResponse.empty({ status: 500 })),
    (response) =>
      HttpServerResponse.setHeaders(
        response,
        Object.entries(replaced.headers).filter(([name]) => name === "vary" || name.startsWith("access-control-"))
      )
  )

/** Whether the client speaks plain http, as far as we can see without believing headers nobody vouched for. */
const isPlainHttp = (request: HttpServerRequest.HttpServerRequest, trustedProxy: boolean): boolean => {
  if (trustedProxy) return request.headers["x-forwarded-proto"]?.split(",")[0]?.trim() !== "https"
  const { source } = request
  if (Predicate.hasProperty(source, "socket")) return !Predicate.hasProperty(source.socket, "encrypted")
  return Predicate.hasProperty(source, "url") && String(source.url).startsWith("http:")
}

const insecureWarning =
  "The session cookie is Secure, but the request came over plain http: browsers drop the cookie, except on localhost. "
  + "Serve https; behind a proxy that ends TLS, set trustedProxy: true in the options of SessionMiddleware; for "
  + "development over plain http, set insecure: true in SessionCookie."

/**
 * Opens the session of the request in context: makes its handle, and appends the hook that commits it.
 *
 * @since 0.1.0
 * @category models
 */
export type Open<Data, User> = Effect.Effect<
  Session.Handle<Data, User>,
  never,
  HttpServerRequest.HttpServerRequest
>

/**
 * Opens the sessions of requests: makes the handle from the id a request carries, and the hook that commits it. A
 * request whose session is open already, because middleware was applied twice, keeps that.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Self, Data, User>(
  definition: Declared<Self, Data, User>,
  sessions: Sessions.Service<Data, User>,
  policyInContext: SessionCookie.Policy,
  options: Options
): Open<Data, User> => {
  const policy = options.cookie ?? policyInContext
  const commitTimeout = Duration.decode(options.commitTimeout ?? "10 seconds")
  const isBearer = options.transport === "bearer"
  const credentialHeader = isBearer ? "Authorization" : "Cookie"
  const background = options.background ?? false
  let warned = isBearer || policy.attributes.secure !== true

  const toBearer = (id: SessionId) => isBearer ? Option.some(SessionCookie.toBearer(policy, id)) : Option.none()

  const timedOut = () => new SessionStoreError({ operation: "commit", reason: "Unavailable", detail: "timeout" })

  const read = (request: HttpServerRequest.HttpServerRequest): SessionCookie.Reading =>
    isBearer
      ? SessionCookie.readBearer(policy, sessions.token, request.headers["authorization"])
      : SessionCookie.read(policy, sessions.token, request.headers["cookie"])

  const commit = (
    session: SessionHandle.Request<Data, User>,
    pending: "Change" | "Touch",
    response: HttpServerResponse.HttpServerResponse
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
    Effect.matchCauseEffect(
      sessions.isImmediate
        ? session.write
        : Effect.timeoutFail(Effect.interruptible(session.write), { duration: commitTimeout, onTimeout: timedOut }),
      {
        onSuccess: () => Effect.succeed(response),
        onFailure: (cause) => {
          // Nothing but a note of activity was lost: no reason to fail the request.
          if (pending === "Touch") {
            return Effect.as(Effect.logWarning("The activity of a session was not noted", cause), response)
          }
          const failure = Cause.failureOption(cause)
          return Option.isSome(failure)
            ? errorResponse(failure.value, response)
            : Effect.as(
              Effect.logError("The commit of a session died", cause),
              HttpServerResponse.empty({ status: 500 })
            )
        }
      }
    )

  /** The response with what it must say of the session. */
  const finish = (
    request: HttpServerRequest.HttpServerRequest,
    reading: SessionCookie.Reading,
    session: SessionHandle.Request<Data, User>,
    response: HttpServerResponse.HttpServerResponse,
    now: number
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    const end = session.endState()
    const withHeaders = HttpServerResponse.setHeaders(response, {
      ...responseHeaders(response.headers, credentialHeader),
      ...(options.clearSiteData === true && end._tag === "Ended" ? clearSiteData : {})
    })
    if (isBearer) return Effect.succeed(withHeaders)
    const plan = planCookie(end, {
      sent: reading._tag !== "Missing",
      reissue: reading._tag === "Accepted" && reading.reissue,
      persistent: policy.persistent
    })
    const id = session.id()
    const cookie = plan._tag === "Clear"
      ? SessionCookie.clear(policy)
      : plan._tag === "Set" && Option.isSome(id)
      ? SessionCookie.write(policy, id.value, { expiresAt: plan.expiresAt, now })
      : undefined
    if (cookie === undefined) return Effect.succeed(withHeaders)
    const withCookie = HttpServerResponse.updateCookies(withHeaders, Cookies.setCookie(cookie))
    if (warned || !isPlainHttp(request, options.trustedProxy ?? false)) return Effect.succeed(withCookie)
    warned = true
    return Effect.as(Effect.logWarning(insecureWarning), withCookie)
  }

  const begin = (request: HttpServerRequest.HttpServerRequest, reading: SessionCookie.Reading) =>
    SessionHandle.make(sessions, {
      sessionName: definition.sessionName,
      sentId: reading._tag === "Accepted" ? Option.some(reading.id) : Option.none(),
      credential: credentials[reading._tag],
      background,
      canRename: request.headers["upgrade"] === undefined,
      toBearer
    })

  return Effect.contextWithEffect((context: Context.Context<HttpServerRequest.HttpServerRequest>) => {
    const already: Session.Handle<Data, User> | undefined = context.unsafeMap.get(definition.key)
    if (already !== undefined) return background ? Effect.as(already.background, already) : Effect.succeed(already)

    const request = Context.unsafeGet(context, HttpServerRequest.HttpServerRequest)
    let reading: SessionCookie.Reading = { _tag: "Missing" }
    let closed = false
    const handle = new SessionHandle.LazyHandle(() => {
      reading = read(request)
      if (reading._tag === "Rejected") {
        SessionMetrics.unsafeCount(SessionMetrics.rejectedCookies[reading.reason])
      }
      const session = begin(request, reading)
      if (closed) session.close({ discard: true })
      return session
    })

    const hook = HttpApp.appendPreResponseHandler((_request, response) => {
      closed = true
      const session = handle.opened()
      session?.close({ discard: response.status >= 500 || response.status === 499 })
      if (session === undefined || !session.isUsed()) return Effect.succeed(response)
      return Effect.clockWith((clock) => {
        const now = wholeMillis(clock.unsafeCurrentTimeMillis())
        const pending = session.pending(now)
        return pending === "Nothing"
          ? finish(request, reading, session, response, now)
          : Effect.flatMap(
            commit(session, pending, response),
            (response) => finish(request, reading, session, response, wholeMillis(clock.unsafeCurrentTimeMillis()))
          )
      })
    })
    return Effect.as(hook, handle)
  })
}

const clearSiteData = { "clear-site-data": `"cache", "cookies", "storage"` }

const credentials = { Missing: "missing", Rejected: "rejected", Accepted: "accepted" } as const
