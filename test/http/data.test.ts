import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { Session, SessionCookie, SessionMiddleware } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import { sized } from "../sql/support/size.js"
import { type App, type AppHandle, contextOver, type Data, makeApp, readData, use, webHandler } from "../support/app.js"
import { breakDown } from "../support/observedStore.js"

const sentinel = "SENTINEL-value"

interface Line {
  readonly level: string
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Runs it, and tells what was logged meanwhile. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<Line> = []
    const logger = Logger.make(({ annotations, cause, logLevel, message }) => {
      lines.push({
        level: logLevel.label,
        text: `${String(message)} ${String(cause)}`,
        annotations: Object.fromEntries(HashMap.toEntries(annotations))
      })
    })
    return effect.pipe(
      Effect.map((result) => [result, lines] as const),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
  })

/** One page of an app with a session of its own, whose row is there already. */
const pageOf = <Self, D, U>(
  definition: SessionMiddleware.Declared<Self, D, U>,
  work: (session: Session.Handle<D, U>) => Effect.Effect<unknown, unknown>,
  data?: string
) =>
  Effect.gen(function*() {
    const app = yield* makeApp()
    const context = yield* contextOver(app, definition)
    const sessions = Context.get(context, definition.sessions)
    const { id, record } = yield* sessions.create()
    if (data !== undefined) {
      yield* app.store.service.update({ ...record, expectedVersion: record.version, data, now: 0 })
    }
    const served = SessionMiddleware.httpRouter(definition)(
      Effect.map(Effect.flatMap(definition, work), (body) => HttpServerResponse.unsafeJson(body ?? null))
    ).pipe(Effect.provide(context), Effect.provideService(SessionCookie.SessionCookie, app.policy))
    const cookie = `__Host-sid=${Redacted.value(id)}`
    const visit = Effect.flatMap(webHandler(served), (handle) =>
      Effect.promise(async () => {
        const response = await handle(new Request("https://app.test/", { headers: { cookie } }))
        return { status: response.status, body: await response.text() }
      }))
    const row = Effect.map(app.store.service.read(record.key, 0), Option.getOrThrow)
    return { app, id, row, sessions, visit }
  })

describe("What can be written can be read (E1)", () => {
  class BigSession extends Session.Tag<BigSession>()("BigSession", {
    data: Schema.Struct({ text: Schema.String }),
    initial: { text: "" },
    maxBytes: 2 * 1024 * 1024
  }) {}

  // `{"text":""}` are eleven bytes more.
  for (const length of [1_048_577, 2 * 1024 * 1024 - 11]) {
    effect(`${length} characters under a limit of 2 MiB`, () =>
      Effect.gen(function*() {
        const { id, sessions, visit } = yield* pageOf(
          BigSession,
          (session) => session.set({ text: "x".repeat(length) })
        )
        assert.strictEqual((yield* visit).status, 200)
        assert.lengthOf(Option.getOrThrow(yield* sessions.read(id)).data.text, length)
      }))
  }

  effect("one more is refused, and what was there stays", () =>
    Effect.gen(function*() {
      const { row, visit } = yield* pageOf(BigSession, (session) =>
        session.set({ text: "x".repeat(2 * 1024 * 1024 - 10) }))
      const [{ status }, lines] = yield* logged(visit)
      assert.deepStrictEqual([status, lines.length, (yield* row).data], [500, 1, "{\"text\":\"\"}"])
    }))
})

/** Throws what is no error. */
const fallOver = (): never => {
  throw undefined
}

/** Functions of a schema that throw on old rows. */
const throwing: Readonly<Record<string, (text: string) => unknown>> = {
  "new URL": (text) => new URL(text),
  "BigInt": (text) => BigInt(text),
  "JSON.parse": (text) => JSON.parse(text),
  "what is no error": () => fallOver()
}

/** Where such a function may stand. */
const places = (f: (text: string) => unknown): Readonly<Record<string, Schema.Schema<string>>> => {
  const run = (text: string) => text === "new" || f(text) !== undefined ? text : text
  return {
    "a transformation": Schema.transform(Schema.String, Schema.String, { decode: run, encode: (text) => text }),
    "a filter": Schema.String.pipe(Schema.filter((text) => run(text) === text))
  }
}

