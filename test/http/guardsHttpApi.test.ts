import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, describe, scoped } from "@effect/vitest"
import {
  Session,
  SessionCookie,
  SessionCsrf,
  SessionError,
  SessionGuard,
  SessionMiddleware,
  Sessions,
  SessionStore,
  SessionTimeouts
} from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { countLive, observe } from "../support/observedStore.js"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ count: Schema.Number }),
  initial: { count: 0 }
}) {}

class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()("AppSessions", SessionMiddleware.httpApi(AppSession)) {}

class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly name: string }>() {}

class RequireUser extends HttpApiMiddleware.Tag<RequireUser>()("RequireUser", {
  provides: CurrentUser,
  failure: Schema.Union(SessionError.SessionUnauthenticated, SessionMiddleware.Failure)
}) {}

class RequireProof extends HttpApiMiddleware.Tag<RequireProof>()("RequireProof", {
  failure: Schema.Union(SessionError.SessionCsrfError, SessionMiddleware.Failure)
}) {}

const me = HttpApiEndpoint.get("me", "/me").addSuccess(Schema.Struct({ name: Schema.String, count: Schema.Number }))
const count = HttpApiEndpoint.post("count", "/count").addSuccess(Schema.Number).middleware(RequireProof)
const signIn = HttpApiEndpoint.post("signIn", "/sign-in").addSuccess(Schema.String)

const password = HttpApiEndpoint.post("password", "/password")

class Api extends HttpApi.make("api")
  .add(HttpApiGroup.make("open").add(signIn))
  .add(HttpApiGroup.make("users").add(me).add(count).add(password).middleware(RequireUser))
  .middleware(AppSessions)
{}

const Open = HttpApiBuilder.group(Api, "open", (handlers) =>
  handlers.handle("signIn", () =>
    Effect.gen(function*() {
      const session = yield* AppSession
      yield* session.signIn("ada")
      return yield* session.csrfToken
    })))

const Users = HttpApiBuilder.group(Api, "users", (handlers) =>
  handlers
    .handle("me", () =>
      Effect.gen(function*() {
        const session = yield* AppSession
        return { name: (yield* CurrentUser).name, count: (yield* session.get).count }
      }))
    .handle("count", () =>
      Effect.gen(function*() {
        const session = yield* AppSession
        yield* session.update(({ count }) => ({ count: count + 1 }))
        return (yield* session.get).count
      }))
    .handle("password", () =>
      Effect.gen(function*() {
        const sessions = yield* AppSession.sessions
        yield* Effect.orDie(sessions.destroyByUser("ada"))
        yield* Effect.flatMap(AppSession, (session) => session.signIn("ada"))
      })))

/** Where the app's users are. */
class Directory extends Context.Tag("Directory")<Directory, ReadonlyMap<string, { readonly name: string }>>() {}

const currentUser = SessionGuard.required(
  AppSession,
  (id) => Effect.map(Directory, (users) => Option.fromNullable(users.get(id)))
)

const serve = Effect.gen(function*() {
  const store = observe(yield* SessionStore.makeMemory())
  const users = new Map([["ada", { name: "Ada" }]])
  const api = HttpApiBuilder.api(Api).pipe(
    Layer.provide([Open, Users]),
    Layer.provide([
      SessionGuard.layerHttpApi(RequireUser, AppSessions, currentUser),
      SessionGuard.layerHttpApi(RequireProof, AppSessions, SessionCsrf.check(AppSession))
    ]),
    Layer.provide([Layer.succeed(Directory, users), SessionCsrf.layer()]),
    Layer.provide(SessionMiddleware.layerHttpApi(AppSessions, AppSession)),
    Layer.provide(Sessions.layer(AppSession)),
    Layer.provide([
      Layer.succeed(SessionStore.SessionStore, store.service),
      SessionTimeouts.layer(),
      SessionCookie.layer()
    ])
  )
  const { handler } = yield* Effect.acquireRelease(
    Effect.sync(() => HttpApiBuilder.toWebHandler(Layer.mergeAll(api, HttpServer.layerContext))),
    ({ dispose }) => Effect.promise(dispose)
  )
  const send = (method: string, path: string, headers: Record<string, string> = {}) =>
    Effect.promise(async () => {
      const response = await handler(
        new Request(`https://app.test${path}`, { method, headers: { "sec-fetch-site": "same-origin", ...headers } })
      )
      const text = await response.text()
      const body: unknown = text === "" ? null : JSON.parse(text)
      return { status: response.status, body, cookie: response.headers.getSetCookie()[0]?.split(";")[0] ?? "" }
    })
  return { store, users, send }
})

describe("G4: as HttpApi middleware", () => {
  scoped("a guard provides the user and answers 401 where nobody is signed in", () =>
    Effect.gen(function*() {
      const { send, store, users } = yield* serve
      const stranger = yield* send("GET", "/me")
      assert.strictEqual(stranger.status, 401)
      assert.include(stranger.body, { _tag: "SessionUnauthenticated", reason: "Missing" })
      const { cookie } = yield* send("POST", "/sign-in")
      store.take()
      assert.deepStrictEqual((yield* send("GET", "/me", { cookie })).body, { name: "Ada", count: 0 })
      assert.deepStrictEqual(store.take(), ["read"], "the guard and the handler share one handle")
      users.clear()
      const gone = yield* send("GET", "/me", { cookie })
      assert.strictEqual(gone.status, 401)
      assert.include(gone.body, { reason: "UnknownUser" })
      assert.strictEqual(gone.cookie, "__Host-sid=")
      assert.strictEqual(yield* countLive(store.service, "AppSession", 0), 0)
    }))

  scoped(
    "SessionCsrf.check refuses what brings no token, with 403, and lets the rest pass",
    () =>
      Effect.gen(function*() {
        const { send } = yield* serve
        const { body: token, cookie } = yield* send("POST", "/sign-in")
        const refused = yield* send("POST", "/count", { cookie })
        assert.strictEqual(refused.status, 403)
        assert.include(refused.body, { _tag: "SessionCsrfError", reason: "Token" })
        const passed = yield* send("POST", "/count", { cookie, "x-csrf-token": String(token) })
        assert.deepStrictEqual([passed.status, passed.body], [200, 1])
        assert.deepStrictEqual((yield* send("GET", "/me", { cookie })).body, { name: "Ada", count: 1 })
      })
  )

  scoped(
    "A4: a change of the password ends all sessions and begins a new one, behind a guard",
    () =>
      Effect.gen(function*() {
        const { send, store } = yield* serve
        const { cookie } = yield* send("POST", "/sign-in")
        const other = yield* send("POST", "/sign-in")
        const changed = yield* send("POST", "/password", { cookie })
        assert.strictEqual(changed.status, 204)
        assert.strictEqual(yield* countLive(store.service, "AppSession", 0), 1)
        const statuses = yield* Effect.forEach(
          [cookie, other.cookie, changed.cookie],
          (cookie) => Effect.map(send("GET", "/me", { cookie }), ({ status }) => status)
        )
        assert.deepStrictEqual(statuses, [401, 401, 200])
      })
  )
})
