import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import { SessionCookie, SessionGuard, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Api, AppSession, AppSessions, CurrentUser, RequireUser, WrongPassword } from "./api.js"

/** The app's users and their passwords. An app of its own would ask a database, and compare hashes. */
const users = new Map([["ann", "correct horse"], ["bob", "battery staple"]])

const find = (name: string) => Effect.succeed(users.has(name) ? Option.some({ name }) : Option.none())

const Accounts = HttpApiBuilder.group(Api, "accounts", (handlers) =>
  Effect.gen(function*() {
    const sessions = yield* AppSession.sessions
    return handlers
      .handle("signIn", ({ payload: { device, name, password } }) =>
        Effect.gen(function*() {
          if (users.get(name) !== password) return yield* Effect.fail(new WrongPassword())
          const session = yield* AppSession
          yield* session.signIn(name, { carry: (data) => ({ ...data, device }) })
        }))
      .handle("signOut", () => Effect.flatMap(AppSession, (session) => session.signOut))
      .handle("me", () => Effect.map(CurrentUser, ({ name }) => name))
      .handle("devices", () =>
        Effect.gen(function*() {
          const { name } = yield* CurrentUser
          const session = yield* AppSession
          const current = Option.getOrUndefined(Option.map(yield* session.info, ({ handle }) => handle))
          const listed = yield* sessions.listByUser(name, { current })
          return listed.map(({ current, data, handle }) => ({
            handle,
            current,
            device: Option.match(data, { onNone: () => "", onSome: ({ device }) => device })
          }))
        }))
      .handle("signOutDevice", ({ path: { handle } }) =>
        Effect.flatMap(CurrentUser, ({ name }) => sessions.destroyByHandle(name, handle)))
  }))

const RequireUserLive = SessionGuard.layerHttpApi(
  RequireUser,
  AppSessions,
  SessionGuard.required(AppSession, find)
)

const SessionsLive = Layer.merge(Sessions.layerMemory(AppSession), SessionCookie.layer({ insecure: true })).pipe(
  Layer.provide(SessionTimeouts.layer())
)

const ApiRoutes = HttpLayerRouter.addHttpApi(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide(Accounts),
  Layer.provide(RequireUserLive),
  Layer.provide(SessionMiddleware.layerHttpApi(AppSessions, AppSession)),
  Layer.provide(SessionsLive)
)

/** The whole app but for its server. Its documentation is at /openapi.json. */
export const App = HttpLayerRouter.serve(ApiRoutes, { disableLogger: true, disableListenLog: true })
