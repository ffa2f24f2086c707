/**
 * The session in a request and its response: makes the handle from the id that the request carries, commits before the
 * headers leave, and says in the response what must be said. `SessionFiber` puts both into the fiber of the request, and the
 * routers' doors to that are in `SessionMiddleware`.
 *
 * @since 0.1.0
 */
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Direct from "./Direct.js"
import * as Credential from "./internal/credential.js"
import { type CookiePlan, planCookie } from "./internal/plan.js"
import { responseHeaders } from "./internal/responseHeaders.js"
import type * as Session from "./Session.js"
import * as SessionCookie from "./SessionCookie.js"
import { SessionStoreError } from "./SessionError.js"
import * as SessionHandle from "./SessionHandle.js"
import * as SessionMetrics from "./SessionMetrics.js"
import type * as Sessions from "./Sessions.js"
import * as SessionState from "./SessionState.js"
import type { SessionId } from "./SessionToken.js"
import * as SharedTimeout from "./SharedTimeout.js"

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

/** Lets a session go as it is answered: a long record when the fiber ends, for later hooks may ask for the session. */
const lettingGo = <Data, User>(
  session: SessionState.SessionState<Data, User>,
  { body }: HttpServerResponse.HttpServerResponse,
  answered: Effect.Effect<HttpServerResponse.HttpServerResponse>
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  session.unload()
  // Some servers send such a body after the fiber has ended.
  const isOpen = body._tag === "Stream" || body._tag === "Raw"
  if (isOpen || !session.isLong) return answered
  return Effect.withFiberRuntime((fiber) => {
    fiber.addObserver(() => session.forget())
    return answered
  })
}

/**
 * Opens the session of the request in `context`: its handle, and the hook that commits it before the response.
 *
 * @since 0.1.0
 * @category models
 */
export type Open<Data, User> = (
  context: Context.Context<never>,
  clock: Clock.Clock
) => readonly [handle: Session.Handle<Data, User>, hook: HttpApp.PreResponseHandler]

/**
 * Opens the sessions of requests: makes the handle from the id a request carries, and the hook that commits it.
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
  const inTime = SharedTimeout.make(
    Duration.decode(options.commitTimeout ?? "10 seconds"),
    () => new SessionStoreError({ operation: "commit", reason: "Unavailable", detail: "timeout" })
  )
  const isBearer = options.transport === "bearer"
  const credentialHeader = isBearer ? "Authorization" : "Cookie"
  const sentHeader = credentialHeader.toLowerCase()
  const read = isBearer ? Credential.fromBearer : Credential.fromCookie
  let warned = isBearer || policy.attributes.secure !== true

  const toSent = (text: string): SessionState.Sent => ({
    key: sessions.byKey.keyOf(text),
    toId: () => Redacted.make(text)
  })

  const toBearer = (id: SessionId) => isBearer ? Option.some(SessionCookie.toBearer(policy, id)) : Option.none()

  const commit = (
    session: SessionState.SessionState<Data, User>,
    pending: "Change" | "Touch",
    response: HttpServerResponse.HttpServerResponse
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    const written = session.write()
    if (Direct.isDone(written) && written._tag === "Success") return Effect.succeed(response)
    return Effect.matchCauseEffect(
      sessions.isImmediate ? written : inTime(written),
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
  }

  const cookieFor = (
    plan: CookiePlan,
    session: SessionState.SessionState<Data, User>
  ): Option.Option<Cookies.Cookie> => {
    switch (plan._tag) {
      case "Keep":
        return Option.none()
      case "Clear":
        return Option.some(SessionCookie.clear(policy))
      case "Set":
        return Option.map(
          session.id(),
          (id) => SessionCookie.write(policy, id, { expiresAt: plan.expiresAt, now: session.now() })
        )
    }
  }

  /** The response with what it must say of the session. */
  const finish = (
    request: HttpServerRequest.HttpServerRequest,
    reading: Credential.Credential,
    session: SessionState.SessionState<Data, User>,
    response: HttpServerResponse.HttpServerResponse
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    const { end } = session
    const headers = responseHeaders(response.headers, credentialHeader)
    if (options.clearSiteData === true && end._tag === "Ended") headers["clear-site-data"] = clearSiteData
    let withHeaders = response
    // One by one: the platform's way to set several at once costs eight times as much.
    for (const name in headers) withHeaders = HttpServerResponse.setHeader(withHeaders, name, headers[name] ?? "")
    if (isBearer) return Effect.succeed(withHeaders)
    const plan = planCookie(end, {
      sent: reading._tag !== "Missing",
      reissue: reading._tag === "Accepted" && reading.reissue,
      persistent: policy.persistent
    })
    const cookie = cookieFor(plan, session)
    if (Option.isNone(cookie)) return Effect.succeed(withHeaders)
    const withCookie = HttpServerResponse.updateCookies(withHeaders, Cookies.setCookie(cookie.value))
    if (warned || !isPlainHttp(request, options.trustedProxy ?? false)) return Effect.succeed(withCookie)
    warned = true
    return Effect.as(Effect.logWarning(insecureWarning), withCookie)
  }

  return (context, clock) => {
    // No more than that of the request, and nothing of its context: V8 keeps these functions for some time after the
    // response, and would keep all of both with them, which made its young collections three times as dear.
    const { headers } = Context.unsafeGet(context, HttpServerRequest.HttpServerRequest)
    const header = headers[sentHeader]
    const canRename = headers["upgrade"] === undefined
    let reading: Credential.Credential = { _tag: "Missing" }
    let session: SessionState.SessionState<Data, User> | undefined
    let closed = false
    const opened = () => {
      if (session !== undefined) return session
      reading = read(policy, sessions.token.bytes, header)
      if (reading._tag === "Rejected") {
        SessionMetrics.unsafeCount(SessionMetrics.rejectedCookies[reading.reason])
      }
      session = new SessionState.SessionState(sessions, {
        sessionName: definition.sessionName,
        sent: reading._tag === "Accepted" ? Option.some(toSent(reading.text)) : Option.none(),
        credential: credentials[reading._tag],
        canRename,
        toBearer
      }, clock)
      if (closed) session.close({ discard: true })
      return session
    }

    const hook: HttpApp.PreResponseHandler = (request, response) => {
      closed = true
      session?.close({ discard: response.status >= 500 || response.status === 499 })
      if (session === undefined || !session.used) return Effect.succeed(response)
      const used = session
      const pending = used.pending(used.now())
      const answer = (response: HttpServerResponse.HttpServerResponse) =>
        lettingGo(used, response, finish(request, reading, used, response))
      return pending === "Nothing" ? answer(response) : Direct.flatMap(commit(used, pending, response), answer)
    }
    return [new SessionHandle.SessionHandle(opened), hook]
  }
}

const clearSiteData = `"cache", "cookies", "storage"`

const credentials = { Missing: "missing", Rejected: "rejected", Accepted: "accepted" } as const
