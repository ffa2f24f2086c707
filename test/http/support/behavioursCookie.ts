import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert } from "@effect/vitest"
import { SessionCookie } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  type App,
  type AppOptions,
  Browser,
  browserWith,
  incrementCount,
  makeApp,
  readData,
  recordsOf,
  rowsOf,
  signOut,
  use,
  userOf
} from "../../support/app.js"
import { breakDown, type Operation } from "../../support/observedStore.js"
import { otherSigningKey, signingKey, unknownId } from "./ids.js"

/** One of the 75 behaviours of section 4 of peers.md. */
export interface Behaviour {
  readonly number: number
  readonly behaviour: string
  readonly run?: Effect.Effect<unknown, unknown>
  /** Where it is tested instead, or why there is no such thing here. */
  readonly elsewhere?: string
}

export const nothing = Effect.succeed("nothing")

/** A first write under a cookie policy: what is set. */
const firstCookie = (cookie: SessionCookie.Options) =>
  Effect.gen(function*() {
    const app = yield* makeApp({ cookie })
    const answer = yield* app.visit(new Browser(), incrementCount)
    assert.lengthOf(answer.setCookies, 1)
    return answer.setCookies[0] ?? ""
  })

const sets = (cookie: SessionCookie.Options, pattern: RegExp) =>
  Effect.map(firstCookie(cookie), (setCookie) => assert.match(setCookie, pattern))

/** An app, and a browser with a session in it. */
export const owned = <A, E>(
  f: (owned: { readonly app: App; readonly browser: Browser; readonly cookie: string }) => Effect.Effect<A, E>,
  options: AppOptions = {}
) =>
  Effect.gen(function*() {
    const app = yield* makeApp(options)
    const { browser, cookie } = yield* app.browserWithSession({
      user: "ada",
      data: { count: 1, notes: [], settings: {} }
    })
    return yield* f({ app, browser, cookie })
  })

/** What a visitor with this cookie costs and gets: nothing but a new id at the first write. */
const ignored = (app: App, browser: Browser, reads: ReadonlyArray<Operation>) =>
  Effect.gen(function*() {
    const sent = browser.header ?? ""
    const read = yield* app.visit(browser, userOf)
    assert.deepStrictEqual([read.status, read.body, read.setCookies], [200, null, []])
    assert.deepStrictEqual(app.store.take(), reads)
    const write = yield* app.visit(browser, incrementCount)
    assert.strictEqual(write.status, 200)
    assert.deepStrictEqual(app.store.take(), [...reads, "insert"])
    assert.lengthOf(write.setCookies, 1)
    assert.notInclude(write.setCookies[0] ?? "", sent.slice("__Host-sid=".length) || "no cookie")
  })

const signed = (...keys: ReadonlyArray<string>): AppOptions => ({
  cookie: { signingKeys: keys.map((key) => Redacted.make(key)) }
})

/** What an app with `keys` makes of a cookie that one with `oldKeys` wrote. */
const afterKeyRotation = (oldKeys: ReadonlyArray<string>, keys: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const before = yield* makeApp(signed(...oldKeys))
    const { browser } = yield* before.browserWithSession({ user: "ada" })
    const after = yield* makeApp({ ...signed(...keys), store: before.store.service })
    return yield* after.visit(browser, userOf)
  })

const days = 86_400

