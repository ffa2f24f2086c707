import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import { assert, describe, scoped } from "@effect/vitest"
import { TestBrowser } from "effect-sessions/testing"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { Routes } from "../../examples/property-tests/cart.js"

const visitor = { user: null, cart: [] }

describe("A cart", () => {
  scoped("is there until the idle timeout, on one device", () =>
    Effect.gen(function*() {
      const app = yield* HttpLayerRouter.toHttpEffect(Routes)
      const laptop = yield* TestBrowser.make(app)
      const phone = yield* TestBrowser.make(app)

      yield* laptop.post("/cart/tea")
      yield* TestClock.adjust("14 minutes")
      assert.deepStrictEqual((yield* laptop.get("/cart")).json, { user: null, cart: ["tea"] })
      assert.deepStrictEqual((yield* phone.get("/cart")).json, visitor)

      yield* TestClock.adjust("15 minutes")
      assert.deepStrictEqual((yield* laptop.get("/cart")).json, visitor)
    }))
})

type Step = "tea" | "milk" | "sign-in" | "sign-out" | "wait"

const step = FastCheck.constantFrom<Step>("tea", "milk", "sign-in", "sign-out", "wait")

/** What a browser should see: the whole model of the app. */
const after = (state: { readonly user: string | null; readonly cart: ReadonlyArray<string> }, step: Step) =>
  step === "sign-in"
    ? { ...state, user: "ann" }
    : step === "sign-out" || step === "wait"
    ? visitor
    : { ...state, cart: [...state.cart, step] }

describe("Whatever a browser does", () => {
  for (const seed of [1, 2, 3]) {
    const sequences = FastCheck.sample(FastCheck.array(step, { maxLength: 12 }), { seed, numRuns: 20 })
    scoped(`it sees what the model says: seed ${seed}`, () =>
      Effect.gen(function*() {
        const app = yield* HttpLayerRouter.toHttpEffect(Routes)
        for (const steps of sequences) {
          const browser = yield* TestBrowser.make(app)
          let expected: Parameters<typeof after>[0] = visitor
          for (const step of steps) {
            if (step === "wait") yield* TestClock.adjust("15 minutes")
            else yield* browser.post(step === "sign-in" || step === "sign-out" ? `/${step}` : `/cart/${step}`)
            expected = after(expected, step)
            assert.deepStrictEqual((yield* browser.get("/cart")).json, expected)
          }
        }
      }))
  }
})
