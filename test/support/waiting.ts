import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { type App, type AppHandle, type Browser, use } from "./app.js"

/** Lets what has been woken do its work. */
export const settle = Effect.repeatN(Effect.yieldNow(), 50)

/** A request that goes on when its response is gone, as a socket or a stream does, and waits for its session to end. */
export const waiting = (app: App, browser: Browser) =>
  Effect.gen(function*() {
    let waiting: Effect.Effect<unknown, unknown> = Effect.void
    yield* app.visit(
      browser,
      use((session: AppHandle) =>
        Effect.map(session.user, () => {
          waiting = session.ended
        })
      )
    )
    const fiber = yield* Effect.fork(waiting)
    yield* Effect.yieldNow()
    const isOver = Effect.gen(function*() {
      return Option.isSome(yield* Fiber.poll(fiber))
    })
    return { isOver, fiber }
  })
