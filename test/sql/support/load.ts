import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually } from "./processes.js"
import { read, send } from "./visitor.js"

/**
 * Clients that append to sessions, two to each, and note what they were told. They follow the app from port to port, and
 * pause after each success, in milliseconds.
 */
export const makeLoad = (clients: number, pause = 0) => {
  const statuses = new Map<string, number>()
  const failures = new Set<string>()
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
          onSuccess: ({ body, status }) => {
            note(String(status))
            if (status !== 200) failures.add(`${status} ${body}`)
            if (status !== 200) return Effect.sleep(20)
            acknowledged[session]!.push(item)
            state.successes++
            return pause === 0 ? Effect.void : Effect.sleep(pause)
          }
        })
      },
      step: () => {}
    })

  return {
    state,
    statuses,
    /** What was answered instead of a success. */
    failures,
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
