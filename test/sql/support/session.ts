import * as Session from "effect-sessions/Session"
import * as Schema from "effect/Schema"

/** The session of the app under test: a counter and a list, which lose nothing or are seen to. */
export class Ledger extends Session.Tag<Ledger>()("Ledger", {
  data: Schema.Struct({ count: Schema.Number, items: Schema.Array(Schema.String) }),
  initial: { count: 0, items: [] },
  maxBytes: 1024 * 1024
}) {}

/** What the app under test answers about a session. */
export const State = Schema.parseJson(
  Schema.Struct({ user: Schema.String, count: Schema.Number, items: Schema.Array(Schema.String) })
)