describe("A schema function that throws on an old row (E2)", () => {
  for (const [what, f] of Object.entries(throwing)) {
    for (const [place, field] of Object.entries(places(f))) {
      for (const [onUndecodable, status, level] of [["discard", 200, "WARN"], ["fail", 500, "ERROR"]] as const) {
        effect(
          `${what} in ${place}, onUndecodable ${onUndecodable}: ${status}, said once`,
          () =>
            Effect.gen(function*() {
              class OldSession extends Session.Tag<OldSession>()("OldSession", {
                data: Schema.Struct({ field }),
                initial: { field: "new" },
                onUndecodable
              }) {}
              const { row, visit } = yield* pageOf(OldSession, (session) => session.user, "{\"field\":\"nowhere\"}")
              const before = yield* row
              const [answer, lines] = yield* logged(visit)
              assert.strictEqual(answer.status, status)
              assert.deepStrictEqual(lines.map(({ level }) => level), [level])
              assert.notInclude(JSON.stringify(lines), "nowhere")
              assert.deepStrictEqual(yield* row, before)
            })
        )
      }
    }
  }

  effect("or on the way out: a 500, said once, and what was there stays", () =>
    Effect.gen(function*() {
      class UrlSession extends Session.Tag<UrlSession>()("UrlSession", {
        data: Schema.Struct({
          home: Schema.transform(Schema.String, Schema.String, {
            decode: (text) => text,
            encode: (text) => new URL(text).href
          })
        }),
        initial: { home: "https://app.test/" }
      }) {}
      const { row, visit } = yield* pageOf(UrlSession, (session) => session.set({ home: sentinel }))
      const [{ status }, lines] = yield* logged(visit)
      assert.deepStrictEqual([status, lines.length, (yield* row).version], [500, 1, 1])
      assert.notInclude(JSON.stringify(lines), sentinel)
    }))
})

interface Tree {
  readonly branches: ReadonlyArray<Tree>
}

const Tree: Schema.Schema<Tree> = Schema.Struct({ branches: Schema.Array(Schema.suspend(() => Tree)) })

const deepTree = (levels: number): Tree =>
  Array.from({ length: levels }).reduce<Tree>((inner) => ({ branches: [inner] }), { branches: [] })

describe("Data that nests 5,000 deep (E3)", () => {
  for (
    const [what, since] of [["verbatim", Schema.Null], ["encoded", Schema.NullOr(Schema.Date)]] as const
  ) {
    class DeepSession extends Session.Tag<DeepSession>()("DeepSession", {
      data: Schema.Struct({ tree: Tree, since }),
      initial: { tree: deepTree(0), since: null }
    }) {}

    effect(`is a SessionDataError, said once, ${what}`, () =>
      Effect.gen(function*() {
        const { id, row, sessions, visit } = yield* pageOf(DeepSession, (session) =>
          session.set({ tree: deepTree(5000), since: null }))
        const [{ body, status }, lines] = yield* logged(visit)
        assert.strictEqual(status, 500)
        assert.include(body, "SessionDataError")
        assert.lengthOf(lines, 1)
        assert.strictEqual((yield* row).version, 1)
        const error = yield* Effect.flip(sessions.update(id, () => ({ tree: deepTree(5000), since: null })))
        assert.strictEqual(error._tag, "SessionDataError")
      }))

    effect(`is a visitor's where a row holds it, ${what}`, () =>
      Effect.gen(function*() {
        const text = "{\"tree\":" + "{\"branches\":[".repeat(5000) + "]}".repeat(5000) + ",\"since\":null}"
        const { visit } = yield* pageOf(DeepSession, (session) => session.user, text)
        const [{ status }, lines] = yield* logged(visit)
        assert.deepStrictEqual([status, lines.length], [200, 1])
      }))
  }
})

class OpenSession extends Session.Tag<OpenSession>()("OpenSession", {
  data: Schema.Struct({
    any: Schema.Unknown,
    named: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
    since: Schema.optional(Schema.Date)
  }),
  initial: { any: null, named: {} }
}) {}

class PlainSession extends Session.Tag<PlainSession>()("PlainSession", {
  data: Schema.Struct({ named: Schema.Record({ key: Schema.String, value: Schema.String }) }),
  initial: { named: {} }
}) {}

