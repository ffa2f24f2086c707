import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, effect } from "@effect/vitest"
import {
  Session,
  SessionCleaner,
  SessionCookie,
  SessionCsrf,
  type SessionError,
  SessionMiddleware,
  Sessions,
  SessionStore,
  SessionTimeouts,
  SessionToken
} from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { postgres, sqlite } from "../support/clients.js"
import { observe } from "../support/observedStore.js"

type Failure = SessionError.SessionConfigError | SessionError.SessionStoreError | ConfigError.ConfigError

/** A configuration that cannot work, and what the error must say: the option, and what to change. */
type Case = readonly [what: string, layer: Layer.Layer<never, Failure>, says: ReadonlyArray<string>]

const key = (seed: string) => Redacted.make(`the key ${seed} of at least 32 bytes for tests only`)

const timeouts = (options: SessionTimeouts.Options): Layer.Layer<never, Failure> =>
  Layer.discard(SessionTimeouts.layer(options))
const cookie = (options: SessionCookie.Options): Layer.Layer<never, Failure> =>
  Layer.discard(SessionCookie.layer(options))
const csrf = (options: SessionCsrf.Options): Layer.Layer<never, Failure> => Layer.discard(SessionCsrf.layer(options))
const memory = (capacity: number): Layer.Layer<never, Failure> =>
  Layer.discard(SessionStore.layerMemoryWith({ capacity }))
const cleaner = (options: SessionCleaner.Options): Layer.Layer<never, Failure> =>
  Layer.provide(SessionCleaner.layer(options), SessionStore.layerMemory)
const sql = (options: SqlSessionStore.Options): Layer.Layer<never, Failure> =>
  Layer.discard(Layer.provide(SqlSessionStore.layerWith(options), sqlite()))

const declared = <Data, Encoded>(
  name: string,
  options: Session.Options<Data, Encoded>,
  bytes?: number
): Layer.Layer<never, Failure> => {
  class Declared extends Session.Tag<Declared>()(name, options) {}
  const sessions = Layer.discard(Layer.provide(Sessions.layerMemory(Declared), SessionTimeouts.layer()))
  return bytes === undefined
    ? sessions
    : Layer.provide(
      sessions,
      Layer.succeed(SessionToken.SessionToken, { bytes, generate: Effect.succeed(Redacted.make("")) })
    )
}

/** No type keeps a program, or a configuration that was read as JSON, from passing these. */
const badDurations: ReadonlyArray<readonly [what: string, duration: Duration.DurationInput]> = [
  ["-1", -1],
  ["0", 0],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["half a millisecond", 0.5],
  ["a second and half a millisecond", 1000.5],
  ["minus a minute", "-1 minutes"],
  ["-1 nanoseconds", -1n],
  ["NaN seconds", [NaN, 0]],
  ["minus a second", [-1, 0]],
  ["an endless duration", Duration.infinity],
  ["2^53", 2 ** 53],
  // @ts-expect-error no duration
  ["garbage", "garbage"],
  // @ts-expect-error no duration
  ["ISO 8601", "PT15M"],
  // @ts-expect-error no duration
  ["an object", {}]
]

const numbers = { data: Schema.Struct({ count: Schema.Number }), initial: { count: 0 } }

