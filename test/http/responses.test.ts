import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import type { SessionCookie } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  type Answer,
  type App,
  type AppHandle,
  Browser,
  increment,
  incrementCount,
  makeApp,
  readData,
  rowsOf,
  signOut,
  use
} from "../support/app.js"
import { breakDown } from "../support/observedStore.js"
import { owned } from "./support/behavioursCookie.js"
import { otherSigningKey, signingKey } from "./support/ids.js"

const names = (answer: Answer) => answer.setCookies.map((cookie) => cookie.slice(0, cookie.indexOf("="))).sort()

describe("A response has one Set-Cookie for the session, whatever the request did", () => {
  const works: ReadonlyArray<readonly [string, (session: AppHandle) => Effect.Effect<unknown, unknown>]> = [
    ["a first write", (session) => session.update(increment)],
    ["a write and a rotation", (session) => Effect.zipRight(session.update(increment), session.rotate)],
    [
      "a write, a rotation and a write, each committed",
      (session) =>
        Effect.all([
          session.update(increment),
          session.commit,
          session.rotate,
          session.commit,
          session.update(increment)
        ])
    ],
    [
      "two sign-ins, each committed",
      (session) => Effect.all([session.signIn("a"), session.commit, session.signIn("b"), session.commit])
    ],
    ["a sign-out and a sign-in", (session) => Effect.zipRight(session.signOut, session.signIn("b"))],
    [
      "two sign-outs and a first write",
      (session) => Effect.all([session.signOut, session.signOut, session.update(increment)])
    ]
  ]

  for (const [what, work] of works) {
    effect(what, () =>
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          const visitor = new Browser()
          const first = yield* app.visit(visitor, use(work))
          assert.deepStrictEqual(names(first), ["__Host-sid"])
          yield* app.visit(browser, use((session) => session.rotate))
          const second = yield* app.visit(browser, use((session) => Effect.zipRight(work(session), session.rotate)))
          assert.deepStrictEqual(names(second), ["__Host-sid"])
          const ended = yield* app.visit(browser, use((session) => Effect.zipRight(work(session), session.destroy)))
          assert.deepStrictEqual(names(ended), ["__Host-sid"])
          assert.match(ended.setCookies[0] ?? "", /^__Host-sid=; Max-Age=0; /)
          assert.strictEqual(browser.cookies.size, 0)
          // Only the visitor's session is left.
          assert.strictEqual(yield* rowsOf(app), 1)
        })
      ))
  }

  effect("and the cookies of the handler beside it, those of a raw header too", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const response = HttpServerResponse.empty({ headers: { "set-cookie": "raw=1" } }).pipe(
        HttpServerResponse.unsafeSetCookie("theme", "dark"),
        HttpServerResponse.unsafeSetCookie("language", "en")
      )
      const answer = yield* app.visit(new Browser(), Effect.as(incrementCount, response))
      assert.deepStrictEqual(names(answer), ["__Host-sid", "language", "raw", "theme"])
    }))
})

describe("A browser gets rid of the cookie", () => {
  const policies: ReadonlyArray<SessionCookie.Options> = [
    {},
    { insecure: true },
    { name: "__Secure-sid", path: "/app" },
    { name: "sid", domain: "app.test" },
    { name: "sid", domain: "app.test", path: "/app", sameSite: "strict", priority: "high" },
    { sameSite: "none", partitioned: true },
    { name: "__Host-Http-sid" },
    { persistent: true },
    { maxAge: "1 day", httpOnly: false },
    { signingKeys: [Redacted.make(signingKey)] }
  ]
  /** What a browser knows a cookie by, and what it must agree in to be replaced. */
  const identity = (setCookie: string) => {
    const [pair = "", ...attributes] = setCookie.split("; ")
    return [pair.split("=")[0], ...attributes.filter((attribute) => !/^(Max-Age|Expires)=/.test(attribute))]
  }

  for (const cookie of policies) {
    effect(`set with ${JSON.stringify(cookie)}`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp({ cookie })
        const browser = new Browser()
        const [set = ""] = (yield* app.visit(browser, incrementCount)).setCookies
        const [cleared = ""] = (yield* app.visit(browser, signOut)).setCookies
        assert.deepStrictEqual(identity(cleared), identity(set))
        assert.match(cleared, /^[^=]+=; /)
        assert.include(cleared, "; Max-Age=0")
        assert.include(cleared, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
        assert.strictEqual(browser.cookies.size, 0)
      }))
  }

  effect("also when what it sent was no id of ours, and it signs out", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const browser = new Browser()
      browser.cookies.set("__Host-sid", "garbage")
      yield* app.visit(browser, signOut)
      assert.strictEqual(browser.cookies.size, 0)
      assert.deepStrictEqual(app.store.take(), [])
    }))
})

