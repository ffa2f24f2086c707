import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import { assert } from "@effect/vitest"
import { Session, SessionCookie, SessionMiddleware, SessionStore } from "effect-sessions"
import { deriveKey } from "effect-sessions/core/digest"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { browserWith, contextOver, managerOver, use, webHandler } from "../../support/app.js"
import { sqlite } from "../../support/clients.js"
import { countLive } from "../../support/observedStore.js"
import { knownId } from "./ids.js"
import {
  cookieOf,
  expectAnonymous,
  expectVictim,
  type Input,
  seen,
  unusableRow,
  victimApp,
  victimRow
} from "./inputs.js"

const deep = (open: string, close: string, levels: number): string => `${open.repeat(levels)}${close.repeat(levels)}`

const good = "\"count\":41,\"notes\":[]"

/** Rows whose data the session of the tests cannot be made from. */
const undecodable: ReadonlyArray<readonly [what: string, data: string]> = [
  ["empty", ""],
  ["truncated", `{${good},"settings":{"a":"b`],
  ["not JSON", "count=41"],
  ["not an object", "41"],
  ["an array", "[]"],
  ["null", "null"],
  ["a string", "\"{}\""],
  ["NUL", "\u0000"],
  ["a byte order mark before it", `\ufeff{${good},"settings":{}}`],
  ["two values", `{${good},"settings":{}}{}`],
  ["PHP", "a:1:{s:5:\"admin\";b:1;}"]
]

class LooseSession extends Session.Tag<LooseSession>()("LooseSession", {
  data: Schema.Struct({
    any: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
    admin: Schema.optional(Schema.Boolean)
  }),
  initial: { any: {} }
}) {}

/** What an app with a lenient schema makes of the row `data`. */
const loosely = (data: string) =>
  Effect.gen(function*() {
    const app = yield* victimApp()
    const manager = yield* managerOver(app, LooseSession)
    const key = deriveKey("LooseSession", knownId)
    yield* app.store.service.insert({ record: victimRow({ name: "LooseSession", key, userId: null, data }) })
    return yield* manager.read(Redacted.make(knownId))
  })

const polluting: ReadonlyArray<string> = [
  "{\"any\":{\"__proto__\":{\"admin\":true}}}",
  "{\"any\":{\"\\u005f_proto__\":{\"admin\":true}}}",
  "{\"any\":{},\"__proto__\":{\"admin\":true}}",
  "{\"__proto__\":{\"any\":{},\"admin\":true},\"any\":{}}",
  "{\"any\":{\"constructor\":{\"prototype\":{\"admin\":true}}}}",
  "{\"any\":{\"x\":{\"__proto__\":{\"admin\":true}}}}"
]

/** The same app and row on SQLite, which keeps in a column whatever it is given. */
const sqliteRow = (set: string) =>
  Effect.gen(function*() {
    const store = yield* SessionStore.SessionStore
    const sql = yield* SqlClient.SqlClient
    const app = yield* victimApp({ store })
    yield* sql`UPDATE effect_sessions SET ${sql.literal(set)}`
    yield* expectAnonymous(app, [`Cookie: ${cookieOf(app, knownId)}`], ["read"], set)
  }).pipe(Effect.provide(Layer.provideMerge(SqlSessionStore.layer, sqlite())))

