import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCsrf, SessionFlash, SessionGuard, SessionMiddleware } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

const Data = Schema.Struct({ flash: SessionFlash.field(Schema.String) })

export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Data,
  initial: { flash: [] }
}) {}

export class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly id: string }>() {}

/** The app's users. */
const find = (id: string) => Effect.succeed(id === "ann" ? Option.some({ id }) : Option.none())

const flash = SessionFlash.make<typeof Data.Type, string>({
  get: (data) => data.flash,
  set: (data, flash) => ({ ...data, flash })
})

/** Every route has a session, and is refused to other sites. Cookies and bearer tokens, each client by one of the two. */
const Protected = SessionCsrf.layerRouter(AppSession).combine(
  SessionMiddleware.layerRouter(AppSession, { transport: "either" })
)

/** Routes of signed-in users. Pages redirect, an API leaves `orRedirect` out and answers 401. */
const SignedIn = HttpLayerRouter.middleware<{ provides: CurrentUser }>()((route) =>
  Effect.provideServiceEffect(
    route,
    CurrentUser,
    SessionGuard.required(AppSession, find).pipe(SessionGuard.orRedirect("/"))
  )
).combine(Protected)

const form = Effect.gen(function*() {
  const field = yield* SessionCsrf.formField(AppSession)
  return HttpServerResponse.unsafeJson({ field })
})

const signIn = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signIn("ann")
  yield* flash.push(session, "Welcome")
  return HttpServerResponse.redirect("/account", { status: 303 })
})

const account = Effect.gen(function*() {
  const { id } = yield* CurrentUser
  const session = yield* AppSession
  const messages = yield* flash.take(session)
  return HttpServerResponse.unsafeJson({ id, messages })
})

/** Only shortly after a sign-in: 403 otherwise, and the page asks for the password again. */
const signOutEverywhere = Effect.gen(function*() {
  const { id } = yield* CurrentUser
  yield* SessionGuard.fresh(AppSession, "10 minutes")
  const sessions = yield* AppSession.sessions
  return HttpServerResponse.unsafeJson(yield* sessions.destroyByUser(id))
})

/** For clients that keep the id themselves. It has no proof yet, so it stands outside of the check. */
const signInForToken = Effect.gen(function*() {
  const session = yield* AppSession
  if ((yield* session.transport) === "cookie") return HttpServerResponse.empty({ status: 403 })
  yield* session.signIn("ann")
  const token = yield* session.bearerToken
  return HttpServerResponse.unsafeJson(Option.getOrNull(Option.map(token, Redacted.value)))
})

const Pages = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/", form),
  HttpLayerRouter.route("POST", "/sign-in", signIn)
]).pipe(Layer.provide(Protected.layer))

const Account = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/account", account),
  HttpLayerRouter.route("POST", "/sign-out-everywhere", signOutEverywhere)
]).pipe(Layer.provide(SignedIn.layer))

const Tokens = HttpLayerRouter.add("POST", "/token", signInForToken).pipe(
  Layer.provide(SessionMiddleware.layerRouter(AppSession, { transport: "either" }).layer)
)

export const Routes = Layer.mergeAll(Pages, Account, Tokens)

/** The app's own origins: for browsers too old to say where a request comes from. */
export const CsrfLive = SessionCsrf.layer({ origins: ["https://localhost"] })
