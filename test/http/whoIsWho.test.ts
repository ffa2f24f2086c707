import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect, scoped } from "@effect/vitest"
import { Session, SessionCookie, SessionMetrics, SessionMiddleware } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import {
  addNote,
  type App,
  type AppHandle,
  AppSession,
  Browser,
  browserWith,
  contextOver,
  increment,
  makeApp,
  managerOver,
  readData,
  recordsOf,
  rowsOf,
  use,
  userOf,
  webHandler
} from "../support/app.js"
import { countLive } from "../support/observedStore.js"
import { victimApp } from "./support/inputs.js"
import { openSocket } from "./support/rawSocket.js"
import { contextOf } from "./support/routers.js"
import { inSocket, serve } from "./support/socketApp.js"

const signedIn = (app: App, user: string) => Effect.map(app.browserWithSession({ user }), ({ browser }) => browser)

const cookieHeader = ({ header }: Browser) => header === undefined ? {} : { cookie: header }

const requestOf = (browser: Browser) => new Request("https://app.test/", { headers: cookieHeader(browser) })

/** What a handler does in process: an app of its own runtime, whose requests begin in the middle of that handler's. */
describe("A request that a handler dispatches in process (B1)", () => {
  const withAlice = <A, E>(f: (app: App, alice: Browser, bob: Browser) => Effect.Effect<A, E>) =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      return yield* f(app, yield* signedIn(app, "alice"), yield* signedIn(app, "bob"))
    })

  effect(
    "has its own session, and nobody's without a cookie; around it, the handler's goes on",
    () =>
      withAlice((app, alice, bob) =>
        Effect.gen(function*() {
          const answer = yield* app.visit(
            alice,
            Effect.gen(function*() {
              const before = yield* userOf
              const inner = yield* app.visit(bob, userOf)
              const visitor = yield* app.visit(new Browser(), userOf)
              return [before, inner.body, visitor.body, yield* userOf]
            })
          )
          assert.deepStrictEqual(answer.body, ["alice", "bob", null, "alice"])
        })
      )
  )

  effect(
    "commits its own changes, and leaves what the handler has staged to the handler",
    () =>
      withAlice((app, alice, bob) =>
        Effect.gen(function*() {
          const answer = yield* app.visit(
            alice,
            Effect.gen(function*() {
              yield* use((session) => session.update(addNote("before")))
              const inner = yield* app.visit(bob, use((session) => session.update(addNote("bob's"))))
              const operations = app.store.take()
              yield* use((session) => session.update(addNote("after")))
              return [inner.status, operations]
            })
          )
          assert.deepStrictEqual(answer.body, [200, ["read", "read", "update"]])
          assert.deepStrictEqual(app.store.take(), ["update"])
          const notes = yield* Effect.forEach([alice, bob], (browser) => app.visit(browser, readData))
          assert.deepStrictEqual(notes.map(({ body }) => Reflect.get(Object(body), "notes")), [
            ["before", "after"],
            ["bob's"]
          ])
        })
      )
  )

  for (
    const [what, work] of [
      ["signs in", (session: AppHandle) => session.signIn("alice")],
      ["signs out", (session: AppHandle) => session.signOut]
    ] as const
  ) {
    effect(
      `through a handler that was made once, by whoever ${what} first, is not its maker's`,
      () =>
        withAlice((app, alice, bob) =>
          Effect.gen(function*() {
            const made: Array<(request: Request) => Promise<Response>> = []
            const send = (browser: Browser) =>
              Effect.promise(async () => {
                const response = await made[0]?.(requestOf(browser))
                return [response?.headers.getSetCookie().length, await response?.json()]
              })
            const answer = yield* app.visit(
              alice,
              Effect.gen(function*() {
                made.push(
                  yield* webHandler(
                    app.withSession(Effect.zipRight(use((session) => session.update(increment)), userOf))
                  )
                )
                yield* use(work)
              })
            )
            assert.lengthOf(answer.setCookies, 1)
            assert.deepStrictEqual(yield* send(bob), [0, "bob"])
            assert.deepStrictEqual(yield* send(alice), [
              what === "signs in" ? 0 : 1,
              what === "signs in" ? "alice" : null
            ])
            assert.deepStrictEqual(yield* send(new Browser()), [1, null])
            assert.deepStrictEqual(yield* send(bob), [0, "bob"])
          })
        )
    )
  }

  effect(
    "in the handler's own fiber says nothing of its session in the handler's response",
    () =>
      withAlice((app, alice) =>
        Effect.gen(function*() {
          const inner = app.withSession(Effect.zipRight(use((session) => session.signOut), userOf))
          const bob = yield* signedIn(app, "bob")
          const answer = yield* app.visit(
            alice,
            Effect.zipRight(
              Effect.provideService(
                Effect.scoped(inner),
                HttpServerRequest.HttpServerRequest,
                HttpServerRequest.fromWeb(requestOf(bob))
              ),
              userOf
            )
          )
          assert.deepStrictEqual([answer.body, answer.setCookies], ["alice", []])
          assert.isNull((yield* app.visit(bob, userOf)).body)
        })
      )
  )
})

