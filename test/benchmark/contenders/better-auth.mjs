// better-auth on node:http, for its session read alone: `auth.api.getSession`, cookie cache off.
// In memory: its secondary storage (what it advises for speed) over a Map. PostgreSQL: its own adapter, joins on.
import { betterAuth } from "better-auth"
import { memoryAdapter } from "better-auth/adapters/memory"
import { createAuthEndpoint } from "better-auth/api"
import { setSessionCookie } from "better-auth/cookies"
import { getMigrations } from "better-auth/db/migration"
import { fromNodeHeaders } from "better-auth/node"
import { config, countedPool, itemsOf, ok, secret, view } from "./common.mjs"
import { serveRoutes, sizeOf } from "./node-http.mjs"

const database = config.store === "postgres" ? countedPool() : undefined
const records = new Map()
const secondaryStorage = {
  get: (key) => records.get(key) ?? null,
  set: (key, value) => {
    records.set(key, value)
  },
  delete: (key) => {
    records.delete(key)
  }
}
const tables = { user: [], session: [], account: [], verification: [] }

/** Sessions are made without a password: hashing one takes longer than all else here together. */
const seeding = {
  id: "seeding",
  endpoints: {
    seed: createAuthEndpoint("/seed", { method: "POST" }, async (context) => {
      const { internalAdapter } = context.context
      const user = await internalAdapter.createUser({ name: "One", email: `${crypto.randomUUID()}@example.com`, emailVerified: true })
      const items = JSON.stringify(itemsOf(Number(context.query.size)))
      const session = await internalAdapter.createSession(user.id, false, { items })
      await setSessionCookie(context, { session, user })
      return context.json(ok)
    })
  }
}

const options = {
  baseURL: "http://127.0.0.1",
  secret,
  ...(database
    ? { database: database.pool, advanced: { database: { joins: true } }, experimental: { joins: true } }
    : { database: memoryAdapter(tables), secondaryStorage }),
  telemetry: { enabled: false },
  logger: { level: "error" },
  session: {
    expiresIn: config.idleMillis / 1000,
    updateAge: Math.floor(config.touchMillis / 1000),
    cookieCache: { enabled: false },
    additionalFields: { items: { type: "string", required: false } }
  },
  plugins: [seeding]
}
if (database) await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options)

serveRoutes({
  "/ignore": () => ok,
  "/read": async (request, response) => {
    const { headers, response: found } = await auth.api.getSession({
      headers: fromNodeHeaders(request.headers),
      returnHeaders: true
    })
    const cookies = headers.getSetCookie()
    if (cookies.length > 0) response.setHeader("set-cookie", cookies)
    return view(found ? { items: JSON.parse(found.session.items) } : {})
  },
  "/seed": async (request, response) => {
    const { headers } = await auth.api.seed({
      headers: fromNodeHeaders(request.headers),
      query: { size: sizeOf(request) },
      returnHeaders: true
    })
    response.setHeader("set-cookie", headers.getSetCookie())
    return ok
  }
}, database && { statements: database.statements })
