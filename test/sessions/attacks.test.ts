import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { SessionCookie } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type AppHandle,
  Browser,
  browserWith,
  type Data,
  increment,
  makeApp,
  readData,
  recordsOf,
  rowsOf,
  signOut,
  tabOf,
  use,
  userOf
} from "../support/app.js"
import { leaveAlone, unavailable } from "../support/observedStore.js"
import { beforeStore, duringRequest } from "../support/overlap.js"

const data: Data = { count: 1, notes: [], settings: {} }

const ada = Effect.gen(function*() {
  const app = yield* makeApp()
  const { browser } = yield* app.browserWithSession({ data, user: "ada" })
  return { app, browser, tab: tabOf(browser), rotate: app.visit(browser, use((session) => session.rotate)) }
})

/** Changes the data in place, as a mutable schema lets one. */
const pushNote = (note: string) => (data: Data): Data => {
  Reflect.apply(Array.prototype.push, data.notes, [note])
  return { ...data }
}

describe("A sign-out ends what this request has read", () => {
  const failing: ReadonlyArray<readonly [string, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
    ["a change", (session) => Effect.zipRight(session.update(increment), session.commit)],
    ["a sign-in", (session) => Effect.zipRight(session.signIn("ada"), session.commit)],
    ["a rotation", (session) => Effect.zipRight(session.rotate, session.commit)]
  ]
  for (const [what, fails] of failing) {
    for (const renames of [1, 2, 3, 4]) {
      effect(`after ${what} failed since it was renamed ${renames} times`, () =>
        Effect.gen(function*() {
          const { app, browser, rotate, tab } = yield* ada
          const answer = yield* duringRequest(
            app,
            tab,
            (session) => session.get,
            Effect.repeatN(rotate, renames - 1),
            (session) => Effect.zipRight(Effect.ignore(fails(session)), session.signOut)
          )
          assert.strictEqual(answer.status, 200)
          assert.strictEqual(yield* rowsOf(app), 0)
          assert.strictEqual((yield* app.visit(browser, userOf)).body, null)
        }))
    }
  }

  effect("in the body of a stream, after three renames", () =>
    Effect.gen(function*() {
      const { app, rotate, tab } = yield* ada
      const body = (session: AppHandle) =>
        Effect.zipRight(Effect.repeatN(rotate, 2), Effect.as(session.signOut, new TextEncoder().encode("x")))
      yield* app.visit(
        tab,
        use((session) =>
          Effect.as(session.get, HttpServerResponse.stream(Stream.orDie(Stream.fromEffect(body(session)))))
        )
      )
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("and what a sign-in of unknown outcome may have left", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      yield* app.visit(
        new Browser(),
        use((session) =>
          Effect.gen(function*() {
            yield* session.update(increment)
            yield* session.commit
            yield* app.store.service.clear()
            yield* session.signIn("ada")
            let isInserted = false
            app.store.interfere((operation, effect) => {
              if (operation === "read" && isInserted) return Effect.fail(unavailable(operation))
              if (operation !== "insert") return effect
              isInserted = true
              return Effect.zipRight(effect, Effect.fail(unavailable(operation, true)))
            })
            assert.isTrue(Exit.isFailure(yield* Effect.exit(session.commit)))
            app.store.interfere(leaveAlone)
            yield* session.signOut
          })
        )
      )
      assert.strictEqual(yield* rowsOf(app), 0)
    }))
})

describe("A change that throws when it is applied again", () => {
  const once = (): (data: Data) => Data => {
    let calls = 0
    return (data) => {
      calls++
      return calls === 2 ? assert.fail("no more") : { ...data, notes: [...data.notes, "thrown"] }
    }
  }

  for (const isDisturbed of [false, true]) {
    effect(
      `leaves the commit before it done, ${isDisturbed ? "also" : "not"} beside another's change`,
      () =>
        Effect.gen(function*() {
          const { app, browser, tab } = yield* ada
          const other = isDisturbed ? app.visit(tab, use((session) => session.update(increment))) : Effect.void
          const throwing = once()
          const { body, status } = yield* app.visit(
            browser,
            use((session) =>
              Effect.gen(function*() {
                yield* session.update(increment)
                const staged = Effect.zipRight(other, session.update(throwing))
                return Exit.isSuccess(yield* Effect.exit(beforeStore(app, "update", session.commit, staged)))
              })
            )
          )
          // The change that throws belongs to the commit of the response.
          assert.deepStrictEqual([status, body], [500, ""])
          assert.deepInclude((yield* app.visit(browser, readData)).body, { count: isDisturbed ? 3 : 2, notes: [] })
        })
    )
  }

  effect("does not keep the cookie of a sign-in from the browser", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ada
      const throwing = once()
      const { status } = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* session.signIn("ada")
            yield* beforeStore(app, "rotate", session.commit, session.update(throwing))
            return yield* Effect.fail("boom")
          })
        )
      )
      assert.strictEqual(status, 500)
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
    }))
})

