/** The shell of the contenders on Effect: a classic router on Node's server, tracer and all as by default. */
import { HttpServer, HttpServerRequest } from "@effect/platform"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { createServer } from "node:http"
import { announce, type Control, countedPool } from "./common.mjs"

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
      (control, { address }) => announce({ ...control, port: address._tag === "TcpAddress" ? address.port : 0 })
    )
  )

/** Runs a server until the harness ends the process. */
export const launch = <E>(app: Layer.Layer<never, E, HttpServer.HttpServer>): void =>
  app.pipe(
    Layer.provide(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
    Layer.launch,
    NodeRuntime.runMain
  )

/** The SQL client over the very pool that the other contenders use, which counts statements. */
export const postgres = () => {
  const { pool, statements } = countedPool()
  return { client: PgClient.layerFromPool({ acquire: Effect.succeed(pool) }), statements }
}
