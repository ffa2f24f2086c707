/**
 * Reads the durations that an app may set: one rule for all of them.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SessionConfigError } from "../SessionError.js"

/** What a duration was read as, and the sentence that says what is wrong with it, if something is. */
export interface Reading {
  readonly millis: number
  readonly problems: ReadonlyArray<string>
}

type Span = `${number} ${Duration.Unit}`

/** Not a number if it is no duration. */
export const toMillis = (input: Duration.DurationInput): number =>
  Option.match(Duration.decodeUnknown(input), { onNone: () => NaN, onSome: Duration.toMillis })

/** Effect reads what is negative or not a number as zero, which some settings allow. */
const isNegative = (input: Duration.DurationInput): boolean =>
  typeof input === "string"
    ? input.startsWith("-")
    : Array.isArray(input)
    ? input.some(isNegative)
    : (typeof input === "number" || typeof input === "bigint") && !(input >= 0)

/**
 * Reads a duration that must be whole milliseconds between two bounds. Timers count in whole milliseconds, and so does
 * whatever is stored.
 */
export const read = (
  name: string,
  input: Duration.DurationInput,
  bounds: { readonly from: Span; readonly to: Span }
): Reading => {
  const millis = toMillis(input)
  const fits = Number.isInteger(millis) && !isNegative(input) &&
    millis >= toMillis(bounds.from) && millis <= toMillis(bounds.to)
  return {
    millis,
    problems: fits ? [] : [
      `${name} must be a finite duration of whole milliseconds, from ${bounds.from} to ${bounds.to}: write it like "15 minutes"`
    ]
  }
}

/** Reads a timeout: positive, and a day at the most, since longer than some weeks no timer of JavaScript waits. */
export const positive = (
  module: string,
  option: string,
  input: Duration.DurationInput
): Effect.Effect<number, SessionConfigError> => {
  const { millis, problems } = read(`${module}.${option}`, input, { from: "1 millis", to: "1 days" })
  return SessionConfigError.check(module, problems, () => millis)
}
