import { assert, describe, layer, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, startServer } from "./support/processes.js"
import { againstRotation, againstSignOut, againstWrite } from "./support/races.js"
import { playRounds, Servers } from "./support/rounds.js"
import { campaign, report, sized, someOf, timeout } from "./support/size.js"
import {
  dropTables,
  mysqlTarget,
  postgresTarget,
  redisClusterTarget,
  redisTarget,
  sqliteTarget,
  usersWithRows
} from "./support/targets.js"
import { type Broken, read, send, signIn } from "./support/visitor.js"

const prefix = "rotation_is_atomic"
const killedPrefix = "rotation_is_killed"

const races = [
  { what: "concurrent rotations", play: againstRotation },
  { what: "rotation against sign-out", play: againstSignOut },
  { what: "rotation against write", play: againstWrite }
]

const databases = [
  { target: postgresTarget, rounds: sized({ small: 20, middle: 200, full: 5_000 }) },
  { target: mysqlTarget, rounds: sized({ small: 30, full: 5_000 }) },
  { target: sqliteTarget, rounds: sized({ small: 10, full: 1_000 }) },
  { target: redisTarget, rounds: sized({ small: 20, middle: 200, full: 5_000 }) },
  { target: redisClusterTarget, rounds: sized({ small: 20, middle: 200, full: 5_000 }) }
]

/** Rotates and writes one session until the server is gone. Says what was acknowledged, and what the last try was. */
const rotateAndWrite = (port: number, user: string, acknowledged: () => void) =>
  Effect.gen(function*() {
    let cookie = yield* signIn(port, user)
    let count = 0
    let lost: "rotation" | "write" = "write"
    const loop = Effect.forever(Effect.gen(function*() {
      lost = "rotation"
      const rotation = yield* send(port, "/rotate", cookie)
      assert.strictEqual(rotation.status, 200)
      cookie = rotation.cookie ?? ""
      lost = "write"
      const write = yield* send(port, "/increment", cookie)
      assert.strictEqual(write.status, 200)
      count++
      acknowledged()
    }))
    yield* Effect.catchTag(loop, "Broken", (_: Broken) => Effect.void)
    return { user, cookie, count, lost }
  })

describe("Rotation is atomic", () => {
  describe.each(someOf(databases, ({ target }) => target === mysqlTarget))("$target.name", ({ rounds, target }) => {
    describe.skipIf(target.missing !== undefined)("in two processes", () => {
      layer(Servers.on(target, prefix), { excludeTestServices: true, timeout })((it) => {
        for (const { play, what } of races) {
          it.effect(`${what} leave one live id or none, never two`, () => playRounds({ what, rounds, play }), timeout)
        }
      })
    })
  })

  describe.each([postgresTarget, redisTarget, redisClusterTarget])("on $name, a process killed while it rotates", (
    target
  ) => {
    scopedLive.skipIf(campaign === "small" || target.missing !== undefined)(
      "leaves exactly one id of every session alive, with every acknowledged write",
      () =>
        Effect.gen(function*() {
          const url = yield* target.start
          yield* dropTables(url, killedPrefix)
          const variables = { DATABASE_URL: url, PREFIX: killedPrefix, TOUCH_INTERVAL: "1" }
          const kills = sized({ small: 1, middle: 3, full: 30 })
          let interrupted = 0
          for (let kill = 0; kill < kills; kill++) {
            const server = yield* startServer(variables)
            const users = Array.from({ length: 16 }, (_, index) => `user-${kill}-${index}`)
            let left = 100 + 7 * kill
            const [sessions] = yield* Effect.all([
              Effect.forEach(users, (user) => rotateAndWrite(server.port, user, () => left--), {
                concurrency: "unbounded"
              }),
              Effect.zipRight(
                eventually("there is load", Effect.sync(() => left < 0 ? true : undefined)),
                server.kill
              )
            ], { concurrency: "unbounded" })

            const rows = (yield* usersWithRows(url, killedPrefix)).filter((user) => user.startsWith(`user-${kill}-`))
            assert.deepStrictEqual([...rows].sort(), [...users].sort())
            const next = yield* startServer(variables)
            for (const { cookie, count, lost, user } of sessions) {
              const state = yield* read(next.port, cookie)
              if (state === undefined) {
                // The last rotation was made, and the answer with the new id was lost with the process.
                assert.strictEqual(lost, "rotation")
                interrupted++
              } else {
                assert.strictEqual(state.user, user)
                assert.include(lost === "write" ? [count, count + 1] : [count], state.count)
              }
            }
            yield* next.kill
          }
          report("rotation is atomic, killed process", { kills, sessions: kills * 16, answersLost: interrupted })
        }),
      timeout
    )
  })
})
