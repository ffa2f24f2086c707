/** What an app under test does, with one route for each thing that can be done to a session. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SessionMiddleware from "effect-sessions/SessionMiddleware"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Ledger } from "./session.js"

/** A parameter of the request's address, or nothing. */
export const parameter = (name: string) =>
  Effect.map(
    HttpServerRequest.HttpServerRequest,
    (request) => new URL(request.url, "http://localhost").searchParams.get(name) ?? ""
  )

const unauthorized = HttpServerResponse.empty({ status: 401 })

/** Nothing more to say. */
export const done = HttpServerResponse.empty({ status: 200 })

/** Says where the server listens, to whoever has started it. */
export const announce = HttpServer.addressWith((address) =>
  Effect.sync(() => {
    if (address._tag === "TcpAddress") process.stdout.write(`listening ${address.port}\n`)
  })
)

/** The session of the app's routes. */
export const WithSession = SessionMiddleware.layerRouter(Ledger)

type LedgerHandle = Ledger["Type"]

/** For signed-in users. */
export const signedIn = <E, R>(
  f: (session: LedgerHandle, user: string) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) =>
  Effect.gen(function*() {
    const session = yield* Ledger
    const user = yield* session.user
    return Option.isNone(user) ? unauthorized : yield* f(session, user.value)
  })

const increment = (session: LedgerHandle) =>
  Effect.as(session.update((data) => ({ ...data, count: data.count + 1 })), done)

/** The routes that each app under test has. */
export const routes = HttpLayerRouter.addAll([
  HttpLayerRouter.route(
    "POST",
    "/sign-in",
    Effect.gen(function*() {
      const session = yield* Ledger
      yield* session.signIn(yield* parameter("user"))
      return done
    })
  ),
  HttpLayerRouter.route(
    "GET",
    "/read",
    signedIn((session, user) => Effect.map(session.get, (data) => HttpServerResponse.unsafeJson({ user, ...data })))
  ),
  HttpLayerRouter.route("POST", "/increment", signedIn(increment)),
  // What anybody may do.
  HttpLayerRouter.route("POST", "/visit", Effect.flatMap(Ledger, increment)),
  HttpLayerRouter.route(
    "POST",
    "/append",
    signedIn((session) =>
      Effect.flatMap(
        parameter("item"),
        (item) => Effect.as(session.update((data) => ({ ...data, items: [...data.items, item] })), done)
      )
    )
  ),
  HttpLayerRouter.route("POST", "/touch", signedIn((session) => Effect.as(session.touch, done))),
  HttpLayerRouter.route("POST", "/rotate", signedIn((session) => Effect.as(session.rotate, done))),
  HttpLayerRouter.route(
    "POST",
    "/sign-out",
    Effect.gen(function*() {
      const session = yield* Ledger
      yield* session.signOut
      return done
    })
  ),
  HttpLayerRouter.route(
    "GET",
    "/handle",
    signedIn((session) =>
      Effect.map(session.info, (info) => HttpServerResponse.text(Option.isNone(info) ? "" : info.value.handle))
    )
  ),
  HttpLayerRouter.route(
    "POST",
    "/sign-out-others",
    signedIn((session, user) =>
      Effect.gen(function*() {
        const sessions = yield* Ledger.sessions
        const info = yield* session.info
        const except = Option.isNone(info) ? undefined : info.value.handle
        return HttpServerResponse.text(String(yield* sessions.destroyByUser(user, { except })))
      })
    )
  ),
  HttpLayerRouter.route(
    "POST",
    "/revoke",
    signedIn((_session, user) =>
      Effect.gen(function*() {
        const sessions = yield* Ledger.sessions
        return HttpServerResponse.text(String(yield* sessions.destroyByHandle(user, yield* parameter("handle"))))
      })
    )
  ),
  // Answers when the session has ended.
  HttpLayerRouter.route("GET", "/ended", signedIn((session) => Effect.as(session.ended, done)))
]).pipe(Layer.provide(WithSession.layer))
