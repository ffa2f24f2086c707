import { assert, describe, effect } from "@effect/vitest"
import { test } from "vitest"
import { type Behaviour, emission, expiry, lazy, reading } from "./support/behavioursCookie.js"
import { lifecycle, saving, transport } from "./support/behavioursLife.js"

const groups: ReadonlyArray<readonly [string, ReadonlyArray<Behaviour>]> = [
  ["Cookie emission", emission],
  ["Lazy creation", lazy],
  ["Reading", reading],
  ["Expiry", expiry],
  ["Saving and touching", saving],
  ["Lifecycle", lifecycle],
  ["Transport", transport]
]

describe("The behaviours of section 4 of peers.md", () => {
  for (const [group, behaviours] of groups) {
    describe(group, () => {
      for (const { behaviour, elsewhere, number, run } of behaviours) {
        if (run !== undefined) effect(`${number}. ${behaviour}`, () => run)
        else {
          test(`${number}. ${behaviour}, not checked here: ${elsewhere}`, () => {
            assert.isString(elsewhere)
          })
        }
      }
    })
  }

  test("are all here, 75 of them", () => {
    assert.deepStrictEqual(
      groups.flatMap(([, behaviours]) => behaviours.map(({ number }) => number)),
      Array.from({ length: 75 }, (_, index) => index + 1)
    )
  })
})