const cacheHeaders = (answer: Answer) => [answer.headers.get("cache-control"), answer.headers.get("vary")]

describe("Caches are told", () => {
  const existing: ReadonlyArray<readonly [sent: Record<string, string>, seen: ReadonlyArray<string | null>]> = [
    [{}, ["no-store", "Cookie"]],
    [{ "cache-control": "no-store" }, ["no-store", "Cookie"]],
    [{ "cache-control": "private, No-Store" }, ["private, No-Store", "Cookie"]],
    [{ "cache-control": "max-age=60" }, ["max-age=60, no-store", "Cookie"]],
    [{ "cache-control": "" }, ["no-store", "Cookie"]],
    [{ vary: "Accept" }, ["no-store", "Accept, Cookie"]],
    [{ vary: "accept, cookie" }, ["no-store", "accept, cookie"]],
    [{ vary: "*" }, ["no-store", "*"]],
    [{ vary: "Cookie-Consent" }, ["no-store", "Cookie-Consent, Cookie"]]
  ]

  for (const [headers, seen] of existing) {
    effect(`next to ${JSON.stringify(headers)}`, () =>
      owned(({ app, browser }) =>
        Effect.gen(function*() {
          for (const used of [Effect.asVoid(readData), incrementCount, signOut]) {
            const answer = yield* app.visit(browser, Effect.as(used, HttpServerResponse.empty({ headers })))
            assert.deepStrictEqual(cacheHeaders(answer), seen)
          }
          const unused = yield* app.visit(browser, Effect.succeed(HttpServerResponse.empty({ headers })))
          const sent = HttpServerResponse.empty({ headers }).headers
          assert.deepStrictEqual(cacheHeaders(unused), [sent["cache-control"] ?? null, sent["vary"] ?? null])
        })
      ))
  }

  effect(
    "of a visitor's page, of a failure and of a defect as well, once the session was read",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        for (const end of [Effect.void, Effect.fail("broken"), Effect.die("broken")]) {
          const answer = yield* app.visit(new Browser(), Effect.zipRight(readData, end))
          assert.deepStrictEqual(cacheHeaders(answer), ["no-store", "Cookie"])
        }
      })
  )
})

const maxAges = (answer: Answer) => answer.setCookies.map((cookie) => /Max-Age=(\d+)/.exec(cookie)?.[1])

/** What is sent for a first write, and for a read after each of these pauses. */
const resent = (
  cookie: SessionCookie.Options,
  pauses: ReadonlyArray<number>,
  f: (app: App, browser: Browser) => Effect.Effect<Answer> = (app, browser) => app.visit(browser, readData)
) =>
  Effect.gen(function*() {
    const app = yield* makeApp({ cookie, timeouts: { idle: "15 minutes", absolute: "40 minutes" } })
    const browser = new Browser()
    const sent = [maxAges(yield* app.visit(browser, incrementCount))]
    for (const minutes of pauses) {
      yield* TestClock.adjust(`${minutes} minutes`)
      sent.push(maxAges(yield* f(app, browser)))
    }
    return sent
  })

