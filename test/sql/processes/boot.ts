/** Boots the store once, as a node of a deployment does, uses it, and says so. */
import * as SessionStore from "effect-sessions/SessionStore"
import * as SqlSessionStore from "effect-sessions/SqlSessionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { sample } from "../../../src/core/storeModel.js"
import { clientOf, environment } from "../support/environment.js"

const { CONNECTIONS, DATABASE_URL, PREFIX } = environment()

const program = Effect.gen(function*() {
  const store = yield* SessionStore.SessionStore
  yield* store.insert({ record: sample({ key: `node-${process.pid}` }) })
  process.stdout.write("booted\n")
}).pipe(
  Effect.provide(
    Layer.provide(SqlSessionStore.layerWith({ prefix: PREFIX }), clientOf(DATABASE_URL, Number(CONNECTIONS)))
  )
)

Effect.runPromise(program).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  }
)
