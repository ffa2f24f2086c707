import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as OpenApi from "@effect/platform/OpenApi"
import { assert, describe, effect, scoped } from "@effect/vitest"
import {
  Session,
  SessionCookie,
  SessionCsrf,
  type SessionError,
  SessionMiddleware,
  type SessionToken
} from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { test } from "vitest"
import {
  type App,
  type AppHandle,
  type AppOptions,
  AppSession,
  contextOver,
  increment,
  makeApp,
  recordsOf,
  rowsOf,
  use,
  userOf,
  webHandler
} from "../support/app.js"
import { breakDown, leaveAlone, loseAnswer, type Operation } from "../support/observedStore.js"
import { otherSigningKey, signingKey } from "./support/ids.js"
import { contextOf } from "./support/routers.js"

const either: AppOptions = {
  middleware: { transport: "either" },
  cookie: { signingKeys: [Redacted.make(signingKey)] }
}

const kinds = ["none", "good", "malformed", "badly signed", "ended"] as const

type Kind = typeof kinds[number]

/** An app in which a user is signed in twice: with a cookie, and with a bearer token. */
const makeBoth = Effect.fnUntraced(function*(options: AppOptions = either) {
  const app = yield* makeApp(options)
  const forger = yield* SessionCookie.make({ signingKeys: [Redacted.make(otherSigningKey)] })
  const cookieUser = yield* app.sessions.create({ user: "cookie" })
  const bearerUser = yield* app.sessions.create({ user: "bearer" })
  const former = yield* app.sessions.create({ user: "former" })
  yield* app.sessions.destroy(former.id)
  app.store.take()
  const asCookie = (policy: SessionCookie.Policy, id: SessionToken.SessionId) =>
    SessionCookie.write(policy, id, { expiresAt: 900_000, now: 0 }).value
  const asBearer = (policy: SessionCookie.Policy, id: SessionToken.SessionId) =>
    Redacted.value(SessionCookie.toBearer(policy, id))
  const cookies = {
    "none": undefined,
    "good": asCookie(app.policy, cookieUser.id),
    "malformed": "nonsense",
    "badly signed": asCookie(forger, cookieUser.id),
    "ended": asCookie(app.policy, former.id)
  }
  const tokens = {
    "none": undefined,
    "good": asBearer(app.policy, bearerUser.id),
    "malformed": "nonsense",
    "badly signed": asBearer(forger, bearerUser.id),
    "ended": asBearer(app.policy, former.id)
  }
  const headersOf = (cookie: Kind, bearer: Kind): Record<string, string> => ({
    ...(cookies[cookie] === undefined ? {} : { cookie: `theme=dark; __Host-sid=${cookies[cookie]}` }),
    ...(tokens[bearer] === undefined ? {} : { authorization: `Bearer ${tokens[bearer]}` })
  })
  return { app, headersOf, cookieOfBearer: asCookie(app.policy, bearerUser.id) }
})

type Both = Effect.Effect.Success<ReturnType<typeof makeBoth>>

/** What a response does to the cookie of the browser. */
const cookieIn = (response: Response) => {
  const setCookies = response.headers.getSetCookie()
  assert.isAtMost(setCookies.length, 1)
  const [cookie] = setCookies
  return cookie === undefined ? "kept" : cookie.startsWith("__Host-sid=;") ? "cleared" : "set"
}

const answerOf = async (response: Response) => {
  const text = await response.text()
  const body: unknown = text === "" ? undefined : JSON.parse(text)
  return { status: response.status, headers: response.headers, cookie: cookieIn(response), body }
}

const send = <A, E>(
  app: App,
  headers: Record<string, string>,
  handler: Effect.Effect<A, E, AppSession | HttpServerRequest.HttpServerRequest>,
  init: RequestInit = {}
) =>
  Effect.flatMap(
    webHandler(app.withSession(handler)),
    (handle) => Effect.promise(() => handle(new Request("https://app.test/", { ...init, headers })).then(answerOf))
  )

const handOut = (session: AppHandle) =>
  Effect.map(session.bearerToken, (token) => Option.getOrNull(Option.map(token, Redacted.value)))

const actions = {
  "ignores its session": () => Effect.void,
  "reads": (session: AppHandle) => Effect.asVoid(session.get),
  "writes": (session: AppHandle) => session.update(increment),
  "signs in": (session: AppHandle) => session.signIn("ada"),
  "signs in for a token": (session: AppHandle) => Effect.zipRight(session.signIn("ada"), handOut(session)),
  "signs out": (session: AppHandle) => session.signOut
} as const

