import { assert, describe, effect } from "@effect/vitest"
import { SessionMetrics, type SessionTimeouts } from "effect-sessions"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  type App,
  type AppOptions,
  type Browser,
  browserWith,
  increment,
  incrementCount,
  makeApp,
  readData,
  recordsOf,
  rowsOf,
  signOut,
  use,
  userOf
} from "../support/app.js"
import { unknownId } from "./support/ids.js"

const name = "__Host-sid"

/** A browser that sends several cookies of one name, in this order. */
const sending = (...values: ReadonlyArray<string>): Browser => browserWith(values.join(`; ${name}=`))

/** The ids of new sessions of users. */
const idsOf = (app: App, ...users: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(users, (user) => app.browserWithSession({ user })),
    (sessions) => sessions.map(({ cookie }) => cookie)
  )

const signIn = use((session) => session.signIn("grace"))

const seenBy = (app: App, cookie: string) => Effect.map(app.visit(browserWith(cookie), userOf), ({ body }) => body)

describe("Several values under our name (A8)", () => {
  effect("the one that is live counts, in any order, for reading and for changes", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const [ada = ""] = yield* idsOf(app, "ada")
      for (const order of [[ada, unknownId], [unknownId, ada], ["garbage", unknownId, ada], [ada, ada]]) {
        const read = yield* app.visit(sending(...order), userOf)
        assert.deepStrictEqual([read.body, read.setCookies], ["ada", []])
        const change = yield* app.visit(sending(...order), incrementCount)
        assert.deepStrictEqual([change.status, change.setCookies], [200, []])
      }
      const [record] = yield* recordsOf(app, "ada")
      assert.include(record?.data ?? "", "\"count\":4")
    }))

  effect("of two that are live none is read, and a change is refused", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const [ada = "", bob = ""] = yield* idsOf(app, "ada", "bob")
      const read = yield* app.visit(sending(ada, bob), userOf)
      assert.deepStrictEqual([read.status, read.body, read.setCookies], [200, null, []])
      for (const work of [incrementCount, use((session) => session.csrfToken)]) {
        const change = yield* app.visit(sending(ada, bob), Effect.asVoid(Effect.orDie(work)))
        assert.deepStrictEqual([change.status === 409, change.setCookies], [work === incrementCount, []])
      }
      assert.deepStrictEqual([yield* seenBy(app, ada), yield* seenBy(app, bob)], ["ada", "bob"])
    }))

  effect(
    "one that was renamed a moment ago makes nobody of the other, for a minute and one for clocks",
    () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const [ada = "", bob = ""] = yield* idsOf(app, "ada", "bob")
        yield* app.sessions.rotate(Redacted.make(ada))
        assert.isNull((yield* app.visit(sending(ada, bob), userOf)).body)
        yield* TestClock.adjust("121 seconds")
        assert.strictEqual((yield* app.visit(sending(ada, bob), userOf)).body, "bob")
      })
  )

  effect("a sign-out ends all of them", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const ids = yield* idsOf(app, "ada", "bob", "eve", "zoe")
      app.store.take()
      const answer = yield* app.visit(sending(...ids), signOut)
      assert.lengthOf(answer.setCookies, 1)
      assert.deepStrictEqual([yield* rowsOf(app), app.store.take()], [0, ["delete", "count"]])
    }))

  for (const [what, others] of [["live", ["ada", "bob"]], ["live and dead", ["ada"]]] as const) {
    effect(`a sign-in is signed in afterwards, whichever cookie is sent then: ${what}`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const ids = [...yield* idsOf(app, ...others), unknownId]
        const answer = yield* app.visit(sending(...ids), signIn)
        assert.strictEqual(answer.status, 200)
        const id = /^__Host-sid=([\w-]+)/.exec(answer.setCookies.join())?.[1] ?? ""
        for (const order of [[...ids, id], [id, ...ids]]) {
          assert.strictEqual((yield* app.visit(sending(...order), userOf)).body, "grace")
        }
        assert.strictEqual(yield* rowsOf(app), 1)
      }))
  }

  effect("the first four that may be ours count, the rest is said", () => {
    const lines: Array<string> = []
    return Effect.gen(function*() {
      const app = yield* makeApp()
      const [ada = ""] = yield* idsOf(app, "ada")
      const dead = ["A", "Q", "g", "w"].map((last) => `${unknownId.slice(0, -1)}${last}`)
      assert.strictEqual((yield* app.visit(sending(...dead.slice(1), ada), userOf)).body, "ada")
      assert.lengthOf(lines, 0)
      assert.isNull((yield* app.visit(sending(...dead, ada), userOf)).body)
      assert.lengthOf(lines, 1)
      for (const id of [...dead, ada]) assert.notInclude(lines.join(), id)
    }).pipe(Effect.provide(Logger.replace(
      Logger.defaultLogger,
      Logger.map(Logger.stringLogger, (line) => {
        lines.push(line)
      })
    )))
  })
})

