/** The shell of the contenders on Effect 4: its router on Node's server, tracer and all as by default. */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { HttpServer, HttpServerRequest } from "effect/http"
import { createServer } from "node:http"
import { announce, config, type Control, poolSize } from "../common.mjs"

/** `/seed?size=N` is the only route with a parameter. */
export const size = Effect.map(
  HttpServerRequest.HttpServerRequest,
  (request) => Number(request.url.slice(request.url.indexOf("=") + 1))
)

/** Tells the harness where the server listens. */
export const announced = <E, R>(control: Effect.Effect<Omit<Control, "port">, E, R>) =>
  Layer.effectDiscard(
    Effect.zipWith(
      control,
      HttpServer.HttpServer,
      (control, { address }) => announce({ ...control, port: "port" in address ? address.port : 0 })
    )
  )

/** Without a log: the other contenders have none. */
export const silent = { disableLogger: true, disableListenLog: true }

/** Runs a server until the harness ends the process. */
export const launch = <E>(app: Layer.Layer<never, E, HttpServer.HttpServer>): void =>
  app.pipe(
    Layer.provide(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
    Layer.launch,
    NodeRuntime.runMain
  )

/** Its own driver, with as many connections as the others have. It does not count statements. */
export const postgres = Layer.suspend(() =>
  PgClient.layer({ url: Redacted.make(config.databaseUrl), maxConnections: poolSize })
)
