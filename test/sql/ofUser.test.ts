import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Servers } from "./support/rounds.js"
import { sized, someOf, timeout } from "./support/size.js"
import { mysqlTarget, postgresTarget, redisClusterTarget, redisTarget, sqliteTarget } from "./support/targets.js"
import { read, send, signIn } from "./support/visitor.js"

const prefix = "of_user"
const maxPerUser = 5

const databases = [
  { name: "PostgreSQL", target: postgresTarget, isolation: "" },
  { name: "MySQL, read committed", target: mysqlTarget, isolation: "READ COMMITTED" },
  { name: "MySQL, repeatable read", target: mysqlTarget, isolation: "REPEATABLE READ" },
  { name: "SQLite", target: sqliteTarget, isolation: "" },
  { name: "Redis", target: redisTarget, isolation: "" },
  { name: "Redis Cluster", target: redisClusterTarget, isolation: "" }
]

/** The users of sessions, each asked of a server in turn. Undefined for those that are over. */
const whoAreLive = (cookies: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { first, second } = yield* Servers
    return yield* Effect.forEach(
      cookies,
      (cookie, index) => Effect.map(read((index % 2 === 0 ? first : second).port, cookie), (state) => state?.user),
      { concurrency: 8 }
    )
  })

describe.each(someOf(databases, ({ name }) => name === "PostgreSQL"))(
  "A user's sessions on $name, in two processes",
  ({ isolation, target }) => {
    describe.skipIf(target.missing !== undefined)("(where it is there)", () => {
      layer(Servers.on(target, prefix, isolation, String(maxPerUser)), { excludeTestServices: true, timeout })((it) => {
        it.effect("of 200 sign-ins at once with a limit of five, five are left", () =>
          Effect.gen(function*() {
            const { first, second } = yield* Servers
            for (let round = 0; round < sized({ small: 1, middle: 1, full: 50 }); round++) {
              const user = `crowd-${round}`
              const cookies = yield* Effect.forEach(
                Array.from({ length: 200 }, (_, index) => index % 2 === 0 ? first : second),
                ({ port }) => signIn(port, user),
                { concurrency: 40 }
              )
              const live = (yield* whoAreLive(cookies)).filter((who) => who === user)
              assert.strictEqual(live.length, maxPerUser)
              // One after the other, the newest always stays.
              const newest = yield* signIn(second.port, user)
              assert.strictEqual((yield* read(first.port, newest))?.user, user)
              assert.strictEqual((yield* whoAreLive(cookies)).filter((who) => who === user).length, maxPerUser - 1)
            }
          }), timeout)

        it.effect(
          "what one process revokes, the next request in the other does not open",
          () =>
            Effect.gen(function*() {
              const { first, second } = yield* Servers
              const [mine, one, two] = [
                yield* signIn(first.port, "ada"),
                yield* signIn(second.port, "ada"),
                yield* signIn(second.port, "ada")
              ]
              const others = yield* signIn(first.port, "grace")
              const { body: handle } = yield* send(second.port, "/handle", one)
              const { body: foreign } = yield* send(first.port, "/handle", others)
              assert.strictEqual((yield* send(first.port, `/revoke?handle=${foreign}`, mine)).body, "false")
              assert.strictEqual((yield* send(first.port, `/revoke?handle=${handle}`, mine)).body, "true")
              assert.strictEqual((yield* send(first.port, `/revoke?handle=${handle}`, mine)).body, "false")
              assert.isUndefined(yield* read(second.port, one))
              assert.strictEqual((yield* send(first.port, "/sign-out-others", mine)).body, "1")
              assert.strictEqual((yield* send(first.port, "/sign-out-others", mine)).body, "0")
              assert.isUndefined(yield* read(second.port, two))
              assert.strictEqual((yield* read(second.port, mine))?.user, "ada")
              assert.strictEqual((yield* read(second.port, others))?.user, "grace")
            }),
          timeout
        )

        it.effect(
          "who waits for the end of a session hears of it from the other process",
          () =>
            Effect.gen(function*() {
              const { first, second } = yield* Servers
              const cookies = yield* Effect.forEach([1, 2, 3], () => signIn(first.port, "linus"))
              const waiting = yield* Effect.forEach(
                cookies,
                (cookie) => Effect.fork(send(second.port, "/ended", cookie))
              )
              const stays = yield* signIn(first.port, "margaret")
              const stayed = yield* Effect.fork(send(second.port, "/ended", stays))
              yield* Effect.sleep(200)
              for (const cookie of cookies) {
                yield* send(first.port, "/sign-out", cookie)
              }
              for (const fiber of waiting) {
                assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
              }
              assert.strictEqual((yield* read(first.port, stays))?.user, "margaret")
              yield* send(first.port, "/sign-out", stays)
              assert.strictEqual((yield* Fiber.join(stayed)).status, 200)
            }),
          timeout
        )
      })
    })
  }
)
