import { assert, describe, effect } from "@effect/vitest"
import { Sessions } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { AppSession, type Data, increment, plainChange } from "./support/app.js"

// Assertions see no difference between two ids.
const textOf = Option.map(({ id }: Sessions.Snapshot<Data, string>) => Redacted.value(id))

const provided = Effect.provide(Layer.fresh(Sessions.layerMemory(AppSession)))

describe("A manager by key", () => {
  effect("reads and changes what it reads and changes by id", () =>
    Effect.gen(function*() {
      const { byKey, create, read } = yield* AppSession.sessions
      const { id, ...created } = yield* create({ user: "ada" })
      const stored = yield* byKey.read(created.record.key)
      assert.deepStrictEqual(stored, Option.some(created))

      const committed = yield* byKey.commit(stored, { ...plainChange, data: increment(created.data) })
      assert.strictEqual(committed.operation, "Update")
      assert.isTrue(Option.isNone(committed.newId))
      assert.deepStrictEqual(yield* read(id), Option.map(committed.session, (session) => ({ ...session, id })))
      assert.deepStrictEqual(yield* byKey.read("unknown"), Option.none())
    }).pipe(provided))

  effect("ends what it ends by id, and nothing twice", () =>
    Effect.gen(function*() {
      const { byKey, create, read } = yield* AppSession.sessions
      const { id, record } = yield* create()
      const other = yield* create()
      yield* byKey.destroy(record.key)
      yield* byKey.destroy(record.key)
      yield* byKey.destroy("unknown")
      assert.deepStrictEqual(yield* read(id), Option.none())
      assert.isTrue(Option.isSome(yield* read(other.id)))
    }).pipe(provided))

  effect("tries again on what it finds under the key", () =>
    Effect.gen(function*() {
      const { byKey, create, update } = yield* AppSession.sessions
      const created = yield* create()
      yield* update(created.id, (data) => ({ ...data, count: 41 }))
      const committed = yield* byKey.commit(Option.some(created), { ...plainChange, data: increment(created.data) })
      assert.strictEqual(Option.getOrThrow(committed.session).data.count, 42)
    }).pipe(provided))
})

describe("A commit by id says", () => {
  effect("the same id of a session that has kept it, also if nothing was to be done", () =>
    Effect.gen(function*() {
      const { commit, create } = yield* AppSession.sessions
      const created = yield* create()
      for (const data of [created.data, increment(created.data)]) {
        const { newId, session } = yield* commit(Option.some(created), { ...plainChange, data })
        assert.isTrue(Option.isNone(newId))
        assert.deepStrictEqual(textOf(session), Option.some(Redacted.value(created.id)))
      }
    }).pipe(provided))

  effect("the new id of a session that has got one", () =>
    Effect.gen(function*() {
      const { commit, create, read } = yield* AppSession.sessions
      const created = yield* create()
      const { newId, session } = yield* commit(Option.some(created), {
        ...plainChange,
        data: created.data,
        rotate: true
      })
      const { id } = Option.getOrThrow(session)
      assert.deepStrictEqual(Option.map(newId, Redacted.value), Option.some(Redacted.value(id)))
      assert.notStrictEqual(Redacted.value(id), Redacted.value(created.id))
      assert.deepStrictEqual(yield* read(id), session)
      assert.deepStrictEqual(yield* read(created.id), Option.none())
    }).pipe(provided))

  effect("none where there is no session", () =>
    Effect.gen(function*() {
      const { commit, initial } = yield* AppSession.sessions
      const { newId, operation, session } = yield* commit(Option.none(), { ...plainChange, data: initial })
      assert.deepStrictEqual([operation, newId, session], ["Nothing", Option.none(), Option.none()])
    }).pipe(provided))
})
