/**
 * The notes app with slow routes, in a process of its own: what waits in a request waits until the test says so. One
 * process serves several deployments of the app, which differ in their cookie and share the store.
 *
 * Settings: DATABASE_URL, as the example has it, and DEPLOYMENTS: the cookie options of each, as JSON. The test talks to
 * it over the channel that Node gives a child process.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { SessionCookie, SessionCsrf, SessionMiddleware, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Http from "node:http"
import { StoreLive } from "../../examples/notes-server/database.js"
import { NotesSession } from "../../examples/notes-server/NotesSession.js"
import { Routes } from "../../examples/notes-server/routes.js"
import { always } from "../support/observedStore.js"
import type { Command, CookieSettings, Message } from "./support/protocol.js"

const tell = (message: Message): Effect.Effect<void> => Effect.sync(() => process.send?.(message))

const gates = new Map<string, () => void>()

/** Waits until the test lets the request go on. */
const wait = (request: string): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    gates.set(request, () => resume(Effect.void))
    process.send?.({ _tag: "Waiting", request } satisfies Message)
    return tell({ _tag: "Dropped", request })
  })

const text = (value: string, status = 200) => HttpServerResponse.text(value, { status })

/** A route that does one thing with its session, after it has waited; `seen` is what it read before. */
const slow = <E, R>(
  path: `/${string}`,
  act: (
    parameters: { readonly request: string; readonly when: string; readonly value: string },
    seen: Option.Option<string> | undefined
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) =>
  HttpLayerRouter.route(
    "POST",
    path,
    Effect.gen(function*() {
      const { request = "", value = "", when = "" } = yield* HttpRouter.params
      const session = yield* NotesSession
      const seen = when === "early" ? yield* session.user : undefined
      if (when !== "now" && when !== "mid") yield* wait(request)
      return yield* act({ request, when, value }, seen)
    })
  )

const page = (user: Option.Option<string>, notes: ReadonlyArray<string>): string =>
  `<!doctype html><title>Notes</title><p id="who">${
    Option.getOrElse(user, () => "a visitor")
  }</p><p>${notes.join()}</p>`

const SlowRoutes = HttpLayerRouter.addAll([
  slow("/api/slow/:request/look/:when/:value", () =>
    Effect.gen(function*() {
      const session = yield* NotesSession
      yield* session.get
      return text("seen")
    })),
  slow("/api/slow/:request/note/:when/:value", ({ value }) =>
    Effect.gen(function*() {
      const session = yield* NotesSession
      yield* session.update((data) => ({ ...data, notes: [...data.notes, value] }))
      return text("noted")
    })),
  slow("/api/slow/:request/signIn/:when/:value", ({ value }) =>
    Effect.gen(function*() {
      const session = yield* NotesSession
      yield* session.signIn(value, { carry: (data) => data })
      return text("signed in")
    })),
  slow("/api/slow/:request/signOut/:when/:value", () =>
    Effect.gen(function*() {
      const session = yield* NotesSession
      yield* session.signOut
      return text("signed out")
    })),
  slow("/api/slow/:request/rotate/:when/:value", () =>
    Effect.gen(function*() {
      const session = yield* NotesSession
      yield* session.rotate
      return text("rotated")
    })),
  slow("/api/slow/:request/password/:when/:value", ({ request, when }, seen) =>
    Effect.gen(function*() {
      const session = yield* NotesSession
      const sessions = yield* NotesSession.sessions
      const user = seen ?? (yield* session.user)
      if (Option.isNone(user)) return text("sign in first", 401)
      yield* sessions.destroyByUser(user.value)
      if (when === "mid") yield* wait(request)
      yield* session.signIn(user.value)
      return text("changed")
    })),
  HttpLayerRouter.route(
    "GET",
    "/api/page",
    Effect.gen(function*() {
      const session = yield* NotesSession
      const { notes } = yield* session.get
      return HttpServerResponse.html(page(yield* session.user, notes))
    })
  )
]).pipe(Layer.provide(SessionMiddleware.layerRouter(NotesSession).layer))

const PlainRoutes = HttpLayerRouter.route(
  "GET",
  "/blank",
  HttpServerResponse.html("<!doctype html><title>Blank</title>")
)

const toOptions = (
  { acceptUnsignedUntil, changedAt, signingKey, ...options }: CookieSettings
): SessionCookie.Options => ({
  ...options,
  ...(signingKey === undefined ? {} : { signingKeys: [Redacted.make(signingKey)] }),
  ...(acceptUnsignedUntil === undefined ? {} : { acceptUnsignedUntil: new Date(acceptUnsignedUntil) }),
  ...(changedAt === undefined ? {} : { changedAt: new Date(changedAt) })
})

const deployments: Readonly<Record<string, CookieSettings>> = JSON.parse(process.env["DEPLOYMENTS"] ?? "{}")

/** Starts the app with a cookie of its own, at a free port. */
const deploy = (settings: CookieSettings) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      HttpLayerRouter.serve(Layer.mergeAll(Routes, SlowRoutes, HttpLayerRouter.addAll([PlainRoutes])), {
        disableLogger: true,
        disableListenLog: true
      }).pipe(
        Layer.provide(SessionCookie.layer(toOptions(settings))),
        Layer.provide(SessionCsrf.layer({ token: false, allowUnknown: true })),
        Layer.provideMerge(NodeHttpServer.layer(() => Http.createServer(), { port: 0 }))
      )
    )
    const { address } = Context.get(context, HttpServer.HttpServer)
    return address._tag === "TcpAddress" ? address.port : 0
  })

const obey = (command: Command) =>
  Effect.gen(function*() {
    const store = yield* SessionStore.SessionStore
    const sessions = yield* NotesSession.sessions
    switch (command._tag) {
      case "Release": {
        const open = gates.get(command.request)
        gates.delete(command.request)
        return open?.()
      }
      case "Revoke": {
        yield* sessions.destroyByUser(command.user)
        return yield* tell({ _tag: "Answer", question: command.question, records: [] })
      }
      case "Look": {
        const { keys, question, users } = command
        const led = yield* store.search({ keys, renamedAfter: 0, now: 0 })
        const owned = yield* Effect.forEach(users, (userId) =>
          store.listByUser({
            name: NotesSession.sessionName,
            userId,
            now: 0,
            liveAfter: always,
            limit: 100,
            offset: 0
          }))
        const records = new Map([...led, ...owned.flat()].map((record) => [record.key, record]))
        return yield* tell({ _tag: "Answer", question, records: Array.from(records.values()) })
      }
    }
  })

const Main = Effect.gen(function*() {
  const ports = yield* Effect.all(Object.fromEntries(
    Object.entries(deployments).map(([name, settings]) => [name, deploy(settings)])
  ))
  const runtime = yield* Effect.runtime<SessionStore.SessionStore | Sessions.Sessions<NotesSession>>()
  process.on("message", (command: Command) => {
    Runtime.runFork(runtime)(Effect.orDie(obey(command)))
  })
  yield* tell({ _tag: "Ready", ports })
  yield* Effect.never
}).pipe(
  Effect.provide(Layer.provideMerge(
    Layer.provide(Sessions.layer(NotesSession), SessionTimeouts.layer()),
    StoreLive
  )),
  Effect.scoped
)

process.on("disconnect", () => process.exit())

NodeRuntime.runMain(Main)
