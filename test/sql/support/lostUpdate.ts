import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { report, rounded } from "./size.js"
import { read, send, signIn } from "./visitor.js"

/** What the clients were told about one session. */
interface Acknowledged {
  count: number
  readonly items: Array<string>
}

/** Many clients change few sessions through all servers; then the sessions hold what was acknowledged, exactly. */
export const changeTogether = (options: {
  /** Whom a report names. */
  readonly where: string
  readonly ports: ReadonlyArray<number>
  readonly clients: number
  readonly sessions: number
  readonly changes: number
}) =>
  Effect.gen(function*() {
    const { changes, clients, ports, sessions, where } = options
    const port = (turn: number): number => ports[turn % ports.length]!
    const cookies = yield* Effect.forEach(
      Array.from({ length: sessions }, (_, index) => index),
      (index) => signIn(port(index), `user-${index}`)
    )
    const acknowledged = cookies.map((): Acknowledged => ({ count: 0, items: [] }))
    const statuses = new Map<number, number>()
    const started = performance.now()

    let next = 0
    const client = (number: number) =>
      Effect.whileLoop({
        while: () => next < changes,
        body: () => {
          const turn = next++
          const session = (turn * 7 + number) % sessions
          const isAppend = turn % 2 === 0
          const item = `item-${turn}`
          return Effect.map(
            send(port(turn + number), isAppend ? `/append?item=${item}` : "/increment", cookies[session]),
            ({ status }) => {
              statuses.set(status, (statuses.get(status) ?? 0) + 1)
              if (status !== 200) return
              if (isAppend) acknowledged[session]!.items.push(item)
              else acknowledged[session]!.count++
            }
          )
        },
        step: () => {}
      })
    yield* Effect.forEach(Array.from({ length: clients }, (_, index) => index), client, { concurrency: "unbounded" })
    const seconds = (performance.now() - started) / 1000

    for (const [index, cookie] of cookies.entries()) {
      const state = yield* read(port(index), cookie)
      assert.strictEqual(state?.count, acknowledged[index]!.count)
      assert.deepStrictEqual([...state?.items ?? []].sort(), [...acknowledged[index]!.items].sort())
    }
    report(`no lost update, ${where}, ${ports.length} processes`, {
      changes,
      clients,
      sessions,
      statuses: Object.fromEntries(statuses),
      seconds: rounded(seconds)
    })
    // Another answer is allowed as long as it is true, but one that is never 200 would prove nothing.
    for (const status of statuses.keys()) assert.include([200, 409, 503], status)
    assert.isAtLeast(statuses.get(200) ?? 0, changes * 0.99)
  })
