import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, effect, layer } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  addNote,
  type App,
  AppSession,
  Browser,
  browserWith,
  increment,
  makeApp,
  readData,
  signOut,
  use
} from "../support/app.js"
import { postgres, postgresMissing } from "../support/clients.js"
import { countLive } from "../support/observedStore.js"

const signingKeys = [Redacted.make("a signing key of at least 32 bytes, for tests only")]
const wellFormedUnknownId = "AAAAAAAAAAAAAAAAAAAAAA"

/** A kind of request, and all that it may cost. */
interface Row {
  readonly request: string
  readonly costs: ReadonlyArray<string>
  readonly run: (app: App) => Effect.Effect<unknown, unknown>
  readonly signed?: boolean
}

/** A browser with two cookies of one name, each with a live session, as after a deploy with another cookie path. */
const withTwo = (request: (app: App, browser: Browser) => Effect.Effect<unknown, unknown>) => (app: App) =>
  Effect.flatMap(
    Effect.all([app.browserWithSession({ user: "ada" }), app.browserWithSession({ user: "grace" })]),
    ([first, second]) => request(app, browserWith(`${first.cookie}; __Host-sid=${second.cookie}`))
  )

/** Makes a session beforehand; what that costs is not counted. */
const asOwner =
  (request: (app: App, browser: Browser) => Effect.Effect<unknown, unknown>, user?: string) => (app: App) =>
    Effect.flatMap(
      app.browserWithSession({ data: { count: 1, notes: [], settings: {} }, ...(user === undefined ? {} : { user }) }),
      ({ browser }) => request(app, browser)
    )

/** What a page does for the user whose session it is. */
const forUser = (page: (app: App, user: string) => Effect.Effect<unknown, unknown>) =>
  asOwner((app, browser) =>
    app.visit(
      browser,
      use((session) => Effect.flatMap(session.user, (user) => page(app, Option.getOrElse(user, () => "nobody"))))
    ), "ada")

