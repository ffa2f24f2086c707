import * as SqlClient from "@effect/sql/SqlClient"
import type * as SqlError from "@effect/sql/SqlError"
import { SessionEvents } from "effect-sessions"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"
import { NotesSession } from "./NotesSession.js"

/** What happened to sessions of a user. Never an id: a handle opens nothing. */
export interface Entry {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly user: string
  /** SignedIn, SignedOut, Revoked or Expired. */
  readonly what: string
  /** Who revoked it: User, OtherDevice, Limit or Administrator. */
  readonly by: string | null
  /** The session. Null where it was several. */
  readonly handle: string | null
  /** The device of that session, where it is known. */
  readonly label: string | null
  readonly count: number
}

interface Storage {
  readonly write: (entry: Entry) => Effect.Effect<void, SqlError.SqlError>
  /** The newest first. What tells of no device has that of the sign-in with the same handle. */
  readonly recent: (user: string) => Effect.Effect<ReadonlyArray<Entry>, SqlError.SqlError>
}

interface Log extends Storage {
  /** Emits when this process has written something about a user. */
  readonly changes: (user: string) => Stream.Stream<string>
}

/** A log of what happened to the sessions of users. */
export class AuditLog extends Context.Tag("notes-server/AuditLog")<AuditLog, Log>() {}

const shown = 20

const withChanges = (storage: Storage): Effect.Effect<Log> =>
  Effect.map(PubSub.sliding<string>(256), (written) => ({
    write: (entry: Entry) => Effect.zipRight(storage.write(entry), Effect.asVoid(PubSub.publish(written, entry.user))),
    recent: storage.recent,
    changes: (user: string) => Stream.filter(Stream.fromPubSub(written), (name) => name === user)
  }))

/** The log of a process, for sessions in memory: its last thousand entries. */
export const layerMemory: Layer.Layer<AuditLog> = Layer.effect(
  AuditLog,
  Effect.flatMap(Ref.make<ReadonlyArray<Entry>>([]), (log) =>
    withChanges({
      write: (entry) => Ref.update(log, (entries) => [entry, ...entries].slice(0, 1000)),
      recent: (user) =>
        Effect.map(Ref.get(log), (entries) => {
          const own = entries.filter((entry) => entry.user === user)
          const labels = new Map(own.flatMap(({ handle, label }) => label === null ? [] : [[handle, label]]))
          return own.slice(0, shown).map((entry) => ({ ...entry, label: labels.get(entry.handle) ?? null }))
        })
    }))
)

/** For how long entries are kept: who signed in when, and on what, is personal data. */
const kept = 90 * 24 * 60 * 60 * 1000

/** A small table beside the sessions, the same in every database. */
const makeTable = (sql: SqlClient.SqlClient) => {
  // Two names that differ in a capital letter are two users.
  const text = sql.onDialectOrElse({
    mysql: () => "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    orElse: () => "VARCHAR(255)"
  })
  return sql.unsafe(`CREATE TABLE IF NOT EXISTS session_activity (
    user_name ${text} NOT NULL,
    happened_at BIGINT NOT NULL,
    id CHAR(36) NOT NULL,
    what VARCHAR(32) NOT NULL,
    done_by VARCHAR(32),
    handle ${text},
    label VARCHAR(255),
    sessions INTEGER NOT NULL,
    PRIMARY KEY (user_name, happened_at, id)
  )`)
}

/** The log in the database of the client. */
export const layerSql: Layer.Layer<AuditLog, SqlError.SqlError, SqlClient.SqlClient> = Layer.scoped(
  AuditLog,
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    // Where two processes make the table at once, one of them may fail.
    yield* Effect.retry(makeTable(sql), { times: 2 })
    yield* Effect.flatMap(
      DateTime.now,
      (now) => sql`DELETE FROM session_activity WHERE happened_at < ${DateTime.toEpochMillis(now) - kept}`
    ).pipe(
      Effect.catchAll((error) => Effect.logWarning("The activity of long ago could not be removed", error)),
      Effect.repeat(Schedule.spaced("1 day")),
      Effect.forkScoped
    )
    return yield* withChanges({
      write: ({ at, by, count, handle, label, user, what }) =>
        Effect.asVoid(sql`INSERT INTO session_activity ${
          sql.insert({
            user_name: user,
            happened_at: at,
            id: Crypto.randomUUID(),
            what,
            done_by: by,
            handle,
            label,
            sessions: count
          })
        }`),
      recent: (user) =>
        Effect.map(
          sql<{
            readonly happened_at: number | string
            readonly what: string
            readonly done_by: string | null
            readonly handle: string | null
            readonly label: string | null
            readonly sessions: number
          }>`SELECT happened_at, what, done_by, handle, sessions, (
              SELECT MAX(other.label) FROM session_activity other
              WHERE other.user_name = session_activity.user_name AND other.handle = session_activity.handle
            ) AS label
            FROM session_activity WHERE user_name = ${user} ORDER BY happened_at DESC LIMIT ${sql.literal(`${shown}`)}`,
          (rows) =>
            rows.map((row) => ({
              at: Number(row.happened_at),
              user,
              what: row.what,
              by: row.done_by,
              handle: row.handle,
              label: row.label,
              count: row.sessions
            }))
        )
    })
  })
)

/** What an event tells of a user. None if it tells of nobody. */
const entryOf = (event: SessionEvents.SessionEvent): Option.Option<Entry> => {
  switch (event._tag) {
    case "SignedIn":
    case "SignedOut":
    case "Expired":
      return Option.map(event.user, (user) => ({
        at: DateTime.toEpochMillis(event.at),
        user,
        what: event._tag,
        by: null,
        handle: event.handle,
        label: null,
        count: 1
      }))
    case "Revoked":
      return Option.some({
        at: DateTime.toEpochMillis(event.at),
        user: event.user,
        what: event._tag,
        by: event.by,
        handle: Option.getOrNull(event.handle),
        label: null,
        count: event.count
      })
    default:
      return Option.none()
  }
}

/** With the device that somebody signed in on, which no event tells. */
const withLabel = (entry: Entry) =>
  Effect.gen(function*() {
    if (entry.what !== "SignedIn") return entry
    const sessions = yield* NotesSession.sessions
    const listed = yield* sessions.listByUser(entry.user)
    const data = listed.find(({ handle }) => handle === entry.handle)?.data ?? Option.none()
    return { ...entry, label: Option.getOrNull(Option.map(data, ({ label }) => label)) }
  })

/**
 * Writes what happens to sessions into the log, as long as the layer lives. A database that is away for some seconds is
 * waited for; longer, and the log has a gap, which the log of the server tells.
 */
export const AuditLive = Layer.scopedDiscard(Effect.gen(function*() {
  const { write } = yield* AuditLog
  const events = yield* (yield* SessionEvents.SessionEvents).subscribe
  const record = (event: SessionEvents.SessionEvent) =>
    Option.match(entryOf(event), {
      onNone: () => Effect.void,
      onSome: (entry) =>
        Effect.flatMap(withLabel(entry), write).pipe(
          Effect.retry({ times: 5, schedule: Schedule.exponential("200 millis") }),
          Effect.catchAllCause((cause) => Effect.logWarning("An entry is missing in the audit log", cause))
        )
    })
  yield* Effect.forkScoped(Stream.runForEach(events, record))
}))
