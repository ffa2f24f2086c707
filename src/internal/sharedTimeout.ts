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
  readonly giveUp: (why: GivenUp) => void
}

/** Why nobody waits for an effect, in words. It may have done something only if it has begun. */
export interface GivenUp {
  readonly detail: string
  readonly hasBegun: boolean
}

const late: GivenUp = { detail: "no answer in time", hasBegun: true }
const closing: GivenUp = { detail: "its layer closed before it answered so provide the server first", hasBegun: true }
const closed: GivenUp = { detail: "its layer has closed so provide the server first", hasBegun: false }

/** Runs an effect, and fails with what `onGivenUp` makes of it if it takes longer than the duration or than the scope. */
export type SharedTimeout = <A, E, E2>(
  effect: Effect.Effect<A, E>,
  onGivenUp: (why: GivenUp) => E2
) => Effect.Effect<A, E | E2>

/**
 * A failure is told in another turn of the event loop. A driver fails at once where its connection is lost, until it hears of
 * that in a turn of its own: who asks again at once would keep it from that for ever, and everybody else with it.
 */
const anotherTurn = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 0)))

const steadyMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

/**
 * Makes a timeout. An effect that takes longer is interrupted, even where its caller cannot be, and the caller goes on
 * at once: it does not wait for the interrupted effect to end, since what hangs (a connection that is never free) may
 * not hear of it. Its fiber belongs to the scope; where that closes, those who wait are told, and so is who comes later.
 * The clock is that of the place where it is made: those who wait may have others.
 */
export const make = Effect.fnUntraced(
  function*(duration: Duration.DurationInput): Effect.fn.Return<SharedTimeout, never, Scope.Scope> {
    const fibers = yield* FiberSet.make<unknown, unknown>()
    const clock = yield* Effect.clock
    const millis = Duration.toMillis(duration)
    // All may take equally long and a set keeps its order, so whoever is first in it is due first.
    const waiting = new Set<Waiting>()
    let stopWatching: (() => void) | undefined
    let isWatched = false
    let isClosed = false

    const giveUp = (one: Waiting, why: GivenUp): void => {
      waiting.delete(one)
      one.giveUp(why)
    }
    // Before the fibers are interrupted, of which nobody would hear anything else.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        for (const one of waiting) giveUp(one, closing)
      })
    )

    const watch: Effect.Effect<void> = Effect.suspend(() => {
      const now = steadyMillis(clock)
      for (const one of waiting) {
        if (one.deadline > now) return Effect.zipRight(Effect.sleep(one.deadline - now), watch)
        giveUp(one, late)
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

    return <A, E, E2>(effect: Effect.Effect<A, E>, onGivenUp: (why: GivenUp) => E2): Effect.Effect<A, E | E2> =>
      Effect.uninterruptibleMask((restore) =>
        isClosed ? Effect.fail(onGivenUp(closed)) : Effect.flatMap(
          FiberSet.run(fibers, Effect.interruptible(Effect.tapError(effect, () => anotherTurn))),
          (fiber) =>
            Effect.suspend(() => {
              const outcome = Deferred.unsafeMake<A, E | E2>(FiberId.none)
              const interrupt = () => fiber.unsafeInterruptAsFork(FiberId.none)
              const one = {
                deadline: steadyMillis(clock) + millis,
                giveUp: (why: GivenUp) => {
                  Deferred.unsafeDone(outcome, Effect.suspend(() => Effect.fail(onGivenUp(why))))
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
  }
)
