import { Session } from "effect-sessions"
import * as Schema from "effect/Schema"

/** What the notes server keeps of a visitor, and who is signed in: a user name. */
export class NotesSession extends Session.Tag<NotesSession>()("NotesSession", {
  data: Schema.Struct({
    visits: Schema.Number,
    notes: Schema.Array(Schema.String),
    // The device that the user signed in on. Rows from before there were any are still read.
    label: Schema.optionalWith(Schema.String, { default: () => "Unknown device" })
  }),
  initial: { visits: 0, notes: [], label: "Unknown device" },
  maxBytes: 256 * 1024
}) {}
