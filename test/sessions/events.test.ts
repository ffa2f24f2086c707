import { assert, describe, effect, scoped } from "@effect/vitest"
import { SessionCleaner, SessionEvents, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  type App,
  AppSession,
  Browser,
  increment,
  makeApp,
  readData,
  signOut,
  tabOf,
  use,
  userOf
} from "../support/app.js"
import { breakDown, leaveAlone, unavailable } from "../support/observedStore.js"

/** An app whose events are kept, as a list of what matters of each. */
const audited = (options: Parameters<typeof makeApp>[0] = {}) =>
  Effect.gen(function*() {
    const told: Array<SessionEvents.SessionEvent> = []
    const events = yield* SessionEvents.make()
    const app = yield* makeApp({
      ...options,
      events: { ...events, publish: (event) => Effect.sync(() => void told.push(event)) }
    })
    const take = () => told.splice(0).map(({ at: _, ...event }) => event)
    return { app, take, told }
  })

const handleOf = (app: App, user: string) =>
  Effect.map(app.sessions.listByUser(user), ([listed]) => listed?.handle ?? "")

const ada = Option.some("ada")

describe("Events", () => {
  effect("tell of a session from its beginning to its end", () =>
    Effect.gen(function*() {
      const { app, take } = yield* audited()
      const browser = new Browser()
      yield* app.visit(browser, use((session) => session.update(increment)))
      const [began] = take()
      assert.strictEqual(began?._tag, "Began")
      assert.deepStrictEqual(began?._tag === "Began" && began.user, Option.none())
      yield* app.visit(browser, use((session) => session.signIn("ada", { remember: true })))
      const handle = yield* handleOf(app, "ada")
      const of = { session: "AppSession", handle, user: ada }
      assert.deepStrictEqual(take(), [{ _tag: "SignedIn", ...of, remembered: true }])
      yield* app.visit(browser, use((session) => session.rotate))
      assert.deepStrictEqual(take(), [{ _tag: "Rotated", ...of }])
      yield* app.visit(browser, use((session) => session.update(increment)))
      yield* app.visit(browser, readData)
      assert.deepStrictEqual(take(), [])
      yield* app.visit(browser, signOut)
      assert.deepStrictEqual(take(), [{ _tag: "SignedOut", ...of }])
      yield* app.visit(browser, signOut)
      assert.deepStrictEqual(take(), [])
    }))

  effect("carry the time of what they tell", () =>
    Effect.gen(function*() {
      const { app, told } = yield* audited()
      yield* TestClock.adjust("3 seconds")
      yield* app.sessions.create({ user: "ada" })
      assert.deepStrictEqual(told.map(({ at }) => DateTime.toEpochMillis(at)), [3000])
    }))

  effect("tell by whom sessions were revoked, and how many, as one event", () =>
    Effect.gen(function*() {
      const { app, take } = yield* audited()
      const { browser, id } = yield* app.browserWithSession({ user: "ada" })
      const { handle } = Option.getOrThrow(yield* app.sessions.read(id)).record
      const others = yield* Effect.all([
        app.sessions.create({ user: "ada" }),
        app.sessions.create({ user: "ada" }),
        app.sessions.create({ user: "ada" })
      ])
      const another = others[0].record.handle
      take()
      const by = (page: (user: string) => Effect.Effect<unknown, unknown>) =>
        Effect.map(app.visit(browser, use((session) => Effect.flatMap(session.user, () => page("ada")))), take)
      const event = { _tag: "Revoked", session: "AppSession", user: "ada" } as const
      assert.deepStrictEqual(yield* by((user) => app.sessions.destroyByHandle(user, another)), [
        { ...event, handle: Option.some(another), by: "OtherDevice", count: 1 }
      ])
      assert.deepStrictEqual(yield* by((user) => app.sessions.destroyByUser(user, { except: handle })), [
        { ...event, handle: Option.none(), by: "OtherDevice", count: 2 }
      ])
      assert.deepStrictEqual(yield* by((user) => app.sessions.destroyByUser(user)), [
        { ...event, handle: Option.none(), by: "User", count: 1 }
      ])
      assert.deepStrictEqual(yield* by((user) => app.sessions.destroyByUser(user)), [])
      yield* app.sessions.create({ user: "ada" })
      take()
      yield* app.sessions.destroyByUser("ada")
      assert.deepStrictEqual(take(), [{ ...event, handle: Option.none(), by: "Administrator", count: 1 }])
    }))

  effect("tell of sessions that a limit has ended", () =>
    Effect.gen(function*() {
      const { app, take } = yield* audited({ sessions: { maxPerUser: 1 } })
      yield* app.sessions.create({ user: "ada" })
      assert.deepStrictEqual(take().map(({ _tag }) => _tag), ["SignedIn"])
      yield* TestClock.adjust(1)
      yield* app.sessions.create({ user: "ada" })
      const [signedIn, revoked] = take()
      assert.strictEqual(signedIn?._tag, "SignedIn")
      assert.deepStrictEqual(revoked, {
        _tag: "Revoked",
        session: "AppSession",
        user: "ada",
        handle: Option.none(),
        by: "Limit",
        count: 1
      })
    }))

  effect("tell of a cookie that was refused, and of a session past a deadline", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const { app, take } = yield* audited({ store, timeouts: { idle: "1 minute" } })
      const forged = new Browser()
      forged.cookies.set("__Host-sid", "forged")
      yield* app.visit(forged, readData)
      assert.deepStrictEqual(take(), [{ _tag: "Rejected", session: "AppSession", reason: "malformed" }])
      const lenient = yield* makeApp({ store })
      const { browser, id } = yield* lenient.browserWithSession({ user: "ada" })
      const { handle } = Option.getOrThrow(yield* lenient.sessions.read(id)).record
      yield* TestClock.adjust("2 minutes")
      yield* app.visit(browser, readData)
      assert.deepStrictEqual(take(), [{ _tag: "Expired", session: "AppSession", handle, user: ada }])
    }))

  effect("tell nothing that the store has not acknowledged", () =>
    Effect.gen(function*() {
      const { app, take } = yield* audited()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      take()
      for (const operation of ["insert", "rotate", "delete", "deleteByUser"] as const) {
        breakDown(app.store, operation)
        yield* app.visit(new Browser(), use((session) => session.signIn("grace")))
        yield* app.visit(browser, use((session) => session.rotate))
        yield* app.visit(browser, signOut)
        yield* Effect.either(app.sessions.destroyByUser("ada"))
        const tags = take().map(({ _tag }) => _tag)
        const missing = { insert: "SignedIn", rotate: "Rotated", delete: "SignedOut", deleteByUser: "Revoked" }
        assert.notInclude(tags, missing[operation])
      }
    }))

  effect(
    "name the session that ended, not the one that was read before somebody signed in",
    () =>
      Effect.gen(function*() {
        const { app, take } = yield* audited()
        const browser = new Browser()
        yield* app.visit(browser, use((session) => session.update(increment)))
        const tab = tabOf(browser)
        yield* app.visit(
          tab,
          use((session) =>
            Effect.gen(function*() {
              yield* session.get
              yield* app.visit(browser, use((other) => other.signIn("ada")))
              take()
              yield* session.signOut
            })
          )
        )
        const [event] = take()
        assert.deepStrictEqual(event?._tag === "SignedOut" && event.user, ada)
      })
  )

  effect("that cannot be published break nothing", () =>
    Effect.gen(function*() {
      const events = yield* SessionEvents.make()
      const app = yield* makeApp({ events: { ...events, publish: () => Effect.die("publish") } })
      const browser = new Browser()
      assert.strictEqual((yield* app.visit(browser, use((session) => session.signIn("ada")))).status, 200)
      assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
    }))

  effect("read whose session it is that ends unread, and only where they are published", () =>
    Effect.gen(function*() {
      const { app, take } = yield* audited()
      const { browser, id } = yield* app.browserWithSession({ user: "ada" })
      const { handle } = Option.getOrThrow(yield* app.sessions.read(id)).record
      app.store.take()
      take()
      yield* app.visit(browser, signOut)
      assert.deepStrictEqual(app.store.take(), ["search", "delete"])
      assert.deepStrictEqual(take(), [{ _tag: "SignedOut", session: "AppSession", handle, user: ada }])
      const quiet = yield* makeApp()
      const owned = yield* quiet.browserWithSession({ user: "ada" })
      yield* quiet.visit(owned.browser, signOut)
      assert.deepStrictEqual(quiet.store.take(), ["delete"])
    }))

  effect("tell once of a sign-in whose answer was lost, when it is found to be stored", () =>
    Effect.gen(function*() {
      const { app, take } = yield* audited({ sessions: { maxPerUser: 1 } })
      yield* app.sessions.create({ user: "ada" })
      yield* TestClock.adjust(1)
      for (const operation of ["insert", "rotate"] as const) {
        const browser = new Browser()
        if (operation === "rotate") yield* app.visit(browser, use((session) => session.update(increment)))
        take()
        // The answer is lost, and so is that of the look-up: it is found before the next thing that is written.
        let isLost = false
        app.store.interfere((asked, effect) => {
          if (asked === operation && !isLost) {
            isLost = true
            return Effect.zipRight(effect, Effect.fail(unavailable(asked, true)))
          }
          if (asked !== "read" || !isLost) return effect
          app.store.interfere(leaveAlone)
          return Effect.fail(unavailable(asked))
        })
        yield* app.visit(
          browser,
          use((session) =>
            Effect.zipRight(
              session.signIn("ada"),
              Effect.zipRight(Effect.ignore(session.commit), session.update(increment))
            )
          )
        )
        assert.deepStrictEqual(take().map(({ _tag }) => _tag), ["SignedIn", "Revoked"])
        yield* TestClock.adjust(1)
      }
    }))

  scoped("tell of sweeps, by the cleaner and by hand", () =>
    Effect.gen(function*() {
      const { app, take } = yield* audited()
      yield* app.sessions.create()
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* app.sessions.deleteExpired(), 1)
      assert.strictEqual(yield* app.sessions.deleteExpired(), 0)
      assert.deepStrictEqual(take().map(({ _tag }) => _tag), ["Began", "Swept"])

      const events = yield* SessionEvents.make()
      const swept = yield* Effect.fork(Stream.runCollect(Stream.take(yield* events.subscribe, 1)))
      yield* Layer.build(SessionCleaner.layer({ interval: "1 minute", events: true })).pipe(
        Effect.provideService(SessionStore.SessionStore, app.store.service),
        Effect.provideService(SessionEvents.SessionEvents, events)
      )
      yield* app.sessions.create()
      yield* app.sessions.create()
      yield* TestClock.adjust("1 hour")
      const [event] = [...(yield* Fiber.join(swept))]
      assert.deepStrictEqual(event?._tag === "Swept" && event.count, 2)
    }))
})

