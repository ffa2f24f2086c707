import * as Effect from "effect/Effect"

/** The clock of a node, which may be wrong, and may stand still. What it waits for takes as long as ever. */
export interface NodeClock {
  /** Lets it go, so far ahead of the time. */
  readonly goAhead: (millis: number) => void
  /** Lets it stand still at a time. */
  readonly standAt: (time: number) => void
  /** Runs an effect by this clock. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const makeClock = (ahead: number): NodeClock => {
  let read = (millis: number): number => millis + ahead
  return {
    goAhead: (ahead) => {
      read = (millis) => millis + ahead
    },
    standAt: (time) => {
      read = () => time
    },
    run: (effect) =>
      Effect.clockWith((clock) =>
        Effect.withClock(
          effect,
          Object.assign(Object.create(clock), {
            currentTimeMillis: Effect.map(clock.currentTimeMillis, (millis) => read(millis)),
            unsafeCurrentTimeMillis: () => read(clock.unsafeCurrentTimeMillis())
          })
        )
      )
  }
}
