/**
 * The front doors: give every request the handle of its session, and commit that before the headers leave.
 *
 * All of them work alike: one pre-response hook, the only place that sees every response of every router, successful or
 * not, before it is sent.
 *
 * @since 0.1.0
 */
import * as Cookies from "@effect/platform/Cookies"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import { planCookie } from "./internal/plan.js"
import { responseHeaders } from "./internal/responseHeaders.js"
import * as SessionCookie from "./SessionCookie.js"
import { SessionStoreError } from "./SessionError.js"
import * as SessionHandle from "./SessionHandle.js"
import * as SessionMetrics from "./SessionMetrics.js"
import type * as Sessions from "./Sessions.js"

/**
 * How the middleware treats requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How long the commit before the response may take. A store that takes longer makes the response a 503. 10 seconds
   * if left out.
   */
  readonly commitTimeout?: Duration.DurationInput | undefined
  /**
   * Whether requests read the session without extending it, as a poll in the background should. False if left out.
   */
  readonly background?: boolean | undefined
}

/**
 * A declared session: its tag, and its definition.
 *
 * @since 0.1.0
 * @category models
 */
export type Declared<Self, Data, User> =
  & Context.Tag<Self, SessionHandle.Handle<Data, User>>
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

/**
 * Opens the session of one request: makes its handle from its cookie and appends the hook that commits it. A request
 * whose session is open already, because middleware was applied twice, keeps that.
 */
const open = <Self, Data, User>(
  definition: Declared<Self, Data, User>,
  sessions: Sessions.Service<Data, User>,
  policy: SessionCookie.Policy,
  options: Options
): Effect.Effect<SessionHandle.Handle<Data, User>, never, HttpServerRequest.HttpServerRequest> => {
  const commitTimeout = Duration.decode(options.commitTimeout ?? "10 seconds")
  const opened = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const reading = SessionCookie.read(policy, sessions.token, request.headers["cookie"])
    if (reading._tag === "Rejected") {
      yield* Metric.increment(Metric.tagged(SessionMetrics.rejectedCookies, "reason", reading.reason))
    }
    const session = SessionHandle.make(
      sessions,
      reading._tag === "Accepted" ? Option.some(reading.id) : Option.none(),
      { background: options.background ?? false }
    )

    const withCookie = (response: HttpServerResponse.HttpServerResponse) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const plan = planCookie(session.endState(), {
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
        const headers = HttpServerResponse.setHeaders(response, responseHeaders(response.headers))
        return cookie === undefined
          ? headers
          : HttpServerResponse.updateCookies(headers, Cookies.setCookie(cookie))
      })

    const finish = (response: HttpServerResponse.HttpServerResponse) => {
      const isStaged = session.isStaged()
      return session.finish({ discard: response.status >= 500 || response.status === 499 }).pipe(
        Effect.interruptible,
        Effect.timeoutFail({
          duration: commitTimeout,
          onTimeout: () => new SessionStoreError({ operation: "commit", reason: "Unavailable", detail: "timeout" })
        }),
        Effect.as(response),
        Effect.catchAllCause((cause) => {
          // Nothing but a note of activity was lost: no reason to fail the request.
          if (!isStaged) return Effect.as(Effect.logWarning("The activity of a session was not noted", cause), response)
          const failure = Cause.failureOption(cause)
          return Option.isSome(failure)
            ? errorResponse(failure.value, response)
            : Effect.as(
              Effect.logError("The commit of a session died", cause),
              HttpServerResponse.empty({ status: 500 })
            )
        })
      )
    }

    yield* HttpApp.appendPreResponseHandler((_request, response) =>
      Effect.suspend(() => session.isUsed() ? Effect.flatMap(finish(response), withCookie) : Effect.succeed(response))
    )
    return session.handle
  })
  return Effect.flatMap(
    Effect.serviceOption(definition),
    Option.match({
      onNone: () => opened,
      onSome: Effect.succeed
    })
  )
}

/**
 * Middleware for the classic `HttpRouter` and for `HttpServer.serve`: provides the handle of the request's session.
 * Takes the cookie policy from the context the app is served with. Around an app that has it already, it does nothing.
 *
 * @example
 * ```ts
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { Session, SessionMiddleware } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ visits: Schema.Number }),
 *   initial: { visits: 0 }
 * }) {}
 *
 * export const router = HttpRouter.empty.pipe(
 *   HttpRouter.get(
 *     "/",
 *     Effect.gen(function*() {
 *       const session = yield* AppSession
 *       yield* session.update(({ visits }) => ({ visits: visits + 1 }))
 *       return HttpServerResponse.unsafeJson(yield* session.get)
 *     })
 *   ),
 *   HttpRouter.use(SessionMiddleware.httpRouter(AppSession))
 * )
 * ```
 *
 * @since 0.1.0
 * @category middleware
 */
export const httpRouter = <Self, Data, User>(definition: Declared<Self, Data, User>, options: Options = {}) =>
<E, R>(
  app: HttpApp.Default<E, R>
): HttpApp.Default<E, Exclude<R, Self> | Sessions.Sessions<Self>> =>
  Effect.flatMap(
    Effect.zip(definition.sessions, SessionCookie.SessionCookie),
    ([sessions, policy]) => Effect.provideServiceEffect(app, definition, open(definition, sessions, policy, options))
  )

/**
 * Middleware for `HttpLayerRouter`: provides the handle of the request's session to the routes whose layer it is
 * provided to. Takes the manager and the cookie policy from the layers it is built with.
 *
 * @example
 * ```ts
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Layer, Schema } from "effect"
 * import { Session, SessionMiddleware, Sessions } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ visits: Schema.Number }),
 *   initial: { visits: 0 }
 * }) {}
 *
 * export const routes = HttpLayerRouter.add(
 *   "GET",
 *   "/",
 *   Effect.gen(function*() {
 *     const session = yield* AppSession
 *     yield* session.update(({ visits }) => ({ visits: visits + 1 }))
 *     return HttpServerResponse.unsafeJson(yield* session.get)
 *   })
 * ).pipe(
 *   Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
 *   Layer.provide(Sessions.layerMemory(AppSession))
 * )
 * ```
 *
 * @since 0.1.0
 * @category middleware
 */
export const layerRouter = <Self, Data, User>(definition: Declared<Self, Data, User>, options: Options = {}) =>
  HttpLayerRouter.middleware<{ provides: Self }>()(
    Effect.map(
      Effect.zip(definition.sessions, SessionCookie.SessionCookie),
      ([sessions, policy]) => (app) =>
        Effect.provideServiceEffect(app, definition, open(definition, sessions, policy, options))
    )
  )
