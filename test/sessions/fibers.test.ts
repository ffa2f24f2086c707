import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { SessionError, SessionStore } from "effect-sessions"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type App,
  type AppHandle,
  Browser,
  browserWith,
  increment,
  makeApp,
  readData,
  rowsOf,
  signOut,
  use,
  userOf,
  webHandler
} from "../support/app.js"
import { leaveAlone, type Operation, unavailable } from "../support/observedStore.js"

const data = { count: 1, notes: [], settings: {} }

const started = Effect.gen(function*() {
  const app = yield* makeApp()
  return { app, ...(yield* app.browserWithSession({ data })) }
})

/** From now on one operation of the store waits until it is told to go on, and then does what it is asked or fails. */
const hold = (app: App, held: Operation, fails = false) =>
  Effect.gen(function*() {
    const reached = yield* Deferred.make<void>()
    const proceed = yield* Deferred.make<void>()
    app.store.interfere((operation, effect) =>
      operation !== held ? effect : Effect.zipRight(
        Effect.zipRight(Deferred.succeed(reached, void 0), Deferred.await(proceed)),
        fails ? Effect.fail(unavailable(operation)) : effect
      )
    )
    return { reached: Deferred.await(reached), proceed: Deferred.succeed(proceed, void 0) }
  })

const outcome = <E extends { readonly _tag: string }>(effect: Effect.Effect<unknown, E>): Effect.Effect<string> =>
  Effect.match(effect, { onSuccess: () => "done", onFailure: ({ _tag }) => _tag })

describe("Fibers of one request, however they take turns", () => {
  for (const operations of [12, 13, 17, 19, 23, 29]) {
    effect(`after ${operations} steps: no change is lost, and each is written once`, () =>
      Effect.gen(function*() {
        const { app, browser } = yield* started
        const answer = yield* Effect.withMaxOpsBeforeYield(
          app.visit(
            browser,
            use((session) =>
              Effect.all(
                Array.from({ length: 20 }, (_, index) =>
                  Effect.all([
                    session.update(increment),
                    index % 5 === 1 ? session.touch : Effect.void,
                    index % 5 === 2 ? session.background : Effect.void,
                    index % 5 === 3 ? session.commit : session.get,
                    session.modify((data) => ["", increment(data)])
                  ])),
                { concurrency: "unbounded" }
              )
            )
          ),
          operations
        )
        assert.strictEqual(answer.status, 200)
        assert.deepInclude((yield* app.visit(browser, readData)).body, { count: 41 })
      }))
  }
})

