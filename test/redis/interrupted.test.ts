import { assert, describe, scopedLive } from "@effect/vitest"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Cluster } from "ioredis"
import type { RedisFailure } from "../../src/core/redisFailure.js"
import * as RedisClusterSteps from "../../src/internal/redisClusterSteps.js"
import * as RedisConnection from "../../src/internal/redisConnection.js"
import { sized, timeout } from "../sql/support/size.js"
import { change, everySession, now, owner, rotation, sample } from "../sql/support/stores.js"
import { always, countLive } from "../support/observedStore.js"
import { startCluster } from "./support/cluster.js"
import { binaryMissing } from "./support/servers.js"

const dead: RedisFailure = { isUnknownScript: false, outcomeUnknown: true, detail: "dead" }

/** A node of a cluster, and what it does instead of, or before, each of its commands, by their number. */
const makeNode = Effect.fnUntraced(function*(nodes: ReadonlyArray<{ readonly host: string; readonly port: number }>) {
  const connection = yield* RedisConnection.make(() => new Cluster([...nodes]))
  yield* connection.ready
  const state: {
    commands: number
    before: (command: number, name: string) => Effect.Effect<void, RedisFailure>
  } = { commands: 0, before: () => Effect.void }
  const observed = (name: string, command: Effect.Effect<unknown, RedisFailure>) =>
    Effect.suspend(() => Effect.zipRight(state.before(state.commands++, name), command))
  const steps = RedisClusterSteps.onCluster(
    {
      ...connection,
      run: (script, ...rest) => observed(script, connection.run(script, ...rest)),
      ask: (command, args) => observed(command, connection.ask(command, args))
    },
    "node:",
    { channel: "node:ended", node: "node" }
  )
  return { steps, state }
})

const attempt = () => ({ sent: 0, refused: 0 })

describe.skipIf(binaryMissing() !== undefined)("Between two commands of an operation on a Redis Cluster", () => {
  scopedLive(
    "the end of a session under the same key takes no link from the one that begins",
    () =>
      Effect.gen(function*() {
        const { nodes } = yield* startCluster
        const { state, steps } = yield* makeNode(nodes)
        const store = yield* RedisSessionStore.make({ cluster: { nodes }, prefix: "node:" })
        const record = sample({ userId: "user" })
        yield* store.insert({ record })
        state.before = (_, name) => name === "insert" ? Effect.orDie(store.delete({ keys: ["key"] })) : Effect.void
        assert.strictEqual(yield* steps.insert({ record }, attempt()), "done")
        assert.deepStrictEqual(yield* store.listByUser(everySession), [record])
        assert.strictEqual(yield* store.delete({ keys: [], handle: record.handle }), 1)
      }),
    timeout
  )

  scopedLive(
    "a node that dies leaves each session as it was or as it should be, and others find it",
    () =>
      Effect.gen(function*() {
        const { nodes } = yield* startCluster
        const { state, steps: node } = yield* makeNode(nodes)
        const store = yield* RedisSessionStore.make({ cluster: { nodes }, prefix: "node:" })
        const first = sample({ key: "a", handle: "a", userId: "user", expiresAt: 2000 })
        const second = rotation(sample({ key: "b", handle: "b", userId: "user", expiresAt: 3000 }), "b2")
        const later = { ...change(first), lastSeenAt: now + 1, expiresAt: 9000 }
        const next = { ...rotation(first, "a2").next, userId: "other", handle: "a3", expiresAt: 9000 }
        const user: SessionStore.UserLimit = { ...owner, now, liveAfter: always, limit: 1, newest: second.next }
        const operations: ReadonlyArray<readonly [name: string, run: () => Effect.Effect<unknown, RedisFailure>]> = [
          ["insert", () => node.insert({ record: sample({ key: "c", handle: "c", userId: "user" }) }, attempt())],
          ["touch", () => node.change(later, attempt())],
          ["update", () => node.change({ ...later, update: { expectedVersion: 1, data: "[]" } }, attempt())],
          ["rotate", () => node.rotate({ ...rotation(first, "a2"), next }, attempt())],
          ["delete", () => node.delete({ keys: ["b"], renamedAfter: 0 }, attempt())],
          ["deleteByUser", () => node.deleteByUser(owner, attempt())],
          ["limitByUser", () => node.limitByUser(user, attempt())],
          ["deleteExpired", () => node.deleteExpired(2500, 10, attempt())],
          ["clear", () => node.clear(undefined, attempt())]
        ]
        const all = Effect.fnUntraced(function*() {
          const found = yield* Effect.forEach(["a", "a2", "b", "b2", "c"], (key) => store.read(key, now))
          return found.flatMap((one) => Option.toArray(one))
        })
        const steps = sized({ small: 8, middle: 40, full: 400 })
        for (
          const [name, run, step] of operations.flatMap(([name, run]) =>
            Array.from({ length: steps }, (_, step) => [name, run, step] as const)
          )
        ) {
          const what = `${name}, dead after ${step} commands`
          yield* store.clear()
          yield* store.insert({ record: first })
          yield* store.insert({ record: { ...second.next, key: "b", previousKey: null, renamedAt: null, version: 1 } })
          yield* store.rotate(second)
          const before = yield* all()
          state.commands = 0
          state.before = (command) => command < step ? Effect.void : Effect.fail(dead)
          yield* Effect.ignore(run())
          if (state.commands < step) continue
          state.before = () => Effect.void
          const after = yield* all()
          const a = after.filter(({ handle }) => handle.startsWith("a"))
          assert.isAtMost(a.length, 1, what)
          if (["insert", "touch", "update", "rotate"].includes(name)) {
            assert.sameMembers(
              after.map(({ handle }) => handle.slice(0, 1)).filter((one) => one !== "c"),
              ["a", "b"],
              what
            )
          }
          for (const record of after) {
            const was = before.find(({ key }) => key === record.key)
            if (was !== undefined && was.lastSeenAt === record.lastSeenAt) assert.deepStrictEqual(record, was, what)
          }
          // Whatever leads to them is there.
          for (const userId of ["user", "other"]) {
            const theirs = after.filter((record) => record.userId === userId)
            const listed = yield* store.listByUser({ ...everySession, userId })
            assert.sameDeepMembers([...listed], theirs, what)
          }
          const handles = after.map(({ handle }) => handle)
          const times = yield* store.readTimes({ name: owner.name, handles, now })
          assert.sameMembers(times.map(({ handle }) => handle), handles, what)
          assert.strictEqual(yield* countLive(store, owner.name, now), after.length, what)
          // One who died in his turn holds it for a second at the most.
          const left = after.filter(({ userId }) => userId === "user").length
          assert.strictEqual(yield* store.limitByUser(user), Math.max(left - 1, 0), what)
          assert.strictEqual(yield* store.deleteByUser(owner), Math.min(left, 1), what)
          assert.strictEqual(yield* store.deleteByUser({ ...owner, userId: "other" }), after.length - left, what)
          assert.deepStrictEqual(yield* all(), [], what)
        }
      }),
    timeout
  )
})
