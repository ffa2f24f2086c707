/** Measures what one operation and one stored session cost, with few and with many stored. */
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import { median } from "../statistics.js"
import type { Constants, Cost, OperationName, Size } from "./model.js"
import * as Population from "./population.js"
import { cpuOf } from "./servers.js"
import type { Measured, StoreToMeasure } from "./stores.js"

export interface Effort {
  readonly sizes: ReadonlyArray<number>
  /** How often each operation is measured, and of how many each time. */
  readonly rounds: number
  readonly operations: number
}

const concurrency = 16
const idle = 900_000

/** What must be known of a store to change what is in it. */
interface State {
  readonly store: SessionStore.Service
  readonly versions: Map<number, number>
  clock: number
  fresh: number
}

const stateOf = (store: SessionStore.Service): State => ({
  store,
  versions: new Map(),
  clock: Population.now,
  fresh: 1e9
})

/** The operations of a round, and what each of them is given. Numbers past the population are of sessions of the round. */
const operationsOf = (state: State, stored: number, data: string, effort: Effort, store = state.store) => {
  const { versions } = state
  const picked = () => Math.floor(Math.random() * stored)
  const begun: Array<SessionStore.SessionRecord> = []
  const renamed: Array<SessionStore.SessionRecord> = []
  const later = () => ({ lastSeenAt: ++state.clock, expiresAt: state.clock + idle, now: Population.now })
  const sure = <E>(what: OperationName, done: Effect.Effect<boolean, E>): Effect.Effect<void> =>
    Effect.orDie(Effect.flatMap(done, (isDone) => isDone ? Effect.void : Effect.dieMessage(`${what} did nothing`)))

  const numbers = Array.from({ length: effort.operations })
  const each = (next: () => Effect.Effect<void>) =>
    Effect.forEach(numbers, () => Effect.suspend(next), { concurrency, discard: true })

  const rounds: Readonly<Record<OperationName, Effect.Effect<void>>> = {
    read: each(() =>
      sure("read", Effect.map(store.read(Population.keyOf(picked()), Population.now), ({ _tag }) => _tag === "Some"))
    ),
    touch: each(() => sure("touch", store.touch({ key: Population.keyOf(picked()), ...later() }))),
    write: Effect.suspend(() => {
      // Each once in a round, so that none meets itself.
      const chosen = new Set<number>()
      while (chosen.size < Math.min(effort.operations, stored)) chosen.add(picked())
      return Effect.forEach(chosen, (index) => {
        const expectedVersion = versions.get(index) ?? 1
        versions.set(index, expectedVersion + 1)
        return sure("write", store.update({ key: Population.keyOf(index), expectedVersion, data, ...later() }))
      }, { concurrency, discard: true })
    }),
    begin: each(() => {
      const record = Population.recordOf(2 * state.fresh++ + 1, data)
      begun.push(record)
      return sure("begin", store.insert({ record }))
    }),
    "sign-in": each(() => {
      const record = begun.pop()
      if (record === undefined) return Effect.dieMessage("nothing to sign in")
      const next = {
        ...record,
        key: record.key.split("").reverse().join(""),
        previousKey: record.key,
        renamedAt: Population.now,
        userId: `user-${record.key}`,
        version: 2
      }
      renamed.push(next)
      const rotation = { oldKey: record.key, expectedVersion: 1, next, now: Population.now }
      return sure("sign-in", store.rotate(rotation))
    }),
    end: each(() => {
      const key = renamed.pop()?.key ?? ""
      return sure("end", Effect.map(store.delete({ keys: [key] }), (removed) => removed === 1))
    })
  }
  return rounds
}

const order: ReadonlyArray<OperationName> = ["read", "touch", "write", "begin", "sign-in", "end"]

const appCpu = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** What an effect cost, each of so many operations. */
const costOf = (
  { counters, processes }: Measured,
  operations: number,
  effect: Effect.Effect<void>
): Effect.Effect<Cost> =>
  Effect.gen(function*() {
    const before = yield* counters
    const serverBefore = cpuOf(processes)
    const appBefore = appCpu()
    yield* effect
    const appMicros = (appCpu() - appBefore) / operations
    const serverMicros = (cpuOf(processes) - serverBefore) / operations
    const after = yield* counters
    const difference = (from: number | undefined, to: number | undefined) =>
      from === undefined || to === undefined ? null : (to - from) / operations
    return {
      appMicros,
      serverMicros,
      statements: difference(before.statements, after.statements),
      logBytes: difference(before.logBytes, after.logBytes)
    }
  })

