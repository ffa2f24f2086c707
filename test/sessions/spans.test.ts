import { assert, describe, effect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import { type App, increment, makeApp, use } from "../support/app.js"

/** The names and attributes of the manager's own spans while `effect` runs. */
const spansOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.flatMap(Effect.tracer, (native) => {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (...all) => {
        const span = native.span(...all)
        if (span.name.startsWith("Sessions.")) spans.push(span)
        return span
      },
      context: (f) => f()
    })
    return Effect.map(
      Effect.withTracer(effect, tracer),
      () => spans.map(({ attributes, name }) => [name, ...attributes.keys()].join(" "))
    )
  })

const byId = ({ sessions }: App) =>
  Effect.gen(function*() {
    const { id } = yield* sessions.create()
    yield* sessions.read(id)
    yield* sessions.update(id, increment)
    yield* sessions.touch(id)
    const renamed = yield* sessions.rotate(id)
    yield* sessions.destroy(renamed.id)
  })

const inRequests = (app: App) =>
  Effect.gen(function*() {
    const { browser } = yield* app.browserWithSession()
    const update = app.visit(browser, use((session) => session.update(increment)))
    const signOut = app.visit(browser, use((session) => session.signOut))
    return yield* spansOf(Effect.zipRight(update, signOut))
  })

describe("The operations of a manager", () => {
  effect("are traced where that is asked for, one span each, without ids, users or data", () =>
    Effect.gen(function*() {
      const app = yield* makeApp({ sessions: { spans: true } })
      assert.deepStrictEqual(
        yield* spansOf(byId(app)),
        ["create", "read", "update", "touch", "rotate", "destroy"].map((operation) => `Sessions.${operation}`)
      )
      assert.deepStrictEqual(yield* inRequests(app), ["Sessions.read", "Sessions.commit", "Sessions.destroy"])
    }))

  effect("are not traced otherwise", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      assert.deepStrictEqual([...(yield* spansOf(byId(app))), ...(yield* inRequests(app))], [])
    }))
})
