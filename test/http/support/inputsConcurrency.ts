import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type AppHandle,
  type AppOptions,
  type Browser,
  browserWith,
  incrementCount,
  recordsOf,
  rowsOf,
  signOut,
  use
} from "../../support/app.js"
import { breakDown, leaveAlone, type Operation } from "../../support/observedStore.js"
import { duringRequest, justBefore } from "../../support/overlap.js"
import { knownId } from "./ids.js"
import {
  cookieOf,
  expectAnonymous,
  expectVictim,
  type Input,
  seen,
  victimApp,
  victimData,
  victimRow
} from "./inputs.js"
import type { SocketApp } from "./socketApp.js"

const id = Redacted.make(knownId)

const isCleared = (setCookies: ReadonlyArray<string>): boolean =>
  setCookies.length === 1 && /^__Host-sid=; Max-Age=0; /.test(setCookies[0] ?? "")

/** The session of the victim, in a browser. */
const owned = (
  f: (app: SocketApp, browser: Browser) => Effect.Effect<unknown, unknown, Scope.Scope>,
  options: AppOptions = {}
): Effect.Effect<unknown, unknown, Scope.Scope> =>
  Effect.flatMap(victimApp(options), (app) => f(app, browserWith(knownId)))

const dataOf = (app: SocketApp) =>
  Effect.map(app.sessions.read(id), (session) => Option.getOrUndefined(Option.map(session, ({ data }) => data)))

/** The client hangs up while the store is at `operation`; the store goes on, or not. */
const abortedDuring = (operation: Operation, work: (session: AppHandle) => Effect.Effect<unknown, unknown>) =>
  owned((app, browser) =>
    Effect.gen(function*() {
      const reached = yield* Deferred.make<void>()
      const left = yield* Deferred.make<void>()
      app.store.interfere((current, effect) =>
        current !== operation ? effect : Effect.onExit(
          Effect.zipRight(Deferred.succeed(reached, void 0), Effect.zipRight(Effect.yieldNow(), effect)),
          () => Deferred.succeed(left, void 0)
        )
      )
      const request = yield* Effect.fork(app.visit(browser, use(work)))
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(request)
      yield* Deferred.await(left)
      app.store.interfere(leaveAlone)
      const sessions = yield* recordsOf(app, "ada")
      if (operation === "delete") assert.isAtMost(sessions.length, 1)
      else assert.lengthOf(sessions, 1)
      assert.strictEqual(yield* rowsOf(app), sessions.length)
    })
  )

