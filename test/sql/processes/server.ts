/** An app on the library's middleware, with one route for each thing that can be done to a session. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SessionCookie from "effect-sessions/SessionCookie"
import * as SessionMiddleware from "effect-sessions/SessionMiddleware"
import * as Sessions from "effect-sessions/Sessions"
import * as SessionTimeouts from "effect-sessions/SessionTimeouts"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { createServer } from "node:http"
import { clientOf, environment, isolated } from "../support/environment.js"
import { Ledger } from "../support/session.js"

const parameter = (name: string) =>
  Effect.map(
    HttpServerRequest.HttpServerRequest,
    (request) => new URL(request.url, "http://localhost").searchParams.get(name) ?? ""
  )

const unauthorized = HttpServerResponse.empty({ status: 401 })
const done = HttpServerResponse.empty({ status: 200 })

/** A route for signed-in users. */
const signedIn = <E, R>(
  f: (session: Ledger["Type"], user: string) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) =>
  Effect.gen(function*() {
    const session = yield* Ledger
    const user = yield* session.user
    return Option.isNone(user) ? unauthorized : yield* f(session, user.value)
  })

const router = HttpRouter.empty.pipe(
  HttpRouter.post(
    "/sign-in",
    Effect.gen(function*() {
      const session = yield* Ledger
      yield* session.signIn(yield* parameter("user"))
      return done
    })
  ),
  HttpRouter.get(
    "/read",
    signedIn((session, user) => Effect.map(session.get, (data) => HttpServerResponse.unsafeJson({ user, ...data })))
  ),
  HttpRouter.post(
    "/increment",
    signedIn((session) => Effect.as(session.update((data) => ({ ...data, count: data.count + 1 })), done))
  ),
  HttpRouter.post(
    "/append",
    signedIn((session) =>
      Effect.flatMap(
        parameter("item"),
        (item) => Effect.as(session.update((data) => ({ ...data, items: [...data.items, item] })), done)
      )
    )
  ),
  HttpRouter.post("/touch", signedIn((session) => Effect.as(session.touch, done))),
  HttpRouter.post("/rotate", signedIn((session) => Effect.as(session.rotate, done))),
  HttpRouter.post(
    "/sign-out",
    Effect.gen(function*() {
      const session = yield* Ledger
      yield* session.signOut
      return done
    })
  ),
  HttpRouter.get(
    "/handle",
    signedIn((session) =>
      Effect.map(session.info, (info) => HttpServerResponse.text(Option.isNone(info) ? "" : info.value.handle))
    )
  ),
  HttpRouter.post(
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
  HttpRouter.post(
    "/revoke",
    signedIn((_session, user) =>
      Effect.gen(function*() {
        const sessions = yield* Ledger.sessions
        return HttpServerResponse.text(String(yield* sessions.destroyByHandle(user, yield* parameter("handle"))))
      })
    )
  ),
  // Answers when the session has ended.
  HttpRouter.get("/ended", signedIn((session) => Effect.as(session.ended, done))),
  HttpRouter.use(SessionMiddleware.httpRouter(Ledger))
)

const announce = HttpServer.addressWith((address) =>
  Effect.sync(() => {
    if (address._tag === "TcpAddress") process.stdout.write(`listening ${address.port}\n`)
  })
)

const { CONNECTIONS, DATABASE_URL, ISOLATION, MAX_PER_USER, PREFIX, TOUCH_INTERVAL } = environment()

const client = clientOf(DATABASE_URL, Number(CONNECTIONS))

const Live = Layer.effectDiscard(announce).pipe(
  Layer.provideMerge(HttpServer.serve(router)),
  Layer.provide(
    NodeHttpServer.layer(() => createServer({ keepAliveTimeout: 600_000 }), { port: 0, host: "127.0.0.1" })
  ),
  Layer.provide(Sessions.layerWith(Ledger, {
    endedInterval: "500 millis",
    maxPerUser: MAX_PER_USER === "" ? undefined : Number(MAX_PER_USER)
  })),
  Layer.provide(SqlSessionStore.layerWith({ prefix: PREFIX })),
  Layer.provide(ISOLATION === "" ? client : isolated(client, ISOLATION, Number(CONNECTIONS))),
  Layer.provide(SessionTimeouts.layerConfig({
    touchInterval: Config.succeed(TOUCH_INTERVAL).pipe(Config.mapAttempt((text) => Number(text)))
  })),
  Layer.provide(SessionCookie.layer({ insecure: true }))
)

NodeRuntime.runMain(Layer.launch(Live))
