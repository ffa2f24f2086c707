import { assert, describe, scopedLive } from "@effect/vitest"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Redis } from "ioredis"
import * as RedisText from "../../src/core/redisText.js"
import { renamed } from "../../src/core/storeModel.js"
import { change, everySession, now, operationsOf, owner, sample, unavailable } from "../sql/support/stores.js"
import { startCluster } from "./support/cluster.js"
import { makeLoad } from "./support/load.js"
import { binaryMissing, startServer } from "./support/servers.js"
import { adminOf, eventuallyDone, storeOn, tell } from "./support/stores.js"

type Store = SessionStore.Service

const prefix = "effect_sessions:"

/** Everything that is stored, as the server counts it. */
const digest = (admin: Redis) => tell(admin, "DEBUG", "DIGEST")

/** No record lacks what leads to it. */
const isWhole = (admin: Redis) =>
  Effect.promise(async () => {
    const places = (await admin.keys(`${prefix}r:*`)).map((key) => key.slice(prefix.length + 2))
    for (const place of places) {
      const { d: data, m: text } = await admin.hgetall(`${prefix}r:${place}`)
      const { record } = RedisText.decode(text ?? "", data ?? "")
      assert.isDefined(data)
      assert.isAbove(await admin.pttl(`${prefix}r:${place}`), 0, "it has an end")
      assert.isNotNull(await admin.zscore(`${prefix}x`, place), "the index has it")
      for (const word of RedisText.wordsOf(record, place)) {
        assert.isNotNull(await admin.zscore(`${prefix}l:${word}`, place), `a link from ${word}`)
      }
    }
    return places.length
  })

/** A session that got a new id once, as the operations of `operationsOf` find it, and one of the same user. */
const withSessions = Effect.fnUntraced(function*(store: Store) {
  yield* store.clear()
  const record = sample({ userId: "user" })
  const first = sample({ key: "first", handle: "renamed", userId: "user" })
  const rotation = { oldKey: "first", expectedVersion: 1, next: renamed(first, "second", now), now }
  yield* store.insert({ record: first })
  yield* store.rotate(rotation)
  yield* store.insert({ record })
})

/** The commands that scripts use. */
const commands = [
  "del",
  "exists",
  "hget",
  "hset",
  "pexpire",
  "pttl",
  "zadd",
  "zrange",
  "zrangebyscore",
  "zrem",
  "zremrangebyscore",
  "zscan",
  "zscore"
]

/** A server of its own, an administrator of it, and a store on it. */
const serverAlone = Effect.gen(function*() {
  const { url } = yield* startServer()
  return { admin: yield* adminOf(url), store: yield* storeOn({ url }) }
})

