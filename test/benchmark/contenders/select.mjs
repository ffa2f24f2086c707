// The limit of any session on PostgreSQL: node:http, the raw id in a cookie, one primary-key SELECT, nothing else.
import { randomBytes } from "node:crypto"
import { config, cookieName, countedPool, itemsOf, ok, view } from "./common.mjs"
import { cookieOf, serveRoutes, sizeOf } from "./node-http.mjs"

const { pool, statements } = countedPool()
await pool.query(`CREATE TABLE IF NOT EXISTS raw_sessions (id TEXT PRIMARY KEY, data TEXT NOT NULL, expires_at BIGINT NOT NULL)`)

const select = async (id) => {
  const { rows } = await pool.query("SELECT data, expires_at FROM raw_sessions WHERE id = $1", [id])
  return rows.length === 1 && Number(rows[0].expires_at) > Date.now() ? JSON.parse(rows[0].data) : {}
}

serveRoutes({
  "/ignore": () => ok,
  "/read": async (request) => {
    const id = cookieOf(request, cookieName)
    return view(id === undefined ? {} : await select(id))
  },
  "/seed": async (request, response) => {
    const id = randomBytes(16).toString("base64url")
    const data = JSON.stringify({ count: 0, items: itemsOf(sizeOf(request)) })
    await pool.query("INSERT INTO raw_sessions (id, data, expires_at) VALUES ($1, $2, $3)", [
      id,
      data,
      Date.now() + config.idleMillis
    ])
    response.setHeader("set-cookie", `${cookieName}=${id}; Path=/; HttpOnly; SameSite=Lax`)
    return ok
  }
}, { statements })
