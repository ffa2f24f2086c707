import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { SessionCsrf, SessionGuard, SessionMiddleware } from "effect-sessions"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { accountPage } from "./accountPage.js"
import { AuditLog } from "./auditLog.js"
import { NotesSession } from "./NotesSession.js"
import { json, refusal, serve } from "./responses.js"

/** The signed-in user, or a 401. A demo: whoever has a name exists. */
const required = SessionGuard.required(NotesSession, (user) => Effect.succeed(Option.some(user)))

/** The handle of the request's own session. */
const ownHandle = Effect.flatMap(
  NotesSession,
  (session) => Effect.map(session.info, (info) => Option.getOrUndefined(Option.map(info, ({ handle }) => handle)))
)

/** A page that looks again by itself, since something happened on another device, is no activity of its user. */
const noteBackground = Effect.gen(function*() {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const session = yield* NotesSession
  if (headers["x-background"] !== undefined) yield* session.background
})

const getSessions = Effect.gen(function*() {
  yield* noteBackground
  const user = yield* required
  const sessions = yield* NotesSession.sessions
  const listed = yield* sessions.listByUser(user, { current: yield* ownHandle })
  return json(listed.map((one) => ({
    handle: one.handle,
    current: one.current,
    label: Option.match(one.data, { onNone: () => "Unknown device", onSome: ({ label }) => label }),
    createdAt: DateTime.formatIso(one.createdAt),
    lastSeenAt: DateTime.formatIso(one.lastSeenAt),
    expiresAt: DateTime.formatIso(one.expiresAt),
    remembered: one.remembered
  })))
})

const deleteSession = Effect.gen(function*() {
  const user = yield* required
  const { handle = "" } = yield* HttpLayerRouter.params
  const sessions = yield* NotesSession.sessions
  return (yield* sessions.destroyByHandle(user, handle))
    ? HttpServerResponse.empty()
    : refusal(404, "Unknown", "That device is signed out already.")
})

const postSignOutOthers = Effect.gen(function*() {
  const user = yield* required
  const sessions = yield* NotesSession.sessions
  return json({ count: yield* sessions.destroyByUser(user, { except: yield* ownHandle }) })
})

// Whoever finds a page open must not lock its user out: it takes a sign-in that is no older than this.
const postSignOutEverywhere = Effect.gen(function*() {
  yield* SessionGuard.fresh(NotesSession, "10 minutes")
  const user = yield* required
  const sessions = yield* NotesSession.sessions
  return json({ count: yield* sessions.destroyByUser(user) })
})

const getActivity = Effect.gen(function*() {
  yield* noteBackground
  const user = yield* required
  const handle = yield* ownHandle
  const log = yield* AuditLog
  return json((yield* log.recent(user)).map((entry) => ({
    at: new Date(entry.at).toISOString(),
    what: entry.what,
    by: entry.by,
    label: entry.label,
    current: entry.handle !== null && entry.handle === handle,
    count: entry.count
  })))
})

/** Completes when the server is told to stop: it waits for its requests, and event streams have no end of their own. */
export class Stopping extends Context.Tag("notes-server/Stopping")<Stopping, Deferred.Deferred<void>>() {
  static readonly layer: Layer.Layer<Stopping> = Layer.scoped(
    Stopping,
    Effect.acquireRelease(Deferred.make<void>(), (stopping) => Deferred.succeed(stopping, undefined))
  )
}

/** Why a session has ended, as far as the log tells. */
const whyEnded = (session: { readonly user: string; readonly handle: string; readonly since: number }) =>
  Effect.gen(function*() {
    const { recent } = yield* AuditLog
    const entry = (yield* recent(session.user)).find(({ at, handle, what }) =>
      at >= session.since && (handle === session.handle ? what !== "SignedIn" : handle === null && what === "Revoked")
    )
    return entry === undefined
      ? Option.none<string>()
      : Option.some(entry.by === "User" ? "Everywhere" : entry.by ?? entry.what)
  })

const message = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/**
 * Server-sent events: `ended` when the session has ended, wherever that was done, with the reason; `activity` when the
 * log has something new. Now and then a comment, so that neither end nor a proxy takes the connection for dead.
 */
const getEvents = Effect.gen(function*() {
  const session = yield* NotesSession
  // A page that is only open is no activity.
  yield* session.background
  const user = yield* required
  const info = yield* session.info
  const log = yield* AuditLog
  const stopping = yield* Stopping
  const since = DateTime.toEpochMillis(yield* DateTime.now)
  const handle = Option.match(info, { onNone: () => "", onSome: ({ handle }) => handle })
  const until = Option.match(info, {
    onNone: () => since,
    onSome: ({ expiresAt }) => DateTime.toEpochMillis(expiresAt)
  })

  const why = Effect.provideService(whyEnded({ user, handle, since }), AuditLog, log)
  const ended = Effect.gen(function*() {
    yield* session.ended
    // The log may be written a moment later.
    const told = yield* why
    const reason = Option.isSome(told) ? told : yield* Effect.delay(why, "500 millis")
    const now = DateTime.toEpochMillis(yield* DateTime.now)
    return message("ended", { reason: Option.getOrElse(reason, () => now < until ? "Ended" : "Expired") })
  }).pipe(
    Effect.raceFirst(Effect.as(Deferred.await(stopping), "")),
    // A browser whose stream ends without a word asks again.
    Effect.catchAll(() => Effect.succeed(""))
  )
  const events = Stream.merge(
    Stream.map(Stream.tick("15 seconds"), () => ": still here\n\n"),
    Stream.map(log.changes(user), () => message("activity", {}))
  )
  return HttpServerResponse.stream(
    Stream.encodeText(Stream.merge(events, Stream.fromEffect(ended), { haltStrategy: "right" })),
    {
      contentType: "text/event-stream",
      headers: { "cache-control": "no-store", "x-accel-buffering": "no" }
    }
  )
})

const Protected = SessionCsrf.layerRouter(NotesSession).combine(SessionMiddleware.layerRouter(NotesSession))

/** The account page, and what it asks for. */
export const AccountRoutes = Layer.mergeAll(
  HttpLayerRouter.addAll([
    HttpLayerRouter.route("GET", "/api/sessions", getSessions),
    HttpLayerRouter.route("DELETE", "/api/sessions/:handle", deleteSession),
    HttpLayerRouter.route("POST", "/api/sign-out-others", postSignOutOthers),
    HttpLayerRouter.route("POST", "/api/sign-out-everywhere", postSignOutEverywhere),
    HttpLayerRouter.route("GET", "/api/activity", getActivity),
    HttpLayerRouter.route("GET", "/api/events", getEvents)
  ]).pipe(Layer.provide(Protected.layer)),
  HttpLayerRouter.addAll([HttpLayerRouter.route("GET", "/account", Effect.succeed(serve(accountPage)))])
)