const cases: ReadonlyArray<Case> = [
  ["FoalTS: an idle timeout that is negative", timeouts({ idle: -1 }), ["SessionTimeouts.idle", "from 1 seconds"]],
  ["FoalTS: an absolute timeout that is negative", timeouts({ absolute: -1 }), [
    "SessionTimeouts.absolute",
    "from 1 seconds"
  ]],
  ["FoalTS: an idle timeout over the absolute one", timeouts({ idle: "2 hours", absolute: "1 hour" }), [
    "SessionTimeouts.absolute",
    "shorter than SessionTimeouts.idle"
  ]],
  ["an idle timeout of nothing", timeouts({ idle: 0 }), ["SessionTimeouts.idle", "from 1 seconds"]],
  ["an idle timeout that is not a number", timeouts({ idle: NaN }), ["SessionTimeouts.idle", "from 1 seconds"]],
  ["an idle timeout without end", timeouts({ idle: Infinity, absolute: Infinity }), ["SessionTimeouts.idle", "finite"]],
  ["an absolute timeout of 2^53 ms", timeouts({ absolute: 2 ** 53 }), ["SessionTimeouts.absolute", "3650 days"]],
  ["an idle timeout of half a millisecond", timeouts({ idle: 0.5 }), ["SessionTimeouts.idle", "from 1 seconds"]],
  ["an idle timeout with a fraction of a millisecond", timeouts({ idle: 1000.5 }), ["SessionTimeouts.idle", "whole"]],
  ["an absolute timeout under a second", timeouts({ absolute: 999, idle: 999 }), [
    "SessionTimeouts.absolute",
    "from 1 seconds"
  ]],
  ["a touch interval as long as the idle timeout", timeouts({ idle: "1 minute", touchInterval: "1 minute" }), [
    "SessionTimeouts.touchInterval",
    "shorter than SessionTimeouts.idle"
  ]],
  ["a touch interval of nothing", timeouts({ touchInterval: 0 }), ["SessionTimeouts.touchInterval", "from 1 millis"]],
  ["a lifetime over 400 days", cookie({ maxAge: "401 days" }), ["SessionCookie.maxAge", "400 days"]],
  ["a lifetime of nothing", cookie({ maxAge: 0 }), ["SessionCookie.maxAge", "1 second"]],
  ["a lifetime that is not a number", cookie({ maxAge: NaN }), ["SessionCookie.maxAge", "whole seconds"]],
  ["a date that is none", cookie({ expires: new Date(NaN) }), ["SessionCookie.expires", "valid date"]],
  ["a lifetime and a date", cookie({ maxAge: "1 day", expires: new Date(1e13) }), [
    "SessionCookie.maxAge",
    "leave one out"
  ]],
  ["a lifetime that does not last", cookie({ maxAge: "1 day", persistent: false }), ["SessionCookie.persistent"]],
  ["__Host- with a domain", cookie({ domain: "example.com" }), ["SessionCookie", "__Host-", "domain", "__Secure-"]],
  ["__Host- with a path", cookie({ path: "/app" }), ["SessionCookie", "__Host-", "path"]],
  ["__Host- without secure", cookie({ secure: false }), ["SessionCookie", "secure", "insecure: true"]],
  ["__Secure- without secure", cookie({ name: "__Secure-sid", secure: false }), ["SessionCookie", "insecure: true"]],
  ["__Http- without httpOnly", cookie({ name: "__Http-sid", httpOnly: false }), ["SessionCookie", "httpOnly"]],
  ["secure turned off alone", cookie({ name: "sid", secure: false }), ["SessionCookie.secure", "insecure: true"]],
  ["secure and insecure", cookie({ secure: true, insecure: true }), ["SessionCookie.secure", "insecure"]],
  ["SameSite=None without secure", cookie({ sameSite: "none", insecure: true }), ["SessionCookie.sameSite", "secure"]],
  ["partitioned and lax", cookie({ partitioned: true }), ["SessionCookie.partitioned", "sameSite \"none\""]],
  ...["", "a b", "a;b", "a=b", "s\u00efd", "a\u0000", "\ud83c\udf6a"].map((
    name
  ): Case => [`the name ${JSON.stringify(name)}`, cookie({ name }), ["SessionCookie.name", "letters"]]),
  ...["constructor", "__proto__", "toString", "hasOwnProperty"].map((
    name
  ): Case => [`the name ${name}`, cookie({ name }), ["SessionCookie.name", "choose another"]]),
  ...["__HOST-sid", "__host-sid", "__secure-sid"].map((
    name
  ): Case => [`the name ${name}`, cookie({ name }), ["SessionCookie.name", "prefix"]]),
  ["a name that leaves no room for the value", cookie({ name: "s".repeat(5000) }), ["SessionCookie.name"]],
  ["a path that splits the header", cookie({ name: "sid", path: "/;Domain=evil.test" }), ["SessionCookie.path"]],
  ["a path that is none", cookie({ name: "sid", path: "app" }), ["SessionCookie.path", "begin with"]],
  ...["", ".example.com", "exa mple.com", "a;b", "https://example.com", "example.com:80"].map((
    domain
  ): Case => [`the domain ${JSON.stringify(domain)}`, cookie({ name: "sid", domain }), [
    "SessionCookie.domain",
    "example.com"
  ]]),
  ["no signing keys", cookie({ signingKeys: [] }), ["SessionCookie.signingKeys", "at least one key"]],
  ["signed without keys", cookie({ signed: true }), ["SessionCookie.signingKeys", "at least one key"]],
  ["keys and not signed", cookie({ signed: false, signingKeys: [key("a")] }), [
    "SessionCookie.signed",
    "leave one out"
  ]],
  ["a short key", cookie({ signingKeys: [key("a"), Redacted.make("b".repeat(31))] }), [
    "signingKeys[1]",
    "openssl rand"
  ]],
  ...["changeme", "keyboard cat", "secret", ""].map((
    text
  ): Case => [`the key ${JSON.stringify(text)}`, cookie({ signingKeys: [Redacted.make(text)] }), [
    "signingKeys[0]",
    "openssl rand"
  ]]),
  ["a placeholder that is long", cookie({ signingKeys: [Redacted.make("changeme".repeat(5))] }), [
    "signingKeys[0]",
    "openssl rand"
  ]],
  ...["a".repeat(32), " ".repeat(32), "supersecret".repeat(3)].map((
    text
  ): Case => [`F4: the key ${JSON.stringify(text)}`, cookie({ signingKeys: [Redacted.make(text)] }), [
    "SessionCookie.signingKeys[0]",
    "guessed",
    "openssl rand -base64 32"
  ]]),
  ["A10: a former name that is the name", cookie({ formerNames: ["__Host-sid"] }), [
    "SessionCookie.formerNames",
    "the name itself"
  ]],
  ["A10: a former name twice", cookie({ formerNames: ["sid", "sid"] }), ["SessionCookie.formerNames", "twice"]],
  ["A10: a former name that is none", cookie({ formerNames: ["sid", "a b"] }), [
    "SessionCookie.formerNames[1]",
    "letters"
  ]],
  ["A10: a former name that looks like a prefix", cookie({ formerNames: ["__HOST-sid"] }), [
    "SessionCookie.formerNames[0]",
    "prefix"
  ]],
  ["A10: many former names", cookie({ formerNames: Array.from("abcdefghi") }), ["SessionCookie.formerNames", "8"]],
  [
    "A10: no date until which ids need no signature",
    cookie({
      signingKeys: [key("a")],
      acceptUnsignedUntil: new Date(NaN)
    }),
    ["SessionCookie.acceptUnsignedUntil", "valid date"]
  ],
  ["A10: such a date where nothing is signed", cookie({ acceptUnsignedUntil: new Date(0) }), [
    "SessionCookie.acceptUnsignedUntil",
    "signingKeys"
  ]],
  ["A9: a date of change that is none", cookie({ changedAt: new Date("yesterday") }), [
    "SessionCookie.changedAt",
    "valid date"
  ]],
  ...["", "null", "*", "example.com", "https://example.com/", "https://example.com/app", "https://*.example.com"].map((
    origin
  ): Case => [`F5: the origin ${JSON.stringify(origin)}`, csrf({ origins: [origin] }), [
    "SessionCsrf.origins[0]",
    "https://example.com"
  ]]),
  ["F5: a header that is none", csrf({ headers: ["x token"] }), ["SessionCsrf.headers[0]"]],
  ["F5: a field that is none", csrf({ field: "" }), ["SessionCsrf.field"]],
  ...[NaN, -1, 0, 1.5, Infinity, 1e12].map((
    maxFormBytes
  ): Case => [`C5: forms of ${maxFormBytes} bytes`, csrf({ maxFormBytes }), [
    "SessionCsrf.maxFormBytes",
    "whole number"
  ]]),
  ...[NaN, -1, 0, 1.5, Infinity, 1e12].map((
    batchSize
  ): Case => [`C5: a sweep of ${batchSize} rows`, cleaner({ batchSize }), [
    "SessionCleaner.batchSize",
    "whole number"
  ]]),
  ...badDurations.flatMap(([what, duration]): ReadonlyArray<Case> => [
    [`C5: an idle timeout of ${what}`, timeouts({ idle: duration }), ["SessionTimeouts.idle", "15 minutes"]],
    [`C5: an absolute timeout of ${what}`, timeouts({ absolute: duration }), ["SessionTimeouts.absolute"]],
    [`C5: a touch interval of ${what}`, timeouts({ touchInterval: duration }), ["SessionTimeouts.touchInterval"]],
    [`C5: an interval of ${what}`, cleaner({ interval: duration }), ["SessionCleaner.interval", "15 minutes"]],
    [`C5: a lifetime of ${what}`, cookie({ maxAge: duration }), ["SessionCookie.maxAge", "whole seconds"]],
    ...(duration === 0 ? [] : [
      [`C5: a margin of ${what}`, cleaner({ margin: duration }), ["SessionCleaner.margin", "15 minutes"]] as const
    ])
  ]),
  ["C5: a sweep longer from now than timers reach", cleaner({ interval: "30 days" }), [
    "SessionCleaner.interval",
    "1 weeks"
  ]],
  ["the same key twice", cookie({ signingKeys: [key("a"), key("b"), key("a")] }), ["signingKeys", "twice"]],
  ["too many keys", cookie({ signingKeys: Array.from("abcdefghijklmnopq", key) }), ["signingKeys", "16"]],
  ["an id that can be guessed", SessionToken.layer({ bytes: 15 }), ["SessionToken.bytes", "16"]],
  ["an id that does not fit", SessionToken.layer({ bytes: 65 }), ["SessionToken.bytes", "64"]],
  ["an id of a fraction of a byte", SessionToken.layer({ bytes: 16.5 }), ["SessionToken.bytes", "whole"]],
  ["a generator of short ids", declared("Declared", numbers, 8), ["SessionToken.bytes", "16"]],
  ...[0, -1, 1.5, NaN, Infinity].map((
    capacity
  ): Case => [`room for ${capacity} sessions`, memory(capacity), ["SessionStore.capacity", "positive whole number"]]),
  ["a sweep without a pause", cleaner({ interval: 0 }), ["SessionCleaner.interval", "from 1 seconds"]],
  ["a sweep that never comes", cleaner({ interval: Infinity }), ["SessionCleaner.interval", "finite"]],
  ["a sweep of nothing", cleaner({ batchSize: 0 }), ["SessionCleaner.batchSize", "positive"]],
  ["a margin without end", cleaner({ margin: Infinity }), ["SessionCleaner.margin", "finite"]],
  ...["", "a\"b", "a;b", "a*", "{tag}", "A", "1a", "a-b", "a".repeat(41), "a b"].map((
    prefix
  ): Case => [`the prefix ${JSON.stringify(prefix)}`, sql({ prefix }), [
    "SqlSessionStore.prefix",
    "lower-case letters"
  ]]),
  ["a schema on SQLite", sql({ schema: "app" }), ["SqlSessionStore.schema", "leave it out"]],
  ["unlogged on SQLite", sql({ unlogged: true }), ["SqlSessionStore.unlogged", "PostgreSQL"]],
  ["a session without a name", declared("", numbers), ["Session.Tag", "name"]],
  ["initial data that is not JSON", declared("Dates", { data: Schema.DateFromSelf, initial: new Date(0) }), [
    "Session.initial",
    "JSON"
  ]],
  ["initial data that does not encode", declared("Low", { data: Schema.Number.pipe(Schema.positive()), initial: -1 }), [
    "Session.initial",
    "encode"
  ]],
  ["initial data over the limit", declared("Big", { ...numbers, maxBytes: 4 }), ["Session.initial", "maxBytes"]],
  ["a limit of nothing", declared("None", { ...numbers, maxBytes: 0 }), ["Session.maxBytes", "whole number"]]
]