describe("Two declarations on one table (B3)", () => {
  class AdminSession extends Session.Tag<AdminSession>()("AdminSession", {
    data: Schema.Struct({}),
    initial: {}
  }) {}

  const withBoth = Effect.gen(function*() {
    const app = yield* makeApp()
    const admins = yield* managerOver(app, AdminSession)
    const mine = yield* app.sessions.create({ user: "1" })
    const theirs = yield* admins.create({ user: "1" })
    const live = Effect.map(
      Effect.zip(app.sessions.read(mine.id), admins.read(theirs.id)),
      ([mine, theirs]) => [Option.isSome(mine), Option.isSome(theirs)]
    )
    return { admins, app, live, mine, theirs }
  })

  effect("list their own sessions of a user", () =>
    Effect.gen(function*() {
      const { admins, app, mine, theirs } = yield* withBoth
      assert.deepStrictEqual((yield* app.sessions.listByUser("1")).map(({ handle }) => handle), [mine.record.handle])
      assert.deepStrictEqual((yield* admins.listByUser("1")).map(({ handle }) => handle), [theirs.record.handle])
    }))

  effect("end their own sessions of a user", () =>
    Effect.gen(function*() {
      const { app, live } = yield* withBoth
      assert.strictEqual(yield* app.sessions.destroyByUser("1"), 1)
      assert.deepStrictEqual(yield* live, [false, true])
    }))

  effect("end nothing by the handle of the other's", () =>
    Effect.gen(function*() {
      const { app, live, theirs } = yield* withBoth
      assert.isFalse(yield* app.sessions.destroyByHandle("1", theirs.record.handle))
      assert.deepStrictEqual(yield* live, [true, true])
    }))

  effect("clear their own; the store clears all", () =>
    Effect.gen(function*() {
      const { admins, app, live } = yield* withBoth
      yield* admins.clear
      assert.deepStrictEqual(yield* live, [true, false])
      yield* app.store.service.clear()
      assert.deepStrictEqual(yield* live, [false, false])
    }))
})

