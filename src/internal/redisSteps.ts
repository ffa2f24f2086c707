/** What the operations of the Redis store are made of: for one server, one script each. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RedisFailure } from "../core/redisFailure.js"
import * as RedisText from "../core/redisText.js"
import { clearedBy, endedBy } from "../core/signal.js"
import type * as SessionStore from "../SessionStore.js"
import type { Attempt, RedisConnection } from "./redisConnection.js"

/** An operation that may find that a key is taken. */
type Written = "done" | "none" | "exists"

/** The store contract, without bounds and with failures of commands. */
export interface Steps {
  readonly insert: (insertion: SessionStore.Insertion, attempt: Attempt) => Effect.Effect<Written, RedisFailure>
  readonly read: (key: string, now: number) => Effect.Effect<Option.Option<SessionStore.SessionRecord>, RedisFailure>
  readonly search: (
    search: SessionStore.Search
  ) => Effect.Effect<ReadonlyArray<SessionStore.SessionRecord>, RedisFailure>
  readonly change: (change: Change, attempt: Attempt) => Effect.Effect<boolean, RedisFailure>
  readonly rotate: (rotation: SessionStore.Rotation, attempt: Attempt) => Effect.Effect<Written, RedisFailure>
  readonly delete: (deletion: SessionStore.Deletion, attempt: Attempt) => Effect.Effect<number, RedisFailure>
  readonly deleteByUser: (deletion: SessionStore.UserDeletion, attempt: Attempt) => Effect.Effect<number, RedisFailure>
  readonly limitByUser: (limit: SessionStore.UserLimit, attempt: Attempt) => Effect.Effect<number, RedisFailure>
  readonly listByUser: (
    search: SessionStore.UserSearch
  ) => Effect.Effect<ReadonlyArray<SessionStore.SessionRecord>, RedisFailure>
  readonly readTimes: (
    search: SessionStore.TimesSearch
  ) => Effect.Effect<ReadonlyArray<SessionStore.SessionRecord>, RedisFailure>
  readonly deleteExpired: (before: number, limit: number, attempt: Attempt) => Effect.Effect<number, RedisFailure>
  readonly count: (counting: SessionStore.Counting) => Effect.Effect<SessionStore.Counts, RedisFailure>
  readonly clear: (name: string | undefined, attempt: Attempt) => Effect.Effect<void, RedisFailure>
}

/** An update, or a touch if it has no data. */
export type Change = SessionStore.Touch & { readonly update?: Pick<SessionStore.Update, "expectedVersion" | "data"> }

/** How many records a script looks at that goes through all of them: it holds up the server meanwhile. */
export const step = 500

export const toText = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : ""

export const toList = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

export const statusOf = (reply: unknown): string => toText(toList(reply)[0])

export const written = (reply: unknown): Written => {
  const status = statusOf(reply)
  return status === "done" || status === "exists" ? status : "none"
}

/** Pairs of a record's fields and its data. */
const toRecords = (reply: unknown): ReadonlyArray<SessionStore.SessionRecord> => {
  const texts = toList(reply).map(toText)
  return texts.flatMap((text, index) => index % 2 === 0 ? [RedisText.decode(text, texts[index + 1] ?? "").record] : [])
}

const half = (reply: unknown): number => toList(reply).length / 2

export const whenLive = (
  record: SessionStore.SessionRecord,
  now: number
): Option.Option<SessionStore.SessionRecord> => now < record.expiresAt ? Option.some(record) : Option.none()

export const changeArgs = ({ expiresAt, lastSeenAt, now, update }: Change): ReadonlyArray<string> => [
  String(now),
  String(lastSeenAt),
  String(expiresAt),
  update === undefined ? "" : String(update.expectedVersion),
  update?.data ?? ""
]

/** Goes through an index, page by page, until the cursor is back at the beginning. */
export const throughAll = <E>(
  page: (cursor: string) => Effect.Effect<ReadonlyArray<unknown>, E>
): Effect.Effect<void, E> => {
  const from = (cursor: string): Effect.Effect<void, E> =>
    Effect.flatMap(page(cursor), ([next]) => {
      const cursor = toText(next)
      return cursor === "0" || cursor === "" ? Effect.void : from(cursor)
    })
  return from("0")
}

/** What a script that ends sessions is told, so that it tells others. */
export const teller = ({ channel, node }: Telling): ReadonlyArray<string> => [channel, endedBy(node)]

/** Where a node tells what it has ended, and as who. */
export interface Telling {
  readonly channel: string
  readonly node: string
}

/** Those who wait hear of it a little later where this fails. */
export const tellOfClear = (
  connection: RedisConnection,
  { channel, node }: Telling,
  name: string | undefined
): Effect.Effect<void> =>
  Effect.ignore(
    connection.ask("publish", [channel, clearedBy(node, name === undefined ? undefined : RedisText.escape(name))])
  )

