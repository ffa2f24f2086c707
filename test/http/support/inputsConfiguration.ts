import { assert } from "@effect/vitest"
import { Session, SessionCookie, type SessionError, SessionStore, SessionTimeouts } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { makeApp, managerOver, use } from "../../support/app.js"
import { sqlite } from "../../support/clients.js"
import { countLive } from "../../support/observedStore.js"
import { knownId, signingKey } from "./ids.js"
import { cookieOf, expectVictim, type Input, victimApp } from "./inputs.js"

const refused = (
  what: string,
  made: Effect.Effect<unknown, SessionError.SessionConfigError>
) =>
  Effect.flatMap(Effect.either(made), (result) => {
    assert.strictEqual(result._tag, "Left", what)
    if (result._tag === "Left") assert.strictEqual(result.left._tag, "SessionConfigError", what)
    return Effect.void
  })

const refusedCookies = (cookies: ReadonlyArray<SessionCookie.Options>) =>
  Effect.forEach(cookies, (options) => refused(JSON.stringify(options).slice(0, 100), SessionCookie.make(options)))

const refusedTimeouts = (timeouts: ReadonlyArray<SessionTimeouts.Options>) =>
  Effect.forEach(timeouts, (options) => refused(String(Object.values(options)), SessionTimeouts.make(options)))

const key = Redacted.make(signingKey)

const prefixed = (prefix: string) =>
  Effect.flatMap(
    Effect.either(Effect.scoped(Layer.build(Layer.provide(SqlSessionStore.layerWith({ prefix }), sqlite())))),
    (result) => {
      assert.strictEqual(result._tag, "Left", JSON.stringify(prefix))
      if (result._tag === "Left") {
        assert.strictEqual(Reflect.get(Object(result.left), "_tag"), "SessionConfigError", JSON.stringify(prefix))
      }
      return Effect.void
    }
  )

const durationConfig = Config.duration("DURATION")

const layerFromConfig = (name: "IDLE" | "ABSOLUTE", text: string) =>
  Layer.provide(
    SessionTimeouts.layerConfig(name === "IDLE" ? { idle: durationConfig } : { absolute: durationConfig }),
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["DURATION", text]])))
  )

class AnythingSession extends Session.Tag<AnythingSession>()("AnythingSession", {
  data: Schema.Struct({ value: Schema.Unknown }),
  initial: { value: null },
  maxBytes: 1024
}) {}

const cyclic = (): unknown => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  return cycle
}

