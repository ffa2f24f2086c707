import { assert, describe, effect } from "@effect/vitest"
import { SessionGuard } from "effect-sessions"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { addNote, AppSession, Browser, increment, makeApp, readData, use } from "../support/app.js"

const minute = 60_000

const guarded = Effect.as(SessionGuard.fresh(AppSession, "10 minutes"), "done")

const signedIn = Effect.gen(function*() {
  const app = yield* makeApp()
  const browser = new Browser()
  yield* app.visit(browser, use((session) => session.signIn("ada")))
  yield* app.visit(browser, use((session) => session.update(addNote("kept"))))
  return { app, browser }
})

describe("SessionGuard.fresh", () => {
  effect(
    "lets a sign-in through that is no older than it says, to the millisecond, however much it is used",
    () =>
      Effect.gen(function*() {
        const { app, browser } = yield* signedIn
        assert.strictEqual((yield* app.visit(browser, guarded)).status, 200)
        yield* TestClock.adjust(10 * minute)
        yield* app.visit(browser, use((session) => Effect.zipRight(session.update(increment), session.touch)))
        assert.strictEqual((yield* app.visit(browser, guarded)).status, 200)
        yield* TestClock.adjust(1)
        const { body, status } = yield* app.visit(browser, guarded)
        assert.strictEqual(status, 403)
        assert.deepStrictEqual(body, {
          _tag: "SessionNotFresh",
          reason: "SignInTooOld",
          maxAge: 600_000,
          message: "The sign-in is too old for this: sign in again first"
        })
      })
  )

  effect("is no sign-in: a new id does not make a session fresh", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* signedIn
      yield* TestClock.adjust(11 * minute)
      yield* app.visit(browser, use((session) => session.rotate))
      assert.strictEqual((yield* app.visit(browser, guarded)).status, 403)
    }))

  effect(
    "lets the user back in who signs in again, with his data, under his public handle",
    () =>
      Effect.gen(function*() {
        const { app, browser } = yield* signedIn
        const handleOf = use((session) => Effect.map(session.info, Option.map(({ handle }) => handle)))
        const before = yield* app.visit(browser, handleOf)
        yield* TestClock.adjust(11 * minute)
        yield* app.visit(browser, use((session) => session.signIn("ada", { carry: (data) => data })))
        assert.strictEqual((yield* app.visit(browser, guarded)).status, 200)
        assert.deepStrictEqual((yield* app.visit(browser, handleOf)).body, before.body)
        assert.deepStrictEqual(
          (yield* app.visit(browser, use((session) => Effect.map(session.get, ({ notes }) => notes)))).body,
          ["kept"]
        )
      })
  )

  effect("answers 401 where nobody is signed in, and says why", () =>
    Effect.gen(function*() {
      const { app } = yield* signedIn
      const visitor = new Browser()
      const reasonOf = Effect.map(app.visit(visitor, guarded), ({ body, status }) => [status, body])
      const nobody = (reason: string) => [
        401,
        { _tag: "SessionUnauthenticated", reason, message: "Nobody is signed in" }
      ]
      assert.deepStrictEqual(yield* reasonOf, nobody("Missing"))
      yield* app.visit(visitor, use((session) => session.update(increment)))
      assert.deepStrictEqual(yield* reasonOf, nobody("Visitor"))
    }))

  effect("leads a page to where one signs in again", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* signedIn
      yield* TestClock.adjust(11 * minute)
      const page = Effect.catchAll(
        SessionGuard.orSignInAgain("/confirm")(guarded),
        (error) => "_tag" in error ? Effect.fail(error) : Effect.succeed(error)
      )
      const { headers, status } = yield* app.visit(browser, page)
      assert.deepStrictEqual([status, headers.get("location")], [302, "/confirm"])
      assert.strictEqual((yield* app.visit(browser, readData)).status, 200)
    }))

  for (const maxAge of ["500 millis", "400 days", Infinity, NaN, -1] as const) {
    effect(`with an age of ${maxAge} dies with what to change`, () =>
      Effect.gen(function*() {
        const { app, browser } = yield* signedIn
        const exits: Array<Exit.Exit<unknown, unknown>> = []
        yield* app.visit(
          browser,
          Effect.map(Effect.exit(SessionGuard.fresh(AppSession, maxAge)), (exit) => void exits.push(exit))
        )
        const [exit = Exit.void] = exits
        assert.match(
          String(Exit.isFailure(exit) && Cause.squash(exit.cause)),
          /SessionGuard.fresh: maxAge must be a finite duration of whole milliseconds, from 1 seconds to 365 days/
        )
      }))
  }
})
