/** The classic `HttpRouter`, which Effect 4 has no more. */
import * as HttpRouter from "@effect/platform/HttpRouter"
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

const router = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/",
    Effect.gen(function*() {
      const session = yield* AppSession
      yield* session.update(({ visits }) => ({ visits: visits + 1 }))
      return HttpServerResponse.unsafeJson(yield* session.get)
    })
  ),
  HttpRouter.use(SessionMiddleware.httpRouter(AppSession))
)

export const App = HttpServer.serve(router).pipe(
  Layer.provide(Layer.provide(Sessions.layerMemory(AppSession), SessionTimeouts.layer())),
  Layer.provide(SessionCookie.layer({ insecure: true }))
)
