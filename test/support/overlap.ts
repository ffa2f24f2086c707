import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { type Answer, type App, type AppHandle, type Browser, use } from "./app.js"
import type { Operation, Rule } from "./observedStore.js"
import { leaveAlone } from "./observedStore.js"

/**
 * A request that does its work, waits until something else has happened meanwhile, and only then does the rest and
 * answers.
 */
export const duringRequest = <E, E2, R, E3 = never>(
  app: App,
  browser: Browser,
  work: (session: AppHandle) => Effect.Effect<unknown, E>,
  meanwhile: Effect.Effect<unknown, E2, R>,
  rest: (session: AppHandle) => Effect.Effect<unknown, E3> = () => Effect.void
): Effect.Effect<Answer, E2, R> =>
  Effect.gen(function*() {
    const worked = yield* Deferred.make<void>()
    const proceed = yield* Deferred.make<void>()
    const request = yield* Effect.fork(app.visit(
      browser,
      use((session) =>
        Effect.tap(
          work(session),
          () =>
            Effect.zipRight(Deferred.succeed(worked, void 0), Effect.zipRight(Deferred.await(proceed), rest(session)))
        )
      )
    ))
    yield* Effect.raceFirst(Deferred.await(worked), Fiber.join(request))
    yield* meanwhile
    yield* Deferred.succeed(proceed, void 0)
    return yield* Fiber.join(request)
  })

/** Something during whose first `operation` on the store, just before or after it takes place, something else happens. */
const around = (before: boolean) =>
<A, E, E2, R>(
  app: App,
  operation: Operation,
  effect: Effect.Effect<A, E>,
  meanwhile: Effect.Effect<unknown, E2, R>
): Effect.Effect<A, E | E2, R> =>
  Effect.gen(function*() {
    const reached = yield* Deferred.make<void>()
    const proceed = yield* Deferred.make<void>()
    const wait = Effect.zipRight(Deferred.succeed(reached, void 0), Deferred.await(proceed))
    app.store.interfere((current, operating) => {
      if (current !== operation) return operating
      app.store.interfere(leaveAlone)
      return before ? Effect.zipRight(wait, operating) : Effect.zipLeft(operating, wait)
    })
    const running = yield* Effect.fork(effect)
    yield* Effect.raceFirst(
      Deferred.await(reached),
      Effect.zipRight(Fiber.join(running), Effect.dieMessage(`no ${operation}`))
    )
    yield* meanwhile
    yield* Deferred.succeed(proceed, void 0)
    return yield* Fiber.join(running)
  })

/** Something during whose first `operation` on the store, just before it takes place, something else happens. */
export const beforeStore = around(true)

/** Something during whose first `operation` on the store, just after it took place, something else happens. */
export const afterStore = around(false)

/** A request during whose first `operation` on the store, just before it takes place, something else happens. */
export const justBefore = <E, E2, R>(
  app: App,
  operation: Operation,
  browser: Browser,
  work: (session: AppHandle) => Effect.Effect<unknown, E>,
  meanwhile: Effect.Effect<unknown, E2, R>
): Effect.Effect<Answer, E2, R> => beforeStore(app, operation, app.visit(browser, use(work)), meanwhile)

/** Somebody who takes turns with others: goes on at each of its pauses when it is told to. */
export interface Party<A> {
  readonly run: (pause: Effect.Effect<void>) => Effect.Effect<A>
}

/** What a party's store does: it pauses before and after each operation. */
export const pausing = (pause: Effect.Effect<void>): Rule => (_operation, effect) =>
  Effect.zipRight(pause, Effect.onExit(effect, () => pause))

/**
 * Runs parties one step at a time, a step being what one does from one of its pauses to the next. `turns` says whose turn
 * it is; who is done is passed over, and in the end all finish in their order.
 */
export const takeTurns = <A>(
  parties: ReadonlyArray<Party<A>>,
  turns: ReadonlyArray<number>
): Effect.Effect<ReadonlyArray<A>> =>
  Effect.gen(function*() {
    const players = yield* Effect.forEach(parties, (party) =>
      Effect.gen(function*() {
        const stops = yield* Queue.unbounded<Deferred.Deferred<void> | "done">()
        const pause = Effect.flatMap(
          Deferred.make<void>(),
          (gate) => Effect.zipRight(Queue.offer(stops, gate), Deferred.await(gate))
        )
        const fiber = yield* Effect.fork(Effect.ensuring(party.run(pause), Queue.offer(stops, "done")))
        return { fiber, stops, at: yield* Queue.take(stops) }
      }))
    const step = (player: typeof players[number]): Effect.Effect<boolean> =>
      player.at === "done" ? Effect.succeed(false) : Effect.flatMap(
        Deferred.succeed(player.at, void 0),
        () =>
          Effect.map(Queue.take(player.stops), (stop) => {
            player.at = stop
            return true
          })
      )
    for (const turn of turns) {
      const order = [...players.slice(turn % players.length), ...players.slice(0, turn % players.length)]
      for (const player of order) if (yield* step(player)) break
    }
    for (const player of players) while (yield* step(player));
    return yield* Effect.forEach(players, ({ fiber }) => Fiber.join(fiber))
  })
