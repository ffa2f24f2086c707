import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { againstRotation, againstWrite, signOutAgainst } from "../sql/support/races.js"
import { isDead, isLive, playRounds } from "../sql/support/rounds.js"
import { sized, someOf, timeout } from "../sql/support/size.js"
import { type Broken, send, signIn } from "../sql/support/visitor.js"
import { deployments, halfAMinute, maxPerUser, type Node, Nodes } from "./support/nodes.js"

const minute = 60_000
const idle = 15 * minute
const absolute = 20 * minute

/** How far the four clocks are ahead. */
const apart = [
  { what: "half a minute from the true time", ahead: halfAMinute },
  { what: "ten minutes apart", ahead: [0, 10 * minute, 0, 0] }
]

/** Each difference between two clocks, with two nodes that have it: how far the first one is ahead of the second one. */
const differences = (ahead: ReadonlyArray<number>) => [
  ...new Map(
    ahead.flatMap((one, here) =>
      ahead.map((other, there) => [one - other, { here, there, difference: one - other }] as const)
    )
  ).values()
]

let users = 0

/** Somebody whom no other test knows. */
const somebody = (): string => `user-${++users}`

const statusesOf = (path: string, cookie: string) =>
  Effect.flatMap(
    Nodes,
    ({ all }) => Effect.forEach(all(), ({ port }) => Effect.map(send(port, path, cookie), ({ status }) => status))
  )

/** Which nodes open a session, by looks that are no activity. */
const whoOpens = (cookie: string) =>
  Effect.map(statusesOf("/look", cookie), (statuses) => statuses.map((status) => status === 200))

const nodeAt = (index: number): Effect.Effect<Node, never, Nodes> =>
  Effect.flatMap(Nodes, ({ all }) => {
    const node = all()[index]
    return node === undefined ? Effect.dieMessage(`there is no node ${index}`) : Effect.succeed(node)
  })

const post = (node: Node, path: string, cookie?: string): Effect.Effect<void, Broken> =>
  Effect.map(send(node.port, path, cookie), ({ status }) => assert.strictEqual(status, 200, path))

/**
 * A session that is used on one node for the last time at `used`, after it was begun there at 0: by each clock it lives for
 * as long as that clock says, counted from what the clock of its node said, whichever is ahead.
 */
const livesBy = (ahead: ReadonlyArray<number>, used: number, end: number, moments: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const { standAt } = yield* Nodes
    const begin = Date.now()
    for (const [index, own] of ahead.entries()) {
      const node = yield* nodeAt(index)
      yield* standAt(begin, ahead)
      const cookie = yield* signIn(node.port, somebody())
      if (used > 0) {
        yield* standAt(begin + used, ahead)
        yield* post(node, "/touch", cookie)
      }
      for (const moment of moments) {
        yield* standAt(begin + moment, ahead)
        assert.deepStrictEqual(
          yield* whoOpens(cookie),
          ahead.map((other) => moment + other - own < end),
          `begun on node ${index}, after ${moment} ms`
        )
      }
    }
  })

