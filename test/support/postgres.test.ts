import { PgClient } from "@effect/sql-pg"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as FileSystem from "node:fs/promises"
import * as Path from "node:path"
import { findBinaries, makeFolder, makePostgres } from "./postgres.js"

const folder = Effect.acquireRelease(
  Effect.promise(makeFolder),
  (folder) => Effect.promise(() => FileSystem.rm(folder, { recursive: true, force: true }))
)

/** The binaries, where nobody but root reaches them. */
const closedBinaries = Effect.gen(function*() {
  const closed = Path.join(yield* folder, "closed")
  return yield* Effect.promise(async () => {
    await FileSystem.mkdir(closed, { mode: 0o700 })
    await FileSystem.cp(findBinaries(), Path.join(closed, "native"), { recursive: true, verbatimSymlinks: true })
    return Path.join(closed, "native")
  })
})

describe.skipIf(process.getuid?.() !== 0)("the PostgreSQL of the tests, as root", () => {
  scopedLive("H9: starts where others cannot reach its files", () =>
    Effect.gen(function*() {
      const options = { folder: yield* folder, name: "data", settings: [], binaries: yield* closedBinaries }
      const server = yield* Effect.promise(() => makePostgres(options))
      yield* Effect.acquireRelease(Effect.promise(server.start), () => Effect.promise(server.stop))
      const rows = yield* Effect.flatMap(PgClient.PgClient, (sql) => sql`SELECT 1 AS one`).pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(server.url) }))
      )
      assert.deepStrictEqual(rows, [{ one: 1 }])
    }))

  scopedLive("H9: says what to do where it cannot", () =>
    Effect.gen(function*() {
      const binaries = yield* closedBinaries
      const options = { folder: Path.dirname(binaries), name: "data", settings: [], binaries }
      const reason = yield* Effect.flip(Effect.tryPromise(() => makePostgres(options)))
      assert.match(String(reason.error), /run the tests as another user, or set TMPDIR/)
    }))
})
