import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert } from "@effect/vitest"
import { SessionGuard } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type App,
  type AppHandle,
  AppSession,
  Browser,
  browserWith,
  increment,
  incrementCount,
  makeApp,
  readData,
  rowsOf,
  signOut,
  tabOf,
  use,
  userOf,
  webHandler
} from "../../support/app.js"
import { breakDown, leaveAlone } from "../../support/observedStore.js"
import { duringRequest } from "../../support/overlap.js"
import { type Behaviour, nothing, owned } from "./behavioursCookie.js"
import { unknownId } from "./ids.js"

const cleared = (setCookies: ReadonlyArray<string>) => {
  assert.deepStrictEqual(setCookies, [
    "__Host-sid=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
  ])
}

/** A request that changes the session, answered in every way a response can be made. */
const answers: ReadonlyArray<readonly [string, HttpServerResponse.HttpServerResponse]> = [
  ["empty", HttpServerResponse.empty({ status: 200 })],
  ["204", HttpServerResponse.empty()],
  ["text with its length", HttpServerResponse.text("text")],
  ["JSON", HttpServerResponse.unsafeJson({})],
  ["bytes", HttpServerResponse.uint8Array(new Uint8Array(10))],
  ["a redirect", HttpServerResponse.redirect("/")],
  ["a stream in parts", HttpServerResponse.stream(Stream.make(new Uint8Array(1), new Uint8Array(2)))]
]

const countOf = (app: App, browser: Browser) =>
  Effect.map(app.visit(browser, use((session) => Effect.map(session.get, ({ count }) => count))), ({ body }) => body)

