/** What somebody who installed the library writes first: no optional peer is needed. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Tag from "effect-sessions/Session"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
  initial: { cart: [] }
}) {}

const add = HttpLayerRouter.add(
  "POST",
  "/cart",
  Effect.gen(function*() {
    const session = yield* AppSession
    yield* session.update((data) => ({ ...data, cart: [...data.cart, "tea"] }))
    return HttpServerResponse.unsafeJson(yield* session.get)
  })
)

const Routes = add.pipe(
  Layer.provide(SessionMiddleware.layerRouter(AppSession).layer),
  Layer.provide(Sessions.layerMemory(AppSession)),
  Layer.provide(SessionTimeouts.layer()),
  Layer.provide(SessionCookie.layer())
)

const { dispose, handler } = HttpLayerRouter.toWebHandler(Routes, { disableLogger: true })

const main = async (): Promise<void> => {
  const first = await handler(new Request("https://app.test/cart", { method: "POST" }))
  const cookie = first.headers.get("set-cookie")?.split(";")[0] ?? ""
  const second = await handler(new Request("https://app.test/cart", { method: "POST", headers: { cookie } }))
  console.log(JSON.stringify({ name: cookie.split("=")[0], body: await second.json(), same: Tag.Tag === Session.Tag }))
  await dispose()
}

void main()
