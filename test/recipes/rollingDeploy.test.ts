import { assert, describe, effect } from "@effect/vitest"
import { Session, type SessionToken } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { addToCart, After, Before } from "../../examples/recipes/rollingDeploy.js"
import { always, type ObservedStore } from "../support/observedStore.js"
import { makeNode, makeStore } from "./support/serve.js"

/** What is stored of the only session of Ada. */
const storedIn = (store: ObservedStore) =>
  Effect.map(
    store.service.listByUser({
      name: "ShopSession",
      userId: "ada",
      now: 0,
      liveAfter: always,
      limit: 1,
      offset: 0
    }),
    ([record]) => record?.data
  )

/** Nodes of both versions over one store, with a session of Ada that the old one has begun. */
const setup = Effect.gen(function*() {
  const store = yield* makeStore
  const { sessions: before } = yield* makeNode(Before, store)
  const { sessions: after } = yield* makeNode(After, store)
  const { id } = yield* before.create({ user: "ada", data: { name: "Ada", cart: ["tea"] } })
  return { store, before, after, id }
})

const read = <Data>(
  sessions: {
    readonly read: (id: SessionToken.SessionId) => Effect.Effect<Option.Option<{ readonly data: Data }>, unknown>
  },
  id: SessionToken.SessionId
) => Effect.map(sessions.read(id), Option.map(({ data }) => data))

describe("A rolling deploy", () => {
  effect("reads old rows: the new field has its default, the renamed one its value", () =>
    Effect.gen(function*() {
      const { after, id } = yield* setup
      assert.deepStrictEqual(yield* read(after, id), Option.some({ displayName: "Ada", cart: ["tea"], theme: "light" }))
    }))

  effect(
    "loses nothing while both versions write: neither drops what the other alone knows",
    () =>
      Effect.gen(function*() {
        const { after, before, id, store } = yield* setup
        yield* after.update(id, (data) => ({ ...data, theme: "dark" }))
        yield* before.update(id, addToCart("milk"))
        yield* after.update(id, (data) => ({ ...data, displayName: "Ada L." }))
        yield* before.update(id, addToCart("honey"))
        const cart = ["tea", "milk", "honey"]
        assert.deepStrictEqual(yield* read(after, id), Option.some({ displayName: "Ada L.", cart, theme: "dark" }))
        assert.deepInclude(Option.getOrThrow(yield* read(before, id)), { name: "Ada L.", cart })
        assert.deepStrictEqual(JSON.parse((yield* storedIn(store)) ?? ""), { name: "Ada L.", cart, theme: "dark" })
      })
  )

  effect("can be taken back: the old version reads what the new one began", () =>
    Effect.gen(function*() {
      const { after, before } = yield* setup
      const { id } = yield* after.create({ data: { displayName: "Grace", cart: [], theme: "dark" } })
      assert.deepInclude(Option.getOrThrow(yield* read(before, id)), { name: "Grace", cart: [] })
    }))

  effect("keeps the user and the session: nobody is signed out", () =>
    Effect.gen(function*() {
      const { after, id } = yield* setup
      assert.deepStrictEqual(Option.getOrThrow(yield* after.read(id)).user, Option.some("ada"))
    }))
})

describe("A rolling deploy that is naive", () => {
  effect(
    "and does not keep what it does not know, drops the new field when the old version writes",
    () =>
      Effect.gen(function*() {
        class Forgetful extends Session.Tag<Forgetful>()("ShopSession", {
          data: Schema.Struct({ name: Schema.String, cart: Schema.Array(Schema.String) }),
          initial: { name: "", cart: [] }
        }) {}
        const { after, id, store } = yield* setup
        const { sessions: forgetful } = yield* makeNode(Forgetful, store)
        yield* after.update(id, (data) => ({ ...data, theme: "dark" }))
        yield* forgetful.update(id, addToCart("milk"))
        assert.strictEqual(Option.getOrThrow(yield* read(after, id)).theme, "light")
      })
  )

  effect("and does not spread what it got, drops it as well", () =>
    Effect.gen(function*() {
      const { after, before, id } = yield* setup
      yield* after.update(id, (data) => ({ ...data, theme: "dark" }))
      yield* before.update(id, ({ cart, name }) => ({ name, cart: [...cart, "milk"] }))
      assert.strictEqual(Option.getOrThrow(yield* read(after, id)).theme, "light")
    }))

  effect("and adds a field without a default, signs everybody out", () =>
    Effect.gen(function*() {
      class Demanding extends Session.Tag<Demanding>()("ShopSession", {
        data: Schema.Struct({ name: Schema.String, cart: Schema.Array(Schema.String), theme: Schema.String }),
        initial: { name: "", cart: [], theme: "light" }
      }) {}
      const { id, store } = yield* setup
      const { sessions } = yield* makeNode(Demanding, store)
      assert.deepStrictEqual(yield* sessions.read(id), Option.none())
    }))

  effect(
    "and renames a field in the rows, takes the name from who has one, and signs out those on the old version",
    () =>
      Effect.gen(function*() {
        class Renamed extends Session.Tag<Renamed>()("ShopSession", {
          data: Schema.Struct({
            displayName: Schema.optionalWith(Schema.String, { default: () => "nobody" }),
            cart: Schema.Array(Schema.String)
          }),
          initial: { displayName: "", cart: [] }
        }) {}
        const { before, id, store } = yield* setup
        const { sessions: renamed } = yield* makeNode(Renamed, store)
        assert.strictEqual(Option.getOrThrow(yield* read(renamed, id)).displayName, "nobody")
        yield* renamed.update(id, (data) => ({ ...data, displayName: "Ada L." }))
        assert.deepStrictEqual(yield* before.read(id), Option.none())
      })
  )
})
