/**
 * The floor: what our contract cannot do without, by hand in the handlers of Effect 4's router. The id from the cookie
 * header, its HMAC, its SHA-256 as the key of a `Map`, JSON text, Schema, an idle timeout, a debounced touch, and the two
 * headers that keep the response out of shared caches.
 */
import { Effect, Exit, Layer, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { createHmac, createSecretKey, hash, randomBytes, timingSafeEqual } from "node:crypto"
import { config, cookieName, itemsOf, ok, secret, userId, view } from "../common.mjs"
import { announced, launch, silent, size } from "./server.js"

const Cart = Schema.Struct({
  count: Schema.Number,
  items: Schema.Array(Schema.Struct({ sku: Schema.String, quantity: Schema.Number }))
})
type Cart = typeof Cart.Type

const decode = Schema.decodeUnknownExit(Cart)
const encode = Schema.encodeExit(Cart)

interface Record {
  readonly key: string
  readonly user: string | null
  readonly data: string
  seenAt: number
}

const sessions = new Map<string, Record>()
const initial: Cart = { count: 0, items: [] }
const signingKey = createSecretKey(Buffer.from(secret))
const headers = { "cache-control": "no-store", vary: "Cookie" }

const macOf = (id: string): Buffer => createHmac("sha256", signingKey).update(id).digest()
const keyOf = (id: string): string => hash("sha256", id, "base64url")

const verified = (credential: string): string | undefined => {
  if (!config.signed) return credential.length === 22 ? credential : undefined
  if (credential.length !== 66 || credential[22] !== ".") return undefined
  const id = credential.slice(0, 22)
  const mac = Buffer.from(credential.slice(23), "base64url")
  return mac.length === 32 && timingSafeEqual(mac, macOf(id)) ? id : undefined
}

const credentialOf = (cookies: string | undefined): string | undefined =>
  cookies?.split("; ").find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1)

/** The live session of a request. */
const find = ({ headers }: HttpServerRequest.HttpServerRequest): Record | undefined => {
  const credential = credentialOf(headers["cookie"])
  const id = credential === undefined ? undefined : verified(credential)
  const record = id === undefined ? undefined : sessions.get(keyOf(id))
  if (record === undefined) return undefined
  const now = Date.now()
  if (now - record.seenAt >= config.idleMillis) {
    sessions.delete(record.key)
    return undefined
  }
  if (now - record.seenAt >= config.touchMillis) record.seenAt = now
  return record
}

/** What does not decode is no session. */
const dataOf = (record: Record | undefined): Cart => {
  if (record === undefined) return initial
  const decoded = decode(JSON.parse(record.data))
  return Exit.isSuccess(decoded) ? decoded.value : initial
}

const store = (key: string, user: string | null, data: Cart): Effect.Effect<void, Schema.SchemaError> =>
  Effect.map(encode(data), (encoded) => {
    sessions.set(key, { key, user, data: JSON.stringify(encoded), seenAt: Date.now() })
  })

const answer = (value: unknown) => HttpServerResponse.jsonUnsafe(value, { headers })

/** Stores a new session, and answers with its cookie. */
const create = (user: string | null, data: Cart, value: unknown) => {
  const id = randomBytes(16).toString("base64url")
  const credential = config.signed ? `${id}.${macOf(id).toString("base64url")}` : id
  const options = { path: "/", httpOnly: true, sameSite: "lax" } as const
  return Effect.as(
    store(keyOf(id), user, data),
    HttpServerResponse.setCookieUnsafe(answer(value), cookieName, credential, options)
  )
}

const read = Effect.gen(function*() {
  const record = find(yield* HttpServerRequest.HttpServerRequest)
  const { count, items } = dataOf(record)
  return answer(view({ user: record?.user ?? null, count, items }))
})

const write = Effect.gen(function*() {
  const record = find(yield* HttpServerRequest.HttpServerRequest)
  const data = dataOf(record)
  const next = { ...data, count: data.count + 1 }
  if (record === undefined) return yield* create(null, next, { count: next.count })
  yield* store(record.key, record.user, next)
  return answer({ count: next.count })
})

const seed = Effect.gen(function*() {
  return yield* create(null, { count: 0, items: itemsOf(yield* size) }, ok)
})

const drop = Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
  const record = find(request)
  if (record !== undefined) sessions.delete(record.key)
})

const signIn = Effect.andThen(drop, Effect.suspend(() => create(userId, initial, { user: userId })))

const signOut = Effect.map(drop, () => HttpServerResponse.expireCookieUnsafe(answer(ok), cookieName, { path: "/" }))

const routes = HttpRouter.addAll([
  HttpRouter.route("GET", "/ignore", Effect.sync(() => HttpServerResponse.jsonUnsafe(ok))),
  HttpRouter.route("GET", "/read", read),
  HttpRouter.route("POST", "/write", write),
  HttpRouter.route("POST", "/seed", seed),
  HttpRouter.route("POST", "/sign-in", signIn),
  HttpRouter.route("POST", "/sign-out", signOut)
])

launch(Layer.merge(HttpRouter.serve(routes, silent), announced(Effect.succeed({}))))