describe.skipIf(binaryMissing() !== undefined)("Redis, when", () => {
  scopedLive(
    "a user may not run one of the commands: a typed error that says so, and nothing by half",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        const all = yield* storeOn({ url: server.url })
        yield* tell(admin, "ACL", "SETUSER", "app", "on", ">secret", "~effect_sessions:*", "+@connection", "+info")
        yield* tell(admin, "ACL", "SETUSER", "app", "+evalsha", "+eval", ...commands.map((command) => `+${command}`))
        const store = yield* storeOn({ url: server.url.replace("redis://", "redis://app:secret@") })
        yield* eventuallyDone("it answers", store.clear())
        for (const [, , effect] of operationsOf(store)) {
          yield* withSessions(all)
          yield* Effect.catchIf(effect, ({ reason }) => reason === "KeyExists", () => Effect.void)
        }
        let refused = 0
        for (const command of commands) {
          for (const [index, [operation]] of operationsOf(store).entries()) {
            yield* withSessions(all)
            if (operation === "insert") yield* all.delete({ keys: ["key"] })
            const before = yield* digest(admin)
            yield* tell(admin, "ACL", "SETUSER", "app", `-${command}`)
            const effect = operationsOf(store)[index]?.[2] ?? Effect.void
            const result = yield* Effect.either(effect)
            yield* tell(admin, "ACL", "SETUSER", "app", `+${command}`)
            yield* isWhole(admin)
            if (result._tag === "Right") continue
            refused++
            assert.strictEqual(result.left.reason, "Unavailable", `${operation} without ${command}`)
            assert.strictEqual(result.left.detail, "ReplyError NOPERM_IN_SCRIPT", `${operation} without ${command}`)
            if (!result.left.outcomeUnknown) assert.strictEqual(yield* digest(admin), before)
          }
        }
        assert.isAbove(refused, 40)
        // Neither scripts nor keys: known not to be made.
        yield* withSessions(all)
        yield* tell(admin, "ACL", "SETUSER", "app", "-evalsha")
        yield* unavailable(store.update(change(sample())), "update", /^ReplyError NOPERM$/)
        yield* tell(admin, "ACL", "SETUSER", "app", "+evalsha", "resetkeys", "~other:*")
        yield* unavailable(store.update(change(sample())), "update", /^ReplyError NOPERM$/)
      })
  )

  scopedLive(
    "the password is wrong, or missing: typed errors at once, and it works when it is right",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer(["--requirepass", "secret"])
        const admin = yield* adminOf(server.url.replace("redis://", "redis://:secret@"))
        for (
          const [url, code] of [
            [server.url, /NOAUTH$/],
            [server.url.replace("redis://", "redis://:wrong@"), /(WRONGPASS|NOAUTH)$/]
          ] as const
        ) {
          const store = yield* storeOn({ url })
          for (const [operation, , effect] of operationsOf(store).slice(0, 4)) {
            yield* unavailable(effect, operation, code)
          }
        }
        const store = yield* storeOn({ url: server.url.replace("redis://", "redis://:right@") })
        yield* unavailable(store.read("key", now), "read", /./)
        yield* tell(admin, "CONFIG", "SET", "requirepass", "right")
        yield* tell(admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield* eventuallyDone("it works", store.insert({ record: sample() }))
      })
  )

  scopedLive(
    "no more clients are let in: a typed error, and it works when there is room",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        yield* tell(admin, "PING")
        yield* tell(admin, "CONFIG", "SET", "maxclients", "1")
        const store = yield* storeOn({ url: server.url, timeout: "2 seconds" })
        yield* Effect.forEach(
          operationsOf(store),
          ([operation, , effect]) => unavailable(effect, operation, /./),
          { concurrency: "unbounded", discard: true }
        )
        yield* tell(admin, "CONFIG", "SET", "maxclients", "100")
        yield* eventuallyDone("it works", store.insert({ record: sample() }))
      })
  )

  scopedLive(
    "memory is full: nothing is written by half, what is there can be read and ended",
    () =>
      Effect.gen(function*() {
        const { admin, store } = yield* serverAlone
        for (const [index, [operation, writes]] of operationsOf(store).entries()) {
          yield* withSessions(store)
          const before = yield* digest(admin)
          const keys = Number(yield* tell(admin, "DBSIZE"))
          yield* tell(admin, "CONFIG", "SET", "maxmemory", "1000000")
          const effect = operationsOf(store)[index]?.[2] ?? Effect.void
          const ends = ["delete", "deleteByUser", "limitByUser", "deleteExpired", "clear"].includes(operation)
          if (operation === "insert") {
            const record = sample({ key: "another", handle: "another" })
            yield* unavailable(store.insert({ record }), operation, /^ReplyError OOM$/)
          } else if (operation === "touch") {
            const touch = { key: "key", lastSeenAt: now + 1, expiresAt: 9_000, now }
            yield* unavailable(store.touch(touch), operation, /^ReplyError OOM$/)
          } else if (writes && !ends) yield* unavailable(effect, operation, /^ReplyError OOM$/)
          else yield* effect
          if (ends) assert.isAtMost(Number(yield* tell(admin, "DBSIZE")), keys)
          else assert.strictEqual(yield* digest(admin), before, operation)
          yield* isWhole(admin)
          yield* tell(admin, "CONFIG", "SET", "maxmemory", "0")
        }
      })
  )

  for (const policy of ["allkeys-lru", "allkeys-random", "volatile-ttl", "volatile-random"]) {
    scopedLive(
      `it throws away what it likes (${policy}): sessions are there as they were, or nobody's`,
      () =>
        Effect.gen(function*() {
          const server = yield* startServer(["--maxmemory-policy", policy])
          const admin = yield* adminOf(server.url)
          const store = yield* storeOn({ url: server.url })
          yield* store.insert({ record: sample({ key: "first", handle: "first" }) })
          const used = /used_memory:(\d+)/.exec(String(yield* tell(admin, "INFO", "memory")))?.[1]
          yield* tell(admin, "CONFIG", "SET", "maxmemory", `${Number(used) + 400_000}`)
          const records = Array.from({ length: 400 }, (_, index) =>
            sample({
              key: `key${index}`,
              handle: `handle${index}`,
              userId: `user${index % 50}`,
              data: JSON.stringify("x".repeat(3000)),
              expiresAt: 1_000_000 + index
            }))
          let live = 0
          for (const record of records) yield* store.insert({ record })
          for (const record of records) {
            const found = yield* store.read(record.key, now)
            if (Option.isNone(found)) {
              assert.isFalse(yield* store.update(change(record)))
              assert.isFalse(
                yield* store.rotate({
                  oldKey: record.key,
                  expectedVersion: 1,
                  next: renamed(record, "next", now),
                  now
                })
              )
            } else {
              live++
              assert.deepStrictEqual(found.value, record)
            }
            const userId = record.userId ?? ""
            for (const listed of yield* store.listByUser({ ...everySession, userId })) {
              assert.deepStrictEqual(listed, records.find(({ handle }) => handle === listed.handle))
            }
          }
          assert.isBelow(live, records.length)
          assert.isAbove(live, 0)
          yield* store.deleteExpired(now, 100)
          yield* store.clear()
          assert.isTrue(yield* store.insert({ record: sample() }))
        })
    )
  }

  scopedLive(
    "it has thrown away a link: the session is missed by its user until it lives longer or is renamed",
    () =>
      Effect.gen(function*() {
        const { admin, store } = yield* serverAlone
        const lost = Effect.flatMap(
          Effect.promise(() => admin.keys(`${prefix}l:u*`)),
          (keys) => Effect.promise(() => admin.del(keys))
        )
        const record = sample({ userId: "user" })
        yield* store.insert({ record })
        yield* lost
        assert.deepStrictEqual(yield* store.listByUser(everySession), [])
        assert.strictEqual(yield* store.deleteByUser(owner), 0)
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
        // A touch beyond the time for which links were written writes them anew.
        yield* store.touch({ key: "key", lastSeenAt: now + 1, expiresAt: 1_000_000, now })
        assert.strictEqual((yield* store.listByUser(everySession)).length, 1)
        yield* lost
        const [touched] = yield* store.search({ keys: ["key"], renamedAfter: 0, now })
        if (touched === undefined) return assert.fail("the session is gone")
        yield* store.rotate({ oldKey: "key", expectedVersion: 1, next: renamed(touched, "next", now), now })
        assert.strictEqual(yield* store.deleteByUser(owner), 1)
      })
  )

  scopedLive(
    "it has thrown away the index: sessions go on, and are counted again once they are used",
    () =>
      Effect.gen(function*() {
        const { admin, store } = yield* serverAlone
        yield* store.insert({ record: sample({ userId: "user" }) })
        yield* tell(admin, "DEL", `${prefix}x`)
        const count = store.count({ name: owner.name, now, liveAfter: everySession.liveAfter })
        assert.deepStrictEqual(yield* count, { live: 0, signedIn: 0 })
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
        yield* store.update(change(sample()))
        assert.deepStrictEqual(yield* count, { live: 1, signedIn: 1 })
      })
  )

  scopedLive("scripts are flushed under load: nobody notices", () =>
    Effect.gen(function*() {
      const { admin, store } = yield* serverAlone
      const load = makeLoad(store)
      yield* load.during(Effect.gen(function*() {
        for (let flush = 0; flush < 20; flush++) {
          yield* load.more(10)
          yield* tell(admin, "SCRIPT", "FLUSH")
        }
        yield* load.more(10)
      }))
      assert.deepStrictEqual(load.failures, [])
      assert.deepStrictEqual(load.wrong, [])
      assert.deepStrictEqual(yield* load.check, [])
    }))

  scopedLive(
    "everything is flushed under load: sessions are nobody's, and nothing fails",
    () =>
      Effect.gen(function*() {
        const { admin, store } = yield* serverAlone
        const load = makeLoad(store)
        const before = yield* load.during(Effect.gen(function*() {
          for (let flush = 0; flush < 5; flush++) {
            yield* load.more(20)
            yield* tell(admin, "FLUSHALL")
          }
          const before = load.stories.length
          yield* load.more(20)
          return before
        }))
        assert.deepStrictEqual(load.failures, [])
        const later = load.stories.slice(before + 10)
        assert.deepStrictEqual((yield* load.check).filter(({ story }) => later.includes(story)), [])
        for (const { key } of load.stories.slice(0, 10)) {
          for (const one of [key, `${key}-next`]) assert.isTrue(Option.isNone(yield* store.read(one, now)))
        }
        yield* isWhole(admin)
      })
  )

  scopedLive(
    "its clients are killed under load: typed errors, everything acknowledged is there",
    () =>
      Effect.gen(function*() {
        const { admin, store } = yield* serverAlone
        const load = makeLoad(store)
        yield* load.during(Effect.gen(function*() {
          for (let kill = 0; kill < 10; kill++) {
            yield* load.more(10)
            yield* tell(admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
          }
          yield* load.more(10)
        }))
        assert.isAbove(load.failures.length, 0)
        assert.deepStrictEqual(load.wrong, [])
        assert.deepStrictEqual(yield* load.check, [])
        yield* isWhole(admin)
      })
  )

  scopedLive(
    "it is slow, or stands still: every call is over in time, the outcome of writes is unknown",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        const store = yield* storeOn({ url: server.url, timeout: "300 millis", bulkTimeout: "300 millis" })
        yield* eventuallyDone("it answers", store.insert({ record: sample({ userId: "user" }) }))
        for (
          const still of [
            tell(admin, "DEBUG", "SLEEP", "1.5"),
            tell(admin, "CLIENT", "PAUSE", "1500", "ALL")
          ]
        ) {
          const standing = yield* Effect.fork(still)
          yield* Effect.sleep(50)
          const late = yield* Effect.all([
            Effect.flip(store.read("key", now)),
            Effect.flip(store.update(change(sample())))
          ], { concurrency: "unbounded" })
          assert.deepStrictEqual(late.map(({ operation, outcomeUnknown }) => [operation, outcomeUnknown]), [
            ["read", false],
            ["update", true]
          ])
          yield* Fiber.join(standing)
          yield* eventuallyDone("it answers again", store.read("key", now), Option.isSome)
          yield* isWhole(admin)
        }
      })
  )
})