describe("Both transports of one declaration around one handler (B4)", () => {
  const both = Effect.gen(function*() {
    const app = yield* makeApp()
    const alice = yield* signedIn(app, "alice")
    const bob = yield* app.sessions.create({ user: "bob" })
    const inner = SessionMiddleware.httpRouter(AppSession, { transport: "bearer" })(
      Effect.map(userOf, HttpServerResponse.unsafeJson)
    )
    const handle = yield* webHandler(
      SessionMiddleware.httpRouter(AppSession)(
        Effect.flatMap(
          inner,
          (response) => Effect.map(userOf, (outer) => HttpServerResponse.setHeader(response, "x-outer", String(outer)))
        )
      ).pipe(Effect.provide(contextOf(app)))
    )
    const send = (headers: Record<string, string>) =>
      Effect.promise(async () => {
        const response = await handle(new Request("https://app.test/", { headers }))
        return [await response.json(), response.headers.getSetCookie()]
      })
    return { cookie: cookieHeader(alice), authorization: `Bearer ${Redacted.value(bob.id)}`, send }
  })

  effect("the inner one reads the bearer token, whatever the cookie says", () =>
    Effect.gen(function*() {
      const { authorization, cookie, send } = yield* both
      assert.deepStrictEqual(yield* send({ ...cookie, authorization }), ["bob", []])
      assert.deepStrictEqual(yield* send({ authorization }), ["bob", []])
    }))

  effect("and never the cookie for it", () =>
    Effect.gen(function*() {
      const { cookie, send } = yield* both
      assert.deepStrictEqual(yield* send({ ...cookie }), [null, []])
      assert.deepStrictEqual(yield* send({ ...cookie, authorization: "Bearer nonsense" }), [null, []])
    }))
})

describe("Two declarations of one name in one app", () => {
  class Twin extends Session.Tag<Twin>()("AppSession", {
    data: Schema.Struct({ visits: Schema.Number }),
    initial: { visits: 0 }
  }) {}

  for (const [order, isFirst] of [["before", true], ["behind", false]] as const) {
    scoped(
      `are an error when the app is built, with the manager of the one ${order} that of the other`,
      () =>
        Effect.gen(function*() {
          const app = yield* makeApp()
          const twins = yield* contextOver(app, Twin)
          const managers = isFirst ? Context.merge(twins, contextOf(app)) : Context.merge(contextOf(app), twins)
          const built = yield* Effect.exit(Layer.build(
            Layer.mergeAll(
              SessionMiddleware.layerRouter(AppSession).layer,
              SessionMiddleware.layerRouter(Twin).layer
            ).pipe(Layer.provide(Layer.succeedContext(managers)))
          ))
          assert.isTrue(Exit.isFailure(built))
          assert.include(String(built), "two declarations are named AppSession")
        })
    )
  }
})

describe("Two declarations with one cookie name in one app (B5)", () => {
  class AdminSession extends Session.Tag<AdminSession>()("AdminSession", {
    data: Schema.Struct({ visits: Schema.Number }),
    initial: { visits: 0 }
  }) {}

  const saysSo = (error: unknown) => {
    const text = String(error)
    for (const part of ["__Host-sid", "AppSession", "AdminSession", "SessionCookie.make"]) assert.include(text, part)
  }

  scoped("are an error when the app is built", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const admins = yield* contextOver(app, AdminSession)
      const built = yield* Effect.exit(Layer.build(
        Layer.mergeAll(
          SessionMiddleware.layerRouter(AppSession).layer,
          SessionMiddleware.layerRouter(AdminSession).layer
        ).pipe(Layer.provide(Layer.succeedContext(contextOf(app))), Layer.provide(Layer.succeedContext(admins)))
      ))
      assert.isTrue(Exit.isFailure(built))
      saysSo(built)
    }))

  for (const policies of ["one policy", "two policies"]) {
    effect(`are an error at the first request of the classic router, with ${policies}`, () => {
      const logged: Array<string> = []
      return Effect.gen(function*() {
        const app = yield* makeApp()
        const admins = yield* contextOver(app, AdminSession)
        const cookie = policies === "one policy" ? undefined : yield* SessionCookie.make()
        const signInBoth = Effect.zipRight(
          use((session) => session.signIn("ada")),
          Effect.flatMap(AdminSession, (session) => session.signIn("ada"))
        )
        const handle = yield* webHandler(
          SessionMiddleware.httpRouter(AdminSession, { cookie })(
            Effect.as(signInBoth, HttpServerResponse.empty())
          ).pipe(
            SessionMiddleware.httpRouter(AppSession),
            Effect.tapErrorCause((cause) => Effect.logError(cause)),
            Effect.provide(contextOf(app)),
            Effect.provide(admins)
          )
        )
        const response = yield* Effect.promise(() => handle(new Request("https://app.test/")))
        assert.strictEqual(response.status, 500)
        assert.deepStrictEqual(response.headers.getSetCookie(), [])
        saysSo(logged.join())
        assert.strictEqual(yield* countLive(app.store.service, "AdminSession", 0), 0)
      }).pipe(Effect.provide(Logger.replace(
        Logger.defaultLogger,
        Logger.map(Logger.stringLogger, (line) => {
          logged.push(line)
        })
      )))
    })
  }
})

