/**
 * A channel on which every node hears what any node ends. No driver says for certain that it still hears: a connection dies
 * in silence, a pooler gives it to somebody else. So a node greets itself on the channel, and has lost it when it does not
 * hear that.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Signal from "../core/signal.js"
import { SessionStoreError } from "../SessionError.js"

/** How to hear and be heard. */
export interface Channel {
  /** Hears all texts that are sent while it runs. Does not end but by failing. */
  readonly hear: (onText: (text: string) => void) => Effect.Effect<never, SessionStoreError>
  readonly send: (text: string) => Effect.Effect<unknown, SessionStoreError>
}

/** Milliseconds between two greetings. */
const betweenGreetings = 10_000

/** Milliseconds in which a greeting must be heard after so many that were not, and how many of them may be missed. */
const forAnEcho = (missed: number): number => 50 * 2 ** missed
const maxMissed = 6

const unheard = new SessionStoreError({
  operation: "listen",
  reason: "Unavailable",
  outcomeUnknown: false,
  detail: "it does not tell what was sent to it"
})

/** A name for a store of a node, so that it knows what it has told itself. */
export const generateNode: Effect.Effect<string> = Effect.sync(() => crypto.randomUUID())

/**
 * The signals of a channel, for as many as want them: they share what hears, which listens while one of them does. Each
 * fails once it is not certain any more that all is heard.
 */
export const make = Effect.fnUntraced(function*(
  node: string,
  { hear, send }: Channel
): Effect.fn.Return<Stream.Stream<Signal.Signal, SessionStoreError>, never, Scope.Scope> {
  const listeners = new Set<(signal: Signal.Signal) => void>()
  const hearsAll = hear((text) => {
    const signal = Signal.decode(node, text)
    if (signal !== undefined) { for (const listener of listeners) listener(signal) }
  })
  // A driver may wait for long for the end of a connection that is dead already: nobody waits for that with it.
  const hearing = Effect.disconnect(hearsAll)
  // When it is dead to one, it is over for all: who held on to it would keep the others from a new one.
  const shared = yield* RcRef.make({
    acquire: Effect.tap(
      Deferred.make<never, SessionStoreError>(),
      (over) => Effect.forkScoped(Effect.onExit(hearing, (exit) => Deferred.done(over, exit)))
    )
  })

  return Stream.unwrapScoped(Effect.gen(function*() {
    const signals = yield* Queue.unbounded<Signal.Signal>()
    const echoes = yield* Queue.sliding<void>(1)
    const listener = (signal: Signal.Signal): void => {
      if (signal._tag === "Listening") echoes.unsafeOffer(void 0)
      else signals.unsafeOffer(signal)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => listeners.add(listener)),
      () => Effect.sync(() => listeners.delete(listener))
    )
    const over = yield* RcRef.get(shared)

    const greet = (missed: number): Effect.Effect<void, SessionStoreError> =>
      Effect.zipRight(
        send(Signal.greetingOf(node)),
        Effect.flatMap(
          Effect.timeoutOption(Queue.take(echoes), forAnEcho(missed)),
          (echo) => {
            if (Option.isSome(echo)) return Effect.void
            return missed < maxMissed
              ? greet(missed + 1)
              : Effect.zipRight(Deferred.fail(over, unheard), Deferred.await(over))
          }
        )
      )
    const greetings = Effect.zipRight(
      Effect.zipRight(greet(0), Queue.offer(signals, { _tag: "Listening" })),
      Effect.forever(Effect.delay(greet(0), betweenGreetings))
    )
    return Stream.merge(
      Stream.fromQueue(signals),
      Stream.fromEffect(Effect.raceFirst(Deferred.await(over), greetings))
    )
  }))
})