const named = (text: string): Record<string, string> => JSON.parse(text)

describe("Data that JSON has no word for (E4)", () => {
  for (
    const [what, value] of [
      ["a key __proto__", named("{\"__proto__\":\"x\"}")],
      ["a key __proto__ that holds an object", named("{\"__proto__\":{\"admin\":true}}")],
      ["NaN", { x: NaN }],
      ["Infinity", { x: -Infinity }],
      ["an undefined in an array", { x: [undefined] }],
      ["a hole in an array", { x: new Array(2) }],
      ["a date", { x: new Date(0) }],
      ["a map", { x: new Map([[1, 2]]) }],
      ["a bigint", { x: 1n }],
      ["a class instance", {
        x: new (class Point {
          x = 1
        })()
      }]
    ] satisfies ReadonlyArray<readonly [string, Record<string, unknown>]>
  ) {
    for (const place of ["any", "named"] as const) {
      effect(`${what} in ${place} is refused, or comes back`, () =>
        Effect.gen(function*() {
          const { id, row, sessions, visit } = yield* pageOf(OpenSession, (session) =>
            session.update((data) => ({ ...data, since: new Date(0), [place]: value })))
          const { status } = yield* visit
          if (status === 500) {
            return assert.strictEqual((yield* row).version, 1)
          }
          assert.strictEqual(status, 200)
          assert.deepStrictEqual(Option.getOrThrow(yield* sessions.read(id)).data[place], value)
        }))
    }
  }

  effect("a key __proto__ where data is only looked at is refused, or comes back", () =>
    Effect.gen(function*() {
      const data = { named: named("{\"__proto__\":\"x\"}") }
      const { id, row, sessions, visit } = yield* pageOf(PlainSession, (session) => session.set(data))
      if ((yield* visit).status === 500) return assert.strictEqual((yield* row).version, 1)
      assert.deepStrictEqual(Option.getOrThrow(yield* sessions.read(id)).data, data)
    }))

  effect("whatever is written comes back as it was, or is refused", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const sessions = Context.get(yield* contextOver(app, OpenSession), OpenSession.sessions)
      const { id } = yield* sessions.create()
      const tally = { kept: 0, refused: 0 }
      const values = FastCheck.sample(
        FastCheck.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSparseArray: true,
          withNullPrototype: true
        }),
        { numRuns: sized({ small: 500, full: 20_000 }), seed: 20260101 }
      )
      for (const any of values) {
        const written = yield* Effect.either(sessions.update(id, (data) => ({ ...data, any })))
        if (written._tag === "Left") {
          assert.strictEqual(written.left._tag, "SessionDataError")
          tally.refused++
          continue
        }
        const read = Option.getOrThrow(yield* sessions.read(id)).data.any
        // JSON has one zero and one prototype.
        assert.strictEqual(JSON.stringify({ read }), JSON.stringify({ read: any }))
        tally.kept++
      }
      assert.isAbove(Math.min(tally.kept, tally.refused), values.length / 20)
    }))
})

describe("One bad row (E4)", () => {
  for (
    const [what, bad] of [
      ["impossible times", { createdAt: 5e12, lastSeenAt: 5e12 }],
      ["times that are none", { createdAt: NaN }],
      ["a fraction of a millisecond", { lastSeenAt: 0.5 }],
      ["an endless life", { expiresAt: Infinity }],
      ["data that does not decode", { data: "{" }]
    ] as const
  ) {
    effect(`with ${what} hides none of the others in a list, and is said`, () =>
      Effect.gen(function*() {
        const inner = yield* makeApp()
        const good = yield* Effect.forEach([1, 2], () => inner.sessions.create({ user: "ada" }))
        const { record } = yield* inner.sessions.create({ user: "ada" })
        const { service } = inner.store
        const app = yield* makeApp({
          store: {
            ...service,
            listByUser: (search) =>
              Effect.map(
                service.listByUser(search),
                (records) => records.map((one) => one.key === record.key ? { ...one, ...bad } : one)
              )
          }
        })
        const [listed, lines] = yield* logged(app.sessions.listByUser("ada"))
        const handles = listed.map(({ handle }) => handle)
        for (const { record } of good) assert.include(handles, record.handle)
        assert.deepStrictEqual([handles.length, lines.length], what === "data that does not decode" ? [3, 1] : [2, 1])
      }))
  }
})

