import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import { conformance } from "effect-sessions/testing"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

conformance("A store beside other tests", SessionStore.layerMemory, { runs: 1, rounds: 1 })

describe("Tests that follow the suite", () => {
  it.scoped("have their own clock, and no store", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Clock.currentTimeMillis, 1000)
      assert.isTrue(Option.isNone(yield* Effect.serviceOption(SessionStore.SessionStore)))
    }))
})