describe("Two fibers of one request that commit", () => {
  for (const fails of [false, true]) {
    effect(
      `what the first has taken of the second is ${fails ? "dropped for both" : "written for both"}`,
      () =>
        Effect.gen(function*() {
          const { app, browser } = yield* started
          const { proceed, reached } = yield* hold(app, "update", fails)
          const { body } = yield* app.visit(
            browser,
            use((session) =>
              Effect.gen(function*() {
                yield* session.update(addNote("one"))
                yield* session.update(addNote("two"))
                const one = yield* Effect.fork(outcome(session.commit))
                yield* reached
                const two = yield* Effect.fork(outcome(session.commit))
                yield* Effect.yieldNow()
                app.store.interfere(leaveAlone)
                yield* proceed
                return [yield* Fiber.join(one), yield* Fiber.join(two)]
              })
            )
          )
          const told = fails ? "SessionStoreError" : "done"
          assert.deepStrictEqual(body, [told, told])
          const { body: after } = yield* app.visit(browser, readData)
          assert.deepInclude(after, { notes: fails ? [] : ["one", "two"] })
        })
    )

    effect(
      `what is staged while the first is on its way is written by the second, if the first ${
        fails ? "fails" : "works"
      }`,
      () =>
        Effect.gen(function*() {
          const { app, browser } = yield* started
          const { proceed, reached } = yield* hold(app, "update", fails)
          const { body } = yield* app.visit(
            browser,
            use((session) =>
              Effect.gen(function*() {
                yield* session.update(addNote("one"))
                const one = yield* Effect.fork(outcome(session.commit))
                yield* reached
                yield* session.update(addNote("two"))
                const two = yield* Effect.fork(outcome(session.commit))
                yield* Effect.yieldNow()
                app.store.interfere(leaveAlone)
                yield* proceed
                return [yield* Fiber.join(one), yield* Fiber.join(two), (yield* session.get).notes]
              })
            )
          )
          // Who staged what, nobody knows: a commit is told of all that it was to write.
          const told = fails ? "SessionStoreError" : "done"
          const notes = fails ? [] : ["one", "two"]
          assert.deepStrictEqual(body, [told, told, notes])
          assert.deepInclude((yield* app.visit(browser, readData)).body, { notes })
        })
    )
  }

  effect("a failure that was told before is not told again", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      app.store.interfere((operation, effect) => operation === "rotate" ? Effect.fail(unavailable(operation)) : effect)
      const answer = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* session.rotate
            yield* Effect.flip(session.commit)
            app.store.interfere(leaveAlone)
            yield* session.rotate
            yield* session.commit
          })
        )
      )
      assert.strictEqual(answer.status, 200)
      assert.lengthOf(answer.setCookies, 1)
    }))

  const late: ReadonlyArray<readonly [string, (session: AppHandle) => Effect.Effect<unknown, unknown>, unknown]> = [
    ["a sign-in", (session) => session.signIn("ada"), "ada"],
    ["a new id", (session) => session.rotate, null]
  ]
  for (const [what, stage, user] of late) {
    effect(
      `${what} that is staged while an update is on its way is written with the response`,
      () =>
        Effect.gen(function*() {
          const { app, browser, id } = yield* started
          const { proceed, reached } = yield* hold(app, "update")
          const answer = yield* app.visit(
            browser,
            use((session) =>
              Effect.gen(function*() {
                yield* session.update(increment)
                const commit = yield* Effect.fork(session.commit)
                yield* reached
                yield* stage(session)
                app.store.interfere(leaveAlone)
                yield* proceed
                yield* Fiber.join(commit)
              })
            )
          )
          assert.strictEqual(answer.status, 200)
          assert.lengthOf(answer.setCookies, 1)
          assert.strictEqual((yield* app.visit(browser, userOf)).body, user)
          assert.isTrue(Option.isNone(yield* app.sessions.read(id)))
        })
    )
  }
})

describe("A response while a commit of its request is on its way", () => {
  /** Commits in a fiber of its own, answers at once, and lets the store go on when the response is decided on. */
  const answering = (
    operation: Operation,
    fails: boolean,
    work: (session: AppHandle) => Effect.Effect<unknown, unknown>,
    status: number
  ) =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      const { proceed, reached } = yield* hold(app, operation, fails)
      const request = yield* Effect.fork(app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* work(session)
            yield* Effect.forkDaemon(session.commit)
            yield* reached
            return HttpServerResponse.empty({ status })
          })
        )
      ))
      yield* reached
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      yield* proceed
      const answer = yield* Fiber.join(request)
      app.store.interfere(leaveAlone)
      return { app, answer, browser }
    })

  for (const status of [200, 500]) {
    effect(`with status ${status}: tells the browser the new id`, () =>
      Effect.gen(function*() {
        const { answer, app, browser } = yield* answering("rotate", false, (session) => session.signIn("ada"), status)
        assert.strictEqual(answer.status, status)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      }))
  }

  effect("whose change that takes and cannot write is a 503", () =>
    Effect.gen(function*() {
      const { answer, app, browser } = yield* answering("update", true, (session) => session.update(increment), 200)
      assert.strictEqual(answer.status, 503)
      assert.deepStrictEqual((yield* app.visit(browser, readData)).body, data)
    }))

  effect("waits as well where the handler gave up waiting", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      const { proceed, reached } = yield* hold(app, "rotate")
      const request = yield* Effect.fork(app.visit(
        browser,
        use((session) =>
          Effect.zipRight(
            session.signIn("ada"),
            Effect.timeout(Effect.disconnect(session.commit), "1 second")
          )
        )
      ))
      yield* reached
      yield* TestClock.adjust("1 second")
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      yield* proceed
      const answer = yield* Fiber.join(request)
      assert.strictEqual(answer.status, 500)
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
    }))

  effect("a sign-out that nobody waits for clears the cookie", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      const { proceed, reached } = yield* hold(app, "delete")
      const request = yield* Effect.fork(app.visit(
        browser,
        use((session) => Effect.zipRight(Effect.forkDaemon(session.signOut), reached))
      ))
      yield* reached
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      yield* proceed
      yield* Fiber.join(request)
      assert.strictEqual(browser.cookies.size, 0)
      assert.strictEqual(yield* rowsOf(app), 0)
    }))
})