type Action = keyof typeof actions

const acting: ReadonlyArray<Action> = [
  "ignores its session",
  "reads",
  "writes",
  "signs in",
  "signs in for a token",
  "signs out"
]

const isOurs = (kind: Kind): boolean => kind === "good" || kind === "ended"

interface Expected {
  readonly operations: ReadonlyArray<Operation>
  readonly cookie: "kept" | "set" | "cleared"
  readonly token: boolean
}

/** What a request leads to that does not carry two credentials. */
const expected = (action: Action, cookie: Kind, bearer: Kind): Expected => {
  const carrier = isOurs(bearer) ? "bearer" : isOurs(cookie) ? "cookie" : "none"
  const isLive = (carrier === "bearer" ? bearer : cookie) === "good"
  const read: ReadonlyArray<Operation> = carrier === "none" ? [] : ["read"]
  const unlessBearer = (what: "set" | "cleared") => carrier === "bearer" ? "kept" : what
  switch (action) {
    case "ignores its session":
      return { operations: [], cookie: "kept", token: false }
    case "reads":
      return { operations: read, cookie: "kept", token: false }
    case "writes":
      return isLive
        ? { operations: ["read", "update"], cookie: "kept", token: false }
        : { operations: [...read, "insert"], cookie: unlessBearer("set"), token: false }
    case "signs in":
      return { operations: [...read, isLive ? "rotate" : "insert"], cookie: unlessBearer("set"), token: false }
    case "signs in for a token":
      return {
        operations: [...read, isLive ? "rotate" : "insert"],
        cookie: carrier === "cookie" ? "set" : "kept",
        token: carrier !== "cookie"
      }
    case "signs out":
      return {
        operations: carrier === "none" ? [] : ["delete"],
        cookie: cookie === "none" ? "kept" : unlessBearer("cleared"),
        token: false
      }
  }
}

const refusal = {
  _tag: "SessionCredentialsError",
  message: "The request carries both a session cookie and a bearer token: send one of them"
}

const assertRefused = (answer: { status: number; headers: Headers; cookie: string }) => {
  assert.deepStrictEqual([answer.status, answer.cookie], [400, "kept"])
  assert.strictEqual(answer.headers.get("vary"), "Authorization, Cookie")
  assert.strictEqual(answer.headers.get("cache-control"), "no-store")
}

describe("A request that may carry a cookie or a bearer token", () => {
  for (const cookie of kinds) {
    for (const bearer of kinds) {
      const isBoth = isOurs(cookie) && isOurs(bearer)
      for (const action of acting) {
        effect(
          `with a cookie (${cookie}) and a token (${bearer}) that ${action}${isBoth ? " is refused" : ""}`,
          () =>
            Effect.gen(function*() {
              const { app, headersOf } = yield* makeBoth()
              let handled = false
              const answer = yield* send(
                app,
                headersOf(cookie, bearer),
                use((session) =>
                  Effect.suspend((): Effect.Effect<unknown, unknown> => {
                    handled = true
                    return actions[action](session)
                  })
                )
              )
              if (isBoth) {
                assertRefused(answer)
                assert.deepStrictEqual(answer.body, refusal)
                assert.isFalse(handled)
                assert.deepStrictEqual(app.store.take(), [])
                assert.strictEqual(yield* rowsOf(app), 2)
                return
              }
              const outcome = expected(action, cookie, bearer)
              assert.strictEqual(answer.status, 200)
              assert.deepStrictEqual(app.store.take(), outcome.operations)
              assert.strictEqual(answer.cookie, outcome.cookie)
              assert.strictEqual(typeof answer.body === "string", outcome.token)
              const isUsed = action !== "ignores its session"
                && (outcome.operations.length > 0 || action === "reads" || action === "signs out")
              assert.strictEqual(answer.headers.get("vary"), isUsed ? "Authorization, Cookie" : null)
              assert.strictEqual(answer.headers.get("cache-control"), isUsed ? "no-store" : null)
            })
        )
      }
    }
  }

  effect("opens the session of what is ours, whatever stands beside it", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      for (const beside of ["none", "malformed", "badly signed"] as const) {
        assert.strictEqual((yield* send(app, headersOf("good", beside), userOf)).body, "cookie")
        assert.strictEqual((yield* send(app, headersOf(beside, "good"), userOf)).body, "bearer")
        assert.isNull((yield* send(app, headersOf(beside, beside), userOf)).body)
      }
    }))

  effect("is refused with two credentials of one session as well", () =>
    Effect.gen(function*() {
      const { app, cookieOfBearer, headersOf } = yield* makeBoth()
      const headers = { ...headersOf("none", "good"), cookie: `__Host-sid=${cookieOfBearer}` }
      assertRefused(yield* send(app, headers, userOf))
      assert.deepStrictEqual(app.store.take(), [])
    }))

  effect("is not disturbed by what a proxy has put into Authorization", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      const told = use((session) => Effect.zip(session.credential, session.transport))
      for (const authorization of ["Basic YTpi", "Negotiate abc", "Bearer a.b.c", "Bearerx y", ""]) {
        const headers = { ...headersOf("good", "none"), authorization }
        assert.strictEqual((yield* send(app, headers, userOf)).body, "cookie")
        assert.deepStrictEqual((yield* send(app, headers, told)).body, ["accepted", "cookie"])
        assert.deepStrictEqual(
          (yield* send(app, { authorization }, told)).body,
          [authorization.startsWith("Bearer ") ? "rejected" : "missing", "none"]
        )
      }
    }))

  effect("says what carried its id, without asking the store", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      const told = use((session) => session.transport)
      for (const kind of kinds) {
        assert.strictEqual((yield* send(app, headersOf(kind, "none"), told)).body, isOurs(kind) ? "cookie" : "none")
        assert.strictEqual((yield* send(app, headersOf("none", kind), told)).body, isOurs(kind) ? "bearer" : "none")
      }
      assert.deepStrictEqual(app.store.take(), [])
    }))
})

