import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { Session, SessionCookie, SessionMiddleware, SessionStore } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Browser, contextOver, makeApp, rowsOf, use, userOf, webHandler } from "../support/app.js"
import { leaveAlone } from "../support/observedStore.js"

class CartSession extends Session.Tag<CartSession>()("CartSession", {
  data: Schema.mutable(Schema.Struct({
    cart: Schema.mutable(Schema.Array(Schema.String)),
    since: Schema.optionalWith(Schema.Date, { nullable: true })
  })),
  initial: { cart: [] }
}) {}

type CartHandle = Context.Tag.Service<typeof CartSession>

/** An app whose session data can be changed in place. */
const cartApp = Effect.gen(function*() {
  const app = yield* makeApp()
  const context = yield* contextOver(app, CartSession)
  const visit = <A, E>(browser: Browser, work: (session: CartHandle) => Effect.Effect<A, E>) =>
    Effect.flatMap(
      webHandler(
        SessionMiddleware.httpRouter(CartSession)(
          Effect.map(Effect.flatMap(CartSession, work), (result) => HttpServerResponse.unsafeJson(result ?? null))
        ).pipe(Effect.provide(context), Effect.provideService(SessionCookie.SessionCookie, app.policy))
      ),
      (handle) =>
        Effect.promise(async () => {
          const { header } = browser
          const headers = header === undefined ? {} : { cookie: header }
          const response = await handle(new Request("https://app.test/", { headers }))
          browser.receive(response.headers.getSetCookie())
          const body: unknown = await response.json()
          return { status: response.status, body }
        })
    )
  const cartOf = (browser: Browser) =>
    Effect.map(visit(browser, (session) => Effect.map(session.get, ({ cart }) => cart)), ({ body }) => body)
  return { cartOf, sessions: Context.get(context, CartSession.sessions), store: app.store, visit }
})

/** Ways to change the data in place, and whether that is a change at all. */
const ways: ReadonlyArray<readonly [string, (session: CartHandle) => Effect.Effect<unknown, unknown>, boolean]> = [
  ["what is returned anew", (session) =>
    session.update((data) => {
      data.cart.push("x")
      return { ...data }
    }), true],
  ["what is returned as it is", (session) =>
    session.update((data) => {
      data.cart.push("x")
      return data
    }), false],
  ["what was read", (session) => Effect.map(session.get, ({ cart }) => cart.push("x")), false],
  ["what was read, in `modify`", (session) => session.modify((data) => [data.cart.push("x"), { ...data }]), true],
  ["what a sign-in carries", (session) =>
    session.signIn("ada", {
      carry: (data) => {
        data.cart.push("x")
        return { ...data }
      }
    }), true]
]

describe("Visitors share no object (B2)", () => {
  for (const [what, work, changes] of ways) {
    effect(`that changes ${what} in place: the next visitor sees nothing of it`, () =>
      Effect.gen(function*() {
        const { cartOf, sessions, visit } = yield* cartApp
        const first = new Browser()
        for (let visits = 0; visits < 2; visits++) yield* visit(visits === 0 ? first : new Browser(), work)
        assert.deepStrictEqual(yield* cartOf(new Browser()), [])
        assert.deepStrictEqual(yield* cartOf(first), changes ? ["x"] : [])
        assert.deepStrictEqual((yield* sessions.create()).data, { cart: [] })
        const signedIn = new Browser()
        yield* visit(signedIn, (session) => session.signIn("ada"))
        assert.deepStrictEqual(yield* cartOf(signedIn), [])
        assert.deepStrictEqual(CartSession.format.initial, { cart: [] })
      }))

    effect(
      `that changes ${what} in place, and signs in without carrying it: it is dropped`,
      () =>
        Effect.gen(function*() {
          const { cartOf, visit } = yield* cartApp
          const browser = new Browser()
          yield* visit(browser, (session) => Effect.zipRight(work(session), session.signIn("grace")))
          assert.deepStrictEqual(yield* cartOf(browser), [])
          const other = new Browser()
          const { status } = yield* visit(
            other,
            (session) => Effect.all([work(session), session.commit, session.signIn("grace")])
          )
          assert.strictEqual(status, 200)
          assert.deepStrictEqual(yield* cartOf(other), [])
          yield* visit(browser, (session) => Effect.zipRight(work(session), session.signIn("ada")))
          assert.deepStrictEqual(yield* cartOf(browser), [])
        })
    )
  }

  effect("a change in place that is tried again is applied to fresh data, once", () =>
    Effect.gen(function*() {
      const { cartOf, sessions, store, visit } = yield* cartApp
      const { id } = yield* sessions.create({ data: { cart: ["a"] } })
      const browser = new Browser()
      browser.cookies.set("__Host-sid", Redacted.value(id))
      store.interfere((operation, effect) => {
        if (operation !== "update") return effect
        store.interfere(leaveAlone)
        return Effect.zipRight(Effect.orDie(sessions.update(id, ({ cart }) => ({ cart: [...cart, "b"] }))), effect)
      })
      yield* visit(browser, (session) =>
        session.update((data) => {
          data.cart.push("c")
          return { ...data }
        }))
      assert.deepStrictEqual(yield* cartOf(browser), ["a", "b", "c"])
    }))

  effect(
    "a visitor's session that vanished before the sign-in: what is carried in place is carried once",
    () =>
      Effect.gen(function*() {
        const { cartOf, sessions, store, visit } = yield* cartApp
        const browser = new Browser()
        yield* visit(browser, (session) => session.set({ cart: ["a"] }))
        store.interfere((operation, effect) => {
          if (operation !== "rotate") return effect
          store.interfere(leaveAlone)
          return Effect.zipRight(Effect.orDie(sessions.clear), effect)
        })
        yield* visit(browser, (session) =>
          session.signIn("ada", {
            carry: (data) => {
              data.cart.push("x")
              return { ...data }
            }
          }))
        assert.deepStrictEqual(yield* cartOf(browser), ["x"])
      })
  )

  effect("two readers of one stored session share nothing either", () =>
    Effect.gen(function*() {
      const { sessions } = yield* cartApp
      const created = yield* sessions.create({ data: { cart: ["a"] } })
      created.data.cart.push("x")
      const first = Option.getOrThrow(yield* sessions.read(created.id))
      first.data.cart.push("y")
      const second = Option.getOrThrow(yield* sessions.read(created.id))
      assert.deepStrictEqual(second.data.cart, ["a"])
    }))
})

describe("Visitors sign nobody out (F6)", () => {
  effect("a page with a token, read by ever so many of them over a full memory store", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({ store: yield* SessionStore.makeMemory({ capacity: 10 }) })
      const users = yield* Effect.forEach(["ada", "bob", "eve"], (user) => app.browserWithSession({ user }))
      for (let visits = 0; visits < 50; visits++) {
        const answer = yield* app.visit(new Browser(), use((session) => session.csrfToken))
        assert.strictEqual(answer.status, 200)
      }
      assert.strictEqual(yield* rowsOf(app), 10)
      const seen = yield* Effect.forEach(users, ({ browser }) => app.visit(browser, userOf))
      assert.deepStrictEqual(seen.map(({ body }) => body), ["ada", "bob", "eve"])
    }))
})