describe("A sign-out", () => {
  effect("while a commit of its request is on its way ends what that has stored", () =>
    Effect.gen(function*() {
      for (const operation of ["rotate", "insert"] as const) {
        const app = yield* makeApp()
        const browser = operation === "insert" ? new Browser() : (yield* app.browserWithSession({ data })).browser
        const { proceed, reached } = yield* hold(app, operation)
        const answer = yield* app.visit(
          browser,
          use((session) =>
            Effect.gen(function*() {
              yield* session.signIn("ada")
              const commit = yield* Effect.fork(session.commit)
              yield* reached
              const out = yield* Effect.fork(session.signOut)
              yield* Effect.yieldNow()
              yield* proceed
              yield* Fiber.join(commit)
              yield* Fiber.join(out)
              return Option.isNone(yield* session.user)
            })
          )
        )
        assert.isTrue(answer.body)
        assert.strictEqual(browser.cookies.size, 0)
        assert.strictEqual(yield* rowsOf(app), 0)
      }
    }))

  effect(
    "while the session is read waits for that, and what was to be staged is staged on nobody's",
    () =>
      Effect.gen(function*() {
        const { app, browser } = yield* started
        const { proceed, reached } = yield* hold(app, "read")
        yield* app.visit(
          browser,
          use((session) =>
            Effect.gen(function*() {
              const note = yield* Effect.fork(session.update(addNote("x")))
              yield* reached
              const out = yield* Effect.fork(session.signOut)
              yield* Effect.yieldNow()
              yield* proceed
              yield* Fiber.join(out)
              yield* Fiber.join(note)
            })
          )
        )
        const { body } = yield* app.visit(browser, readData)
        assert.deepInclude([{ count: 0, notes: [], settings: {} }, { count: 0, notes: ["x"], settings: {} }], body)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, null)
      })
  )

  effect(
    "and a commit after it: what was staged before is gone, what is staged after begins a session of its own",
    () =>
      Effect.gen(function*() {
        const { app, browser, id } = yield* started
        yield* app.visit(
          browser,
          use((session) =>
            Effect.all([
              session.update(addNote("before")),
              session.signOut,
              session.commit,
              session.update(addNote("after")),
              session.commit
            ])
          )
        )
        assert.isTrue(Option.isNone(yield* app.sessions.read(id)))
        assert.deepStrictEqual((yield* app.visit(browser, readData)).body, { count: 0, notes: ["after"], settings: {} })
        assert.strictEqual(yield* rowsOf(app), 1)
      })
  )
})

