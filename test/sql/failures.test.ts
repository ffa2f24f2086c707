import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { assert, describe, scopedLive } from "@effect/vitest"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import {
  mysql,
  mysqlMissing,
  mysqlUrl,
  postgres,
  postgresMissing,
  postgresUrl,
  sqlite,
  sqliteFile
} from "../support/clients.js"
import { eventually } from "./support/processes.js"
import { type Proxy, proxyFor } from "./support/proxy.js"
import {
  change,
  holding,
  noneWaitsForLock,
  now,
  operationsOf,
  postgresWith,
  refused,
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
      const update = yield* Effect.fork(
        unavailable(store.update(change(sample({ version: 2 }))), "update", detail, true)
      )
      yield* Effect.orDie(kill(admin))
      yield* Fiber.join(update)
    }))
    yield* worksAgain(store)
  })

const inTime = { prefix, timeout: "300 millis", bulkTimeout: "400 millis" } as const

/** Every operation, one after the other, while the server takes no connections. */
const refuses = (proxy: Proxy, client: Client) =>
  Effect.gen(function*() {
    const { store } = yield* storeOn(client, { prefix })
    yield* works(store)
    yield* proxy.refuse
    yield* unavailable(store.read("key", now), "read", /SqlError/)
    for (const [operation, , effect] of operationsOf(store)) yield* unavailable(effect, operation, /ECONNREFUSED/)
    yield* proxy.open
    yield* worksAgain(store)
  })

/** Every operation at once, where nothing can be interrupted, while the network swallows what is sent. */
const fallsSilent = (proxy: Proxy, client: Client) =>
  Effect.gen(function*() {
    const { store } = yield* storeOn(client, inTime)
    yield* worksAgain(store)
    yield* proxy.stall
    yield* Effect.forEach(
      operationsOf(store),
      ([operation, writes, effect]) =>
        Effect.uninterruptible(unavailable(effect, operation, /^no answer in time$/, writes)),
      { concurrency: "unbounded" }
    )
    yield* proxy.open
    yield* worksAgain(store)
  })

/** Everybody asks again at once, whatever happens to the server. */
const impatient = (proxy: Proxy, client: Client) =>
  Effect.gen(function*() {
    const { store } = yield* storeOn(client, inTime)
    yield* worksAgain(store)
    const loads = yield* Effect.fork(
      Effect.forEach(Array.from({ length: 8 }), () => Effect.forever(Effect.ignore(store.read("key", now))), {
        concurrency: "unbounded"
      })
    )
    for (const happens of [proxy.refuse, proxy.open, proxy.stall, proxy.open]) {
      yield* happens
      yield* Effect.sleep("500 millis")
    }
    yield* worksAgain(store)
    yield* Fiber.interrupt(loads)
  })

/** A sign-out in a region that cannot be interrupted, while another connection holds the row. */
const lockedRow = (
  adminClient: Client,
  client: Client,
  settled: (admin: SqlClient.SqlClient) => Effect.Effect<void>
) =>
  Effect.gen(function*() {
    const { sql: admin, store: other } = yield* storeOn(adminClient, { prefix })
    const { store } = yield* storeOn(client, inTime)
    yield* works(other)
    yield* other.insert({ record: sample({ key: "free" }) })
    yield* Effect.scoped(Effect.gen(function*() {
      yield* holding(admin, admin`SELECT 1 FROM ${admin(prefix)} WHERE ${admin("key")} = ${"key"} FOR UPDATE`)
      yield* Effect.uninterruptible(unavailable(store.delete({ keys: ["key"] }), "delete", /no answer in time/, true))
      assert.isTrue(Option.isSome(yield* store.read("free", now)))
      assert.isTrue(yield* store.touch(change(sample({ key: "free" }))))
      assert.isTrue(Option.isSome(yield* store.read("key", now)))
      yield* settled(admin)
    }))
    return { store }
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
      yield* refuses(proxy, postgres({ url, connectTimeout: "2 seconds" }))
    }))

  scopedLive("again and again while everybody asks again at once, and is back", () =>
    Effect.gen(function*() {
      const { proxy, url } = yield* behindProxy(postgresUrl())
      yield* impatient(proxy, postgres({ url, connectTimeout: "2 seconds" }))
    }))

  scopedLive("when its layer is closed: every call fails typed, and was not sent", () =>
    Effect.gen(function*() {
      const { sql } = yield* storeOn(postgres(), { prefix })
      const scope = yield* Scope.make()
      const { store } = yield* Scope.extend(storeOn(Layer.succeed(SqlClient.SqlClient, sql), { prefix }), scope)
      yield* works(store)
      yield* Scope.close(scope, Exit.void)
      yield* refused(store, /^its layer has closed so provide the server first$/)
    }))

  scopedLive(
    "C2: by saying nothing more: every call fails typed and in time, and works again when it is back",
    () =>
      Effect.gen(function*() {
        const { proxy, url } = yield* behindProxy(postgresUrl())
        yield* fallsSilent(proxy, postgres({ url, connectTimeout: "2 seconds" }))
      })
  )

  scopedLive(
    "C3: by locking a row: a sign-out fails typed and in time, and others go on",
    () =>
      Effect.gen(function*() {
        const applicationName = "failures-locked"
        const { store } = yield* lockedRow(
          postgres(),
          postgres({ applicationName }),
          (admin) => noneWaitsForLock(admin, applicationName)
        )
        // It was cancelled, so it will not be made later either.
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
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
          Effect.zipRight(
            unavailable(store.read("key", now), "read", /SqlError/),
            unavailable(store.delete({ keys: ["key"] }), "delete", /SqlError/)
          )
        ))
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
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
      yield* refuses(proxy, mysql({ url }))
    }))

  scopedLive(
    "C2: by saying nothing more: every call fails typed and in time, and works again when it is back",
    () =>
      Effect.gen(function*() {
        const { proxy, url } = yield* behindProxy(mysqlUrl())
        yield* fallsSilent(proxy, mysql({ url }))
      })
  )

  scopedLive("again and again while everybody asks again at once, and is back", () =>
    Effect.gen(function*() {
      const { proxy, url } = yield* behindProxy(mysqlUrl())
      yield* impatient(proxy, mysql({ url }))
    }))

  scopedLive(
    "C3, D6: by locking a row: a sign-out fails typed and in time, others go on, and it is made all the same later",
    () =>
      Effect.gen(function*() {
        const { store } = yield* lockedRow(mysql(), mysql(), () => Effect.void)
        yield* eventually(
          "the sign-out is made",
          Effect.map(Effect.orDie(store.read("key", now)), (found) => Option.isNone(found) ? true : undefined)
        )
      })
  )

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

describe("SQLite fails", () => {
  scopedLive("C2: by staying locked: what is tried again and again ends with its time", () =>
    Effect.gen(function*() {
      const url = `file:${sqliteFile()}`
      const { sql: admin } = yield* storeOn(sqlite({ url }), { prefix })
      const { sql, store } = yield* storeOn(sqlite({ url }), inTime)
      yield* sql`PRAGMA busy_timeout = 1`
      yield* Effect.scoped(Effect.zipRight(
        holding(admin, admin`SELECT 1`),
        unavailable(store.insert({ record: sample() }), "insert", /^no answer in time$/, true)
      ))
    }))
})
