import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { mysql, mysqlMissing, mysqlUrl, postgres, postgresMissing, postgresUrl } from "../support/clients.js"
import { eventually } from "./support/processes.js"
import { proxyFor } from "./support/proxy.js"
import {
  change,
  everySession,
  holding,
  now,
  owner,
  postgresWith,
  sample,
  storeOn,
  unavailable,
  waitingForLock
} from "./support/stores.js"

const prefix = "failures"

type Client = Parameters<typeof storeOn>[0]

/** The store works: what recovery means. */
const works = (store: Effect.Effect.Success<ReturnType<typeof storeOn>>["store"]) =>
  Effect.gen(function*() {
    yield* store.clear()
    yield* store.insert({ record: sample() })
    assert.isTrue(Option.isSome(yield* store.read("key", now)))
    assert.isTrue(yield* store.update(change(sample())))
  })

/** The store works again, at the latest when the driver has noticed which of its connections are dead. */
const worksAgain = (store: Parameters<typeof works>[0]) =>
  eventually("the store works again", Effect.orElseSucceed(Effect.as(works(store), true), () => undefined))

/** An update that waits for a lock is killed by `kill`: it fails with `detail`, and the store works again. */
const survivesAKill = (
  adminClient: Client,
  client: Client,
  detail: RegExp,
  kill: (admin: SqlClient.SqlClient) => Effect.Effect<unknown, SqlError>
) =>
  Effect.gen(function*() {
    const { sql: admin } = yield* storeOn(adminClient, { prefix })
    const { store } = yield* storeOn(client, { prefix })
    yield* works(store)
    yield* Effect.scoped(Effect.gen(function*() {
      yield* holding(admin, admin`SELECT 1 FROM ${admin(prefix)} FOR UPDATE`)
      const update = yield* Effect.fork(unavailable(store.update(change(sample({ version: 2 }))), "update", detail))
      yield* Effect.orDie(kill(admin))
      yield* Fiber.join(update)
    }))
    yield* worksAgain(store)
  })

/** The same server, through a proxy that can fail. */
const behindProxy = (url: string) =>
  Effect.gen(function*() {
    const proxied = new URL(url)
    const proxy = yield* proxyFor(new URL(url))
    proxied.port = String(proxy.port)
    return { proxy, url: Redacted.make(proxied.href) }
  })

