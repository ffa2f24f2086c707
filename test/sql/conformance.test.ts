import * as SqlClient from "@effect/sql/SqlClient"
import { SessionStore } from "effect-sessions"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import { conformance } from "effect-sessions/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe } from "vitest"
import { camelCase, mysql, mysqlMissing, postgres, postgresMissing, sqlite } from "./support/clients.js"

/** The store, each of its operations run inside an open transaction of the client in context. */
const insideTransaction = (prefix: string) =>
  Layer.effect(
    SessionStore.SessionStore,
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const store = yield* SqlSessionStore.make({ prefix })
      const inside = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.catchTag(sql.withTransaction(effect), "SqlError", Effect.die)
      const wrapped: SessionStore.Service = {
        insert: (record) => inside(store.insert(record)),
        read: (key, now) => inside(store.read(key, now)),
        update: (update) => inside(store.update(update)),
        touch: (touch) => inside(store.touch(touch)),
        rotate: (rotation) => inside(store.rotate(rotation)),
        delete: (key) => inside(store.delete(key)),
        deleteByUser: (userId, options) => inside(store.deleteByUser(userId, options)),
        listByUser: (userId, options) => inside(store.listByUser(userId, options)),
        deleteExpired: (before, limit) => inside(store.deleteExpired(before, limit)),
        count: (now) => inside(store.count(now)),
        clear: inside(store.clear)
      }
      return wrapped
    })
  )

/** The store on a client of its own, called inside a transaction of the app's client on another database. */
const besideTheApp = <E>(prefix: string, client: Layer.Layer<SqlClient.SqlClient, E>) =>
  insideTransactionOf(Layer.provide(SqlSessionStore.layerWith({ prefix }), client))

const insideTransactionOf = <E>(store: Layer.Layer<SessionStore.SessionStore, E>) =>
  Layer.effect(
    SessionStore.SessionStore,
    Effect.gen(function*() {
      const app = yield* SqlClient.SqlClient
      const inner = yield* SessionStore.SessionStore
      const inside = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.catchTag(app.withTransaction(effect), "SqlError", Effect.die)
      const wrapped: SessionStore.Service = {
        ...inner,
        read: (key, now) => inside(inner.read(key, now)),
        insert: (record) => inside(inner.insert(record))
      }
      return wrapped
    })
  ).pipe(Layer.provide(store), Layer.provide(sqlite()))

conformance("The memory store", SessionStore.layerMemory, { runs: 500 })

conformance("SQLite", Layer.provide(SqlSessionStore.layer, sqlite()))
conformance("SQLite, camelCase client", Layer.provide(SqlSessionStore.layer, sqlite(camelCase)), { runs: 20 })
conformance("SQLite, inside a transaction of its own client", Layer.provide(insideTransaction("inside"), sqlite()), {
  runs: 20
})
conformance("SQLite, beside the app's client", besideTheApp("beside", sqlite()), { runs: 20 })

describe.skipIf(postgresMissing() !== undefined)("PostgreSQL", () => {
  const on = (prefix: string, client = postgres()) => Layer.provide(SqlSessionStore.layerWith({ prefix }), client)
  conformance("PostgreSQL", on("conformance"))
  conformance("PostgreSQL, camelCase client", on("camel", postgres(camelCase)), { runs: 20 })
  conformance("PostgreSQL, one connection", on("single", postgres({ maxConnections: 1 })), { runs: 20 })
  conformance(
    "PostgreSQL, inside a transaction of its own client",
    Layer.provide(insideTransaction("inside"), postgres({ maxConnections: 50 })),
    { runs: 20 }
  )
  conformance("PostgreSQL, beside the app's client", besideTheApp("beside", postgres()), { runs: 20 })
  conformance(
    "PostgreSQL, unlogged",
    Layer.provide(SqlSessionStore.layerWith({ prefix: "unlogged", unlogged: true }), postgres()),
    { runs: 20 }
  )
})

describe.skipIf(mysqlMissing() !== undefined)("MySQL", () => {
  const on = (prefix: string, client = mysql()) => Layer.provide(SqlSessionStore.layerWith({ prefix }), client)
  conformance("MySQL", on("conformance"))
  conformance("MySQL, camelCase client", on("camel", mysql(camelCase)), { runs: 20 })
  conformance("MySQL, one connection", on("single", mysql({ maxConnections: 1 })), { runs: 20 })
  conformance(
    "MySQL, inside a transaction of its own client",
    Layer.provide(insideTransaction("inside"), mysql({ maxConnections: 50 })),
    { runs: 20 }
  )
  conformance("MySQL, beside the app's client", besideTheApp("beside", mysql()), { runs: 20 })
})