export const emission: ReadonlyArray<Behaviour> = [
  {
    number: 1,
    behaviour: "a first write sets one cookie, Path=/ and HttpOnly",
    run: sets({}, /^__Host-sid=[\w-]{22}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  },
  {
    number: 2,
    behaviour: "the name has a default and can be set",
    run: Effect.zipRight(sets({}, /^__Host-sid=/), sets({ name: "__Secure-app" }, /^__Secure-app=/))
  },
  {
    number: 3,
    behaviour: "without maxAge there is neither Expires nor Max-Age",
    run: Effect.map(firstCookie({}), (cookie) => assert.notMatch(cookie, /expires|max-age/i))
  },
  {
    number: 4,
    behaviour: "maxAge is the Max-Age, a very large one too, as far as the session lives",
    run: Effect.gen(function*() {
      yield* sets({ maxAge: "2 seconds" }, /; Max-Age=2; /)
      const app = yield* makeApp({
        cookie: { maxAge: 3_000_000_000 },
        timeouts: { idle: "300 days", absolute: "300 days" }
      })
      const answer = yield* app.visit(new Browser(), incrementCount)
      assert.include(answer.setCookies[0] ?? "", "; Max-Age=3000000; ")
    })
  },
  { number: 5, behaviour: "httpOnly: false leaves HttpOnly out", run: sets({ httpOnly: false }, /^(?!.*HttpOnly)/) },
  {
    number: 6,
    behaviour: "Priority and Partitioned are there only when set",
    run: Effect.all([
      sets({}, /^(?!.*(Priority|Partitioned))/),
      sets({ priority: "high" }, /; Priority=High/),
      sets({ partitioned: true, sameSite: "none" }, /; Partitioned/)
    ])
  },
  {
    number: 7,
    behaviour: "SameSite is what was set",
    run: Effect.all([
      sets({ sameSite: "strict" }, /; SameSite=Strict/),
      sets({ sameSite: "lax" }, /; SameSite=Lax/),
      sets({ sameSite: "none" }, /; SameSite=None/)
    ])
  },
  {
    number: 8,
    behaviour: "Domain and Path are what was set",
    run: sets({ name: "sid", domain: "app.test", path: "/app" }, /; Domain=app\.test; Path=\/app; /)
  },
  {
    number: 9,
    behaviour: "cookies that the handler sets survive",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      const own = HttpServerResponse.empty().pipe(
        HttpServerResponse.unsafeSetCookie("theme", "dark"),
        HttpServerResponse.unsafeSetCookie("language", "en")
      )
      const answer = yield* app.visit(new Browser(), Effect.as(incrementCount, own))
      assert.deepStrictEqual(answer.setCookies.map((cookie) => cookie.split("=")[0]).sort(), [
        "__Host-sid",
        "language",
        "theme"
      ])
    })
  },
  {
    number: 10,
    behaviour: "unsafe characters of an id are percent-encoded: ids have none, so the value is the id",
    run: Effect.gen(function*() {
      const app = yield* makeApp(signed(signingKey))
      for (let count = 0; count < 50; count++) {
        const answer = yield* app.visit(new Browser(), incrementCount)
        assert.match(answer.setCookies[0] ?? "", /^__Host-sid=[\w-]{22}\.[\w-]{43}; /)
      }
    })
  },
  {
    number: 11,
    behaviour: "an invalid cookie option is a typed error when the app starts, not on each response",
    run: Effect.map(
      Effect.flip(SessionCookie.make({ expires: new Date(NaN) })),
      (error) => assert.strictEqual(error._tag, "SessionConfigError")
    )
  },
  {
    number: 12,
    behaviour: "Max-Age is never above 400 days",
    run: Effect.gen(function*() {
      const app = yield* makeApp({
        cookie: { persistent: true },
        timeouts: { idle: "1000 days", absolute: "1000 days" }
      })
      const answer = yield* app.visit(new Browser(), incrementCount)
      assert.include(answer.setCookies[0] ?? "", `; Max-Age=${400 * days}; `)
      const error = yield* Effect.flip(SessionCookie.make({ maxAge: "401 days" }))
      assert.strictEqual(error._tag, "SessionConfigError")
    })
  },
  {
    number: 13,
    behaviour: "answers that read or set the session are not cached",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        for (const handler of [userOf, Effect.as(incrementCount, null), Effect.as(signOut, null)]) {
          const answer = yield* app.visit(browser, handler)
          assert.strictEqual(answer.headers.get("cache-control"), "no-store")
          assert.strictEqual(answer.headers.get("vary"), "Cookie")
        }
        const untouched = yield* app.visit(browser, nothing)
        assert.deepStrictEqual([untouched.headers.get("cache-control"), untouched.headers.get("vary")], [null, null])
      })
    )
  }
]

export const lazy: ReadonlyArray<Behaviour> = [
  {
    number: 14,
    behaviour: "a visitor who only reads costs nothing and gets no cookie",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(new Browser(), readData)
      assert.deepStrictEqual([answer.status, answer.setCookies, app.store.take()], [200, [], []])
    })
  },
  {
    number: 15,
    behaviour: "a session that is used but not changed gets no cookie",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(
        new Browser(),
        use((session) =>
          Effect.all([session.get, session.user, session.info, session.update((data) => data), session.touch])
        )
      )
      assert.deepStrictEqual([answer.status, answer.setCookies, app.store.take()], [200, [], []])
    })
  },
  {
    number: 16,
    behaviour: "a visitor's first write is one insert and a cookie",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(new Browser(), incrementCount)
      assert.lengthOf(answer.setCookies, 1)
      assert.deepStrictEqual(app.store.take(), ["insert"])
    })
  },
  {
    number: 17,
    behaviour: "with a persistent cookie, a visitor who only reads still gets none",
    run: Effect.gen(function*() {
      const app = yield* makeApp({ cookie: { persistent: true } })
      const answer = yield* app.visit(new Browser(), readData)
      assert.deepStrictEqual([answer.setCookies, app.store.take()], [[], []])
    })
  },
  {
    number: 18,
    behaviour: "a session that is not stored is never touched",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      yield* app.visit(new Browser(), use((session) => Effect.zipRight(session.get, session.touch)))
      yield* TestClock.adjust("2 minutes")
      yield* app.visit(new Browser(), use((session) => Effect.zipRight(session.get, session.touch)))
      assert.deepStrictEqual(app.store.take(), [])
    })
  }
]

