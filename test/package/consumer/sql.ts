/** The SQL store, with the optional peers it needs. */
import { LibsqlClient } from "@effect/sql-libsql"
import { Session, Sessions, SessionTimeouts } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
  initial: { cart: [] }
}) {}

const SessionsLive = Sessions.layer(AppSession).pipe(
  Layer.provide(SqlSessionStore.layer),
  Layer.provide(SessionTimeouts.layer({ idle: "30 minutes" })),
  Layer.provide(LibsqlClient.layer({ url: "file:sessions.sqlite" }))
)

const program = Effect.gen(function*() {
  const sessions = yield* AppSession.sessions
  const { id } = yield* sessions.create({ user: "ann" })
  const found = yield* sessions.read(id)
  console.log(JSON.stringify(Option.map(found, ({ data, user }) => ({ data, user: Option.getOrNull(user) }))))
})

void Effect.runPromise(Effect.provide(program, SessionsLive))
