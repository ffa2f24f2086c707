import { assert } from "@effect/vitest"
import type { SessionError, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** What a store tells, one after the other, and how it ends. */
export const hearing = (
  store: SessionStore.Service
): Effect.Effect<
  {
    readonly next: Effect.Effect<SessionStore.Signal, SessionError.SessionStoreError>
    /** Waits until it hears. What was told a moment before may come first. */
    readonly heard: Effect.Effect<SessionStore.Signal, SessionError.SessionStoreError>
    readonly end: Effect.Effect<SessionError.SessionStoreError>
  },
  never,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const { signals } = store
    assert.isDefined(signals)
    const told = yield* Queue.unbounded<SessionStore.Signal>()
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(signals ?? Stream.empty, (signal) => Queue.offer(told, signal))
    )
    const next = Effect.raceFirst(Queue.take(told), Effect.zipRight(Fiber.join(fiber), Effect.never))
    return {
      next,
      heard: Effect.repeat(next, { until: ({ _tag }) => _tag === "Listening" }),
      end: Effect.flip(Effect.zipRight(Fiber.join(fiber), Effect.never))
    }
  })

/** Waits until it hears what a store tells, which may take some tries. */
export const hearingAnew = (
  store: SessionStore.Service
): Effect.Effect<SessionStore.Signal, SessionError.SessionStoreError, Scope.Scope> =>
  Effect.retry(
    Effect.flatMap(hearing(store), ({ heard }) => heard),
    { times: 50, schedule: Schedule.spaced(200) }
  )
