import * as SqlClient from "@effect/sql/SqlClient"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import { conformance } from "effect-sessions/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe } from "vitest"
import { camelCase, mysql, mysqlMissing, postgres, postgresMissing, sqlite } from "../support/clients.js"
import { sized, timeout } from "./support/size.js"

/** The store, each of its operations run inside an open transaction of the client in context. */
const insideTransactions = (store: SessionStore.Service) =>
  Effect.map(SqlClient.SqlClient, (sql): SessionStore.Service => {
    const inside = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.catchTag(sql.withTransaction(effect), "SqlError", Effect.die)
    return {
      insert: (insertion) => inside(store.insert(insertion)),
      read: (key, now) => inside(store.read(key, now)),
      search: (search) => inside(store.search(search)),
      update: (update) => inside(store.update(update)),
      touch: (touch) => inside(store.touch(touch)),
      rotate: (rotation) => inside(store.rotate(rotation)),
      delete: (deletion) => inside(store.delete(deletion)),
      deleteByUser: (deletion) => inside(store.deleteByUser(deletion)),
      limitByUser: (limit) => inside(store.limitByUser(limit)),
      listByUser: (search) => inside(store.listByUser(search)),
      readTimes: (search) => inside(store.readTimes(search)),
      deleteExpired: (before, limit) => inside(store.deleteExpired(before, limit)),
      count: (counting) => inside(store.count(counting)),
      clear: (name) => inside(store.clear(name))
    }
  })

/** The store, called inside transactions of its own client. */
const insideTransaction = (prefix: string) =>
  Layer.scoped(
    SessionStore.SessionStore,
    Effect.flatMap(SqlSessionStore.make({ prefix, timeout: "30 seconds" }), insideTransactions)
  )

/** The store on a client of its own, called inside a transaction of the app's client on another database. */
const besideTheApp = <E>(prefix: string, client: Layer.Layer<SqlClient.SqlClient, E>) =>
  Layer.effect(SessionStore.SessionStore, Effect.flatMap(SessionStore.SessionStore, insideTransactions)).pipe(
    Layer.provide(Layer.provide(SqlSessionStore.layerWith({ prefix }), client)),
    Layer.provide(sqlite())
  )

/** For the variants, which differ in how they are called and not in what they do. */
const few = { runs: sized({ small: 3, full: 100 }), rounds: sized({ small: 2, full: 100 }), timeout }
const many = {
  runs: sized({ small: 12, middle: 120, full: 1_000 }),
  rounds: sized({ small: 4, middle: 40, full: 1_000 }),
  timeout
}

conformance("The memory store", SessionStore.layerMemory, { runs: sized({ small: 500, full: 10_000 }) })

conformance("SQLite", Layer.provide(SqlSessionStore.layer, sqlite()), many)
conformance("SQLite, camelCase client", Layer.provide(SqlSessionStore.layer, sqlite(camelCase)), few)
conformance("SQLite, inside a transaction of its own client", Layer.provide(insideTransaction("inside"), sqlite()), few)
conformance("SQLite, beside the app's client", besideTheApp("beside", sqlite()), few)

describe.skipIf(postgresMissing() !== undefined)("PostgreSQL", () => {
  const on = (prefix: string, client = postgres(), options: SqlSessionStore.Options = {}) =>
    Layer.provide(SqlSessionStore.layerWith({ prefix, ...options }), client)
  conformance("PostgreSQL", on("conformance"), many)
  conformance("PostgreSQL, camelCase client", on("camel", postgres(camelCase)), few)
  conformance("PostgreSQL, one connection", on("single", postgres({ maxConnections: 1 })), few)
  conformance(
    "PostgreSQL, inside a transaction of its own client",
    Layer.provide(insideTransaction("inside"), postgres({ maxConnections: 50 })),
    few
  )
  conformance("PostgreSQL, beside the app's client", besideTheApp("beside", postgres()), few)
  conformance(
    "PostgreSQL, unlogged",
    Layer.provide(SqlSessionStore.layerWith({ prefix: "unlogged", unlogged: true }), postgres()),
    few
  )
})

describe.skipIf(mysqlMissing() !== undefined)("MySQL", () => {
  const on = (prefix: string, client = mysql()) => Layer.provide(SqlSessionStore.layerWith({ prefix }), client)
  conformance("MySQL", on("conformance"), many)
  conformance("MySQL, camelCase client", on("camel", mysql(camelCase)), few)
  conformance("MySQL, one connection", on("single", mysql({ maxConnections: 1 })), few)
  conformance(
    "MySQL, inside a transaction of its own client",
    Layer.provide(insideTransaction("inside"), mysql({ maxConnections: 50 })),
    few
  )
  conformance("MySQL, beside the app's client", besideTheApp("beside", mysql()), few)
})
