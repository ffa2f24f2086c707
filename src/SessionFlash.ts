/**
 * Flash messages: said in one request, shown once in a later one. They are a part of the session's own data, typed by
 * its schema, so they live and die with it.
 *
 * @since 3.0.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Handle, StageError } from "./Session.js"
import type { SessionResponseSent } from "./SessionError.js"
import type { CommitError } from "./Sessions.js"

/**
 * Where the messages are in the data of a session.
 *
 * @since 3.0.0
 * @category models
 */
export interface Place<Data, Message> {
  /** The messages in the data. */
  readonly get: (data: Data) => ReadonlyArray<Message>
  /** The same data with other messages. Changes nothing. */
  readonly set: (data: Data, messages: ReadonlyArray<Message>) => Data
}

/**
 * The messages of a session.
 *
 * @since 3.0.0
 * @category models
 */
export interface Flash<Data, Message> {
  /** Stages one more message. It is there for the next request, or for a later `take` of this one. Fails with `StageError`. */
  readonly push: <User>(session: Handle<Data, User>, message: Message) => Effect.Effect<void, StageError>
  /**
   * All messages, for the only time: of several requests that take them at once, one gets them, and requests that do
   * not ask leave them where they are. Commits what is staged, since a message that is shown must be gone. Without
   * messages it writes nothing. Fails with `CommitError` or `SessionResponseSent`, as `commit` of the handle does.
   */
  readonly take: <User>(
    session: Handle<Data, User>
  ) => Effect.Effect<ReadonlyArray<Message>, CommitError | SessionResponseSent>
}

/**
 * The schema of a field for messages: empty where a stored session has none.
 *
 * @since 3.0.0
 * @category schemas
 */
export const field = <Message, Encoded>(
  message: Schema.Schema<Message, Encoded>
): Schema.optionalWith<Schema.Array$<Schema.Schema<Message, Encoded>>, { default: () => ReadonlyArray<Message> }> =>
  Schema.optionalWith(Schema.Array(message), { default: (): ReadonlyArray<Message> => [] })

/**
 * Makes flash messages at a place in the data of a session.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Session, SessionFlash } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ flash: SessionFlash.field(Schema.String) }),
 *   initial: { flash: [] }
 * }) {}
 *
 * const flash = SessionFlash.make<{ readonly flash: ReadonlyArray<string> }, string>({
 *   get: (data) => data.flash,
 *   set: (data, flash) => ({ ...data, flash })
 * })
 *
 * export const saved = Effect.flatMap(AppSession, (session) => flash.push(session, "Saved"))
 *
 * export const messages = Effect.flatMap(AppSession, flash.take)
 * ```
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = <Data, Message>(place: Place<Data, Message>): Flash<Data, Message> => ({
  push: (session, message) => session.update((data) => place.set(data, [...place.get(data), message])),
  take: (session) =>
    Effect.flatMap(session.get, (data) => {
      if (place.get(data).length === 0) return Effect.succeed([])
      // The function runs again if another request was faster; then it finds what that one left.
      let taken: ReadonlyArray<Message> = []
      return session.update((data) => {
        taken = place.get(data)
        return taken.length === 0 ? data : place.set(data, [])
      }).pipe(
        Effect.zipRight(session.commit),
        Effect.map(() => taken)
      )
    })
})
