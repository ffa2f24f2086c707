import { describe, layer } from "@effect/vitest"
import { signOutAgainst, signOutAgainstRenames } from "./support/races.js"
import { playRounds, Servers } from "./support/rounds.js"
import { sized, someOf, timeout } from "./support/size.js"
import { mysqlTarget, postgresTarget, redisClusterTarget, redisTarget, sqliteTarget } from "./support/targets.js"

const prefix = "logout_is_final"

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
  { name: "SQLite", target: sqliteTarget, isolation: "", rounds: sized({ small: 15, full: 1_000 }) },
  { name: "Redis", target: redisTarget, isolation: "", rounds: sized({ small: 30, middle: 300, full: 5_000 }) },
  {
    name: "Redis Cluster",
    target: redisClusterTarget,
    isolation: "",
    rounds: sized({ small: 30, middle: 300, full: 5_000 })
  }
]

describe("Logout is final", () => {
  describe.each(someOf(databases, ({ name }) => name === "PostgreSQL" || name === "Redis Cluster"))(
    "$name",
    ({ isolation, rounds, target }) => {
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
    }
  )
})