describe.skipIf(postgresMissing() !== undefined)("PostgreSQL fails", () => {
  scopedLive("before the start: the layer fails with a typed error", () =>
    Effect.gen(function*() {
      const { proxy, url } = yield* behindProxy(postgresUrl())
      yield* proxy.refuse
      const exit = yield* Effect.exit(
        Effect.scoped(Layer.build(Layer.provide(SqlSessionStore.layer, postgres({ url }))))
      )
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Fail")
    }))

  scopedLive("after the start: every call fails typed, and works again when it is back", () =>
    Effect.gen(function*() {
      const { proxy, url } = yield* behindProxy(postgresUrl())
      const { store } = yield* storeOn(postgres({ url, connectTimeout: "2 seconds" }), { prefix })
      yield* works(store)
      yield* proxy.refuse
      yield* unavailable(store.read("key", now), "read", /SqlError/)
      yield* unavailable(store.insert({ record: sample({ key: "other-key" }) }), "insert", /ECONNREFUSED/)
      yield* unavailable(store.update(change(sample())), "update", /ECONNREFUSED/)
      yield* unavailable(store.touch(change(sample())), "touch", /ECONNREFUSED/)
      yield* unavailable(
        store.rotate({ oldKey: "key", expectedVersion: 1, next: sample({ key: "next-key" }), now }),
        "rotate",
        /ECONNREFUSED/
      )
      yield* unavailable(store.delete({ keys: ["key"] }), "delete", /ECONNREFUSED/)
      yield* unavailable(store.deleteByUser(owner), "deleteByUser", /ECONNREFUSED/)
      yield* unavailable(store.listByUser(everySession), "listByUser", /ECONNREFUSED/)
      yield* unavailable(store.deleteExpired(now, 10), "deleteExpired", /ECONNREFUSED/)
      yield* unavailable(store.count(owner.name, now), "count", /ECONNREFUSED/)
      yield* unavailable(store.clear(), "clear", /ECONNREFUSED/)
      yield* proxy.open
      yield* worksAgain(store)
    }))

  scopedLive(
    "by saying nothing more: a call can be given up, and calls work again when it is back",
    () =>
      Effect.gen(function*() {
        const { proxy, url } = yield* behindProxy(postgresUrl())
        const { store } = yield* storeOn(postgres({ url, connectTimeout: "500 millis" }), { prefix })
        yield* works(store)
        yield* proxy.stall
        const given = yield* Effect.timeoutOption(store.read("key", now), "300 millis")
        assert.isTrue(Option.isNone(given))
        yield* proxy.open
        yield* worksAgain(store)
      })
  )

  scopedLive("in the middle of a statement: that call fails typed, and the store works again", () => {
    const applicationName = "failures-killed"
    return survivesAKill(postgres(), postgres({ applicationName }), /57P01|SqlError/, (admin) =>
      Effect.flatMap(
        waitingForLock(admin, applicationName),
        (pid) => admin`SELECT pg_terminate_backend(${pid})`
      ))
  })

  scopedLive(
    "with all connections taken: a call fails typed, and works when one is free",
    () =>
      Effect.gen(function*() {
        const { sql, store } = yield* storeOn(postgres({ maxConnections: 1, connectTimeout: "300 millis" }), { prefix })
        yield* works(store)
        yield* Effect.scoped(Effect.zipRight(
          holding(sql, sql`SELECT 1`),
          unavailable(store.read("key", now), "read", /SqlError/)
        ))
        yield* works(store)
      })
  )

  scopedLive("with its statement timeout: the call fails typed, and nothing was changed", () =>
    Effect.gen(function*() {
      const { sql: admin } = yield* storeOn(postgres(), { prefix })
      const { store } = yield* storeOn(postgresWith({ statement_timeout: 200 }), { prefix })
      yield* works(store)
      yield* Effect.scoped(Effect.zipRight(
        holding(admin, admin`SELECT 1 FROM ${admin(prefix)} FOR UPDATE`),
        unavailable(store.delete({ keys: ["key"] }), "delete", /57014/)
      ))
      assert.isTrue(Option.isSome(yield* store.read("key", now)))
      yield* works(store)
    }))

  scopedLive("by being read-only: sessions can be read, and writes fail typed", () =>
    Effect.gen(function*() {
      const { store: writable } = yield* storeOn(postgres(), { prefix })
      yield* works(writable)
      const { store } = yield* storeOn(postgresWith({ default_transaction_read_only: "on" }), {
        prefix,
        migrate: false
      })
      assert.isTrue(Option.isSome(yield* store.read("key", now)))
      yield* unavailable(store.insert({ record: sample({ key: "other-key" }) }), "insert", /25006/)
      yield* unavailable(store.delete({ keys: ["key"] }), "delete", /25006/)
      yield* works(writable)
    }))

  scopedLive("by not having the table: every call fails typed", () =>
    Effect.gen(function*() {
      const { store } = yield* storeOn(postgres(), { prefix: "failures_absent", migrate: false })
      yield* unavailable(store.read("key", now), "read", /42P01/)
    }))
})

describe.skipIf(mysqlMissing() !== undefined)("MySQL fails", () => {
  scopedLive("after the start: calls fail typed, and work again when it is back", () =>
    Effect.gen(function*() {
      const { proxy, url } = yield* behindProxy(mysqlUrl())
      const { store } = yield* storeOn(mysql({ url }), { prefix })
      yield* works(store)
      yield* proxy.refuse
      yield* unavailable(store.read("key", now), "read", /SqlError/)
      yield* unavailable(store.delete({ keys: ["key"] }), "delete", /ECONNREFUSED/)
      yield* proxy.open
      yield* worksAgain(store)
    }))

  scopedLive(
    "in the middle of a statement: that call fails typed, and the store works again",
    () =>
      survivesAKill(mysql(), mysql(), /SqlError/, (admin) =>
        Effect.flatMap(
          eventually(
            "the update waits",
            Effect.map(
              Effect.orDie(admin<{ readonly id: number }>`
              SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE%failures%' AND command <> 'Sleep'
            `),
              ([row]) => row?.id
            )
          ),
          (id) => admin.unsafe(`KILL ${Number(id)}`)
        ))
  )
})
