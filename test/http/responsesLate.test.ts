import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect, scoped } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type App,
  type AppHandle,
  Browser,
  increment,
  incrementCount,
  makeApp,
  recordsOf,
  rowsOf,
  use
} from "../support/app.js"
import { owned } from "./support/behavioursCookie.js"
import { knownId } from "./support/ids.js"
import { cookieOf, victimApp, victimData } from "./support/inputs.js"
import { openSocket } from "./support/rawSocket.js"
import { inSocket, serve, type SocketApp, tagOf } from "./support/socketApp.js"

const encode = (text: string) => new TextEncoder().encode(text)

/** What a handler gets that uses its session once the headers of its response have left. */
const late = (
  before: (session: AppHandle) => Effect.Effect<unknown, unknown>,
  work: (session: AppHandle) => Effect.Effect<unknown, { readonly _tag: string }>
) =>
  use((session) =>
    Effect.as(
      before(session),
      HttpServerResponse.stream(
        Stream.make(encode("first;")).pipe(
          Stream.concat(Stream.fromEffect(Effect.map(Effect.either(work(session)), (result) => encode(tagOf(result)))))
        )
      )
    )
  )

const writes: ReadonlyArray<
  readonly [string, (session: AppHandle) => Effect.Effect<unknown, { readonly _tag: string }>]
> = [
  ["update", (session) => session.update(increment)],
  ["set", (session) => session.set({ count: 9, notes: [], settings: {} })],
  ["modify", (session) => session.modify((data) => [1, increment(data)])],
  ["signIn", (session) => session.signIn("grace")],
  ["rotate", (session) => session.rotate],
  ["touch", (session) => session.touch],
  ["commit", (session) => session.commit],
  ["csrfToken", (session) => session.csrfToken],
  ["bearerToken", (session) => session.bearerToken]
]

const befores: ReadonlyArray<readonly [string, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
  ["a session nobody looked at before", () => Effect.void],
  ["a session that was read before", (session) => session.get],
  ["a session that was changed before", (session) => session.update(addNote("before"))]
]

describe("After the headers have left", () => {
  for (const [name, write] of writes) {
    for (const [when, before] of befores) {
      effect(`${name} on ${when} is SessionResponseSent, and nothing is stored`, () =>
        Effect.gen(function*() {
          for (const browserOf of [(known: Browser) => known, () => new Browser()]) {
            yield* owned(({ app, browser }) =>
              Effect.gen(function*() {
                const answer = yield* app.visit(browserOf(browser), late(before, write))
                assert.strictEqual(answer.body, "first;SessionResponseSent")
                const [record] = yield* recordsOf(app, "ada")
                assert.strictEqual(JSON.parse(record?.data ?? "{}").count, 1)
                assert.isAtMost(record?.version ?? 0, 2)
              })
            )
          }
        }))
    }
  }

  for (
    const [when, before, expected] of [
      ["was read", (session: AppHandle) => session.get, { count: 1, notes: [] }],
      ["was changed", (session: AppHandle) => session.update(addNote("before")), { count: 1, notes: ["before"] }],
      ["began", (session: AppHandle) => session.signIn("grace", { carry: increment }), { count: 2, notes: [] }]
    ] as const
  ) {
    effect(
      `a session that ${when} is still there; the store is asked again, once`,
      () =>
        owned(({ app, browser }) =>
          Effect.gen(function*() {
            const seen = (session: AppHandle) =>
              Effect.all({ data: session.get, user: session.user, info: Effect.map(session.info, Option.isSome) })
            const results: Array<Effect.Effect.Success<ReturnType<typeof seen>>> = []
            const record = (session: AppHandle) => Effect.map(seen(session), (result) => void results.push(result))
            app.store.take()
            const work = (session: AppHandle) => Effect.zipRight(record(session), record(session))
            const answer = yield* app.visit(
              browser,
              late((session) => Effect.zipRight(before(session), record(session)), work)
            )
            assert.strictEqual(answer.body, "first;no error")
            assert.deepInclude(results[0]?.data, expected)
            assert.deepStrictEqual(results.slice(1), [results[0], results[0]])
            assert.lengthOf(app.store.take(), when === "was read" ? 2 : 3)
          })
        )
    )
  }

  effect(
    "a session that is signed out is gone for its request, too",
    () =>
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          const counts: Array<number> = []
          const record = (session: AppHandle) => Effect.map(session.get, ({ count }) => void counts.push(count))
          yield* app.visit(
            browser,
            late(
              record,
              (session) => Effect.zipRight(session.signOut, Effect.zipRight(record(session), record(session)))
            )
          )
          assert.deepStrictEqual(counts, [1, 0, 0])
        })
      )
  )

  effect(
    "reading still works, and a sign-out is final though the cookie cannot be cleared",
    () =>
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          const read = yield* app.visit(browser, late(() => Effect.void, (session) => session.get))
          assert.strictEqual(read.body, "first;no error")
          const ended = yield* app.visit(browser, late(() => Effect.void, (session) => session.signOut))
          assert.deepStrictEqual([ended.body, ended.setCookies], ["first;no error", []])
          assert.strictEqual(yield* rowsOf(app), 0)
        })
      )
  )
})

