// koa with koa-session, an external store in memory and keygrip-signed cookies.
import Koa from "koa"
import session from "koa-session"
import { announce, bareSession, change, config, cookieName, ok, secret, userId, view } from "./common.mjs"

const sessions = new Map()
const store = {
  get: async (key) => sessions.get(key),
  set: async (key, value) => {
    sessions.set(key, value)
  },
  destroy: async (key) => {
    sessions.delete(key)
  }
}

const app = new Koa()
if (config.session) {
  app.keys = [secret]
  app.use(session({
    store,
    key: cookieName,
    maxAge: config.idleMillis,
    rolling: config.rolling,
    httpOnly: true,
    signed: true,
    sameSite: "lax",
    secure: false
  }, app))
}
const sessionOf = config.session ? (context) => context.session : () => bareSession

const routes = {
  "/ignore": () => ok,
  "/read": (context) => view(sessionOf(context)),
  "/write": (context) => change.write(sessionOf(context)),
  "/seed": (context) => change.seed(sessionOf(context), Number(context.query.size)),
  "/sign-in": async (context) => {
    if (config.session) {
      context.session = { user: userId }
      await context.session.regenerate()
    }
    return { user: userId }
  },
  "/sign-out": (context) => {
    if (config.session) context.session = null
    return ok
  }
}
app.use(async (context) => {
  context.body = await routes[context.path](context)
})

const server = app.listen(0, "127.0.0.1", () => announce({ port: server.address().port }))
