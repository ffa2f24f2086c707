import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, live } from "@effect/vitest"
import { Session, Sessions } from "effect-sessions"
import * as SessionTimeouts from "effect-sessions/SessionTimeouts"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { postgres, postgresMissing } from "../support/clients.js"

class Notes extends Session.Tag<Notes>()("Notes", { data: Schema.Struct({ n: Schema.Number }), initial: { n: 0 } }) {}

const app = postgres({ maxConnections: 5 })

const Live = Sessions.layer(Notes).pipe(
  Layer.provide(SessionTimeouts.layer()),
  Layer.provide(SqlSessionStore.layerWith({ prefix: "killed_transaction" })),
  Layer.provideMerge(app)
)

describe.skipIf(postgresMissing() !== undefined)("A backend killed in the middle of the app's transaction", () => {
  live("takes neither reads nor writes along, and leaves the store working", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const sessions = yield* Notes.sessions
      // Beside the transaction: what runs inside of it would run on its connection.
      const beside = Runtime.runPromise(yield* Effect.runtime())
      const kept = yield* sessions.create({ data: { n: 1 } })
      const ended = yield* sessions.create({ data: { n: 2 } })
      const seen: Array<string> = []

      yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
        const [row] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
        yield* Effect.promise(() => beside(sql`SELECT pg_terminate_backend(${Number(row?.pid)})`))
        const read = yield* Effect.either(sessions.read(kept.id))
        seen.push(Either.isLeft(read) ? read.left._tag : "read")
        yield* sessions.destroy(ended.id)
        seen.push("destroyed")
      })))
      assert.deepStrictEqual(seen, ["read", "destroyed"])

      // The pool may hand the dead connection out once more before it notices.
      const recovered = Effect.retry({ times: 20 })
      assert.isTrue(Option.isNone(yield* recovered(sessions.read(ended.id))))
      const updated = yield* recovered(sessions.update(kept.id, ({ n }) => ({ n: n + 1 })))
      assert.strictEqual(updated.data.n, 2)
    }).pipe(Effect.provide(Live)))
})
