/** The limit of any session on PostgreSQL under Effect 4: the raw id in a cookie, one SELECT through its SQL client. */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { SqlClient } from "effect/sql"
import { randomBytes } from "node:crypto"
import { config, cookieName, type Data, itemsOf, ok, view } from "../common.mjs"
import { announced, launch, postgres, silent, size } from "./server.js"

const createTable = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) =>
    sql`CREATE TABLE IF NOT EXISTS raw_sessions (id TEXT PRIMARY KEY, data TEXT NOT NULL, expires_at BIGINT NOT NULL)`
)

const select = (sql: SqlClient.SqlClient, id: string) =>
  Effect.map(
    sql<{ data: string; expires_at: string }>`SELECT data, expires_at FROM raw_sessions WHERE id = ${id}`,
    ([row]): Data => row !== undefined && Number(row.expires_at) > Date.now() ? JSON.parse(row.data) as Data : {}
  )

const read = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const request = yield* HttpServerRequest.HttpServerRequest
  const cookie = request.headers["cookie"]
  const data = cookie === undefined ? {} : yield* select(sql, cookie.slice(cookieName.length + 1))
  return HttpServerResponse.jsonUnsafe(view(data))
})

const seed = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const id = randomBytes(16).toString("base64url")
  const data = JSON.stringify({ count: 0, items: itemsOf(yield* size) })
  yield* sql`INSERT INTO raw_sessions (id, data, expires_at) VALUES (${id}, ${data}, ${Date.now() + config.idleMillis})`
  return HttpServerResponse.setCookieUnsafe(HttpServerResponse.jsonUnsafe(ok), cookieName, id, { path: "/" })
})

const routes = HttpRouter.addAll([
  HttpRouter.route("GET", "/ignore", Effect.sync(() => HttpServerResponse.jsonUnsafe(ok))),
  HttpRouter.route("GET", "/read", read),
  HttpRouter.route("POST", "/seed", seed)
])

HttpRouter.serve(routes, silent).pipe(
  Layer.merge(announced(Effect.as(createTable, {}))),
  Layer.provide(postgres),
  launch
)
