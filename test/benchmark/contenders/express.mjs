// express 5 with express-session: MemoryStore, connect-pg-simple or connect-redis.
import connectPgSimple from "connect-pg-simple"
import { RedisStore } from "connect-redis"
import express from "express"
import session from "express-session"
import {
  announce,
  bareSession,
  change,
  config,
  cookieName,
  countedPool,
  ok,
  redisClient,
  redisMeter,
  secret,
  userId,
  view
} from "./common.mjs"

const database = config.store === "postgres" ? countedPool() : undefined
const store = database
  ? new (connectPgSimple(session))({ pool: database.pool, createTableIfMissing: true })
  : config.store === "redis"
  ? new RedisStore({ client: await redisClient() })
  : new session.MemoryStore()
const meter = config.store === "redis" ? await redisMeter() : undefined

const app = express()
if (config.session) {
  app.use(session({
    store,
    secret,
    name: cookieName,
    resave: false,
    saveUninitialized: false,
    rolling: config.rolling,
    cookie: { maxAge: config.idleMillis, httpOnly: true, sameSite: "lax", secure: false }
  }))
}
const sessionOf = config.session ? (request) => request.session : () => bareSession

app.get("/ignore", (_request, response) => response.json(ok))
app.get("/read", (request, response) => response.json(view(sessionOf(request))))
app.post("/write", (request, response) => response.json(change.write(sessionOf(request))))
app.post("/seed", (request, response) => response.json(change.seed(sessionOf(request), Number(request.query.size))))
app.post("/sign-in", (request, response, next) => {
  const signedIn = (error) => {
    if (error) return next(error)
    sessionOf(request).user = userId
    response.json({ user: userId })
  }
  if (config.session) request.session.regenerate(signedIn)
  else signedIn()
})
app.post("/sign-out", (request, response, next) => {
  const signedOut = (error) => error ? next(error) : response.json(ok)
  if (config.session) request.session.destroy(signedOut)
  else signedOut()
})

const sweep = () => new Promise((resolve, reject) => store.pruneSessions((error) => error ? reject(error) : resolve(-1)))

const server = app.listen(0, "127.0.0.1", () => {
  announce({
    port: server.address().port,
    meter,
    statements: database?.statements,
    sweep: database && sweep
  })
})