const medianOf = (costs: ReadonlyArray<Cost>): Cost => {
  const of = (field: (cost: Cost) => number | null): number | null => {
    const values = costs.flatMap((cost) => field(cost) ?? [])
    return values.length === 0 ? null : Math.round(median(values) * 100) / 100
  }
  return {
    appMicros: of(({ appMicros }) => appMicros) ?? 0,
    serverMicros: of(({ serverMicros }) => serverMicros) ?? 0,
    statements: of(({ statements }) => statements),
    logBytes: of(({ logBytes }) => logBytes)
  }
}

const networkOf = ({ counted }: Measured, state: State, stored: number, data: string, effort: Effort) =>
  Effect.gen(function*() {
    if (counted === undefined) return null
    const rounds = operationsOf(state, stored, data, effort, counted.store)
    const bytes: Record<string, number> = {}
    // Once for what is only sent at first: statements that are prepared, scripts that are loaded.
    for (const isCounted of [false, true]) {
      for (const operation of order) {
        const before = counted.bytes()
        yield* rounds[operation]
        if (isCounted) bytes[operation] = Math.round((counted.bytes() - before) / effort.operations)
      }
    }
    return bytes
  })

const measureSize = (measured: Measured, state: State, stored: number, data: string, empty: number, effort: Effort) =>
  Effect.gen(function*() {
    const bytesPerSession = Math.round(((yield* measured.bytes) - empty) / stored * 10) / 10
    const rounds = operationsOf(state, stored, data, effort)
    const costs = new Map<OperationName, Array<Cost>>(order.map((name) => [name, []]))
    for (let round = 0; round <= effort.rounds; round++) {
      for (const name of order) {
        const operations = name === "write" ? Math.min(effort.operations, stored) : effort.operations
        const cost = yield* costOf(measured, operations, rounds[name])
        // The first is for what is compiled, connected and prepared.
        if (round > 0) costs.get(name)?.push(cost)
      }
    }
    const size: Size = {
      stored,
      bytesPerSession,
      costs: Object.fromEntries(order.map((name) => [name, medianOf(costs.get(name) ?? [])]))
    }
    return size
  })

/** One store, from empty to full; then a few larger sessions in an empty one. */
export const measureStore = (
  { atMost, keeps, make, name }: StoreToMeasure,
  effort: Effort,
  say: (text: string) => void
): Effect.Effect<Constants> =>
  Effect.gen(function*() {
    const small = Population.dataOf(100)
    const sizes: Array<Size> = []
    const first = yield* Effect.scoped(Effect.gen(function*() {
      const measured = yield* make
      const empty = keeps === "disk" ? 0 : yield* measured.bytes
      const state = stateOf(measured.store)
      let stored = 0
      let network: Record<string, number> | null = null
      for (const next of effort.sizes.filter((size) => size <= atMost)) {
        yield* measured.fill(stored, next, small)
        stored = next
        const size = yield* measureSize(measured, state, stored, small, empty, effort)
        sizes.push(size)
        say(`${name}, ${stored}: ${size.bytesPerSession} bytes a session`)
        if (network === null) network = yield* networkOf(measured, state, stored, small, effort)
      }
      const swept = Math.min(10_000, stored)
      const sweep = yield* costOf(
        measured,
        swept,
        Effect.orDie(Effect.forEach(
          Array.from({ length: swept / 1000 }),
          () => measured.store.deleteExpired(Population.now + 1e8, 1000),
          { discard: true }
        ))
      )
      return { sweep: medianOf([sweep]), network }
    }))
    const large = yield* Effect.scoped(Effect.gen(function*() {
      const measured = yield* make
      const empty = keeps === "disk" ? 0 : yield* measured.bytes
      const data = Population.dataOf(1000)
      const stored = Math.min(100_000, Math.max(...effort.sizes))
      yield* measured.fill(0, stored, data)
      return yield* measureSize(measured, stateOf(measured.store), stored, data, empty, { ...effort, rounds: 1 })
    }))
    say(`${name}, 1 KB: ${large.bytesPerSession} bytes a session`)
    return { store: name, keeps, sizes, large, ...first }
  })
