import { Session } from "effect-sessions"
import * as Schema from "effect/Schema"

/** What the notes server keeps of a visitor, and who is signed in: a user name. */
export class NotesSession extends Session.Tag<NotesSession>()("NotesSession", {
  data: Schema.Struct({
    visits: Schema.Number,
    notes: Schema.Array(Schema.String)
  }),
  initial: { visits: 0, notes: [] },
  maxBytes: 256 * 1024
}) {}
