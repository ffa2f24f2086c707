import { assert, describe, effect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RedisClusterSteps from "../../src/internal/redisClusterSteps.js"
import { now, owner } from "../sql/support/stores.js"
import { always } from "../support/observedStore.js"

/** A cluster where a user has so many sessions that are gone, and how many commands it had at once at the most. */
const crowded = (sessions: number) => {
  let running = 0
  let most = 0
  const answer = (reply: unknown): Effect.Effect<unknown> =>
    Effect.suspend(() => {
      most = Math.max(most, ++running)
      return Effect.as(Effect.zipRight(Effect.yieldNow(), Effect.sync(() => running--)), reply)
    })
  const places = Array.from({ length: sessions }, (_, index) => `place${index}`)
  const steps = RedisClusterSteps.onCluster(
    {
      isCluster: true,
      ready: Effect.void,
      heard: () => 0,
      renew: () => {},
      run: () => answer([]),
      ask: (command) => answer(command === "zrange" ? places : [null, null]),
      hear: () => Effect.never
    },
    "prefix:",
    { channel: "channel", node: "node" }
  )
  return { steps, most: () => most }
}

describe("A user of very many sessions on a cluster", () => {
  effect("takes no more than his turn, so that time limits are kept", () =>
    Effect.gen(function*() {
      const { most, steps } = crowded(5000)
      yield* steps.deleteByUser(owner, { sent: 0, refused: 0 })
      yield* steps.listByUser({ ...owner, now, liveAfter: always, limit: 10, offset: 0 })
      assert.isAbove(most(), 1)
      assert.isAtMost(most(), 100)
    }))
})