describe("The name of a declaration (B6)", () => {
  const declared = (name: string) =>
    Effect.gen(function*() {
      class OddSession extends Session.Tag<OddSession>()(name, { data: Schema.Struct({}), initial: {} }) {}
      return yield* managerOver(yield* makeApp(), OddSession)
    })

  for (
    const name of ["a\ud800", "a\ud801", "\udc00", "\ud800\ud800", "a\udc00\ud800b", "", "a\u0000", "x".repeat(101)]
  ) {
    effect(`${JSON.stringify(name).slice(0, 20)} is refused`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(declared(name))
        assert.strictEqual(error._tag, "SessionConfigError")
        assert.include(error.message, "name")
      }))
  }

  effect("may hold any character", () => Effect.forEach(["a", "\u{1F36A}", "ä b", "x".repeat(100)], declared))
})

describe("The handle", () => {
  effect("can be provided again with something changed (G2)", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser, cookie } = yield* app.browserWithSession({ user: "ada" })
      const changed = <A, E>(handler: Effect.Effect<A, E, AppSession>) =>
        Effect.flatMap(AppSession, (session) =>
          Effect.provideService(handler, AppSession, AppSession.of({ ...session, touch: Effect.void })))
      const answer = yield* app.visit(
        browser,
        changed(Effect.gen(function*() {
          const session = yield* AppSession
          yield* session.touch
          yield* session.update(addNote("kept"))
          yield* session.rotate
          const { credential, get, info, user } = session
          const [data, who, known, brought] = yield* Effect.all([get, user, info, credential])
          return [data.notes, Option.getOrNull(who), Option.isSome(known), brought]
        }))
      )
      assert.deepStrictEqual(answer.body, [["kept"], "ada", true, "accepted"])
      assert.lengthOf(answer.setCookies, 1)
      assert.isNull((yield* app.visit(browserWith(cookie), userOf)).body)
      yield* app.visit(
        browser,
        changed(use((session) =>
          session.signOut
        ))
      )
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("does nothing when its properties are read (G3)", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      const rejected = SessionMetrics.rejectedCookies.malformed
      const before = (yield* Metric.value(rejected)).count
      for (const sender of [browser, browserWith("garbage"), new Browser()]) {
        const answer = yield* app.visit(
          sender,
          use((session) =>
            Effect.sync(() => Object.values({ ...session }).length + Reflect.ownKeys(session).length > 10)
          )
        )
        assert.strictEqual(answer.body, true)
        assert.deepStrictEqual([answer.headers.get("cache-control"), answer.headers.get("vary")], [null, null])
        assert.deepStrictEqual([answer.setCookies, app.store.take()], [[], []])
      }
      assert.strictEqual((yield* Metric.value(rejected)).count, before)
    }))
})

describe("What SessionResponseSent advises can be done (G5)", () => {
  scoped(
    "a sign-in in a request before the socket opens, and a change of that session in its handler",
    () =>
      Effect.gen(function*() {
        const app = yield* victimApp()
        const browser = new Browser()
        yield* app.visit(browser, use((session) => session.signIn("grace")))
        const port = yield* serve(
          app.withSession(inSocket((session) => Effect.zipRight(session.update(increment), session.commit)))
        )
        const { message } = yield* openSocket(port, [`Cookie: ${browser.header}`])
        assert.strictEqual(message, "no error")
        const [record] = yield* recordsOf(app, "grace")
        assert.include(record?.data ?? "", "\"count\":1")
      })
  )
})