const build = (layer: Layer.Layer<never, Failure>) => Effect.either(Effect.scoped(Layer.build(layer)))

describe("Wrong configuration fails when it is built, and says what to change", () => {
  for (const [what, layer, says] of cases) {
    effect(what, () =>
      Effect.gen(function*() {
        const result = yield* build(layer)
        if (result._tag === "Right" || result.left._tag !== "SessionConfigError") {
          return assert.fail(`built, or failed otherwise: ${String(result)}`)
        }
        for (const text of says) assert.include(result.left.message, text)
      }))
  }

  effect("all problems at once", () =>
    Effect.gen(function*() {
      const { problems } = yield* Effect.flip(
        SessionCookie.make({ name: "a b", path: "x", sameSite: "none", insecure: true })
      )
      assert.strictEqual(problems.length, 3)
    }))

  effect("without telling a secret", () =>
    Effect.gen(function*() {
      const secret = "do not tell"
      const error = yield* Effect.flip(SessionCookie.make({ signingKeys: [Redacted.make(secret)] }))
      assert.notInclude(`${error.message} ${JSON.stringify(error)}`, secret)
    }))
})

describe("What no layer can know beforehand", () => {
  effect("an id of another form than was declared is a defect, and nothing is stored", () =>
    Effect.gen(function*() {
      class Declared extends Session.Tag<Declared>()("Declared", numbers) {}
      const store = observe(yield* SessionStore.makeMemory())
      const create = Effect.flatMap(Declared.sessions, (sessions) => sessions.create())
      const exit = yield* Effect.exit(Effect.provide(
        create,
        Sessions.layer(Declared).pipe(
          Layer.provide(SessionTimeouts.layer()),
          Layer.provide(Layer.succeed(SessionStore.SessionStore, store.service)),
          Layer.provide(
            Layer.succeed(SessionToken.SessionToken, { bytes: 16, generate: Effect.succeed(Redacted.make("short")) })
          )
        )
      ))
      const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.include(String(defect), "SessionToken.generate must make canonical base64url")
      assert.deepStrictEqual(store.take(), [])
    }))

  for (const [dialect, name] of [["mssql", "SQL Server"], ["clickhouse", "ClickHouse"]] as const) {
    effect(`a client of ${name} is refused when the layer is built`, () =>
      Effect.gen(function*() {
        const onDialect = (options: Readonly<Record<typeof dialect, () => unknown>>) => options[dialect]()
        const client = Layer.effect(
          SqlClient.SqlClient,
          Effect.map(SqlClient.SqlClient, (sql) =>
            new Proxy(sql, {
              get: (target, property, proxy): unknown =>
                property === "onDialect"
                  ? onDialect
                  : property === "withoutTransforms"
                  ? () => proxy
                  : Reflect.get(target, property)
            }))
        )
        const layer = Layer.discard(
          SqlSessionStore.layer.pipe(Layer.provide(client), Layer.provide(Layer.orDie(postgres())))
        )
        const result = yield* build(layer)
        assert.isTrue(result._tag === "Left" && result.left._tag === "SessionConfigError")
        assert.include(String(result), `does not support ${name}`)
      }))
  }
})

