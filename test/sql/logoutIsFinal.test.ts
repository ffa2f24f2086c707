import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { atOnce, isDead, playRounds, type Round, Servers } from "./support/rounds.js"
import { sized, someOf, timeout } from "./support/size.js"
import { mysqlTarget, postgresTarget, sqliteTarget } from "./support/targets.js"
import { send } from "./support/visitor.js"

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
    for (const { cookie, status } of others) {
      assert.include([200, 401], status)
      assert.isUndefined(cookie)
    }
    yield* isDead(round, cookie)
    return others.some(({ status }) => status === 401) ? "signed out in between" : "signed out after"
  })

/** A sign-out in one process, while the session gets a new id in the other, and another one, as far as that comes. */
const signOutAgainstRenames = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, number, there } = round
    const ids = [cookie]
    const rename = Effect.map(Effect.suspend(() => send(there.port, "/rotate", ids.at(-1))), ({ cookie, status }) => {
      assert.include([200, 401, 409], status)
      assert.strictEqual(cookie !== undefined, status === 200)
      if (cookie !== undefined) ids.push(cookie)
      return status === 200
    })
    const renames = Effect.flatMap(rename, (done) => done ? rename : Effect.succeed(false))
    const end = Effect.map(
      Effect.zipRight(Effect.sleep(number % 5), send(here.port, "/sign-out", cookie)),
      ({ status }) => assert.strictEqual(status, 200)
    )
    yield* Effect.all(number % 3 === 0 ? [end, renames] : [renames, end], { concurrency: "unbounded" })
    yield* Effect.forEach(ids, (id) => isDead(round, id))
    return `${ids.length - 1} renames`
  })

const databases = [
  { name: "PostgreSQL", target: postgresTarget, isolation: "", rounds: sized({ small: 30, middle: 300, full: 5_000 }) },
  {
    name: "MySQL, read committed",
    target: mysqlTarget,
    isolation: "READ COMMITTED",
    rounds: sized({ small: 40, full: 5_000 })
  },
  {
    name: "MySQL, repeatable read",
    target: mysqlTarget,
    isolation: "REPEATABLE READ",
    rounds: sized({ small: 40, full: 5_000 })
  },
  { name: "SQLite", target: sqliteTarget, isolation: "", rounds: sized({ small: 15, full: 1_000 }) }
]

describe("Logout is final", () => {
  describe.each(someOf(databases, ({ name }) => name === "PostgreSQL"))("$name", ({ isolation, rounds, target }) => {
    describe.skipIf(target.missing !== undefined)("against requests in flight in another process", () => {
      layer(Servers.on(target, prefix, isolation), { excludeTestServices: true, timeout })((it) => {
        it.effect(
          "no read, write or touch brings a session back",
          () =>
            playRounds({
              what: "read, write, touch",
              rounds,
              play: signOutAgainst(["/read", "/increment", "/append?item=late", "/touch"])
            }),
          timeout
        )

        it.effect(
          "no rename outruns it, nor do two",
          () => playRounds({ what: "two renames", rounds, play: signOutAgainstRenames }),
          timeout
        )
      })
    })
  })
})
