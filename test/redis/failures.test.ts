import { assert, describe, scopedLive } from "@effect/vitest"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { eventually } from "../sql/support/processes.js"
import { proxyFor } from "../sql/support/proxy.js"
import {
  change,
  everySession,
  now,
  operationsOf,
  owner,
  refused,
  rotation,
  sample,
  unavailable
} from "../sql/support/stores.js"
import { startCluster } from "./support/cluster.js"
import { binaryMissing, startServer } from "./support/servers.js"
import { adminOf, eventuallyDone, storeOn, tell } from "./support/stores.js"

type Store = Effect.Effect.Success<ReturnType<typeof storeOn>>

const inTime = { timeout: "300 millis", bulkTimeout: "400 millis" } as const

/** The store works: what recovery means. */
const works = (store: Store) =>
  Effect.gen(function*() {
    yield* store.clear()
    yield* store.insert({ record: sample({ userId: "user" }) })
    assert.isTrue(Option.isSome(yield* store.read("key", now)))
    assert.isTrue(yield* store.update(change(sample())))
    assert.strictEqual((yield* store.listByUser(everySession)).length, 1)
  })

const worksAgain = (store: Store) => eventuallyDone("the store works again", works(store))

const behindProxy = (url: string) =>
  Effect.map(proxyFor(new URL(url)), (proxy) => ({ proxy, url: `redis://127.0.0.1:${proxy.port}` }))