/** What a later deploy of an app makes of the cookie that an earlier one gave a signed-in user. */
const deployed = (before: AppOptions, after: AppOptions) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(0)
    const old = yield* makeApp(before)
    const { browser } = yield* old.browserWithSession({ user: "ada" })
    yield* TestClock.adjust("30 seconds")
    const app = yield* makeApp({ ...after, store: old.store.service })
    return { app, browser }
  })

const maxAgeOf = (setCookies: ReadonlyArray<string>) => /Max-Age=(\d+)/.exec(setCookies.join())?.[1]

describe("A policy that was shortened (F9)", () => {
  const shortened = (idle: SessionTimeouts.Options) =>
    deployed({ cookie: { persistent: true }, timeouts: { idle: "1 hour" } }, {
      cookie: { persistent: true },
      timeouts: idle
    })

  for (
    const [what, work] of [
      ["a rotation", use((session) => session.rotate)],
      ["a sign-in", signIn],
      ["a change", incrementCount],
      ["a mere look", Effect.asVoid(readData)]
    ] as const
  ) {
    effect(`no cookie outlives the session that ${what} leaves`, () =>
      Effect.gen(function*() {
        const { app, browser } = yield* shortened({ idle: "10 minutes" })
        const answer = yield* app.visit(browser, Effect.orDie(work))
        const age = Number(maxAgeOf(answer.setCookies))
        assert.strictEqual(age, what === "a sign-in" ? 600 : 570)
        yield* TestClock.adjust(`${age * 1000 - 1} millis`)
        const look = use((session) => Effect.zipRight(session.background, session.user))
        const before = yield* app.visit(browser, look)
        assert.include(JSON.stringify(before.body), "Some")
        yield* TestClock.adjust(1)
        assert.include(JSON.stringify((yield* app.visit(browser, look)).body), "None")
      }))
  }
})

describe("A touch of a row that vanished meanwhile (F8)", () => {
  effect("is no activity that was written", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      yield* TestClock.adjust("2 minutes")
      const written = Effect.map(Metric.value(SessionMetrics.touchesWritten), ({ count }) => Number(count))
      const before = yield* written
      app.store.interfere((operation, effect) =>
        operation === "touch" ? Effect.zipRight(app.sessions.clear.pipe(Effect.orDie), effect) : effect
      )
      const answer = yield* app.visit(browser, readData)
      assert.deepStrictEqual([answer.status, yield* written], [200, before])
      const other = yield* app.browserWithSession({ user: "ada" })
      app.store.interfere((_operation, effect) => effect)
      yield* TestClock.adjust("2 minutes")
      yield* app.visit(other.browser, readData)
      assert.strictEqual(yield* written, before + 1)
    }))
})

/** A clock that stands still. */
const clockAt = (millis: number): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => millis,
  currentTimeMillis: Effect.succeed(millis),
  unsafeCurrentTimeNanos: () => BigInt(millis) * 1_000_000n,
  currentTimeNanos: Effect.succeed(BigInt(millis) * 1_000_000n),
  sleep: () => Effect.void
})

describe("The clock of whoever calls (F10)", () => {
  for (const spans of [false, true]) {
    effect(`is the one that counts, spans ${spans ? "on" : "off"}`, () =>
      Effect.gen(function*() {
        const app = yield* makeApp({ sessions: { spans } })
        const { browser } = yield* app.browserWithSession({ user: "ada" })
        const later = clockAt(300_000)
        yield* app.visit(
          browser,
          use((session) => Effect.zipRight(session.update(increment), Effect.withClock(session.commit, later)))
        )
        assert.deepStrictEqual((yield* recordsOf(app, "ada")).map(({ lastSeenAt }) => lastSeenAt), [300_000])
        const expired = yield* app.visit(browser, use((session) => Effect.withClock(session.user, clockAt(2_000_000))))
        assert.deepStrictEqual(expired.body, { _id: "Option", _tag: "None" })
        const created = yield* Effect.withClock(app.sessions.create(), later)
        assert.strictEqual(created.record.createdAt, 300_000)
        assert.isTrue(Option.isNone(yield* Effect.withClock(app.sessions.read(created.id), clockAt(2_000_000))))
      }))
  }
})