export const saving: ReadonlyArray<Behaviour> = [
  {
    number: 38,
    behaviour: "what is not changed is not written",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* app.visit(browser, readData)
        yield* app.visit(browser, use((session) => session.update((data) => data)))
        assert.deepStrictEqual(app.store.take(), ["read", "read"])
      })
    )
  },
  {
    number: 39,
    behaviour: "a change is one write, done before any kind of response ends",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        for (const [what, response] of answers) {
          app.store.take()
          yield* app.visit(browser, Effect.as(incrementCount, response))
          assert.deepStrictEqual(app.store.take(), ["read", "update"], what)
        }
        assert.strictEqual(yield* countOf(app, browser), 1 + answers.length)
      })
    )
  },
  {
    number: 40,
    behaviour: "a change deep inside counts: data is immutable, so it is a new value",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* app.visit(
          browser,
          use((session) => session.update((data) => ({ ...data, settings: { ...data.settings, theme: "dark" } })))
        )
        const answer = yield* app.visit(browser, readData)
        assert.deepStrictEqual(Reflect.get(Object(answer.body), "settings"), { theme: "dark" })
      })
    )
  },
  {
    number: 41,
    behaviour: "what is committed early is not written again at the end, after a rotation neither",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* app.visit(browser, use((session) => Effect.zipRight(session.update(increment), session.commit)))
        assert.deepStrictEqual(app.store.take(), ["read", "update"])
        yield* app.visit(browser, use((session) => Effect.zipRight(session.rotate, session.commit)))
        assert.deepStrictEqual(app.store.take(), ["read", "rotate"])
      })
    )
  },
  {
    number: 42,
    behaviour: "many requests within the touch interval are one write, with the shortest interval each is one",
    run: Effect.zipRight(
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          yield* TestClock.adjust("1 minute")
          for (let visits = 0; visits < 10; visits++) yield* app.visit(browser, readData)
          assert.lengthOf(app.store.take().filter((operation) => operation === "touch"), 1)
        })
      ),
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          for (let visits = 0; visits < 10; visits++) {
            yield* TestClock.adjust(1)
            yield* app.visit(browser, readData)
          }
          assert.lengthOf(app.store.take().filter((operation) => operation === "touch"), 10)
        }), { timeouts: { touchInterval: 1 } })
    )
  },
  {
    number: 43,
    behaviour: "a persistent cookie is sent again when the session was extended, also with a 304; any other is not",
    run: Effect.gen(function*() {
      for (const persistent of [true, false]) {
        yield* owned(({ app, browser }) =>
          Effect.gen(function*() {
            assert.lengthOf((yield* app.visit(browser, readData)).setCookies, 0)
            for (const status of [200, 304, 204]) {
              yield* TestClock.adjust("1 minute")
              const answer = yield* app.visit(browser, Effect.as(readData, HttpServerResponse.empty({ status })))
              assert.lengthOf(answer.setCookies, persistent ? 1 : 0)
            }
          }), { cookie: { persistent } })
      }
    })
  },
  {
    number: 44,
    behaviour: "a cookie is sent again only if it changes: not because data does",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        for (const handler of [Effect.asVoid(readData), incrementCount]) {
          assert.deepStrictEqual((yield* app.visit(browser, handler)).setCookies, [])
        }
        assert.lengthOf((yield* app.visit(browser, use((session) => session.rotate))).setCookies, 1)
      })
    )
  },
  {
    number: 45,
    behaviour: "renewal follows the touch interval: not before it, at it",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("59999 millis")
        assert.lengthOf((yield* app.visit(browser, readData)).setCookies, 0)
        yield* TestClock.adjust(1)
        assert.lengthOf((yield* app.visit(browser, readData)).setCookies, 1)
      }), { cookie: { persistent: true } })
  },
  {
    number: 46,
    behaviour: "changing maxAge alone forces a save",
    elsewhere: "there is no lifetime per session: the policy of the app decides, for stored sessions at once"
  },
  {
    number: 47,
    behaviour: "a handler that fails, dies or answers 5xx commits nothing",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        for (
          const end of [
            Effect.fail("broken"),
            Effect.die("broken"),
            Effect.succeed(HttpServerResponse.empty({ status: 500 }))
          ]
        ) {
          const answer = yield* app.visit(browser, Effect.zipRight(incrementCount, end))
          assert.deepStrictEqual([answer.status, answer.setCookies], [500, []])
        }
        assert.strictEqual(yield* countOf(app, browser), 1)
      })
    )
  },
  {
    number: 48,
    behaviour: "a write that fails is seen, and sets no cookie for a session that is not stored",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      breakDown(app.store, "insert")
      const answer = yield* app.visit(new Browser(), incrementCount)
      assert.deepStrictEqual([answer.status, answer.setCookies], [503, []])
      assert.strictEqual(yield* rowsOf(app), 0)
    })
  },
  {
    number: 49,
    behaviour: "a change after the first byte is an error and no orphan row",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      const late = use((session) =>
        Effect.succeed(HttpServerResponse.stream(Stream.fromEffect(Effect.map(
          Effect.either(session.update(increment)),
          (result) => new TextEncoder().encode(result._tag === "Left" ? result.left._tag : "lost")
        ))))
      )
      const answer = yield* app.visit(new Browser(), late)
      assert.deepStrictEqual([answer.body, answer.setCookies], ["SessionResponseSent", []])
      assert.strictEqual(yield* rowsOf(app), 0)
    })
  }
]

/** Everything a request may do that must leave no more than one row, and none at the end of a sign-out. */
const oneRequest = (work: (session: AppHandle) => Effect.Effect<unknown, unknown>, rows: number, live: boolean) =>
  owned(({ app, browser, cookie }) =>
    Effect.gen(function*() {
      const answer = yield* app.visit(browser, use(work))
      assert.isAtMost(answer.setCookies.length, 1)
      assert.strictEqual(yield* rowsOf(app), rows)
      assert.isNull((yield* app.visit(browserWith(cookie), userOf)).body)
      assert.strictEqual((yield* app.visit(browser, userOf)).body !== null, live)
    })
  )

