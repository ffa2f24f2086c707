import { assert, describe, prop } from "@effect/vitest"
import * as Expiry from "effect-sessions/internal/expiry"
import { type EndState, planCookie, planStore } from "effect-sessions/internal/plan"
import * as FastCheck from "effect/FastCheck"

const timeouts = FastCheck.record({
  idle: FastCheck.integer({ min: 2, max: 100 }),
  longer: FastCheck.integer({ min: 0, max: 300 }),
  touch: FastCheck.integer({ min: 1, max: 99 })
}).map(({ idle, longer, touch }): Expiry.Timeouts => ({
  idle,
  absolute: idle + longer,
  touchInterval: Math.min(touch, idle - 1)
}))

const times = FastCheck.record({
  createdAt: FastCheck.integer({ min: 0, max: 500 }),
  seenAfter: FastCheck.integer({ min: 0, max: 200 }),
  expiresAfter: FastCheck.integer({ min: -5, max: 200 })
}).map(({ createdAt, expiresAfter, seenAfter }) => ({
  createdAt,
  lastSeenAt: createdAt + seenAfter,
  expiresAt: createdAt + seenAfter + expiresAfter
}))

const now = FastCheck.integer({ min: 0, max: 1000 })

const wish = FastCheck.record({
  data: FastCheck.option(FastCheck.constant("\"new\""), { nil: undefined }),
  signIn: FastCheck.option(FastCheck.constant("grace"), { nil: undefined }),
  rotate: FastCheck.boolean(),
  create: FastCheck.boolean(),
  active: FastCheck.boolean()
})

describe("Expiry", () => {
  prop(
    "a session is live before both timeouts and its own deadline, and at none of them",
    { timeouts, times, now },
    (given) => {
      const { now, timeouts, times } = given
      assert.strictEqual(
        Expiry.isLive(timeouts, times, now),
        now - times.lastSeenAt < timeouts.idle && now - times.createdAt < timeouts.absolute && now < times.expiresAt
      )
    }
  )

  prop(
    "activity never ends a session sooner, moves back, or passes the absolute timeout",
    { timeouts, times, now },
    (given) => {
      const seen = Expiry.seenAt(given.timeouts, given.times, given.now)
      assert.strictEqual(seen.createdAt, given.times.createdAt)
      assert.isAtLeast(seen.lastSeenAt, given.times.lastSeenAt)
      assert.isAtMost(seen.expiresAt, seen.createdAt + given.timeouts.absolute)
      if (Expiry.isLive(given.timeouts, given.times, given.now)) assert.isAbove(seen.expiresAt, given.now)
    }
  )

  prop(
    "a session lives for the idle timeout from its beginning, if the absolute one is not sooner",
    { timeouts, now },
    ({ now, timeouts }) => {
      const begun = Expiry.beginAt(timeouts, now)
      assert.isTrue(Expiry.isPossible(begun, now))
      assert.isTrue(Expiry.isLive(timeouts, begun, now + timeouts.idle - 1))
      assert.isFalse(Expiry.isLive(timeouts, begun, now + timeouts.idle))
    }
  )
})

const stored = FastCheck.record({
  times,
  userId: FastCheck.option(FastCheck.constant("ada")),
  version: FastCheck.integer({ min: 1, max: 9 })
}).map(({ times, userId, version }) => ({ key: "key", data: "\"old\"", userId, version, ...times }))

describe("planStore", () => {
  prop(
    "makes a row for a visitor only if the wish is worth one",
    { timeouts, now, wish },
    ({ now, timeouts, wish }) => {
      const plan = planStore(timeouts, now, undefined, "\"initial\"", wish)
      const isWorthIt = wish.data !== undefined || wish.signIn !== undefined || wish.create
      assert.strictEqual(plan._tag, isWorthIt ? "Insert" : "Nothing")
      if (plan._tag !== "Insert") return
      assert.deepStrictEqual(
        {
          data: plan.next.data,
          userId: plan.next.userId,
          createdAt: plan.next.createdAt,
          lastSeenAt: plan.next.lastSeenAt
        },
        { data: wish.data ?? "\"initial\"", userId: wish.signIn ?? null, createdAt: now, lastSeenAt: now }
      )
      assert.isAbove(plan.next.expiresAt, now)
    }
  )

  prop(
    "writes nothing to a session that has ended",
    { timeouts, now, wish, stored },
    ({ now, stored, timeouts, wish }) => {
      if (Expiry.isLive(timeouts, stored, now)) return
      const plan = planStore(timeouts, now, stored, "", wish)
      const isChange = wish.data !== undefined || wish.signIn !== undefined || wish.rotate
      assert.strictEqual(plan._tag, isChange ? "Gone" : "Nothing")
    }
  )

  prop(
    "changes of a live session exactly what was wished for",
    { timeouts, now, wish, stored },
    ({ now, stored, timeouts, wish }) => {
      if (!Expiry.isLive(timeouts, stored, now)) return
      const plan = planStore(timeouts, now, stored, "", wish)
      const isTouched = wish.active && now - stored.lastSeenAt >= timeouts.touchInterval
      assert.strictEqual(
        plan._tag,
        wish.rotate || wish.signIn !== undefined
          ? "Rotate"
          : wish.data !== undefined
          ? "Update"
          : isTouched
          ? "Touch"
          : "Nothing"
      )
      if (plan._tag === "Nothing" || plan._tag === "Gone") return
      const { next } = plan
      assert.strictEqual(next.data, wish.data ?? stored.data)
      assert.strictEqual(next.userId, wish.signIn ?? stored.userId)
      assert.strictEqual(next.version, plan._tag === "Touch" ? stored.version : stored.version + 1)
      assert.strictEqual(next.createdAt, wish.signIn === undefined ? stored.createdAt : now)
      assert.strictEqual(next.lastSeenAt, wish.signIn !== undefined || isTouched ? now : stored.lastSeenAt)
      assert.isAtMost(next.expiresAt, next.createdAt + timeouts.absolute + (isTouched || wish.signIn ? 0 : Infinity))
      assert.isAbove(next.expiresAt, now)
    },
    { fastCheck: { numRuns: 2000 } }
  )
})

describe("planCookie", () => {
  const expiresAt = FastCheck.nat()
  const end: FastCheck.Arbitrary<EndState> = FastCheck.oneof(
    FastCheck.constant({ _tag: "Untouched" as const }),
    FastCheck.constant({ _tag: "Ended" as const }),
    FastCheck.record({ _tag: FastCheck.constant("Renamed" as const), expiresAt }),
    FastCheck.record({ _tag: FastCheck.constant("Kept" as const), expiresAt, extended: FastCheck.boolean() })
  )
  const cookie = FastCheck.record({
    sent: FastCheck.boolean(),
    reissue: FastCheck.boolean(),
    persistent: FastCheck.boolean()
  })

  prop("sets only for a stored session, clears only what ended and was sent", { end, cookie }, ({ cookie, end }) => {
    const plan = planCookie(end, cookie)
    if (plan._tag === "Set") {
      assert.include(["Kept", "Renamed"], end._tag)
      assert.strictEqual("expiresAt" in end ? end.expiresAt : NaN, plan.expiresAt)
    }
    assert.strictEqual(plan._tag === "Clear", end._tag === "Ended" && cookie.sent)
    if (end._tag === "Renamed") assert.strictEqual(plan._tag, "Set")
    if (end._tag === "Kept") {
      assert.strictEqual(plan._tag === "Set", cookie.reissue || (cookie.persistent && end.extended))
    }
  })
})
