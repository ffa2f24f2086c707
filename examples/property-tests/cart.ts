/** A cart in a session, for a test of properties: what is stated holds whatever browsers do, and in whatever order. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
  initial: { cart: [] }
}) {}

const cart = Effect.gen(function*() {
  const session = yield* AppSession
  const user = Option.getOrNull(yield* session.user)
  return HttpServerResponse.unsafeJson({ user, ...(yield* session.get) })
})

const add = Effect.gen(function*() {
  const { item } = yield* HttpLayerRouter.schemaPathParams(Schema.Struct({ item: Schema.String }))
  const session = yield* AppSession
  yield* session.update(({ cart }) => ({ cart: [...cart, item] }))
  return HttpServerResponse.empty()
})

const signIn = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signIn("ann", { carry: (data) => data })
  return HttpServerResponse.empty()
})

const signOut = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.empty()
})

export const Routes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/cart", cart),
  HttpLayerRouter.route("POST", "/cart/:item", add),
  HttpLayerRouter.route("POST", "/sign-in", signIn),
  HttpLayerRouter.route("POST", "/sign-out", signOut)
]).pipe(
  Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
  Layer.provide([Sessions.layerMemory(AppSession), SessionCookie.layer()]),
  Layer.provide(SessionTimeouts.layer({ idle: "15 minutes" }))
)
