/** What the operations of the Redis store are made of on a cluster, where a script sees the keys of one slot. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Crypto from "node:crypto"
import { isLiveOf } from "../core/expiry.js"
import { beyond } from "../core/limit.js"
import { newestFirst, wasRenamed } from "../core/record.js"
import type { RedisFailure } from "../core/redisFailure.js"
import * as RedisText from "../core/redisText.js"
import type * as SessionStore from "../SessionStore.js"
import type { Attempt, RedisConnection } from "./redisConnection.js"
import {
  type Change,
  changeArgs,
  statusOf,
  step,
  type Steps,
  throughAll,
  toList,
  toText,
  whenLive,
  written
} from "./redisSteps.js"

type Step<A> = Effect.Effect<A, RedisFailure>

/** A record where it is. */
interface Found extends RedisText.Stored {
  readonly place: string
}

const { escape, handleWord, keyWord, listOf, maybe, partOf, policyOf, userWord, wordsOf } = RedisText

const all = { concurrency: "unbounded" } as const
const some = { concurrency: 8 } as const

const everyPart = Array.from({ length: RedisText.parts }, (_, part) => part)

/** The steps on a cluster. */
export const onCluster = (connection: RedisConnection, prefix: string): Steps => {
  const baseOf = (part: number): string => `${prefix}{${part}}:`
  const partOfWord = (word: string): number => partOf(word.startsWith("k") ? word.slice(1) : word)
  const recordKey = (place: string): string => `${baseOf(partOf(place))}r:${place}`
  const linkKey = (word: string): string => `${baseOf(partOfWord(word))}l:${word}`
  const indexKey = (part: number): string => `${baseOf(part)}x`

  const run = (
    script: RedisText.ScriptName,
    part: number,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string>,
    attempt?: Attempt
  ) => connection.run(script, keys, [baseOf(part), "0", ...args], attempt)

  const runAt = (script: RedisText.ScriptName, place: string, args: ReadonlyArray<string>, attempt?: Attempt) =>
    run(script, partOf(place), [recordKey(place), indexKey(partOf(place))], args, attempt)

  const find = (words: ReadonlyArray<string>): Step<ReadonlyArray<string>> =>
    Effect.map(
      Effect.forEach(
        new Set(words),
        (word) =>
          Effect.map(connection.ask("zrange", [linkKey(word), "0", "-1"]), (places) => [
            ...(word.startsWith("k") ? [word.slice(1)] : []),
            ...toList(places).map(toText)
          ]),
        all
      ),
      (places) => [...new Set(places.flat())]
    )

  const look = (places: ReadonlyArray<string>, withData: boolean): Step<ReadonlyArray<Found>> =>
    Effect.map(
      Effect.forEach(
        places,
        (place) =>
          Effect.map(
            connection.ask("hmget", [recordKey(place), "m", ...(withData ? ["d"] : [])]),
            (reply): ReadonlyArray<Found> => {
              const [text, data] = toList(reply)
              return text === null ? [] : [{ place, ...RedisText.decode(toText(text), toText(data)) }]
            }
          ),
        all
      ),
      (found) => found.flat()
    )

  const lookBy = (words: ReadonlyArray<string>): Step<ReadonlyArray<Found>> =>
    Effect.flatMap(find(words), (places) => look(places, false))

  const link = (words: ReadonlyArray<string>, place: string, until: number, now: number): Step<void> =>
    Effect.forEach(
      words,
      (word) => run("link", partOfWord(word), [linkKey(word)], [word, place, String(until), String(now)]),
      { ...all, discard: true }
    )

  /** Takes away the links to records that were removed. They lead to nothing, so that it may fail. */
  const unlink = (removed: unknown): Effect.Effect<number> => {
    const texts = toList(removed).map(toText)
    const links = texts.flatMap((place, index) => {
      if (index % 2 === 1) return []
      const { linkedUntil, record } = RedisText.decode(texts[index + 1] ?? "", "")
      return wordsOf(record, place).map((word) => [word, place, String(linkedUntil)] as const)
    })
    return Effect.as(
      Effect.ignore(
        Effect.forEach(
          links,
          ([word, ...args]) => run("unlink", partOfWord(word), [linkKey(word)], [word, ...args]),
          all
        )
      ),
      texts.length / 2
    )
  }

  const removeEach = (
    script: "remove" | "removeOfUser",
    places: ReadonlyArray<string>,
    args: (place: string) => ReadonlyArray<string>,
    attempt: Attempt
  ): Step<number> =>
    Effect.map(
      Effect.forEach(
        places,
        (place) =>
          Effect.flatMap(
            runAt(script, place, ["places", "1", place, ...args(place)], attempt),
            unlink
          ),
        all
      ),
      (counts) => counts.reduce((sum, count) => sum + count, 0)
    )

  /** Runs a script where a key is: at the place of its name, where it mostly is, or where links lead. */
  const chase = (
    key: string,
    script: (place: string, keys: ReadonlyArray<string>) => Step<unknown>
  ): Step<{ readonly place: string; readonly reply: unknown }> => {
    const own = escape(key)
    const index = indexKey(partOf(own))
    const through = (places: ReadonlyArray<string>): Step<{ readonly place: string; readonly reply: unknown }> => {
      const [place, ...others] = places
      return place === undefined
        ? Effect.succeed({ place: own, reply: ["none"] })
        : Effect.flatMap(
          script(place, [recordKey(place), indexKey(partOf(place))]),
          (reply) => statusOf(reply) === "none" ? through(others) : Effect.succeed({ place, reply })
        )
    }
    return Effect.flatMap(
      script(own, [recordKey(own), index, linkKey(keyWord(key))]),
      (reply) =>
        statusOf(reply) === "none"
          ? through(toList(reply).slice(1).map(toText).filter((place) => place !== own))
          : Effect.succeed({ place: own, reply })
    )
  }

  const isTaken = (key: string): Step<boolean> =>
    Effect.map(lookBy([keyWord(key)]), (found) => found.some(({ record }) => record.key === key))

  const insertAt = (
    place: string,
    isChecked: boolean,
    record: SessionStore.SessionRecord,
    attempt: Attempt
  ): Step<"done" | "none" | "exists"> => {
    const until = RedisText.linkUntil(record.expiresAt, record.lastSeenAt)
    const key = escape(record.key)
    const part = partOf(key)
    const keys = [...new Set([recordKey(place), recordKey(key), linkKey(keyWord(record.key)), indexKey(part)])]
    const insert = run(
      "insert",
      part,
      keys,
      ["0", "0", place, RedisText.encode(record, until), record.data, isChecked ? "1" : "0"],
      attempt
    )
    return Effect.zipRight(
      link(wordsOf(record, place), place, until, record.lastSeenAt),
      Effect.flatMap(insert, (reply) => {
        const status = statusOf(reply)
        if (status === "taken") {
          return insertAt(`${key}~${Crypto.randomBytes(6).toString("hex")}`, isChecked, record, attempt)
        }
        return status === "none"
          ? Effect.flatMap(
            isTaken(record.key),
            (taken) => taken ? Effect.succeed("exists" as const) : insertAt(place, true, record, attempt)
          )
          : Effect.succeed(written(reply))
      })
    )
  }

  const change = (change: Change, attempt: Attempt): Step<boolean> => {
    const at = (linked: ReadonlyArray<string>): Step<boolean> =>
      Effect.flatMap(
        chase(change.key, (place, keys) =>
          run(
            "change",
            partOf(place),
            keys,
            [escape(change.key), place, ...changeArgs(change), ...linked],
            attempt
          )),
        ({ place, reply }) => {
          if (statusOf(reply) !== "extend") return Effect.succeed(statusOf(reply) === "done")
          const { record } = RedisText.decode(toText(toList(reply)[2]), "")
          const until = RedisText.linkUntil(change.expiresAt, change.now)
          return Effect.zipRight(
            link(wordsOf(record, place), place, until, change.now),
            at([String(until), String(record.version)])
          )
        }
      )
    return at(["", ""])
  }

  const rotate = (
    { expectedVersion, next, now, oldKey }: SessionStore.Rotation,
    attempt: Attempt
  ): Step<"done" | "none" | "exists"> =>
    Effect.gen(function*() {
      const { place, reply } = yield* chase(oldKey, (place, keys) =>
        run("read", partOf(place), keys, [escape(oldKey), place]))
      if (statusOf(reply) !== "done") {
        return "none"
      }
      const { linkedUntil, record } = RedisText.decode(toText(toList(reply)[1]), "")
      if (!(now < record.expiresAt) || record.version !== expectedVersion) {
        return "none"
      }
      if (next.key !== oldKey && (yield* isTaken(next.key))) {
        return "exists"
      }
      const lasts = linkedUntil >= next.expiresAt
      const until = lasts ? linkedUntil : RedisText.linkUntil(next.expiresAt, now)
      const linked = lasts ? wordsOf(record, place) : []
      yield* link(
        wordsOf(next, place).filter((word) =>
          !linked.includes(word)
        ),
        place,
        until,
        now
      )
      const args = [String(expectedVersion), String(now), RedisText.encode(next, until), next.data]
      const keys = [recordKey(place), indexKey(partOf(place))]
      return written(yield* run("rotate", partOf(place), keys, [escape(oldKey), place, ...args], attempt))
    })

  /** The records of a user that a policy counts as live, without their data. */
  const liveOf = (
    user: Omit<SessionStore.UserSearch, "limit" | "offset">
  ): Step<ReadonlyArray<Found>> =>
    Effect.map(
      lookBy([userWord(user.name, user.userId)]),
      (found) => found.filter(({ record }) => isLiveOf(record, user))
    )

  /** Goes through the index of a part, page by page, with a script that looks at the records of a page. */
  const throughPart = (
    part: number,
    onPage: (places: ReadonlyArray<string>) => Step<unknown>
  ): Step<void> =>
    throughAll((cursor) =>
      Effect.flatMap(connection.ask("zscan", [indexKey(part), cursor, "COUNT", String(step)]), (page) => {
        const [next, entries] = toList(page)
        const places = toList(entries).map(toText).filter((_, index) => index % 2 === 0)
        return Effect.as(places.length === 0 ? Effect.void : onPage(places), [next])
      })
    )
  const keysOfPage = (part: number, places: ReadonlyArray<string>) => [indexKey(part), ...places.map(recordKey)]

  return {
    insert: ({ record, unlessRenamed }, attempt) => {
      const insert = insertAt(escape(record.key), false, record, attempt)
      if (unlessRenamed === undefined || unlessRenamed.keys.length === 0) return insert
      const { after, keys } = unlessRenamed
      return Effect.flatMap(
        lookBy(keys.map(keyWord)),
        (found) => found.some(({ record }) => wasRenamed(record, keys, after)) ? Effect.succeed("none") : insert
      )
    },
    read: (key, now) =>
      Effect.map(
        chase(key, (place, keys) => run("read", partOf(place), keys, [escape(key), place])),
        ({ reply }) => {
          const [status, text, data] = toList(reply).map(toText)
          return status === "done" ? whenLive(RedisText.decode(text ?? "", data ?? "").record, now) : Option.none()
        }
      ),
    search: ({ keys, now, renamedAfter }) =>
      Effect.map(
        Effect.flatMap(find(keys.map(keyWord)), (places) => look(places, true)),
        (found) =>
          found.map(({ record }) => record).filter((record) =>
            now < record.expiresAt && RedisText.leadsTo(record, keys, renamedAfter)
          )
      ),
    change,
    rotate,
    delete: ({ handle, keys, renamedAfter }, attempt) =>
      Effect.flatMap(
        find([...keys.map(keyWord), ...(handle === undefined ? [] : [handleWord(handle)])]),
        (places) =>
          removeEach("remove", places, () => [
            ...listOf(keys.map(escape)),
            renamedAfter === undefined ? "" : String(renamedAfter),
            maybe(handle)
          ], attempt)
      ),
    deleteByUser: ({ except, name, only, userId }, attempt) =>
      Effect.flatMap(find([userWord(name, userId)]), (places) =>
        removeEach(
          "removeOfUser",
          places,
          () => [escape(name), escape(userId), maybe(only), maybe(except)],
          attempt
        )),
    limitByUser: ({ limit, newest, ...user }, attempt) =>
      Effect.flatMap(liveOf(user), (found) => {
        const places = new Map(found.map(({ place, record }) => [record, place]))
        const over = beyond([...places.keys()], { limit, newest, now: user.now })
        const handles = new Map(over.map((record) => [places.get(record) ?? "", record.handle]))
        return removeEach("removeOfUser", [...handles.keys()], (place) => [
          escape(user.name),
          escape(user.userId),
          maybe(handles.get(place)),
          ""
        ], attempt)
      }),
    listByUser: ({ limit, offset, ...user }) =>
      Effect.flatMap(liveOf(user), (found) => {
        const places = [...found].sort((left, right) => newestFirst(left.record, right.record)).slice(offset).map((
          { place }
        ) => place)
        const page = (
          records: ReadonlyArray<SessionStore.SessionRecord>,
          from: number
        ): Step<ReadonlyArray<SessionStore.SessionRecord>> => {
          const more = places.slice(from, from + limit - records.length)
          return more.length === 0 ? Effect.succeed(records) : Effect.flatMap(look(more, true), (found) =>
            page(
              [...records, ...found.map(({ record }) => record).filter((record) => isLiveOf(record, user))],
              from + more.length
            ))
        }
        return page([], 0)
      }),
    readTimes: ({ handles, name, now }) =>
      Effect.map(
        lookBy(handles.map(handleWord)),
        (found) =>
          found.map(({ record }) => record).filter((record) =>
            record.name === name && handles.includes(record.handle) && now < record.expiresAt
          )
      ),
    deleteExpired: (before, limit, attempt) => {
      const sweep = (part: number, removed: number): Step<number> => {
        const most = Math.min(limit - removed, step)
        if (most <= 0) return Effect.succeed(removed)
        const due = ["-inf", String(before), "LIMIT", "0", String(most)]
        return Effect.flatMap(connection.ask("zrangebyscore", [indexKey(part), ...due]), (reply) => {
          const places = toList(reply).map(toText)
          if (places.length === 0) return Effect.succeed(removed)
          const args = [String(before), String(most), ...listOf(places)]
          return run("sweep", part, keysOfPage(part, places), args, attempt).pipe(
            Effect.flatMap((reply) => unlink(toList(reply)[1])),
            Effect.flatMap((gone) =>
              places.length < most ? Effect.succeed(removed + gone) : sweep(part, removed + gone)
            )
          )
        })
      }
      return Effect.flatMap(
        Effect.forEach(
          everyPart,
          (part) => connection.ask("zcount", [indexKey(part), "-inf", String(before)]),
          all
        ),
        (counts) =>
          Effect.suspend(() => {
            let removed = 0
            const sweepAll = Effect.forEach(
              everyPart.filter((part) => Number(counts[part]) > 0),
              (part) => Effect.map(sweep(part, removed), (sum) => void (removed = sum)),
              { discard: true }
            )
            return Effect.map(sweepAll, () => removed)
          })
      )
    },
    count: ({ liveAfter, name, now }) =>
      Effect.suspend(() => {
        let live = 0
        let signedIn = 0
        const policy = [escape(name), ...policyOf(liveAfter), String(now)]
        return Effect.map(
          Effect.forEach(everyPart, (part) =>
            throughPart(part, (places) =>
              Effect.map(
                run("count", part, keysOfPage(part, places), ["0", String(step), ...listOf(places), ...policy]),
                (reply) => {
                  const [, more, users] = toList(reply)
                  live += Number(more)
                  signedIn += Number(users)
                }
              )), { ...some, discard: true }),
          () => ({ live, signedIn })
        )
      }),
    clear: (name, attempt) =>
      Effect.forEach(everyPart, (part) =>
        throughPart(part, (places) =>
          Effect.flatMap(
            run("clear", part, keysOfPage(part, places), ["0", String(step), ...listOf(places), maybe(name)], attempt),
            (reply) => unlink(toList(reply)[1])
          )), { ...some, discard: true })
  }
}
