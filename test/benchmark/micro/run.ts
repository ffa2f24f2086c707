import * as Effect from "effect/Effect"
import { layers, makeScenarios, provided } from "./scenarios.js"

const names = Object.keys(layers) as Array<keyof typeof layers>
const rounds = Number(process.env["ROUNDS"] ?? 15)
const count = Number(process.env["COUNT"] ?? 4000)

const median = (values: Array<number>) => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN

const measure = async (name: keyof typeof layers) => {
  const scenarios = await Effect.runPromise(Effect.provide(makeScenarios, provided(name)))
  const results: Record<string, Array<number>> = {}
  for (let round = 0; round < rounds + 3; round++) {
    for (const [key, send] of Object.entries(scenarios)) {
      const start = process.cpuUsage()
      for (let n = 0; n < count; n++) await send()
      const { system, user } = process.cpuUsage(start)
      if (round >= 3) (results[key] ??= []).push((user + system) / count)
    }
  }
  const bare = median(results["bare"] ?? [])
  for (const [key, values] of Object.entries(results)) {
    const value = median(values)
    console.log(`${name.padEnd(9)} ${key.padEnd(10)} ${value.toFixed(1).padStart(7)} us  own ${(value - bare).toFixed(1)}`)
  }
}

for (const name of names) {
  await measure(name)
}
