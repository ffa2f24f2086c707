/** An account page: a user's devices listed, one of them signed out, or all others. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import {
  Session,
  SessionCookie,
  SessionDevice,
  SessionGuard,
  SessionMiddleware,
  Sessions,
  SessionTimeouts
} from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ device: Schema.String }),
  initial: { device: "" }
}) {}

const signIn = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  const session = yield* AppSession // check the password first
  yield* session.signIn("ann", { carry: () => ({ device: SessionDevice.describe(request).label }) })
  return HttpServerResponse.empty()
})

/** The user, or 401. An app with users of its own looks them up here. */
const required = SessionGuard.required(AppSession, (user) => Effect.succeed(Option.some(user)))

/** What lists call the session of this request. */
const ownHandle = Effect.gen(function*() {
  const session = yield* AppSession
  return Option.getOrUndefined(Option.map(yield* session.info, ({ handle }) => handle))
})

const devices = Effect.gen(function*() {
  const user = yield* required
  const sessions = yield* AppSession.sessions
  const listed = yield* sessions.listByUser(user, { current: yield* ownHandle })
  return HttpServerResponse.unsafeJson(listed.map(({ current, data, handle, lastSeenAt }) => ({
    handle,
    current,
    lastSeenAt,
    device: Option.match(data, { onNone: () => "", onSome: ({ device }) => device })
  })))
})

const signOutDevice = Effect.gen(function*() {
  const user = yield* required
  const { handle } = yield* HttpLayerRouter.schemaPathParams(Schema.Struct({ handle: Schema.String }))
  const sessions = yield* AppSession.sessions
  return HttpServerResponse.unsafeJson(yield* sessions.destroyByHandle(user, handle))
})

const signOutOthers = Effect.gen(function*() {
  const user = yield* required
  const sessions = yield* AppSession.sessions
  return HttpServerResponse.unsafeJson(yield* sessions.destroyByUser(user, { except: yield* ownHandle }))
})

const Routes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("POST", "/sign-in", signIn),
  HttpLayerRouter.route("GET", "/devices", devices),
  HttpLayerRouter.route("POST", "/devices/:handle/sign-out", signOutDevice),
  HttpLayerRouter.route("POST", "/sign-out-others", signOutOthers)
]).pipe(Layer.provide(SessionMiddleware.layerRouter(AppSession).layer))

const SessionsLive = Layer.merge(Sessions.layerMemory(AppSession), SessionCookie.layer({ insecure: true })).pipe(
  Layer.provide(SessionTimeouts.layer())
)

/** The handlers ask for the manager, so it is provided to `serve`, and not to the routes alone. */
export const App = HttpLayerRouter.serve(Routes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provide(SessionsLive)
)