describe("When its request is over", () => {
  /** A request that adds a note and leaves a fiber behind; and what that fiber sees of the notes when it is let on. */
  const leavingFiber = Effect.fnUntraced(function*(app: App, browser: Browser, note: string) {
    const goOn = yield* Deferred.make<void>()
    const seen = yield* Deferred.make<ReadonlyArray<string>>()
    yield* app.visit(
      browser,
      use((session) => {
        const look = Effect.map(Effect.orDie(session.get), ({ notes }) => notes)
        const behind = Effect.zipRight(Deferred.await(goOn), Effect.intoDeferred(look, seen))
        return Effect.zipRight(session.update(addNote(note)), Effect.as(Effect.forkDaemon(behind), null))
      })
    )
    return Effect.zipRight(Deferred.succeed(goOn, void 0), Deferred.await(seen))
  })

  effect(
    "who asks has the store asked again, and sees what has become of the session",
    () =>
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          const look = yield* leavingFiber(app, browser, "first")
          yield* app.visit(browser, use((session) => session.update(addNote("kept"))))
          app.store.take()
          assert.deepStrictEqual([yield* look, app.store.take()], [["first", "kept"], ["read"]])
        })
      )
  )

  effect("a session that began with it is read under the id that it was given", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const look = yield* leavingFiber(app, new Browser(), "first")
      assert.deepStrictEqual(app.store.take(), ["insert"])
      assert.deepStrictEqual([yield* look, app.store.take()], [["first"], ["read"]])
    }))

  effect("a session that has ended since is gone", () =>
    owned(({ app, browser }) =>
      Effect.gen(function*() {
        const look = yield* leavingFiber(app, browser, "first")
        yield* app.visit(browser, use((session) => session.signOut))
        assert.deepStrictEqual(yield* look, [])
      })
    ))

  effect("the hooks after ours read what was stored", () =>
    owned(({ app, browser }) =>
      Effect.gen(function*() {
        app.store.take()
        const answer = yield* app.visit(
          browser,
          use((session) =>
            Effect.zipRight(
              HttpApp.appendPreResponseHandler((_request, response) =>
                Effect.map(
                  Effect.orDie(session.get),
                  ({ notes }) => HttpServerResponse.setHeader(response, "x-notes", notes.join())
                )
              ),
              session.update(addNote("first"))
            )
          )
        )
        assert.strictEqual(answer.headers.get("x-notes"), "first")
        assert.deepStrictEqual(app.store.take(), ["read", "update", "read"])
      })
    ))
})

/** A WebSocket whose handler does this with its session. */
const socketApp = (work: (session: AppHandle) => Effect.Effect<unknown, { readonly _tag: string }>) =>
  Effect.gen(function*() {
    const app: SocketApp = yield* victimApp()
    const port = yield* serve(app.withSession(inSocket(work)))
    return { app, port, headers: [`Cookie: ${cookieOf(app, knownId)}`] }
  })