describe("A fiber that is interrupted", () => {
  effect("while it reads, or waits for another's read, leaves the others what they need", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      const { proceed, reached } = yield* hold(app, "read")
      const { body } = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            const reading = yield* Effect.fork(session.get)
            yield* reached
            const waiting = yield* Effect.fork(session.get)
            const other = yield* Effect.fork(session.update(increment))
            yield* Effect.yieldNow()
            yield* Fiber.interrupt(waiting)
            yield* Fiber.interrupt(reading)
            yield* proceed
            yield* Fiber.join(other)
            return yield* session.get
          })
        )
      )
      assert.deepInclude(body, { count: 2 })
      assert.deepInclude((yield* app.visit(browser, readData)).body, { count: 2 })
    }))

  effect(
    "while its commit is on its way, or waits for another's, ends when that is written",
    () =>
      Effect.gen(function*() {
        const { app, browser } = yield* started
        const { proceed, reached } = yield* hold(app, "update")
        yield* app.visit(
          browser,
          use((session) =>
            Effect.gen(function*() {
              yield* session.update(increment)
              const commit = yield* Effect.fork(session.commit)
              yield* reached
              yield* session.update(increment)
              const waiting = yield* Effect.fork(session.commit)
              yield* Effect.yieldNow()
              const interrupts = yield* Effect.fork(Effect.all([Fiber.interrupt(commit), Fiber.interrupt(waiting)]))
              yield* Effect.yieldNow()
              app.store.interfere(leaveAlone)
              yield* proceed
              yield* Fiber.join(interrupts)
            })
          )
        )
        assert.deepInclude((yield* app.visit(browser, readData)).body, { count: 3 })
      })
  )

  effect("by a timeout around an operation costs what it was doing, and nothing else", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      let isSlow = true
      app.store.interfere((operation, effect) =>
        operation === "read" && isSlow ? Effect.zipRight(Effect.sleep("1 minute"), effect) : effect
      )
      const request = yield* Effect.fork(app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            const first = yield* Effect.timeoutOption(session.get, "1 second")
            isSlow = false
            yield* Effect.timeout(session.update(increment), "1 second")
            yield* Effect.timeout(session.commit, "1 second")
            return [Option.isNone(first), yield* session.get]
          })
        )
      ))
      yield* TestClock.adjust("1 second")
      const { body } = yield* Fiber.join(request)
      assert.deepStrictEqual(body, [true, { ...data, count: 2 }])
    }))
})

describe("After the response", () => {
  effect("reading asks the store again, and changing fails", () =>
    Effect.gen(function*() {
      const { app, browser, id } = yield* started
      const kept = yield* Deferred.make<AppHandle>()
      yield* app.visit(browser, use((session) => Effect.zipRight(session.get, Deferred.succeed(kept, session))))
      const session = yield* Deferred.await(kept)
      yield* app.sessions.update(id, increment)
      app.store.take()
      assert.deepInclude(yield* session.get, { count: 2 })
      for (
        const change of [session.update(increment), session.commit, session.rotate, session.touch, session.csrfToken]
      ) {
        assert.instanceOf(yield* Effect.flip(change), SessionError.SessionResponseSent)
      }
      assert.deepStrictEqual(app.store.take(), ["read"])
    }))

  effect("signing out ends the session all the same", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      const kept = yield* Deferred.make<AppHandle>()
      yield* app.visit(
        browser,
        use((session) => Effect.zipRight(session.signIn("ada"), Deferred.succeed(kept, session)))
      )
      assert.strictEqual(yield* rowsOf(app), 1)
      yield* (yield* Deferred.await(kept)).signOut
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect(
    "that another hook replaced by a failure, the browser is told the new id all the same",
    () =>
      Effect.gen(function*() {
        const { app, browser } = yield* started
        let fails = true
        const breakOnce = HttpApp.appendPreResponseHandler((_request, response) =>
          Effect.suspend(() => {
            if (!fails) return Effect.succeed(response)
            fails = false
            return Effect.die("broken hook")
          })
        )
        const answer = yield* app.visit(browser, use((session) => Effect.zipRight(session.signIn("ada"), breakOnce)))
        assert.strictEqual(answer.status, 500)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
        assert.strictEqual(yield* rowsOf(app), 1)
      })
  )
})

describe("A request that is dispatched out of another, in process", () => {
  effect("leaves the other's session open, and gets no cookie of it", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      const bob = (yield* app.browserWithSession({ user: "bob" })).browser
      const answer = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* session.signIn("ada")
            const inner = yield* app.visit(bob, userOf)
            yield* session.update(addNote("after"))
            return [inner.status, inner.body, inner.setCookies]
          })
        )
      )
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(answer.body, [200, "bob", []])
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      assert.deepInclude((yield* app.visit(browser, readData)).body, { notes: ["after"] })
      assert.strictEqual((yield* app.visit(bob, userOf)).body, "bob")
    }))

  effect("signs out its own visitor, not the other's", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* started
      const bob = (yield* app.browserWithSession({ user: "bob" })).browser
      yield* app.visit(browser, use((session) => Effect.zipRight(session.get, app.visit(bob, signOut))))
      assert.strictEqual(bob.cookies.size, 0)
      assert.deepStrictEqual((yield* app.visit(browser, readData)).body, data)
    }))
})