describe("Data that is changed in place", () => {
  effect("while a commit is on its way is written once", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ada
      yield* app.visit(
        browser,
        use((session) =>
          Effect.zipRight(
            session.update(addNote("a")),
            beforeStore(app, "update", session.commit, session.update(pushNote("b")))
          )
        )
      )
      assert.deepInclude((yield* app.visit(browser, readData)).body, { notes: ["a", "b"] })
    }))

  effect("and could not be written is dropped", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ada
      yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* session.update(pushNote("a"))
            app.store.interfere((operation, effect) =>
              operation === "update" ? Effect.fail(unavailable(operation)) : effect
            )
            yield* Effect.ignore(session.commit)
            app.store.interfere(leaveAlone)
            assert.deepInclude(yield* session.get, { count: 1, notes: [] })
            yield* session.update(increment)
          })
        )
      )
      assert.deepInclude((yield* app.visit(browser, readData)).body, { count: 2, notes: [] })
    }))
})

for (const hasAnother of [false, true]) {
  effect(
    `a request that was told of the end of its session cannot sign in again by ending ${
      hasAnother ? "another of the user's" : "none"
    }`,
    () =>
      Effect.gen(function*() {
        const { app, browser, tab } = yield* ada
        if (hasAnother) yield* app.browserWithSession({ user: "ada", data })
        const { status } = yield* duringRequest(
          app,
          tab,
          (session) => session.user,
          app.visit(browser, signOut),
          (session) =>
            Effect.gen(function*() {
              yield* Effect.ignore(Effect.zipRight(session.update(increment), session.commit))
              yield* Effect.orDie(app.sessions.destroyByUser("ada"))
              yield* session.signIn("ada")
            })
        )
        assert.strictEqual(status, 401)
        assert.strictEqual((yield* recordsOf(app, "ada")).length, 0)
      })
  )
}

effect("a read that takes its time does not hide what another fiber wrote first", () =>
  Effect.gen(function*() {
    for (let operations = 18; operations <= 45; operations++) {
      const app = yield* makeApp()
      const browser = new Browser()
      const { status } = yield* app.visit(
        browser,
        use((session) =>
          Effect.all(
            [
              Effect.withMaxOpsBeforeYield(session.get, operations),
              Effect.zipRight(session.signIn("ada"), session.commit)
            ],
            { concurrency: "unbounded" }
          )
        )
      )
      assert.deepStrictEqual([status, (yield* app.visit(browser, userOf)).body], [200, "ada"], `${operations} steps`)
    }
  }))

effect(
  "what an app changes that runs inside another request's handler is lost, and that is said",
  () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const alice = yield* app.browserWithSession({ user: "alice", data })
      const bob = yield* app.browserWithSession({ user: "bob", data })
      const inner = app.withSession(use((session) => session.update(increment)))
      const request = new Request("https://app.test/", { headers: { cookie: alice.browser.header ?? "" } })
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => {
        said.push(String(message))
      })
      const { status } = yield* app.visit(
        bob.browser,
        Effect.provideService(inner, HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request))
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      assert.strictEqual(status, 200)
      assert.strictEqual(said.filter((line) => /is lost.*web handler/.test(line)).length, 1)
    })
)

for (const order of [["touch", "background"], ["background", "touch"]] as const) {
  effect(`a touch counts, also in the background: ${order.join(", then ")}`, () =>
    Effect.gen(function*() {
      const { app, browser } = yield* ada
      yield* TestClock.adjust("5 minutes")
      app.store.take()
      yield* app.visit(browser, use((session) => Effect.all(order.map((operation) => session[operation]))))
      assert.deepStrictEqual(app.store.take(), ["read", "touch"])
    }))
}

effect("what is no handle names no session, and excepts none", () =>
  Effect.gen(function*() {
    const { app } = yield* ada
    const [record] = yield* recordsOf(app, "ada")
    app.store.take()
    for (const handle of ["", "\u0000", "\ud800", "é", `${record?.handle} `, `${record?.handle}x`]) {
      assert.isFalse(yield* app.sessions.destroyByHandle("ada", handle))
    }
    assert.deepStrictEqual(app.store.take(), [])
    assert.strictEqual(yield* app.sessions.destroyByUser("ada", { except: `${record?.handle} ` }), 1)
  }))

describe("A cookie policy", () => {
  effect(
    "may have former names that differ in their prefix only, where there are no prefixes",
    () =>
      Effect.gen(function*() {
        const formerNames = ["__Host-old", "__Secure-old", "old"]
        const policy = yield* SessionCookie.make({ insecure: true, formerNames })
        assert.deepStrictEqual(policy.formerNames, ["old"])
      })
  )

  effect("whose date has passed is refused, for nobody could sign in", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 day")
      const error = yield* Effect.flip(SessionCookie.make({ expires: new Date(86_400_000) }))
      assert.include(error.message, "expires has passed")
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(SessionCookie.make({ expires: new Date(86_401_000) }))))
    }))
})

effect("a rotation where several sessions are live is refused", () =>
  Effect.gen(function*() {
    const app = yield* makeApp()
    const one = yield* app.browserWithSession({ data })
    const two = yield* app.browserWithSession({ data })
    const cookies = `${one.cookie}; __Host-sid=${two.cookie}`
    const { status } = yield* app.visit(browserWith(cookies), use((session) => session.rotate))
    assert.strictEqual(status, 409)
    for (const { id } of [one, two]) assert.isTrue(Option.isSome(yield* app.sessions.read(id)))
  }))
