import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { inject } from "vitest"
import { launchBrowser } from "../../http/support/browser.js"
import { settings } from "./deployments.js"
import { type Server, startServer } from "./process.js"
import type { CookieSettings } from "./protocol.js"
import { makeVisitor, type Visitor } from "./visitor.js"

/** `OVERLAP_STORE=memory` keeps the sessions in memory instead of a file. */
export const inMemory = process.env["OVERLAP_STORE"] === "memory"

/** The app in a process of its own, until the scope closes. */
export const serverOf = (
  databaseUrl: string,
  deployments: Readonly<Record<string, CookieSettings>>
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => startServer(databaseUrl, deployments)),
    (server) => Effect.sync(() => server.kill())
  )

/** The app, and two people with browsers. */
export class World extends Context.Tag("World")<World, {
  /** The database. */
  readonly url: string
  readonly visitors: readonly [Visitor, Visitor]
}>() {
  static readonly layer = Layer.scoped(
    World,
    Effect.gen(function*() {
      const url = inMemory ? "memory:" : `file:${inject("directory")}/browser-${process.pid}.sqlite`
      const server = yield* serverOf(url, settings)
      const browser = yield* launchBrowser
      const visitor = Effect.acquireRelease(
        Effect.promise(() => makeVisitor(browser, server)),
        (visitor) => Effect.promise(() => visitor.close())
      )
      return { url, visitors: yield* Effect.all([visitor, visitor]) }
    })
  )
}
