import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, effect } from "@effect/vitest"
import { SessionToken } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { type AppHandle, Browser, browserWith, increment, makeApp, use } from "./support/app.js"
import { type HandleOperation, runModel } from "./support/handleModel.js"

const operation: FastCheck.Arbitrary<HandleOperation> = FastCheck.oneof(
  {
    weight: 3,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constantFrom(
        ...["get", "update", "modify", "signOut", "destroy", "rotate", "touch", "commit"] as const
      )
    })
  },
  {
    weight: 1,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("set" as const),
      count: FastCheck.integer({ min: 0, max: 9 })
    })
  },
  {
    weight: 1,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("signIn" as const),
      user: FastCheck.constantFrom("ada", "grace"),
      carry: FastCheck.boolean()
    })
  }
)

const perform = (session: AppHandle, operation: HandleOperation): Effect.Effect<unknown, unknown> => {
  switch (operation._tag) {
    case "set":
      return session.set({ count: operation.count, notes: [], settings: {} })
    case "update":
      return session.update(increment)
    case "modify":
      return session.modify((data) => ["result", increment(data)])
    case "signIn":
      return session.signIn(operation.user, operation.carry ? { carry: (data) => data } : {})
    default:
      return session[operation._tag]
  }
}

const start = FastCheck.constantFrom(
  "no cookie",
  "garbage",
  "unknown id",
  "expired",
  "live",
  "live, touch due",
  "live user"
)

const endings = {
  "200": Effect.succeed(HttpServerResponse.empty({ status: 200 })),
  "302": Effect.succeed(HttpServerResponse.redirect("/")),
  "404": Effect.succeed(HttpServerResponse.empty({ status: 404 })),
  "499": Effect.succeed(HttpServerResponse.empty({ status: 499 })),
  "500": Effect.succeed(HttpServerResponse.empty({ status: 500 })),
  failure: Effect.fail("broken"),
  defect: Effect.die("broken")
}

const ending = FastCheck.constantFrom(...["200", "302", "404", "499", "500", "failure", "defect"] as const)

const statusOf = {
  "200": 200,
  "302": 302,
  "404": 404,
  "499": 499,
  "500": 500,
  failure: 500,
  defect: 500
}

effect.prop(
  "whatever a request does and however it ends, store and cookie are as the model says",
  { start, operations: FastCheck.array(operation, { maxLength: 8 }), ending, immediate: FastCheck.boolean() },
  ({ ending, immediate, operations, start }) =>
    Effect.gen(function*() {
      const app = yield* makeApp({ immediate })
      const isLive = start.startsWith("live")
      const user = start === "live user" ? { user: "linus" } : {}
      const made = yield* app.browserWithSession({ data: { count: 5, notes: [], settings: {} }, ...user })
      if (start === "expired") yield* TestClock.adjust("15 minutes")
      if (start === "live, touch due") yield* TestClock.adjust("2 minutes")
      if (!isLive && start !== "expired") yield* app.store.service.clear
      const browser = start === "no cookie"
        ? new Browser()
        : start === "garbage"
        ? browserWith("garbage")
        : made.browser
      const sent = browser.cookies.get("__Host-sid")
      app.store.take()

      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const isDiscarded = statusOf[ending] === 499 || statusOf[ending] >= 500
      const expected = runModel(
        isLive ? { count: 5, user: user.user ?? null, generation: 0, createdAt: 0, lastSeenAt: 0 } : undefined,
        sent !== undefined,
        operations,
        isDiscarded,
        now
      )

      const seen: Array<readonly [number, string | null]> = []
      const answer = yield* app.visit(
        browser,
        use((session) =>
          Effect.zipRight(
            Effect.forEach(operations, (operation) =>
              Effect.gen(function*() {
                yield* perform(session, operation)
                // Looking counts as activity, so nothing is looked at after what must not.
                if (operation._tag === "signOut" || operation._tag === "destroy") return
                seen.push([(yield* session.get).count, Option.getOrNull(yield* session.user)])
              })),
            endings[ending]
          )
        )
      )
      const writes = app.store.take().filter((operation) => operation !== "read" && operation !== "delete")

      assert.strictEqual(answer.status, statusOf[ending])
      assert.deepStrictEqual(
        seen,
        expected.seen.filter((_, index) => !["signOut", "destroy"].includes(operations[index]?._tag ?? ""))
      )
      assert.isAtMost(writes.length, 1 + operations.filter(({ _tag }) => _tag === "commit").length)

      const [setCookie, ...more] = answer.setCookies
      assert.deepStrictEqual(more, [])
      const current = browser.cookies.get("__Host-sid")
      assert.strictEqual(
        setCookie === undefined ? "untouched" : current === undefined ? "cleared" : "set",
        expected.cookie
      )
      if (expected.cookie === "set") assert.notStrictEqual(current, sent)

      assert.strictEqual(yield* app.store.service.count(now), expected.row === undefined ? 0 : 1)
      const id = SessionToken.parse(app.sessions.token, current ?? "")
      const stored = Option.isSome(id) ? yield* app.sessions.read(id.value) : Option.none()
      assert.deepStrictEqual(
        Option.getOrUndefined(Option.map(stored, ({ data, record, user }) => ({
          count: data.count,
          user: Option.getOrNull(user),
          createdAt: record.createdAt,
          lastSeenAt: record.lastSeenAt
        }))),
        expected.row === undefined ? undefined : {
          count: expected.row.count,
          user: expected.row.user,
          createdAt: expected.row.createdAt,
          lastSeenAt: expected.row.lastSeenAt
        }
      )
    }),
  { fastCheck: { numRuns: 600 } }
)
