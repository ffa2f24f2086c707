import { assert, describe, effect } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { type App, type Browser, makeApp, signOut, tabOf, use } from "../support/app.js"
import { breakDown, leaveAlone } from "../support/observedStore.js"
import { settle, waiting } from "../support/waiting.js"

const second = 1000
const minute = 60 * second

/** Two nodes over one store, and a browser of Ada's. */
const nodes = Effect.gen(function*() {
  const store = yield* SessionStore.makeMemory()
  const here = yield* makeApp({ store })
  const there = yield* makeApp({ store })
  const owned = yield* here.browserWithSession({ user: "ada" })
  return { here, there, ...owned }
})

describe("ended", () => {
  for (
    const [what, end] of [
      ["a sign-out", ({ app, browser }) => app.visit(tabOf(browser), signOut)],
      ["the end of all sessions of the user", ({ app }) => app.sessions.destroyByUser("ada")],
      ["the end of that session by its handle", ({ app, handle }) => app.sessions.destroyByHandle("ada", handle)],
      ["the end of that session by its id", ({ app, id }) => app.sessions.destroy(id)],
      ["the end of every session", ({ app }) => app.sessions.clear],
      [
        "a sign-in of somebody else",
        ({ app, browser }) => app.visit(tabOf(browser), use((session) => session.signIn("grace")))
      ]
    ] satisfies ReadonlyArray<
      readonly [
        what: string,
        end: (
          session: {
            readonly app: App
            readonly browser: Browser
            readonly handle: string
            readonly id: Effect.Effect.Success<typeof nodes>["id"]
          }
        ) => Effect.Effect<unknown, unknown>
      ]
    >
  ) {
    for (
      const [where, delay] of [["this node, at once", 0], ["another node, within the interval", 5 * second]] as const
    ) {
      effect(`completes after ${what} on ${where}`, () =>
        Effect.gen(function*() {
          const { browser, here, id, there } = yield* nodes
          const app = delay === 0 ? here : there
          const { handle } = Option.getOrThrow(yield* here.sessions.read(id)).record
          const { isOver } = yield* waiting(here, browser)
          yield* TestClock.adjust(2 * second)
          assert.isFalse(yield* isOver)
          yield* end({ app, browser, handle, id })
          yield* settle
          assert.strictEqual(yield* isOver, delay === 0)
          yield* TestClock.adjust(delay)
          yield* settle
          assert.isTrue(yield* isOver)
        }))
    }
  }

  effect(
    "completes when the session expires, at the millisecond, and not while somebody uses it elsewhere",
    () =>
      Effect.gen(function*() {
        const { browser, here, id, there } = yield* nodes
        const { isOver } = yield* waiting(here, browser)
        yield* TestClock.adjust(10 * minute)
        yield* there.sessions.touch(id)
        yield* TestClock.adjust(15 * minute - 1)
        yield* settle
        assert.isFalse(yield* isOver)
        yield* TestClock.adjust(1)
        yield* settle
        assert.isTrue(yield* isOver)
      })
  )

  effect("goes on through a new id, a sign-in of the same user, and changes", () =>
    Effect.gen(function*() {
      const { browser, here } = yield* nodes
      const { isOver } = yield* waiting(here, browser)
      yield* here.visit(browser, use((session) => session.rotate))
      yield* here.visit(browser, use((session) => session.signIn("ada")))
      yield* TestClock.adjust(11 * second)
      yield* settle
      assert.isFalse(yield* isOver)
    }))

  effect("completes at once where there is no session", () =>
    Effect.gen(function*() {
      const { here, id } = yield* nodes
      yield* here.sessions.destroy(id)
      const { browser } = yield* nodes
      assert.strictEqual((yield* here.visit(browser, use((session) => session.ended))).status, 200)
    }))

  effect(
    "asks the store once in an interval for all who wait, and not at all when nobody does",
    () =>
      Effect.gen(function*() {
        const { here } = yield* nodes
        const browsers = yield* Effect.forEach(
          Array.from({ length: 50 }),
          () => here.browserWithSession({ user: "ada" })
        )
        const all = yield* Effect.forEach(browsers, ({ browser }) => waiting(here, browser))
        yield* settle
        here.store.take()
        yield* TestClock.adjust(5 * second)
        yield* settle
        yield* TestClock.adjust(5 * second)
        yield* settle
        assert.deepStrictEqual(here.store.take(), ["readTimes", "readTimes"])
        yield* Effect.forEach(all, ({ fiber }) => Fiber.interrupt(fiber))
        yield* TestClock.adjust(minute)
        assert.deepStrictEqual(here.store.take().filter((operation) => operation !== "readTimes"), [])
        here.store.take()
        yield* TestClock.adjust(minute)
        assert.deepStrictEqual(here.store.take(), [])
      })
  )

  effect("completes at once where the session was over before anybody waited", () =>
    Effect.gen(function*() {
      const { browser, here } = yield* nodes
      const answer = yield* here.visit(
        browser,
        use((session) =>
          Effect.zipRight(session.user, Effect.zipRight(here.sessions.destroyByUser("ada"), session.ended))
        )
      )
      assert.strictEqual(answer.status, 200)
    }))

  effect("goes on after the store died once", () =>
    Effect.gen(function*() {
      const { browser, here, id } = yield* nodes
      const { isOver } = yield* waiting(here, browser)
      yield* settle
      let died = 0
      here.store.interfere((operation, effect) =>
        operation === "readTimes" && died++ === 0 ? Effect.die("once") : effect
      )
      yield* TestClock.adjust(5 * second)
      yield* settle
      yield* here.sessions.destroy(id)
      yield* TestClock.adjust(5 * second)
      yield* settle
      assert.isTrue(yield* isOver)
      assert.isAbove(died, 1)
    }))

  effect("is heard of although who ended the session was interrupted meanwhile", () =>
    Effect.gen(function*() {
      const { browser, here } = yield* nodes
      const { isOver } = yield* waiting(here, browser)
      yield* settle
      here.store.interfere((operation, effect) =>
        operation === "deleteByUser" ? Effect.uninterruptible(Effect.zipLeft(effect, Effect.sleep(second))) : effect
      )
      const ending = yield* Effect.fork(here.sessions.destroyByUser("ada"))
      yield* Effect.yieldNow()
      yield* Effect.fork(Fiber.interrupt(ending))
      yield* TestClock.adjust(2 * second)
      yield* settle
      assert.isTrue(yield* isOver)
    }))

  effect("is late, and nobody's session over, while the store cannot be asked", () =>
    Effect.gen(function*() {
      const { browser, here, id, there } = yield* nodes
      const { isOver } = yield* waiting(here, browser)
      breakDown(here.store, "readTimes")
      yield* there.sessions.destroy(id)
      yield* TestClock.adjust(minute)
      yield* settle
      assert.isFalse(yield* isOver)
      here.store.interfere(leaveAlone)
      yield* TestClock.adjust(5 * second)
      yield* settle
      assert.isTrue(yield* isOver)
    }))

  for (const endedInterval of ["50 millis", "2 hours", "never", Infinity] as const) {
    effect(`with an interval of ${endedInterval} is refused when the layer is built`, () =>
      Effect.gen(function*() {
        // @ts-expect-error one of them is no duration
        const { problems } = yield* Effect.flip(makeApp({ sessions: { endedInterval } }))
        assert.match(problems[0], /^Sessions.endedInterval must be a finite duration/)
      }))
  }
})