describe.each(someOf(deployments, ({ name }) => name !== "MySQL"))(
  "The clocks of four nodes on $name",
  (deployment) => {
    describe.skipIf(deployment.missing !== undefined)("(where it is there)", () => {
      // They sweep when they are told.
      layer(Nodes.on(deployment, "clocks", { ahead: [0, 0, 0, 0], sweepInterval: 60 * minute }), {
        excludeTestServices: true,
        timeout
      })((it) => {
        for (
          const { play, what } of [
            { what: "sign-out against read, write and touch", play: signOutAgainst(["/read", "/increment", "/touch"]) },
            { what: "concurrent rotations", play: againstRotation },
            { what: "rotation against write", play: againstWrite }
          ]
        ) {
          it.effect(`ten minutes apart: ${what}, as with one clock`, () =>
            Effect.gen(function*() {
              const { goAhead } = yield* Nodes
              yield* goAhead([0, 10 * minute, 0, 0])
              yield* playRounds({ what, rounds: sized({ small: 12, middle: 60, full: 1_200 }), play })
            }), timeout)
        }

        for (const { ahead, what } of apart) {
          const spread = Math.max(...ahead) - Math.min(...ahead)

          it.effect(
            `${what}: the idle timeout ends a session early or late by no more than that`,
            () =>
              livesBy(ahead, 0, idle, [
                0,
                idle - spread - 1,
                idle - spread,
                idle - 1,
                idle,
                idle + spread - 1,
                idle + spread
              ]),
            timeout
          )

          it.effect(`${what}: and so does the absolute one`, () =>
            livesBy(ahead, 6 * minute, absolute, [
              absolute - spread - 1,
              absolute - spread,
              absolute,
              absolute + spread - 1,
              absolute + spread
            ]), timeout)

          it.effect(`${what}: activity on a node behind takes nothing from a session`, () =>
            Effect.gen(function*() {
              const { standAt } = yield* Nodes
              const begin = Date.now()
              const most = Math.max(...ahead)
              const first = yield* nodeAt(ahead.indexOf(most))
              const last = yield* nodeAt(ahead.indexOf(Math.min(...ahead)))
              yield* standAt(begin, ahead)
              const cookie = yield* signIn(first.port, somebody())
              yield* standAt(begin + 1_000, ahead)
              for (const path of ["/touch", "/increment"]) {
                yield* post(last, path, cookie)
              }
              for (const moment of [idle - 1, idle]) {
                yield* standAt(begin + moment, ahead)
                assert.deepStrictEqual(
                  yield* whoOpens(cookie),
                  ahead.map((own) => moment + own < idle + most)
                )
              }
            }), timeout)

          it.effect(
            `${what}: an id that was renamed is a former one for a minute, or for as long as the clocks say`,
            () =>
              Effect.gen(function*() {
                const { all, standAt } = yield* Nodes
                const begin = Date.now()
                for (const { difference, here, there } of differences(ahead)) {
                  const [renaming, asked] = [yield* nodeAt(here), yield* nodeAt(there)]
                  for (const moment of [0, minute - 1, 2 * minute - 1, 2 * minute + spread]) {
                    const where = `renamed on node ${here}, ${moment} ms later on node ${there}`
                    const isFormer = moment < 2 * minute + difference
                    if (spread <= minute && moment < minute) assert.isTrue(isFormer)
                    yield* standAt(begin, ahead)
                    const cookie = yield* signIn(renaming.port, somebody())
                    const next = (yield* send(renaming.port, "/rotate", cookie)).cookie ?? ""
                    yield* standAt(begin + moment, ahead)
                    // Nobody's in any case.
                    assert.strictEqual((yield* send(asked.port, "/look", cookie)).status, 401, where)
                    // A change is refused. Or it begins a visitor's session, whose cookie stands in the place of the other.
                    const visit = yield* send(asked.port, "/visit", cookie)
                    assert.strictEqual(visit.status, isFormer ? 409 : 200, where)
                    assert.strictEqual(visit.cookie !== undefined, !isFormer, where)
                    // A sign-out ends what it was renamed to. Or nothing.
                    yield* post(asked, "/sign-out", cookie)
                    yield* standAt(begin + 1, ahead)
                    const { status } = yield* send(renaming.port, "/look", next)
                    assert.strictEqual(status, isFormer ? 401 : 200, where)
                    for (const left of [next, visit.cookie]) {
                      if (left !== undefined) yield* post(asked, "/sign-out", left)
                    }
                    if (isFormer) yield* isDead({ all: all() }, next)
                  }
                }
              }),
            timeout
          )

          it.effect(
            `${what}: a sign-in on any is a sign-in on all, and a sign-out on any is one on all`,
            () =>
              Effect.gen(function*() {
                const { all, standAt } = yield* Nodes
                yield* standAt(Date.now(), ahead)
                for (const { here, there } of differences(ahead)) {
                  const [one, other] = [yield* nodeAt(here), yield* nodeAt(there)]
                  const user = somebody()
                  const visitor = (yield* send(one.port, "/visit")).cookie
                  const cookie = (yield* send(other.port, `/sign-in?user=${user}`, visitor)).cookie ?? ""
                  yield* isLive({ all: all(), user }, cookie)
                  yield* post(one, "/sign-out", cookie)
                  yield* isDead({ all: all() }, cookie)
                  // What the other still has in flight does not bring it back.
                  for (const path of ["/increment", "/touch", "/rotate"]) {
                    assert.strictEqual((yield* send(other.port, path, cookie)).status, 401)
                  }
                  yield* isDead({ all: all() }, cookie)
                }
              }),
            timeout
          )

          it.effect(
            `${what}: a limit holds, and never ends the session that has just begun`,
            () =>
              Effect.gen(function*() {
                const { all, standAt } = yield* Nodes
                const begin = Date.now()
                const user = somebody()
                const cookies: Array<string> = []
                for (let turn = 0; turn < 8; turn++) {
                  yield* standAt(begin + turn * 1_000, ahead)
                  const node = yield* nodeAt((turn * 3) % 4)
                  const cookie = yield* signIn(node.port, user)
                  yield* isLive({ all: all(), user }, cookie)
                  cookies.push(cookie)
                  const live = (yield* Effect.forEach(cookies, whoOpens)).filter((opens) => opens.every(Boolean))
                  assert.strictEqual(live.length, Math.min(turn + 1, maxPerUser))
                }
              }),
            timeout
          )

          it.effect(
            `${what}: of two sessions that were seen further apart in time, a limit ends the older one`,
            () =>
              Effect.gen(function*() {
                const { standAt } = yield* Nodes
                const begin = Date.now()
                const most = yield* nodeAt(ahead.indexOf(Math.max(...ahead)))
                const least = yield* nodeAt(ahead.indexOf(Math.min(...ahead)))
                for (const [between, isOlderEnded] of [[spread + 1, true], [spread - 1, false]] as const) {
                  const user = somebody()
                  yield* standAt(begin, ahead)
                  const older = yield* signIn(most.port, user)
                  yield* standAt(begin + between, ahead)
                  const younger = yield* signIn(least.port, user)
                  yield* standAt(begin + between + 1, ahead)
                  // The others are younger still.
                  const others = yield* Effect.forEach([1, 2, 3], () => signIn(most.port, user))
                  yield* signIn(most.port, user)
                  const look = (cookie: string) =>
                    Effect.map(send(least.port, "/look", cookie), ({ status }) => status === 200)
                  assert.strictEqual(yield* look(older), !isOlderEnded)
                  assert.strictEqual(yield* look(younger), isOlderEnded)
                  for (const other of others) {
                    assert.isTrue(yield* look(other))
                  }
                }
              }),
            timeout
          )

          it.effect(
            `${what}: a sign-in is fresh for as long as is asked, by the clocks of both nodes`,
            () =>
              Effect.gen(function*() {
                const { standAt } = yield* Nodes
                const begin = Date.now()
                const maxAge = 5 * minute
                for (const [index, own] of ahead.entries()) {
                  const node = yield* nodeAt(index)
                  yield* standAt(begin, ahead)
                  const cookie = yield* signIn(node.port, somebody())
                  for (const moment of [0, maxAge - minute, maxAge, maxAge + minute]) {
                    yield* standAt(begin + moment, ahead)
                    assert.deepStrictEqual(
                      yield* statusesOf(`/fresh?maxAge=${maxAge}`, cookie),
                      ahead.map((other) => moment + other - own <= maxAge ? 200 : 403)
                    )
                  }
                }
              }),
            timeout
          )

          it.effect(
            `${what}: a sweep takes what has expired a minute ago by the clock of its node`,
            () =>
              Effect.gen(function*() {
                const { standAt } = yield* Nodes
                const begin = Date.now()
                const most = Math.max(...ahead)
                const sweeping = yield* nodeAt(ahead.indexOf(most))
                for (const [index, own] of ahead.entries()) {
                  const node = yield* nodeAt(index)
                  yield* standAt(begin, ahead)
                  const cookie = yield* signIn(node.port, somebody())
                  // The last moment at which it is left, and the first one at which it is not.
                  const due = idle + minute + own - most
                  for (const [moment, isLeft] of [[due - 1, true], [due, false]] as const) {
                    yield* standAt(begin + moment, ahead)
                    yield* post(sweeping, "/sweep")
                    const opens = yield* whoOpens(cookie)
                    assert.deepStrictEqual(
                      opens,
                      ahead.map((other) => isLeft && moment + other - own < idle)
                    )
                    // Nobody's live session is taken, as long as no clock is more than a minute ahead of another.
                    if (spread <= minute) {
                      for (const other of ahead) {
                        if (!isLeft) {
                          assert.isAtLeast(moment + other - own, idle)
                        }
                      }
                    }
                  }
                }
              }),
            timeout
          )
        }

        it.effect(
          "more than half an hour apart: a session from too far in the future is nobody's",
          () =>
            Effect.gen(function*() {
              const { standAt } = yield* Nodes
              const begin = Date.now()
              const ahead = [0, 30 * minute + 1, 1, 0]
              yield* standAt(begin, ahead)
              const { port } = yield* nodeAt(1)
              const cookie = yield* signIn(port, somebody())
              assert.deepStrictEqual(yield* whoOpens(cookie), [false, true, true, false])
            }),
          timeout
        )
      })
    })
  }
)