export const lifecycle: ReadonlyArray<Behaviour> = [
  {
    number: 50,
    behaviour: "destroy removes the row and clears the cookie with the same attributes",
    run: Effect.zipRight(
      owned(({ app, browser, cookie }) =>
        Effect.gen(function*() {
          cleared((yield* app.visit(browser, signOut)).setCookies)
          assert.strictEqual(yield* rowsOf(app), 0)
          assert.isNull((yield* app.visit(browserWith(cookie), userOf)).body)
        })
      ),
      owned(
        ({ app, browser }) =>
          Effect.map(app.visit(browser, signOut), ({ setCookies }) =>
            assert.deepStrictEqual(setCookies, [
              "sid=; Max-Age=0; Domain=app.test; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Strict"
            ])),
        { cookie: { name: "sid", domain: "app.test", path: "/app", sameSite: "strict" } }
      )
    )
  },
  {
    number: 51,
    behaviour: "a session begun and ended in one request leaves no cookie and no row",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      for (
        const work of [
          (session: AppHandle) => Effect.zipRight(session.update(increment), session.destroy),
          (session: AppHandle) => Effect.zipRight(session.signIn("ada"), session.signOut),
          (session: AppHandle) =>
            Effect.all([session.signIn("ada"), session.commit, session.signOut], { discard: true })
        ]
      ) {
        const answer = yield* app.visit(new Browser(), use(work))
        assert.deepStrictEqual(answer.setCookies, [])
        assert.strictEqual(yield* rowsOf(app), 0)
      }
    })
  },
  {
    number: 52,
    behaviour: "a sign-out without a cookie clears none",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(new Browser(), signOut)
      assert.deepStrictEqual([answer.status, answer.setCookies, app.store.take()], [200, [], []])
    })
  },
  {
    number: 53,
    behaviour: "destroying twice, or what is unknown, is no error",
    run: owned(({ app, browser, cookie }) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* app.visit(browser, use((s) => Effect.zipRight(s.destroy, s.destroy)))).status, 200)
        assert.strictEqual((yield* app.visit(browserWith(cookie), signOut)).status, 200)
        assert.strictEqual((yield* app.visit(browserWith(unknownId), signOut)).status, 200)
        yield* app.sessions.destroy(Redacted.make(unknownId))
      })
    )
  },
  {
    number: 54,
    behaviour: "rotation gives a new id and keeps all data, a sign-in keeps what it is told to; the old id is dead",
    run: Effect.gen(function*() {
      yield* owned(({ app, browser, cookie }) =>
        Effect.gen(function*() {
          const answer = yield* app.visit(browser, use((session) => session.rotate))
          assert.lengthOf(answer.setCookies, 1)
          assert.notStrictEqual(browser.cookies.get("__Host-sid"), cookie)
          assert.strictEqual(yield* countOf(app, browser), 1)
          assert.isNull((yield* app.visit(browserWith(cookie), userOf)).body)
        })
      )
      for (const [carry, kept] of [[undefined, 0], [(data: { readonly count: number }) => data.count, 1]] as const) {
        yield* owned(({ app, browser, cookie }) =>
          Effect.gen(function*() {
            yield* app.visit(
              browser,
              use((session) =>
                session.signIn(
                  "grace",
                  carry === undefined ? {} : {
                    carry: (data) => ({ count: carry(data), notes: [], settings: {} })
                  }
                )
              )
            )
            assert.strictEqual(yield* countOf(app, browser), kept)
            assert.strictEqual((yield* app.visit(browser, userOf)).body, "grace")
            assert.isNull((yield* app.visit(browserWith(cookie), userOf)).body)
          })
        )
      }
    })
  },
  {
    number: 55,
    behaviour: "rotate and destroy, rotate twice, sign in and out in one request: no live row is left over",
    run: Effect.all([
      oneRequest((session) => Effect.zipRight(session.rotate, session.destroy), 0, false),
      oneRequest((session) => Effect.all([session.rotate, session.commit, session.destroy]), 0, false),
      oneRequest((session) => Effect.all([session.signIn("b"), session.commit, session.signOut]), 0, false),
      oneRequest((session) => Effect.zipRight(session.rotate, session.rotate), 1, true),
      oneRequest((session) => Effect.all([session.rotate, session.commit, session.rotate, session.commit]), 1, true),
      oneRequest((session) => Effect.all([session.signIn("b"), session.commit, session.signIn("c")]), 1, true),
      oneRequest((session) => Effect.all([session.destroy, session.update(increment), session.signIn("b")]), 1, true)
    ])
  },
  {
    number: 56,
    behaviour: "a commit picks up what another request wrote; of a row that is gone it says so",
    run: Effect.zipRight(
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          const answer = yield* duringRequest(
            app,
            browser,
            (session) => session.update(addNote("mine")),
            app.visit(tabOf(browser), use((session) => session.update(addNote("theirs"))))
          )
          assert.strictEqual(answer.status, 200)
          const { body } = yield* app.visit(browser, readData)
          assert.deepStrictEqual(Reflect.get(Object(body), "notes"), ["theirs", "mine"])
        })
      ),
      owned(({ app, browser, cookie }) =>
        Effect.gen(function*() {
          const answer = yield* app.visit(
            browser,
            use((session) =>
              Effect.gen(function*() {
                yield* session.update(increment)
                yield* app.sessions.destroy(Redacted.make(cookie))
                return yield* Effect.flip(session.commit)
              })
            )
          )
          assert.strictEqual(Reflect.get(Object(answer.body), "_tag"), "SessionGone")
        })
      )
    )
  },
  {
    number: 57,
    behaviour: "unset: \"keep\" or \"destroy\"",
    elsewhere: "there is no session object to set to null: destroy ends it, and nothing else does"
  },
  {
    number: 58,
    behaviour: "two sessions are apart: a write to one, the end of one, leave the other alone",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        const other = yield* app.browserWithSession({ user: "grace" })
        yield* app.visit(browser, incrementCount)
        assert.strictEqual(yield* countOf(app, other.browser), 0)
        yield* app.visit(browser, signOut)
        assert.strictEqual((yield* app.visit(other.browser, userOf)).body, "grace")
      })
    )
  },
  {
    number: 59,
    behaviour: "a sign-out that races a read or a write stays",
    run: Effect.forEach(
      [
        (session: AppHandle) => session.get,
        (session: AppHandle) => session.update(increment),
        (s: AppHandle) => s.rotate
      ],
      (work) =>
        owned(({ app, browser, cookie }) =>
          Effect.gen(function*() {
            yield* TestClock.adjust("2 minutes")
            yield* duringRequest(
              app,
              browser,
              (session) => Effect.asVoid(work(session)),
              app.visit(tabOf(browser), signOut)
            )
            assert.strictEqual(yield* rowsOf(app), 0)
            assert.isNull((yield* app.visit(browserWith(cookie), userOf)).body)
          })
        )
    )
  },
  {
    number: 60,
    behaviour: "two writes at once to different parts are both there",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* Effect.all(
          Array.from(
            { length: 10 },
            (_, index) => app.visit(tabOf(browser), use((s) => s.update(addNote(`${index}`))))
          ),
          { concurrency: "unbounded" }
        )
        const { body } = yield* app.visit(browser, readData)
        assert.lengthOf(Reflect.get(Object(body), "notes"), 10)
      })
    )
  },
  {
    number: 61,
    behaviour: "of rotations at once exactly one id lives",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        // Each is read before one of them is written.
        app.store.interfere((operation, effect) =>
          operation === "rotate" ? Effect.zipRight(Effect.yieldNow(), effect) : effect
        )
        const answers = yield* Effect.all(
          Array.from({ length: 10 }, () => app.visit(tabOf(browser), use((session) => session.rotate))),
          { concurrency: "unbounded" }
        )
        const outcomes = answers.map(({ setCookies, status }) => [status, setCookies.length])
        assert.deepStrictEqual(outcomes.sort(), [[200, 1], ...Array.from({ length: 9 }, () => [409, 0])])
        assert.strictEqual(yield* rowsOf(app), 1)
      })
    )
  }
]