export const rowInputs: ReadonlyArray<Input> = [
  {
    number: 42,
    input: "a row whose data is corrupt",
    outcome: "A1 with a warning that quotes nothing, again and again",
    run: Effect.suspend(() => {
      const logged: Array<string> = []
      return Effect.gen(function*() {
        for (const [what, data] of undecodable) yield* unusableRow({ data }, what)
        yield* unusableRow({ data: "{\"the secret\": tru" }, "a secret")
        assert.isAtLeast(logged.length, undecodable.length)
        assert.notInclude(logged.join(), "the secret")
      }).pipe(Effect.provide(Logger.replace(
        Logger.defaultLogger,
        Logger.map(Logger.logfmtLogger, (line) => {
          logged.push(line)
        })
      )))
    })
  },
  {
    number: 43,
    input: "a row with __proto__ and constructor.prototype keys",
    outcome: "dropped or data, prototypes unchanged",
    run: Effect.gen(function*() {
      for (const data of polluting) {
        const session = yield* loosely(data)
        assert.strictEqual(session._tag, "Some", data)
        if (session._tag === "None") continue
        assert.isUndefined(Reflect.get(session.value.data, "admin"), data)
        assert.isUndefined(Reflect.get(session.value.data.any, "admin"), data)
        assert.strictEqual(Object.getPrototypeOf(session.value.data), Object.prototype, data)
        assert.strictEqual(Object.getPrototypeOf(session.value.data.any), Object.prototype, data)
        for (const member of Object.values(session.value.data.any)) {
          if (typeof member !== "object" || member === null) continue
          assert.strictEqual(Object.getPrototypeOf(member), Object.prototype, data)
          assert.isUndefined(Reflect.get(member, "admin"), data)
        }
        assert.isUndefined(Reflect.get({}, "admin"), data)
      }
    })
  },
  {
    number: 44,
    input: "a row 200,000 levels deep, with doubled keys, 1e400, lone surrogates",
    outcome: "A1, no stack overflow",
    run: Effect.gen(function*() {
      yield* unusableRow({ data: deep("[", "]", 200_000) }, "deep arrays")
      yield* unusableRow({ data: deep("{\"a\":", "}", 200_000) }, "deep objects")
      yield* unusableRow({ data: `{${good},"settings":${deep("[", "]", 200_000)}}` }, "deep inside")
      yield* unusableRow({ data: `{${good},"settings":{"a":"${"x".repeat(2 ** 24)}"}}` }, "more than 16 MiB")
      yield* unusableRow({ data: `{"count":41,"notes":["${"[".repeat(300)}"],"count":"x","settings":{}}` }, "doubled")
      // JSON itself allows these two: they are read as what they say, and break nothing.
      for (
        const data of [`{"count":1e400,"notes":[],"settings":{}}`, `{"count":1,"notes":["\\ud800"],"settings":{}}`]
      ) {
        const app = yield* victimApp({}, { data })
        const answer = yield* app.raw({ headers: [`Cookie: ${cookieOf(app, knownId)}`] }, seen)
        assert.strictEqual(answer.status, 200)
      }
    })
  },
  {
    number: 45,
    input: "a row that fails the schema after a deploy",
    outcome: "A1 by default; a 500 that quotes nothing with onUndecodable: \"fail\"",
    run: Effect.gen(function*() {
      yield* unusableRow({ data: "{\"count\":\"41\",\"notes\":[],\"settings\":{}}" }, "another type")
      yield* unusableRow({ data: "{\"count\":41,\"notes\":[]}" }, "a missing field")
      yield* unusableRow({ data: "{\"count\":41,\"notes\":[1],\"settings\":{}}" }, "half of it decodes")

      class StrictSession extends Session.Tag<StrictSession>()("AppSession", {
        data: Schema.Struct({ secret: Schema.Number }),
        initial: { secret: 0 },
        onUndecodable: "fail"
      }) {}
      const app = yield* victimApp()
      const context = yield* contextOver(app, StrictSession)
      const handle = yield* webHandler(
        SessionMiddleware.httpRouter(StrictSession)(
          Effect.map(Effect.flatMap(StrictSession, ({ get }) => get), HttpServerResponse.unsafeJson)
        ).pipe(Effect.provide(context), Effect.provideService(SessionCookie.SessionCookie, app.policy))
      )
      const response = yield* Effect.promise(() =>
        handle(new Request("https://app.test/", { headers: { cookie: cookieOf(app, knownId) } }))
      )
      assert.strictEqual(response.status, 500)
      assert.deepStrictEqual(response.headers.getSetCookie(), [])
      assert.notInclude(yield* Effect.promise(() => response.text()), "secret note")
      yield* expectVictim(app, [`Cookie: ${cookieOf(app, knownId)}`], "the row is as it was")
    })
  },
  {
    number: 46,
    input: "a row of a newer version of the app",
    outcome: "A1 without deleting the row; rows with more fields are still read",
    run: Effect.gen(function*() {
      yield* unusableRow({ data: "{\"version\":2,\"total\":41}" }, "a newer version")
      const app = yield* victimApp({}, { data: `{${good},"settings":{},"since":2}` })
      const answer = yield* app.raw({ headers: [`Cookie: ${cookieOf(app, knownId)}`] }, seen)
      assert.include(JSON.stringify(answer.body), "41")
    })
  },
  {
    number: 47,
    input: "a row with a deadline that is NULL, NaN, negative, in the year 9999, text",
    outcome: "A1, treated as invalid",
    run: Effect.gen(function*() {
      for (
        const times of [
          { expiresAt: NaN },
          { expiresAt: -1 },
          { expiresAt: 253_402_300_799_000 },
          { expiresAt: Infinity },
          { expiresAt: 2 ** 60 },
          { expiresAt: 900_000.5 },
          { createdAt: NaN },
          { createdAt: -1 },
          { createdAt: -Infinity },
          { lastSeenAt: NaN },
          { lastSeenAt: Infinity },
          { lastSeenAt: -1 }
        ]
      ) {
        yield* unusableRow(
          times,
          JSON.stringify(times, (_key, value) => typeof value === "number" ? String(value) : value)
        )
      }
      yield* sqliteRow("expires_at = 'soon'")
      yield* sqliteRow("created_at = 'soon'")
      yield* sqliteRow("last_seen_at = 'soon'")
      yield* sqliteRow("expires_at = x'00'")
      yield* sqliteRow("data = x'00ff'")
    })
  },
  {
    number: 48,
    input: "a row created in the future, beyond what clocks may differ by",
    outcome: "A1",
    run: Effect.zipRight(
      unusableRow({ createdAt: 3_600_000, lastSeenAt: 3_600_000, expiresAt: 4_500_000 }, "an hour ahead"),
      unusableRow({ createdAt: 4e12, lastSeenAt: 4e12, expiresAt: 4e12 + 900_000 }, "decades ahead")
    )
  },
  {
    number: 49,
    input: "a row last seen in the future, a clock that stepped back",
    outcome: "time since is never negative, the last activity never moves back, the absolute end stands",
    run: Effect.gen(function*() {
      yield* TestClock.setTime(10 * 60_000)
      const app = yield* victimApp({}, { createdAt: 0, lastSeenAt: 12 * 60_000, expiresAt: 27 * 60_000 })
      const header = `Cookie: ${cookieOf(app, knownId)}`
      yield* expectVictim(app, [header], "seen in two minutes from now")
      const info = yield* app.sessions.read(Redacted.make(knownId))
      assert.strictEqual(info._tag === "Some" && info.value.record.lastSeenAt, 12 * 60_000)
      // Another node, a minute behind, notes activity: nothing moves.
      yield* TestClock.setTime(9 * 60_000)
      yield* expectVictim(app, [header], "the clock stepped back")
      yield* TestClock.setTime(27 * 60_000)
      yield* expectAnonymous(app, [header], ["read"], "at the deadline")

      const endless = yield* victimApp({}, { createdAt: 0, lastSeenAt: 0, expiresAt: 3650 * 86_400_000 })
      yield* TestClock.setTime(7 * 86_400_000)
      yield* expectAnonymous(endless, [`Cookie: ${cookieOf(endless, knownId)}`], ["read"], "past the absolute end")
    })
  },
  {
    number: 50,
    input: "a clock that jumps a year ahead and back",
    outcome: "A1 meanwhile; a read removes nothing, a sweep no more than one batch",
    run: Effect.gen(function*() {
      const app = yield* victimApp()
      for (let count = 0; count < 20; count++) yield* app.sessions.create({ user: "grace" })
      const header = `Cookie: ${cookieOf(app, knownId)}`
      yield* TestClock.setTime(365 * 86_400_000)
      app.store.take()
      yield* expectAnonymous(app, [header], ["read"], "a year ahead")
      assert.strictEqual(yield* app.sessions.deleteExpired({ limit: 5 }), 5)
      yield* TestClock.setTime(0)
      assert.strictEqual(yield* countLive(app.store.service, "AppSession", 0), 17)
      const back = yield* app.visit(browserWith(knownId), use((session) => session.user))
      assert.strictEqual(back.status, 200)
    })
  }
]
