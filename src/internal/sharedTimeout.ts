/**
 * A timeout that all effects which wait at the same time share. `Effect.timeoutFail` lets a fiber sleep for each of them
 * and waits for what it interrupts. Here one fiber sleeps for all, only while one of them waits, and nobody waits for what
 * hangs.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"

/** One effect that has begun and must be over in time. */
interface Waiting {
  /** Milliseconds of the clock that is never set. */
  readonly deadline: number
  readonly giveUp: () => void
}

/** Runs an effect, and fails with `onTimeout` if it takes longer than the duration. */
export type SharedTimeout = <A, E, E2>(effect: Effect.Effect<A, E>, onTimeout: () => E2) => Effect.Effect<A, E | E2>

const steadyMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

/**
 * Makes a timeout. An effect that takes longer is interrupted, even where its caller cannot be, and the caller goes on
 * at once: it does not wait for the interrupted effect to end, since what hangs (a connection that is never free) may
 * not hear of it. Its fiber belongs to the scope. The clock is that of the place where it is made: those who wait may
 * have others.
 */
export const make = (duration: Duration.DurationInput): Effect.Effect<SharedTimeout, never, Scope.Scope> =>
  Effect.zipWith(FiberSet.make<unknown, unknown>(), Effect.clock, (fibers, clock) => {
    const millis = Duration.toMillis(duration)
    // All may take equally long and a set keeps its order, so whoever is first in it is due first.
    const waiting = new Set<Waiting>()
    let stopWatching: (() => void) | undefined
    let isWatched = false

    const watch: Effect.Effect<void> = Effect.suspend(() => {
      const now = steadyMillis(clock)
      for (const one of waiting) {
        if (one.deadline > now) return Effect.zipRight(Effect.sleep(one.deadline - now), watch)
        waiting.delete(one)
        one.giveUp()
      }
      isWatched = false
      return Effect.void
    })

    const beginWatching = Effect.suspend(() => {
      isWatched = true
      return Effect.map(FiberSet.run(fibers, Effect.interruptible(Effect.withClock(watch, clock))), (fiber) => {
        stopWatching = () => fiber.unsafeInterruptAsFork(FiberId.none)
      })
    })

    const end = (one: Waiting): void => {
      waiting.delete(one)
      if (waiting.size > 0) return
      stopWatching?.()
      stopWatching = undefined
      isWatched = false
    }

    return <A, E, E2>(effect: Effect.Effect<A, E>, onTimeout: () => E2): Effect.Effect<A, E | E2> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(
          FiberSet.run(fibers, Effect.interruptible(effect)),
          (fiber) =>
            Effect.suspend(() => {
              const outcome = Deferred.unsafeMake<A, E | E2>(FiberId.none)
              const interrupt = () => fiber.unsafeInterruptAsFork(FiberId.none)
              const one = {
                deadline: steadyMillis(clock) + millis,
                giveUp: () => {
                  Deferred.unsafeDone(outcome, Effect.suspend(() => Effect.fail(onTimeout())))
                  interrupt()
                }
              }
              // It waits before it is watched: otherwise the watch could end in between, as the last of the others does.
              waiting.add(one)
              fiber.addObserver((exit) => {
                end(one)
                Deferred.unsafeDone(outcome, exit)
              })
              const answer = Effect.onInterrupt(restore(Deferred.await(outcome)), () => Effect.sync(interrupt))
              return isWatched || waiting.size === 0 ? answer : Effect.zipRight(beginWatching, answer)
            })
        )
      )
  })
