import { assert, describe, effect } from "@effect/vitest"
import { SessionStore } from "effect-sessions"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { addNote, type App, Browser, browserWith, increment, makeApp, readData, use, userOf } from "../support/app.js"
import { breakDown, leaveAlone } from "../support/observedStore.js"

const minute = 60_000

const noted = (app: App, note: string) =>
  app.sessions.create({ user: "ada", data: { count: 0, notes: [note], settings: {} } })

describe("listByUser", () => {
  effect(
    "lists what is live, the newest activity first, with its times, its data, and which is the current one",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const first = yield* noted(app, "first")
        yield* TestClock.adjust(minute)
        const second = yield* noted(app, "second")
        yield* app.sessions.create({ user: "grace" })
        yield* TestClock.adjust(minute)
        yield* app.sessions.touch(first.id)
        const current = second.record.handle
        const listed = yield* app.sessions.listByUser("ada", { current })
        assert.deepStrictEqual(
          listed.map(({ createdAt, current, data, expiresAt, handle, lastSeenAt, remembered }) => ({
            handle,
            current,
            notes: Option.map(data, ({ notes }) => notes),
            times: [createdAt, lastSeenAt, expiresAt].map(DateTime.toEpochMillis),
            remembered
          })),
          [
            {
              handle: first.record.handle,
              current: false,
              notes: Option.some(["first"]),
              times: [0, 2 * minute, 17 * minute],
              remembered: false
            },
            {
              handle: current,
              current: true,
              notes: Option.some(["second"]),
              times: [minute, minute, 16 * minute],
              remembered: false
            }
          ]
        )
        assert.deepStrictEqual(
          (yield* app.sessions.listByUser("ada", { limit: 1, offset: 1 })).map(({ handle }) => handle),
          [current]
        )
      })
  )

  effect("hides no session because another, or itself, does not decode", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { record } = yield* noted(app, "fine")
      const broken = { ...record, key: "broken", handle: "broken", data: `{"count":"none"}`, lastSeenAt: 1 }
      yield* app.store.service.insert({ record: broken })
      const listed = yield* app.sessions.listByUser("ada")
      assert.deepStrictEqual(listed.map(({ data, handle }) => [handle, Option.isSome(data)]), [
        ["broken", false],
        [record.handle, true]
      ])
    }))
})

describe("updateByUser", () => {
  effect("changes every live session of the user, and nobody's activity", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const mine = yield* Effect.all([noted(app, "one"), noted(app, "two")])
      const other = yield* app.sessions.create({ user: "grace" })
      yield* TestClock.adjust(5 * minute)
      app.store.take()
      assert.strictEqual(yield* app.sessions.updateByUser("ada", addNote("role")), 2)
      assert.deepStrictEqual(app.store.take(), ["listByUser", "update", "update", "listByUser"])
      for (const { id, record } of mine) {
        const found = Option.getOrThrow(yield* app.sessions.read(id))
        assert.deepStrictEqual(found.data.notes.slice(1), ["role"])
        assert.deepStrictEqual(found.record.lastSeenAt, record.lastSeenAt)
      }
      assert.deepStrictEqual(Option.getOrThrow(yield* app.sessions.read(other.id)).data.notes, [])
      assert.strictEqual(yield* app.sessions.updateByUser("ada", (data) => data), 0)
      assert.strictEqual(yield* app.sessions.updateByUser("nobody", addNote("role")), 0)
    }))

  effect("loses no change that a request makes meanwhile, nor one of its own", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { id } = yield* noted(app, "one")
      let meanwhile = 0
      app.store.interfere((operation, effect) =>
        operation === "update" && meanwhile++ === 0
          ? Effect.zipRight(Effect.orDie(app.sessions.update(id, increment)), effect)
          : effect
      )
      assert.strictEqual(yield* app.sessions.updateByUser("ada", addNote("role")), 1)
      const { data } = Option.getOrThrow(yield* app.sessions.read(id))
      assert.deepStrictEqual([data.count, data.notes], [1, ["one", "role"]])
    }))

  effect("finds a session again that is renamed meanwhile, and one that is begun", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { id } = yield* noted(app, "renamed")
      const ids = [id]
      let updates = 0
      app.store.interfere((operation, effect) => {
        if (operation !== "update" || updates++ > 0) return effect
        const meanwhile = Effect.gen(function*() {
          ids[0] = (yield* app.sessions.rotate(id)).id
          ids.push((yield* noted(app, "begun")).id)
        })
        return Effect.zipRight(Effect.orDie(meanwhile), effect)
      })
      assert.strictEqual(yield* app.sessions.updateByUser("ada", addNote("role")), 2)
      const found = yield* Effect.forEach(ids, (id) => Effect.map(app.sessions.read(id), Option.getOrThrow))
      assert.deepStrictEqual(found.map(({ data }) => data.notes), [["renamed", "role"], ["begun", "role"]])
    }))

  effect("changes no session twice that another page shows again", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const made = yield* Effect.replicateEffect(app.sessions.create({ user: "ada" }), 1001)
      const last = [...made].map(({ record }) => record).sort((one, other) => one.handle < other.handle ? -1 : 1).at(-1)
      let pages = 0
      app.store.interfere((operation, effect) =>
        operation === "listByUser" && ++pages === 2 && last !== undefined
          ? Effect.zipRight(
            Effect.orDie(app.store.service.touch({ key: last.key, lastSeenAt: 1, expiresAt: 900_001, now: 1 })),
            effect
          )
          : effect
      )
      assert.strictEqual(yield* app.sessions.updateByUser("ada", increment), 1001)
      const listed = yield* app.sessions.listByUser("ada", { limit: 2000 })
      const counts = listed.map(({ data }) => Option.getOrNull(Option.map(data, ({ count }) => count)))
      assert.deepStrictEqual(new Set(counts), new Set([1]))
    }))

  effect("leaves alone what ends meanwhile, and what does not decode", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const ending = yield* noted(app, "ending")
      const { record } = yield* noted(app, "stays")
      yield* app.store.service.insert({ record: { ...record, key: "broken", handle: "broken", data: "{}" } })
      let updates = 0
      app.store.interfere((operation, effect) =>
        operation === "update" && updates++ === 0
          ? Effect.zipRight(Effect.orDie(app.sessions.destroy(ending.id)), effect)
          : effect
      )
      assert.strictEqual(yield* app.sessions.updateByUser("ada", addNote("role")), 1)
      const { data } = Option.getOrThrow(yield* app.store.service.read("broken", 0))
      assert.strictEqual(data, "{}")
    }))
})

