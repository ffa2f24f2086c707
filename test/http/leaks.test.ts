import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect, scoped } from "@effect/vitest"
import {
  Session,
  SessionCookie,
  SessionError,
  SessionGuard,
  SessionMiddleware,
  Sessions,
  SessionTimeouts,
  SessionToken
} from "effect-sessions"
import { deriveKey } from "effect-sessions/core/digest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { sized } from "../sql/support/size.js"
import {
  type App,
  type AppHandle,
  type AppOptions,
  AppSession,
  Browser,
  browserWith,
  increment,
  makeApp,
  managerOver,
  recordsOf,
  use
} from "../support/app.js"
import { breakDown, leaveAlone, type Operation } from "../support/observedStore.js"
import { recordingTracer } from "../support/tracer.js"
import { turn } from "../support/turn.js"
import { knownId } from "./support/ids.js"
import { rawRequest } from "./support/rawSocket.js"
import { serve } from "./support/socketApp.js"

const signingKey = "SENTINEL-signing-key-of-at-least-32-bytes"
const secretNote = "SENTINEL-note"
const secretUser = "SENTINEL-user"

/** What must be nowhere: `text`, and of what goes into logs, also `data`. */
const sentinelsOf = (ids: Iterable<string>): ReadonlyArray<readonly [what: string, text: string]> => [
  ["the signing key", signingKey],
  ["the signing key in base64", Buffer.from(signingKey).toString("base64").slice(0, 40)],
  ["the data", secretNote],
  ["the user", secretUser],
  ...Array.from(ids).flatMap((id): ReadonlyArray<readonly [string, string]> => [
    ["an id", id],
    ["a stored key", deriveKey("AppSession", id)]
  ])
]

/** Every way to make text of a value. */
const texts = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  const json = () => {
    try {
      return JSON.stringify(value) ?? ""
    } catch {
      return ""
    }
  }
  return [
    inspect(value, { depth: Infinity, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null }),
    inspect(value, { depth: Infinity }),
    json(),
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null ? "" : String(value),
    value instanceof Error ? `${value.stack} ${value.message} ${inspect(value.cause, { depth: Infinity })}` : ""
  ]
}

