import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { startServer as startRedis } from "../redis/support/servers.js"
import { makeLoad } from "./support/load.js"
import { ownPostgres } from "./support/ownPostgres.js"
import { startServer } from "./support/processes.js"
import { campaign, report, rounded, sized, someOf, timeout } from "./support/size.js"
import { dropTables, postgresTarget, redisClusterTarget, redisTarget } from "./support/targets.js"
import { signIn } from "./support/visitor.js"

const prefix = "crash"

/** A server that a test may crash, which has everything on disk that it acknowledged. */
const ownServers = [
  { name: "PostgreSQL", missing: postgresTarget.missing, isSmall: true, own: ownPostgres() },
  {
    name: "Redis, with appendfsync always",
    missing: redisTarget.missing,
    isSmall: false,
    own: Effect.map(
      startRedis(["--appendonly", "yes", "--appendfsync", "always"]),
      ({ kill, start, url }) => ({ url, start, crash: kill })
    )
  }
]

describe("A crash under load", () => {
  describe.each([postgresTarget, redisTarget, redisClusterTarget])("on $name", (target) => {
    scopedLive.skipIf(campaign === "small" || target.missing !== undefined)(
      "of the app loses no acknowledged write, whenever it is killed",
      () =>
        Effect.gen(function*() {
          const url = yield* target.start
          yield* dropTables(url, prefix)
          const load = makeLoad(8)
          const crashes = sized({ small: 1, middle: 3, full: 20 })
          const variables = { DATABASE_URL: url, PREFIX: prefix }
          let server = yield* startServer(variables)
          load.state.port = server.port
          const cookies = yield* Effect.replicateEffect(signIn(server.port, "user"), 8)
          const clients = yield* Effect.fork(load.run(cookies))
          for (let crash = 0; crash < crashes; crash++) {
            yield* load.successes(50 + 10 * crash)
            yield* server.kill
            server = yield* startServer(variables)
            load.state.port = server.port
          }
          yield* load.successes(50)
          load.state.running = false
          yield* clients
          const items = yield* load.check(cookies)
          assert.sameMembers([...load.statuses.keys()], ["200", "broken"])
          report("crash of the app", { crashes, statuses: Object.fromEntries(load.statuses), items })
        }),
      timeout
    )
  })

  describe.each(someOf(ownServers, ({ isSmall }) => isSmall))("of $name", ({ missing, name, own }) => {
    scopedLive.skipIf(missing !== undefined)(
      "loses no acknowledged write, and the app recovers by itself",
      () =>
        Effect.gen(function*() {
          const database = yield* own
          const load = makeLoad(8)
          const crashes = sized({ small: 1, middle: 3, full: 20 })
          const server = yield* startServer({ DATABASE_URL: database.url, PREFIX: prefix })
          load.state.port = server.port
          const cookies = yield* Effect.replicateEffect(signIn(server.port, "user"), 8)
          const clients = yield* Effect.fork(load.run(cookies))
          const recoveries: Array<number> = []
          for (let crash = 0; crash < crashes; crash++) {
            yield* load.successes(50 + 10 * crash)
            yield* database.crash
            yield* database.start
            const started = performance.now()
            yield* load.successes(1)
            recoveries.push(performance.now() - started)
          }
          yield* load.successes(50)
          load.state.running = false
          yield* clients
          const items = yield* load.check(cookies)
          assert.isFalse(server.isOver())
          assert.includeMembers(["200", "503", "broken"], [...load.statuses.keys()])
          assert.isAbove(load.statuses.get("503") ?? 0, 0)
          report(`crash of ${name}`, {
            crashes,
            statuses: Object.fromEntries(load.statuses),
            items,
            slowestRecoveryInMilliseconds: rounded(Math.max(...recoveries))
          })
        }),
      timeout
    )
  })
})
