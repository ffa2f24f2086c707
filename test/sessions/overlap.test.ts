import { assert, describe, effect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type Answer,
  type App,
  type AppHandle,
  type Browser,
  browserWith,
  increment,
  incrementCount,
  makeApp,
  readData,
  recordsOf,
  rowsOf,
  signOut,
  tabOf,
  use,
  userOf
} from "../support/app.js"
import { leaveAlone, loseAnswer, type Operation, unavailable } from "../support/observedStore.js"
import { afterStore, beforeStore, duringRequest, justBefore } from "../support/overlap.js"

const data = { count: 1, notes: [], settings: {} }

const signIn = (user: string) => use((session) => session.signIn(user))

const isCleared = ({ setCookies }: Answer): boolean =>
  setCookies.length === 1 && /; Max-Age=0;/.test(setCookies[0] ?? "")

const refused = (answer: Answer, status: number): void => {
  assert.strictEqual(answer.status, status)
  assert.deepStrictEqual(answer.setCookies, [])
}

/** What a browser sees that got the answers in this order. */
const seenAfter = (app: App, before: Browser, answers: ReadonlyArray<Answer>) => {
  const browser = tabOf(before)
  for (const answer of answers) browser.receive(answer.setCookies)
  return Effect.map(app.visit(browser, userOf), ({ body }) => body)
}

const seenInBothOrders = (app: App, before: Browser, one: Answer, other: Answer) =>
  Effect.all([seenAfter(app, before, [one, other]), seenAfter(app, before, [other, one])])

/** A visitor with something in the session, in two tabs. */
const twoTabs = Effect.gen(function*() {
  const app = yield* makeApp()
  const { browser, id, key } = yield* app.browserWithSession({ data })
  return { app, browser, tab: tabOf(browser), id, key }
})

/** A signed-in user, in two tabs. */
const twoTabsOfAda = Effect.gen(function*() {
  const app = yield* makeApp()
  const { browser, id, key } = yield* app.browserWithSession({ data, user: "ada" })
  return { app, browser, tab: tabOf(browser), id, key }
})

describe("A change of a visitor's session that is signed in meanwhile (A1)", () => {
  const works: ReadonlyArray<readonly [string, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
    ["an update", (session) => session.update(increment)],
    ["a new id", (session) => session.rotate]
  ]
  for (const [what, work] of works) {
    effect(
      `that was read before, ${what}: is a 409 without a cookie, and the browser stays signed in`,
      () =>
        Effect.gen(function*() {
          const { app, browser, tab } = yield* twoTabs
          const answer = yield* duringRequest(app, tab, ({ get }) => get, app.visit(browser, signIn("ada")), work)
          refused(answer, 409)
          assert.deepInclude(answer.body, { _tag: "SessionConflict", reason: "Renamed" })
          assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
          assert.strictEqual(yield* rowsOf(app), 1)
        })
    )
  }

  for (const [when, isLate] of [["and staged", false], ["and is about to be written", true]] as const) {
    effect(`that was read before ${when}: the same`, () =>
      Effect.gen(function*() {
        const { app, browser, tab } = yield* twoTabs
        const login = app.visit(browser, signIn("ada"))
        const work = (session: AppHandle) => session.update(increment)
        refused(yield* isLate ? justBefore(app, "update", tab, work, login) : duringRequest(app, tab, work, login), 409)
        assert.deepStrictEqual((yield* app.visit(browser, readData)).body, { count: 0, notes: [], settings: {} })
      }))
  }
})

