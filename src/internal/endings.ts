/**
 * Who waits for sessions to end: sockets and event streams. One fiber of each declaration looks for all of them, with one
 * statement for a thousand, and only while somebody waits: at once when somebody begins to wait and when this node has
 * ended something, when the earliest deadline has come, and in an interval for what other nodes do.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Expiry from "../core/expiry.js"
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

/** Its fiber belongs to the scope. */
export const make = (options: {
  readonly name: string
  readonly store: SessionStore.Service
  readonly timeouts: Timeouts
  readonly now: Effect.Effect<number>
  /** Milliseconds. */
  readonly interval: number
}): Effect.Effect<Endings, never, Scope.Scope> =>
  Effect.zipWith(FiberSet.makeRuntime<never>(), Effect.makeLatch(false), (run, hurried) => {
    const { interval, name, now, store, timeouts } = options
    const watched = new Map<string, Watched>()
    let isWatching = false
    let isBlind = false

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

    const look = Effect.catchAllCause(
      Effect.suspend(() => Effect.forEach(Arr.chunksOf(watched.keys(), maxHandles), lookFor, { discard: true })),
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
      // Where a deadline has passed and nobody can be asked, the interval is the pause.
      const pause = isBlind ? interval : Math.max(1, Math.min(interval, earliest - at))
      return Effect.raceFirst(Effect.sleep(pause), hurried.await).pipe(
        Effect.zipRight(hurried.close),
        Effect.zipRight(look),
        Effect.zipRight(watch)
      )
    })

    /** Whoever comes has all looked for at once: his session may be over already. */
    const enter = (handle: string, waiting: Deferred.Deferred<void>): Watched => {
      const one = watched.get(handle) ??
        { waiting: new Set(), deadline: Infinity }
      watched.set(handle, one)
      one.waiting.add(waiting)
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
            Effect.zipLeft(Effect.sync(() => enter(handle, waiting)), hurried.open),
            () => Deferred.await(waiting),
            (one) =>
              Effect.sync(() => {
                one.waiting.delete(waiting)
                if (one.waiting.size === 0 && watched.get(handle) === one) watched.delete(handle)
              })
          )),
      hurry: Effect.suspend(() => watched.size === 0 ? Effect.void : Effect.asVoid(hurried.open))
    }
  })