describe.skipIf(binaryMissing() !== undefined)("Redis fails", () => {
  scopedLive(
    "before the start: the layer is there, every call fails typed, and works when the server is there",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        yield* server.kill
        const store = yield* storeOn({ url: server.url })
        yield* refused(store, /^not connected Error ECONNREFUSED$/)
        yield* server.start
        yield* worksAgain(store)
      })
  )

  scopedLive("after the start: every call fails typed, and works again when it is back", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const { proxy, url } = yield* behindProxy(server.url)
      const store = yield* storeOn({ url })
      yield* works(store)
      yield* proxy.refuse
      yield* eventually(
        "the client has noticed",
        Effect.match(store.read("key", now), { onFailure: () => true, onSuccess: () => undefined })
      )
      yield* refused(store, /^not connected/)
      yield* proxy.open
      yield* worksAgain(store)
    }))

  scopedLive(
    "for want of the database: every call fails typed, and nothing is stored in another one",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const store = yield* storeOn({ url: `${server.url}/99` })
        yield* refused(store, /^database refused ReplyError ERR$/)
        yield* works(yield* storeOn({ url: `${server.url}/3` }))
        const admin = yield* adminOf(server.url)
        assert.strictEqual(yield* tell(admin, "DBSIZE"), 0)
      })
  )

  scopedLive(
    "for want of the permission to choose a database: works as soon as it is there, on the same connection",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        yield* tell(admin, "ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-select")
        const store = yield* storeOn({ url: server.url.replace("//", "//app:secret@") + "/3" })
        yield* refused(store, /^database refused ReplyError NOPERM$/)
        yield* tell(admin, "ACL", "SETUSER", "app", "+select")
        yield* works(store)
        assert.strictEqual(yield* tell(admin, "DBSIZE"), 0)
      })
  )

  scopedLive("when its layer is closed: every call fails typed, and was not sent", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const scope = yield* Scope.make()
      const store = yield* Scope.extend(storeOn({ url: server.url }), scope)
      yield* works(store)
      yield* Scope.close(scope, Exit.void)
      yield* refused(store, /^its layer has closed so provide the server first$/)
    }))

  scopedLive(
    "silently: every call is over in time, the outcome of writes is unknown, and it recovers",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const { proxy, url } = yield* behindProxy(server.url)
        const store = yield* storeOn({ url, ...inTime })
        yield* works(store)
        yield* proxy.stall
        yield* Effect.forEach(
          operationsOf(store),
          ([operation, writes, effect]) =>
            Effect.uninterruptible(unavailable(effect, operation, /^(no answer in time|MaxRetries)/, writes)),
          { concurrency: "unbounded" }
        )
        // What is asked now was never sent.
        yield* unavailable(store.delete({ keys: ["key"] }), "delete", /./, false)
        yield* proxy.open
        yield* worksAgain(store)
      })
  )

  scopedLive("with a command under way: its outcome is unknown, and it is made once", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const admin = yield* adminOf(server.url)
      const connecting = [
        (url: string) => storeOn({ url }),
        (url: string) => storeOn({ url, redis: { autoResendUnfulfilledCommands: true, maxRetriesPerRequest: 5 } }),
        (url: string) => Effect.flatMap(adminOf(url), (client) => Effect.orDie(RedisSessionStore.makeFrom(client)))
      ]
      for (const connect of connecting) {
        const { proxy, url } = yield* behindProxy(server.url)
        const store = yield* connect(url)
        yield* works(store)
        yield* tell(admin, "CONFIG", "RESETSTAT")
        yield* proxy.loseAnswers
        const update = yield* Effect.fork(
          unavailable(store.update(change(sample({ version: 2 }))), "update", /./, true)
        )
        yield* eventually(
          "it is made",
          Effect.map(
            tell(admin, "HGET", "effect_sessions:r:key", "m"),
            (text) => String(text).split("\n")[7] === "3" ? true : undefined
          )
        )
        yield* proxy.open
        yield* Fiber.join(update)
        yield* eventuallyDone("the store answers", store.read("other", now))
        const stats = String(yield* tell(admin, "INFO", "commandstats"))
        assert.match(stats, /cmdstat_evalsha:calls=2,/, "the update and the read")
      }
    }))

  scopedLive(
    "as a replica after a failover: the store looks for the server anew, also with a client of the app",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        const client = yield* adminOf(server.url)
        const connections = Effect.map(
          tell(admin, "INFO", "stats"),
          (text) => Number(/total_connections_received:(\d+)/.exec(String(text))?.[1])
        )
        for (const connect of [storeOn({ url: server.url }), Effect.orDie(RedisSessionStore.makeFrom(client))]) {
          const store = yield* connect
          yield* works(store)
          yield* tell(admin, "REPLICAOF", "127.0.0.1", "1")
          const before = yield* connections
          yield* unavailable(store.update(change(sample({ version: 2 }))), "update", /^ReplyError READONLY$/)
          yield* eventually(
            "it has another connection",
            Effect.map(connections, (now) => now > before ? true : undefined)
          )
          yield* tell(admin, "REPLICAOF", "NO", "ONE")
        }
      })
  )

  scopedLive(
    "as a replica after a failover: writes are known not to be made, reads answer",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        const store = yield* storeOn({ url: server.url })
        yield* works(store)
        yield* tell(admin, "REPLICAOF", "127.0.0.1", "1")
        for (
          const [operation, effect] of [
            ["insert", store.insert({ record: sample({ key: "other" }) })],
            ["update", store.update(change(sample({ version: 2 })))],
            ["rotate", store.rotate(rotation(sample({ version: 2 }), "next"))],
            ["delete", store.delete({ keys: ["key"] })],
            ["deleteByUser", store.deleteByUser(owner)]
          ] as const
        ) {
          yield* eventuallyDone("it is connected", store.read("key", now))
          yield* unavailable<boolean | number>(effect, operation, /^ReplyError READONLY$/)
        }
        yield* eventuallyDone("it reads", store.read("key", now), Option.isSome)
        yield* tell(admin, "REPLICAOF", "NO", "ONE")
        yield* worksAgain(store)
      })
  )

  scopedLive(
    "without memory: writes are known not to be made, and whoever signs out is signed out",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        const store = yield* storeOn({ url: server.url })
        yield* works(store)
        yield* store.insert({ record: sample({ key: "second", userId: "user", handle: "second" }) })
        yield* tell(admin, "CONFIG", "SET", "maxmemory", "1000000")
        const before = yield* tell(admin, "DBSIZE")
        const oom = /^ReplyError OOM$/
        yield* unavailable(store.insert({ record: sample({ key: "other", userId: "other" }) }), "insert", oom)
        yield* unavailable(store.update(change(sample({ version: 2 }))), "update", oom)
        yield* unavailable(store.rotate(rotation(sample({ version: 2 }), "next")), "rotate", oom)
        assert.strictEqual(yield* tell(admin, "DBSIZE"), before)
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
        assert.strictEqual(yield* store.delete({ keys: ["key"] }), 1)
        assert.strictEqual(yield* store.deleteByUser(owner), 1)
        yield* tell(admin, "CONFIG", "SET", "maxmemory", "0")
        yield* worksAgain(store)
      })
  )

  scopedLive("to know a script after a flush: nobody notices", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const admin = yield* adminOf(server.url)
      const store = yield* storeOn({ url: server.url })
      for (const [, , effect] of operationsOf(store)) {
        yield* store.clear()
        yield* tell(admin, "SCRIPT", "FLUSH")
        yield* effect
      }
      yield* works(store)
    }))

  scopedLive("and comes back empty: everybody is signed out, and the store works", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const store = yield* storeOn({ url: server.url })
      yield* works(store)
      yield* server.kill
      yield* server.start
      yield* eventuallyDone("it answers", store.read("key", now), Option.isNone)
      yield* worksAgain(store)
    }))

  scopedLive("with every write on disk: what was acknowledged is there again", () =>
    Effect.gen(function*() {
      const server = yield* startServer(["--appendonly", "yes", "--appendfsync", "always"])
      const store = yield* storeOn({ url: server.url })
      let acknowledged = 0
      const inserting = Effect.forever(
        Effect.suspend(() => store.insert({ record: sample({ key: `key${acknowledged}` }) })).pipe(
          Effect.tap(() => Effect.sync(() => acknowledged++))
        )
      )
      const load = yield* Effect.fork(Effect.flip(inserting))
      yield* eventually("it has begun", Effect.sync(() => acknowledged > 100 ? true : undefined))
      yield* server.kill
      yield* Fiber.join(load)
      yield* server.start
      yield* eventuallyDone("it answers", store.read("key0", now))
      for (let index = 0; index < acknowledged; index++) {
        assert.isTrue(Option.isSome(yield* store.read(`key${index}`, now)), `key${index} of ${acknowledged}`)
      }
    }))

  scopedLive("to understand what somebody else stored under our names: a typed error", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const admin = yield* adminOf(server.url)
      const store = yield* storeOn({ url: server.url })
      yield* tell(admin, "SET", "effect_sessions:r:key", "text")
      yield* unavailable(store.read("key", now), "read", /^ReplyError/)
      yield* tell(admin, "DEL", "effect_sessions:r:key")
      yield* tell(admin, "HSET", "effect_sessions:r:key", "m", "text")
      assert.isTrue(Option.isNone(yield* store.read("key", now)))
    }))
})

