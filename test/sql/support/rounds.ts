import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Server, startServer } from "./processes.js"
import { report, rounded } from "./size.js"
import { dropTables, type Target, usersWithRows } from "./targets.js"
import { type Answer, type Broken, read, send, signIn } from "./visitor.js"

/** One round: a session of its own, and the two processes that work on it at once. */
export interface Round {
  readonly number: number
  readonly user: string
  readonly cookie: string
  /** This process and the other take turns, so that neither is always the first. */
  readonly here: Server
  readonly there: Server
}

/** Two server processes on one database, for all rounds of a file. */
export class Servers extends Context.Tag("test/Servers")<
  Servers,
  { readonly url: string; readonly prefix: string; readonly first: Server; readonly second: Server }
>() {
  static readonly on = (target: Target, prefix: string, isolation = "", maxPerUser = ""): Layer.Layer<Servers> =>
    Layer.scoped(
      Servers,
      Effect.gen(function*() {
        const url = target.url()
        yield* dropTables(url, prefix)
        // Every activity is written at once, so that reads and touches write, too.
        const server = startServer({
          DATABASE_URL: url,
          PREFIX: prefix,
          TOUCH_INTERVAL: "1",
          ISOLATION: isolation,
          MAX_PER_USER: maxPerUser
        })
        const [first, second] = yield* Effect.all([server, server], { concurrency: "unbounded" })
        return { url, prefix, first, second }
      })
    )
}

/**
 * Plays rounds, some at a time. Afterwards every session is over, so no row may be left. Returns how often each outcome
 * was seen.
 */
export const playRounds = (options: {
  readonly what: string
  readonly rounds: number
  readonly play: (round: Round) => Effect.Effect<string, Broken>
}): Effect.Effect<Readonly<Record<string, number>>, Broken, Servers> =>
  Effect.gen(function*() {
    const { play, rounds, what } = options
    const { first, prefix, second, url } = yield* Servers
    const outcomes = new Map<string, number>()
    const one = (number: number) =>
      Effect.gen(function*() {
        const [here, there] = number % 2 === 0 ? [first, second] : [second, first]
        const user = `user-${number}`
        const cookie = yield* signIn(here.port, user)
        const outcome = yield* play({ number, user, cookie, here, there })
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      })
    const started = performance.now()
    yield* Effect.forEach(Array.from({ length: rounds }, (_, index) => index), one, { concurrency: 8, discard: true })
    const survivors = yield* usersWithRows(url, prefix)
    report(`${prefix}, ${new URL(url).protocol}, ${what}`, {
      rounds,
      survivors: survivors.length,
      outcomes: Object.fromEntries(outcomes),
      seconds: rounded((performance.now() - started) / 1000)
    })
    assert.deepStrictEqual(survivors, [])
    return Object.fromEntries(outcomes)
  })

/** Nobody opens a session with this cookie, on either process. */
export const isDead = ({ here, there }: Round, cookie: string): Effect.Effect<void, Broken> =>
  Effect.forEach(
    [here, there],
    ({ port }) => Effect.map(read(port, cookie), (state) => assert.isUndefined(state, "a dead session was opened")),
    {
      discard: true
    }
  )

/** The session of this cookie is open on both processes, the same on both. */
export const isLive = ({ here, there, user }: Round, cookie: string) =>
  Effect.map(Effect.all([read(here.port, cookie), read(there.port, cookie)]), ([one, other]) => {
    assert.strictEqual(one?.user, user)
    assert.deepStrictEqual(one, other)
    return one
  })

/** Sends requests at once, in an order that changes from round to round. */
export const atOnce = (
  round: Round,
  requests: ReadonlyArray<readonly [server: Server, path: string]>
): Effect.Effect<ReadonlyArray<Answer>, Broken> => {
  const shift = round.number % requests.length
  const count = requests.length
  const shifted = [...requests.slice(shift), ...requests.slice(0, shift)]
  return Effect.map(
    Effect.forEach(shifted, ([{ port }, path]) => send(port, path, round.cookie), { concurrency: "unbounded" }),
    (answers) => requests.map((_, index) => answers[(index - shift + count) % count]!)
  )
}

/** Ends the session of this cookie. */
export const signOut = ({ here }: Round, cookie: string): Effect.Effect<void, Broken> =>
  Effect.map(send(here.port, "/sign-out", cookie), ({ status }) => assert.strictEqual(status, 200))
