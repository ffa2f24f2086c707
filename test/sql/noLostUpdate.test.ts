import { describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { changeTogether } from "./support/lostUpdate.js"
import { startServer } from "./support/processes.js"
import { campaign, sized, someOf, timeout } from "./support/size.js"
import {
  dropTables,
  mysqlTarget,
  postgresTarget,
  redisClusterTarget,
  redisTarget,
  type Shared,
  sqliteTarget
} from "./support/targets.js"

const prefix = "no_lost_update"

/** Many clients change few sessions through servers of their own. */
const play = (options: {
  readonly target: Shared
  readonly processes: number
  readonly clients: number
  readonly sessions: number
  readonly changes: number
}) =>
  Effect.gen(function*() {
    const { processes, target, ...amounts } = options
    const url = yield* target.start
    yield* dropTables(url, prefix)
    const servers = yield* Effect.replicateEffect(
      startServer({ DATABASE_URL: url, PREFIX: prefix }),
      processes,
      { concurrency: "unbounded" }
    )
    yield* changeTogether({ where: target.name, ports: servers.map(({ port }) => port), ...amounts })
  })

const servers = [postgresTarget, mysqlTarget, redisTarget, redisClusterTarget]

describe("No lost update", () => {
  describe.each(someOf(servers, (target) => target === postgresTarget))("$name", (target) => {
    describe.skipIf(target.missing !== undefined)("with a server", () => {
      scopedLive(
        "keeps every acknowledged change that 32 clients make through two processes",
        () =>
          play({
            target,
            processes: 2,
            clients: 32,
            sessions: 20,
            changes: sized({ small: 200, middle: 2_000, full: 10_000 })
          }),
        timeout
      )
    })
  })

  if (campaign !== "small") {
    scopedLive(
      "keeps every acknowledged change that 32 clients make through one process on SQLite",
      () =>
        play({
          target: sqliteTarget,
          processes: 1,
          clients: 32,
          sessions: 20,
          changes: sized({ small: 200, full: 10_000 })
        }),
      timeout
    )
  }

  scopedLive(
    "keeps every acknowledged change that 8 clients make through two processes on one SQLite file",
    () =>
      play({
        target: sqliteTarget,
        processes: 2,
        clients: 8,
        sessions: 20,
        changes: sized({ small: 80, middle: 1_000, full: 10_000 })
      }),
    timeout
  )
})