describe("In a WebSocket", () => {
  scoped("a change of a session that exists is committed", () =>
    Effect.gen(function*() {
      const { app, headers, port } = yield* socketApp((session) =>
        Effect.zipRight(session.update(increment), session.commit)
      )
      const { message, status } = yield* openSocket(port, headers)
      assert.deepStrictEqual([status, message], [101, "no error"])
      const [record] = yield* recordsOf(app, "ada")
      assert.deepStrictEqual(JSON.parse(record?.data ?? ""), { ...victimData, count: 42 })
    }))

  scoped("a read works, and a sign-out is final", () =>
    Effect.gen(function*() {
      const { app, headers, port } = yield* socketApp((session) => Effect.zipRight(session.get, session.signOut))
      assert.strictEqual((yield* openSocket(port, headers)).message, "no error")
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  for (const [name, work] of writes.filter(([name]) => ["signIn", "rotate"].includes(name))) {
    scoped(
      `${name} is SessionResponseSent, for no cookie can be sent, and nothing is stored`,
      () =>
        Effect.gen(function*() {
          const { app, headers, port } = yield* socketApp((session) => Effect.zipLeft(work(session), session.commit))
          const { headers: answered, message } = yield* openSocket(port, headers)
          assert.strictEqual(message, "SessionResponseSent")
          assert.notInclude(answered.toLowerCase(), "set-cookie")
          assert.strictEqual(yield* rowsOf(app), 1)
          assert.notInclude(app.store.take(), "rotate")
        })
    )
  }

  for (
    const [name, work] of writes.filter(([name]) => ["update", "set", "modify", "signIn", "csrfToken"].includes(name))
  ) {
    scoped(`${name} of a visitor is SessionResponseSent, and nothing is stored`, () =>
      Effect.gen(function*() {
        const { app, port } = yield* socketApp((session) => Effect.zipLeft(work(session), session.commit))
        assert.strictEqual((yield* openSocket(port, [])).message, "SessionResponseSent")
        assert.deepStrictEqual(app.store.take(), [])
      }))
  }

  scoped("that is refused, the answer carries the cookie as any other does", () =>
    Effect.gen(function*() {
      const app = yield* victimApp()
      const port = yield* serve(
        app.withSession(Effect.as(use((session) => session.signOut), HttpServerResponse.empty({ status: 403 })))
      )
      const answer = yield* openSocket(port, [`Cookie: ${cookieOf(app, knownId)}`])
      assert.strictEqual(answer.status, 403)
      assert.match(answer.headers, /set-cookie: __Host-sid=; Max-Age=0/i)
    }))
})

/** A request that does its work and then hangs, until its client hangs up; and what has become of it. */
const hanging = (work: (session: AppHandle) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    const app = yield* victimApp()
    const worked = yield* Deferred.make<void>()
    const done = yield* Deferred.make<number>()
    const request = yield* Effect.fork(app.raw(
      { headers: [`Cookie: ${cookieOf(app, knownId)}`] },
      Effect.zipRight(
        // Runs after the hook of the session.
        HttpApp.appendPreResponseHandler((_request, response) =>
          Effect.as(Deferred.succeed(done, response.status), response)
        ),
        use((session) => Effect.all([work(session), Deferred.succeed(worked, void 0), Effect.never]))
      )
    ))
    yield* Deferred.await(worked)
    yield* Fiber.interrupt(request)
    assert.strictEqual(yield* Deferred.await(done), 499)
    return app
  })

describe("When the client hangs up", () => {
  scoped("what was staged is dropped", () =>
    Effect.gen(function*() {
      const app = yield* hanging((session) => Effect.zipRight(session.update(increment), session.signIn("grace")))
      assert.deepStrictEqual(app.store.take(), ["read"])
      assert.strictEqual(yield* rowsOf(app), 1)
    }))

  scoped("what was committed stays", () =>
    Effect.gen(function*() {
      const app = yield* hanging((session) => Effect.zipRight(session.update(increment), session.commit))
      assert.deepStrictEqual(app.store.take(), ["read", "update"])
    }))

  scoped("a sign-out stays", () =>
    Effect.gen(function*() {
      const app = yield* hanging((session) => session.signOut)
      assert.strictEqual(yield* rowsOf(app), 0)
    }))
})

describe("When its fiber is interrupted", () => {
  effect("a sign-out that is on its way is carried out", () =>
    owned(({ app, browser }) =>
      Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        app.store.interfere((operation, effect) =>
          operation === "delete"
            ? Effect.zipRight(Effect.zipRight(Deferred.succeed(begun, void 0), Deferred.await(goOn)), effect)
            : effect
        )
        const answer = yield* app.visit(
          browser,
          use((session) =>
            Effect.gen(function*() {
              const fiber = yield* Effect.fork(session.signOut)
              yield* Deferred.await(begun)
              yield* Fiber.interruptFork(fiber)
              yield* Effect.repeatN(Effect.yieldNow(), 10)
              yield* Deferred.succeed(goOn, void 0)
              yield* Fiber.await(fiber)
            })
          )
        )
        assert.strictEqual(yield* rowsOf(app), 0)
        assert.match(answer.setCookies.join(), /^__Host-sid=; Max-Age=0; /)
      })
    ))
})

