// The practical floor: a hand-written session on node:http. Random id, HMAC-signed cookie, a Map, an idle timeout,
// a debounced touch, a write only when something changed. Nothing that would make it a library.
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from "node:crypto"
import { bareSession, change, config, cookieName, ok, secret, userId, view } from "./common.mjs"
import { cookieOf, serveRoutes, sizeOf } from "./node-http.mjs"

const key = createSecretKey(Buffer.from(secret))
const sessions = new Map()

const macOf = (id) => createHmac("sha256", key).update(id).digest()
const sign = (id) => `${id}.${macOf(id).toString("base64url")}`

const verify = (cookie) => {
  if (cookie === undefined || cookie.length !== 66 || cookie[22] !== ".") return undefined
  const id = cookie.slice(0, 22)
  const mac = Buffer.from(cookie.slice(23), "base64url")
  return mac.length === 32 && timingSafeEqual(mac, macOf(id)) ? id : undefined
}

/** The live session of a request, or undefined. */
const load = (request) => {
  const id = verify(cookieOf(request, cookieName))
  const record = id && sessions.get(id)
  if (!record) return undefined
  const now = Date.now()
  if (now - record.seen >= config.idleMillis) {
    sessions.delete(id)
    return undefined
  }
  if (now - record.seen >= config.touchMillis) record.seen = now
  return record
}

const create = (response, data) => {
  const id = randomBytes(16).toString("base64url")
  const record = { id, data, seen: Date.now() }
  sessions.set(id, record)
  response.setHeader("set-cookie", `${cookieName}=${sign(id)}; Path=/; HttpOnly; SameSite=Lax`)
  return record
}

const dropped = (request) => {
  const record = load(request)
  if (record) sessions.delete(record.id)
}

const withSession = {
  "/ignore": () => ok,
  "/read": (request) => view(load(request)?.data ?? {}),
  "/write": (request, response) => change.write((load(request) ?? create(response, {})).data),
  "/seed": (request, response) => change.seed((load(request) ?? create(response, {})).data, sizeOf(request)),
  "/sign-in": (request, response) => {
    dropped(request)
    create(response, { user: userId })
    return { user: userId }
  },
  "/sign-out": (request, response) => {
    dropped(request)
    response.setHeader("set-cookie", `${cookieName}=; Path=/; Max-Age=0`)
    return ok
  }
}

const bare = {
  "/ignore": () => ok,
  "/read": () => view(bareSession),
  "/write": () => change.write(bareSession),
  "/seed": (request) => change.seed(bareSession, sizeOf(request)),
  "/sign-in": () => ({ user: userId }),
  "/sign-out": () => ok
}

serveRoutes(config.session ? withSession : bare)
