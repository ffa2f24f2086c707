/**
 * How long a session lives: the idle timeout, the absolute timeout, and how often activity is written down.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Expiry from "./internal/expiry.js"
import { SessionConfigError } from "./SessionError.js"

/**
 * What a user of the library may set. Every duration is checked when the layer is built.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** A session without activity for this long is expired. At least 1 second. 15 minutes if left out. */
  readonly idle?: Duration.DurationInput | undefined
  /** A session this old is expired, whatever the activity. At least `idle`. One week if left out. */
  readonly absolute?: Duration.DurationInput | undefined
  /**
   * How stale the recorded activity may get before a request writes it anew. Shorter than `idle`. If left out, one
   * tenth of `idle`, at most a minute. It can only shorten the effective idle timeout, never lengthen it.
   */
  readonly touchInterval?: Duration.DurationInput | undefined
}

/**
 * Validated timeouts, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timeouts extends Expiry.Timeouts {}

const parse = (
  name: string,
  input: Duration.DurationInput,
  minimum: number,
  minimumText: string
): { readonly millis: number; readonly problems: ReadonlyArray<string> } => {
  const duration = Duration.decodeUnknown(input)
  if (Option.isNone(duration)) {
    return { millis: NaN, problems: [`SessionTimeouts.${name} is not a duration: write it like "15 minutes"`] }
  }
  // Effect reads NaN and negative durations as zero.
  const millis = Duration.toMillis(duration.value)
  if (!(millis > 0)) return { millis, problems: [`SessionTimeouts.${name} must be a positive duration`] }
  if (millis > Expiry.maxLifetime) {
    return { millis, problems: [`SessionTimeouts.${name} must be finite, ten years at most`] }
  }
  if (millis < minimum) return { millis, problems: [`SessionTimeouts.${name} must be at least ${minimumText}`] }
  if (!Number.isInteger(millis)) return { millis, problems: [`SessionTimeouts.${name} must be whole milliseconds`] }
  return { millis, problems: [] }
}

/**
 * Checks timeouts. Fails if one is zero, negative, not a number, infinite or over ten years, if idle or absolute is
 * under a second, if idle is longer than absolute, or if the touch interval is not shorter than idle.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Timeouts, SessionConfigError> =>
  Effect.suspend(() => {
    const idle = parse("idle", options.idle ?? "15 minutes", 1000, "1 second")
    const absolute = parse("absolute", options.absolute ?? "7 days", 1000, "1 second")
    const touchInterval = parse(
      "touchInterval",
      options.touchInterval ?? Duration.millis(Math.min(60_000, Math.floor(idle.millis / 10) || 1)),
      1,
      "1 millisecond"
    )
    const problems = [...idle.problems, ...absolute.problems, ...touchInterval.problems]
    if (problems.length === 0 && idle.millis > absolute.millis) {
      problems.push("SessionTimeouts.absolute must not be shorter than SessionTimeouts.idle")
    }
    if (problems.length === 0 && touchInterval.millis >= idle.millis) {
      problems.push("SessionTimeouts.touchInterval must be shorter than SessionTimeouts.idle")
    }
    return SessionConfigError.check("SessionTimeouts", problems, () => ({
      idle: idle.millis,
      absolute: absolute.millis,
      touchInterval: touchInterval.millis
    }))
  })

/**
 * The timeouts of the app. Without a layer they are 15 minutes idle, one week absolute, touched once a minute.
 * `Sessions.layer` reads them once, when it is built; a shortened timeout applies to sessions already stored.
 *
 * @since 0.1.0
 * @category tags
 */
export class SessionTimeouts extends Context.Reference<SessionTimeouts>()("effect-sessions/SessionTimeouts", {
  defaultValue: (): Timeouts => ({ idle: 15 * 60_000, absolute: 7 * 86_400_000, touchInterval: 60_000 })
}) {}

/**
 * Sets the timeouts. What is left out keeps its default.
 *
 * @example
 * ```ts
 * import { SessionTimeouts } from "effect-sessions"
 *
 * export const TimeoutsLive = SessionTimeouts.layer({ idle: "30 minutes", absolute: "12 hours" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<never, SessionConfigError> =>
  Layer.effect(SessionTimeouts, make(options))

/**
 * Sets the timeouts from configuration.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import { SessionTimeouts } from "effect-sessions"
 *
 * export const TimeoutsLive = SessionTimeouts.layerConfig({
 *   idle: Config.duration("SESSION_IDLE").pipe(Config.withDefault("15 minutes")),
 *   absolute: Config.duration("SESSION_ABSOLUTE").pipe(Config.withDefault("7 days"))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<never, SessionConfigError | ConfigError.ConfigError> =>
  Layer.effect(SessionTimeouts, Effect.flatMap(Config.unwrap(options), make))