describe("count", () => {
  effect("counts what is live by today's timeouts, and the users' among them", () =>
    Effect.gen(function*() {
      const store = yield* SessionStore.makeMemory()
      const app = yield* makeApp({ store })
      yield* app.sessions.create()
      yield* app.sessions.create({ user: "ada" })
      yield* app.sessions.create({ user: "ada", remember: true })
      assert.deepStrictEqual(yield* app.sessions.count, { live: 3, signedIn: 2 })
      const strict = yield* makeApp({ store, timeouts: { idle: "1 minute" } })
      yield* TestClock.adjust(minute)
      assert.deepStrictEqual(yield* app.sessions.count, { live: 3, signedIn: 2 })
      assert.deepStrictEqual(yield* strict.sessions.count, { live: 1, signedIn: 1 })
      yield* TestClock.adjust(15 * minute)
      assert.deepStrictEqual(yield* app.sessions.count, { live: 1, signedIn: 1 })
    }))
})

describe("maxPerUser", () => {
  const limited = makeApp({ sessions: { maxPerUser: 2 } })

  effect(
    "ends the sessions seen least recently at a sign-in beyond it, with one statement more",
    () =>
      Effect.gen(function*() {
        const app = yield* limited
        const browsers = [new Browser(), new Browser(), new Browser()]
        const [oldest, older, newest] = browsers
        for (const browser of browsers) {
          app.store.take()
          yield* app.visit(browser, use((session) => session.signIn("ada")))
          assert.deepStrictEqual(app.store.take(), ["insert", "limitByUser"])
          yield* TestClock.adjust(minute)
          // Whoever was seen last counts, not who signed in last.
          if (browser === older && oldest !== undefined) yield* app.visit(oldest, readData)
        }
        const who = yield* Effect.forEach(browsers, (browser) => app.visit(browser, userOf))
        assert.deepStrictEqual(who.map(({ body }) => body), ["ada", null, "ada"])
        app.store.take()
        if (newest !== undefined) yield* app.visit(newest, use((session) => session.signIn("grace")))
        assert.deepStrictEqual(app.store.take(), ["read", "rotate", "limitByUser"])
      })
  )

  effect("counts no session that the sign-in ends itself", () =>
    Effect.gen(function*() {
      const app = yield* limited
      const phone = new Browser()
      yield* app.visit(phone, use((session) => session.signIn("ada")))
      yield* TestClock.adjust(1)
      const [one, two] = [
        yield* app.browserWithSession({ user: "ada" }),
        yield* app.browserWithSession({ user: "bob" })
      ]
      const browser = browserWith(`${one.cookie}; __Host-sid=${two.cookie}`)
      yield* app.visit(browser, use((session) => session.signIn("ada")))
      assert.strictEqual((yield* app.visit(phone, userOf)).body, "ada")
      assert.strictEqual((yield* app.sessions.listByUser("ada")).length, 2)
    }))

  effect("concerns neither visitors nor other users, nor requests that sign nobody in", () =>
    Effect.gen(function*() {
      const app = yield* limited
      for (let index = 0; index < 4; index++) yield* app.sessions.create()
      for (const user of ["grace", "ada", "linus"]) yield* app.sessions.create({ user })
      assert.deepStrictEqual(yield* app.sessions.count, { live: 7, signedIn: 3 })
    }))

  effect(
    "leaves the sign-in as it is where it cannot be kept; the next sign-in keeps it",
    () =>
      Effect.gen(function*() {
        const app = yield* limited
        const browsers = [new Browser(), new Browser(), new Browser(), new Browser()]
        breakDown(app.store, "limitByUser")
        for (const browser of browsers.slice(1)) {
          const { status } = yield* app.visit(browser, use((session) => session.signIn("ada")))
          assert.strictEqual(status, 200)
          assert.strictEqual((yield* app.visit(browser, userOf)).body, "ada")
          yield* TestClock.adjust(1)
        }
        app.store.interfere(leaveAlone)
        const [last = new Browser()] = browsers
        yield* app.visit(last, use((session) => session.signIn("ada")))
        const who = yield* Effect.forEach(browsers, (browser) => app.visit(browser, userOf))
        assert.deepStrictEqual(who.map(({ body }) => body), ["ada", null, null, "ada"])
      })
  )

  for (const maxPerUser of [0, -1, 1.5, NaN, 1001]) {
    effect(`of ${maxPerUser} is refused when the layer is built`, () =>
      Effect.gen(function*() {
        const { problems } = yield* Effect.flip(makeApp({ sessions: { maxPerUser } }))
        assert.deepStrictEqual(problems, ["Sessions.maxPerUser must be a whole number from 1 to 1000"])
      }))
  }
})