/** The steps on one server, where a script may go wherever links lead it. */
export const onServer = (connection: RedisConnection, prefix: string, telling: Telling): Steps => {
  const keys = [`${prefix}x`]
  const run = (script: RedisText.ScriptName, args: ReadonlyArray<string>, attempt?: Attempt) =>
    connection.run(script, keys, [prefix, "1", ...args], attempt)
  const words = (words: ReadonlyArray<string>) => ["words", ...RedisText.listOf(words)]
  const { escape, handleWord, keyWord, listOf, maybe, policyOf, userWord } = RedisText
  const ofUser = ({ liveAfter, name, now, userId }: Omit<SessionStore.UserSearch, "limit" | "offset">) => [
    userWord(name, userId),
    escape(name),
    escape(userId),
    ...policyOf(liveAfter),
    String(now)
  ]
  return {
    insert: ({ record, unlessRenamed }, attempt) =>
      Effect.map(
        run("insert", [
          ...listOf((unlessRenamed?.keys ?? []).map(escape)),
          String(unlessRenamed?.after ?? 0),
          escape(record.key),
          RedisText.encode(record, 0),
          record.data,
          "0"
        ], attempt),
        written
      ),
    read: (key, now) =>
      Effect.map(run("read", [escape(key), escape(key)]), (reply) => {
        const [status, text, data] = toList(reply).map(toText)
        return status === "done" ? whenLive(RedisText.decode(text ?? "", data ?? "").record, now) : Option.none()
      }),
    search: ({ keys, now, renamedAfter }) =>
      Effect.map(
        run("search", [
          ...words(keys.map(keyWord)),
          ...listOf(keys.map(escape)),
          String(renamedAfter),
          String(now)
        ]),
        toRecords
      ),
    change: (change, attempt) =>
      Effect.map(
        run("change", [escape(change.key), escape(change.key), ...changeArgs(change), "", ""], attempt),
        (reply) => statusOf(reply) === "done"
      ),
    rotate: ({ expectedVersion, next, now, oldKey }, attempt) =>
      Effect.map(
        run("rotate", [
          escape(oldKey),
          escape(oldKey),
          String(expectedVersion),
          String(now),
          RedisText.encode(next, 0),
          next.data,
          ...teller(telling)
        ], attempt),
        written
      ),
    delete: ({ handle, keys, renamedAfter }, attempt) =>
      Effect.map(
        run("remove", [
          ...teller(telling),
          ...words([...keys.map(keyWord), ...(handle === undefined ? [] : [handleWord(handle)])]),
          ...listOf(keys.map(escape)),
          renamedAfter === undefined ? "" : String(renamedAfter),
          maybe(handle)
        ], attempt),
        half
      ),
    deleteByUser: ({ except, name, only, userId }, attempt) =>
      Effect.map(
        run("removeOfUser", [
          ...teller(telling),
          ...words([userWord(name, userId)]),
          escape(name),
          escape(userId),
          maybe(only),
          maybe(except)
        ], attempt),
        half
      ),
    limitByUser: ({ limit, newest, ...user }, attempt) =>
      Effect.map(
        run(
          "limit",
          [...teller(telling), ...ofUser(user), String(limit), escape(newest.handle), String(newest.createdAt)],
          attempt
        ),
        Number
      ),
    listByUser: ({ limit, offset, ...user }) =>
      Effect.map(run("list", [...ofUser(user), String(limit), String(offset)]), toRecords),
    readTimes: ({ handles, name, now }) =>
      Effect.map(
        run("times", [...words(handles.map(handleWord)), ...listOf(handles.map(escape)), escape(name), String(now)]),
        (reply) => toList(reply).map((text) => RedisText.decode(toText(text), "").record)
      ),
    deleteExpired: (before, limit, attempt) => {
      const from = (removed: number): Effect.Effect<number, RedisFailure> => {
        const most = Math.min(limit - removed, step)
        return most <= 0 ? Effect.succeed(removed) : Effect.flatMap(
          run("sweep", [String(before), String(most), "0"], attempt),
          (reply) => {
            const [seen, gone] = toList(reply)
            const sum = removed + half(gone)
            return Number(seen) < most ? Effect.succeed(sum) : from(sum)
          }
        )
      }
      return from(0)
    },
    count: ({ liveAfter, name, now }) =>
      Effect.suspend(() => {
        let live = 0
        let signedIn = 0
        return Effect.map(
          throughAll((cursor) =>
            Effect.map(
              run("count", [cursor, String(step), "0", escape(name), ...policyOf(liveAfter), String(now)]),
              (reply) => {
                const [next, more, users] = toList(reply)
                live += Number(more)
                signedIn += Number(users)
                return [next]
              }
            )
          ),
          () => ({ live, signedIn })
        )
      }),
    clear: (name, attempt) =>
      Effect.zipLeft(
        throughAll((cursor) => Effect.map(run("clear", [cursor, String(step), "0", maybe(name)], attempt), toList)),
        tellOfClear(connection, telling, name)
      )
  }
}