describe("When a handler takes too long", () => {
  const timesOut = (work: (session: AppHandle) => Effect.Effect<unknown, unknown>) =>
    owned(({ app, browser }) =>
      Effect.gen(function*() {
        const worked = yield* Deferred.make<void>()
        const request = yield* Effect.fork(app.visit(
          browser,
          use((session) => Effect.all([work(session), Deferred.succeed(worked, void 0), Effect.never])).pipe(
            Effect.timeoutTo({
              duration: "30 seconds",
              onSuccess: () => HttpServerResponse.empty(),
              onTimeout: () => HttpServerResponse.empty({ status: 504 })
            })
          )
        ))
        yield* Deferred.await(worked)
        yield* TestClock.adjust("30 seconds")
        return { app, answer: yield* Fiber.join(request) }
      })
    )

  effect("and answers 504 instead, what was staged is dropped", () =>
    Effect.gen(function*() {
      const { answer, app } = yield* timesOut((session) => session.signIn("grace"))
      assert.deepStrictEqual([answer.status, answer.setCookies], [504, []])
      assert.deepStrictEqual(app.store.take(), ["read"])
    }))

  effect("a sign-out before that stays, and its cookie is cleared", () =>
    Effect.gen(function*() {
      const { answer, app } = yield* timesOut((session) => session.signOut)
      assert.match(answer.setCookies.join(), /^__Host-sid=; Max-Age=0; /)
      assert.strictEqual(yield* rowsOf(app), 0)
    }))
})

describe("A response of any kind", () => {
  const kinds: ReadonlyArray<readonly [string, () => HttpServerResponse.HttpServerResponse]> = [
    ["204", () => HttpServerResponse.empty()],
    ["304", () => HttpServerResponse.empty({ status: 304 })],
    ["a redirect", () => HttpServerResponse.redirect("/next", { status: 303 })],
    ["text", () => HttpServerResponse.text("text")],
    ["HTML", () => HttpServerResponse.raw("<p>", { contentType: "text/html" })],
    ["a stream", () => HttpServerResponse.stream(Stream.make(encode("a"), encode("b")))],
    ["a form", () => HttpServerResponse.formData(new FormData())],
    ["404", () => HttpServerResponse.empty({ status: 404 })],
    ["422", () => HttpServerResponse.unsafeJson({}, { status: 422 })]
  ]

  for (const [kind, response] of kinds) {
    for (const method of ["GET", "HEAD", "POST"]) {
      scoped(`${kind} to ${method} carries the cookie of a first write that is stored`, () =>
        Effect.gen(function*() {
          const app = yield* victimApp()
          const { setCookies } = yield* app.raw({ method }, Effect.as(incrementCount, response()))
          assert.lengthOf(setCookies, 1)
          assert.deepStrictEqual(app.store.take(), ["insert"])
          const id = /^__Host-sid=([\w-]+)/.exec(setCookies[0] ?? "")?.[1] ?? ""
          const { body } = yield* app.raw(
            { headers: [`Cookie: __Host-sid=${id}`] },
            use((session) => Effect.map(session.info, Option.isSome))
          )
          assert.strictEqual(body, true)
        }))
    }
  }

  effect("a failure that is a response is one like any other: below 500 it commits", () =>
    Effect.gen(function*() {
      for (const [status, calls] of [[302, ["insert"]], [403, ["insert"]], [500, []]] as const) {
        const app = yield* makeApp()
        const answer = yield* app.visit(
          new Browser(),
          Effect.zipRight(incrementCount, Effect.fail(HttpServerResponse.empty({ status })))
        )
        assert.strictEqual(answer.status, status)
        assert.lengthOf(answer.setCookies, calls.length)
        assert.deepStrictEqual(app.store.take(), calls)
      }
    }))
})
