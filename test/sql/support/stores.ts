import type { PgClient } from "@effect/sql-pg"
import * as SqlClient from "@effect/sql/SqlClient"
import { assert } from "@effect/vitest"
import type { SessionStoreError } from "effect-sessions/SessionError"
import * as SessionStore from "effect-sessions/SessionStore"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as StoreModel from "../../../src/core/storeModel.js"
import { postgres, postgresUrl } from "../../support/clients.js"
import { always, countLive } from "../../support/observedStore.js"
import { eventually } from "./processes.js"

/** A record that is live at time 1000. */
export const sample = (change: Partial<SessionStore.SessionRecord> = {}): SessionStore.SessionRecord =>
  StoreModel.sample({ data: "{}", ...change })

/** A rotation of a record to its next key. */
export const rotation = (record: SessionStore.SessionRecord, key: string): SessionStore.Rotation => ({
  oldKey: record.key,
  expectedVersion: record.version,
  next: StoreModel.renamed(record, key, now),
  now
})

/** A time at which samples are live. */
export const now = 1000

/** Whose the samples with the user "user" are. */
export const owner = { name: "name", userId: "user" }

/** All sessions of that user. */
export const everySession = { ...owner, now, liveAfter: always, limit: 100, offset: 0 }

/** Runs an effect at a time. What it waits for takes as long as ever. */
export const atTime = (millis: number) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) =>
    Effect.withClock(
      effect,
      Object.assign(Object.create(clock), {
        currentTimeMillis: Effect.succeed(millis),
        unsafeCurrentTimeMillis: () => millis
      })
    )
  )

/** A change of the data of a sample. */
export const change = (record: SessionStore.SessionRecord, data = "{}"): SessionStore.Update => ({
  key: record.key,
  expectedVersion: record.version,
  data,
  lastSeenAt: record.lastSeenAt,
  expiresAt: record.expiresAt,
  now
})

/** Every operation of a store, and whether it is one that may change something. */
export const operationsOf = (
  store: SessionStore.Service
): ReadonlyArray<
  readonly [operation: string, writes: boolean, effect: Effect.Effect<unknown, SessionStoreError>]
> => [
  ["insert", true, store.insert({ record: sample() })],
  ["insert", true, store.insert({ record: sample(), unlessRenamed: { keys: ["other"], after: 0 } })],
  ["read", false, store.read("key", now)],
  ["search", false, store.search({ keys: ["key"], renamedAfter: 0, now })],
  ["update", true, store.update(change(sample()))],
  ["touch", true, store.touch(change(sample()))],
  ["rotate", true, store.rotate(rotation(sample(), "next"))],
  ["delete", true, store.delete({ keys: ["key"] })],
  ["deleteByUser", true, store.deleteByUser(owner)],
  ["listByUser", false, store.listByUser(everySession)],
  ["readTimes", false, store.readTimes({ name: owner.name, handles: ["handle"], now })],
  ["limitByUser", true, store.limitByUser({ ...owner, now, liveAfter: always, limit: 1, newest: sample() })],
  ["deleteExpired", true, store.deleteExpired(0, 10)],
  ["count", false, countLive(store, owner.name, now)],
  ["clear", true, store.clear()]
]

/** The store on a client, and that client, for as long as the scope lives. */
export const storeOn = <E>(
  client: Layer.Layer<SqlClient.SqlClient, E>,
  options: SqlSessionStore.Options
): Effect.Effect<{ readonly store: SessionStore.Service; readonly sql: SqlClient.SqlClient }, never, Scope.Scope> =>
  Effect.map(
    Effect.orDie(Layer.build(Layer.provideMerge(SqlSessionStore.layerWith(options), client))),
    (context) => ({
      store: Context.get(context, SessionStore.SessionStore),
      sql: Context.get(context, SqlClient.SqlClient)
    })
  )

/** A client of the PostgreSQL of the tests, whose connections begin with these settings. */
export const postgresWith = (
  settings: Readonly<Record<string, string | number>>,
  options: Partial<PgClient.PgClientConfig> = {}
) => {
  const url = new URL(postgresUrl())
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}=${String(value).replaceAll(" ", "\\ ")}`)
  url.searchParams.set("options", flags.join(" "))
  return postgres({ url: Redacted.make(url.href.replaceAll("+", "%20")), ...options })
}

/** Holds a connection of a client in a transaction in which `statement` was run, until the scope ends. */
export const holding = (
  sql: SqlClient.SqlClient,
  statement: Effect.Effect<unknown, unknown>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const ready = yield* Effect.makeLatch(false)
    yield* Effect.forkScoped(
      sql.withTransaction(Effect.zipRight(Effect.zipRight(statement, ready.open), Effect.never))
    )
    yield* ready.await
  })

/** Waits until a connection of the application waits for a lock, and returns its process. */
export const waitingForLock = (sql: SqlClient.SqlClient, applicationName: string): Effect.Effect<number> =>
  eventually(
    "a statement waits for a lock",
    Effect.map(
      Effect.orDie(sql<{ readonly pid: number }>`
        SELECT pid FROM pg_stat_activity WHERE application_name = ${applicationName} AND wait_event_type = 'Lock'
      `),
      ([row]) => row?.pid
    )
  )

/** Waits until no connection of the application waits for a lock any more. */
export const noneWaitsForLock = (sql: SqlClient.SqlClient, applicationName: string): Effect.Effect<void> =>
  Effect.asVoid(eventually(
    "no statement waits for a lock",
    Effect.map(
      Effect.orDie(sql`
        SELECT pid FROM pg_stat_activity WHERE application_name = ${applicationName} AND wait_event_type = 'Lock'
      `),
      (rows) => rows.length === 0 ? true : undefined
    )
  ))

/** What was to be unavailable is, as a typed error that quotes neither a key nor the driver. */
export const unavailable = <A>(
  effect: Effect.Effect<A, SessionStoreError>,
  operation: string,
  detail: RegExp,
  outcomeUnknown = false
): Effect.Effect<void> =>
  Effect.map(Effect.either(effect), (result) => {
    assert.isTrue(result._tag === "Left", `the store answered ${JSON.stringify(result)}`)
    if (result._tag !== "Left") return
    const error = result.left
    assert.strictEqual(error._tag, "SessionStoreError")
    assert.strictEqual(error.reason, "Unavailable")
    assert.strictEqual(error.operation, operation)
    assert.strictEqual(error.outcomeUnknown, outcomeUnknown)
    assert.match(error.detail, detail)
    assert.match(error.detail, /^[A-Za-z0-9_ ]{1,80}$/)
    assert.notInclude(JSON.stringify(error), "\"key\"")
    assert.isUndefined(error.cause)
  })

/** Every operation at once is unavailable, and is known not to have been made. */
export const refused = (store: SessionStore.Service, detail: RegExp): Effect.Effect<void> =>
  Effect.forEach(operationsOf(store), ([operation, , effect]) => unavailable(effect, operation, detail), {
    concurrency: "unbounded",
    discard: true
  })