export const reading: ReadonlyArray<Behaviour> = [
  {
    number: 19,
    behaviour: "a good cookie gives the same data under the same id",
    run: owned(({ app, browser, cookie }) =>
      Effect.gen(function*() {
        const answer = yield* app.visit(browser, readData)
        assert.deepStrictEqual(answer.body, { count: 1, notes: [], settings: {} })
        yield* app.visit(browser, incrementCount)
        assert.strictEqual(browser.cookies.get("__Host-sid"), cookie)
      })
    )
  },
  {
    number: 20,
    behaviour: "an unknown id is never adopted: a write gets another",
    run: Effect.flatMap(makeApp(), (app) => ignored(app, browserWith(unknownId), ["read"]))
  },
  {
    number: 21,
    behaviour: "a store that was cleared means a new id",
    run: owned(({ app, browser }) =>
      Effect.zipRight(
        app.sessions.clear,
        Effect.zipRight(
          Effect.sync(() => app.store.take()),
          ignored(app, browser, ["read"])
        )
      )
    )
  },
  {
    number: 22,
    behaviour: "an unsigned id where ids are signed is ignored, the store not asked",
    run: Effect.flatMap(
      makeApp(signed(signingKey)),
      (app) => Effect.flatMap(app.browserWithSession(), ({ cookie }) => ignored(app, browserWith(cookie), []))
    )
  },
  {
    number: 23,
    behaviour: "a changed signature is ignored, the store not asked",
    run: Effect.flatMap(
      makeApp(signed(signingKey)),
      (app) =>
        Effect.flatMap(app.browserWithSession(), ({ browser }) => {
          const value = browser.cookies.get("__Host-sid") ?? ""
          return ignored(app, browserWith(`${value.slice(0, -2)}${value.endsWith("AA") ? "BB" : "AA"}`), [])
        })
    )
  },
  {
    number: 24,
    behaviour: "a malformed, empty or huge cookie is a visitor's, never a 5xx",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      for (const value of ["", "x", "%", "\"", "a".repeat(60_000), "s%3Aabc.def", "{}", "-1"]) {
        const answer = yield* app.visit(browserWith(value), userOf)
        assert.deepStrictEqual([answer.status, answer.body, app.store.take()], [200, null, []])
      }
    })
  },
  {
    number: 25,
    behaviour: "a value in the form of another library is ignored",
    run: Effect.gen(function*() {
      const app = yield* makeApp()
      yield* ignored(app, browserWith(`s:${unknownId}`), [])
    })
  },
  {
    number: 26,
    behaviour: "; without a space parses; a quoted value is not ours; what is not ours beside ours does not matter",
    run: owned(({ app, cookie }) =>
      Effect.gen(function*() {
        const seen = (header: string) => {
          const browser = new Browser()
          const [first = "", ...rest] = header.split("=")
          browser.cookies.set(first, rest.join("="))
          return Effect.map(app.visit(browser, userOf), ({ body }) => body)
        }
        assert.strictEqual(yield* seen(`a=1;__Host-sid=${cookie};b=2`), "ada")
        assert.isNull(yield* seen(`__Host-sid="${cookie}"`))
        assert.strictEqual(yield* seen(`__Host-sid=bogus; __Host-sid=${cookie}`), "ada")
        assert.strictEqual(yield* seen(`__Host-sid=${cookie}; __Host-sid=bogus`), "ada")
      })
    )
  },
  {
    number: 27,
    behaviour: "an earlier key in the list verifies, one that is not in it does not",
    run: Effect.gen(function*() {
      assert.strictEqual((yield* afterKeyRotation([signingKey], [otherSigningKey, signingKey])).body, "ada")
      assert.strictEqual((yield* afterKeyRotation([signingKey], [signingKey, otherSigningKey])).body, "ada")
      assert.isNull((yield* afterKeyRotation([otherSigningKey], [signingKey])).body)
    })
  },
  {
    number: 28,
    behaviour: "a cookie under an earlier key is sent anew under the first",
    run: Effect.gen(function*() {
      assert.lengthOf((yield* afterKeyRotation([signingKey], [otherSigningKey, signingKey])).setCookies, 1)
      assert.lengthOf((yield* afterKeyRotation([signingKey], [signingKey, otherSigningKey])).setCookies, 0)
    })
  },
  {
    number: 29,
    behaviour: "a store that fails is a 503, not a new session",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        breakDown(app.store, "read")
        const answer = yield* app.visit(browser, incrementCount)
        assert.deepStrictEqual([answer.status, answer.setCookies, app.store.take()], [503, [], ["read"]])
      })
    )
  },
  {
    number: 30,
    behaviour: "a corrupt row is a visitor's, with a warning; the row stays",
    run: Effect.suspend(() => {
      const logged: Array<unknown> = []
      return owned(({ app, browser }) =>
        Effect.gen(function*() {
          const [record] = yield* recordsOf(app, "ada")
          assert.isDefined(record)
          if (record === undefined) return
          yield* app.store.service.update({ ...record, expectedVersion: record.version, data: "{", now: 0 })
          app.store.take()
          yield* ignored(app, browser, ["read"])
          assert.strictEqual(yield* rowsOf(app), 2)
          assert.isAtLeast(logged.length, 1)
        })
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => logged.push(message)))))
    })
  }
]

