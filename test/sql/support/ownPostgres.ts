import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { inject } from "vitest"
import { makePostgres } from "../../support/postgres.js"

/** A PostgreSQL server of one test, which writes to disk as in production, and which the test may crash. */
export interface OwnPostgres {
  readonly url: string
  readonly start: Effect.Effect<void>
  readonly crash: Effect.Effect<void>
}

let servers = 0

/** Starts a PostgreSQL server that is gone with the scope. */
export const ownPostgres = (
  settings: ReadonlyArray<string> = []
): Effect.Effect<OwnPostgres, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* Effect.promise(() =>
      makePostgres({
        folder: inject("directory"),
        name: `own-${process.pid}-${++servers}`,
        settings: ["fsync=on", ...settings]
      })
    )
    const start = Effect.promise(server.start)
    yield* Effect.acquireRelease(start, () => Effect.promise(server.stop))
    return { url: server.url, start, crash: Effect.promise(server.crash) }
  })
