import { assert, describe, scoped } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Signals from "../../src/internal/signals.js"

describe("A channel that several listen on", () => {
  scoped(
    "and that dies in silence is made anew, although they notice it one after the other",
    () =>
      Effect.gen(function*() {
        let made = 0
        let isDead = false
        const hearing = new Set<(text: string) => void>()
        const signals = yield* Signals.make("node", {
          hear: (onText) =>
            Effect.acquireUseRelease(
              Effect.sync(() => {
                made++
                isDead = false
                hearing.add(onText)
              }),
              () => Effect.never,
              () => Effect.sync(() => hearing.delete(onText))
            ),
          send: (text) =>
            Effect.sync(() => {
              if (!isDead) { for (const onText of hearing) onText(text) }
            })
        })
        const listening = new Set<number>()
        const listen = (one: number) =>
          Stream.runForEach(signals, () => Effect.sync(() => listening.add(one))).pipe(
            Effect.catchAllCause(() => Effect.sync(() => listening.delete(one))),
            Effect.repeat(Schedule.spaced("1 second"))
          )
        const all = Array.from({ length: 20 }, (_, one) => one)
        for (const one of all) {
          yield* Effect.fork(listen(one))
          yield* TestClock.adjust("487 millis")
        }
        yield* TestClock.adjust("1 second")
        assert.strictEqual(listening.size, all.length)
        assert.strictEqual(made, 1)
        isDead = true
        for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
        assert.strictEqual(listening.size, all.length)
        assert.strictEqual(made, 2)
      })
  )
})
