import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Http from "node:http"

/**
 * A server that neither keeps a request waiting while nobody handles it, as it opens and as it closes, nor is kept from
 * closing by a connection that would like to go on.
 */
export const createServer = (): Http.Server => {
  const server = Http.createServer()
  server.on("request", (request, response) => {
    response.on("finish", () => {
      if (!server.listening) request.socket.end()
    })
    if (server.listenerCount("request") > 1) return
    response.writeHead(503, { "connection": "close", "content-type": "application/json", "retry-after": "1" })
    response.end(JSON.stringify({ error: "The server is starting or stopping: try again in a moment." }))
  })
  return server
}

/** 0 picks a free one. */
const port = Config.integer("PORT").pipe(
  Config.validate({ message: "Expected a port from 0 to 65535", validation: (port) => port >= 0 && port <= 65535 }),
  Config.withDefault(3000)
)

/** How long the requests under way may take once the server is told to stop. */
const patience = Config.withDefault(Config.duration("STOP_WITHIN"), Duration.seconds(10))

/**
 * The server at `PORT`. It listens as soon as it is built and drains when it is closed: the requests under way end first,
 * within bounds. So it is built last, of what an app consists of, and closes first.
 */
export const ServerLive: Layer.Layer<
  HttpServer.HttpServer,
  ConfigError.ConfigError | HttpServerError.ServeError
> = Layer.scoped(
  HttpServer.HttpServer,
  Effect.gen(function*() {
    const server = createServer()
    const served = yield* NodeHttpServer.make(() => server, { port: yield* port })
    const milliseconds = Duration.toMillis(yield* patience)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => setTimeout(() => server.closeAllConnections(), milliseconds).unref())
    )
    return served
  })
)
