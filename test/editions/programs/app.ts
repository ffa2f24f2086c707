/**
 * An app of either edition: a server, and commands on stdin, a line of JSON each, which are answered in their order.
 * It ends with its input.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { createInterface } from "node:readline"
import { clientOf, environment } from "../../sql/support/environment.js"
import { different, kinds } from "./kinds.js"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ count: Schema.Number, visits: Schema.ReadonlyMap({ key: Schema.String, value: Schema.Date }) }),
  initial: { count: 0, visits: new Map() }
}) {}

const page = Effect.gen(function*() {
  const session = yield* AppSession
  const { count, visits } = yield* session.get
  const user = Option.getOrNull(yield* session.user)
  return HttpServerResponse.unsafeJson({ user, count, visits: Array.from(visits.keys()) })
})

const signIn = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signIn("ann", { carry: (data) => data })
  return yield* page
})

const visit = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.update(({ count, visits }) => ({
    count: count + 1,
    visits: new Map(visits).set(`visit ${visits.size + 1}`, new Date(0))
  }))
  return yield* page
})

const increment = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.update((data) => ({ ...data, count: data.count + 1 }))
  return HttpServerResponse.empty()
})

const rotate = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.rotate
  return yield* page
})

const signOut = Effect.gen(function*() {
  const session = yield* AppSession
  yield* session.signOut
  return HttpServerResponse.empty()
})

const routes = Layer.mergeAll(
  HttpLayerRouter.add("GET", "/", page),
  HttpLayerRouter.add("POST", "/sign-in", signIn),
  HttpLayerRouter.add("POST", "/visit", visit),
  HttpLayerRouter.add("POST", "/increment", increment),
  HttpLayerRouter.add("POST", "/rotate", rotate),
  HttpLayerRouter.add("POST", "/sign-out", signOut)
).pipe(Layer.provide(SessionMiddleware.layerRouter(AppSession).layer))

const { CONNECTIONS, DATABASE_URL, PREFIX } = environment()

const Live = HttpLayerRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provide(Sessions.layer(AppSession)),
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
  Layer.provideMerge(SqlSessionStore.layerWith({ prefix: PREFIX })),
  Layer.provide(clientOf(DATABASE_URL, Number(CONNECTIONS))),
  Layer.provide(SessionTimeouts.layer()),
  Layer.provide(SessionCookie.layerConfig({
    signingKeys: Config.array(Config.redacted(), "SIGNING_KEYS"),
    insecure: Config.succeed(true)
  }))
)

const Command = Schema.Union(
  Schema.Struct({ do: Schema.Literal("port") }),
  Schema.Struct({ do: Schema.Literal("write"), kind: Schema.String }),
  Schema.Struct({ do: Schema.Literal("read"), kind: Schema.String, id: Schema.String })
)

const perform = Effect.fnUntraced(function*(command: typeof Command.Type) {
  if (command.do === "port") {
    const { address } = yield* HttpServer.HttpServer
    return address._tag === "TcpAddress" ? address.port : undefined
  }
  const kind = [...kinds, ...different].find(({ name }) => name === command.kind)
  if (kind === undefined) return undefined
  return yield* command.do === "write" ? kind.write : kind.read(command.id)
})

const runtime = ManagedRuntime.make(Live)

for await (const line of createInterface({ input: process.stdin })) {
  const command = Schema.decodeUnknownSync(Command)(JSON.parse(line))
  const answer = await runtime.runPromise(
    Effect.match(perform(command), { onFailure: (error) => ({ error: String(error) }), onSuccess: (is) => ({ is }) })
  )
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await runtime.dispose()
