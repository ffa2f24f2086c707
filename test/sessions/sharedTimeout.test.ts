import { assert, describe, effect, scoped } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as SharedTimeout from "../../src/internal/sharedTimeout.js"

const late = "no answer in time"

/** A timeout of ten seconds for all that runs in the scope. */
const make = Effect.map(
  SharedTimeout.make(Duration.seconds(10)),
  (inTime) => <A, E>(effect: Effect.Effect<A, E>) => inTime(effect, ({ detail }) => detail)
)

/** Not the very millisecond of the timeout, at which both may come first. */
const duration = FastCheck.nat(20_000).filter((millis) => millis !== 10_000)

const takes = (millis: number): Effect.Effect<number> => Effect.as(Effect.sleep(millis), millis)

describe("SharedTimeout", () => {
  effect.prop(
    "ends each of many as Effect.timeoutFail would, to the millisecond",
    [FastCheck.array(FastCheck.tuple(FastCheck.nat(30_000), duration), { maxLength: 12 })],
    ([efforts]) =>
      Effect.gen(function*() {
        const inTime = yield* make
        const outcomes = yield* Effect.fork(Effect.forEach(efforts, ([begins, lasts]) =>
          Effect.sleep(begins).pipe(
            Effect.zipRight(Effect.exit(inTime(takes(lasts)))),
            Effect.zip(TestClock.currentTimeMillis)
          ), { concurrency: "unbounded" }))
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(
          yield* Fiber.join(outcomes),
          efforts.map(([begins, lasts]): [Exit.Exit<number, string>, number] =>
            lasts < 10_000
              ? [Exit.succeed(lasts), begins + lasts]
              : [Exit.fail(late), begins + 10_000]
          )
        )
        assert.deepStrictEqual(Array.from(yield* TestClock.sleeps()), [])
      }).pipe(Effect.scoped),
    { fastCheck: { numRuns: 30 } }
  )

  scoped("hands on failures and defects as they are", () =>
    Effect.gen(function*() {
      const inTime = yield* make
      for (const exit of [Exit.fail("no"), Exit.die("broken"), Exit.interrupt(FiberId.none)]) {
        assert.deepStrictEqual(yield* Effect.exit(inTime(Effect.zipRight(Effect.yieldNow(), exit))), exit)
      }
    }))

  scoped(
    "goes on at once where its caller cannot be interrupted and what is late does not end",
    () =>
      Effect.gen(function*() {
        const inTime = yield* make
        let interrupted = false
        const stubborn = Effect.onInterrupt(Effect.never, () =>
          Effect.zipRight(
            Effect.sync(() => {
              interrupted = true
            }),
            Effect.sleep("1 hour")
          ))
        const fiber = yield* Effect.fork(Effect.uninterruptible(inTime(stubborn)))
        yield* TestClock.adjust("9 seconds")
        assert.isNull(fiber.unsafePoll())
        const next = yield* Effect.fork(inTime(Effect.never))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.fail(late))
        assert.isTrue(interrupted)
        assert.isNull(next.unsafePoll())
        yield* TestClock.adjust("9 seconds")
        assert.deepStrictEqual(yield* Fiber.await(next), Exit.fail(late))
        yield* TestClock.adjust("1 hour")
      })
  )

  scoped(
    "interrupts what runs where its caller is interrupted, and does not wait for it",
    () =>
      Effect.gen(function*() {
        const inTime = yield* make
        const interrupted = yield* Deferred.make<void>()
        const stubborn = Effect.onInterrupt(
          Effect.never,
          () => Effect.zipRight(Deferred.succeed(interrupted, void 0), Effect.sleep("1 hour"))
        )
        const fiber = yield* Effect.fork(inTime(stubborn))
        yield* Effect.yieldNow()
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
        yield* Deferred.await(interrupted)
        yield* TestClock.adjust("1 hour")
      })
  )

  scoped("lets nothing outlive its scope: who waits is told, and so is who comes later", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const inTime = yield* Scope.extend(SharedTimeout.make("10 seconds"), scope)
      let ended = 0
      let begun = 0
      const never = Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended++))
      const waiting = yield* Effect.replicateEffect(
        Effect.fork(Effect.uninterruptible(inTime(never, (why) => why))),
        3
      )
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      for (const fiber of waiting) {
        assert.deepStrictEqual(
          yield* Fiber.await(fiber),
          Exit.fail({
            detail: "its layer closed before it answered so provide the server first",
            hasBegun: true
          })
        )
      }
      assert.strictEqual(ended, 3)
      const later = Effect.sync(() => begun++)
      assert.deepStrictEqual(
        yield* Effect.exit(inTime(later, (why) => why)),
        Exit.fail({ detail: "its layer has closed so provide the server first", hasBegun: false })
      )
      assert.strictEqual(begun, 0)
    }))

  scoped("bounds by one clock, whatever clocks those who wait have", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const ahead = Object.assign(Object.create(clock), {
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos() + 3_600_000_000_000n
      })
      const inTime = yield* make
      const first = yield* Effect.fork(Effect.withClock(inTime(Effect.never), ahead))
      yield* TestClock.adjust("5 seconds")
      const second = yield* Effect.fork(Effect.exit(inTime(Effect.sleep("9 seconds"))))
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(first)))
      yield* TestClock.adjust("4 seconds")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(second)))
    }))

  scoped("keeps one fiber asleep while something waits, and none after that", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      let asleep = 0
      const sleep = () =>
        Effect.acquireUseRelease(Effect.sync(() => asleep++), () => Effect.never, () => Effect.sync(() => asleep--))
      const settle = Effect.repeatN(Effect.yieldNow(), 10)
      yield* Effect.gen(function*() {
        const inTime = yield* make
        const goOn = yield* Deferred.make<void>()
        const first = yield* Effect.fork(Effect.uninterruptible(inTime(Deferred.await(goOn))))
        const second = yield* Effect.fork(inTime(Effect.never))
        yield* settle
        assert.strictEqual(asleep, 1)
        yield* Deferred.succeed(goOn, void 0)
        yield* Fiber.join(first)
        yield* settle
        assert.strictEqual(asleep, 1)
        yield* Fiber.interrupt(second)
        yield* settle
        assert.strictEqual(asleep, 0)
      }).pipe(Effect.withClock(Object.assign(Object.create(clock), { sleep })))
    }))
})
