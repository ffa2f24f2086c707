/**
 * Sessions outside of requests. A job for cron that sweeps and reports, and ends the sessions of users who are named:
 *
 * `DATABASE_URL=postgres://… node --import tsx examples/jobs/main.ts ann bob`
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Session, SessionCleaner, Sessions, SessionTimeouts } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** The app's own declaration: its name is part of every stored key. */
class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ visits: Schema.Number }),
  initial: { visits: 0 }
}) {}

const job = Effect.gen(function*() {
  const sessions = yield* AppSession.sessions
  for (const user of process.argv.slice(2)) {
    yield* Console.log(`${user}: ${yield* sessions.destroyByUser(user)} ended`)
  }
  yield* Console.log(`${yield* SessionCleaner.sweep()} swept`)
  const { live, signedIn } = yield* sessions.count
  yield* Console.log(`${live} live, ${signedIn} of them signed in`)
})

/** Neither a cookie nor a server. `migrate: false`: the app makes the table, the role of a job need not. */
const SessionsLive = Sessions.layer(AppSession).pipe(
  Layer.provideMerge(SqlSessionStore.layerWith({ migrate: false })),
  Layer.provide(SessionTimeouts.layer({ idle: "30 minutes", absolute: "7 days" })),
  Layer.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") }))
)

NodeRuntime.runMain(Effect.provide(job, SessionsLive))