export const configurationInputs: ReadonlyArray<Input> = [
  {
    number: 51,
    input: "durations of 0, -1, NaN, Infinity, 0.5 ms, 2^53, with typos",
    outcome: "a configuration error",
    run: refusedTimeouts(
      [0, -1, NaN, Infinity, -Infinity, 0.5, 2 ** 53, -0].flatMap((millis) => [
        { idle: millis },
        { absolute: millis },
        { touchInterval: millis },
        { idle: millis, absolute: millis }
      ])
    ).pipe(Effect.zipRight(
      Effect.forEach(
        ["30 minuts", "minutes", "", "30", "PT30M", "1 fortnight", "-1 minutes", "NaN minutes"],
        (text) =>
          Effect.forEach(["IDLE", "ABSOLUTE"] as const, (name) =>
            Effect.map(
              Effect.either(Effect.scoped(Layer.build(layerFromConfig(name, text)))),
              (result) => assert.strictEqual(result._tag, "Left", `${name} ${text}`)
            ))
      )
    ))
  },
  {
    number: 52,
    input: "idle longer than absolute, a touch interval as long as idle",
    outcome: "a configuration error; there is no grace",
    run: refusedTimeouts([
      { idle: "2 hours", absolute: "1 hour" },
      { absolute: "14 minutes" },
      { idle: "1 minute", touchInterval: "1 minute" },
      { idle: "1 minute", touchInterval: "2 minutes" }
    ])
  },
  {
    number: 53,
    input: "a Max-Age of more than 400 days",
    outcome: "a configuration error",
    run: refusedCookies([
      { maxAge: "401 days" },
      { maxAge: 34_560_001_000 },
      { maxAge: 2 ** 63 },
      { maxAge: Infinity },
      { maxAge: NaN },
      { maxAge: 0 },
      { maxAge: -1 },
      { maxAge: 1500 },
      { expires: new Date(NaN) }
    ])
  },
  {
    number: 54,
    input: "cookies that browsers reject",
    outcome: "a configuration error",
    run: refusedCookies([
      { domain: "app.test" },
      { path: "/app" },
      { secure: false },
      { name: "__Secure-sid", secure: false },
      { name: "__Http-sid", httpOnly: false },
      { name: "__Host-Http-sid", httpOnly: false },
      { name: "sid", sameSite: "none", insecure: true },
      { name: "sid", sameSite: "none", secure: false },
      { partitioned: true },
      { partitioned: true, sameSite: "lax" },
      { name: "sid", partitioned: true, sameSite: "none", insecure: true },
      { name: "sid", domain: "app.test/evil" },
      { name: "sid", domain: "app.test; Secure" },
      { name: "sid", domain: "" },
      { name: "sid", domain: "-app.test" },
      { name: "sid", path: "app" },
      { name: "sid", path: "/app; Domain=evil.test" },
      { name: "sid", path: "/app\r\nSet-Cookie: a=b" },
      { name: "sid", path: `/${"a".repeat(1100)}` }
    ])
  },
  {
    number: 55,
    input: "cookie names with a space, ;, =, Unicode, empty, constructor, a look-alike of a prefix",
    outcome: "a configuration error",
    run: refusedCookies(
      [
        "a b",
        "a;b",
        "a=b",
        "a,b",
        "sïd",
        "",
        "a\r\nb",
        "a\u0000b",
        "a\"b",
        "constructor",
        "__proto__",
        "toString",
        "__HOST-sid",
        "__host-sid",
        "Host__sid",
        "__SECURE-sid",
        "a(b)"
      ].map((name) => ({ name }))
    ),
    elsewhere: "the name of the CSRF or remember-me cookie: there are no such cookies"
  },
  {
    number: 56,
    input: "a table prefix with a quote, ;, *, {}, or empty",
    outcome: "a configuration error",
    run: Effect.forEach([
      "a\"b",
      "a'b",
      "a`b",
      "a;b",
      "*",
      "{a}",
      "",
      "a b",
      "x\"; drop table users--",
      "1a",
      "a".repeat(100)
    ], prefixed),
    elsewhere: "the hash tags of Redis: there is no Redis store"
  },
  {
    number: 57,
    input: "signing keys: none, short, placeholders, doubled, too many",
    outcome: "a configuration error",
    run: refusedCookies([
      { signingKeys: [] },
      { signed: true },
      { signingKeys: [Redacted.make("short")] },
      { signingKeys: [Redacted.make("")] },
      { signingKeys: [Redacted.make("x".repeat(31))] },
      { signingKeys: [Redacted.make("changeme")] },
      { signingKeys: [Redacted.make("changeme".repeat(4))] },
      { signingKeys: [Redacted.make("keyboard cat")] },
      { signingKeys: [Redacted.make("keyboard cat keyboard cat keyboard cat")] },
      { signingKeys: [Redacted.make("secretsecretsecretsecretsecretsecret")] },
      { signingKeys: [key, key] },
      { signingKeys: [key, Redacted.make("short")] },
      { signingKeys: Array.from({ length: 17 }, (_, index) => Redacted.make(`${signingKey}${index}`)) },
      { signed: false, signingKeys: [key] }
    ])
  },
  {
    number: 58,
    input: "the memory store with NODE_ENV=production",
    outcome: "a warning, and bounded anyway",
    run: Effect.suspend(() => {
      const logged: Array<unknown> = []
      return Effect.gen(function*() {
        yield* Effect.scoped(Layer.build(SessionStore.layerMemory))
        assert.lengthOf(logged, 1)
        assert.include(String(logged[0]), "memory")
        yield* refused("no capacity", SessionStore.makeMemory({ capacity: 0 }))
        yield* refused("endless capacity", SessionStore.makeMemory({ capacity: Infinity }))
        const store = yield* SessionStore.makeMemory({ capacity: 3 })
        const sessions = yield* managerOver(yield* makeApp({ store }), AnythingSession)
        for (let count = 0; count < 10; count++) yield* sessions.create()
        assert.strictEqual(yield* countLive(store, AnythingSession.sessionName, 0), 3)
      }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["NODE_ENV", "production"]]))),
        Effect.provide(Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => logged.push(message))))
      )
    })
  },
  {
    number: 59,
    input: "data over the limit, BigInt, cycles, undefined, functions, dates, toJSON",
    outcome: "a typed error, what is stored stays as it was",
    run: Effect.gen(function*() {
      const app = yield* victimApp()
      const manager = yield* managerOver(app, AnythingSession)
      const { id } = yield* manager.create({ data: { value: "before" } })
      for (
        const value of [
          "x".repeat(2000),
          "\u20ac".repeat(400),
          10n,
          cyclic(),
          () => 1,
          Symbol("x"),
          new Date(0),
          new Map([[1, 2]]),
          new Set([1]),
          NaN,
          Infinity,
          [undefined],
          { toJSON: () => "bent" },
          new Error("x"),
          /x/,
          Array.from({ length: 300 }).reduce<unknown>((inner) => [inner], [])
        ]
      ) {
        const result = yield* Effect.either(manager.update(id, () => ({ value })))
        assert.strictEqual(result._tag, "Left", String(typeof value))
        if (result._tag === "Left") assert.strictEqual(result.left._tag, "SessionDataError")
        const stored = yield* manager.read(id)
        assert.deepStrictEqual(stored._tag === "Some" && stored.value.data, { value: "before" })
      }
      // And over HTTP: a 500, no cookie, the row as it was.
      const header = `Cookie: ${cookieOf(app, knownId)}`
      const answer = yield* app.raw(
        { headers: [header] },
        use((session) => session.update((data) => ({ ...data, notes: ["x".repeat(70_000)] })))
      )
      assert.strictEqual(answer.status, 500)
      assert.deepStrictEqual(answer.setCookies, [])
      yield* expectVictim(app, [header], "afterwards")
    })
  },
  {
    number: 60,
    input: "a cookie that would be over 4096 bytes",
    outcome: "an error before the headers are sent: already the configuration is refused",
    run: refusedCookies([
      { name: "a".repeat(4090) },
      { name: "a".repeat(10_000) },
      { name: "a".repeat(4040), signingKeys: [key] }
    ])
  }
]