const minutes = (count: number) => TestClock.adjust(`${count} minutes`)

export const expiry: ReadonlyArray<Behaviour> = [
  {
    number: 31,
    behaviour: "a session past its idle timeout is absent, a write gets a new id; the row waits for the sweeper",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* minutes(15)
        yield* ignored(app, browser, ["read"])
        yield* minutes(10)
        assert.strictEqual(yield* app.sessions.deleteExpired(), 1)
      })
    )
  },
  {
    number: 32,
    behaviour: "an expired session where nobody needs to be signed in: a visitor's 200, the cookie left alone",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* minutes(15)
        const answer = yield* app.visit(browser, userOf)
        assert.deepStrictEqual([answer.status, answer.body, answer.setCookies], [200, null, []])
      })
    )
  },
  {
    number: 33,
    behaviour: "activity extends before the idle timeout ends, never past the absolute one",
    run: owned(
      ({ app, browser }) =>
        Effect.gen(function*() {
          for (let visits = 0; visits < 5; visits++) {
            yield* minutes(10)
            assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
          }
          yield* TestClock.adjust("599999 millis")
          assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
          yield* TestClock.adjust(1)
          assert.isNull((yield* app.visit(browser, userOf)).body)
        }),
      { timeouts: { idle: "15 minutes", absolute: "1 hour" } }
    )
  },
  {
    number: 34,
    behaviour: "the lifetime of a persistent cookie is the sooner of idle and absolute",
    run: owned(
      ({ app, browser }) =>
        Effect.gen(function*() {
          const ages: Array<string | undefined> = []
          const first = yield* app.visit(new Browser(), incrementCount)
          ages.push(/Max-Age=(\d+)/.exec(first.setCookies[0] ?? "")?.[1])
          for (let visits = 0; visits < 2; visits++) {
            yield* minutes(9)
            const answer = yield* app.visit(browser, userOf)
            ages.push(/Max-Age=(\d+)/.exec(answer.setCookies[0] ?? "")?.[1])
          }
          assert.deepStrictEqual(ages, ["900", "660", "120"])
        }),
      { timeouts: { idle: "15 minutes", absolute: "20 minutes" }, cookie: { persistent: true } }
    )
  },
  {
    number: 35,
    behaviour: "at the very millisecond of the deadline a session is expired",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        const untouched = use((session) =>
          Effect.zipRight(session.background, Effect.map(session.user, Option.getOrNull))
        )
        yield* TestClock.adjust("899999 millis")
        assert.strictEqual((yield* app.visit(browser, untouched)).body, "ada")
        yield* TestClock.adjust(1)
        assert.isNull((yield* app.visit(browser, untouched)).body)
      })
    )
  },
  {
    number: 36,
    behaviour: "an expired session is not extended",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* minutes(15)
        yield* app.visit(browser, use((session) => session.touch))
        yield* app.visit(browser, use((session) => Effect.zipRight(session.get, session.commit)))
        assert.isNull((yield* app.visit(browser, userOf)).body)
      })
    )
  },
  {
    number: 37,
    behaviour: "a longer timeout does not revive an expired session",
    run: owned(({ app, browser }) =>
      Effect.gen(function*() {
        yield* minutes(15)
        const longer = yield* makeApp({ store: app.store.service, timeouts: { idle: "1 day" } })
        assert.isNull((yield* longer.visit(browser, userOf)).body)
      })
    )
  }
]
