/**
 * Removes expired sessions in the background. Only hygiene: expiry is decided when a session is read, so an app without
 * a cleaner is just as safe, and its table just grows.
 *
 * @since 3.0.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import { wholeMillis } from "./core/expiry.js"
import * as Durations from "./internal/durations.js"
import { SessionConfigError, type SessionStoreError } from "./SessionError.js"
import * as SessionEvents from "./SessionEvents.js"
import * as SessionMetrics from "./SessionMetrics.js"
import * as SessionStore from "./SessionStore.js"

/**
 * How to sweep.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /** The time between two sweeps, on average: each wait is half to one and a half of it. 1 second to 1 week; 5 minutes if left out. */
  readonly interval?: Duration.DurationInput | undefined
  /** The rows removed by one statement, a million at the most. 1000 if left out. */
  readonly batchSize?: number | undefined
  /**
   * How long a session must have been expired, so that a node whose clock runs ahead takes nobody's live session. A
   * year at the most; 1 minute if left out.
   */
  readonly margin?: Duration.DurationInput | undefined
}

/**
 * How to sweep, and that each sweep that has removed something is published to `SessionEvents`, which then must be
 * provided.
 *
 * @since 3.0.0
 * @category models
 */
export interface OptionsWithEvents extends Options {
  /** That it publishes. */
  readonly events: true
}

interface Settings {
  readonly interval: number
  readonly batchSize: number
  readonly margin: number
}

const settings = (options: Options): Effect.Effect<Settings, SessionConfigError> =>
  Effect.suspend(() => {
    // Longer than some weeks no timer of JavaScript waits.
    const interval = Durations.read("SessionCleaner.interval", options.interval ?? "5 minutes", {
      from: "1 seconds",
      to: "1 weeks"
    })
    const margin = Durations.read("SessionCleaner.margin", options.margin ?? "1 minute", Durations.bounds.margin)
    const batchSize = options.batchSize ?? 1000
    const problems = [...interval.problems, ...margin.problems]
    if (!(Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= 1_000_000)) {
      problems.push("SessionCleaner.batchSize must be a positive whole number, a million at the most")
    }
    return SessionConfigError.check(
      "SessionCleaner",
      problems,
      () => ({ interval: interval.millis, margin: margin.millis, batchSize })
    )
  })

const sweepWith = (
  { batchSize, margin }: Settings
): Effect.Effect<number, SessionStoreError, SessionStore.SessionStore> =>
  Effect.gen(function*() {
    const store = yield* SessionStore.SessionStore
    const now = yield* Effect.map(Clock.currentTimeMillis, wholeMillis)
    let total = 0
    for (;;) {
      const removed = yield* store.deleteExpired(now - margin, batchSize)
      yield* Metric.incrementBy(SessionMetrics.swept, removed)
      total += removed
      if (removed < batchSize) return total
      yield* Effect.yieldNow()
    }
  })

/**
 * Sweeps the store in context once: removes what has expired, batch by batch, until a batch is short, and says how many.
 * For cron jobs and platforms without a long-lived process. Safe on every node at once. Fails with `SessionConfigError` if
 * a setting is out of its bounds, and with `SessionStoreError` if a batch could not be removed; those before it are.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SessionCleaner, SessionStore } from "effect-sessions"
 *
 * // A cron job
 * export const program = SessionCleaner.sweep({ batchSize: 500 }).pipe(
 *   Effect.tap((count) => Effect.log(`${count} expired sessions removed`)),
 *   Effect.provide(SessionStore.layerMemory)
 * )
 * ```
 *
 * @since 3.0.0
 * @category constructors
 */
export const sweep = (
  options: Options = {}
): Effect.Effect<number, SessionStoreError | SessionConfigError, SessionStore.SessionStore> =>
  Effect.flatMap(settings(options), sweepWith)

/**
 * Sweeps the store in context in the background, for as long as the layer lives, in intervals with jitter, so that nodes do
 * not sweep together. A sweep that fails, or dies, is logged and the next one comes. Fails with `SessionConfigError` if a
 * setting is out of its bounds.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { SessionCleaner, SessionStore } from "effect-sessions"
 *
 * export const CleanerLive = SessionCleaner.layer({ interval: "5 minutes" }).pipe(
 *   Layer.provide(SessionStore.layerMemory)
 * )
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export function layer(options?: Options): Layer.Layer<never, SessionConfigError, SessionStore.SessionStore>
export function layer(
  options: OptionsWithEvents
): Layer.Layer<never, SessionConfigError, SessionStore.SessionStore | SessionEvents.SessionEvents>
export function layer(
  options: Options | OptionsWithEvents = {}
): Layer.Layer<never, SessionConfigError, SessionStore.SessionStore | SessionEvents.SessionEvents> {
  return Layer.scopedDiscard(Effect.gen(function*() {
    const chosen = yield* settings(options)
    const tell = "events" in options ? swept(yield* SessionEvents.SessionEvents) : () => Effect.void
    const wait = Effect.flatMap(
      Random.nextRange(chosen.interval / 2, chosen.interval * 1.5),
      (millis) => Effect.sleep(millis)
    )
    yield* Effect.zipRight(
      wait,
      Effect.catchAllCause(
        Effect.flatMap(sweepWith(chosen), tell),
        (cause) => Effect.logWarning("A sweep of expired sessions failed", cause)
      )
    ).pipe(
      Effect.forever,
      Effect.annotateLogs({ package: "effect-sessions", module: "SessionCleaner" }),
      Effect.interruptible,
      Effect.forkScoped
    )
  }))
}

const swept = (events: SessionEvents.Service) => (count: number): Effect.Effect<void> =>
  count === 0
    ? Effect.void
    : Effect.flatMap(DateTime.now, (at) => events.publish({ _tag: "Swept", at, count }))

/**
 * Sweeps in the background, as configured. Fails with `ConfigError` if the configuration cannot be read, and with
 * `SessionConfigError` as `layer` does.
 *
 * @example
 * ```ts
 * import { Config, Layer } from "effect"
 * import { SessionCleaner, SessionStore } from "effect-sessions"
 *
 * export const CleanerLive = SessionCleaner.layerConfig({
 *   interval: Config.duration("SWEEP_INTERVAL").pipe(Config.withDefault("5 minutes"))
 * }).pipe(Layer.provide(SessionStore.layerMemory))
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<never, SessionConfigError | ConfigError.ConfigError, SessionStore.SessionStore> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), (options) => layer(options)))