describe("B5: a cookie carries one session", () => {
  effect(
    "so another declaration that claims it fails, and is told how to get a cookie of its own",
    () =>
      Effect.gen(function*() {
        const policy = yield* SessionCookie.make({ name: "sid", insecure: true })
        yield* policy.claim("Shop")
        yield* policy.claim("Shop")
        const error = yield* Effect.flip(policy.claim("Admin"))
        for (const text of ["sid", "Shop", "Admin", "SessionCookie.make", "cookie"]) assert.include(error.message, text)
        yield* policy.claim("Shop")
        yield* Effect.flatMap(SessionCookie.make({ name: "admin", insecure: true }), ({ claim }) => claim("Admin"))
      })
  )

  effect("which fails when the app starts, and not when somebody signs in", () =>
    Effect.gen(function*() {
      class Shop extends Session.Tag<Shop>()("Shop", numbers) {}
      class Admin extends Session.Tag<Admin>()("Admin", numbers) {}
      const route = HttpLayerRouter.add("GET", "/", HttpServerResponse.empty())
      const app = (cookie: SessionCookie.Policy | undefined) =>
        Layer.mergeAll(
          Layer.provide(route, SessionMiddleware.layerRouter(Shop).layer),
          Layer.provide(route, SessionMiddleware.layerRouter(Admin, { cookie }).layer)
        ).pipe(
          Layer.provide([Sessions.layerMemory(Shop), Sessions.layerMemory(Admin)]),
          Layer.provide([SessionTimeouts.layer(), SessionCookie.layer(), HttpLayerRouter.layer]),
          Layer.build,
          Effect.scoped,
          Effect.exit
        )
      const together = yield* app(undefined)
      assert.isTrue(Exit.isFailure(together) && together.toString().includes("SessionCookie.make"))
      assert.isTrue(Exit.isSuccess(yield* app(yield* SessionCookie.make({ name: "__Host-admin" }))))
    }))
})

