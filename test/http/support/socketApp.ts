import { NodeHttpServer } from "@effect/platform-node"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import {
  type Answer,
  type App,
  type AppHandle,
  type AppOptions,
  AppSession,
  type Browser,
  makeApp
} from "../../support/app.js"
import { type RawRequest, rawRequest } from "./rawSocket.js"

type Handler<A, E> = Effect.Effect<A, E, AppSession | HttpServerRequest.HttpServerRequest>

/** What a result failed with, for an answer. */
export const tagOf = (result: Either.Either<unknown, { readonly _tag: string }>): string =>
  Either.match(result, { onLeft: ({ _tag }) => _tag, onRight: () => "no error" })

/** A WebSocket whose handler does this with its session, and tells what that failed with. */
export const inSocket = (work: (session: AppHandle) => Effect.Effect<unknown, { readonly _tag: string }>) =>
  Effect.gen(function*() {
    const session = yield* AppSession
    const request = yield* HttpServerRequest.HttpServerRequest
    const socket = yield* request.upgrade
    const write = yield* socket.writer
    yield* socket.run(() => Effect.void, {
      onOpen: Effect.orDie(Effect.flatMap(Effect.either(work(session)), (result) => write(tagOf(result))))
    }).pipe(Effect.ignore)
    return HttpServerResponse.empty()
  }).pipe(Effect.scoped)

/** Serves an app over a real socket, by the clock of the test, and tells the port. */
export const serve = <E>(
  app: HttpApp.Default<E, Scope.Scope>,
  options: Http.ServerOptions = {}
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* Effect.orDie(
      NodeHttpServer.make(() => Http.createServer(options), { port: 0, host: "127.0.0.1" })
    )
    yield* Effect.provideService(HttpServer.serveEffect(app), HttpServer.HttpServer, server)
    return server.address._tag === "TcpAddress" ? server.address.port : 0
  })

/** The app of the tests over a real socket: `visit` sends, and `raw` sends to the letter. */
export interface SocketApp extends App {
  readonly port: number
  /** One request to the letter, answered by `handler`. */
  readonly raw: <A, E>(request: RawRequest, handler: Handler<A, E>) => Effect.Effect<Answer>
}

export const makeSocketApp = (options: AppOptions = {}): Effect.Effect<SocketApp, never, Scope.Scope> =>
  Effect.gen(function*() {
    const app = yield* Effect.orDie(makeApp(options))
    const handlers = new Map<string, HttpApp.Default<unknown>>()
    const port = yield* serve(
      Effect.flatMap(
        HttpServerRequest.HttpServerRequest,
        (request) =>
          handlers.get(request.url.slice(1).split("?")[0] ?? "")
            ?? Effect.succeed(HttpServerResponse.empty({ status: 404 }))
      ),
      { maxHeaderSize: 8 * 1024 * 1024 }
    )
    let paths = 0

    const answered = <E>(request: RawRequest, handler: HttpApp.Default<E>): Effect.Effect<Answer> =>
      Effect.suspend(() => {
        const path = String(++paths)
        handlers.set(path, handler)
        return Effect.ensuring(
          rawRequest(port, { ...request, path: `/${path}${request.path ?? ""}` }),
          Effect.sync(() => handlers.delete(path))
        )
      })

    const visit: App["visit"] = (browser: Browser, handler, wrap = (app) => app) =>
      Effect.map(
        answered(
          { headers: browser.header === undefined ? [] : [`Cookie: ${browser.header}`] },
          wrap(app.withSession(handler))
        ),
        (answer) => {
          browser.receive(answer.setCookies)
          return answer
        }
      )

    return { ...app, port, visit, raw: (request, handler) => answered(request, app.withSession(handler)) }
  })
