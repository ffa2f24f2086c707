import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { SessionCookie, SessionMiddleware, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type Browser, webHandler } from "../../support/app.js"
import { observe, type ObservedStore } from "../../support/observedStore.js"

export const makeStore = Effect.map(SessionStore.makeMemory(), observe)

/** A declaration over a store: what its middleware needs. */
export const contextOver = <Self, D, U>(store: ObservedStore, definition: Sessions.Definition<Self, D, U>) =>
  Effect.flatMap(SessionTimeouts.make(), (timeouts) =>
    Effect.context<Sessions.Sessions<Self>>().pipe(
      Effect.provide(Sessions.layer(definition)),
      Effect.provideService(SessionStore.SessionStore, store.service),
      Effect.provideService(SessionTimeouts.SessionTimeouts, timeouts)
    ))

/** What a handler answers, or what it returns as JSON. */
export const toResponse = (result: unknown): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.isServerResponse(result) ? result : HttpServerResponse.unsafeJson(result ?? null)

/** One request of a browser, which keeps the cookies of the answer. */
export const visit = <E>(app: HttpApp.Default<E>, browser: Browser) =>
  Effect.flatMap(webHandler(app), (handle) =>
    Effect.promise(async () => {
      const { header } = browser
      const headers = header === undefined ? {} : { cookie: header }
      const response = await handle(new Request("https://app.test/", { headers }))
      browser.receive(response.headers.getSetCookie())
      const body = await response.text()
      return { status: response.status, body }
    }))

/** One node with one declaration. What a request does is said with it. */
export const makeNode = <Self, D, U>(
  definition: SessionMiddleware.Declared<Self, D, U>,
  store: ObservedStore,
  policy?: SessionCookie.Policy
) =>
  Effect.gen(function*() {
    const context = yield* contextOver(store, definition)
    const cookie = policy ?? (yield* SessionCookie.make())
    return {
      sessions: Context.get(context, definition.sessions),
      visit: <A, E>(browser: Browser, handler: Effect.Effect<A, E, Self | Sessions.Sessions<Self>>) =>
        visit(
          SessionMiddleware.httpRouter(definition)(Effect.map(handler, toResponse)).pipe(
            Effect.provide(context),
            Effect.provideService(SessionCookie.SessionCookie, cookie)
          ),
          browser
        )
    }
  })