describe("A first change with an id that was renamed a moment ago (A2)", () => {
  effect("is refused for a minute after that, and for one more since clocks disagree", () =>
    Effect.gen(function*() {
      for (const [millis, status] of [[0, 409], [60_000, 409], [119_999, 409], [120_000, 200]] as const) {
        const { app, browser, tab } = yield* twoTabs
        yield* app.visit(browser, signIn("ada"))
        yield* TestClock.adjust(millis)
        const answer = yield* app.visit(tab, incrementCount)
        assert.strictEqual(answer.status, status, `${millis}`)
        assert.lengthOf(answer.setCookies, status === 200 ? 1 : 0)
        assert.strictEqual(yield* rowsOf(app), status === 200 ? 2 : 1)
      }
    }))

  effect(
    "is refused however long the request takes, since its arrival counts: an upload of 90 seconds",
    () =>
      Effect.gen(function*() {
        for (const [before, during] of [[10, 80], [0, 90], [45, 45]] as const) {
          const { app, browser, tab } = yield* twoTabs
          const login = Effect.gen(function*() {
            yield* TestClock.adjust(`${before} seconds`)
            yield* app.visit(browser, signIn("ada"))
            yield* TestClock.adjust(`${during} seconds`)
          })
          refused(yield* duringRequest(app, tab, () => Effect.void, login, (session) => session.update(increment)), 409)
          assert.strictEqual(yield* rowsOf(app), 1)
        }
      })
  )

  effect("is refused for ids of before two renames as well", () =>
    Effect.gen(function*() {
      const { app, browser, tab } = yield* twoTabs
      yield* app.visit(browser, signIn("ada"))
      yield* app.visit(browser, use((session) => session.rotate))
      refused(yield* app.visit(tab, incrementCount), 409)
      assert.strictEqual(yield* rowsOf(app), 1)
    }))

  effect(
    "is refused for the token of a form that a visitor has not got yet, and reading is not",
    () =>
      Effect.gen(function*() {
        const { app, browser, tab } = yield* twoTabs
        yield* app.visit(browser, signIn("ada"))
        refused(yield* app.visit(tab, use((session) => session.csrfToken)), 409)
        const { body, setCookies, status } = yield* app.visit(tab, readData)
        assert.deepStrictEqual([status, body, setCookies], [200, { count: 0, notes: [], settings: {} }, []])
      })
  )
})

describe("Two sign-ins at once (A3)", () => {
  const points: ReadonlyArray<
    readonly [
      string,
      (app: App, tab: Browser, other: Effect.Effect<Answer>) => Effect.Effect<readonly [Answer, Answer]>
    ]
  > = [
    ["one after the other", (app, tab, other) => Effect.all([other, app.visit(tab, signIn("ada"))])],
    ["one while the other has read", (app, tab, other) =>
      Effect.gen(function*() {
        const answer = yield* Deferred.make<Answer>()
        const meanwhile = Effect.flatMap(other, (one) => Deferred.succeed(answer, one))
        return [
          yield* duringRequest(app, tab, (s) => s.signIn("ada"), meanwhile),
          yield* Deferred.await(answer)
        ] as const
      })],
    ["one while the other is about to write", (app, tab, other) =>
      Effect.gen(function*() {
        const answer = yield* Deferred.make<Answer>()
        const meanwhile = Effect.flatMap(other, (one) => Deferred.succeed(answer, one))
        return [
          yield* beforeStore(app, "rotate", app.visit(tab, signIn("ada")), meanwhile),
          yield* Deferred.await(answer)
        ] as const
      })]
  ]
  for (const [when, both] of points) {
    effect(
      `${when}: both are a 200, and the browser ends signed in, whichever cookie comes last`,
      () =>
        Effect.gen(function*() {
          const { app, browser, tab } = yield* twoTabs
          const before = tabOf(browser)
          const [one, other] = yield* both(app, tab, app.visit(browser, signIn("ada")))
          assert.deepStrictEqual([one.status, other.status], [200, 200])
          assert.deepStrictEqual(yield* seenInBothOrders(app, before, one, other), ["ada", "ada"])
          // Who signs out with the id that both began with ends both.
          assert.strictEqual(yield* rowsOf(app), 2)
          yield* app.visit(tabOf(before), signOut)
          assert.strictEqual(yield* rowsOf(app), 0)
        })
    )
  }

  effect(
    "with carry: the one that comes second carries the initial data, since the session is gone",
    () =>
      Effect.gen(function*() {
        const { app, browser, tab } = yield* twoTabs
        const login = use((session) => session.signIn("ada", { carry: increment }))
        yield* justBefore(
          app,
          "rotate",
          tab,
          (session) => session.signIn("ada", { carry: increment }),
          app.visit(browser, login)
        )
        assert.deepInclude((yield* app.visit(browser, readData)).body, { count: 2 })
        assert.deepInclude((yield* app.visit(tab, readData)).body, { count: 1 })
      })
  )
})