describe("A client that asks for a bearer token where cookies count as well", () => {
  effect("comes back with it, and a browser that signed in with its cookie", () =>
    Effect.gen(function*() {
      const { app } = yield* makeBoth()
      const { body } = yield* send(app, {}, use(actions["signs in for a token"]))
      const answer = yield* send(app, { authorization: `Bearer ${body}` }, userOf)
      assert.deepStrictEqual([answer.body, answer.cookie], ["ada", "kept"])
    }))

  effect("gets no cookie for what it begins before or after it has asked", () =>
    Effect.gen(function*() {
      const { app } = yield* makeBoth()
      const before = yield* send(
        app,
        {},
        use((session) => Effect.zipRight(Effect.zipRight(session.update(increment), session.commit), handOut(session)))
      )
      assert.deepStrictEqual([typeof before.body, before.cookie], ["string", "kept"])
      const after = yield* send(app, {}, use((session) => Effect.zipLeft(handOut(session), session.update(increment))))
      assert.deepStrictEqual([after.body, after.cookie], [null, "kept"])
    }))

  for (const [what, spoil] of [["fails", breakDown], ["is not acknowledged", loseAnswer]] as const) {
    effect(`gets no cookie either where the write ${what}`, () =>
      Effect.gen(function*() {
        const { app } = yield* makeBoth()
        spoil(app.store, "insert")
        const answer = yield* send(
          app,
          {},
          use((session) =>
            Effect.zipRight(
              session.signIn("ada"),
              Effect.matchEffect(handOut(session), {
                onFailure: () => Effect.sync(() => app.store.interfere(leaveAlone)),
                onSuccess: () => Effect.void
              })
            )
          )
        )
        assert.deepStrictEqual([answer.status, answer.cookie], [200, "kept"])
      }))
  }

  effect(
    "of one that ends is told nothing by cookies, also of a cookie that is not ours",
    () =>
      Effect.gen(function*() {
        const { app, headersOf } = yield* makeBoth()
        const answer = yield* send(app, headersOf("badly signed", "good"), use((session) => session.signOut))
        assert.strictEqual(answer.cookie, "kept")
        assert.deepStrictEqual(yield* recordsOf(app, "bearer"), [])
      })
  )
})

