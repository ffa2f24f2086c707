import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ownPostgres } from "./support/ownPostgres.js"
import { eventually, startServer } from "./support/processes.js"
import { campaign, report, rounded, sized, timeout } from "./support/size.js"
import { dropTables, postgresTarget } from "./support/targets.js"
import { read, send, signIn } from "./support/visitor.js"

const prefix = "crash"

/** Clients that append to sessions, two to each, and note what they were told. They follow the app from port to port. */
const makeLoad = (clients: number) => {
  const statuses = new Map<string, number>()
  const acknowledged = Array.from({ length: clients }, (): Array<string> => [])
  const sent = new Set<string>()
  const state = { port: 0, running: true, successes: 0 }
  const note = (status: string) => statuses.set(status, (statuses.get(status) ?? 0) + 1)

  const client = (number: number, session: number, cookie: string) =>
    Effect.whileLoop({
      while: () => state.running,
      body: () => {
        const item = `${number}-${sent.size}`
        sent.add(item)
        return Effect.matchEffect(send(state.port, `/append?item=${item}`, cookie), {
          onFailure: () => Effect.zipRight(Effect.sync(() => note("broken")), Effect.sleep(20)),
          onSuccess: ({ status }) => {
            note(String(status))
            if (status !== 200) return Effect.sleep(20)
            acknowledged[session]!.push(item)
            state.successes++
            return Effect.void
          }
        })
      },
      step: () => {}
    })

  return {
    state,
    statuses,
    run: (cookies: ReadonlyArray<string>) =>
      Effect.forEach(
        Array.from({ length: clients * 2 }, (_, index) => index),
        (index) => client(index, index % clients, cookies[index % clients] ?? ""),
        { concurrency: "unbounded", discard: true }
      ),
    /** Waits until so many more requests succeeded: there is load, or there is again. */
    successes: (more: number) =>
      Effect.suspend(() => {
        const goal = state.successes + more
        return eventually("requests succeed", Effect.sync(() => state.successes >= goal ? true : undefined))
      }),
    /** Every acknowledged item is there, once, and nothing that nobody sent. */
    check: (cookies: ReadonlyArray<string>) =>
      Effect.gen(function*() {
        let items = 0
        for (const [index, cookie] of cookies.entries()) {
          const session = yield* read(state.port, cookie)
          const found = new Set(session?.items)
          assert.strictEqual(found.size, session?.items.length)
          assert.deepStrictEqual(acknowledged[index]!.filter((item) => !found.has(item)), [])
          assert.deepStrictEqual([...found].filter((item) => !sent.has(item)), [])
          items += found.size
        }
        return items
      })
  }
}

describe("A crash under load", () => {
  describe.skipIf(postgresTarget.missing !== undefined)("on PostgreSQL", () => {
    scopedLive.skipIf(campaign === "small")(
      "of the app loses no acknowledged write, whenever it is killed",
      () =>
        Effect.gen(function*() {
          const url = postgresTarget.url()
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

    scopedLive(
      "of PostgreSQL loses no acknowledged write, and the app recovers by itself",
      () =>
        Effect.gen(function*() {
          const postgres = yield* ownPostgres()
          const load = makeLoad(8)
          const crashes = sized({ small: 1, middle: 3, full: 20 })
          const server = yield* startServer({ DATABASE_URL: postgres.url, PREFIX: prefix })
          load.state.port = server.port
          const cookies = yield* Effect.replicateEffect(signIn(server.port, "user"), 8)
          const clients = yield* Effect.fork(load.run(cookies))
          const recoveries: Array<number> = []
          for (let crash = 0; crash < crashes; crash++) {
            yield* load.successes(50 + 10 * crash)
            yield* postgres.crash
            yield* postgres.start
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
          report("crash of PostgreSQL", {
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
