/**
 * The door of a request: begins its session, writes it before the headers leave, and says in the response what must be
 * said of it. `SessionMiddleware` opens it for every router.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Credential from "../core/credential.js"
import * as Csrf from "../core/csrf.js"
import * as Expiry from "../core/expiry.js"
import * as Request from "../core/request.js"
import { responseHeaders } from "../core/responseHeaders.js"
import * as SessionCookie from "../SessionCookie.js"
import { SessionConfigError, SessionCredentialsError } from "../SessionError.js"
import * as SessionMetrics from "../SessionMetrics.js"
import type * as SessionStore from "../SessionStore.js"
import type { SessionId } from "../SessionToken.js"
import { type CommitError, type Engine, withNow } from "./engine.js"
import * as Handle from "./handle.js"

/** How a door treats requests. `SessionMiddleware.Options` explains each. */
export interface Options {
  readonly transport?: "cookie" | "bearer" | "either" | undefined
  readonly background?: boolean | undefined
  readonly clearSiteData?: boolean | undefined
  readonly trustedProxy?: boolean | undefined
}

type HandleOf<Data, User> = ReturnType<typeof Handle.make<Data, User>>

/**
 * Begins the session of the request in context: from now on its fiber has the handle in context, and the session's hook
 * after those hooks that are there. Fails where the request carries two credentials, and either would count.
 */
export type Begin = Effect.Effect<void, SessionCredentialsError, HttpServerRequest.HttpServerRequest>

/** What the error of a commit answers, with what the response that it replaces said to all origins and caches. */
const errorResponse = (
  error: CommitError,
  replaced: HttpServerResponse.HttpServerResponse
) =>
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

/** What an operator can do about a request that failed, or whose change was lost, for the session's sake. */
const advice = (error: CommitError): string => {
  switch (error._tag) {
    case "SessionStoreError":
      return "Look at the store: see whether its server is up, reachable, and not overloaded."
    case "SessionDataError":
      return error.reason === "TooLarge"
        ? "Store less in the session, or raise maxBytes in Session.Tag."
        : "Mend the schema in Session.Tag, or what the app puts into the session."
    case "SessionGone":
      return "Nothing to do: the session ended while the request was running, and the client was told so."
    case "SessionConflict":
      return error.reason === "Contended"
        ? "The client was told to try again. If this goes on, keep what many requests change at once out of the session."
        : "Nothing to do: the client was told to try again."
  }
}

const report = (error: CommitError, sessionName: string) =>
  Effect.annotateLogs(
    (error._tag === "SessionGone" || error._tag === "SessionConflict" ? Effect.logInfo : Effect.logError)(
      `A session could not be used: ${error.message}. ${advice(error)}`
    ),
    {
      session: sessionName,
      error: error._tag,
      ...("reason" in error ? { reason: error.reason } : {}),
      ...("detail" in error && error.detail !== "" ? { detail: error.detail } : {})
    }
  )

const clearSiteData = `"cache", "cookies", "storage"`

const missing: Credential.Reading = { _tag: "Missing" }

const credentials = { Missing: "missing", Rejected: "rejected", Accepted: "accepted" } as const

const unanswered =
  "What a request changed in its session is lost: it was handled inside the handler of another request, as a "
  + "part of that. Dispatch it by a web handler (HttpApp.toWebHandler), so that it has a response of its own"

const notNoted = "The activity of a session was not noted"

const notFound = "It is not known whether a new session was stored, and its cookie was not sent"