describe("The lifetime of the cookie", () => {
  effect(
    "is that of the browser if it is not persistent, and it is not sent again",
    () => Effect.map(resent({}, [0, 1, 10]), (sent) => assert.deepStrictEqual(sent, [[undefined], [], [], []]))
  )

  effect(
    "follows the sooner of both timeouts, and it is sent again whenever that moved",
    () =>
      Effect.map(
        resent({ persistent: true }, [0, 1, 14, 14, 10]),
        (sent) => assert.deepStrictEqual(sent, [["900"], [], ["900"], ["900"], ["660"], ["60"]])
      )
  )

  effect(
    "is no longer than maxAge",
    () =>
      Effect.map(
        resent({ maxAge: "5 minutes" }, [10, 14, 14]),
        (sent) => assert.deepStrictEqual(sent, [["300"], ["300"], ["300"], ["120"]])
      )
  )

  effect(
    "is not past expires",
    () =>
      Effect.map(
        resent({ expires: new Date(12 * 60_000) }, [10, 1, 3]),
        (sent) => assert.deepStrictEqual(sent, [["720"], ["120"], ["60"], ["0"]])
      )
  )

  effect("does not follow a background request", () =>
    Effect.map(
      resent({ persistent: true }, [10], (app, browser) =>
        app.visit(
          browser,
          use((session) => Effect.zipRight(session.background, session.get))
        )),
      (sent) => assert.deepStrictEqual(sent, [["900"], []])
    ))

  effect(
    "is sent with a rotation, and with a signature under a new key, and then not again",
    () =>
      Effect.gen(function*() {
        for (const persistent of [false, true]) {
          const age = persistent ? "900" : undefined
          const sent = yield* resent({ persistent }, [0, 0], (app, browser) => app.visit(browser, use((s) => s.rotate)))
          assert.deepStrictEqual(sent, [[age], [age], [age]])

          const before = yield* makeApp({ cookie: { persistent, signingKeys: [Redacted.make(signingKey)] } })
          const browser = new Browser()
          yield* before.visit(browser, incrementCount)
          const after = yield* makeApp({
            store: before.store.service,
            cookie: { persistent, signingKeys: [otherSigningKey, signingKey].map((key) => Redacted.make(key)) }
          })
          assert.deepStrictEqual(maxAges(yield* after.visit(browser, Effect.succeed(null))), [])
          assert.deepStrictEqual(maxAges(yield* after.visit(browser, readData)), [age])
          assert.deepStrictEqual(maxAges(yield* after.visit(browser, readData)), [])
        }
      })
  )
})

describe("A response that replaces another", () => {
  const cors = HttpMiddleware.cors({ allowedOrigins: ["https://other.test"], credentials: true })
  const exposed = HttpServerResponse.empty({
    headers: { "access-control-allow-origin": "https://other.test", "access-control-allow-credentials": "true" }
  })
  const allowed = (answer: Answer) => [
    answer.headers.get("access-control-allow-origin"),
    answer.headers.get("access-control-allow-credentials")
  ]

  for (
    const [status, spoil] of [
      [503, (app: App) => Effect.sync(() => breakDown(app.store, "update"))],
      [401, (app: App) => Effect.orDie(app.sessions.clear)]
    ] as const
  ) {
    effect(
      `with ${status} keeps what the app said to other origins`,
      () =>
        owned(({ app, browser }) =>
          Effect.gen(function*() {
            const inside = yield* app.visit(
              browser,
              Effect.zipRight(incrementCount, Effect.as(spoil(app), exposed))
            )
            assert.strictEqual(inside.status, status)
            assert.deepStrictEqual(allowed(inside), ["https://other.test", "true"])
            assert.include(inside.headers.get("vary") ?? "", "Cookie")
          })
        )
    )

    effect(
      `with ${status} keeps what the middleware for other origins says, around it`,
      () =>
        owned(({ app, browser }) =>
          Effect.gen(function*() {
            const answer = yield* app.visit(browser, Effect.zipRight(incrementCount, spoil(app)), cors)
            assert.strictEqual(answer.status, status)
            assert.deepStrictEqual(allowed(answer), ["https://other.test", "true"])
          })
        )
    )
  }
})
