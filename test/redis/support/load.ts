import type { SessionStoreError } from "effect-sessions/SessionError"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { renamed } from "../../../src/core/storeModel.js"
import { eventually } from "../../sql/support/processes.js"
import { change, now, owner, sample } from "../../sql/support/stores.js"

type Store = SessionStore.Service

/** What was acknowledged of one session. */
interface Story {
  readonly key: string
  version: number
  isEnded: "no" | "yes" | "perhaps"
  /** When it was last acknowledged, by the clock of this process. */
  at: number
}

/** A load of sessions, which are begun, changed, renamed and, every third, ended. It remembers what was acknowledged. */
export const makeLoad = (store: Store, name = "load") => {
  const stories: Array<Story> = []
  const failures: Array<SessionStoreError> = []
  const wrong: Array<string> = []
  const state = { running: true, turns: 0 }

  const turn = (client: number) =>
    Effect.suspend(() => {
      const number = state.turns++
      const key = `${name}-${client}-${number}`
      const record = sample({ key, handle: key, userId: key })
      const story: Story = { key, version: 0, isEnded: "no", at: 0 }
      const acknowledge = (version: number) => {
        story.version = version
        story.at = performance.now()
      }
      const expect = (isSo: boolean, what: string) => {
        if (!isSo) wrong.push(`${what} ${key}`)
      }
      return Effect.gen(function*() {
        yield* store.insert({ record })
        stories.push(story)
        acknowledge(1)
        expect(Option.isSome(yield* store.read(key, now)), "read")
        expect(yield* store.update(change(record, "{\"changed\":true}")), "update")
        acknowledge(2)
        const next = renamed({ ...record, version: 2 }, `${key}-next`, now)
        expect(yield* store.rotate({ oldKey: key, expectedVersion: 2, next, now }), "rotate")
        acknowledge(3)
        if (number % 3 !== 0) return
        story.isEnded = "perhaps"
        expect((yield* store.deleteByUser({ name: owner.name, userId: key })) === 1, "end")
        story.isEnded = "yes"
      }).pipe(
        Effect.catchTag("SessionStoreError", (error) => {
          failures.push(error)
          return Effect.sleep(5)
        })
      )
    })
  const client = (number: number) =>
    Effect.whileLoop({ while: () => state.running, body: () => turn(number), step: () => {} })

  return {
    stories,
    failures,
    /** What a store answered that was not so. */
    wrong,
    /** Does something while there is load, which is over when this is. */
    during: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.gen(function*() {
        const clients = Effect.forEach([1, 2, 3, 4], client, { concurrency: "unbounded", discard: true })
        const running = yield* Effect.fork(clients)
        const result = yield* effect
        state.running = false
        yield* Fiber.join(running)
        return result
      }),
    /** Waits until so many more sessions were acknowledged: there is load, or there is again. */
    more: (count: number) =>
      Effect.suspend(() => {
        const goal = stories.length + count
        return eventually("there is load", Effect.sync(() => stories.length >= goal ? true : undefined))
      }),
    /** The sessions that are not as they were acknowledged: lost, with an older version, back again, or under two keys. */
    check: Effect.gen(function*() {
      const bad: Array<{ readonly story: Story; readonly found: ReadonlyArray<number> }> = []
      for (const story of stories) {
        const both = yield* Effect.forEach([story.key, `${story.key}-next`], (key) => store.read(key, now))
        const found = both.flatMap((one) => Option.toArray(one)).map(({ version }) => version)
        const isRight = found.length === 1 && (found[0] ?? 0) >= story.version
        if (story.isEnded === "yes" ? found.length > 0 : !isRight && !(story.isEnded === "perhaps" && !found.length)) {
          bad.push({ story, found })
        }
      }
      return bad
    })
  }
}
