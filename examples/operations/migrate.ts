/**
 * Makes or upgrades the table of the sessions, with a role that may, before the app is deployed:
 *
 * `DATABASE_URL=postgres://owner@… node --import tsx examples/operations/migrate.ts`
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const migrate = Effect.gen(function*() {
  // Each may run again without harm.
  for (const [name, migration] of Object.entries(yield* SqlSessionStore.migrations())) {
    yield* migration
    yield* Console.log(name)
  }
})

NodeRuntime.runMain(Effect.provide(migrate, PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") })))
