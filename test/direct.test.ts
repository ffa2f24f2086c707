import { assert, describe, effect } from "@effect/vitest"
import { SessionError } from "effect-sessions"
import * as Direct from "effect-sessions/Direct"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { type App, increment, makeApp, use } from "./support/app.js"

const direct: Effect.Effect<number, string> = Direct.make((clock) => Exit.succeed(clock.unsafeCurrentTimeMillis()))

/** Everything an effect may be, done or not. */
const effects: Record<string, Effect.Effect<number, string>> = {
  "a success": Exit.succeed(1),
  "a failure": Exit.fail("no"),
  "a defect": Exit.die("broken"),
  "a right": Either.right(1),
  "a left": Either.left("no"),
  "an effect": Effect.sync(() => 1),
  "an effect that fails": Effect.suspend(() => Effect.fail("no")),
  "an effect that waits": Effect.as(Effect.yieldNow(), 1),
  "an error": Effect.mapError(new SessionError.SessionGone(), ({ _tag }) => _tag),
  "a direct effect": direct,
  "a direct effect that waits": Direct.make(() => Effect.as(Effect.yieldNow(), 1))
}

const next = (value: number): Effect.Effect<number, string> => value > 0 ? Exit.succeed(value + 1) : Exit.fail("small")

describe("Direct does to", () => {
  for (const [what, given] of Object.entries(effects)) {
    effect(`${what} what Effect does`, () =>
      Effect.gen(function*() {
        yield* TestClock.adjust("5 millis")
        const clock = yield* Effect.clock
        const same = (actual: Effect.Effect<unknown, unknown>, expected: Effect.Effect<unknown, unknown>) =>
          Effect.map(
            Effect.zip(Effect.exit(actual), Effect.exit(expected)),
            ([actual, expected]) => assert.deepStrictEqual(actual, expected)
          )
        for (const effect of [given, Direct.enter(given, clock)]) {
          yield* same(effect, given)
          yield* same(Direct.flatMap(effect, next), Effect.flatMap(given, next))
          yield* same(Direct.map(effect, String), Effect.map(given, String))
          yield* same(Direct.mapError(effect, String), Effect.mapError(given, String))
          yield* same(
            Direct.catchAll(effect, (error) => Effect.succeed(error.length)),
            Effect.catchAll(given, (error) => Effect.succeed(error.length))
          )
        }
      }))
  }
})

const visited = (app: App, ...f: Parameters<typeof use>) =>
  Effect.flatMap(
    app.browserWithSession({ data: { count: 1, notes: [], settings: {} } }),
    ({ browser }) => app.visit(browser, use(...f))
  )

describe("A store that says it answers at once", () => {
  effect("is asked once when it does not, however many fibers ask", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({ immediate: true })
      app.store.interfere((_, effect) => Effect.zipRight(Effect.yieldNow(), effect))
      const { body } = yield* visited(app, (session) =>
        Effect.all([session.get, session.user, session.update(increment), session.get], {
          concurrency: "unbounded"
        }).pipe(Effect.zipRight(session.get)))
      assert.deepStrictEqual(body, { count: 2, notes: [], settings: {} })
      assert.deepStrictEqual(app.store.take(), ["read", "update"])
    }))

  effect("is read again after a function of the app has thrown", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({ immediate: true })
      const broken = () => {
        throw new Error("the app's own")
      }
      const { body } = yield* visited(
        app,
        (session) => Effect.zipRight(Effect.exit(session.update(broken)), session.get)
      )
      assert.deepStrictEqual(body, { count: 1, notes: [], settings: {} })
      assert.deepStrictEqual(app.store.take(), ["read"])
    }))
})
