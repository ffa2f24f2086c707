/**
 * A small web app on effect-sessions: a visit counter, notes, sign in and out.
 *
 * Settings, all optional: PORT, DATABASE_URL, SESSION_SECRETS, SESSION_IDLE, SESSION_ABSOLUTE, SESSION_INSECURE.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { SessionCleaner, SessionCookie, Sessions, SessionTimeouts } from "effect-sessions"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Http from "node:http"
import { databaseName, StoreLive } from "./database.js"
import { NotesSession } from "./NotesSession.js"
import { Routes } from "./routes.js"

const insecure = Config.withDefault(Config.boolean("SESSION_INSECURE"), false)

const TimeoutsLive = SessionTimeouts.layerConfig({
  idle: Config.withDefault(Config.duration("SESSION_IDLE"), "15 minutes"),
  absolute: Config.withDefault(Config.duration("SESSION_ABSOLUTE"), "7 days")
})

const CookieLive = SessionCookie.layerConfig({
  signingKeys: Config.withDefault(Config.array(Config.redacted(), "SESSION_SECRETS"), undefined),
  insecure
})

const SessionsLive = Layer.mergeAll(Sessions.layer(NotesSession), SessionCleaner.layer()).pipe(
  Layer.provide(TimeoutsLive),
  Layer.provide(StoreLive)
)

/** Once the server is closing, a connection ends with its answer instead of waiting for a next request. */
const createServer = (): Http.Server => {
  const server = Http.createServer()
  server.on("request", (request, response) => {
    response.on("finish", () => {
      if (!server.listening) request.socket.end()
    })
  })
  return server
}

/** 0 picks a free one. */
const port = Config.integer("PORT").pipe(
  Config.validate({ message: "Expected a port from 0 to 65535", validation: (port) => port >= 0 && port <= 65535 }),
  Config.withDefault(3000)
)

const ServerLive = Layer.unwrapEffect(Effect.map(port, (port) => NodeHttpServer.layer(createServer, { port })))

const Announcement = Layer.effectDiscard(Effect.gen(function*() {
  const server = yield* HttpServer.HttpServer
  const port = server.address._tag === "TcpAddress" ? server.address.port : 0
  const cookies = (yield* insecure) ? ", SESSION_INSECURE=true: cookies over plain http, for a local try only" : ""
  yield* Console.log(`Notes server: http://localhost:${port} (sessions in ${yield* databaseName}${cookies})`)
}))

const Main = Layer.mergeAll(
  HttpLayerRouter.serve(Routes, { disableLogger: true, disableListenLog: true }),
  Announcement
).pipe(
  Layer.provide(SessionsLive),
  Layer.provide(CookieLive),
  Layer.provide(ServerLive),
  Layer.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.stringLogger)))
)

NodeRuntime.runMain(Layer.launch(Main))
