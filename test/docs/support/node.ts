import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { SessionCookie, SessionMiddleware, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { toResponse } from "../../recipes/support/serve.js"
import { type Browser, webHandler } from "../../support/app.js"
import { observe } from "../../support/observedStore.js"

export interface Options {
  readonly timeouts?: SessionTimeouts.Options | undefined
  readonly cookie?: SessionCookie.Options | undefined
  readonly middleware?: SessionMiddleware.Options | undefined
}

/** A node with one declaration over an observed store in memory. What a request does is said with it. */
export const makeNode = <Self, D, U>(definition: SessionMiddleware.Declared<Self, D, U>, options: Options = {}) =>
  Effect.gen(function*() {
    const store = observe(yield* SessionStore.makeMemory())
    const policy = yield* SessionCookie.make(options.cookie)
    const context = yield* Layer.build(
      Sessions.layer(definition).pipe(
        Layer.provide(Layer.succeed(SessionStore.SessionStore, store.service)),
        Layer.provide(SessionTimeouts.layer(options.timeouts))
      )
    )

    /** One request of a browser, which keeps the cookies of the answer. */
    const visit = <A, E>(
      browser: Browser,
      handler: Effect.Effect<A, E, Self | Sessions.Sessions<Self> | HttpServerRequest.HttpServerRequest>,
      sent: Readonly<Record<string, string>> = {}
    ) =>
      Effect.flatMap(
        webHandler(
          SessionMiddleware.httpRouter(definition, options.middleware)(Effect.map(handler, toResponse)).pipe(
            Effect.provide(context),
            Effect.provideService(SessionCookie.SessionCookie, policy)
          )
        ),
        (handle) =>
          Effect.promise(async () => {
            const { header } = browser
            const headers = header === undefined ? sent : { cookie: header, ...sent }
            const response = await handle(new Request("https://app.test/", { headers }))
            const setCookies = response.headers.getSetCookie()
            browser.receive(setCookies)
            const text = await response.text()
            const isJson = response.headers.get("content-type")?.includes("json") ?? false
            const body: unknown = isJson ? JSON.parse(text) : text
            return { status: response.status, location: response.headers.get("location"), setCookies, body }
          })
      )

    return { store, policy, sessions: Context.get(context, definition.sessions), visit }
  })

/** The id that a cookie carries, without its signature. */
export const idIn = (browser: Browser) => Redacted.make((Array.from(browser.cookies.values())[0] ?? "").slice(0, 22))
