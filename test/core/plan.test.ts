import { assert, describe, it, prop } from "@effect/vitest"
import { deriveHandle } from "effect-sessions/core/digest"
import * as Expiry from "effect-sessions/core/expiry"
import * as Plan from "effect-sessions/core/plan"
import type { SessionRecord } from "effect-sessions/core/record"
import * as FastCheck from "effect/FastCheck"

const timeouts = FastCheck.record({
  idle: FastCheck.integer({ min: 2, max: 60 }),
  longer: FastCheck.integer({ min: 0, max: 300 }),
  rememberedIdle: FastCheck.integer({ min: 2, max: 120 }),
  touch: FastCheck.integer({ min: 1, max: 20 })
}).map(({ idle, longer, rememberedIdle, touch }): Expiry.Timeouts => ({
  idle,
  absolute: idle + longer,
  remembered: { idle: rememberedIdle, absolute: rememberedIdle + longer },
  touchInterval: Math.min(touch, idle - 1, rememberedIdle - 1)
}))

const lifetimeOf = (timeouts: Expiry.Timeouts, { remembered }: { readonly remembered: boolean }): Expiry.Lifetime =>
  remembered ? timeouts.remembered : timeouts

/** When a session ends that was seen at `now`. */
const soonest = (timeouts: Expiry.Timeouts, stored: SessionRecord | undefined, now: number): number => {
  if (stored === undefined) return NaN
  const { absolute, idle } = lifetimeOf(timeouts, stored)
  return Math.min(now + idle, stored.createdAt + absolute)
}

const times = FastCheck.record({
  createdAt: FastCheck.integer({ min: 0, max: 500 }),
  seenAfter: FastCheck.integer({ min: 0, max: 40 }),
  expiresAfter: FastCheck.integer({ min: -5, max: 200 }),
  remembered: FastCheck.boolean()
}).map(({ createdAt, expiresAfter, remembered, seenAfter }) => ({
  remembered,
  createdAt,
  lastSeenAt: createdAt + seenAfter,
  expiresAt: createdAt + seenAfter + expiresAfter
}))

const now = FastCheck.integer({ min: 0, max: 1000 })

const optional = <A>(value: FastCheck.Arbitrary<A>) => FastCheck.option(value, { nil: undefined, freq: 1 })

const wish: FastCheck.Arbitrary<Plan.Wish> = FastCheck.oneof(
  FastCheck.record({
    data: optional(FastCheck.constant("\"new\"")),
    signIn: optional(FastCheck.record({
      userId: FastCheck.constantFrom("ada", "grace"),
      remember: optional(FastCheck.boolean())
    })),
    rotate: FastCheck.boolean(),
    create: FastCheck.boolean(),
    active: FastCheck.boolean()
  }),
  FastCheck.record({
    data: FastCheck.constant(undefined),
    signIn: FastCheck.constant(undefined),
    rotate: FastCheck.constant(false),
    create: FastCheck.boolean(),
    active: FastCheck.boolean()
  })
)

const key = FastCheck.constantFrom("one", "two", "three", "four", "five", "key")

const keys = FastCheck.uniqueArray(key, { maxLength: 4 })

const record = (key: FastCheck.Arbitrary<string>): FastCheck.Arbitrary<SessionRecord> =>
  FastCheck.record({
    name: FastCheck.constant("App"),
    key,
    previousKey: FastCheck.option(FastCheck.constantFrom("one", "two")),
    earlierKey: FastCheck.option(FastCheck.constantFrom("three", "four")),
    renamedAt: FastCheck.option(FastCheck.nat(500)),
    handle: FastCheck.constantFrom("handle", "another handle"),
    userId: FastCheck.option(FastCheck.constantFrom("ada", "grace")),
    data: FastCheck.constantFrom("\"old\"", "\"other\""),
    version: FastCheck.integer({ min: 1, max: 9 }),
    times
  }).map(({ times, ...others }) => ({ ...others, ...times }))

const stored = record(FastCheck.constant("key"))

const presented = FastCheck.record({ keys, renamedAfter: FastCheck.nat(500) })