describe("A sign-in where the visitor's session is gone", () => {
  const ends: ReadonlyArray<
    readonly [
      string,
      Operation,
      (app: App, id: Redacted.Redacted<string>, tab: Browser) => Effect.Effect<unknown, unknown>
    ]
  > = [
    ["ended by another request", "rotate", (app, _id, tab) => app.visit(tab, signOut)],
    ["ended by an administrator", "rotate", (app, id) => app.sessions.destroy(id)],
    ["renamed", "rotate", (app, _id, tab) => app.visit(tab, use((session) => session.rotate))],
    ["swept", "rotate", (app) => app.store.service.clear()]
  ]
  for (const [how, operation, end] of ends) {
    effect(`${how}: begins afresh`, () =>
      Effect.gen(function*() {
        const { app, browser, id, tab } = yield* twoTabs
        const answer = yield* justBefore(app, operation, browser, (s) => s.signIn("ada"), end(app, id, tab))
        assert.strictEqual(answer.status, 200)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      }))
  }

  effect("is what it costs: two statements more", () =>
    Effect.gen(function*() {
      const { app, browser, id } = yield* twoTabs
      yield* justBefore(app, "rotate", browser, (s) => s.signIn("ada"), app.sessions.destroy(id))
      assert.deepStrictEqual(app.store.take(), ["read", "rotate", "delete", "search", "insert"])
    }))
})

