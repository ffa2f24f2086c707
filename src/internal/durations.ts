/** Reads the durations that an app may set: one rule for all of them. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

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
  { from, to }: { readonly from: Span; readonly to: Span }
): Reading => {
  const millis = toMillis(input)
  const fits = Number.isInteger(millis) && !isNegative(input) &&
    millis >= toMillis(from) && millis <= toMillis(to)
  return {
    millis,
    problems: fits ? [] : [
      `${name} must be a finite duration of whole milliseconds, from ${from} to ${to}: write it like "15 minutes"`
    ]
  }
}

/** Durations that can be set in more than one place. */
export const bounds = {
  /** Longer than some weeks no timer of JavaScript waits. */
  timeout: { from: "1 millis", to: "1 days" },
  /** How long a session must have been expired before it is swept. */
  margin: { from: "0 millis", to: "365 days" }
} as const
