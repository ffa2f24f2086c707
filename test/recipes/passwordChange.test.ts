import { assert, describe, effect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AppSession, changePassword, Users } from "../../examples/recipes/passwordChange.js"
import { Browser, tabOf } from "../support/app.js"
import { breakDown, leaveAlone } from "../support/observedStore.js"
import { makeNode, makeStore } from "./support/serve.js"

/** The app's users: one, whose password may change. */
const makeUsers = (password: string) => {
  const passwords = new Map([["ada", password]])
  const found = (id: string, isHe: boolean) => Effect.sync(() => isHe ? Option.some({ id }) : Option.none())
  return {
    find: (id: string) => found(id, passwords.has(id)),
    authenticate: (id: string, password: string) => Effect.suspend(() => found(id, passwords.get(id) === password)),
    setPassword: (id: string, password: string) => Effect.sync(() => void passwords.set(id, password))
  }
}

const signIn = (remember = false) =>
  Effect.flatMap(
    AppSession,
    (session) => session.signIn("ada", { carry: () => ({ cart: ["tea"], recentlySeen: ["coffee"] }), remember })
  )

const who = Effect.gen(function*() {
  const session = yield* AppSession
  const info = yield* session.info
  return {
    user: Option.getOrNull(yield* session.user),
    data: yield* session.get,
    handle: Option.getOrNull(Option.map(info, ({ handle }) => handle)),
    remembered: Option.exists(info, ({ remembered }) => remembered)
  }
})

const setup = Effect.gen(function*() {
  const store = yield* makeStore
  const node = yield* makeNode(AppSession, store)
  const users = makeUsers("old")
  const change = (browser: Browser, current = "old") =>
    node.visit(browser, Effect.provideService(changePassword(current, "new"), Users, users))
  const signedIn = Effect.fnUntraced(function*(remember?: boolean) {
    const browser = new Browser()
    yield* node.visit(browser, signIn(remember))
    return browser
  })
  const page = (browser: Browser) => Effect.map(node.visit(browser, who), ({ body }) => JSON.parse(body))
  return { store, node, users, change, signedIn, page }
})

const isPassword = (users: ReturnType<typeof makeUsers>, password: string) =>
  Effect.map(users.authenticate("ada", password), Option.isSome)

describe("A password change", () => {
  effect(
    "ends the other devices at their next request; this one goes on with a new id, and what it keeps",
    () =>
      Effect.gen(function*() {
        const { change, node, page, signedIn, users } = yield* setup
        const here = yield* signedIn()
        const there = yield* signedIn()
        const before = tabOf(here)
        assert.strictEqual((yield* change(here)).status, 204)
        assert.isTrue(yield* isPassword(users, "new"))
        assert.notStrictEqual(here.header, before.header)
        const { data, user } = yield* page(here)
        assert.deepStrictEqual([user, data], ["ada", { cart: ["tea"], recentlySeen: [] }])
        assert.isNull((yield* page(there)).user)
        assert.isNull((yield* page(before)).user)
        assert.lengthOf(yield* node.sessions.listByUser("ada"), 1)
      })
  )

  effect("keeps who asked to be remembered remembered, and nobody else", () =>
    Effect.gen(function*() {
      const { change, page, signedIn } = yield* setup
      for (const remember of [true, false]) {
        const here = yield* signedIn(remember)
        yield* change(here, remember ? "old" : "new")
        assert.strictEqual((yield* page(here)).remembered, remember)
      }
    }))

  effect("with a wrong password, or nobody signed in, changes and ends nothing", () =>
    Effect.gen(function*() {
      const { change, page, signedIn, users } = yield* setup
      const here = yield* signedIn()
      const there = yield* signedIn()
      assert.strictEqual((yield* change(here, "wrong")).status, 403)
      assert.strictEqual((yield* change(new Browser())).status, 401)
      assert.isTrue(yield* isPassword(users, "old"))
      assert.deepStrictEqual([(yield* page(here)).user, (yield* page(there)).user], ["ada", "ada"])
    }))

  effect(
    "where the store fails before the end: the new password counts, and all sessions go on",
    () =>
      Effect.gen(function*() {
        const { change, page, signedIn, store, users } = yield* setup
        const here = yield* signedIn()
        const there = yield* signedIn()
        const before = here.header
        breakDown(store, "deleteByUser")
        assert.strictEqual((yield* change(here)).status, 503)
        store.interfere(leaveAlone)
        assert.isTrue(yield* isPassword(users, "new"))
        assert.strictEqual(here.header, before)
        assert.deepStrictEqual([(yield* page(here)).user, (yield* page(there)).user], ["ada", "ada"])
        // Once more, with what is the current password by now.
        assert.strictEqual((yield* change(here, "new")).status, 204)
        assert.deepStrictEqual([(yield* page(here)).user, (yield* page(there)).user], ["ada", null])
      })
  )

  effect(
    "where the store fails after the end: everybody is out, this device too, and can sign in",
    () =>
      Effect.gen(function*() {
        const { change, node, page, signedIn, store, users } = yield* setup
        const here = yield* signedIn()
        const there = yield* signedIn()
        breakDown(store, "insert")
        assert.strictEqual((yield* change(here)).status, 503)
        store.interfere(leaveAlone)
        assert.isTrue(yield* isPassword(users, "new"))
        assert.deepStrictEqual([(yield* page(here)).user, (yield* page(there)).user], [null, null])
        yield* node.visit(here, signIn())
        assert.strictEqual((yield* page(here)).user, "ada")
      })
  )

  describe("that is naive", () => {
    effect("and only signs in anew, leaves the other devices signed in", () =>
      Effect.gen(function*() {
        const { node, page, signedIn, users } = yield* setup
        const here = yield* signedIn()
        const there = yield* signedIn()
        yield* node.visit(here, Effect.zipRight(users.setPassword("ada", "new"), signIn()))
        assert.strictEqual((yield* page(there)).user, "ada")
      }))

    effect("and ends all but this one, leaves who has a copy of this very id signed in", () =>
      Effect.gen(function*() {
        const { node, page, signedIn, users } = yield* setup
        const here = yield* signedIn()
        const copy = tabOf(here)
        const { handle } = yield* page(here)
        yield* node.visit(
          here,
          Effect.flatMap(AppSession.sessions, (sessions) =>
            Effect.zipRight(
              users.setPassword("ada", "new"),
              sessions.destroyByUser("ada", { except: handle })
            ))
        )
        assert.strictEqual((yield* page(copy)).user, "ada")
      }))

    effect(
      "and ends all first, leaves who signs in with the old password meanwhile signed in",
      () =>
        Effect.gen(function*() {
          const { node, page, signedIn, users } = yield* setup
          const here = yield* signedIn()
          const thief = new Browser()
          yield* node.visit(
            here,
            Effect.gen(function*() {
              const sessions = yield* AppSession.sessions
              yield* sessions.destroyByUser("ada")
              assert.isTrue(yield* isPassword(users, "old"))
              yield* node.visit(thief, signIn())
              yield* users.setPassword("ada", "new")
              yield* signIn()
            })
          )
          assert.strictEqual((yield* page(thief)).user, "ada")
        })
    )
  })
})