describe.skipIf(binaryMissing() !== undefined)("A Redis Cluster fails", () => {
  scopedLive("with a command under way: its outcome is unknown, and it is made once", () =>
    Effect.gen(function*() {
      const { nodes, servers } = yield* startCluster
      const proxies = yield* Effect.forEach(servers, ({ url }) => proxyFor(new URL(url)))
      const natMap = Object.fromEntries(
        nodes.map(({ host, port }, index) => [
          `${host}:${port}`,
          { host, port: proxies[index]?.port ?? 0 }
        ])
      )
      const admins = yield* Effect.forEach(servers, ({ url }) => adminOf(url))
      const store = yield* storeOn({ cluster: { nodes, options: { natMap } } })
      yield* works(store)
      for (const admin of admins) yield* tell(admin, "CONFIG", "RESETSTAT")
      const calls = Effect.map(
        Effect.forEach(admins, (admin) => tell(admin, "INFO", "commandstats")),
        (stats) =>
          stats.map((text) => Number(/cmdstat_evalsha:calls=(\d+),/.exec(String(text))?.[1] ?? 0))
            .reduce((sum, calls) => sum + calls, 0)
      )
      for (const proxy of proxies) yield* proxy.loseAnswers
      const update = yield* Effect.fork(unavailable(store.update(change(sample({ version: 2 }))), "update", /./, true))
      yield* eventually("it is made", Effect.map(calls, (calls) => calls > 0 ? true : undefined))
      for (const proxy of proxies) yield* proxy.open
      yield* Fiber.join(update)
      yield* eventuallyDone(
        "it can be read",
        store.read("key", now),
        Option.exists(({ version }) => version === 3)
      )
      assert.strictEqual(yield* calls, 2, "the update and the read")
    }))

  scopedLive(
    "in one of its masters: typed errors there, the others answer, and all is well when it is back",
    () =>
      Effect.gen(function*() {
        const { nodes, servers } = yield* startCluster
        for (const { url } of servers) {
          yield* tell(yield* adminOf(url), "CONFIG", "SET", "cluster-require-full-coverage", "no")
        }
        const store = yield* storeOn({ cluster: { nodes }, timeout: "2 seconds" })
        yield* works(store)
        const keys = Array.from({ length: 24 }, (_, index) => `key${index}`)
        const read = Effect.forEach(keys, (key) => Effect.either(store.read(key, now)), { concurrency: "unbounded" })
        const write = Effect.forEach(
          keys,
          (key) => Effect.either(store.insert({ record: sample({ key, handle: key }) })),
          {
            concurrency: "unbounded"
          }
        )
        const [lost] = servers
        if (lost === undefined) return
        yield* lost.kill
        yield* write
        const answers = yield* read
        const failed = answers.filter((answer) => answer._tag === "Left")
        assert.isAbove(failed.length, 0)
        assert.isBelow(failed.length, keys.length)
        for (const answer of failed) {
          if (answer._tag === "Left") assert.strictEqual(answer.left._tag, "SessionStoreError")
        }
        yield* lost.start
        yield* worksAgain(store)
        yield* eventuallyDone("every part of it answers", read, (answers) =>
          answers.every((answer) =>
            answer._tag === "Right"
          ))
      })
  )
})
