import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inject, test } from "vitest"
import { browserMissing, launchBrowser } from "../http/support/browser.js"
import { settings } from "./support/deployments.js"
import { model, type Order } from "./support/orders.js"
import { type Server, startServer } from "./support/process.js"
import { run } from "./support/run.js"
import { sample } from "./support/size.js"
import { makeVisitor, type Visitor } from "./support/visitor.js"

const missing = browserMissing()

const timeout = 3 * 3_600_000

/** The app, and two browsers that share the work. */
class World extends Context.Tag("World")<World, {
  readonly server: Server
  readonly visitors: ReadonlyArray<Visitor>
}>() {
  static readonly layer = Layer.scoped(
    World,
    Effect.gen(function*() {
      const url = process.env["OVERLAP_STORE"] ?? `file:${inject("directory")}/browser-${process.pid}.sqlite`
      const server = yield* Effect.acquireRelease(
        Effect.promise(() => startServer(url, settings)),
        (server) => Effect.sync(() => server.kill())
      )
      const browser = yield* launchBrowser
      const visitor = Effect.acquireRelease(
        Effect.promise(() => makeVisitor(browser, server)),
        (visitor) => Effect.promise(() => visitor.close())
      )
      return { server, visitors: yield* Effect.all([visitor, visitor]) }
    })
  )
}

const runAll = (orders: ReadonlyArray<Order>) =>
  Effect.gen(function*() {
    const { visitors } = yield* World
    const left = [...orders]
    const failures: Array<string> = []
    yield* Effect.forEach(visitors, (visitor) =>
      Effect.promise(async () => {
        for (let order = left.shift(); order !== undefined && failures.length < 5; order = left.shift()) {
          await run(visitor, order).catch((error: unknown) => failures.push(String(error)))
        }
      }), { concurrency: visitors.length })
    assert.strictEqual(failures.length, 0, failures.join("\n\n"))
    assert.isAbove(orders.length, 0)
  })

describe.skipIf(missing !== undefined)("In Chromium, page, jar and store agree after every order of", () => {
  const kinds = [
    ["two requests", model.pairs()],
    ["three requests", model.triples()],
    ["two requests, and the app deployed anew", model.redeployed()],
    ["two requests, and the app deployed anew and as it was", model.rolledBack()],
    ["two requests, and the user's sessions ended by somebody else", model.revoked()],
    ["two requests, and a tab that goes back", model.wentBack()]
  ] as const
  layer(World.layer, { timeout: 60_000 })((it) => {
    for (const [what, orders] of kinds) {
      const sampled = sample(orders)
      it.effect(`${what}: ${sampled.length} of ${orders.length}`, () => runAll(sampled), timeout)
    }
  })
})

test(missing === undefined ? "Chromium was found" : `The tests in Chromium were skipped: ${missing}`, () => {
  assert.strictEqual(missing, browserMissing())
})
