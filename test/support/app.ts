import * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import {
  Session,
  SessionCookie,
  SessionEvents,
  SessionMiddleware,
  Sessions,
  SessionStore,
  SessionTimeouts,
  type SessionToken
} from "effect-sessions"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { always, countLive, observe } from "./observedStore.js"

const Data = Schema.Struct({
  count: Schema.Number,
  notes: Schema.Array(Schema.String),
  settings: Schema.Record({ key: Schema.String, value: Schema.String })
})

export type Data = typeof Data.Type

/** The session of the app that the tests drive. */
export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Data,
  initial: { count: 0, notes: [], settings: {} }
}) {}

export type AppHandle = Context.Tag.Service<typeof AppSession>

/** What a handler does with its session. */
export const use = <A, E>(f: (session: AppHandle) => Effect.Effect<A, E>) => Effect.flatMap(AppSession, f)

export const increment = (data: Data): Data => ({ ...data, count: data.count + 1 })

export const addNote = (note: string) => (data: Data): Data => ({ ...data, notes: [...data.notes, note] })

export const readData = use((session) => session.get)
export const incrementCount = use((session) => session.update(increment))
export const signOut = use((session) => session.signOut)

/** As much of a browser as matters here: keeps the cookies it is told to keep. */
export class Browser {
  readonly cookies = new Map<string, string>()

  get header(): string | undefined {
    return this.cookies.size === 0
      ? undefined
      : Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join("; ")
  }

  receive(setCookies: ReadonlyArray<string>): void {
    for (const setCookie of setCookies) {
      const [pair = "", ...attributes] = setCookie.split(/; */)
      const name = pair.slice(0, pair.indexOf("="))
      const cleared = attributes.some((attribute) => attribute.toLowerCase() === "max-age=0")
      if (cleared) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(name.length + 1))
    }
  }
}

/** Another tab of a browser: the same cookies, and its own from now on. */
export const tabOf = (browser: Browser): Browser => {
  const tab = new Browser()
  for (const [name, value] of browser.cookies) tab.cookies.set(name, value)
  return tab
}

export const browserWith = (cookie: string): Browser => {
  const browser = new Browser()
  browser.cookies.set("__Host-sid", cookie)
  return browser
}

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly setCookies: ReadonlyArray<string>
  readonly body: unknown
}

const toResponse = (result: unknown): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.isServerResponse(result) ? result : HttpServerResponse.unsafeJson(result ?? null)

const toAnswer = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  const isJson = response.headers.get("content-type")?.includes("json") ?? false
  const setCookies = response.headers.getSetCookie()
  return { status: response.status, headers: response.headers, setCookies, body: isJson ? JSON.parse(text) : text }
}

/** A web handler for the app that runs in the fiber's own runtime, and so by the TestClock. */
export const webHandler = <E>(app: HttpApp.Default<E>) =>
  Effect.map(Effect.runtime<never>(), (runtime) => HttpApp.toWebHandlerRuntime(runtime)(app))

export interface AppOptions {
  readonly store?: SessionStore.Service | undefined
  /** How long the store may take. Unbounded if left out, as the one in memory needs no bound. */
  readonly storeTimeout?: Duration.DurationInput | undefined
  readonly timeouts?: SessionTimeouts.Options | undefined
  readonly cookie?: SessionCookie.Options | undefined
  readonly sessions?: Sessions.Options | undefined
  /** Where what happens is published. */
  readonly events?: SessionEvents.Service | undefined
  readonly middleware?: SessionMiddleware.Options | undefined
}

