import { assert, describe, effect } from "@effect/vitest"
import { SessionMetrics, type Sessions } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/TestClock"
import { type App, browserWith, type Data, increment, makeApp, use } from "../support/app.js"
import { breakDown } from "../support/observedStore.js"

const { created, read, absent, updated, rotated, destroyed, conflicts, gone, touchesWritten, touchesSkipped, swept } =
  SessionMetrics
const counters = {
  created,
  read,
  absent,
  updated,
  rotated,
  destroyed,
  conflicts,
  gone,
  touchesWritten,
  touchesSkipped,
  swept,
  storeFailures: SessionMetrics.storeFailures,
  ...SessionMetrics.rejectedCookies
}

/** What `run` adds to which counter, of those that have these labels and no others. */
const added = <A, E>(
  run: Effect.Effect<A, E>,
  labels: Record<string, string> = {}
): Effect.Effect<Record<string, number>, E> =>
  Effect.gen(function*() {
    const counts = Effect.all(
      Object.values(counters).map((counter) =>
        Metric.value(
          Object.entries(labels).reduce((counter, [key, value]) => Metric.tagged(counter, key, value), counter)
        )
      )
    )
    const before = yield* counts
    yield* run
    const after = yield* counts
    return Object.fromEntries(
      Object.keys(counters).flatMap((name, index) => {
        const more = (after[index]?.count ?? 0) - (before[index]?.count ?? 0)
        return more === 0 ? [] : [[name, more]]
      })
    )
  })

type Snapshot = Sessions.Snapshot<Data, string>

/** Does this to a session, and says what it counted. */
type Step = (app: App, session: Snapshot) => Effect.Effect<unknown, unknown>

/** Changes the session, while just before that is written something else happens. */
const overtaken = (app: App, { id }: Snapshot, first: Effect.Effect<unknown, unknown>) =>
  Effect.suspend(() => {
    let begun = false
    app.store.interfere((operation, effect) => {
      if (operation !== "update" || begun) return effect
      begun = true
      return Effect.zipRight(Effect.ignore(first), effect)
    })
    return app.sessions.update(id, increment)
  })

const steps: ReadonlyArray<readonly [what: string, step: Step, expected: Record<string, number>]> = [
  ["a new session", ({ sessions }) => sessions.create(), { created: 1 }],
  ["a read", ({ sessions }, { id }) => sessions.read(id), { read: 1 }],
  ["a change", ({ sessions }, { id }) => sessions.update(id, increment), { read: 1, updated: 1 }],
  ["a new id", ({ sessions }, { id }) => sessions.rotate(id), { read: 1, rotated: 1 }],
  ["an activity that is noted already", ({ sessions }, { id }) => sessions.touch(id), { read: 1, touchesSkipped: 1 }],
  [
    "an activity that is written down",
    ({ sessions }, { id }) => Effect.zipRight(TestClock.adjust("5 minutes"), sessions.touch(id)),
    { read: 1, touchesWritten: 1 }
  ],
  ["an end", ({ sessions }, { id }) => sessions.destroy(id), { destroyed: 1 }],
  [
    "an end of what has ended, and a read of it",
    ({ sessions }, { id }) => Effect.all([sessions.destroy(id), sessions.destroy(id), sessions.read(id)]),
    { destroyed: 1, absent: 1 }
  ],
  [
    "the end of all sessions of a user",
    ({ sessions }) => Effect.zipRight(sessions.create({ user: "ada" }), sessions.destroyByUser("ada")),
    { created: 1, destroyed: 2 }
  ],
  [
    "a change that came second",
    (app, session) => overtaken(app, session, app.sessions.update(session.id, increment)),
    { read: 2, updated: 2, conflicts: 1 }
  ],
  [
    "a change that came too late",
    (app, session) => Effect.flip(overtaken(app, session, app.sessions.destroy(session.id))),
    { read: 1, destroyed: 1, gone: 1 }
  ],
  [
    "a sweep",
    ({ sessions }) => Effect.zipRight(TestClock.adjust("60 days"), sessions.deleteExpired()),
    { swept: 1 }
  ],
  [
    "a failure of the store",
    ({ sessions, store }, { id }) =>
      Effect.zipRight(Effect.sync(() => breakDown(store, "read")), Effect.flip(sessions.read(id))),
    { storeFailures: 1 }
  ],
  [
    "F8: no activity of a session that is no more by the time it is written",
    ({ sessions, store }, { id }) =>
      Effect.suspend(() => {
        store.interfere((operation, effect) =>
          operation === "touch" ? Effect.zipRight(Effect.ignore(sessions.destroy(id)), effect) : effect
        )
        return Effect.zipRight(TestClock.adjust("5 minutes"), sessions.touch(id))
      }),
    { read: 1, destroyed: 1 }
  ],
  ["a cookie that is none of ours", (app) => app.visit(browserWith("bad"), use(({ get }) => get)), { malformed: 1 }],
  ["a cookie that nobody asks for", (app) => app.visit(browserWith("bad"), use(() => Effect.void)), {}]
]

describe("The metrics count", () => {
  for (const [what, step, expected] of steps) {
    effect(what, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const session = yield* app.sessions.create({ user: "ada" })
        assert.deepStrictEqual(yield* added(step(app, session)), expected)
      }))

    effect(`F7: ${what}, with the labels of the fiber that did it, and only there`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const session = yield* app.sessions.create({ user: "ada" })
        const labels = { tenant: "a" }
        let labelled = {}
        const others = yield* added(
          Effect.map(added(Effect.tagMetrics(step(app, session), labels), labels), (counts) => {
            labelled = counts
          })
        )
        assert.deepStrictEqual([labelled, others], [expected, {}])
      }))
  }
})
