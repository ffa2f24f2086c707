import { assert, describe, effect } from "@effect/vitest"
import { SessionGuard } from "effect-sessions"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import {
  AppSession,
  changePassword,
  currentUser,
  signIn,
  type User,
  Users,
  type UsersService
} from "../../examples/recipes/securityStamp.js"
import { Browser } from "../support/app.js"
import { breakDown, leaveAlone } from "../support/observedStore.js"
import { makeNode, makeStore } from "./support/serve.js"

interface Row extends User {
  readonly password: string
  readonly changedAt: number
}

/** The app's users: one. `reading` is waited for once the row was read, as the hash of a password is. */
const makeUsers = () => {
  const rows = new Map<string, Row>([["ada", { id: "ada", stamp: 1, password: "old", changedAt: 0 }]])
  const read = (id: string) => Option.fromNullable(rows.get(id))
  const service = (reading: Effect.Effect<void> = Effect.void): UsersService => ({
    find: (id) => Effect.sync(() => read(id)),
    authenticate: (id, password) =>
      Effect.suspend(() => {
        const row = read(id)
        return Effect.as(reading, Option.filter(row, (row) => row.password === password))
      }),
    setPassword: (id, password) =>
      Effect.map(DateTime.now, (now) => {
        const stamp = Option.match(read(id), { onNone: () => 1, onSome: ({ stamp }) => stamp + 1 })
        const row = { id, stamp, password, changedAt: DateTime.toEpochMillis(now) }
        rows.set(id, row)
        return row
      })
  })
  return { read, service, remove: (id: string) => Effect.sync(() => rows.delete(id)) }
}

const setup = Effect.gen(function*() {
  const store = yield* makeStore
  const node = yield* makeNode(AppSession, store)
  const users = makeUsers()
  const enter = (browser: Browser, password: string, reading?: Effect.Effect<void>) =>
    node.visit(browser, Effect.provideService(signIn("ada", password), Users, users.service(reading)))
  const change = (browser: Browser, current: string, next: string) =>
    node.visit(browser, Effect.provideService(changePassword(current, next), Users, users.service()))
  const page = (browser: Browser) =>
    Effect.map(
      node.visit(browser, Effect.provideService(currentUser, Users, users.service())),
      ({ status }) => status
    )
  const signedIn = Effect.fnUntraced(function*() {
    const browser = new Browser()
    assert.strictEqual((yield* enter(browser, "old")).status, 204)
    return browser
  })
  return { store, node, users, enter, change, page, signedIn }
})

/** The race: a sign-in that has read the old password is written after the password was changed and all were ended. */
const race = Effect.gen(function*() {
  const app = yield* setup
  const here = yield* app.signedIn()
  const late = new Browser()
  const hasRead = yield* Deferred.make<void>()
  const proceed = yield* Deferred.make<void>()
  const entering = yield* Effect.fork(
    app.enter(late, "old", Effect.zipRight(Deferred.succeed(hasRead, void 0), Deferred.await(proceed)))
  )
  yield* Deferred.await(hasRead)
  yield* TestClock.adjust("1 seconds")
  assert.strictEqual((yield* app.change(here, "old", "new")).status, 204)
  yield* TestClock.adjust("1 seconds")
  yield* Deferred.succeed(proceed, void 0)
  assert.strictEqual((yield* Fiber.join(entering)).status, 204)
  return { ...app, here, late }
})

describe("A security stamp", () => {
  effect(
    "ends a sign-in that read the old password and was written after all were ended: 401, and the row is gone",
    () =>
      Effect.gen(function*() {
        const { here, late, node, page } = yield* race
        assert.lengthOf(yield* node.sessions.listByUser("ada"), 2)
        assert.strictEqual(yield* page(late), 401)
        assert.lengthOf(yield* node.sessions.listByUser("ada"), 1)
        assert.isUndefined(late.header)
        assert.strictEqual(yield* page(here), 200)
      })
  )

  effect("lets a sign-in with the new password pass, and none with the old one", () =>
    Effect.gen(function*() {
      const { enter, page } = yield* race
      const browser = new Browser()
      assert.strictEqual((yield* enter(browser, "old")).status, 403)
      assert.strictEqual((yield* enter(browser, "new")).status, 204)
      assert.strictEqual(yield* page(browser), 200)
    }))

  effect("turns the other devices away where the store fails to end them", () =>
    Effect.gen(function*() {
      const { change, page, signedIn, store } = yield* setup
      const here = yield* signedIn()
      const there = yield* signedIn()
      breakDown(store, "deleteByUser")
      assert.strictEqual((yield* change(here, "old", "new")).status, 503)
      store.interfere(leaveAlone)
      assert.deepStrictEqual([yield* page(here), yield* page(there)], [401, 401])
    }))

  effect("costs one read from the store", () =>
    Effect.gen(function*() {
      const { page, signedIn, store } = yield* setup
      const here = yield* signedIn()
      store.take()
      yield* page(here)
      assert.deepStrictEqual(store.take(), ["read"])
    }))

  effect("keeps the sessions of a store that is down: 503, no cookie cleared", () =>
    Effect.gen(function*() {
      const { page, signedIn, store } = yield* setup
      const here = yield* signedIn()
      breakDown(store, "read")
      assert.strictEqual(yield* page(here), 503)
      store.interfere(leaveAlone)
      assert.strictEqual(yield* page(here), 200)
    }))

  effect("ends the session of a user who is gone", () =>
    Effect.gen(function*() {
      const { page, signedIn, users } = yield* setup
      const here = yield* signedIn()
      yield* users.remove("ada")
      assert.strictEqual(yield* page(here), 401)
    }))

  describe("that is missing", () => {
    effect("leaves such a sign-in signed in", () =>
      Effect.gen(function*() {
        const { late, node, users } = yield* race
        const { status } = yield* node.visit(late, SessionGuard.required(AppSession, users.service().find))
        assert.strictEqual(status, 200)
      }))

    effect(
      "cannot be replaced by the time of the sign-in, which is later than the change",
      () =>
        Effect.gen(function*() {
          const { late, node, users } = yield* race
          const byTime = Effect.flatMap(AppSession, (session) =>
            SessionGuard.required(AppSession, (id) =>
              Effect.map(session.info, (info) =>
                Option.filter(users.read(id), ({ changedAt }) =>
                  Option.exists(
                    Option.flatMap(info, ({ authenticatedAt }) =>
                      authenticatedAt),
                    (at) =>
                      DateTime.toEpochMillis(at) >= changedAt
                  )))))
          assert.strictEqual((yield* node.visit(late, byTime)).status, 200)
        })
    )
  })
})
