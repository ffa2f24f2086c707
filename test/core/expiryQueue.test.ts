import { assert, prop } from "@effect/vitest"
import * as ExpiryQueue from "effect-sessions/core/expiryQueue"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const key = FastCheck.constantFrom("a", "b", "c", "d", "e", "f")
const time = FastCheck.integer({ min: 0, max: 20 })

const operation = FastCheck.oneof(
  FastCheck.record({ _tag: FastCheck.constant("put" as const), key, time }),
  FastCheck.record({ _tag: FastCheck.constant("remove" as const), key }),
  FastCheck.record({
    _tag: FastCheck.constant("pop" as const),
    before: FastCheck.oneof(time, FastCheck.constant(Infinity))
  }),
  FastCheck.record({ _tag: FastCheck.constant("clear" as const) })
)

/** Records and their queue, kept together as the memory store does: an announcement where a key is new or sooner. */
const makeRecords = () => {
  const times = new Map<string, number>()
  let asked = 0
  const queue = ExpiryQueue.make(
    (key) => {
      asked++
      return times.get(key)
    },
    () => times.size,
    () => times.keys()
  )
  return {
    times,
    queue,
    /** How often the queue has asked for the time of a record. */
    asked: () => asked,
    put: (key: string, time: number) => {
      const before = times.get(key)
      times.set(key, time)
      if (before === undefined || time < before) queue.push(key, time)
    }
  }
}

prop(
  "pops what expires soonest, whatever was moved, removed or put back before",
  { operations: FastCheck.array(operation, { maxLength: 300, size: "max" }) },
  ({ operations }) => {
    const { put, queue, times } = makeRecords()
    for (const operation of operations) {
      switch (operation._tag) {
        case "put":
          put(operation.key, operation.time)
          break
        case "remove":
          times.delete(operation.key)
          break
        case "clear":
          times.clear()
          queue.clear()
          break
        case "pop": {
          const soonest = Math.min(...times.values())
          const popped = queue.pop(operation.before)
          if (soonest > operation.before || times.size === 0) assert.isUndefined(popped)
          else {
            assert.strictEqual(times.get(popped ?? ""), soonest)
            times.delete(popped ?? "")
          }
        }
      }
    }
  },
  { fastCheck: { numRuns: 2000 } }
)

prop("empties in order", { times: FastCheck.array(time, { maxLength: 500, size: "max" }) }, (given) => {
  const { put, queue, times } = makeRecords()
  given.times.forEach((time, index) => put(String(index), time))
  const popped: Array<number> = []
  for (let key = queue.pop(Infinity); key !== undefined; key = queue.pop(Infinity)) {
    popped.push(times.get(key) ?? NaN)
    times.delete(key)
  }
  assert.deepStrictEqual(popped, [...given.times].sort((left, right) => left - right))
})

test("is empty once it was cleared", () => {
  const { put, queue, times } = makeRecords()
  put("a", 1)
  queue.clear()
  assert.isUndefined(queue.pop(Infinity))
  times.set("a", 2)
  assert.isUndefined(queue.pop(Infinity), "what is announced again alone is in it")
})

test("asks nothing while what it holds is alive, however much that is", () => {
  const { asked, put } = makeRecords()
  for (let index = 0; index < 1000; index++) put(String(index), index)
  assert.strictEqual(asked(), 0)
})

prop("pops in order what is left once the dead were thrown out", {
  times: FastCheck.array(time, { minLength: 1, maxLength: 20 })
}, (given) => {
  const { put, queue, times } = makeRecords()
  given.times.forEach((time, index) => put(`live ${index}`, time))
  for (let index = 0; index < 200; index++) {
    put(`dead ${index}`, index % 20)
    times.delete(`dead ${index}`)
  }
  const popped: Array<number> = []
  for (let key = queue.pop(Infinity); key !== undefined; key = queue.pop(Infinity)) {
    popped.push(times.get(key) ?? NaN)
    times.delete(key)
  }
  assert.deepStrictEqual(popped, [...given.times].sort((left, right) => left - right))
})

test("asks few records per operation in the long run, though most entries are stale", () => {
  const { asked, put, queue, times } = makeRecords()
  const operations = 100_000
  for (let index = 0; index < operations; index++) {
    times.delete(String(index - 10))
    put(String(index), index)
  }
  const before = asked()
  assert.isBelow(before, operations)
  assert.strictEqual(queue.pop(Infinity), String(operations - 10))
  assert.isBelow(asked() - before, 200)
})
