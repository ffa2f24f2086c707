import { assert, describe, scoped } from "@effect/vitest"
import { test } from "vitest"
import { concurrencyInputs } from "./support/inputsConcurrency.js"
import { configurationInputs } from "./support/inputsConfiguration.js"
import { cookieInputs } from "./support/inputsCookie.js"
import { rowInputs } from "./support/inputsRow.js"

const inputs = [...cookieInputs, ...rowInputs, ...configurationInputs, ...concurrencyInputs]

describe("The inputs of section 3 of security.md", () => {
  for (const { elsewhere, input, number, outcome, run } of inputs) {
    if (run !== undefined) scoped(`${number}. ${input}: ${outcome}`, () => run)
    if (elsewhere !== undefined) {
      test(`${number}. ${input}: ${outcome}, not checked here: ${elsewhere}`, () => {
        assert.isTrue(run !== undefined || elsewhere.length > 0)
      })
    }
  }

  test("are all here, 82 of them", () => {
    assert.deepStrictEqual(
      Array.from(new Set(inputs.map(({ number }) => number))).sort((left, right) => left - right),
      Array.from({ length: 82 }, (_, index) => index + 1)
    )
    for (const { elsewhere, input, run } of inputs) {
      assert.isTrue(run !== undefined || elsewhere !== undefined, input)
    }
  })
})
