import { assert, describe, layer, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, startServer } from "./support/processes.js"
import { atOnce, isDead, isLive, playRounds, type Round, Servers, signOut } from "./support/rounds.js"
import { campaign, report, sized, someOf, timeout } from "./support/size.js"
import { dropTables, mysqlTarget, postgresTarget, sqliteTarget, usersWithRows } from "./support/targets.js"
import { type Broken, read, send, signIn } from "./support/visitor.js"

const prefix = "rotation_is_atomic"
const killedPrefix = "rotation_is_killed"

/** Rotations in both processes: one of them wins, and its id is the only one that lives. */
const againstRotation = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const answers = yield* atOnce(round, [[here, "/rotate"], [there, "/rotate"], [here, "/rotate"], [there, "/rotate"]])
    const winners = answers.flatMap((answer) => answer.status === 200 ? [answer.cookie] : [])
    for (const { status } of answers) assert.include([200, 401, 409], status)
    assert.strictEqual(winners.length, 1)
    const next = winners[0] ?? ""
    yield* isDead(round, cookie)
    yield* isLive(round, next)
    yield* signOut(round, next)
    return "one winner"
  })

/** A rotation against a sign-out: whichever comes first, the session is over. */
const againstSignOut = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const [rotation, end] = yield* atOnce(round, [[there, "/rotate"], [here, "/sign-out"]])
    assert.strictEqual(end?.status, 200)
    yield* isDead(round, cookie)
    if (rotation?.status !== 200) {
      assert.include([401, 409], rotation?.status)
      assert.isUndefined(rotation?.cookie)
      return "signed out first"
    }
    yield* isDead(round, rotation.cookie ?? "")
    return "rotated first"
  })

/** A rotation against writes: it takes every write along that was acknowledged, and fails for none. */
const againstWrite = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const [rotation, ...writes] = yield* atOnce(round, [
      [there, "/rotate"],
      [here, "/increment"],
      [there, "/increment"],
      [here, "/append?item=a"]
    ])
    assert.strictEqual(rotation?.status, 200)
    for (const { status } of writes) assert.include([200, 401, 409], status)
    const [one, other, append] = writes.map(({ status }) => status === 200 ? 1 : 0)
    const next = rotation?.cookie ?? ""
    yield* isDead(round, cookie)
    const state = yield* isLive(round, next)
    assert.strictEqual(state?.count, (one ?? 0) + (other ?? 0))
    assert.strictEqual(state?.items.length, append)
    yield* signOut(round, next)
    const written = writes.filter(({ status }) => status === 200).length
    return written === 0 ? "rotated first" : written === writes.length ? "written first" : "in between"
  })

const races = [
  { what: "concurrent rotations", play: againstRotation },
  { what: "rotation against sign-out", play: againstSignOut },
  { what: "rotation against write", play: againstWrite }
]

const databases = [
  { target: postgresTarget, rounds: sized({ small: 20, middle: 200, full: 5_000 }) },
  { target: mysqlTarget, rounds: sized({ small: 30, full: 5_000 }) },
  { target: sqliteTarget, rounds: sized({ small: 10, full: 1_000 }) }
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

  describe.skipIf(postgresTarget.missing !== undefined)("on PostgreSQL, a process killed while it rotates", () => {
    scopedLive.skipIf(campaign === "small")(
      "leaves exactly one id of every session alive, with every acknowledged write",
      () =>
        Effect.gen(function*() {
          const url = postgresTarget.url()
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