/** Opens the door to a declared session. */
export const make = <Self, H, Data, User>(
  tag: Context.Tag<Self, H>,
  asHandle: (handle: HandleOf<Data, User>) => H,
  engine: Engine<Data, User>,
  policy: SessionCookie.Policy,
  options: Options
): Begin => {
  const transport = options.transport ?? "cookie"
  const takesBearer = transport !== "cookie"
  const cookieName = transport === "bearer" ? undefined : policy.name
  const carriers = transport === "either"
    ? ["Authorization", "Cookie"] as const
    : transport === "bearer"
    ? ["Authorization"] as const
    : ["Cookie"] as const
  const toBearer = (id: SessionId) => SessionCookie.toBearer(policy, id)
  let warned = false

  const carriersOf = (headers: HttpServerRequest.HttpServerRequest["headers"]): Credential.Carriers => ({
    cookie: headers["cookie"],
    authorization: headers["authorization"]
  })

  const read = (headers: HttpServerRequest.HttpServerRequest["headers"], arrivedAt: number): Credential.Carried => {
    const { bytes } = engine.token
    switch (transport) {
      case "cookie":
        return { carrier: transport, reading: Credential.fromCookie(policy, bytes, headers["cookie"], arrivedAt) }
      case "bearer":
        return {
          carrier: transport,
          reading: Credential.fromBearer(policy, bytes, headers["authorization"], arrivedAt)
        }
      case "either":
        return Credential.fromEither(policy, bytes, carriersOf(headers), arrivedAt)
    }
  }

  const reportReading = (reading: Credential.Reading): Effect.Effect<void> | undefined => {
    if (reading._tag === "Rejected") {
      const { reason } = reading
      return Effect.zipRight(
        Metric.increment(SessionMetrics.rejectedCookies[reason]),
        engine.tell((at) => ({ _tag: "Rejected", at, session: engine.name, reason }))
      )
    }
    if (reading._tag === "Missing" || reading.overlooked === 0) return undefined
    return Effect.logWarning(
      `A request carries ${
        reading.sent.length + reading.overlooked
      } session cookies that we made. The first ${reading.sent.length} count: `
        + "somebody tosses cookies. A cookie name with the prefix __Host- makes that impossible."
    )
  }

  /**
   * Writes what there is to write. What that fails with is the response, unless nothing that was asked for is lost: then
   * `harmless` is what the log says of it.
   */
  const written = (
    session: Handle.RequestSession<Data, User>,
    state: NonNullable<typeof session.state>,
    harmless: string | undefined,
    response: HttpServerResponse.HttpServerResponse
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
    Effect.matchCauseEffect(session.write(state.staged), {
      onSuccess: () => Effect.succeed(response),
      onFailure: (cause) => {
        const failure = Cause.failureOption(cause)
        if (harmless !== undefined) return Effect.as(Effect.logWarning(harmless, cause), response)
        return Option.isSome(failure)
          ? Effect.zipRight(report(failure.value, engine.name), errorResponse(failure.value, response))
          : Effect.as(
            Effect.logError("The commit of a session died", cause),
            HttpServerResponse.empty({ status: 500 })
          )
      }
    })

  const cookiesFor = (
    reading: Credential.Reading,
    session: Handle.RequestSession<Data, User>,
    state: NonNullable<typeof session.state>,
    now: number
  ): ReadonlyArray<Cookies.Cookie> => {
    const sent = reading._tag === "Accepted" ? reading.sent : []
    const plan = Request.planCookie(state, engine.timeouts, {
      sent: reading._tag !== "Missing",
      reissue: sent.some(({ reissue }) => reissue),
      persistent: policy.persistent,
      changedAt: policy.changedAt
    })
    if (plan._tag === "Keep") return []
    const former = new Set(sent.flatMap(({ formerName }) => formerName ?? []))
    const cleared = Array.from(former, (name) => SessionCookie.clearName(policy, name))
    if (plan._tag === "Clear") return [SessionCookie.clear(policy), ...cleared]
    const id = session.id()
    return id === undefined ? [] : [SessionCookie.write(policy, id, { ...plan, now }), ...cleared]
  }

  /** The response with what it must say of the session. */
  const finish = (
    request: HttpServerRequest.HttpServerRequest,
    outcome: Request.Outcome,
    cookies: ReadonlyArray<Cookies.Cookie>,
    response: HttpServerResponse.HttpServerResponse
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    const headers = responseHeaders(response.headers, ...carriers)
    if (options.clearSiteData === true && outcome === "SignedOut") headers["clear-site-data"] = clearSiteData
    let withHeaders = response
    for (const name in headers) withHeaders = HttpServerResponse.setHeader(withHeaders, name, headers[name] ?? "")
    if (cookies.length === 0) return Effect.succeed(withHeaders)
    const withCookies = HttpServerResponse.updateCookies(
      withHeaders,
      (all) => cookies.reduce((all, cookie) => Cookies.setCookie(all, cookie), all)
    )
    if (warned || policy.attributes.secure !== true || !isPlainHttp(request, options.trustedProxy ?? false)) {
      return Effect.succeed(withCookies)
    }
    warned = true
    return Effect.as(Effect.logWarning(insecureWarning), withCookies)
  }

  const bring = ({ carrier, reading }: Credential.Carried, arrivedAt: number): Handle.Brought => {
    const ids = reading._tag === "Accepted" ? reading.sent.map(({ text }) => text) : []
    return {
      ids,
      presented: { keys: ids.map(engine.keyOf), renamedAfter: Expiry.renamedAfter(arrivedAt) },
      credential: credentials[reading._tag],
      transport: reading._tag === "Accepted" ? carrier : "none",
      report: reportReading(reading)
    }
  }

  /** `around`: what had begun before, among it what the requests have that dispatched this one in process. */
  const open = (
    request: HttpServerRequest.HttpServerRequest,
    arrivedAt: number,
    around: ReadonlyArray<Handle.Begun>
  ) => {
    const { headers, method } = request
    let cookieReading: Credential.Reading = missing
    let session: Handle.RequestSession<Data, User> | undefined
    let closed = false
    // The hook runs again where a later one fails: then the same cookies are sent again.
    let said: ReadonlyArray<Cookies.Cookie> = []

    const opened = (): Handle.RequestSession<Data, User> => {
      if (session !== undefined) return session
      const carried = read(headers, arrivedAt)
      const brought = bring(carried, arrivedAt)
      if (carried.carrier === "cookie") cookieReading = carried.reading
      const canGiveId = !Csrf.opensSocket({ method, upgrade: headers["upgrade"] })
      session = new Handle.RequestSession(engine, brought, {
        canGiveId,
        toBearer: takesBearer && brought.transport !== "cookie" ? toBearer : undefined
      })
      session.inBackground = options.background ?? false
      session.closed = closed
      return session
    }

    /** Says what has become of the session, and lets it go. */
    const say = (
      used: Handle.RequestSession<Data, User>,
      state: NonNullable<typeof used.state>,
      isWritten: boolean,
      response: HttpServerResponse.HttpServerResponse,
      now: number
    ): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
      const keepsItself = transport === "bearer" || used.asksForToken || used.brought.transport === "bearer"
      const cookies = keepsItself ? [] : cookiesFor(cookieReading, used, state, now)
      used.letGo()
      const key = state.outcome === "Kept" && !isWritten ? state.stored?.record.key : undefined
      if (cookies.length === 0 || key === undefined) {
        if (cookies.length > 0) said = cookies
        return finish(request, state.outcome, said, response)
      }
      // What is only sent again must not overwrite what has come in its place meanwhile.
      return Effect.flatMap(Effect.option(engine.store.read(key, now)), (found) => {
        if (Option.isSome(Option.flatten(found))) said = cookies
        return finish(request, state.outcome, said, response)
      })
    }

    const hook: HttpApp.PreResponseHandler = (answered, response) => {
      const isAnother = answered.source !== request.source
      if (!isAnother) {
        closed = true
        session?.close(response.status)
      }
      const used = session
      const before = used?.state
      if (used === undefined || before === undefined) return Effect.succeed(response)
      return withNow((now) => {
        // A request that is dispatched in process, out of this one, runs the hooks of both.
        if (isAnother) {
          return closed || !around.some(({ source }) => source === answered.source) ||
              Request.pending(before, engine.timeouts, now) !== "Change"
            ? Effect.succeed(response)
            : Effect.as(Effect.logError(unanswered), response)
        }
        const pending = Request.pending(before, engine.timeouts, now)
        const answer = pending !== "Nothing"
          ? Effect.flatMap(
            written(used, before, pending === "Touch" ? notNoted : undefined, response),
            (answer) => say(used, used.state ?? before, pending === "Change", answer, now)
          )
          : !used.isUnsettled()
          ? say(used, before, false, response, now)
          : Effect.flatMap(used.settled(), () =>
            Effect.flatMap(
              // What a write of unknown outcome left under a new id, the browser must be told.
              used.isUnsure() ? written(used, before, notFound, response) : Effect.succeed(response),
              (answer) => say(used, used.state ?? before, false, answer, now)
            ))
        return response.status >= 500 && used.failure !== undefined
          ? Effect.zipRight(report(used.failure, engine.name), answer)
          : answer
      })
    }

    return {
      handle: Handle.make(opened),
      hook,
      noteEnded: (deletion: SessionStore.UserDeletion) => {
        if (closed) return
        const used = opened()
        used.endedHere = [...used.endedHere, deletion]
      },
      beInBackground: () => opened().beInBackground(),
      record: () => session?.state?.stored?.record
    }
  }

  const sharedName = (other: string) =>
    new SessionConfigError({
      module: "SessionMiddleware",
      problems: [
        other === engine.name
          ? `the session ${other} has two middlewares around one handler, which take what the same request carries by `
            + "different transports: give both the transport \"either\""
          : `the sessions ${engine.name} and ${other} have one cookie name, ${policy.name}: give one of them a policy of its `
            + "own, made with SessionCookie.make, in the option cookie of its middleware"
      ]
    })

  /** Nothing says which of two credentials is meant: the answer depends on both, and no handler gets to see them. */
  const refused = Effect.zipRight(
    HttpApp.appendPreResponseHandler((_request, response) =>
      Effect.succeed(HttpServerResponse.setHeaders(response, responseHeaders(response.headers, ...carriers)))
    ),
    Effect.suspend(() => new SessionCredentialsError())
  )

  return Effect.withFiberRuntime<void, SessionCredentialsError, HttpServerRequest.HttpServerRequest>((fiber) => {
    const context = fiber.currentContext
    const request = Context.unsafeGet(context, HttpServerRequest.HttpServerRequest)
    const begun = fiber.getFiberRef(Handle.requests)
    const ofThis = begun.filter(({ source }) => source === request.source)
    // Middleware that was applied twice goes on as it is.
    const earlier = ofThis.find((one) =>
      one.name === engine.name && one.cookieName === cookieName && one.takesBearer === takesBearer
    )
    if (earlier !== undefined) {
      if (options.background === true) earlier.beInBackground()
      return FiberRef.set(FiberRef.currentContext, earlier.provide(context))
    }
    const rival = ofThis.find((one) =>
      (cookieName !== undefined && one.cookieName === cookieName)
      || (takesBearer && one.takesBearer && one.name === engine.name)
    )
    if (rival !== undefined) return Effect.die(sharedName(rival.name))
    const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
    const arrivedAt = clock.unsafeCurrentTimeMillis()
    if (
      transport === "either" &&
      Credential.carriesBoth(policy, engine.token.bytes, carriersOf(request.headers), arrivedAt)
    ) return refused
    const { handle: opened, hook, ...controls } = open(request, arrivedAt, begun)
    const handle = asHandle(opened)
    const provide = <R>(context: Context.Context<R>): Context.Context<R> => Context.add(context, tag, handle)
    const begunHere = { name: engine.name, source: request.source, cookieName, takesBearer, provide, ...controls }
    return Effect.zipRight(
      Effect.updateFiberRefs((fiberId, refs) =>
        FiberRefs.updateManyAs(refs, {
          entries: [
            [FiberRef.currentContext, [[fiberId, provide(context)]]],
            [Handle.requests, [[fiberId, [...begun, begunHere]]]]
          ]
        })
      ),
      HttpApp.appendPreResponseHandler(hook)
    )
  })
}
