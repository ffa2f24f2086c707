/** A visit counter as a web handler: a function from `Request` to `Promise<Response>`, for whatever calls one. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ visits: Schema.Number }),
  initial: { visits: 0 }
}) {}

const Routes = HttpLayerRouter.add(
  "GET",
  "/",
  Effect.gen(function*() {
    const session = yield* AppSession
    yield* session.update(({ visits }) => ({ visits: visits + 1 }))
    return HttpServerResponse.unsafeJson(yield* session.get)
  })
).pipe(
  Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
  Layer.provide(Sessions.layerMemory(AppSession)),
  Layer.provide(SessionTimeouts.layer()),
  Layer.provide(SessionCookie.layer({ insecure: true })), // plain http, for a try on this machine
  Layer.provide(HttpServer.layerContext)
)

/** `dispose` closes the layers: what sweeps, what listens to a database. */
export const { dispose, handler } = HttpLayerRouter.toWebHandler(Routes, { disableLogger: true })