export const concurrencyInputs: ReadonlyArray<Input> = [
  {
    number: 61,
    input: "destroy during save",
    outcome: "destroy wins, save is a 401 and leaves the cookie as it is",
    run: Effect.all([
      owned((app, browser) =>
        Effect.gen(function*() {
          const answer = yield* duringRequest(app, browser, (session) =>
            session.update(addNote("x")), app.sessions.destroy(id))
          assert.deepStrictEqual([answer.status, answer.setCookies], [401, []])
          assert.strictEqual(yield* rowsOf(app), 0)
        })
      ),
      owned((app, browser) =>
        Effect.gen(function*() {
          const answer = yield* justBefore(
            app,
            "update",
            browser,
            (session) => session.update(addNote("x")),
            app.sessions.destroy(id)
          )
          assert.strictEqual(answer.status, 401)
          assert.strictEqual(yield* rowsOf(app), 0)
        })
      )
    ])
  },
  {
    number: 62,
    input: "destroy during touch",
    outcome: "no row after",
    run: owned((app, browser) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("2 minutes")
        const answer = yield* justBefore(app, "touch", browser, (session) => session.get, app.sessions.destroy(id))
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(yield* rowsOf(app), 0)
      })
    )
  },
  {
    number: 63,
    input: "rotate during save with the old id",
    outcome: "save fails with a 409 and never brings the old row back",
    run: owned((app, browser) =>
      Effect.gen(function*() {
        const answer = yield* duringRequest(app, browser, (session) =>
          session.update(addNote("x")), app.sessions.rotate(id))
        assert.deepStrictEqual([answer.status, answer.setCookies], [409, []])
        assert.strictEqual(yield* rowsOf(app), 1)
        assert.isUndefined(yield* dataOf(app))
      })
    )
  },
  {
    number: 64,
    input: "rotate during rotate",
    outcome: "exactly one successor, the loser gets a 409",
    run: owned((app, browser) =>
      Effect.gen(function*() {
        const answer = yield* justBefore(app, "rotate", browser, (session) => session.rotate, app.sessions.rotate(id))
        assert.deepStrictEqual([answer.status, answer.setCookies], [409, []])
        assert.strictEqual(yield* rowsOf(app), 1)
        assert.isUndefined(yield* dataOf(app))
      })
    )
  },
  {
    number: 65,
    input: "the end of all sessions of a user during rotate",
    outcome: "old and new are gone, whichever came first",
    run: Effect.all([
      owned((app, browser) =>
        Effect.gen(function*() {
          yield* justBefore(app, "rotate", browser, (session) => session.rotate, app.sessions.destroyByUser("ada"))
          assert.strictEqual(yield* rowsOf(app), 0)
        })
      ),
      owned((app, browser) =>
        Effect.gen(function*() {
          yield* app.visit(browser, use((session) => session.rotate))
          assert.strictEqual(yield* app.sessions.destroyByUser("ada"), 1)
          assert.strictEqual(yield* rowsOf(app), 0)
        })
      )
    ])
  },
  {
    number: 66,
    input: "a sign-in that began before all sessions were ended",
    outcome: "does not survive",
    elsewhere: "there is no epoch per user: an app that ends all sessions after a change of password has to check the "
      + "password it signs in with in the same transaction"
  },
  {
    number: 67,
    input: "save during save, of different parts",
    outcome: "both are there",
    run: owned((app, browser) =>
      Effect.gen(function*() {
        const answer = yield* duringRequest(
          app,
          browser,
          (session) => session.update(addNote("this")),
          app.sessions.update(id, (data) => ({ ...data, count: data.count + 1 }))
        )
        assert.strictEqual(answer.status, 200)
        assert.deepStrictEqual(yield* dataOf(app), { ...victimData, count: 42, notes: ["a secret note", "this"] })
      })
    )
  },
  { number: 68, input: "two readers of a flash message at once", outcome: "one gets it", elsewhere: "flash.test.ts" },
  {
    number: 69,
    input: "create at the limit during create",
    outcome: "never one too many",
    elsewhere: "the number of sessions of a user is not limited; the capacity of the memory store is, see 58"
  },
  {
    number: 70,
    input: "cleanup during touch of the same row",
    outcome: "the live row survives",
    elsewhere: "the conformance suite of stores, on every database: test/conformance.test.ts"
  },
  {
    number: 71,
    input: "a request aborted during save, rotate, destroy",
    outcome: "all of it or nothing: never two rows, never half a rotation",
    run: Effect.all([
      abortedDuring("update", (session) => session.update(addNote("x"))),
      abortedDuring("rotate", (session) => session.rotate),
      abortedDuring("rotate", (session) => session.signIn("ada")),
      abortedDuring("delete", (session) => session.signOut)
    ])
  },
  {
    number: 72,
    input: "a handler that fails after it wrote to the session",
    outcome: "nothing is committed; a destroy that happened stays, with its Set-Cookie",
    run: Effect.all([
      owned((app, browser) =>
        Effect.gen(function*() {
          for (const failure of [Effect.fail("broken"), Effect.die("broken")]) {
            const answer = yield* app.visit(browser, Effect.zipRight(incrementCount, failure))
            assert.strictEqual(answer.status, 500)
            assert.deepStrictEqual(answer.setCookies, [])
            assert.deepStrictEqual(yield* dataOf(app), victimData)
          }
        })
      ),
      owned((app, browser) =>
        Effect.gen(function*() {
          const answer = yield* app.visit(browser, Effect.zipRight(signOut, Effect.die("broken")))
          assert.strictEqual(answer.status, 500)
          assert.isTrue(isCleared(answer.setCookies))
          assert.strictEqual(yield* rowsOf(app), 0)
        })
      )
    ])
  },
  {
    number: 73,
    input: "a store that is down, slow, or returns the wrong row",
    outcome: "a 5xx in time, the cookie untouched",
    run: Effect.gen(function*() {
      const works: ReadonlyArray<readonly [Operation, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
        ["read", (session) => session.get],
        ["update", (session) => session.update(addNote("x"))],
        ["delete", (session) => session.signOut]
      ]
      for (const [broken, work] of works) {
        yield* owned((app, browser) =>
          Effect.gen(function*() {
            breakDown(app.store, broken)
            const answer = yield* app.visit(browser, use(work))
            assert.strictEqual(answer.status, 503, broken)
            assert.deepStrictEqual(answer.setCookies, [], broken)
            app.store.interfere(leaveAlone)
            yield* expectVictim(app, [`Cookie: ${cookieOf(app, knownId)}`], broken)
          })
        )
      }
      yield* owned((app, browser) =>
        Effect.gen(function*() {
          const reached = yield* Deferred.make<void>()
          app.store.interfere((operation, effect) =>
            operation === "update" ? Effect.zipRight(Deferred.succeed(reached, void 0), Effect.never) : effect
          )
          const request = yield* Effect.fork(app.visit(browser, incrementCount))
          yield* Deferred.await(reached)
          yield* TestClock.adjust("10 seconds")
          const answer = yield* Fiber.join(request)
          assert.strictEqual(answer.status, 503)
          assert.deepStrictEqual(answer.setCookies, [])
        }), { storeTimeout: "5 seconds" })
      const store = yield* SessionStore.makeMemory()
      const wrong = { ...victimRow(), key: "another key" }
      yield* owned(
        (app, browser) =>
          Effect.gen(function*() {
            const answer = yield* app.visit(browser, seen)
            assert.strictEqual(answer.status, 503)
            assert.deepStrictEqual(answer.setCookies, [])
            assert.notInclude(JSON.stringify(answer.body), "secret note")
          }),
        { store: { ...store, read: () => Effect.succeedSome(wrong) } }
      )
    })
  },
  {
    number: 74,
    input: "a store that deletes 0 rows on destroy",
    outcome: "success for the caller, the cookie is cleared",
    run: owned((app, browser) =>
      Effect.gen(function*() {
        yield* app.sessions.destroy(id)
        const answer = yield* app.visit(browser, signOut)
        assert.strictEqual(answer.status, 200)
        assert.isTrue(isCleared(answer.setCookies))
      })
    )
  },
  {
    number: 75,
    input: "a write to the session once the response is on its way",
    outcome: "a typed error, never silently lost",
    elsewhere: "responsesLate.test.ts"
  },
  {
    number: 76,
    input: "CSRF tokens that are missing, of others, old, misplaced, doubled, huge",
    outcome: "403",
    elsewhere: "csrf.test.ts"
  },
  { number: 77, input: "origins that are null or look alike", outcome: "403", elsewhere: "csrf.test.ts" },
  {
    number: 78,
    input: "methods overridden, unknown, in lower case",
    outcome: "judged by the real method",
    elsewhere: "csrf.test.ts"
  },
  {
    number: 79,
    input: "Sec-Fetch-Site of same-site, unknown, doubled",
    outcome: "403, or the rule of origins",
    elsewhere: "csrf.test.ts"
  },
  {
    number: 80,
    input: "X-Forwarded-Proto: https on plain http, from nobody we trust",
    outcome: "not believed: the cookie is the same, and the warning is logged",
    run: Effect.gen(function*() {
      for (const trustedProxy of [false, true]) {
        const logged: Array<string> = []
        yield* Effect.gen(function*() {
          const app = yield* victimApp({ middleware: { trustedProxy } })
          const answer = yield* app.raw({ headers: ["X-Forwarded-Proto: https"] }, incrementCount)
          assert.match(answer.setCookies.join(), /^__Host-sid=[\w-]{22}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
          assert.lengthOf(logged.filter((line) => line.includes("plain http")), trustedProxy ? 0 : 1)
        }).pipe(
          Effect.provide(
            Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => logged.push(String(message))))
          )
        )
      }
    })
  },
  {
    number: 81,
    input: "HEAD, OPTIONS, 304, prefetch and prerender",
    outcome: "no row, no rotation",
    run: Effect.gen(function*() {
      const app = yield* victimApp()
      const header = `Cookie: ${cookieOf(app, knownId)}`
      for (const method of ["HEAD", "OPTIONS", "GET"]) {
        for (
          const purpose of [
            "Sec-Purpose: prefetch",
            "Sec-Purpose: prefetch;prerender",
            "Purpose: prefetch",
            "X-Nothing: 1"
          ]
        ) {
          for (const status of [200, 204, 304]) {
            const handler = Effect.as(seen, HttpServerResponse.empty({ status }))
            const visitor = yield* app.raw({ method, headers: [purpose] }, handler)
            assert.deepStrictEqual([visitor.status, visitor.setCookies], [status, []])
            const owner = yield* app.raw({ method, headers: [purpose, header] }, handler)
            assert.deepStrictEqual([owner.status, owner.setCookies], [status, []])
            assert.deepStrictEqual(app.store.take(), ["read"])
          }
        }
      }
      assert.strictEqual(yield* rowsOf(app), 1)
    })
  },
  {
    number: 82,
    input: "a User-Agent of 1 MB, or with marks of direction",
    outcome: "nothing of it is stored",
    elsewhere: "no label of the client is kept by the library; that such requests work is checked all the same",
    run: Effect.gen(function*() {
      const app = yield* victimApp()
      const header = `Cookie: ${cookieOf(app, knownId)}`
      for (const agent of ["a".repeat(1_000_000), "\xe2\x80\xae\xe2\x80\x8f", "'; DROP TABLE sessions;--"]) {
        yield* expectVictim(app, [header, `User-Agent: ${agent}`], "a user agent")
        yield* expectAnonymous(app, [`User-Agent: ${agent}`], [], "a user agent")
      }
    })
  }
]