/** An app of one page over an observed store. What the page does is said with each request. */
export const makeApp = Effect.fnUntraced(function*(options: AppOptions = {}) {
  const inner = options.store ?? (yield* SessionStore.makeMemory())
  const store = observe(inner)
  const bounded = options.storeTimeout === undefined
    ? store.service
    : yield* Scope.extend(SessionStore.withTimeout(store.service, options.storeTimeout), yield* Scope.make())
  const timeouts = yield* SessionTimeouts.make(options.timeouts)
  const policy = yield* SessionCookie.make(options.cookie)
  const settings = options.sessions ?? {}
  const manager = options.events === undefined
    ? Sessions.layerWith(AppSession, settings)
    : Layer.provide(
      Sessions.layerWith(AppSession, { ...settings, events: true }),
      Layer.succeed(SessionEvents.SessionEvents, options.events)
    )
  // It lives as long as the test does.
  const context = yield* Layer.buildWithScope(manager, yield* Scope.make()).pipe(
    Effect.provideService(SessionStore.SessionStore, bounded),
    Effect.provideService(SessionTimeouts.SessionTimeouts, timeouts)
  )
  const sessions = Context.get(context, AppSession.sessions)

  const withSession = <A, E>(
    handler: Effect.Effect<A, E, AppSession | HttpServerRequest.HttpServerRequest>
  ): HttpApp.Default<E> =>
    // Routers make what handles a route interruptible.
    SessionMiddleware.httpRouter(AppSession, options.middleware)(
      Effect.interruptible(Effect.map(handler, toResponse))
    ).pipe(
      Effect.provide(context),
      Effect.provideService(SessionCookie.SessionCookie, policy)
    )

  /** One request of a browser, which keeps the cookies of the answer. */
  const visit = <A, E>(
    browser: Browser,
    handler: Effect.Effect<A, E, AppSession | HttpServerRequest.HttpServerRequest>,
    wrap: (app: HttpApp.Default<E>) => HttpApp.Default<E> = (app) => app
  ): Effect.Effect<Answer> =>
    Effect.flatMap(webHandler(wrap(withSession(handler))), (handle) =>
      Effect.map(
        Effect.promise((signal) => {
          const { header } = browser
          const headers = header === undefined ? {} : { cookie: header }
          return handle(new Request("https://app.test/", { headers, signal })).then(toAnswer)
        }),
        (answer) => {
          browser.receive(answer.setCookies)
          return answer
        }
      ))

  /** A browser with a session of its own, the store's operations for it forgotten. */
  const browserWithSession = Effect.fnUntraced(function*(
    session: { readonly data?: Data; readonly user?: string } = {}
  ) {
    const { id, record } = yield* sessions.create(session)
    const browser = new Browser()
    browser.cookies.set(policy.name, SessionCookie.write(policy, id, { expiresAt: record.expiresAt, now: 0 }).value)
    store.take()
    return { browser, id, key: record.key, cookie: Redacted.value(id) }
  })

  return { store, context, sessions, policy, timeouts, withSession, visit, browserWithSession }
})

export type App = Effect.Effect.Success<ReturnType<typeof makeApp>>

/** Who is signed in, for a page that shows that. */
export const userOf = use((session) => Effect.map(session.user, Option.getOrNull))

/** How many rows the store holds, live or not. */
export const rowsOf = (app: App) => countLive(app.store.service, AppSession.sessionName, -1)

/** The rows of a user in the store of an app, live at the beginning of time. */
export const recordsOf = (app: App, userId: string) =>
  app.store.service.listByUser({
    name: AppSession.sessionName,
    userId,
    now: 0,
    liveAfter: always,
    limit: 10,
    offset: 0
  })

/** Another declaration over the store of an app: its manager, and what its middleware needs. */
export const contextOver = <Self, D, U>(app: App, definition: Sessions.Definition<Self, D, U>) =>
  Effect.context<Sessions.Sessions<Self>>().pipe(
    Effect.provide(Sessions.layer(definition)),
    Effect.provideService(SessionStore.SessionStore, app.store.service),
    Effect.provideService(SessionTimeouts.SessionTimeouts, app.timeouts)
  )

/** The manager of another declaration over the store of an app. */
export const managerOver = <Self, D, U>(app: App, definition: Sessions.Definition<Self, D, U>) =>
  Effect.map(contextOver(app, definition), (context) => Context.get(context, definition.sessions))

/** A browser with the session of a user, in which something has been counted. */
export const signedInBrowser = (app: App) =>
  app.browserWithSession({ user: "ada", data: { count: 1, notes: [], settings: {} } })

/** A manager over a store, with a policy of its own. */
export const managerOf = (store: SessionStore.Service, options: SessionTimeouts.Options = {}) =>
  Effect.flatMap(SessionTimeouts.make(options), (timeouts) =>
    Sessions.make(AppSession).pipe(
      Effect.provideService(SessionStore.SessionStore, store),
      Effect.provideService(SessionTimeouts.SessionTimeouts, timeouts)
    ))

export const isLive = (sessions: Effect.Effect.Success<ReturnType<typeof managerOf>>, id: SessionToken.SessionId) =>
  Effect.map(sessions.read(id), Option.isSome)