/** Everything said anywhere: logs, spans, and what is asked to be remembered. */
const makeRecorder = () => {
  const said: Array<readonly [where: string, text: string]> = []
  const say = (where: string, ...values: ReadonlyArray<unknown>) => {
    for (const value of values) for (const text of texts(value)) said.push([where, text])
  }
  const logger = Logger.make((entry) => {
    say("a log", entry.message, Array.from(entry.annotations))
    for (const format of [Logger.stringLogger, Logger.logfmtLogger, Logger.jsonLogger, Logger.structuredLogger]) {
      say("a log line", format.log(entry))
    }
    if (!Cause.isEmpty(entry.cause)) say("a cause", Cause.pretty(entry.cause, { renderErrorCause: true }), entry.cause)
  })
  const { spans, tracer } = recordingTracer({
    end: (exit) => {
      if (Exit.isSuccess(exit)) return
      say("the exit of a span", Cause.pretty(exit.cause, { renderErrorCause: true }), exit.cause)
      for (const error of Cause.prettyErrors(exit.cause)) say("an error of a span", error)
    },
    event: (name, attributes) => say("an event of a span", name, attributes)
  })
  return {
    said,
    say,
    spans,
    recorded: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      effect.pipe(
        Effect.withTracer(tracer),
        Logger.withMinimumLogLevel(LogLevel.All),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
  }
}

type Recorder = ReturnType<typeof makeRecorder>

let searched = 0

/** Looks through what was said since the last time. */
const search = (recorder: Recorder, ids: Iterable<string>, allowed: ReadonlyArray<string> = []) =>
  Effect.gen(function*() {
    for (const { attributes, name } of recorder.spans) recorder.say("a span", name, Array.from(attributes))
    recorder.say("a metric", yield* Metric.snapshot)
    searched += recorder.said.length
    for (const [what, sentinel] of sentinelsOf(ids)) {
      if (allowed.includes(what)) continue
      for (const [where, text] of recorder.said) {
        if (text.includes(sentinel)) assert.fail(`${what} in ${where}: ${text.slice(0, 2000)}`)
      }
    }
    recorder.said.length = 0
    recorder.spans.length = 0
  })

const secretData = { count: 1, notes: [secretNote], settings: { secret: secretNote } }

/** What a request may do; each of them is done with everything that can go wrong. */
const works: Readonly<Record<string, (session: AppHandle) => Effect.Effect<unknown, unknown>>> = {
  read: (session) => Effect.asVoid(session.get),
  update: (session) => session.update(increment),
  tooLarge: (session) => session.update((data) => ({ ...data, notes: [secretNote.repeat(10_000)] })),
  notJson: (session) => session.update((data) => ({ ...data, count: NaN, notes: [secretNote] })),
  signIn: (session) => session.signIn(secretUser),
  badUser: (session) => session.signIn(`${secretUser}\u0000`),
  rotate: (session) => session.rotate,
  signOut: (session) => session.signOut,
  commit: (session) => Effect.zipRight(session.update(increment), session.commit),
  guard: (session) =>
    Effect.provideService(SessionGuard.required(AppSession, () => Effect.succeedNone), AppSession, session),
  dieWithHandle: (session) => Effect.flatMap(session.get, () => Effect.die(session)),
  failWithInfo: (session) => Effect.flatMap(session.info, (info) => Effect.fail(info)),
  logHandle: (session) => Effect.zipRight(session.get, Effect.logInfo(session))
}

/** What goes wrong, and for whom. */
const troubles: Readonly<Record<string, (app: App) => Effect.Effect<void, unknown>>> = {
  nothing: () => Effect.void,
  ...Object.fromEntries(
    (["read", "update", "rotate", "insert", "delete", "touch"] satisfies ReadonlyArray<Operation>).map((operation) => [
      `${operation} fails`,
      (app: App) => Effect.sync(() => breakDown(app.store, operation))
    ])
  ),
  "a defect in the store": (app) =>
    Effect.sync(() => app.store.interfere(() => Effect.die(new Error("a defect in the store")))),
  "an undecodable row": (app) =>
    Effect.gen(function*() {
      const [record] = yield* recordsOf(app, secretUser)
      if (record === undefined) return
      yield* app.store.service.update({
        ...record,
        expectedVersion: record.version,
        data: `{"notes":"${secretNote}"}`,
        now: 0
      })
    }),
  "the session ends": (app) =>
    Effect.sync(() =>
      app.store.interfere((operation, effect) =>
        operation === "read" ? Effect.zipLeft(effect, Effect.sync(() => app.store.interfere(leaveAlone))) : effect
      )
    )
}

const idOf = (cookie: string | undefined): string => (cookie ?? "").split(".")[0] ?? ""

const stride = sized({ small: 4, middle: 2, full: 1 })

/** Runs one request over everything there is, with everything written down. */
const drive = (recorder: Recorder, options: AppOptions) =>
  Effect.gen(function*() {
    const ids = new Set<string>()
    let spans = 0
    for (const [offset, [trouble, cause]] of Object.entries(troubles).entries()) {
      for (const [index, work] of Object.values(works).entries()) {
        // A small run does every work and every trouble, but not each with each.
        if ((index + offset) % stride !== 0) continue
        const app = yield* makeApp(options)
        const { id } = yield* app.sessions.create({ user: secretUser, data: secretData })
        ids.add(Redacted.value(id))
        const cookie = SessionCookie.write(app.policy, id, { expiresAt: 900_000, now: 0 }).value
        const browser = browserWith(cookie)
        yield* cause(app)
        for (const sender of [browser, browserWith(`${cookie}x`), new Browser()]) {
          const answer = yield* app.visit(sender, use(work), (inner) => HttpMiddleware.logger(inner))
          if (answer.status !== 200) recorder.say(`the body of a ${answer.status} when ${trouble}`, answer.body)
          for (const { value } of Array.from(sender.cookies, ([, value]) => ({ value }))) {
            if (/^[\w-]{22}(\.|$)/.test(value)) ids.add(idOf(value))
          }
          spans += recorder.spans.length
          yield* search(recorder, ids)
          // The ids of earlier requests are gone with their apps.
          ids.clear()
          ids.add(Redacted.value(id))
        }
      }
    }
    return spans
  })

describe("No id, key, token or data is found", () => {
  for (
    const [what, options] of [
      ["with signed cookies", { cookie: { signingKeys: [Redacted.make(signingKey)] } }],
      ["with unsigned cookies", {}],
      ["with bearer tokens", { middleware: { transport: "bearer" } }]
    ] satisfies ReadonlyArray<readonly [string, AppOptions]>
  ) {
    effect(`in logs, spans, metrics and error bodies, ${what}`, () => {
      const recorder = makeRecorder()
      searched = 0
      return Effect.gen(function*() {
        assert.isAbove(yield* recorder.recorded(drive(recorder, options)), 50)
        assert.isAbove(searched, 1000)
      })
    })
  }

  effect("in the text of handles, errors, policies, services and layers", () => {
    const recorder = makeRecorder()
    return Effect.gen(function*() {
      const app = yield* makeApp({ cookie: { signingKeys: [Redacted.make(signingKey)] } })
      const { id } = yield* app.sessions.create({ user: secretUser })
      const handles: Array<unknown> = []
      const cookie = SessionCookie.write(app.policy, id, { expiresAt: 900_000, now: 0 })
      yield* app.visit(
        browserWith(cookie.value),
        use((session) =>
          Effect.gen(function*() {
            handles.push(session, yield* session.info, yield* session.bearerToken)
            yield* session.update(increment)
            handles.push(session)
            yield* session.rotate
            yield* session.commit
            handles.push(session)
          })
        )
      )
      recorder.say("a handle", ...handles)
      recorder.say("an id", id)
      recorder.say("a policy", app.policy)
      recorder.say("the manager", app.sessions)
      recorder.say("the generator", app.sessions.token)
      recorder.say("a bearer token", SessionCookie.toBearer(app.policy, id))
      recorder.say("a reading", SessionCookie.read(app.policy, app.sessions.token, `__Host-sid=${cookie.value}`, 0))
      const services = yield* Layer.build(Layer.mergeAll(
        SessionCookie.layer({ signingKeys: [Redacted.make(signingKey)] }),
        Layer.provideMerge(Sessions.layerMemory(AppSession), SessionTimeouts.layer()),
        SessionToken.layer({ bytes: 32 })
      ))
      recorder.say("the services of layers", services)
      recorder.say("a layer", SessionCookie.layer({ signingKeys: [Redacted.make(signingKey)] }))
      recorder.say("middleware", SessionMiddleware.httpRouter(AppSession), SessionMiddleware.httpApi(AppSession))
      yield* search(recorder, [Redacted.value(id)])
    }).pipe(Effect.scoped)
  })

  effect("in the text of a snapshot, but for its data", () => {
    const recorder = makeRecorder()
    return Effect.gen(function*() {
      const app = yield* makeApp()
      const snapshot = yield* app.sessions.create({ user: secretUser, data: secretData })
      recorder.say("a snapshot", snapshot)
      recorder.say("a snapshot as read", yield* app.sessions.read(snapshot.id))
      recorder.say("a list of sessions", yield* app.sessions.listByUser(secretUser))
      yield* search(recorder, [Redacted.value(snapshot.id)], ["the data", "the user", "a stored key"])
    })
  })

  effect("in configuration errors", () => {
    const recorder = makeRecorder()
    const key = (text: string) => Redacted.make(text)
    return Effect.gen(function*() {
      for (
        const options of [
          { signingKeys: [key(signingKey), key(signingKey)] },
          { signingKeys: [key(signingKey), key("SENTINEL-short")] },
          { signingKeys: Array.from({ length: 20 }, () => key(signingKey)) },
          { signed: false, signingKeys: [key(signingKey)] }
        ] satisfies ReadonlyArray<SessionCookie.Options>
      ) {
        const error = yield* Effect.flip(SessionCookie.make(options))
        recorder.say("an error", error, error.message)
        yield* recorder.recorded(Effect.logError(error))
      }
      const fromConfig = yield* Effect.exit(Layer.build(
        SessionCookie.layerConfig({ signingKeys: Config.array(Config.redacted(), "SECRETS") }).pipe(
          Layer.provide(Layer.setConfigProvider(
            ConfigProvider.fromMap(new Map([["SECRETS", `${signingKey},${signingKey}`]]))
          ))
        )
      ))
      assert.isTrue(Exit.isFailure(fromConfig))
      recorder.say("an exit", fromConfig)
      class BadSession extends Session.Tag<BadSession>()("BadSession", {
        data: Schema.Struct({ note: Schema.String.pipe(Schema.maxLength(3)) }),
        initial: { note: secretNote }
      }) {}
      const bad = yield* Effect.exit(Effect.flatMap(makeApp(), (app) => managerOver(app, BadSession)))
      assert.isTrue(Exit.isFailure(bad))
      recorder.say("an exit", bad)
      for (const [where, text] of recorder.said) assert.notInclude(text, "SENTINEL-short", where)
      yield* search(recorder, [])
    }).pipe(Effect.scoped)
  })

  effect("of CSRF and bearer tokens in logs, spans and refusals", () => {
    const recorder = makeRecorder()
    const tokens: Array<string> = []
    return Effect.gen(function*() {
      const app = yield* makeApp({ middleware: { transport: "bearer" } })
      const { id } = yield* app.sessions.create({ user: secretUser })
      const handle = HttpApp.toWebHandlerRuntime(
        yield* recorder.recorded(Effect.runtime<never>())
      )(app.withSession(Effect.gen(function*() {
        const session = yield* AppSession
        tokens.push(yield* session.csrfToken)
        recorder.say("a handle", session)
        yield* session.rotate
        const token = yield* session.bearerToken
        recorder.say("a token", token)
        if (Option.isSome(token)) tokens.push(Redacted.value(token.value))
        yield* new SessionError.SessionCsrfError({ reason: "Foreign" })
      })))
      const response = yield* Effect.promise(() =>
        handle(
          new Request("https://app.test/", {
            method: "POST",
            headers: { authorization: `Bearer ${Redacted.value(id)}`, "sec-fetch-site": "cross-site" }
          })
        )
      )
      assert.strictEqual(response.status, 403)
      recorder.say("a refusal", yield* Effect.promise(() => response.text()), Array.from(response.headers))
      assert.lengthOf(tokens, 2)
      for (const [where, text] of recorder.said) {
        for (const token of [...tokens, Redacted.value(id), knownId]) assert.isFalse(text.includes(token), where)
      }
    })
  })

  for (const signingKeys of [undefined, [Redacted.make(signingKey)]]) {
    scoped(
      `of a sign-in whose body fails on its way, ids ${signingKeys === undefined ? "not signed" : "signed"} (F3)`,
      () => {
        const recorder = makeRecorder()
        return Effect.gen(function*() {
          const app = yield* makeApp({ cookie: { signingKeys } })
          const broken = HttpServerResponse.stream(
            Stream.concat(Stream.make(new TextEncoder().encode("first")), Stream.fail(new Error("broken")))
          )
          const port = yield* recorder.recorded(serve(
            HttpMiddleware.logger(app.withSession(Effect.as(use((session) => session.signIn(secretUser)), broken)))
          ))
          const answer = yield* rawRequest(port, {})
          const id = /^__Host-sid=([\w-]{22})/.exec(answer.setCookies.join())?.[1]
          assert.isDefined(id)
          yield* Effect.iterate(0, {
            while: () => !recorder.said.some(([where]) => where === "the exit of a span"),
            body: (turns) => Effect.as(turn, turns + 1)
          })
          assert.include(JSON.stringify(recorder.said), "broken")
          yield* search(recorder, [id ?? ""])
        })
      }
    )
  }

  effect("of what the driver of a database says in answers: that is for logs", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      for (const work of Object.values(works)) {
        const { browser } = yield* app.browserWithSession({ user: secretUser })
        app.store.interfere((operation) =>
          Effect.fail(
            new SessionError.SessionStoreError({
              operation,
              reason: "Unavailable",
              outcomeUnknown: false,
              detail: "SENTINEL-driver"
            })
          )
        )
        for (const sender of [browser, new Browser()]) {
          const answer = yield* app.visit(sender, use(work))
          const text = `${JSON.stringify(answer.body)} ${JSON.stringify(Array.from(answer.headers))}`
          assert.notInclude(text, "SENTINEL-driver")
        }
        app.store.interfere(leaveAlone)
      }
    }))

  effect("but the search finds what is there", () => {
    const recorder = makeRecorder()
    return Effect.gen(function*() {
      yield* recorder.recorded(Effect.withSpan(Effect.logInfo("x"), "span", { attributes: { note: secretNote } }))
      const found = yield* Effect.exit(search(recorder, []))
      assert.isTrue(Exit.isFailure(found))
    })
  })
})