const rows: ReadonlyArray<Row> = [
  {
    request: "a list of the user's sessions",
    costs: ["read", "listByUser"],
    run: forUser((app, user) => app.sessions.listByUser(user))
  },
  {
    request: "the end of one of the user's sessions",
    costs: ["read", "deleteByUser"],
    run: forUser((app, user) => app.sessions.destroyByHandle(user, "AAAAAAAAAAAAAAAA"))
  },
  {
    request: "the end of all of the user's sessions",
    costs: ["read", "deleteByUser"],
    run: forUser((app, user) => app.sessions.destroyByUser(user))
  },
  {
    request: "a change of all of the user's sessions",
    costs: ["read", "listByUser", "update", "listByUser"],
    run: forUser((app, user) => app.sessions.updateByUser(user, increment))
  },
  {
    request: "no cookie, the handler reads",
    costs: [],
    run: (app) => app.visit(new Browser(), readData)
  },
  {
    request: "a malformed cookie, the handler reads",
    costs: [],
    run: (app) => app.visit(browserWith("garbage"), readData)
  },
  {
    request: "a badly signed cookie, the handler reads",
    costs: [],
    signed: true,
    run: (app) => app.visit(browserWith(`${wellFormedUnknownId}.${"A".repeat(43)}`), readData)
  },
  {
    request: "an unsigned cookie where ids are signed, the handler reads",
    costs: [],
    signed: true,
    run: (app) => Effect.flatMap(app.browserWithSession(), ({ cookie }) => app.visit(browserWith(cookie), readData))
  },
  {
    request: "a valid cookie, the handler ignores the session",
    costs: [],
    run: asOwner((app, browser) => app.visit(browser, Effect.succeed("nothing")))
  },
  {
    request: "a valid cookie, the handler ignores the session, a touch would be due",
    costs: [],
    run: asOwner((app, browser) =>
      Effect.zipRight(TestClock.adjust("2 minutes"), app.visit(browser, Effect.succeed("nothing")))
    )
  },
  {
    request: "a well-formed unknown id, the handler reads",
    costs: ["read"],
    run: (app) => app.visit(browserWith(wellFormedUnknownId), readData)
  },
  {
    request: "a valid cookie, the handler reads within the touch interval",
    costs: ["read"],
    run: asOwner((app, browser) => Effect.zipRight(TestClock.adjust("59 seconds"), app.visit(browser, readData)))
  },
  {
    request: "a valid cookie, the handler reads everything twice",
    costs: ["read"],
    run: asOwner((app, browser) =>
      app.visit(
        browser,
        use((session) => Effect.all([session.get, session.user, session.info, session.get, session.touch]))
      ), "ada")
  },
  {
    request: "a valid cookie, fifty fibers read at once",
    costs: ["read"],
    run: asOwner((app, browser) =>
      app.visit(
        browser,
        use((session) => Effect.all(Array.from({ length: 50 }, () => session.get), { concurrency: "unbounded" }))
      )
    )
  },
  {
    request: "a valid cookie, the handler updates without changing anything",
    costs: ["read"],
    run: asOwner((app, browser) => app.visit(browser, use((session) => session.update(identity))))
  },
  {
    request: "a valid cookie, the handler reads and a touch is due",
    costs: ["read", "touch"],
    run: asOwner((app, browser) => Effect.zipRight(TestClock.adjust("1 minute"), app.visit(browser, readData)))
  },
  {
    request: "a visitor, the handler sets what is there already",
    costs: [],
    run: (app) => app.visit(new Browser(), use((session) => Effect.flatMap(session.get, session.set)))
  },
  {
    request: "the first write of a visitor",
    costs: ["insert"],
    run: (app) => app.visit(new Browser(), use((session) => session.update(increment)))
  },
  {
    request: "a write",
    costs: ["read", "update"],
    run: asOwner((app, browser) => app.visit(browser, use((session) => session.update(increment))))
  },
  {
    request: "five writes, a touch being due as well",
    costs: ["read", "update"],
    run: asOwner((app, browser) =>
      Effect.zipRight(
        TestClock.adjust("2 minutes"),
        app.visit(
          browser,
          use((session) => Effect.all(["a", "b", "c", "d", "e"].map((note) => session.update(addNote(note)))))
        )
      )
    )
  },
  {
    request: "the sign-in of a visitor",
    costs: ["insert"],
    run: (app) => app.visit(new Browser(), use((session) => session.signIn("ada")))
  },
  {
    request: "the sign-in of a session, with a change of its data",
    costs: ["read", "rotate"],
    run: asOwner((app, browser) =>
      app.visit(
        browser,
        use((session) => Effect.zipRight(session.signIn("ada", { carry: identity }), session.update(increment)))
      )
    )
  },
  {
    request: "a new id",
    costs: ["read", "rotate"],
    run: asOwner((app, browser) => app.visit(browser, use((session) => session.rotate)))
  },
  {
    request: "the sign-out of a session",
    costs: ["delete"],
    run: asOwner((app, browser) => app.visit(browser, signOut), "ada")
  },
  {
    request: "the sign-out of a visitor",
    costs: [],
    run: (app) => app.visit(new Browser(), signOut)
  },
  {
    request: "the first write with a dead id",
    costs: ["read", "insert"],
    run: (app) => app.visit(browserWith(wellFormedUnknownId), use((session) => session.update(increment)))
  },
  {
    request: "the sign-in with a dead id",
    costs: ["read", "insert"],
    run: (app) => app.visit(browserWith(wellFormedUnknownId), use((session) => session.signIn("ada")))
  },
  {
    request: "two values under our name, the handler reads",
    costs: ["search"],
    run: withTwo((app, browser) => app.visit(browser, readData))
  },
  {
    request: "two values under our name, a change",
    costs: ["search"],
    run: withTwo((app, browser) => app.visit(browser, use((session) => session.update(increment))))
  },
  {
    request: "two values under our name, the sign-out",
    costs: ["delete"],
    run: withTwo((app, browser) => app.visit(browser, signOut))
  },
  {
    request: "two values under our name, the sign-in",
    costs: ["search", "insert", "delete"],
    run: withTwo((app, browser) => app.visit(browser, use((session) => session.signIn("ada"))))
  },
  {
    request: "a write, and then a failure",
    costs: ["read"],
    run: asOwner((app, browser) =>
      app.visit(browser, use((session) => Effect.zipRight(session.update(increment), Effect.fail("broken"))))
    )
  }
]

