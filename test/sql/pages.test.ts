import { assert, describe, scopedLive } from "@effect/vitest"
import * as Session from "effect-sessions/Session"
import * as Sessions from "effect-sessions/Sessions"
import * as SessionTimeouts from "effect-sessions/SessionTimeouts"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { clientOf } from "./support/environment.js"
import { atTime } from "./support/stores.js"
import { dropTables, targets } from "./support/targets.js"

const prefix = "pages"

class First extends Session.Tag<First>()("First", { data: Schema.Struct({}), initial: {} }) {}
class Second extends Session.Tag<Second>()("Second", { data: Schema.Struct({}), initial: {} }) {}

/** The sessions of both declarations, with an idle timeout. */
const managers = (url: string, idle: Duration.DurationInput) =>
  Effect.map(
    Layer.build(
      Layer.mergeAll(Sessions.layer(First), Sessions.layer(Second)).pipe(
        Layer.provide(SessionTimeouts.layer({ idle, touchInterval: "1 millis" })),
        Layer.provide(SqlSessionStore.layerWith({ prefix })),
        Layer.provide(clientOf(url, 4))
      )
    ),
    (context) => ({ first: Context.get(context, First.sessions), second: Context.get(context, Second.sessions) })
  )

describe.each(targets)("$name", (target) => {
  describe.skipIf(target.missing !== undefined)("D7: the sessions of a user", () => {
    scopedLive(
      "fill each page but the last, and end by their handles wherever they stand",
      () =>
        Effect.gen(function*() {
          const url = target.url()
          yield* dropTables(url, prefix)
          const { first, second } = yield* managers(url, "1 day")
          const { first: shortened } = yield* managers(url, "1 hour")
          yield* second.create({ user: "1" })
          const twoHoursAgo = (yield* Clock.currentTimeMillis) - 2 * 3_600_000
          const old = yield* atTime(twoHoursAgo)(first.create({ user: "1" }))
          const created = yield* Effect.replicateEffect(first.create({ user: "1" }), 5)
          yield* second.create({ user: "1" })

          // The old one is over under the shorter timeout. It neither counts nor makes a page short.
          const pages = yield* Effect.forEach([0, 2, 4, 6], (offset) => shortened.listByUser("1", { limit: 2, offset }))
          assert.deepStrictEqual(pages.map((page) => page.length), [2, 2, 1, 0])
          assert.sameMembers(pages.flat().map(({ handle }) => handle), created.map(({ record }) => record.handle))
          assert.strictEqual((yield* first.listByUser("1")).length, 6)

          // The last in the list, which a touch moves to its front meanwhile.
          yield* first.touch(old.id)
          assert.isTrue(yield* first.destroyByHandle("1", old.record.handle))
          assert.isFalse(yield* first.destroyByHandle("1", old.record.handle))
          assert.isFalse(yield* second.destroyByHandle("1", created[0]!.record.handle))
          assert.strictEqual(yield* first.destroyByUser("1"), 5)
          assert.strictEqual((yield* second.listByUser("1")).length, 2)
        })
    )
  })
})