describe("A subscriber", () => {
  const layer = (capacity: number) =>
    Sessions.layerWith(AppSession, { events: true }).pipe(
      Layer.provide(SessionStore.layerMemory),
      Layer.provide(SessionTimeouts.layer()),
      Layer.provideMerge(SessionEvents.layerWith({ capacity }))
    )

  scoped("that is slow misses the oldest events, and delays nobody", () =>
    Effect.gen(function*() {
      const sessions = yield* AppSession.sessions
      const events = yield* (yield* SessionEvents.SessionEvents).subscribe
      for (const user of ["a", "b", "c", "d", "e"]) yield* sessions.create({ user })
      const seen = [...(yield* Stream.runCollect(Stream.take(events, 2)))]
      assert.deepStrictEqual(seen.map((event) => event._tag === "SignedIn" && Option.getOrNull(event.user)), ["d", "e"])
    }).pipe(Effect.provide(layer(2))))

  scoped("that fails breaks nothing, for others neither", () =>
    Effect.gen(function*() {
      const sessions = yield* AppSession.sessions
      const { stream, subscribe } = yield* SessionEvents.SessionEvents
      yield* Effect.forkScoped(Stream.runForEach(stream, () => Effect.die("subscriber")))
      const events = yield* subscribe
      yield* Effect.yieldNow()
      yield* sessions.create({ user: "ada" })
      yield* sessions.create({ user: "grace" })
      const seen = [...(yield* Stream.runCollect(Stream.take(events, 2)))]
      assert.strictEqual(seen.length, 2)
    }).pipe(Effect.provide(layer(10))))

  for (const capacity of [0, -1, 1.5, NaN, 1_000_001]) {
    effect(`cannot have a capacity of ${capacity}`, () =>
      Effect.gen(function*() {
        const { problems } = yield* Effect.flip(SessionEvents.make({ capacity }))
        assert.deepStrictEqual(problems, ["SessionEvents.capacity must be a whole number from 1 to 1000000"])
      }))
  }
})
