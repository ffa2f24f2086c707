/**
 * Who waits for sessions to end: sockets and event streams. One fiber of each declaration looks for all of them, with one
 * statement for a thousand, and only while somebody waits: for one that somebody begins to wait for, at once; for all, when
 * this node has ended something and when the earliest deadline has come. Where the store tells what other nodes end, the
 * fiber looks for what it tells; otherwise, and while that cannot be heard, for all in an interval.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Expiry from "../core/expiry.js"
import * as SessionMetrics from "../SessionMetrics.js"
import type * as SessionStore from "../SessionStore.js"
import type { Timeouts } from "../SessionTimeouts.js"

/** The sessions of one declaration that somebody watches. */
export interface Endings {
  /** Waits until the session has ended that has this handle, whatever its key is by then. */
  readonly waitFor: (handle: string) => Effect.Effect<void>
  /** Something has ended on this node: whoever waits for it shall hear of it at once. */
  readonly hurry: Effect.Effect<void>
}

/** Those who wait for one session. */
interface Watched {
  readonly waiting: Set<Deferred.Deferred<void>>
  /** Unknown, and so infinite, before the first look. */
  deadline: number
}

/** The handles that one statement asks for. */
const maxHandles = 1000

/** Milliseconds after which all are looked for, however much was told: not whoever removes a session tells of it. */
const longestPause = 60_000

/** Milliseconds until the store is asked again to tell, when it has failed so many times. */
const pauseAfter = (failures: number): number => Math.min(30_000, 1000 * 2 ** failures)

/** Its fiber belongs to the scope. */
export const make = (options: {
  readonly name: string
  readonly store: SessionStore.Service
  readonly timeouts: Timeouts
  readonly now: Effect.Effect<number>
  /** Milliseconds. */
  readonly interval: number
  /** What to do about a session that another node has ended. None who wants to know if it is left out. */
  readonly onElsewhere: ((handle: string) => Effect.Effect<void>) | undefined
}): Effect.Effect<Endings, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { interval, name, now, onElsewhere, store, timeouts } = options
    const run = yield* FiberSet.makeRuntime<never>()
    const hurried = yield* Effect.makeLatch(false)
    const listening = SessionMetrics.listening(name)
    const watched = new Map<string, Watched>()
    /** The handles to look for next, if not all. */
    const due = new Set<string>()
    let isAllDue = false
    let isWatching = false
    let isBlind = false
    let hears: "not yet" | "yes" | "no longer" = "not yet"
    let failures = 0

    const note = (handles: ReadonlyArray<string>, found: ReadonlyArray<SessionStore.Times>, at: number): void => {
      const live = new Map(
        found.filter((times) => Expiry.isLive(timeouts, times, at)).map((times) => [times.handle, times])
      )
      for (const handle of handles) {
        const one = watched.get(handle)
        const times = live.get(handle)
        if (one === undefined) continue
        if (times !== undefined) {
          one.deadline = Expiry.deadline(timeouts, times)
          continue
        }
        watched.delete(handle)
        for (const waiting of one.waiting) Deferred.unsafeDone(waiting, Effect.void)
      }
      isBlind = false
    }

    const lookFor = (handles: ReadonlyArray<string>) =>
      Effect.flatMap(
        now,
        (at) => Effect.map(store.readTimes({ name, handles, now: at }), (found) => note(handles, found, at))
      )

    const takeDue = (): ReadonlyArray<string> => {
      const handles = [...(isAllDue ? watched.keys() : due)]
      due.clear()
      isAllDue = false
      return handles
    }

    const look = Effect.catchAllCause(
      Effect.suspend(() => Effect.forEach(Arr.chunksOf(takeDue(), maxHandles), lookFor, { discard: true })),
      (cause) => {
        const wasBlind = isBlind
        isBlind = true
        return wasBlind || Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logWarning(
          "It cannot be seen which sessions have ended. Who waits for it hears of it later.",
          cause
        )
      }
    )

    const watch: Effect.Effect<void> = Effect.flatMap(now, (at) => {
      if (watched.size === 0) {
        isWatching = false
        return Effect.void
      }
      let earliest = Infinity
      for (const { deadline } of watched.values()) earliest = Math.min(earliest, deadline)
      const longest = hears === "yes" ? Math.max(longestPause, interval) : interval
      // Where a deadline has passed and nobody can be asked, the interval is the pause.
      const pause = isBlind ? interval : Math.max(1, Math.min(longest, earliest - at))
      const all = Effect.map(Effect.sleep(pause), () => void (isAllDue = true))
      return Effect.raceFirst(all, hurried.await).pipe(
        Effect.zipRight(hurried.close),
        Effect.zipRight(look),
        Effect.zipRight(watch)
      )
    })

    const hurry = (handle?: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (watched.size === 0 || (handle !== undefined && !watched.has(handle))) return Effect.void
        if (handle === undefined) isAllDue = true
        else due.add(handle)
        return Effect.asVoid(hurried.open)
      })

    const onSignal = (signal: SessionStore.Signal): Effect.Effect<void> => {
      switch (signal._tag) {
        case "Listening":
          hears = "yes"
          failures = 0
          // What was ended before that was not told.
          return Effect.zipRight(Metric.update(listening, 1), hurry())
        case "Cleared":
          return signal.name === undefined || signal.name === name ? hurry() : Effect.void
        case "Ended": {
          if (signal.name !== name) return Effect.void
          const woken = hurry(signal.handle)
          return signal.here || onElsewhere === undefined ? woken : Effect.zipRight(woken, onElsewhere(signal.handle))
        }
      }
    }

    const lost = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
      const isKnown = hears === "no longer"
      hears = "no longer"
      const noted = Effect.zipRight(Metric.update(listening, 0), hurry())
      return isKnown ? noted : Effect.zipRight(
        noted,
        Effect.annotateLogs(
          Effect.logWarning(
            "The store does not tell what other nodes end: those who wait for it look in the interval instead, until it does.",
            cause
          ),
          { session: name }
        )
      )
    }

    /** Hears what the store tells, again and again. */
    const listen = (signals: Stream.Stream<SessionStore.Signal, unknown>): Effect.Effect<never> =>
      Effect.forever(
        Stream.runForEach(signals, onSignal).pipe(
          Effect.zipRight(Effect.fail("it has ended")),
          Effect.catchAllCause((cause) => Effect.zipRight(lost(cause), Effect.sleep(pauseAfter(failures++))))
        )
      )

    const { signals } = store
    let isListening = signals === undefined
    const beginToListen = (): void => {
      if (isListening || signals === undefined) return
      isListening = true
      run(listen(signals))
    }
    if (onElsewhere !== undefined) beginToListen()

    /** Whoever comes has his session looked for at once: it may be over already. */
    const enter = (handle: string, waiting: Deferred.Deferred<void>): Watched => {
      const one = watched.get(handle) ??
        { waiting: new Set(), deadline: Infinity }
      watched.set(handle, one)
      one.waiting.add(waiting)
      beginToListen()
      if (!isWatching) {
        isWatching = true
        run(watch)
      }
      return one
    }

    return {
      waitFor: (handle) =>
        Effect.flatMap(Deferred.make<void>(), (waiting) =>
          Effect.acquireUseRelease(
            Effect.zipLeft(Effect.sync(() => enter(handle, waiting)), hurry(handle)),
            () => Deferred.await(waiting),
            (one) =>
              Effect.sync(() => {
                one.waiting.delete(waiting)
                if (one.waiting.size === 0 && watched.get(handle) === one) watched.delete(handle)
              })
          )),
      hurry: hurry()
    }
  })