describe("Visitors", () => {
  effect("whose first changes meet get a session each, and share nothing (G9)", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browsers = Array.from({ length: 5 }, () => new Browser())
      yield* Effect.forEach(
        browsers,
        (browser, index) => app.visit(browser, use((session) => session.update(addNote(`${index}`)))),
        { concurrency: "unbounded" }
      )
      for (const [index, browser] of browsers.entries()) {
        assert.deepStrictEqual((yield* app.visit(browser, readData)).body, {
          count: 0,
          notes: [`${index}`],
          settings: {}
        })
      }
      assert.strictEqual(yield* rowsOf(app), 5)
    }))

  effect("who change nothing leave nothing, whoever asks how often (G9)", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      for (const browser of [new Browser(), browserWith("garbage"), browserWith("AAAAAAAAAAAAAAAAAAAAAA")]) {
        const answer = yield* app.visit(
          browser,
          use((session) =>
            Effect.all([
              session.get,
              session.user,
              session.info,
              session.touch,
              session.rotate,
              session.commit,
              session.get
            ], {
              concurrency: "unbounded"
            })
          )
        )
        assert.deepStrictEqual([answer.status, answer.setCookies], [200, []])
      }
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("whose page has a form get one session, whose token the next request brings", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browser = new Browser()
      const { body } = yield* app.visit(
        browser,
        use((session) => Effect.all([session.csrfToken, session.csrfToken], { concurrency: "unbounded" }))
      )
      assert.strictEqual(yield* rowsOf(app), 1)
      const tokens: ReadonlyArray<unknown> = Array.isArray(body) ? body : []
      const check = use((session) => Effect.succeed(tokens.map((token) => session.isCsrfToken(String(token)))))
      assert.deepStrictEqual((yield* app.visit(browser, check)).body, [true, true])
    }))

  effect("in the handshake of a socket may read, and do what does nothing", () =>
    Effect.gen(function*() {
      const { app } = yield* started
      const handle = yield* webHandler(
        app.withSession(use((session) => Effect.all([session.get, session.touch, session.rotate, session.commit])))
      )
      const request = new Request("https://app.test/", { headers: { upgrade: "websocket" } })
      assert.strictEqual((yield* Effect.promise(() => handle(request))).status, 200)
    }))
})

describe("Writers of one process that cannot get through", () => {
  effect("give up together after ten seconds, not one after the other", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const app = yield* makeApp({
        store: { ...store, update: () => Effect.as(Effect.sleep("2 seconds"), false) }
      })
      const { id } = yield* app.browserWithSession({ data })
      const writers = yield* Effect.fork(Effect.all(
        Array.from({ length: 5 }, () => outcome(app.sessions.update(id, (data) => ({ ...data })))),
        { concurrency: "unbounded" }
      ))
      yield* TestClock.adjust("17 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(writers)))
      assert.deepStrictEqual(yield* Fiber.join(writers), Array.from({ length: 5 }, () => "SessionConflict"))
    }))
})
