/**
 * Effects that can be run by a call. On Effect 3 every effect costs the fiber steps of its own, and where nothing has to
 * be waited for, as with a store in memory, these were almost half of what a session cost. So what is on the way of
 * every request is written with these functions: the same effects from outside, one step of the fiber inside.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Either from "effect/Either"
import * as Exit from "effect/Exit"

/**
 * An effect that begins with a function of the clock. The function returns an `Exit` or an `Either` where there is
 * nothing to wait for, and an effect that has not begun where there is.
 *
 * @since 0.1.0
 * @category models
 */
export class Direct<A, E> extends Effectable.Class<A, E> {
  constructor(readonly run: (clock: Clock.Clock) => Effect.Effect<A, E>) {
    super()
  }

  override commit(): Effect.Effect<A, E> {
    return Effect.clockWith(this.run)
  }
}

/** What there is to return when nothing is left to run. */
type Done<A, E> = Exit.Exit<A, E> | Either.Either<A, E>

/** Both, as the compiler narrows a union where it does not narrow `Effect`. */
type Running<A, E> = Effect.Effect<A, E> | Done<A, E>

/**
 * Makes an effect that can be run by a call.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(run: (clock: Clock.Clock) => Effect.Effect<A, E>): Effect.Effect<A, E> => new Direct(run)

/**
 * Runs `effect` as far as a call can. Only for code that is about to return the result as its own effect.
 *
 * @since 0.1.0
 * @category utils
 */
export const enter = <A, E>(effect: Effect.Effect<A, E>, clock: Clock.Clock): Effect.Effect<A, E> =>
  effect instanceof Direct ? effect.run(clock) : effect

/**
 * An effect that is over before it has begun. Other effects have a `_tag`, too: errors, for one.
 *
 * @since 0.1.0
 * @category utils
 */
export const isDone = <A, E>(effect: Running<A, E>): effect is Done<A, E> =>
  "_tag" in effect &&
  (effect._tag === "Success" || effect._tag === "Right" || effect._tag === "Failure" || effect._tag === "Left")

const exitOf = <A, E>(effect: Running<A, E>): Exit.Exit<A, E> | undefined => {
  if (!isDone(effect)) return undefined
  switch (effect._tag) {
    case "Right":
      return Exit.succeed(effect.right)
    case "Left":
      return Exit.fail(effect.left)
    default:
      return effect
  }
}

/**
 * `Effect.flatMap`, at once where the effect is over.
 *
 * @since 0.1.0
 * @category utils
 */
export const flatMap = <A, E, B, E2>(
  effect: Running<A, E>,
  f: (value: A) => Effect.Effect<B, E2>
): Effect.Effect<B, E | E2> => {
  const exit = exitOf(effect)
  if (exit === undefined) return Effect.flatMap(effect, f)
  return Exit.isSuccess(exit) ? f(exit.value) : Exit.failCause(exit.cause)
}

/**
 * `Effect.map`, at once where the effect is over.
 *
 * @since 0.1.0
 * @category utils
 */
export const map = <A, E, B>(effect: Running<A, E>, f: (value: A) => B): Effect.Effect<B, E> =>
  flatMap(effect, (value) => Exit.succeed(f(value)))

/**
 * `Effect.catchAll`, at once where there is nothing to catch.
 *
 * @since 0.1.0
 * @category utils
 */
export const catchAll = <A, E, B, E2>(
  effect: Running<A, E>,
  f: (error: E) => Effect.Effect<B, E2>
): Effect.Effect<A | B, E2> => {
  const exit = exitOf(effect)
  return exit !== undefined && Exit.isSuccess(exit) ? Exit.succeed(exit.value) : Effect.catchAll(effect, f)
}

/**
 * `Effect.mapError`, at once where the effect is over.
 *
 * @since 0.1.0
 * @category utils
 */
export const mapError = <A, E, E2>(effect: Running<A, E>, f: (error: E) => E2): Effect.Effect<A, E2> => {
  const exit = exitOf(effect)
  return exit === undefined ? Effect.mapError(effect, f) : Exit.mapError(exit, f)
}