describe("The proof against forged requests, where either may carry the id", () => {
  const origin = "https://app.test"

  const transfer = (options: SessionCsrf.Options = {}) =>
    Effect.provide(
      Effect.zipRight(SessionCsrf.check(AppSession), Effect.as(use((session) => session.update(increment)), "done")),
      SessionCsrf.layer({ origins: [origin], ...options })
    )

  const post = (app: App, headers: Record<string, string>, options?: SessionCsrf.Options) =>
    send(app, headers, transfer(options), { method: "POST" })

  for (const cookie of kinds) {
    for (const bearer of kinds) {
      if (isOurs(cookie) && isOurs(bearer)) continue
      const isAsked = !isOurs(bearer)
      effect(
        `is ${isAsked ? "" : "not "}asked of a cookie (${cookie}) and a token (${bearer})`,
        () =>
          Effect.gen(function*() {
            const { app, headersOf } = yield* makeBoth()
            const headers = headersOf(cookie, bearer)
            for (
              const from of [{}, { origin }, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-origin" }]
            ) {
              const isKnown = Object.values(from).some((value) => value === origin || value === "same-origin")
              app.store.take()
              const answer = yield* post(app, { ...headers, ...from })
              assert.strictEqual(answer.status, isAsked ? 403 : 200)
              if (!isAsked) continue
              assert.strictEqual(Reflect.get(Object(answer.body), "reason"), isKnown ? "Token" : "Foreign")
              assert.deepStrictEqual(app.store.take(), [])
            }
          })
      )
    }
  }

  effect("comes with the cookie that it was made for", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      const headers = headersOf("good", "malformed")
      const { body } = yield* send(app, headers, use((session) => session.csrfToken))
      const answer = yield* post(app, { ...headers, origin, "x-csrf-token": String(body) })
      assert.deepStrictEqual([answer.status, answer.body], [200, "done"])
    }))

  effect("does not let two credentials pass", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      assertRefused(yield* post(app, headersOf("good", "good")))
    }))

  effect("leaves the body of whoever comes with a bearer token unread", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      const handle = yield* webHandler(app.withSession(transfer()))
      const form = "application/x-www-form-urlencoded"
      const bodyUsed = (headers: Record<string, string>) =>
        Effect.promise(async () => {
          const request = new Request("https://app.test/", {
            method: "POST",
            body: "a=b",
            headers: { ...headers, origin, "content-type": form }
          })
          const { status } = await handle(request)
          return [status, request.bodyUsed]
        })
      assert.deepStrictEqual(yield* bodyUsed(headersOf("none", "good")), [200, false])
      assert.deepStrictEqual(yield* bodyUsed(headersOf("good", "none")), [403, true])
    }))

  effect("is not asked of bearer tokens where nothing else counts", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth({ ...either, middleware: { transport: "bearer" } })
      assert.strictEqual((yield* post(app, headersOf("none", "good"))).status, 200)
      assert.strictEqual((yield* post(app, headersOf("good", "none"))).status, 403)
    }))

  effect("is asked where a token counts for nothing", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth({ ...either, middleware: {} })
      assert.strictEqual((yield* post(app, { ...headersOf("none", "good"), origin })).status, 403)
      assert.strictEqual((yield* post(app, { ...headersOf("good", "good"), origin })).status, 403)
    }))
})

class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()(
  "AppSessions",
  SessionMiddleware.httpApi(AppSession, { transport: "either" })
) {}

const Who = Schema.NullOr(Schema.String)

class Api extends HttpApi.make("api")
  .add(
    HttpApiGroup.make("users")
      .add(HttpApiEndpoint.get("who", "/who").addSuccess(Who))
      .add(HttpApiEndpoint.get("token", "/token").addSuccess(Who))
      .add(HttpApiEndpoint.get("leave", "/leave").addSuccess(Who))
  )
  .middleware(AppSessions)
{}

const leave = use((session) => Effect.as(session.signOut, null))
const token = use((session) => Effect.zipRight(session.signIn("ada"), handOut(session)))

const Users = HttpApiBuilder.group(Api, "users", (handlers) =>
  handlers
    .handle("who", () => Effect.orDie(userOf))
    .handle("token", () => Effect.orDie(token))
    .handle("leave", () => Effect.orDie(leave)))

type Handle = (request: Request) => Promise<Response>

const layerOf = (app: App) => Layer.succeedContext(contextOf(app))

/** By the clock of the test. */
const handlerOf = <E>(router: HttpApp.Default<E, Scope.Scope>): Effect.Effect<Handle> =>
  Effect.map(Effect.runtime<never>(), (runtime) => HttpApp.toWebHandlerRuntime(runtime)(router))