describe("A request costs the store operations it must cost, and no other", () => {
  for (const { costs, request, run, signed } of rows) {
    effect(`${request}: ${costs.length === 0 ? "nothing" : costs.join(", ")}`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp(signed === true ? { cookie: { signingKeys } } : {})
        yield* run(app)
        assert.deepStrictEqual(app.store.take(), costs)
      }))
  }

  effect("a thousand requests with ids of their own making leave no row", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      for (let index = 0; index < 1000; index++) {
        const id = Buffer.alloc(16, String(index)).toString("base64url")
        const answer = yield* app.visit(browserWith(id), readData)
        assert.deepStrictEqual(answer.setCookies, [])
      }
      assert.deepStrictEqual(app.store.take(), Array.from({ length: 1000 }, () => "read"))
      assert.strictEqual(yield* countLive(app.store.service, AppSession.sessionName, 0), 0)
    }))

  effect(
    "a hundred requests within the touch interval write nothing, and one is written per interval",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp({ timeouts: { touchInterval: "30 seconds" } })
        const { browser } = yield* app.browserWithSession()
        for (let second = 1; second <= 100; second++) {
          yield* TestClock.adjust("1 second")
          yield* app.visit(browser, readData)
        }
        assert.strictEqual(app.store.take().filter((operation) => operation === "touch").length, 3)
      })
  )
})

const prefix = "traffic"

/** The server's own statistics of one table: what was run on it, and how often. */
const statements = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) =>
    sql.unsafe<{ readonly query: string; readonly calls: number }>(
      `SELECT query, calls::int AS calls FROM pg_stat_statements
        WHERE query LIKE '%"${prefix}"%' AND query NOT LIKE '%pg_stat_statements%'`
    )
)

const reset = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe("SELECT pg_stat_statements_reset()"))

const verbs: Record<string, RegExp> = {
  listByUser: /^SELECT.*ORDER BY/s,
  deleteByUser: /^WITH ended AS \(\s*DELETE FROM \S+ WHERE name/,
  insert: /^INSERT/,
  search: /^SELECT.*JOIN/s,
  read: /^SELECT/,
  update: /^UPDATE \S+ SET data/,
  touch: /^UPDATE \S+ SET expires_at(?!.*\bdata\b)/s,
  rotate: /^UPDATE \S+ AS entry SET "name"/,
  delete: /^WITH ended AS \(\s*DELETE/
}

const verbOf = (query: string): string =>
  Object.keys(verbs).find((verb) => verbs[verb]?.test(query)) ?? `unexpected: ${query}`

describe.skipIf(postgresMissing() !== undefined)("PostgreSQL counts the same", () => {
  layer(
    Layer.provideMerge(SqlSessionStore.layerWith({ prefix }), postgres()),
    { timeout: 60_000 }
  )("by pg_stat_statements", (it) => {
    for (const { costs, request, run, signed } of rows) {
      it.effect(`${request}: ${costs.length === 0 ? "nothing" : costs.join(", ")}`, (context) =>
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          const extension = yield* Effect.either(
            Effect.zipRight(sql.unsafe("CREATE EXTENSION IF NOT EXISTS pg_stat_statements"), statements)
          )
          if (extension._tag === "Left") return context.skip("pg_stat_statements is not available on this server")

          const store = yield* SessionStore.SessionStore
          const app = yield* makeApp({ store, ...(signed === true ? { cookie: { signingKeys } } : {}) })
          const counted: App = {
            ...app,
            browserWithSession: (session) =>
              Effect.tap(
                app.browserWithSession(session),
                () => Effect.orDie(Effect.provideService(reset, SqlClient.SqlClient, sql))
              )
          }
          yield* reset
          yield* run(counted)
          const seen = (yield* statements).flatMap(({ calls, query }) =>
            Array.from({ length: calls }, () => verbOf(query))
          )
          assert.deepStrictEqual(seen.sort(), [...costs].sort())
        }))
    }
  })
})
