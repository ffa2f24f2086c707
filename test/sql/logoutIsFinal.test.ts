import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { atOnce, isDead, isLive, playRounds, type Round, Servers, signOut } from "./support/rounds.js"
import { sized, timeout } from "./support/size.js"
import { mysqlTarget, postgresTarget, sqliteTarget } from "./support/targets.js"

const prefix = "logout_is_final"

/** A sign-out in one process, while another process is busy with requests of the same session. */
const signOutAgainst = (paths: ReadonlyArray<string>) => (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const [end, ...others] = yield* atOnce(round, [
      [here, "/sign-out"],
      ...paths.map((path) => [there, path] as const)
    ])
    assert.strictEqual(end?.status, 200)
    for (const { status } of others) assert.include([200, 401], status)
    yield* isDead(round, cookie)

    // A rotation that came before the sign-out took the session to another id, which this sign-out did not name.
    const rotated = others.flatMap((answer) => answer.cookie === undefined ? [] : [answer.cookie])
    assert.isAtMost(rotated.length, 1)
    for (const next of rotated) {
      yield* isLive(round, next)
      yield* signOut(round, next)
      yield* isDead(round, next)
    }
    const late = others.some(({ status }) => status === 401)
    return rotated.length > 0 ? "rotated before" : late ? "signed out in between" : "signed out after"
  })

const databases = [
  { target: postgresTarget, rounds: sized({ small: 150, full: 5_000 }) },
  { target: mysqlTarget, rounds: sized({ small: 100, full: 5_000 }) },
  { target: sqliteTarget, rounds: sized({ small: 40, full: 1_000 }) }
]

describe("Logout is final", () => {
  describe.each(databases)("$target.name", ({ rounds, target }) => {
    describe.skipIf(target.missing !== undefined)("against requests in flight in another process", () => {
      layer(Servers.on(target, prefix), { excludeTestServices: true, timeout })((it) => {
        it.effect("no read, write or touch brings a session back", () =>
          Effect.map(
            playRounds({
              what: "read, write, touch",
              rounds,
              play: signOutAgainst(["/read", "/increment", "/append?item=late", "/touch"])
            }),
            (outcomes) => assert.isUndefined(outcomes["rotated before"])
          ), timeout)

        it.effect(
          "a rotation either came before the sign-out or does nothing",
          () => playRounds({ what: "rotate", rounds, play: signOutAgainst(["/rotate", "/read", "/increment"]) }),
          timeout
        )
      })
    })
  })
})
