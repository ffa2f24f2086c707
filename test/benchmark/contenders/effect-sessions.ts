/** effect-sessions, in the classic router. */
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { LibsqlClient } from "@effect/sql-libsql"
import { Effect, Layer, Option, Redacted, Runtime, Schema } from "effect"
import * as RedisSessionStore from "../../../src/RedisSessionStore.js"
import * as Session from "../../../src/Session.js"
import * as SessionCleaner from "../../../src/SessionCleaner.js"
import * as SessionCookie from "../../../src/SessionCookie.js"
import * as SessionMiddleware from "../../../src/SessionMiddleware.js"
import * as Sessions from "../../../src/Sessions.js"
import * as SessionStore from "../../../src/SessionStore.js"
import * as SessionTimeouts from "../../../src/SessionTimeouts.js"
import * as SqlSessionStore from "../../../src/SqlSessionStore.js"
import { config, cookieName, itemsOf, ok, redisMeter, secret, userId, view } from "./common.mjs"
import { announced, launch, postgres, size } from "./effect-server.js"

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
  return HttpServerResponse.unsafeJson(view({ user: Option.getOrNull(user), count: data.count, items: data.items }))
})

const write = Effect.gen(function*() {
  const session = yield* Cart
  const count = yield* session.modify((data) => [data.count + 1, { ...data, count: data.count + 1 }])
  return HttpServerResponse.unsafeJson({ count })
})

const seed = Effect.gen(function*() {
  const session = yield* Cart
  yield* session.set({ count: 0, items: itemsOf(yield* size) })
  return HttpServerResponse.unsafeJson(ok)
})

const signIn = Effect.gen(function*() {
  const session = yield* Cart
  yield* session.signIn(userId)
  return HttpServerResponse.unsafeJson({ user: userId })
})

const signOut = Effect.gen(function*() {
  const session = yield* Cart
  yield* session.signOut
  return HttpServerResponse.unsafeJson(ok)
})

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/ignore", Effect.sync(() => HttpServerResponse.unsafeJson(ok))),
  HttpRouter.get("/read", read),
  HttpRouter.post("/write", write),
  HttpRouter.post("/seed", seed),
  HttpRouter.post("/sign-in", signIn),
  HttpRouter.post("/sign-out", signOut),
  HttpRouter.use(SessionMiddleware.httpRouter(Cart))
)

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

/** The store that the configuration names, and how many statements it has sent, where that can be told. */
const storage = () => {
  switch (config.store) {
    case "memory":
      return { layer: SessionStore.layerMemoryWith({ capacity: 2_000_000 }) }
    case "postgres": {
      const { client, statements } = postgres()
      return { layer: Layer.provide(SqlSessionStore.layer, client), statements }
    }
    case "sqlite":
      return { layer: Layer.provide(SqlSessionStore.layer, LibsqlClient.layer({ url: `file:${config.sqliteFile}` })) }
    case "redis":
      return { layer: RedisSessionStore.layer({ url: config.redisUrl }) }
  }
}

const { layer: store, statements } = storage()

const services = Sessions.layer(Cart).pipe(
  Layer.provideMerge(store),
  Layer.provide(timeouts),
  Layer.merge(cookie)
)

const meter = config.store === "redis" ? await redisMeter() : undefined

const control = Effect.map(Effect.runtime<SessionStore.SessionStore>(), (runtime) => ({
  ...(meter === undefined ? {} : { meter }),
  sweep: () => Runtime.runPromise(runtime)(SessionCleaner.sweep({ margin: 0 })),
  ...(statements === undefined ? {} : { statements })
}))

HttpServer.serve(app).pipe(
  Layer.merge(announced(control)),
  Layer.provide(services),
  launch
)