const httpApi = (app: App): Effect.Effect<Handle, SessionError.SessionConfigError, Scope.Scope> =>
  Effect.flatMap(
    HttpLayerRouter.toHttpEffect(
      HttpLayerRouter.addHttpApi(Api).pipe(
        Layer.provide(Users),
        Layer.provide(
          Layer.provide(SessionMiddleware.layerHttpApi(AppSessions, AppSession, { transport: "either" }), layerOf(app))
        ),
        Layer.provide(HttpServer.layerContext)
      )
    ),
    handlerOf
  )

const json = <E>(logic: Effect.Effect<string | null, E, AppSession>) =>
  Effect.orDie(Effect.map(logic, (body) => HttpServerResponse.unsafeJson(body)))

const httpLayerRouter = (app: App): Effect.Effect<Handle, SessionError.SessionConfigError, Scope.Scope> =>
  Effect.flatMap(
    HttpLayerRouter.toHttpEffect(
      HttpLayerRouter.addAll([
        HttpLayerRouter.route("GET", "/who", json(userOf)),
        HttpLayerRouter.route("GET", "/token", json(token)),
        HttpLayerRouter.route("GET", "/leave", json(leave))
      ]).pipe(
        Layer.provide(SessionMiddleware.layerRouter(AppSession, { transport: "either" }).layer),
        Layer.provide(layerOf(app))
      )
    ),
    handlerOf
  )

for (const [router, make] of [["HttpApi", httpApi], ["HttpLayerRouter", httpLayerRouter]] as const) {
  describe(`Either credential, through ${router}`, () => {
    const asked = Effect.fnUntraced(function*({ app, headersOf }: Both) {
      const handle = yield* make(app)
      return (path: string, cookie: Kind, bearer: Kind) =>
        Effect.promise(() =>
          handle(new Request(`https://app.test${path}`, { headers: headersOf(cookie, bearer) })).then(answerOf)
        )
    })

    for (const cookie of kinds) {
      scoped(`with a cookie (${cookie}) beside each token`, () =>
        Effect.gen(function*() {
          const both = yield* makeBoth()
          const ask = yield* asked(both)
          for (const bearer of kinds) {
            const answer = yield* ask("/who", cookie, bearer)
            if (isOurs(cookie) && isOurs(bearer)) {
              assertRefused(answer)
              assert.strictEqual(Reflect.get(Object(answer.body), "_tag"), "SessionCredentialsError")
              assert.deepStrictEqual(both.app.store.take(), [])
              continue
            }
            assert.deepStrictEqual([answer.status, answer.cookie], [200, "kept"])
            assert.strictEqual(answer.body, bearer === "good" ? "bearer" : cookie === "good" ? "cookie" : null)
            assert.strictEqual(answer.headers.get("vary"), "Authorization, Cookie")
            assert.deepStrictEqual(both.app.store.take(), isOurs(cookie) || isOurs(bearer) ? ["read"] : [])
          }
        }))
    }

    scoped("hands out tokens, or cookies", () =>
      Effect.gen(function*() {
        const both = yield* makeBoth()
        const ask = yield* asked(both)
        for (const [cookie, bearer, told] of [["none", "none", "kept"], ["none", "good", "kept"]] as const) {
          const answer = yield* ask("/token", cookie, bearer)
          assert.deepStrictEqual([typeof answer.body, answer.cookie], ["string", told])
        }
        const answer = yield* ask("/token", "good", "none")
        assert.deepStrictEqual([answer.body, answer.cookie], [null, "set"])
        assert.strictEqual((yield* ask("/leave", "ended", "malformed")).cookie, "cleared")
        assert.strictEqual((yield* ask("/leave", "malformed", "ended")).cookie, "kept")
      }))
  })
}

describe("The OpenAPI document of an API that takes either", () => {
  const specification = OpenApi.fromApi(Api)

  test("shows both schemes, as alternatives", () => {
    const { bearer, session, ...others } = specification.components.securitySchemes
    assert.deepStrictEqual(session, { type: "apiKey", name: "__Host-sid", in: "cookie" })
    assert.strictEqual(JSON.stringify(bearer).toLowerCase(), `{"type":"http","scheme":"bearer"}`)
    assert.deepStrictEqual(others, {})
    const atOperation = specification.paths["/who"]?.get?.security ?? []
    assert.deepStrictEqual([...specification.security, ...atOperation], [{ session: [] }, { bearer: [] }])
  })

  test("lists the refusal of two credentials", () => {
    const responses = specification.paths["/who"]?.get?.responses ?? {}
    assert.include(
      JSON.stringify(responses[400]) + JSON.stringify(specification.components.schemas),
      "SessionCredentials"
    )
  })
})