describe("Configuration from the environment", () => {
  const provided = (entries: ReadonlyArray<readonly [string, string]>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries)))
  const timeoutsConfig = SessionTimeouts.layerConfig({
    idle: Config.duration("SESSION_IDLE"),
    absolute: Config.duration("SESSION_ABSOLUTE").pipe(Config.withDefault("7 days"))
  })
  const cookieConfig = SessionCookie.layerConfig({
    signingKeys: Config.array(Config.redacted(), "SESSION_SECRETS"),
    insecure: Config.boolean("SESSION_INSECURE").pipe(Config.withDefault(false))
  })

  effect("sets the timeouts", () =>
    Effect.gen(function*() {
      const timeouts = yield* Effect.provide(SessionTimeouts.SessionTimeouts, timeoutsConfig)
      assert.deepStrictEqual(timeouts, {
        idle: 1_800_000,
        absolute: 604_800_000,
        remembered: { idle: 30 * 86_400_000, absolute: 90 * 86_400_000 },
        touchInterval: 60_000
      })
    }).pipe(provided([["SESSION_IDLE", "30 minutes"]])))

  effect("sets the cookie", () =>
    Effect.gen(function*() {
      const policy = yield* Effect.provide(SessionCookie.SessionCookie, cookieConfig)
      assert.strictEqual(policy.name, "sid")
      assert.isFalse(policy.attributes.secure)
      assert.strictEqual(policy.keys.length, 2)
    }).pipe(
      provided([[
        "SESSION_SECRETS",
        ["a", "b"].map((seed) => Redacted.value(key(seed))).join()
      ], ["SESSION_INSECURE", "true"]])
    ))

  const csrfConfig = SessionCsrf.layerConfig({ origins: Config.array(Config.string(), "APP_ORIGINS") })
  const cleanerConfig = Layer.provide(
    SessionCleaner.layerConfig({ interval: Config.duration("SWEEP_EVERY") }),
    SessionStore.layerMemory
  )

  effect("sets how requests are checked", () =>
    Effect.gen(function*() {
      const policy = yield* Effect.provide(SessionCsrf.SessionCsrf, csrfConfig)
      assert.deepStrictEqual(policy.origins, ["https://a.test", "https://b.test"])
    }).pipe(provided([["APP_ORIGINS", "https://a.test,https://b.test"]])))

  const failures: ReadonlyArray<
    readonly [string, Layer.Layer<never, Failure>, ReadonlyArray<readonly [string, string]>, string]
  > = [
    ["a missing variable", Layer.discard(timeoutsConfig), [], "SESSION_IDLE"],
    ["a variable that is no duration", Layer.discard(timeoutsConfig), [["SESSION_IDLE", "30 minuets"]], "SESSION_IDLE"],
    [
      "a value that cannot work",
      Layer.discard(timeoutsConfig),
      [["SESSION_IDLE", "8 days"]],
      "SessionTimeouts.absolute"
    ],
    ["a short key", Layer.discard(cookieConfig), [["SESSION_SECRETS", "short"]], "SessionCookie.signingKeys[0]"],
    ["an origin that is none", Layer.discard(csrfConfig), [["APP_ORIGINS", "example.com"]], "SessionCsrf.origins[0]"],
    ["no interval", cleanerConfig, [], "SWEEP_EVERY"],
    ["an interval that cannot be", cleanerConfig, [["SWEEP_EVERY", "0 seconds"]], "SessionCleaner.interval"]
  ]
  for (const [what, layer, entries, says] of failures) {
    effect(`fails typed on ${what}`, () =>
      Effect.gen(function*() {
        const result = yield* build(layer)
        if (result._tag === "Right") return assert.fail("built")
        assert.include(String(result.left), says)
      }).pipe(provided(entries)))
  }
})

