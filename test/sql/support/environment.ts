import * as SqlClient from "@effect/sql/SqlClient"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/** What a child program needs to know, by the names of its environment variables. */
export interface Environment {
  readonly DATABASE_URL: string
  readonly PREFIX: string
  readonly CONNECTIONS?: string
  readonly TOUCH_INTERVAL?: string
  /** The isolation level of a MySQL client. The server's own if left out. */
  readonly ISOLATION?: string
  /** How many sessions a user may have. No limit if left out. */
  readonly MAX_PER_USER?: string
}

const required = (name: keyof Environment): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`the environment lacks ${name}`)
  return value
}

/** The environment of this process. */
export const environment = (): Required<Environment> => ({
  DATABASE_URL: required("DATABASE_URL"),
  PREFIX: required("PREFIX"),
  CONNECTIONS: process.env["CONNECTIONS"] ?? "10",
  TOUCH_INTERVAL: process.env["TOUCH_INTERVAL"] ?? "60000",
  ISOLATION: process.env["ISOLATION"] ?? "",
  MAX_PER_USER: process.env["MAX_PER_USER"] ?? ""
})

/** A client of MySQL whose connections, all of them, work at an isolation level of their own. */
export const isolated = <E>(
  client: Layer.Layer<SqlClient.SqlClient, E>,
  level: string,
  connections: number
): Layer.Layer<SqlClient.SqlClient, E> =>
  Layer.tap(client, (context) => {
    const { reserve } = Context.get(context, SqlClient.SqlClient)
    return Effect.orDie(Effect.scoped(Effect.replicateEffect(
      Effect.flatMap(
        reserve,
        (connection) => connection.executeUnprepared(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`, [], undefined)
      ),
      connections,
      { concurrency: "unbounded" }
    )))
  })

const load = <E>(client: () => Promise<Layer.Layer<SqlClient.SqlClient, E>>): Layer.Layer<SqlClient.SqlClient> =>
  Layer.orDie(Layer.unwrapEffect(Effect.promise(client)))

/**
 * A client for the database that a URL names. A database that cannot be reached at the start is a defect. Only the
 * driver it needs is loaded, so that child programs start soon.
 */
export const clientOf = (url: string, maxConnections: number): Layer.Layer<SqlClient.SqlClient> => {
  if (url.startsWith("postgres")) {
    return load(async () => {
      const PgClient = await import("@effect/sql-pg/PgClient")
      return PgClient.layer({ url: Redacted.make(url), maxConnections, connectTimeout: "5 seconds" })
    })
  }
  return url.startsWith("mysql")
    ? load(async () => {
      const MysqlClient = await import("@effect/sql-mysql2/MysqlClient")
      return MysqlClient.layer({ url: Redacted.make(url), maxConnections })
    })
    : load(async () => {
      const LibsqlClient = await import("@effect/sql-libsql/LibsqlClient")
      return LibsqlClient.layer({ url })
    })
}

const storeFrom = <E>(
  store: () => Promise<Layer.Layer<SessionStore.SessionStore, E>>
): Layer.Layer<SessionStore.SessionStore> => Layer.orDie(Layer.unwrapEffect(Effect.promise(store)))

/** Whether sessions are in Redis, and whether that is a cluster, by the URL. */
export const isRedis = (url: string): boolean => /^redis(-cluster)?:/.test(url)

/** The store in what a URL names. `redis-cluster://host:port` is a Redis Cluster, and one of its nodes. */
export const storeOf = (
  { CONNECTIONS, DATABASE_URL: url, ISOLATION, PREFIX: prefix }: Required<Environment>
): Layer.Layer<SessionStore.SessionStore> =>
  storeFrom(async () => {
    if (isRedis(url)) {
      const RedisSessionStore = await import("effect-sessions/RedisSessionStore")
      const { hostname: host, port } = new URL(url)
      return RedisSessionStore.layer(
        url.startsWith("redis-cluster:")
          ? { prefix, cluster: { nodes: [{ host, port: Number(port) }] } }
          : { prefix, url }
      )
    }
    const SqlSessionStore = await import("effect-sessions/SqlSessionStore")
    const client = clientOf(url, Number(CONNECTIONS))
    return Layer.provide(
      SqlSessionStore.layerWith({ prefix }),
      ISOLATION === "" ? client : isolated(client, ISOLATION, Number(CONNECTIONS))
    )
  })
