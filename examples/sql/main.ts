/**
 * Sessions in PostgreSQL behind HttpLayerRouter, as in production: the database, signed ids, a cleaner, and an order of
 * layers that answers the last request before the database closes.
 *
 * `DATABASE_URL=postgres://… SESSION_SECRETS=$(openssl rand -base64 32) node --import tsx examples/sql/main.ts`
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Session, SessionCleaner, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"

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
).pipe(Layer.provide(SessionMiddleware.layerRouter(AppSession).layer))

const DatabaseLive = PgClient.layerConfig({
  url: Config.redacted("DATABASE_URL"),
  connectTimeout: Config.succeed("5 seconds")
})

const SessionsLive = Layer.merge(Sessions.layer(AppSession), SessionCleaner.layer()).pipe(
  Layer.provide(SqlSessionStore.layer),
  Layer.provide(SessionTimeouts.layer({ idle: "30 minutes", absolute: "7 days" }))
)

const CookieLive = SessionCookie.layerConfig({
  signingKeys: Config.array(Config.redacted(), "SESSION_SECRETS"), // the first signs, all verify
  insecure: Config.withDefault(Config.boolean("SESSION_INSECURE"), false)
})

const ServerLive = NodeHttpServer.layerConfig(() => createServer(), {
  port: Config.withDefault(Config.integer("PORT"), 3000)
})

const Main = HttpLayerRouter.serve(Routes).pipe(
  Layer.provide(ServerLive), // first: listens last, closes first
  Layer.provide(SessionsLive),
  Layer.provide(CookieLive),
  Layer.provide(DatabaseLive)
)

NodeRuntime.runMain(Layer.launch(Main))
