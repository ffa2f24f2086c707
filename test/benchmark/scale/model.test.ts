import { assert, describe, test } from "vitest"
import {
  type Constants,
  type Cost,
  exponent,
  extrapolate,
  fit,
  machineOf,
  needOf,
  pagesMet,
  ratesOf,
  usualTraffic,
  wholePagesPerSecond
} from "./model.js"

const cost = (serverMicros: number, logBytes: number | null = null): Cost => ({
  appMicros: 10,
  serverMicros,
  statements: 1,
  logBytes
})

const costs = (serverMicros: number) =>
  Object.fromEntries(
    ["read", "touch", "write", "begin", "sign-in", "end"].map((name) => [
      name,
      cost(serverMicros, name === "read" ? 0 : 200)
    ])
  )

/** Costs 20 us with 10^3 stored, and 5 more for each ten times as many. */
const constants: Constants = {
  store: "PostgreSQL",
  keeps: "disk",
  sizes: [1e3, 1e5, 1e6].map((stored) => ({
    stored,
    bytesPerSession: 600,
    costs: costs(20 + 5 * (Math.log10(stored) - 3))
  })),
  large: { stored: 1e5, bytesPerSession: 1600, costs: costs(40) },
  sweep: cost(6, 100),
  network: { read: 500, touch: 300, write: 400, begin: 600, "sign-in": 700, end: 200 }
}

const request = { untouched: 50, read: 100, write: 200 }

describe("the fit", () => {
  test("finds the line that the points are on, and the middle where they are on none", () => {
    const line = fit([[1, 5], [2, 7], [4, 11]])
    assert.approximately(line.slope, 2, 1e-9)
    assert.approximately(line.at, 3, 1e-9)
    assert.deepStrictEqual(fit([[3, 8]]), { at: 8, slope: 0 })
    assert.deepStrictEqual(fit([[3, 8], [3, 10]]), { at: 9, slope: 0 })
    assert.approximately(fit([[0, 1], [1, 0], [2, 2]]).slope, 0.5, 1e-9)
  })

  test("tells proportion from none, and leaves out what cannot be put on a scale of powers", () => {
    assert.approximately(exponent([[1e3, 3], [1e4, 30], [1e6, 3000]]), 1, 1e-9)
    assert.approximately(exponent([[1e3, 7], [1e5, 7], [1e6, 7]]), 0, 1e-9)
    assert.approximately(exponent([[10, 0], [1e2, 10], [1e4, 100]]), 0.5, 1e-9)
  })

  test("goes on with the logarithm, and never below what was measured", () => {
    const growing: ReadonlyArray<readonly [number, number]> = [[1e3, 20], [1e5, 30], [1e6, 35]]
    assert.approximately(extrapolate(growing, 1e9), 50, 1e-9)
    assert.strictEqual(extrapolate([[1e3, 40], [1e6, 20]], 1e9), 20)
  })

  test("takes what was measured for what it was measured with", () => {
    assert.strictEqual(extrapolate([[1e3, 20], [1e6, 30], [1e7, 50]], 1e6), 30)
    assert.approximately(extrapolate([[1e3, 20], [1e7, 40]], 1e5), 30, 1e-9)
  })
})

describe("the traffic", () => {
  test("as many sessions begin as end, and a write and a sign-in read first", () => {
    const rates = ratesOf(usualTraffic, 6_048_000_000)
    assert.approximately(rates.begin, 10_000, 1e-6)
    assert.approximately(rates.end + rates.sweep, rates.begin, 1e-6)
    assert.approximately(rates["sign-in"], 5000, 1e-6)
    assert.strictEqual(rates.write, 5000)
    assert.approximately(rates.read, 45_000 + 5000 + 5000, 1e-6)
    // A million visitors at a time, each once a minute.
    assert.approximately(rates.touch, 1e6 / 60, 1e-6)
  })

  test("there are no more visitors than sessions, and no more touches than reads", () => {
    assert.approximately(ratesOf(usualTraffic, 600).touch, 10, 1e-9)
    assert.strictEqual(ratesOf({ ...usualTraffic, reading: 0.001 }, 1e8).touch, 100)
  })
})

describe("what it takes", () => {
  const need = needOf(constants, 1e9, usualTraffic, request)

  test("bytes, and servers for them: at most half of each disk", () => {
    assert.strictEqual(need.bytes, 6e11)
    assert.deepStrictEqual([need.servers, need.because], [2, "disk"])
    assert.strictEqual(needOf(constants, 1e8, usualTraffic, request).servers, 1)
  })

  test("cores of the app: each kind of request by its share", () => {
    assert.approximately(need.appCores, (50_000 * 50 + 45_000 * 100 + 5000 * 200) / 1e6, 1e-9)
  })

  test("cores of the store: each operation by its rate, as dear as with a server's share stored", () => {
    const { begin, end, read, sweep, touch, write, "sign-in": signIn } = ratesOf(usualTraffic, 1e9)
    const micros = 20 + 5 * (Math.log10(5e8) - 3)
    assert.approximately(
      need.storeCores,
      ((read + touch + write + begin + signIn + end) * micros + sweep * 6) / 1e6,
      1e-6
    )
    assert.approximately(need.operationsPerSecond, read + touch + write + begin + signIn + end, 1e-6)
  })

  test("what is written and sent", () => {
    const { begin, end, read, sweep, touch, write, "sign-in": signIn } = ratesOf(usualTraffic, 1e9)
    assert.approximately(need.logBytesPerSecond, (touch + write + begin + signIn + end) * 200 + sweep * 100, 1e-3)
    assert.approximately(
      need.networkBytesPerSecond,
      read * 500 + touch * 300 + write * 400 + begin * 600 + signIn * 700 + end * 200,
      1e-3
    )
    assert.approximately(need.sweptPerDay, sweep * 86_400, 1e-3)
    assert.approximately(need.sweepCoreMinutesPerDay, sweep * 86_400 * 6 / 6e7, 1e-6)
  })

  test("whole pages: one for each change where there are many, all of them once where there are few", () => {
    assert.approximately(pagesMet(10, 1e9), 10, 1e-3)
    assert.approximately(pagesMet(1e9, 1000), 1000, 1e-9)
    assert.approximately(pagesMet(1000, 1000), 1000 * (1 - 1 / Math.E), 1e-9)
    // Rows of a page each: a million who are there, and who came in five minutes.
    const changed = 1e6 + ratesOf(usualTraffic, 1e9).begin * 300
    assert.approximately(
      wholePagesPerSecond(1e15 * 8192, 1e9, usualTraffic) / (changed * 8192 / 300),
      1,
      1e-3
    )
    assert.strictEqual(need.wholePagesPerSecond, wholePagesPerSecond(6e11, 1e9, usualTraffic))
    assert.strictEqual(needOf({ ...constants, store: "MariaDB" }, 1e9, usualTraffic, request).wholePagesPerSecond, 0)
  })

  test("a Redis server has one core and its memory: the traffic needs several before the sessions do", () => {
    const redis: Constants = { ...constants, store: "Redis", keeps: "memory" }
    const few = needOf(redis, 1e6, usualTraffic, request)
    assert.strictEqual(few.because, "CPU")
    assert.strictEqual(few.servers, Math.ceil(few.storeCores / 0.5))
    const many = needOf(redis, 1e9, { ...usualTraffic, requestsPerSecond: 100 }, request)
    assert.deepStrictEqual([many.servers, many.because], [
      Math.ceil(6e11 / (machineOf("Redis").memoryBytes / 2)),
      "memory"
    ])
  })
})