describe.skipIf(binaryMissing() !== undefined)("Redis Cluster, when", () => {
  scopedLive("a user may do what the documentation lists: everything works", () =>
    Effect.gen(function*() {
      const { nodes, servers } = yield* startCluster
      for (const { url } of servers) {
        const admin = yield* adminOf(url)
        const permitted = ["@connection", "info", "cluster", "evalsha", "eval", "hmget", "zcount", ...commands]
        yield* tell(admin, "ACL", "SETUSER", "app", "on", ">secret", "~effect_sessions:*")
        yield* tell(admin, "ACL", "SETUSER", "app", ...permitted.map((command) => `+${command}`))
      }
      const redisOptions = { username: "app", password: "secret" }
      const store = yield* storeOn({ cluster: { nodes, options: { redisOptions } } })
      for (const [, , effect] of operationsOf(store)) {
        yield* withSessions(store)
        yield* Effect.catchIf(effect, ({ reason }) => reason === "KeyExists", () => Effect.void)
      }
      for (const { url } of servers) yield* tell(yield* adminOf(url), "ACL", "SETUSER", "app", "-hset")
      yield* unavailable(store.insert({ record: sample({ key: "new" }) }), "insert", /NOPERM_IN_SCRIPT$/, true)
      assert.isTrue(Option.isNone(yield* store.read("new", now)))
    }))
})