describe("A declaration that takes either, beside others", () => {
  class AdminSession extends Session.Tag<AdminSession>()("AdminSession", {
    data: Schema.Struct({}),
    initial: {}
  }) {}

  const adminOf = Effect.flatMap(AdminSession, (session) => Effect.map(session.user, Option.getOrNull))

  effect("does not mix with one of another cookie", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      const admins = yield* contextOver(app, AdminSession)
      const policy = yield* SessionCookie.make({ name: "__Host-admin", signingKeys: [Redacted.make(signingKey)] })
      const sessions = yield* Effect.provide(AdminSession.sessions, admins)
      const admin = yield* sessions.create({ user: "root" })
      const { name, value } = SessionCookie.write(policy, admin.id, { expiresAt: 900_000, now: 0 })
      const handle = yield* webHandler(
        SessionMiddleware.httpRouter(AppSession, { transport: "either" })(
          SessionMiddleware.httpRouter(AdminSession, { cookie: policy })(
            Effect.map(Effect.zip(userOf, adminOf), (users) => HttpServerResponse.unsafeJson(users))
          )
        ).pipe(Effect.provide(contextOf(app)), Effect.provide(admins))
      )
      const seen = (headers: Record<string, string>) =>
        Effect.promise(() => handle(new Request("https://app.test/", { headers })).then(answerOf))
      const cookie = `${name}=${value}`
      const withBearer = yield* seen({ ...headersOf("none", "good"), cookie })
      assert.deepStrictEqual([withBearer.body, withBearer.cookie], [["bearer", "root"], "kept"])
      const withCookies = yield* seen({ cookie: `${headersOf("good", "none")["cookie"]}; ${cookie}` })
      assert.deepStrictEqual(withCookies.body, ["cookie", "root"])
    }))

  scoped("claims its cookie for itself", () =>
    Effect.gen(function*() {
      const { app } = yield* makeBoth()
      const admins = yield* contextOver(app, AdminSession)
      const error = yield* Effect.flip(Layer.build(
        Layer.mergeAll(
          SessionMiddleware.layerRouter(AppSession, { transport: "either" }).layer,
          SessionMiddleware.layerRouter(AdminSession).layer
        ).pipe(Layer.provide(layerOf(app)), Layer.provide(Layer.succeedContext(admins)))
      ))
      assert.strictEqual(error._tag, "SessionConfigError")
    }))

  for (const transport of ["cookie", "bearer"] as const) {
    effect(`cannot be taken by the transport ${transport} as well around one handler`, () => {
      const logged: Array<string> = []
      return Effect.gen(function*() {
        const { app } = yield* makeBoth()
        const handle = yield* webHandler(
          SessionMiddleware.httpRouter(AppSession, { transport })(
            SessionMiddleware.httpRouter(AppSession, { transport: "either" })(
              Effect.as(userOf, HttpServerResponse.empty())
            )
          ).pipe(
            Effect.tapErrorCause((cause) => Effect.logError(cause)),
            Effect.provide(contextOf(app))
          )
        )
        const { status } = yield* Effect.promise(() => handle(new Request("https://app.test/")))
        assert.strictEqual(status, 500)
        assert.include(logged.join(), "different transports")
      }).pipe(Effect.provide(Logger.replace(
        Logger.defaultLogger,
        Logger.map(Logger.stringLogger, (line) => {
          logged.push(line)
        })
      )))
    })
  }

  effect("is begun once, however often it is asked for", () =>
    Effect.gen(function*() {
      const { app, headersOf } = yield* makeBoth()
      const twice = SessionMiddleware.httpRouter(AppSession, { transport: "either" })
      const handle = yield* webHandler(
        twice(twice(Effect.map(userOf, (user) => HttpServerResponse.unsafeJson(user)))).pipe(
          Effect.provide(contextOf(app))
        )
      )
      const headers = headersOf("none", "good")
      const { body } = yield* Effect.promise(() => handle(new Request("https://app.test/", { headers })).then(answerOf))
      assert.deepStrictEqual([body, app.store.take()], ["bearer", ["read"]])
    }))
})
