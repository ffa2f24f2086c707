import { assert, describe, effect } from "@effect/vitest"
import { SessionEvents, SessionMetrics, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { makeApp } from "../support/app.js"
import { unavailable } from "../support/observedStore.js"
import { settle, waiting } from "../support/waiting.js"

const second = 1000
const minute = 60 * second

/** What a store tells, or how it ceases to. */
type Told = SessionStore.Signal | "broken" | "over"

/** Two nodes over one store that tells one of them what the test says, and Ada's session there. */
const nodes = Effect.gen(function*() {
  const memory = yield* SessionStore.makeMemory()
  const told = yield* Queue.unbounded<Told>()
  const signals = Stream.fromQueue(told).pipe(
    Stream.takeWhile((signal) => signal !== "over"),
    Stream.mapEffect((signal) => signal === "broken" ? Effect.fail(unavailable("read")) : Effect.succeed(signal))
  )
  const tell = (signal: Told) => Effect.zipRight(Queue.offer(told, signal), settle)
  const published: Array<SessionEvents.SessionEvent> = []
  const events = yield* SessionEvents.make()
  const here = yield* makeApp({
    store: { ...memory, signals },
    events: { ...events, publish: (event) => Effect.sync(() => void published.push(event)) }
  })
  const there = yield* makeApp({ store: memory })
  const owned = yield* here.browserWithSession({ user: "ada" })
  const { handle } = Option.getOrThrow(yield* here.sessions.read(owned.id)).record
  const take = () => published.splice(0).map(({ at: _, ...event }) => event)
  const listening = Effect.map(Metric.value(SessionMetrics.listening("AppSession")), ({ value }) => value)
  return { here, there, tell, take, handle, listening, ...owned }
})

const ended = (handle: string, name = "AppSession"): SessionStore.Signal => ({
  _tag: "Ended",
  here: false,
  name,
  handle
})

describe("What the store tells", () => {
  effect("wakes who waits, at once, with one look for that session", () =>
    Effect.gen(function*() {
      const { browser, handle, here, id, tell, there } = yield* nodes
      const other = yield* here.browserWithSession({ user: "grace" })
      const { isOver } = yield* waiting(here, browser)
      const { isOver: isOtherOver } = yield* waiting(here, other.browser)
      yield* tell({ _tag: "Listening" })
      here.store.take()
      yield* there.sessions.destroy(id)
      assert.isFalse(yield* isOver)
      yield* tell(ended(handle))
      assert.isTrue(yield* isOver)
      assert.isFalse(yield* isOtherOver)
      assert.deepStrictEqual(here.store.take(), ["readTimes"])
    }))

  effect(
    "is instead of looking in the interval, but for once in a minute, and deadlines still count",
    () =>
      Effect.gen(function*() {
        const { browser, here, tell } = yield* nodes
        const { isOver } = yield* waiting(here, browser)
        yield* tell({ _tag: "Listening" })
        here.store.take()
        yield* TestClock.adjust(minute - 1)
        yield* settle
        assert.deepStrictEqual(here.store.take(), [])
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual(here.store.take(), ["readTimes"])
        yield* TestClock.adjust(14 * minute - 1)
        yield* settle
        assert.isFalse(yield* isOver)
        yield* TestClock.adjust(1)
        yield* settle
        assert.isTrue(yield* isOver)
      })
  )

  effect("before it listened is looked for when it does", () =>
    Effect.gen(function*() {
      const { browser, here, id, tell, there } = yield* nodes
      const { isOver } = yield* waiting(here, browser)
      yield* there.sessions.destroy(id)
      yield* tell({ _tag: "Listening" })
      assert.isTrue(yield* isOver)
    }))

  effect("of nobody who is waited for costs nothing", () =>
    Effect.gen(function*() {
      const { browser, handle, here, tell } = yield* nodes
      yield* waiting(here, browser)
      yield* tell({ _tag: "Listening" })
      here.store.take()
      yield* tell(ended("another"))
      yield* tell(ended(handle, "AnotherSession"))
      yield* tell({ _tag: "Cleared", here: false, name: "AnotherSession" })
      assert.deepStrictEqual(here.store.take(), [])
    }))

  effect("is a hint: a session that lives goes on", () =>
    Effect.gen(function*() {
      const { browser, handle, here, tell } = yield* nodes
      const { isOver } = yield* waiting(here, browser)
      yield* tell({ _tag: "Listening" })
      here.store.take()
      yield* tell(ended(handle))
      yield* tell({ _tag: "Cleared", here: false, name: undefined })
      assert.isFalse(yield* isOver)
      assert.deepStrictEqual(here.store.take(), ["readTimes", "readTimes"])
    }))

  for (const name of ["AppSession", undefined]) {
    effect(`may be that all is cleared of ${name ?? "everybody"}`, () =>
      Effect.gen(function*() {
        const { browser, here, tell, there } = yield* nodes
        const { isOver } = yield* waiting(here, browser)
        yield* tell({ _tag: "Listening" })
        yield* there.sessions.clear
        assert.isFalse(yield* isOver)
        yield* tell({ _tag: "Cleared", here: false, name })
        assert.isTrue(yield* isOver)
      }))
  }

  for (const [ceases, how] of [["broken", "fails"], ["over", "ends"]] as const) {
    effect(
      `gives way to the interval when it ${how}, and comes back; a gauge says which`,
      () =>
        Effect.gen(function*() {
          const { browser, here, id, listening, tell, there } = yield* nodes
          yield* waiting(here, browser)
          yield* tell({ _tag: "Listening" })
          assert.strictEqual(yield* listening, 1)
          yield* tell(ceases)
          assert.strictEqual(yield* listening, 0)
          here.store.take()
          // Nobody tells anything until it listens again.
          yield* TestClock.adjust(5 * second)
          yield* settle
          assert.deepStrictEqual(here.store.take(), ["readTimes"])
          const { isOver } = yield* waiting(here, browser)
          yield* there.sessions.destroy(id)
          yield* TestClock.adjust(5 * second)
          yield* settle
          assert.isTrue(yield* isOver)
          yield* tell({ _tag: "Listening" })
          assert.strictEqual(yield* listening, 1)
        })
    )
  }

  effect("is an event, unless this node did it", () =>
    Effect.gen(function*() {
      const { handle, take, tell } = yield* nodes
      yield* tell({ _tag: "Listening" })
      take()
      yield* tell({ _tag: "Ended", here: true, name: "AppSession", handle })
      yield* tell(ended(handle, "AnotherSession"))
      assert.deepStrictEqual(take(), [])
      yield* tell(ended(handle))
      assert.deepStrictEqual(take(), [{ _tag: "EndedElsewhere", session: "AppSession", handle }])
    }))
})
