import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { SessionCleaner, SessionCookie, SessionCsrf, SessionEvents, Sessions, SessionTimeouts } from "effect-sessions"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { AccountRoutes, Stopping } from "./account.js"
import { AuditLive } from "./auditLog.js"
import { storageName, StoreLive } from "./database.js"
import { NotesSession } from "./NotesSession.js"
import { Routes } from "./routes.js"
import { ServerLive } from "./server.js"

const insecure = Config.withDefault(Config.boolean("SESSION_INSECURE"), false)

const TimeoutsLive = SessionTimeouts.layerConfig({
  idle: Config.withDefault(Config.duration("SESSION_IDLE"), "15 minutes"),
  absolute: Config.withDefault(Config.duration("SESSION_ABSOLUTE"), "7 days")
})

const CookieLive = SessionCookie.layerConfig({
  signingKeys: Config.withDefault(Config.array(Config.redacted(), "SESSION_SECRETS"), undefined),
  insecure
})

// Other sites may not act in a visitor's name. Programs, which say nothing of where they come from, may.
const CsrfLive = SessionCsrf.layer({ token: false, allowUnknown: true })

// What happens to them is published, and written into the audit log beside them.
const SessionsLive = Layer.merge(AuditLive, SessionCleaner.layer({ events: true })).pipe(
  Layer.provideMerge(Sessions.layerWith(NotesSession, { events: true, maxPerUser: 20, endedInterval: "2 seconds" })),
  Layer.provide(SessionEvents.layer),
  Layer.provide(TimeoutsLive),
  Layer.provideMerge(StoreLive)
)

const Announcement = Layer.effectDiscard(Effect.gen(function*() {
  const server = yield* HttpServer.HttpServer
  const port = server.address._tag === "TcpAddress" ? server.address.port : 0
  const cookies = (yield* insecure) ? ", SESSION_INSECURE=true: cookies over plain http, for a local try only" : ""
  yield* Console.log(`Notes server: http://localhost:${port} (${yield* storageName}${cookies})`)
}))

/**
 * The whole app. What is provided later is built earlier and closed later, so the server comes first: it listens when the
 * sessions and their database are ready, and on the way down they are there until it has answered its last request. Event streams, which have no
 * end of their own, end before.
 */
export const Main = HttpLayerRouter.serve(Layer.merge(Routes, AccountRoutes), {
  disableLogger: true,
  disableListenLog: true
}).pipe(
  Layer.provide(Stopping.layer),
  Layer.merge(Announcement),
  Layer.provide(ServerLive),
  Layer.provide(SessionsLive),
  Layer.provide(Layer.merge(CookieLive, CsrfLive)),
  Layer.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.stringLogger)))
)
