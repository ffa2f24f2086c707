import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Server, startServer } from "./processes.js"
import { report, rounded } from "./size.js"
import { dropTables, type Shared, usersWithRows } from "./targets.js"
import { type Answer, type Broken, read, send, signIn } from "./visitor.js"

/** One round: a session of its own, and the two processes that work on it at once. */
export interface Round {
  readonly number: number
  readonly user: string
  readonly cookie: string
  /** This process and the other take turns, so that neither is always the first. */
  readonly here: Server
  readonly there: Server
  /** These two, and others that may be there. */
  readonly all: ReadonlyArray<Server>
}

/** Server processes on one database. */
export interface Started {
  /** How a report names them. */
  readonly name: string
  readonly first: Server
  readonly second: Server
  /** All of them. */
  readonly all: ReadonlyArray<Server>
  /** Whose sessions are stored. */
  readonly stored: Effect.Effect<ReadonlyArray<string>>
}

/** The server processes for all rounds of a file. */
export class Servers extends Context.Tag("test/Servers")<Servers, Started>() {
  static readonly on = (target: Shared, prefix: string, isolation = "", maxPerUser = ""): Layer.Layer<Servers> =>
    Layer.scoped(
      Servers,
      Effect.gen(function*() {
        const url = yield* target.start
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
        return {
          name: `${prefix}, ${new URL(url).protocol}`,
          first,
          second,
          all: [first, second],
          stored: usersWithRows(url, prefix)
        }
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
    const { all, name, stored } = yield* Servers
    const outcomes = new Map<string, number>()
    const one = (number: number) =>
      Effect.gen(function*() {
        // Every pair has its turn.
        const turn = number % all.length
        const further = 1 + Math.floor(number / all.length) % (all.length - 1)
        const here = all[turn]!
        const there = all[(turn + further) % all.length]!
        const user = `user-${number}`
        const cookie = yield* signIn(here.port, user)
        const outcome = yield* play({ number, user, cookie, here, there, all })
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      })
    const started = performance.now()
    yield* Effect.forEach(Array.from({ length: rounds }, (_, index) => index), one, { concurrency: 8, discard: true })
    const survivors = yield* stored
    report(`${name}, ${what}`, {
      rounds,
      survivors: survivors.length,
      outcomes: Object.fromEntries(outcomes),
      seconds: rounded((performance.now() - started) / 1000)
    })
    assert.deepStrictEqual(survivors, [])
    return Object.fromEntries(outcomes)
  })

/** Nobody opens a session with this cookie, on any process. */
export const isDead = ({ all }: Pick<Round, "all">, cookie: string): Effect.Effect<void, Broken> =>
  Effect.forEach(
    all,
    ({ port }) => Effect.map(read(port, cookie), (state) => assert.isUndefined(state, "a dead session was opened")),
    { discard: true }
  )

/** The session of this cookie is open on all processes, the same on all. */
export const isLive = ({ all, user }: Pick<Round, "all" | "user">, cookie: string) =>
  Effect.map(Effect.forEach(all, ({ port }) => read(port, cookie)), ([one, ...others]) => {
    assert.strictEqual(one?.user, user)
    for (const other of others) assert.deepStrictEqual(other, one)
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