/** A request to `url` as a proxy or an odd client may send it. */
const requestTo = (app: App, url: string, headers: Record<string, string> = {}, method = "GET") =>
  Effect.flatMap(
    webHandler(app.withSession(incrementCount)),
    (handle) => Effect.promise(() => handle(new Request(url, { headers, method })))
  )

export const transport: ReadonlyArray<Behaviour> = [
  {
    number: 62,
    behaviour: "Secure over http: the cookie is sent all the same, for browsers take it on localhost; it is never "
      + "weakened by what a header says",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      for (const url of ["http://app.test/", "https://app.test/"]) {
        for (const headers of [{}, { "x-forwarded-proto": "https, http" }, { "x-forwarded-proto": "http" }]) {
          const response = yield* requestTo(app, url, headers)
          assert.match(
            response.headers.getSetCookie().join(),
            /^__Host-sid=[\w-]{22}; Path=\/; HttpOnly; Secure; SameSite=Lax$/
          )
        }
      }
    })
  },
  {
    number: 63,
    behaviour: "there is no \"auto\" for secure or sameSite: what is configured is what is sent",
    run: Effect.gen(function*() {
      const app = yield* makeApp({ cookie: { insecure: true } })
      for (const url of ["http://app.test/", "https://app.test/"]) {
        const response = yield* requestTo(app, url)
        assert.match(response.headers.getSetCookie().join(), /^sid=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/)
      }
    })
  },
  {
    number: 64,
    behaviour: "a cookie path is for browsers to match: the server answers every path that it routes alike",
    run: Effect.gen(function*() {
      const app = yield* makeApp({ cookie: { name: "sid", path: "/foo/bar" } })
      for (const path of ["/", "/foo/bar", "/foo/bar/baz", "/foo/barbaz"]) {
        const response = yield* requestTo(app, `https://app.test${path}`)
        assert.include(response.headers.getSetCookie().join(), "; Path=/foo/bar; ")
      }
    })
  },
  {
    number: 65,
    behaviour: "URLs in absolute form and empty paths",
    elsewhere: "the session looks at no URL; requests to the letter are sent in inputs.test.ts"
  },
  { number: 66, behaviour: "bearer tokens", elsewhere: "bearer.test.ts" },
  { number: 67, behaviour: "redirectTo", elsewhere: "guards.test.ts" },
  { number: 68, behaviour: "CSRF tokens", elsewhere: "csrf.test.ts" },
  {
    number: 69,
    behaviour: "a store that is down: pages without a session work, the others are a 503; all is well when it is back",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        breakDown(app.store, "read")
        assert.strictEqual((yield* app.visit(browser, nothing)).status, 200)
        const down = yield* app.visit(browser, userOf)
        assert.deepStrictEqual([down.status, down.setCookies], [503, []])
        app.store.interfere(leaveAlone)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      })
    )
  },
  {
    number: 70,
    behaviour: "HEAD is as GET: it saves, and sets the cookie",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      const response = yield* requestTo(app, "https://app.test/", {}, "HEAD")
      assert.lengthOf(response.headers.getSetCookie(), 1)
      assert.deepStrictEqual(app.store.take(), ["insert"])
    })
  },
  { number: 71, behaviour: "flash messages", elsewhere: "flash.test.ts" },
  {
    number: 72,
    behaviour: "sessions of a user are listed and ended one by one, or all but this",
    run: owned(({ app, browser, cookie }) =>
      Effect.gen(function*() {
        const phone = yield* app.browserWithSession({ user: "ada" })
        const tablet = yield* app.browserWithSession({ user: "ada" })
        const listed = yield* app.sessions.listByUser("ada")
        assert.lengthOf(listed, 3)
        const { record } = Option.getOrThrow(yield* app.sessions.read(phone.id))
        assert.isTrue(yield* app.sessions.destroyByHandle("ada", record.handle))
        assert.isNull((yield* app.visit(phone.browser, userOf)).body)
        assert.strictEqual((yield* app.visit(tablet.browser, userOf)).body, "ada")
        const mine = Option.getOrThrow(yield* app.sessions.read(Redacted.make(cookie))).record.handle
        assert.strictEqual(yield* app.sessions.destroyByUser("ada", { except: mine }), 1)
        assert.isNull((yield* app.visit(tablet.browser, userOf)).body)
        assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
      })
    )
  },
  {
    number: 73,
    behaviour: "a user who was deleted: the session ends, 401, the cookie is cleared",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        const answer = yield* app.visit(browser, SessionGuard.required(AppSession, () => Effect.succeedNone))
        assert.strictEqual(answer.status, 401)
        cleared(answer.setCookies)
        assert.strictEqual(yield* rowsOf(app), 0)
      })
    )
  },
  {
    number: 74,
    behaviour: "the table is made once, also by several first nodes at once",
    elsewhere: "the SQL store: test/conformance.test.ts and test/sql"
  },
  {
    number: 75,
    behaviour: "pruning: interval, jitter, off, does not keep the process alive, stops",
    elsewhere: "SessionCleaner, a scoped fiber: its own tests"
  }
]
