/** What the operations of the Redis store are made of on a cluster, where a script sees the keys of one slot. */
import * as Array from "effect/Array"
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
  teller,
  type Telling,
  tellOfClear,
  throughAll,
  toList,
  toText,
  whenLive,
  written
} from "./redisSteps.js"

type Step<A> = Effect.Effect<A, RedisFailure>

/** A record where it is, and what is stored of it but its data. */
interface Found extends RedisText.Stored {
  readonly place: string
  readonly text: string
}

const { escape, handleWord, keyWord, listOf, maybe, partOf, policyOf, userWord, wordsOf } = RedisText

/** Commands at once: few enough for a user of very many sessions, so that time limits are kept and others have their turn. */
const all = { concurrency: 100 } as const
const some = { concurrency: 8 } as const

/** Milliseconds after which a node that has a user's limit to itself is taken for dead. */
const longestTurn = 1000

const everyPart = Array.range(0, RedisText.parts - 1)

/** The steps on a cluster. */
export const onCluster = (connection: RedisConnection, prefix: string, telling: Telling): Steps => {
  const baseOf = (part: number): string => `${prefix}{${part}}:`
  const partOfWord = (word: string): number => partOf(word.startsWith("k") ? word.slice(1) : word)
  const recordKey = (place: string): string => `${baseOf(partOf(place))}r:${place}`
  const linkKey = (word: string): string => `${baseOf(partOfWord(word))}l:${word}`
  const turnKey = (word: string): string => `${baseOf(partOfWord(word))}t:${word}`
  const indexKey = (part: number): string => `${baseOf(part)}x`

  const run = (
    script: RedisText.ScriptName,
    part: number,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string>,
    attempt?: Attempt
  ) => connection.run(script, keys, [baseOf(part), "0", ...args], attempt)

  const keysOf = (part: number, places: ReadonlyArray<string>) => [indexKey(part), ...places.map(recordKey)]

  const runAt = (script: RedisText.ScriptName, place: string, args: ReadonlyArray<string>, attempt?: Attempt) =>
    run(script, partOf(place), keysOf(partOf(place), [place]), args, attempt)

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
              return text === null
                ? []
                : [{ place, text: toText(text), ...RedisText.decode(toText(text), toText(data)) }]
            }
          ),
        all
      ),
      (found) => found.flat()
    )

  const lookBy = (words: ReadonlyArray<string>): Step<ReadonlyArray<Found>> =>
    Effect.flatMap(find(words), (places) => look(places, false))

  /**
   * Links of a new record last longer than any there are to its place: who takes away those of a former one, which is removed
   * just now, must not take these.
   */
  const link = (
    words: ReadonlyArray<string>,
    place: string,
    until: number,
    now: number,
    isNew = false
  ): Step<void> =>
    Effect.forEach(
      words,
      (word) =>
        run("link", partOfWord(word), [linkKey(word)], [word, place, String(until), String(now), isNew ? "1" : "0"]),
      { ...all, discard: true }
    )

  /** Runs a script where items are: once for each part that has some, or more often where it has very many. */
  const runInParts = <A>(
    items: ReadonlyArray<A>,
    partOfItem: (item: A) => number,
    script: (part: number, items: ReadonlyArray<A>) => Step<unknown>
  ): Step<void> => {
    const byPart = Array.groupBy(items, (item) => String(partOfItem(item)))
    const pages = Object.entries(byPart).flatMap(([part, ofPart]) =>
      Array.chunksOf(ofPart, step).map((page) => [Number(part), page] as const)
    )
    return Effect.forEach(pages, ([part, page]) => script(part, page), { ...all, discard: true })
  }

  /** Takes away the links to records that were removed. They lead to nothing, so that it may fail. */
  const unlink = (removed: unknown): Effect.Effect<number> => {
    const texts = toList(removed).map(toText)
    const links = texts.flatMap((place, index) => {
      if (index % 2 === 1) return []
      const { linkedUntil, record } = RedisText.decode(texts[index + 1] ?? "", "")
      return wordsOf(record, place).map((word) => [word, place, String(linkedUntil)] as const)
    })
    const unlinking = runInParts(links, ([word]) => partOfWord(word), (part, links) => {
      const keys = Array.dedupe(links.map(([word]) => linkKey(word)))
      return run("unlink", part, keys, [String(links.length), ...links.flat()])
    })
    return Effect.as(Effect.ignore(unlinking), texts.length / 2)
  }

  /** Removes records, and the links to those that were removed, also where others cannot be reached. */
  const removeAll = (
    script: "remove" | "removeOfUser",
    places: ReadonlyArray<string>,
    args: ReadonlyArray<string>,
    attempt: Attempt
  ): Step<number> =>
    Effect.suspend(() => {
      const removed: Array<unknown> = []
      const removing = runInParts(places, partOf, (part, places) =>
        Effect.map(
          run(script, part, keysOf(part, places), [...teller(telling), "places", ...listOf(places), ...args], attempt),
          (reply) => void removed.push(...toList(reply))
        ))
      return Effect.flatMap(
        Effect.exit(removing),
        (exit) => Effect.flatMap(unlink(removed), (count) => Effect.as(exit, count))
      )
    })

  /** Runs a script where a key is: at the place of its name, where it mostly is, or where links lead. */
  const chase = (
    key: string,
    script: (place: string, keys: ReadonlyArray<string>) => Step<unknown>
  ): Step<{ readonly place: string; readonly reply: unknown }> => {
    const own = escape(key)
    const through = (places: ReadonlyArray<string>): Step<{ readonly place: string; readonly reply: unknown }> => {
      const [place, ...others] = places
      return place === undefined
        ? Effect.succeed({ place: own, reply: ["none"] })
        : Effect.flatMap(
          script(place, keysOf(partOf(place), [place])),
          (reply) => statusOf(reply) === "none" ? through(others) : Effect.succeed({ place, reply })
        )
    }
    return Effect.flatMap(
      script(own, [...keysOf(partOf(own), [own]), linkKey(keyWord(key))]),
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
      link(wordsOf(record, place), place, until, record.lastSeenAt, true),
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
      const args = [String(expectedVersion), String(now), RedisText.encode(next, until), next.data, ...teller(telling)]
      return written(yield* runAt("rotate", place, [escape(oldKey), place, ...args], attempt))
    })

  /** The records of a user that a policy counts as live, without their data. */
  const liveOf = (
    user: Omit<SessionStore.UserSearch, "limit" | "offset">
  ): Step<ReadonlyArray<Found>> =>
    Effect.map(
      lookBy([userWord(user.name, user.userId)]),
      (found) => found.filter(({ record }) => isLiveOf(record, user))
    )

  const beyondLimit = (asked: SessionStore.UserLimit): Step<ReadonlyArray<Found>> =>
    Effect.map(liveOf(asked), (found) => {
      const places = new Map(found.map((one) => [one.record, one]))
      return beyond([...places.keys()], asked).flatMap((record) => places.get(record) ?? [])
    })

  /**
   * Ends those beyond the limit that are still as they were when all were looked at. Where one of them was used or renamed
   * meanwhile, another one may be beyond it by now: all are looked at again.
   */
  const endBeyondLimit = (asked: SessionStore.UserLimit, attempt: Attempt): Step<number> =>
    Effect.flatMap(
      Effect.flatMap(beyondLimit(asked), (over) =>
        Effect.forEach(over, ({ place, text }) =>
          Effect.flatMap(
            runAt("removeUnchanged", place, [...teller(telling), place, text], attempt),
            (reply) =>
              statusOf(reply) === "done" ? Effect.as(unlink([place, text]), "done") : Effect.succeed(statusOf(reply))
          ), all)),
      (outcomes) => {
        const count = outcomes.filter((outcome) => outcome === "done").length
        return outcomes.includes("changed")
          ? Effect.map(endBeyondLimit(asked, attempt), (more) => count + more)
          : Effect.succeed(count)
      }
    )

  /**
   * Two limits of a user at once may each keep a session that the other one ends, so they take turns. One that cannot be
   * noted, as when memory is full, is taken all the same.
   */
  const limitByUser = (asked: SessionStore.UserLimit, attempt: Attempt): Step<number> =>
    Effect.flatMap(beyondLimit(asked), (over) => {
      if (over.length === 0) return Effect.succeed(0)
      const word = userWord(asked.name, asked.userId)
      const owner = Crypto.randomBytes(8).toString("hex")
      const turn = (script: "takeTurn" | "endTurn", ...args: ReadonlyArray<string>) =>
        Effect.orElseSucceed(run(script, partOfWord(word), [turnKey(word)], [word, owner, ...args]), () => 1)
      // Most turns are as short as a few commands, so that asking again is wait enough.
      const takeTurn = Effect.repeat(turn("takeTurn", String(longestTurn)), {
        until: (isMine) => Number(isMine) === 1
      })
      return Effect.zipRight(takeTurn, Effect.zipLeft(endBeyondLimit(asked, attempt), turn("endTurn")))
    })

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
          removeAll("remove", places, [
            ...listOf(keys.map(escape)),
            renamedAfter === undefined ? "" : String(renamedAfter),
            maybe(handle)
          ], attempt)
      ),
    deleteByUser: ({ except, name, only, userId }, attempt) =>
      Effect.flatMap(find([userWord(name, userId)]), (places) =>
        removeAll(
          "removeOfUser",
          places,
          [escape(name), escape(userId), maybe(only), maybe(except)],
          attempt
        )),
    limitByUser,
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
          return run("sweep", part, keysOf(part, places), args, attempt).pipe(
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
                run("count", part, keysOf(part, places), ["0", String(step), ...listOf(places), ...policy]),
                (reply) => {
                  const [, more, users] = toList(reply)
                  live += Number(more)
                  signedIn += Number(users)
                }
              )), { ...some, discard: true }),
          () => ({ live, signedIn })
        )
      }),
    clear: (name, attempt) => {
      const clearAll = Effect.forEach(everyPart, (part) =>
        throughPart(part, (places) =>
          Effect.flatMap(
            run("clear", part, keysOf(part, places), ["0", String(step), ...listOf(places), maybe(name)], attempt),
            (reply) => unlink(toList(reply)[1])
          )), { ...some, discard: true })
      return Effect.zipLeft(clearAll, tellOfClear(connection, telling, name))
    }
  }
}
