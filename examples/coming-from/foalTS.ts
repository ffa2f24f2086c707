import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionFlash } from "effect-sessions"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Data = Schema.Struct({ products: Schema.Array(Schema.String), flash: SessionFlash.field(Schema.String) })

/** What the session holds, once, instead of keys that any controller sets. The user of FoalTS is a number unless told otherwise. */
export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Data,
  initial: { products: [], flash: [] },
  user: Schema.NumberFromString
}) {}

const flash = SessionFlash.make<typeof Data.Type, string>({
  get: (data) => data.flash,
  set: (data, flash) => ({ ...data, flash })
})

export const login = Effect.fnUntraced(function*(userId: number) {
  const session = yield* AppSession
  yield* session.signIn(userId, { carry: (data) => data })
  yield* flash.push(session, "Welcome back")
  return HttpServerResponse.redirect("/")
})

export const addProduct = Effect.fnUntraced(function*(product: string) {
  const session = yield* AppSession
  yield* session.update((data) => ({ ...data, products: [...data.products, product] }))
  return HttpServerResponse.empty()
})

export const home = Effect.gen(function*() {
  const session = yield* AppSession
  const messages = yield* flash.take(session)
  const user = Option.getOrNull(yield* session.user)
  const { products } = yield* session.get
  return HttpServerResponse.unsafeJson({ user, products, messages })
})

/** When the session ends if nobody uses it. None for a visitor without one. */
export const endsAt = Effect.gen(function*() {
  const session = yield* AppSession
  return Option.map(yield* session.info, ({ expiresAt }) => DateTime.toEpochMillis(expiresAt))
})

export const logout = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.redirect("/login")
})
