// hono on @hono/node-server with hono-sessions: its MemoryStore; sealed (iron) when `sealed`, else the bare id.
import { serve } from "@hono/node-server"
import { Hono } from "hono"
import { MemoryStore, sessionMiddleware } from "hono-sessions"
import { announce, bareSession, config, cookieName, itemsOf, ok, secret, userId, view } from "./common.mjs"

const app = new Hono()
if (config.session) {
  app.use("*", sessionMiddleware({
    store: new MemoryStore(),
    ...(config.sealed ? { encryptionKey: secret } : {}),
    sessionCookieName: cookieName,
    expireAfterSeconds: config.idleMillis / 1000,
    autoExtendExpiration: config.rolling,
    cookieOptions: { path: "/", httpOnly: true, sameSite: "Lax", secure: false, maxAge: config.idleMillis / 1000 }
  }))
}

/** The bare server's session behind the same two methods. */
const bare = { get: (key) => bareSession[key], set: (key, value) => (bareSession[key] = value), forget() {}, deleteSession() {} }
const sessionOf = config.session ? (context) => context.get("session") : () => bare

app.get("/ignore", (context) => context.json(ok))
app.get("/read", (context) => {
  const session = sessionOf(context)
  return context.json(view({ user: session.get("user"), count: session.get("count"), items: session.get("items") ?? [] }))
})
app.post("/write", (context) => {
  const session = sessionOf(context)
  const count = (session.get("count") ?? 0) + 1
  session.set("count", count)
  return context.json({ count })
})
app.post("/seed", (context) => {
  const session = sessionOf(context)
  session.set("count", 0)
  session.set("items", itemsOf(Number(context.req.query("size"))))
  return context.json(ok)
})
app.post("/sign-in", (context) => {
  const session = sessionOf(context)
  session.forget("count")
  session.forget("items")
  session.set("user", userId)
  context.set("session_key_rotation", true)
  return context.json({ user: userId })
})
app.post("/sign-out", (context) => {
  sessionOf(context).deleteSession()
  return context.json(ok)
})

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => announce({ port }))