describe("Without configuration", () => {
  const documentedTimeouts = {
    idle: 900_000,
    absolute: 604_800_000,
    remembered: { idle: 2_592_000_000, absolute: 7_776_000_000 },
    touchInterval: 60_000
  }

  effect("the timeouts are 15 minutes and a week, touched once a minute", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* SessionTimeouts.SessionTimeouts, documentedTimeouts)
      assert.deepStrictEqual(yield* SessionTimeouts.make(), documentedTimeouts)
    }).pipe(Effect.provide(SessionTimeouts.layer())))

  effect("the touch interval is a tenth of a short idle timeout", () =>
    Effect.map(
      SessionTimeouts.make({ idle: "1 minute" }),
      ({ touchInterval }) => assert.strictEqual(touchInterval, 6000)
    ))

  effect(
    "the cookie is __Host-sid, whole site, secure, out of reach of scripts, lax, of this host, for the browser's life",
    () =>
      Effect.gen(function*() {
        const id = Redacted.make("AAAAAAAAAAAAAAAAAAAAAA")
        for (const policy of [yield* SessionCookie.SessionCookie, yield* SessionCookie.make()]) {
          const { name, options, value } = SessionCookie.write(policy, id, { expiresAt: 1000, now: 0 })
          assert.deepStrictEqual([name, value], ["__Host-sid", "AAAAAAAAAAAAAAAAAAAAAA"])
          assert.include(options, { path: "/", secure: true, httpOnly: true, sameSite: "lax" })
          assert.deepStrictEqual([options?.domain, options?.maxAge, options?.expires], [
            undefined,
            undefined,
            undefined
          ])
        }
      }).pipe(Effect.provide(SessionCookie.layer()))
  )

  effect("an id has 128 bits in 22 characters", () =>
    Effect.gen(function*() {
      const token = yield* SessionToken.SessionToken
      assert.strictEqual(token.bytes, 16)
      const ids = yield* Effect.replicateEffect(token.generate, 1000)
      assert.strictEqual(new Set(ids.map(Redacted.value)).size, 1000)
      for (const id of ids) assert.match(Redacted.value(id), /^[\w-]{21}[AQgw]$/)
    }))

  effect("data may have 64 KiB, and the memory store holds 100 000 sessions", () =>
    Effect.sync(() => {
      assert.strictEqual(Session.defaultMaxBytes, 65_536)
      assert.strictEqual(SessionStore.defaultCapacity, 100_000)
    }))
})