/** The former ids after a rename: one that this request gave itself, and so did not bring, is none. */
const formerKeys = ({ presented, stored }: Plan.Situation) =>
  stored !== undefined && presented.keys.includes(stored.key)
    ? { previousKey: stored.key, earlierKey: stored.previousKey }
    : { previousKey: stored?.previousKey, earlierKey: stored?.earlierKey }

/** What is true of every case that a sentence is about, and that there were some. */
const holds = <A>(
  sentence: string,
  cases: FastCheck.Arbitrary<A>,
  applies: (given: A) => boolean,
  check: (given: A) => void
): void =>
  it(sentence, () => {
    let seen = 0
    FastCheck.assert(
      FastCheck.property(cases, (given) => {
        if (!applies(given)) return
        seen++
        check(given)
      }),
      { numRuns: 2000 }
    )
    assert.isAbove(seen, 10)
  })

describe("Expiry", () => {
  prop(
    "a session is live before both timeouts and its own deadline, and at none of them",
    { timeouts, times, now },
    (given) => {
      const { now, timeouts, times } = given
      assert.strictEqual(
        Expiry.isLive(timeouts, times, now),
        now - times.lastSeenAt < lifetimeOf(timeouts, times).idle &&
          now - times.createdAt < lifetimeOf(timeouts, times).absolute && now < times.expiresAt
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
      assert.isAtMost(seen.expiresAt, seen.createdAt + lifetimeOf(given.timeouts, given.times).absolute)
      if (Expiry.isLive(given.timeouts, given.times, given.now)) assert.isAbove(seen.expiresAt, given.now)
    }
  )

  prop(
    "a session lives for the idle timeout from its beginning, if the absolute one is not sooner",
    { timeouts, now, stored },
    ({ now, stored, timeouts }) => {
      const begun = Expiry.beginAt(timeouts, now, stored.remembered)
      const { idle } = lifetimeOf(timeouts, stored)
      assert.isTrue(Expiry.isPossible({ ...stored, ...begun }, now))
      assert.isTrue(Expiry.isLive(timeouts, begun, now + idle - 1))
      assert.isFalse(Expiry.isLive(timeouts, begun, now + idle))
    }
  )

  prop(
    "what a list asks a store for is what is live, but for the stored deadline",
    { timeouts, stored, now },
    ({ now, stored, timeouts }) => {
      assert.strictEqual(
        Expiry.isLiveAfter(stored, Expiry.liveAfter(timeouts, now), now),
        Expiry.isLive(timeouts, stored, now)
      )
    }
  )

  it("an id renamed a minute before a request arrived, by a clock a minute behind, was renamed a moment ago", () => {
    assert.strictEqual(Expiry.renamedAfter(200_000), 80_000)
  })
})

describe("choose", () => {
  const isFormer = (key: string, { earlierKey, previousKey }: SessionRecord) =>
    previousKey === key || earlierKey === key

  prop(
    "is the one live session of the keys, unless another key was renamed to another session only",
    { keys, records: FastCheck.uniqueArray(record(key), { maxLength: 4, selector: ({ key }) => key }) },
    ({ keys, records }) => {
      const [own, another] = records.filter((record) => keys.some((key) => key === record.key))
      const found = Plan.choose(keys, records)
      if (own === undefined) return assert.deepStrictEqual(found, { _tag: "Nobody" })
      if (another !== undefined) return assert.deepStrictEqual(found, { _tag: "Several" })
      const isElsewhere = keys.filter((key) => !isFormer(key, own)).some((key) =>
        records.some((record) => isFormer(key, record))
      )
      assert.deepStrictEqual<unknown>(found, isElsewhere ? { _tag: "Nobody" } : { _tag: "One", record: own })
    },
    { fastCheck: { numRuns: 1000 } }
  )
})

describe("plan", () => {
  const situation = FastCheck.record({
    timeouts,
    now,
    presented,
    stored: FastCheck.option(stored, { nil: undefined, freq: 3 }),
    several: FastCheck.boolean(),
    sinceSeen: FastCheck.integer({ min: -2, max: 40 })
  }).map(({ now, several, sinceSeen, stored, ...given }): Plan.Situation => ({
    ...given,
    name: "App",
    initial: "\"initial\"",
    now: stored === undefined ? now : stored.lastSeenAt + sinceSeen,
    stored,
    several: several && stored === undefined && given.presented.keys.length > 1
  }))

  const when = (
    sentence: string,
    applies: (situation: Plan.Situation, wish: Plan.Wish) => boolean,
    then: (plan: Plan.Plan, situation: Plan.Situation, wish: Plan.Wish) => void
  ) => {
    holds(
      sentence,
      FastCheck.record({ situation, wish }),
      ({ situation, wish }) => applies(situation, wish),
      (given) => {
        then(Plan.plan(given.situation, given.wish), given.situation, given.wish)
      }
    )
  }

  const isLive = ({ now, stored, timeouts }: Plan.Situation): boolean =>
    stored !== undefined && Expiry.isLive(timeouts, stored, now)
  const isOver = (situation: Plan.Situation): boolean => situation.stored !== undefined && !isLive(situation)
  const isDue = ({ now, stored, timeouts }: Plan.Situation): boolean =>
    stored !== undefined && now - stored.lastSeenAt >= timeouts.touchInterval
  const isWorthARow = ({ create, data, signIn }: Plan.Wish): boolean =>
    data !== undefined || signIn !== undefined || create
  const isChange = ({ data, rotate, signIn }: Plan.Wish): boolean =>
    data !== undefined || signIn !== undefined || rotate
  const expectTag = <Tag extends Plan.Plan["_tag"]>(plan: Plan.Plan, tag: Tag): Extract<Plan.Plan, { _tag: Tag }> => {
    assert.strictEqual(plan._tag, tag)
    const is = (plan: Plan.Plan): plan is Extract<Plan.Plan, { _tag: Tag }> => plan._tag === tag
    return is(plan) ? plan : assert.fail()
  }

  when(
    "without a session, a wish that is not worth a row writes nothing",
    (situation, wish) => situation.stored === undefined && !isWorthARow(wish) && !(situation.several && wish.rotate),
    (plan) => assert.deepStrictEqual(plan, { _tag: "Nothing" })
  )

  when(
    "a change where several sessions are live is refused, unless it is a sign-in",
    (situation, wish) => situation.several && wish.signIn === undefined && (isWorthARow(wish) || wish.rotate),
    (plan) => assert.deepStrictEqual(plan, { _tag: "Several" })
  )

  when(
    "a visitor's first change is stored unless a presented id was renamed a moment ago, and ends nothing",
    (situation, wish) =>
      situation.stored === undefined && !situation.several && wish.signIn === undefined && isWorthARow(wish),
    (plan, { initial, name, now, presented, timeouts }, wish) => {
      const { ends, guarded, next } = expectTag(plan, "Insert")
      assert.isFalse(ends)
      assert.strictEqual(guarded, presented.keys.length > 0)
      assert.deepStrictEqual(next("new"), {
        name,
        key: "new",
        previousKey: null,
        earlierKey: null,
        renamedAt: null,
        handle: deriveHandle("new"),
        userId: null,
        data: wish.data ?? initial,
        version: 1,
        createdAt: now,
        lastSeenAt: now,
        expiresAt: now + Math.min(timeouts.idle, timeouts.absolute),
        remembered: false
      })
    }
  )

  when(
    "a sign-in without a session begins one whatever was renamed, remembers the ids, and ends the sessions of several",
    (situation, wish) => situation.stored === undefined && wish.signIn !== undefined,
    (plan, { initial, now, presented, timeouts }, wish) => {
      const { ends, guarded, next } = expectTag(plan, "Insert")
      const { keys } = presented
      assert.isFalse(guarded)
      assert.strictEqual(ends, keys.length > 1)
      assert.deepStrictEqual(next("new"), {
        name: "App",
        key: "new",
        previousKey: keys[0] ?? null,
        earlierKey: keys[1] ?? null,
        renamedAt: keys.length === 0 ? null : now,
        handle: deriveHandle("new"),
        userId: wish.signIn?.userId ?? null,
        data: wish.data ?? initial,
        version: 1,
        ...Expiry.beginAt(timeouts, now, wish.signIn?.remember ?? false)
      })
    }
  )

  when(
    "a session that ended is not changed",
    (situation, wish) => isOver(situation) && isChange(wish),
    (plan) => assert.deepStrictEqual(plan, { _tag: "Gone" })
  )

  when(
    "of a session that ended, activity is not noted",
    (situation, wish) => isOver(situation) && !isChange(wish),
    (plan) => assert.deepStrictEqual(plan, { _tag: "Nothing" })
  )

  when(
    "activity is noted when a touch is due",
    (situation, wish) => isLive(situation) && !isChange(wish) && wish.active && isDue(situation),
    (plan, { now, stored, timeouts }) => {
      const { next } = expectTag(plan, "Touch")
      assert.deepStrictEqual<unknown>(next, {
        ...stored,
        lastSeenAt: now,
        expiresAt: soonest(timeouts, stored, now)
      })
    }
  )

  when(
    "otherwise nothing is written of a session that is to stay as it is",
    (situation, wish) => isLive(situation) && !isChange(wish) && !(wish.active && isDue(situation)),
    (plan) => assert.deepStrictEqual(plan, { _tag: "Nothing" })
  )

  when(
    "new data is written under the version that follows, and activity with it only when a touch is due",
    (situation, wish) => isLive(situation) && wish.data !== undefined && !wish.rotate && wish.signIn === undefined,
    (plan, situation, wish) => {
      const { now, stored, timeouts } = situation
      const { extended, next } = expectTag(plan, "Update")
      assert.strictEqual(extended, wish.active && isDue(situation))
      assert.deepStrictEqual<unknown>(next, {
        ...stored,
        data: wish.data,
        version: (stored?.version ?? NaN) + 1,
        ...(extended
          ? {
            lastSeenAt: now,
            expiresAt: soonest(timeouts, stored, now)
          }
          : {})
      })
    }
  )

  when(
    "a new id goes with new data and activity into one operation, keeps the handle, and remembers two former ids",
    (situation, wish) => isLive(situation) && wish.rotate && wish.signIn === undefined,
    (plan, situation, wish) => {
      const { now, stored, timeouts } = situation
      const { next } = expectTag(plan, "Rotate")
      const isExtended = wish.active && isDue(situation)
      assert.deepStrictEqual<unknown>(next("new"), {
        ...stored,
        key: "new",
        ...formerKeys(situation),
        renamedAt: now,
        data: wish.data ?? stored?.data,
        version: (stored?.version ?? NaN) + 1,
        ...(isExtended
          ? {
            lastSeenAt: now,
            expiresAt: soonest(timeouts, stored, now)
          }
          : {})
      })
    }
  )

  when(
    "a sign-in begins the session anew under a new id: both timeouts restart, and another user's has another handle",
    (situation, wish) => isLive(situation) && wish.signIn !== undefined,
    (plan, situation, wish) => {
      const { now, stored, timeouts } = situation
      const { next } = expectTag(plan, "Rotate")
      assert.deepStrictEqual<unknown>(next("new"), {
        ...stored,
        key: "new",
        ...formerKeys(situation),
        renamedAt: now,
        handle: wish.signIn?.userId === stored?.userId ? stored?.handle : deriveHandle("new"),
        userId: wish.signIn?.userId,
        data: wish.data ?? stored?.data,
        version: (stored?.version ?? NaN) + 1,
        ...Expiry.beginAt(
          timeouts,
          now,
          wish.signIn?.remember ?? (wish.signIn?.userId === stored?.userId && stored?.remembered === true)
        )
      })
    }
  )

  when(
    "the new id of a request that stands already is no former id",
    (situation, wish) => isLive(situation) && (wish.rotate || wish.signIn !== undefined),
    (plan, { stored }) => {
      const { earlierKey, previousKey } = expectTag(plan, "Rotate").next("key")
      assert.deepStrictEqual<unknown>([previousKey, earlierKey], [stored?.previousKey, stored?.earlierKey])
    }
  )
})

describe("afterMiss", () => {
  const successor = record(FastCheck.constant("successor"))
  const miss = FastCheck.record({
    before: stored,
    current: optional(stored),
    successor: optional(successor),
    tried: optional(record(FastCheck.constant("tried"))),
    mine: FastCheck.constantFrom("none", "same", "another"),
    signsIn: FastCheck.boolean(),
    endedHere: FastCheck.boolean()
  }).map(({ before, current, endedHere, mine, signsIn, successor, tried }) => {
    const own = tried === undefined || mine === "none"
      ? undefined
      : mine === "same"
      ? { ...tried, lastSeenAt: tried.lastSeenAt + 1 }
      : { ...tried, version: tried.version + 1 }
    return {
      own,
      current,
      successor,
      before,
      tried,
      isSame: mine === "same",
      signsIn,
      endedHere,
      found: [successor, current, own].flatMap((record) => record ?? [])
    }
  })
  type Miss = typeof miss extends FastCheck.Arbitrary<infer A> ? A : never

  const when = (sentence: string, applies: (miss: Miss) => boolean, missed: (miss: Miss) => Plan.Missed) => {
    holds(sentence, miss, applies, (miss) => {
      const { before, endedHere, found, signsIn, tried } = miss
      assert.deepStrictEqual(Plan.afterMiss(before, found, { tried, signsIn, endedHere }), missed(miss))
    })
  }
  const known = (record: SessionRecord | undefined): SessionRecord => record ?? assert.fail()
  const isUnneeded = ({ before, endedHere, signsIn }: Miss): boolean => signsIn && (before.userId === null || endedHere)

  when(
    "what stands under the new id as it was to be written is done",
    ({ isSame, own }) => own !== undefined && isSame,
    ({ own }) => ({ _tag: "Done", record: known(own) })
  )
  when(
    "what stands under the new id otherwise is gone on with",
    ({ isSame, own }) => own !== undefined && !isSame,
    ({ own }) => ({ _tag: "Again", record: known(own) })
  )
  when(
    "where somebody changed the session, it is tried again on that, whatever was wanted",
    ({ current, own }) => own === undefined && current !== undefined,
    ({ current }) => ({ _tag: "Again", record: known(current) })
  )
  when(
    "a sign-in does not miss a visitor's session, nor one that its request ended",
    (miss) => miss.own === undefined && miss.current === undefined && isUnneeded(miss),
    () => ({ _tag: "Begin" })
  )
  when(
    "where the session has another id by now, everything else is refused for that",
    (miss) => miss.own === undefined && miss.current === undefined && !isUnneeded(miss) && miss.successor !== undefined,
    () => ({ _tag: "Renamed" })
  )
  when(
    "where it has ended, everything else is refused for that, a refresh by a user whom somebody else ended included",
    (miss) => miss.own === undefined && miss.current === undefined && !isUnneeded(miss) && miss.successor === undefined,
    () => ({ _tag: "Gone" })
  )
})

describe("isSame and isFrom", () => {
  prop("one that is remembered otherwise: what became of it", { stored }, ({ stored }) => {
    const other = { ...stored, remembered: !stored.remembered }
    assert.deepStrictEqual([Plan.isSame(other, stored), Plan.isFrom(other, stored)], [false, true])
  })

  const changes: ReadonlyArray<
    readonly [keyof SessionRecord, Partial<SessionRecord>, isSame: boolean, isFrom: boolean]
  > = [
    ["lastSeenAt", { lastSeenAt: 9999 }, true, true],
    ["expiresAt", { expiresAt: 9999 }, true, true],
    ["data", { data: "\"changed\"" }, false, true],
    ["version", { version: 10 }, false, true],
    ["key", { key: "changed" }, false, false],
    ["name", { name: "Changed" }, false, false],
    ["handle", { handle: "changed" }, false, false],
    ["userId", { userId: "changed" }, false, false],
    ["previousKey", { previousKey: "changed" }, false, false],
    ["createdAt", { createdAt: 9999 }, false, false]
  ]
  for (const [field, change, isSame, isFrom] of changes) {
    prop(`another ${field}: ${isSame ? "as it was written" : isFrom ? "what became of it" : "somebody else's"}`, {
      stored
    }, ({ stored }) => {
      assert.isTrue(Plan.isSame(stored, { ...stored }))
      assert.strictEqual(Plan.isSame({ ...stored, ...change }, stored), isSame)
      assert.strictEqual(Plan.isFrom({ ...stored, ...change }, stored), isFrom)
    })
  }
})
