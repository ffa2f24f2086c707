import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Answer, type App, type AppHandle, type Browser, use } from "./app.js"
import type { Operation } from "./observedStore.js"
import { leaveAlone } from "./observedStore.js"

/** A request that does its work, waits until something else has happened meanwhile, and only then answers. */
export const duringRequest = <E, E2, R>(
  app: App,
  browser: Browser,
  work: (session: AppHandle) => Effect.Effect<unknown, E>,
  meanwhile: Effect.Effect<unknown, E2, R>
): Effect.Effect<Answer, E2, R> =>
  Effect.gen(function*() {
    const worked = yield* Deferred.make<void>()
    const proceed = yield* Deferred.make<void>()
    const request = yield* Effect.fork(app.visit(
      browser,
      use((session) =>
        Effect.tap(
          work(session),
          () => Effect.zipRight(Deferred.succeed(worked, void 0), Deferred.await(proceed))
        )
      )
    ))
    yield* Effect.raceFirst(Deferred.await(worked), Fiber.join(request))
    yield* meanwhile
    yield* Deferred.succeed(proceed, void 0)
    return yield* Fiber.join(request)
  })

/** A request during whose first `operation` on the store, just before it takes place, something else happens. */
export const justBefore = <E, E2, R>(
  app: App,
  operation: Operation,
  browser: Browser,
  work: (session: AppHandle) => Effect.Effect<unknown, E>,
  meanwhile: Effect.Effect<unknown, E2, R>
): Effect.Effect<Answer, E2, R> =>
  Effect.gen(function*() {
    const reached = yield* Deferred.make<void>()
    const proceed = yield* Deferred.make<void>()
    app.store.interfere((current, effect) => {
      if (current !== operation) return effect
      app.store.interfere(leaveAlone)
      return Effect.zipRight(Deferred.succeed(reached, void 0), Effect.zipRight(Deferred.await(proceed), effect))
    })
    const request = yield* Effect.fork(app.visit(browser, use(work)))
    yield* Effect.raceFirst(
      Deferred.await(reached),
      Effect.zipRight(Fiber.join(request), Effect.dieMessage(`no ${operation}`))
    )
    yield* meanwhile
    yield* Deferred.succeed(proceed, void 0)
    return yield* Fiber.join(request)
  })
