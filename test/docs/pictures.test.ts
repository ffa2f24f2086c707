import { assert, describe, test } from "vitest"
import { chart, committedChart, committedFigures } from "../benchmark/chart.js"

describe("docs/pictures/cost.svg", () => {
  test("is what npm run benchmark:chart makes of the figures beside it", () => {
    assert.strictEqual(committedChart(), chart(committedFigures()))
  })

  test("shows every contender with its figure, and leaves out who failed", () => {
    const row = (contender: string, own: number) => ({ contender, own: { median: own }, bare: { median: 10 } })
    const scenario = { workload: "read", store: "memory", payload: 100 }
    const drawn = chart({
      machine: { date: "2026-01-02T03:04:05Z", cpu: "", loadBefore: 0 },
      tables: [{
        scenario,
        rows: [row("effect-sessions", 10), row("other", 30), { ...row("failed", 1), error: "why" }]
      }]
    })
    assert.match(drawn, /class="ours" [^>]*width="101.0"/)
    assert.match(drawn, /class="own" [^>]*width="303.0"/)
    assert.match(drawn, />30<\/text>/)
    assert.match(drawn, /2026-01-02/)
    assert.notMatch(drawn, /failed/)
  })
})