describe("A new password (A4): all sessions of the user are ended, and this one begins anew", () => {
  const changePassword = (app: App, meanwhile: Effect.Effect<unknown, unknown> = Effect.void) =>
    use((session) =>
      Effect.gen(function*() {
        const user = Option.getOrThrow(yield* session.user)
        yield* meanwhile
        yield* app.sessions.destroyByUser(user)
        yield* session.signIn(user)
      })
    )

  effect("is a 200 with a fresh session, and all others are gone", () =>
    Effect.gen(function*() {
      const { app, browser, tab } = yield* twoTabsOfAda
      const elsewhere = (yield* app.browserWithSession({ user: "ada" })).browser
      const answer = yield* app.visit(browser, changePassword(app))
      assert.strictEqual(answer.status, 200)
      assert.lengthOf(answer.setCookies, 1)
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      for (const other of [tab, elsewhere]) assert.isNull((yield* app.visit(other, userOf)).body)
      assert.strictEqual(yield* rowsOf(app), 1)
    }))

  effect("also by handle, and after an explicit sign-out", () =>
    Effect.gen(function*() {
      for (
        const end of [
          (app: App, session: AppHandle) =>
            Effect.flatMap(session.info, (info) => app.sessions.destroyByHandle("ada", Option.getOrThrow(info).handle)),
          (_app: App, session: AppHandle) => session.signOut
        ]
      ) {
        const { app, browser } = yield* twoTabsOfAda
        const answer = yield* app.visit(browser, use((s) => Effect.all([s.get, end(app, s), s.signIn("ada")])))
        assert.strictEqual(answer.status, 200)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      }
    }))

  const refreshes: ReadonlyArray<
    readonly [string, (app: App, tab: Browser, id: Redacted.Redacted<string>) => Effect.Effect<unknown, unknown>]
  > = [
    ["another request signed out", (app, tab) => app.visit(tab, signOut)],
    [
      "another request ended all sessions of the user",
      (app, tab) => app.visit(tab, use(() => app.sessions.destroyByUser("ada")))
    ],
    ["an administrator ended it", (app) => app.sessions.destroyByUser("ada")],
    ["a job ended it", (app, _tab, id) => app.sessions.destroy(id)]
  ]
  for (const [who, end] of refreshes) {
    for (const refresh of ["ada", "grace"]) {
      effect(
        `but where ${who}, a sign-in as ${refresh} is a 401 that leaves the cookie, also when tried again`,
        () =>
          Effect.gen(function*() {
            const { app, browser, id, tab } = yield* twoTabsOfAda
            refused(yield* duringRequest(app, tabOf(browser), (s) => s.signIn(refresh), end(app, tab, id)), 401)
            assert.strictEqual(yield* rowsOf(app), 0)

            const again = yield* twoTabsOfAda
            const tried = yield* duringRequest(
              again.app,
              again.browser,
              ({ user }) => user,
              end(again.app, again.tab, again.id),
              (s) => Effect.retry(Effect.zipRight(s.signIn(refresh), s.commit), { times: 2 })
            )
            refused(tried, 401)
            assert.strictEqual(yield* rowsOf(again.app), 0)
          })
      )
    }
  }

  effect("nor does ending the sessions of a user who has none any more excuse a refresh", () =>
    Effect.gen(function*() {
      const { app, browser, tab } = yield* twoTabsOfAda
      refused(yield* app.visit(browser, changePassword(app, app.visit(tab, signOut))), 401)
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("nor does what was ended before this session was written", () =>
    Effect.gen(function*() {
      const { app, browser } = yield* twoTabsOfAda
      const answer = yield* app.visit(
        browser,
        use((session) =>
          Effect.gen(function*() {
            yield* session.user
            yield* app.sessions.destroyByUser("ada")
            yield* session.signIn("ada")
            yield* session.commit
            const [record] = yield* recordsOf(app, "ada")
            yield* app.store.service.delete({ keys: [record?.key ?? ""] })
            yield* session.signIn("ada")
          })
        )
      )
      refused(answer, 401)
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("a session that got a new id elsewhere: a refresh is a 409", () =>
    Effect.gen(function*() {
      const { app, browser, tab } = yield* twoTabsOfAda
      refused(
        yield* duringRequest(app, tab, (s) => s.signIn("ada"), app.visit(browser, use((s) => s.rotate))),
        409
      )
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
    }))
})

describe("A sign-out while another request renames the session (A5)", () => {
  for (
    const [when, overlap] of [["before it is written", beforeStore], ["after it was written", afterStore]] as const
  ) {
    for (
      const [what, work] of [["a new id", (s: AppHandle) => s.rotate], [
        "a sign-in",
        (s: AppHandle) => s.signIn("ada")
      ]] as const
    ) {
      effect(`${what}, ${when}: the successor ends too, and the browser ends signed out`, () =>
        Effect.gen(function*() {
          for (const read of [Effect.void, use((session) => session.user)]) {
            const { app, browser, tab } = yield* twoTabsOfAda
            const before = tabOf(browser)
            const out = yield* Deferred.make<Answer>()
            const leave = app.visit(browser, Effect.zipRight(read, signOut))
            const answer = yield* overlap(
              app,
              "rotate",
              app.visit(tab, use(work)),
              Effect.flatMap(leave, (one) => Deferred.succeed(out, one))
            )
            const left = yield* Deferred.await(out)
            assert.strictEqual(left.status, 200)
            assert.isTrue(isCleared(left))
            assert.strictEqual(yield* rowsOf(app), 0)
            assert.deepStrictEqual(yield* seenInBothOrders(app, before, answer, left), [null, null])
          }
        }))
    }
  }

  effect("that has read the session ends it, however often it got a new id meanwhile", () =>
    Effect.gen(function*() {
      const { app, browser, tab } = yield* twoTabsOfAda
      const rotate = app.visit(browser, use((session) => session.rotate))
      const answer = yield* duringRequest(app, tab, ({ get }) => get, Effect.repeatN(rotate, 3), (s) => s.signOut)
      assert.isTrue(isCleared(answer))
      assert.strictEqual(yield* rowsOf(app), 0)
    }))
})

describe("A sign-out with an id that was renamed (G1)", () => {
  for (const renames of [1, 2]) {
    for (
      const [millis, isEnded] of [[0, true], [60_000, true], [119_999, true], [120_000, false], [
        300_000,
        false
      ]] as const
    ) {
      effect(
        `${renames} times, ${millis} ms before the request arrives: ${isEnded ? "ends the session" : "ends nothing"}`,
        () =>
          Effect.gen(function*() {
            const { app, browser, tab } = yield* twoTabsOfAda
            for (let times = 0; times < renames; times++) yield* app.visit(browser, use((session) => session.rotate))
            yield* TestClock.adjust(millis)
            const answer = yield* app.visit(tab, signOut)
            assert.isTrue(isCleared(answer))
            assert.strictEqual((yield* app.visit(browser, userOf)).body, isEnded ? null : "ada")
          })
      )
    }
  }

  effect("and that arrives before the rename, however long it takes, ends the session", () =>
    Effect.gen(function*() {
      const { app, browser, tab } = yield* twoTabsOfAda
      const rotateTwice = Effect.gen(function*() {
        yield* TestClock.adjust("30 seconds")
        yield* app.visit(browser, use((session) => session.rotate))
        yield* app.visit(browser, use((session) => session.rotate))
        yield* TestClock.adjust("5 minutes")
      })
      yield* duringRequest(app, tab, () => Effect.void, rotateTwice, (session) => session.signOut)
      assert.isNull((yield* app.visit(browser, userOf)).body)
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  for (const renames of [3, 8]) {
    effect(
      `${renames} times by one request, whose own ids nobody else has, ends the session`,
      () =>
        Effect.gen(function*() {
          const { app, browser, tab } = yield* twoTabsOfAda
          yield* app.visit(
            browser,
            use((session) => Effect.repeatN(Effect.zipRight(session.rotate, session.commit), renames - 1))
          )
          assert.isTrue(isCleared(yield* app.visit(tab, signOut)))
          assert.isNull((yield* app.visit(browser, userOf)).body)
          assert.strictEqual(yield* rowsOf(app), 0)
        })
    )
  }

  effect("ends what a visitor's session was signed in as", () =>
    Effect.gen(function*() {
      const { app, browser, tab } = yield* twoTabs
      yield* app.visit(browser, signIn("ada"))
      yield* app.visit(browser, use((session) => session.rotate))
      yield* app.visit(tab, signOut)
      assert.strictEqual(yield* rowsOf(app), 0)
    }))
})

describe("A write whose acknowledgement is lost (A6, D6)", () => {
  /** The store does what it is asked, does not say so, and cannot be asked for a while. */
  const loseContact = (app: App, operation: Operation, failsBefore: boolean) =>
    app.store.interfere((current, effect) =>
      current === operation
        ? failsBefore
          ? Effect.fail(unavailable(current, true))
          : Effect.zipRight(effect, Effect.fail(unavailable(current, true)))
        : current === "read"
        ? Effect.fail(unavailable(current))
        : effect
    )

  const grace = (session: AppHandle) =>
    Effect.all([session.signIn("grace", { carry: increment }), session.update(addNote("one"))])

  for (const [operation, isVisitor] of [["insert", true], ["rotate", false]] as const) {
    effect(`of an ${operation} is looked up under the new id, and is done`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const browser = isVisitor ? browserWith("garbage") : (yield* app.browserWithSession({ data })).browser
        loseAnswer(app.store, operation)
        const answer = yield* app.visit(browser, use((s) => Effect.zipRight(grace(s), s.commit)))
        assert.strictEqual(answer.status, 200)
        app.store.interfere(leaveAlone)
        const { body } = yield* app.visit(browser, readData)
        assert.deepStrictEqual(body, { count: isVisitor ? 1 : 2, notes: ["one"], settings: {} })
        assert.strictEqual(yield* rowsOf(app), 1)
      }))

    for (const isApplied of [true, false]) {
      const outcome = isApplied ? "applied" : "not applied"
      const start = Effect.gen(function*() {
        const app = yield* makeApp()
        const browser = isVisitor ? browserWith("garbage") : (yield* app.browserWithSession({ data })).browser
        return { app, browser }
      })
      /** Stages a sign-in, commits it in vain, and has contact again. */
      const tryInVain = (app: App, session: AppHandle) =>
        Effect.gen(function*() {
          yield* grace(session)
          loseContact(app, operation, !isApplied)
          const error = yield* Effect.flip(session.commit)
          assert.deepInclude(error, { _tag: "SessionStoreError", outcomeUnknown: true })
          app.store.interfere(leaveAlone)
        })

      effect(
        `of an ${operation} that was ${outcome}: a commit that failed dropped what was staged`,
        () =>
          Effect.gen(function*() {
            const { app, browser } = yield* start
            const { body, status } = yield* app.visit(
              browser,
              use((session) => Effect.zipRight(tryInVain(app, session), Effect.all([session.get, session.user])))
            )
            assert.strictEqual(status, 200)
            assert.deepStrictEqual(body, [isVisitor ? { count: 0, notes: [], settings: {} } : data, {
              _id: "Option",
              _tag: "None"
            }])
            // The browser knows the id, if there is one now: the response looked.
            const { body: user } = yield* app.visit(browser, userOf)
            assert.strictEqual(user, isApplied ? "grace" : null)
            const { body: after } = yield* app.visit(browser, readData)
            const found = isApplied
              ? { count: isVisitor ? 1 : 2, notes: ["one"], settings: {} }
              : isVisitor
              ? { count: 0, notes: [], settings: {} }
              : data
            assert.deepStrictEqual(after, found)
          })
      )

      effect(
        `of an ${operation} that was ${outcome}: what is staged after it is written once, on what there is`,
        () =>
          Effect.gen(function*() {
            for (const again of [false, true]) {
              const { app, browser } = yield* start
              const answer = yield* app.visit(
                browser,
                use((session) =>
                  Effect.gen(function*() {
                    yield* tryInVain(app, session)
                    if (again) yield* session.signIn("grace", { carry: (data) => data })
                    yield* session.update(addNote("two"))
                  })
                )
              )
              assert.strictEqual(answer.status, 200)
              assert.lengthOf(answer.setCookies, isApplied || again || isVisitor ? 1 : 0)
              const { body } = yield* app.visit(browser, readData)
              const count = isVisitor ? 0 : 1
              assert.deepStrictEqual(
                body,
                isApplied
                  ? { count: count + 1, notes: ["one", "two"], settings: {} }
                  : { count, notes: ["two"], settings: {} }
              )
              assert.strictEqual((yield* app.visit(browser, userOf)).body, isApplied || again ? "grace" : null)
              assert.strictEqual(yield* rowsOf(app), 1)
            }
          })
      )

      effect(`of an ${operation} that was ${outcome}: the token of a form stays valid`, () =>
        Effect.gen(function*() {
          for (const again of [false, true]) {
            const { app, browser } = yield* start
            const { body } = yield* app.visit(
              browser,
              use((session) =>
                Effect.gen(function*() {
                  const early = Effect.zipRight(grace(session), session.csrfToken)
                  const before = yield* isApplied && !again ? early : Effect.succeed(undefined)
                  yield* tryInVain(app, session)
                  if (again) yield* session.signIn("grace")
                  // Of a session that may have a new id or not, nobody can say which token is its.
                  const isKnown = again || isVisitor || !isApplied
                  return [before, isKnown ? yield* session.csrfToken : undefined]
                })
              )
            )
            const tokens: ReadonlyArray<string> = Array.isArray(body) ? body.filter((token) => token !== null) : []
            const { body: valid } = yield* app.visit(
              browser,
              use((session) => Effect.succeed(tokens.map((token) => session.isCsrfToken(token))))
            )
            assert.deepStrictEqual(valid, tokens.map(() => true))
            assert.isAbove(tokens.length, 0)
          }
        }))

      effect(`of an ${operation} that was ${outcome}: a sign-out after it ends it`, () =>
        Effect.gen(function*() {
          const { app, browser } = yield* start
          const answer = yield* app.visit(
            browser,
            use((session) => Effect.zipRight(tryInVain(app, session), session.signOut))
          )
          assert.isTrue(isCleared(answer))
          assert.strictEqual(yield* rowsOf(app), 0)
        }))
    }
  }

  effect(
    "of an insert that arrives only after it was looked for: the row is not made twice",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const browser = browserWith("garbage")
        let late: Effect.Effect<unknown, unknown> = Effect.void
        app.store.interfere((operation, effect) => {
          if (operation !== "insert") return effect
          late = effect
          app.store.interfere((operation, effect) =>
            operation === "insert" ? Effect.zipRight(Effect.ignore(late), effect) : effect
          )
          return Effect.fail(unavailable(operation, true))
        })
        const answer = yield* app.visit(
          browser,
          use((session) =>
            Effect.gen(function*() {
              yield* session.signIn("ada")
              yield* Effect.flip(session.commit)
              yield* session.signIn("ada")
              yield* Effect.flip(session.commit)
            })
          )
        )
        assert.strictEqual(answer.status, 200)
        app.store.interfere(leaveAlone)
        assert.strictEqual(yield* rowsOf(app), 1)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      })
  )

  effect(
    "of an update: is a 503, was applied once, and is not applied again by what is staged after it",
    () =>
      Effect.gen(function*() {
        for (const isCaught of [false, true]) {
          const { app, browser } = yield* twoTabs
          loseAnswer(app.store, "update")
          const answer = yield* app.visit(
            browser,
            use((session) =>
              Effect.gen(function*() {
                yield* session.update(increment)
                const committed = Effect.ensuring(session.commit, Effect.sync(() => app.store.interfere(leaveAlone)))
                yield* isCaught ? Effect.ignore(committed) : committed
                yield* session.update(addNote("after"))
              })
            )
          )
          assert.strictEqual(answer.status, isCaught ? 200 : 503)
          const { body } = yield* app.visit(browser, readData)
          assert.deepStrictEqual(body, { count: 2, notes: isCaught ? ["after"] : [], settings: {} })
        }
      })
  )

  effect(
    "of a sign-out: is a 503 that leaves the cookie, and what was ended stays ended",
    () =>
      Effect.gen(function*() {
        const { app, browser } = yield* twoTabsOfAda
        loseAnswer(app.store, "delete")
        refused(yield* app.visit(browser, signOut), 503)
        app.store.interfere(leaveAlone)
        assert.strictEqual(yield* rowsOf(app), 0)
      })
  )
})

describe("Something staged before the response, whose read ends after it (A7)", () => {
  const stagings: ReadonlyArray<readonly [string, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
    ["update", (session) => session.update(increment)],
    ["set", (session) => session.set(data)],
    ["modify", (session) => session.modify((data) => ["", increment(data)])],
    ["signIn", (session) => session.signIn("ada")],
    ["rotate", (session) => session.rotate],
    ["touch", (session) => session.touch],
    ["csrfToken", (session) => session.csrfToken],
    ["commit", (session) => session.commit],
    ["bearerToken", (session) => session.bearerToken]
  ]
  for (const [name, stage] of stagings) {
    effect(`${name} fails with SessionResponseSent, and nothing is stored`, () =>
      Effect.gen(function*() {
        const { app, browser, tab } = yield* twoTabs
        yield* TestClock.adjust("2 minutes")
        const late = yield* Deferred.make<Fiber.Fiber<unknown, unknown>>()
        const proceed = yield* Deferred.make<void>()
        app.store.interfere((_operation, effect) => Effect.zipRight(Deferred.await(proceed), effect))
        const answer = yield* app.visit(
          browser,
          use((session) =>
            Effect.zipRight(
              Effect.flatMap(Effect.forkDaemon(stage(session)), (fiber) => Deferred.succeed(late, fiber)),
              Effect.yieldNow()
            )
          )
        )
        assert.deepStrictEqual([answer.status, answer.setCookies], [200, []])
        yield* Deferred.succeed(proceed, void 0)
        const error = yield* Effect.flip(Effect.flatMap(Deferred.await(late), Fiber.join))
        assert.deepInclude(error, { _tag: "SessionResponseSent" })
        assert.deepStrictEqual(app.store.take(), ["read"])
        app.store.interfere(leaveAlone)
        assert.deepStrictEqual((yield* app.visit(tab, readData)).body, data)
      }))
  }
})
