import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCleaner, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as MapStore from "./mapStore.js"

export class AppSession extends Session.Tag<AppSession>()("AppSession", {
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
).pipe(Layer.provide(SessionMiddleware.layerRouter(AppSession).layer))

/** The store takes the place of any other: nothing else of the app knows which one it is. */
export const App = HttpLayerRouter.serve(Routes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provide(Layer.merge(Sessions.layer(AppSession), SessionCleaner.layer())),
  Layer.provide(MapStore.layer),
  Layer.provide(SessionTimeouts.layer()),
  Layer.provide(SessionCookie.layer({ insecure: true })) // plain http, for a try on this machine
)
