/**
 * A timeout that all effects which wait at the same time share. `Effect.timeoutFail` lets a fiber sleep for each of them
 * and interrupts it afterwards, which on Effect 3 is a quarter of what a write to PostgreSQL costs. Here one fiber
 * sleeps for all, and only while one of them waits.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** One effect that has begun and must be over in time. */
interface Waiting {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  /** Milliseconds of the clock that is never set. */
  readonly deadline: number
  late: boolean
}

const steadyMillis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1_000_000)

/**
 * Makes a timeout: an effect that takes longer than `duration` is interrupted, even where its caller cannot be, and
 * when that is done fails with `onTimeout`. One that ends well in the same moment has ended well.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(
  duration: Duration.Duration,
  onTimeout: () => E
): <A, E2>(effect: Effect.Effect<A, E2>) => Effect.Effect<A, E | E2> => {
  const millis = Duration.toMillis(duration)
  // All may take equally long and a set keeps its order, so whoever is first in it is due first.
  const waiting = new Set<Waiting>()
  let watcher: Fiber.RuntimeFiber<void> | undefined

  const watch: Effect.Effect<void> = Effect.flatMap(steadyMillis, (now) => {
    for (const one of waiting) {
      if (one.deadline > now) return Effect.zipRight(Effect.sleep(one.deadline - now), watch)
      waiting.delete(one)
      one.late = true
      one.fiber.unsafeInterruptAsFork(FiberId.none)
    }
    watcher = undefined
    return Effect.void
  })

  const end = (one: Waiting): void => {
    waiting.delete(one)
    if (waiting.size > 0 || watcher === undefined) return
    watcher.unsafeInterruptAsFork(FiberId.none)
    watcher = undefined
  }

  const begin = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<Waiting> =>
    Effect.flatMap(steadyMillis, (now) => {
      const one = { fiber, deadline: now + millis, late: false }
      waiting.add(one)
      fiber.addObserver(() => end(one))
      if (watcher !== undefined) return Effect.succeed(one)
      // eslint-disable-next-line no-restricted-syntax -- ends with the last that waits, not with the first
      return Effect.map(Effect.forkDaemon(Effect.interruptible(watch)), (fiber) => {
        watcher = fiber
        return one
      })
    })

  return <A, E2>(effect: Effect.Effect<A, E2>) =>
    Effect.flatMap(
      Effect.fork(Effect.interruptible(effect)),
      (fiber) =>
        Effect.flatMap(begin(fiber), (one) =>
          Effect.flatMap(Fiber.await(fiber), (exit): Effect.Effect<A, E | E2> =>
            one.late && Exit.isFailure(exit) ? Effect.fail(onTimeout()) : exit))
    )
}