describe("A failure that the client sees is one line in the log, with where and never what (E5)", () => {
  const notes = (data: Data, note: string): Data => ({ ...data, notes: [note] })
  const failures: ReadonlyArray<
    readonly [
      what: string,
      status: number,
      says: Readonly<Record<string, unknown>>,
      work: (session: AppHandle) => Effect.Effect<unknown, unknown>,
      spoil?: (app: App) => void
    ]
  > = [
    [
      "data that is too large",
      500,
      { error: "SessionDataError", reason: "TooLarge", detail: /^\d+ bytes, where 65536 are allowed$/ },
      (session) => session.update((data) => notes(data, sentinel.repeat(10_000)))
    ],
    [
      "data that is not JSON",
      500,
      { error: "SessionDataError", reason: "Unencodable", detail: "settings.theme" },
      (session) => session.update((data) => ({ ...data, notes: [sentinel], settings: { theme: JSON.parse("1") } }))
    ],
    [
      "a number that is none",
      500,
      { error: "SessionDataError", reason: "NotJson", detail: "count" },
      (session) => session.update((data) => ({ ...data, notes: [sentinel], count: NaN }))
    ],
    [
      "a user that does not encode",
      500,
      { error: "SessionDataError", reason: "Unencodable", detail: /^the user/ },
      (session) => session.signIn(`${sentinel}\u0000`)
    ],
    [
      "an explicit commit",
      500,
      { error: "SessionDataError", reason: "NotJson", detail: "count" },
      (session) => Effect.zipRight(session.update((data) => ({ ...data, count: NaN })), session.commit)
    ],
    ...(["read", "update", "rotate", "delete"] as const).map((operation) =>
      [
        `a store that fails to ${operation}`,
        503,
        { error: "SessionStoreError", reason: "Unavailable", detail: "test" },
        (session: AppHandle) =>
          operation === "delete"
            ? session.signOut
            : operation === "rotate"
            ? session.rotate
            : session.update((data) => notes(data, sentinel)),
        (app: App) => breakDown(app.store, operation)
      ] as const
    )
  ]

  for (const [what, status, says, work, spoil] of failures) {
    effect(what, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const { browser } = yield* app.browserWithSession({ user: "ada" })
        spoil?.(app)
        const [answer, lines] = yield* logged(app.visit(browser, use(work)))
        assert.strictEqual(answer.status, status)
        assert.lengthOf(lines, 1)
        const [line] = lines
        assert.strictEqual(line?.level, "ERROR")
        assert.strictEqual(line?.annotations["session"], "AppSession")
        for (const [name, value] of Object.entries(says)) {
          const said = line?.annotations[name]
          if (value instanceof RegExp) assert.match(String(said), value, name)
          else assert.strictEqual(said, value, name)
        }
        assert.notInclude(JSON.stringify(lines), sentinel)
        assert.notInclude(JSON.stringify(answer.body), sentinel)
      }))
  }

  effect("a row that does not decode, of a session declared to fail then: where in it", () =>
    Effect.gen(function*() {
      class StrictSession extends Session.Tag<StrictSession>()("StrictSession", {
        data: Schema.Struct({ cart: Schema.Array(Schema.Struct({ price: Schema.Number })) }),
        initial: { cart: [] },
        onUndecodable: "fail"
      }) {}
      const { visit } = yield* pageOf(
        StrictSession,
        (session) => session.get,
        `{"cart":[{"price":1},{"price":"${sentinel}"}]}`
      )
      const [{ status }, lines] = yield* logged(visit)
      assert.deepStrictEqual([status, lines.length, lines[0]?.annotations["detail"]], [500, 1, "cart[1].price"])
      assert.notInclude(JSON.stringify(lines), sentinel)
    }))

  effect("what a handler has caught is its own to say", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      breakDown(app.store, "read")
      const [answer, lines] = yield* logged(app.visit(browser, Effect.either(readData)))
      assert.deepStrictEqual([answer.status, lines.length], [200, 0])
    }))
})
