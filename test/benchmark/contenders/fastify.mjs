// fastify 5 with @fastify/session: its MemoryStore, connect-pg-simple or connect-redis, as its README advises.
import cookie from "@fastify/cookie"
import fastifySession from "@fastify/session"
import connectPgSimple from "connect-pg-simple"
import { RedisStore } from "connect-redis"
import fastify from "fastify"
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
  ? new (connectPgSimple(fastifySession))({ pool: database.pool, createTableIfMissing: true })
  : config.store === "redis"
  ? new RedisStore({ client: await redisClient() })
  : new fastifySession.MemoryStore()
const meter = config.store === "redis" ? await redisMeter() : undefined

const app = fastify()
if (config.session) {
  await app.register(cookie)
  await app.register(fastifySession, {
    store,
    secret,
    cookieName,
    rolling: config.rolling,
    saveUninitialized: false,
    cookie: { maxAge: config.idleMillis, httpOnly: true, sameSite: "lax", secure: false }
  })
}
const sessionOf = config.session ? (request) => request.session : () => bareSession

app.get("/ignore", async () => ok)
app.get("/read", async (request) => view(sessionOf(request)))
app.post("/write", async (request) => change.write(sessionOf(request)))
app.post("/seed", async (request) => change.seed(sessionOf(request), Number(request.query.size)))
app.post("/sign-in", async (request) => {
  if (config.session) await request.session.regenerate()
  sessionOf(request).user = userId
  return { user: userId }
})
app.post("/sign-out", async (request) => {
  if (config.session) await request.session.destroy()
  return ok
})

await app.listen({ port: 0, host: "127.0.0.1" })
announce({ port: app.server.address().port, meter, statements: database?.statements })
