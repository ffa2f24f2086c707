/**
 * What this library counts, in Effect's own metrics, with the labels of the fiber that does it (`Effect.tagMetrics`).
 *
 * @since 3.0.0
 */
import * as Metric from "effect/Metric"

const counter = (name: string, description: string) =>
  Metric.counter(`effect_sessions_${name}`, { description, incremental: true })

/** The counters of one name, one for each reason: made once, since a label costs more than a count. */
const counterFor = (name: string, description: string) => {
  const metric = counter(name, description)
  return (reason: string) => Metric.tagged(metric, "reason", reason)
}

const undecodableFor = counterFor("undecodable", "Stored sessions that could not be used, by reason")

const rejectedFor = counterFor("rejected_cookies", "Cookies refused without asking the store, by reason")

/**
 * Sessions stored for the first time.
 *
 * @since 3.0.0
 * @category metrics
 */
export const created = counter("created", "Sessions stored for the first time")

/**
 * Sessions read and found live.
 *
 * @since 3.0.0
 * @category metrics
 */
export const read = counter("read", "Sessions read and found live")

/**
 * Ids that were looked up and had no live session: unknown, ended, expired.
 *
 * @since 3.0.0
 * @category metrics
 */
export const absent = counter("absent", "Ids looked up without a live session")

/**
 * Sessions found stored but past a deadline of the current timeouts.
 *
 * @since 3.0.0
 * @category metrics
 */
export const expired = counter("expired", "Sessions found past a deadline of the current timeouts")

/**
 * Stored sessions that could not be used, by `reason`: `data`, `user` or `times`.
 *
 * @since 3.0.0
 * @category metrics
 */
export const undecodable = {
  data: undecodableFor("data"),
  user: undecodableFor("user"),
  times: undecodableFor("times")
}

/**
 * Changes of data written.
 *
 * @since 3.0.0
 * @category metrics
 */
export const updated = counter("updated", "Changes of data written")

/**
 * Sessions given a new id, sign-ins included.
 *
 * @since 3.0.0
 * @category metrics
 */
export const rotated = counter("rotated", "Sessions given a new id")

/**
 * Sessions ended on purpose, one by one or by user.
 *
 * @since 3.0.0
 * @category metrics
 */
export const destroyed = counter("destroyed", "Sessions ended on purpose")

/**
 * Writes that found the session changed meanwhile and were tried again on fresh data.
 *
 * @since 3.0.0
 * @category metrics
 */
export const conflicts = counter("conflicts", "Writes tried again on fresh data")

/**
 * Writes dropped because the session had ended meanwhile.
 *
 * @since 3.0.0
 * @category metrics
 */
export const gone = counter("gone", "Writes dropped because the session had ended")

/**
 * Activity notes written to the store.
 *
 * @since 3.0.0
 * @category metrics
 */
export const touchesWritten = counter("touches_written", "Activity notes written to the store")

/**
 * Activity not written because the last note was recent enough.
 *
 * @since 3.0.0
 * @category metrics
 */
export const touchesSkipped = counter("touches_skipped", "Activity not written, the last note being recent")

/**
 * Cookies refused without asking the store, by `reason`: `malformed`, `signature` or `too_long`.
 *
 * @since 3.0.0
 * @category metrics
 */
export const rejectedCookies = {
  malformed: rejectedFor("malformed"),
  signature: rejectedFor("signature"),
  too_long: rejectedFor("too_long")
}

/**
 * Expired sessions removed by sweeps.
 *
 * @since 3.0.0
 * @category metrics
 */
export const swept = counter("swept", "Expired sessions removed by sweeps")

/**
 * Store operations that failed.
 *
 * @example
 * ```ts
 * import { Effect, Metric } from "effect"
 * import { SessionMetrics } from "effect-sessions"
 *
 * export const program = Effect.map(Metric.value(SessionMetrics.storeFailures), ({ count }) => count)
 * ```
 *
 * @since 3.0.0
 * @category metrics
 */
export const storeFailures = counter("store_failures", "Store operations that failed")

const listeningGauge = Metric.gauge("effect_sessions_listening", {
  description: "Whether the store tells this node what others end: 1, or 0 while the interval stands in"
})

/**
 * Whether the store tells this node what other nodes end, by `session` (the declared name): 1, or 0 while it does not and
 * those who wait look in the interval instead. Nothing where the store cannot tell, or nobody has waited yet.
 *
 * @since 3.0.0
 * @category metrics
 */
export const listening = (session: string): Metric.Metric.Gauge<number> =>
  Metric.tagged(listeningGauge, "session", session)
