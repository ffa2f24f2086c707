/** effect-sessions for Effect 4, in its router. */
import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import {
  Session,
  SessionCleaner,
  SessionCookie,
  SessionMiddleware,
  Sessions,
  SessionStore,
  SessionTimeouts
} from "../../../../effect4/generated/src/index.js"
import * as RedisSessionStore from "../../../../effect4/generated/src/RedisSessionStore.js"
import * as SqlSessionStore from "../../../../effect4/generated/src/SqlSessionStore.js"
import { config, cookieName, itemsOf, ok, redisMeter, secret, userId, view } from "../common.mjs"
import { announced, launch, postgres, silent, size } from "./server.js"

class Cart extends Session.Tag<Cart>()("Cart", {
  data: Schema.Struct({
    count: Schema.Number,
    items: Schema.Array(Schema.Struct({ sku: Schema.String, quantity: Schema.Number }))
  }),
  initial: { count: 0, items: [] }
}) {}

const read = Effect.gen(function*() {
  const session = yield* Cart
  const data = yield* session.get
  const user = yield* session.user
  return HttpServerResponse.jsonUnsafe(view({ user: Option.getOrNull(user), count: data.count, items: data.items }))
})

const write = Effect.gen(function*() {
  const session = yield* Cart
  const count = yield* session.modify((data) => [data.count + 1, { ...data, count: data.count + 1 }])
  return HttpServerResponse.jsonUnsafe({ count })
})

const seed = Effect.gen(function*() {
  const session = yield* Cart
  yield* session.set({ count: 0, items: itemsOf(yield* size) })
  return HttpServerResponse.jsonUnsafe(ok)
})

const signIn = Effect.gen(function*() {
  const session = yield* Cart
  yield* session.signIn(userId)
  return HttpServerResponse.jsonUnsafe({ user: userId })
})

const signOut = Effect.gen(function*() {
  const session = yield* Cart
  yield* session.signOut
  return HttpServerResponse.jsonUnsafe(ok)
})

const routes = HttpRouter.addAll([
  HttpRouter.route("GET", "/ignore", Effect.sync(() => HttpServerResponse.jsonUnsafe(ok))),
  HttpRouter.route("GET", "/read", read),
  HttpRouter.route("POST", "/write", write),
  HttpRouter.route("POST", "/seed", seed),
  HttpRouter.route("POST", "/sign-in", signIn),
  HttpRouter.route("POST", "/sign-out", signOut)
]).pipe(Layer.provide(SessionMiddleware.layerRouter(Cart).layer))

const cookie = SessionCookie.layer({
  name: cookieName,
  insecure: true,
  persistent: true,
  ...(config.signed ? { signingKeys: [Redacted.make(secret)] } : {})
})

const timeouts = SessionTimeouts.layer({
  idle: config.idleMillis,
  touchInterval: config.touchMillis
})

const store = config.store === "postgres"
  ? Layer.provide(SqlSessionStore.layer, postgres)
  : config.store === "redis"
  ? RedisSessionStore.layer({ url: config.redisUrl })
  : SessionStore.layerMemoryWith({ capacity: 2_000_000 })

const services = Sessions.layer(Cart).pipe(
  Layer.provideMerge(store),
  Layer.provide(timeouts),
  Layer.merge(cookie)
)

const meter = config.store === "redis" ? await redisMeter() : undefined

const control = Effect.map(Effect.context<SessionStore.SessionStore>(), (context) => ({
  ...(meter === undefined ? {} : { meter }),
  sweep: () => Effect.runPromiseWith(context)(SessionCleaner.sweep({ margin: 0 }))
}))

HttpRouter.serve(routes, silent).pipe(
  Layer.merge(announced(control)),
  Layer.provide(services),
  launch
)
