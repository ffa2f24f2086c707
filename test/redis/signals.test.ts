import { assert, describe, layer, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { now, rotation, sample } from "../sql/support/stores.js"
import { hearing, hearingAnew } from "../support/signals.js"
import { Deployed, deployments } from "./support/deployments.js"
import { binaryMissing, startServer } from "./support/servers.js"
import { adminOf, eventuallyDone, storeOn, tell } from "./support/stores.js"

describe.skipIf(binaryMissing() !== undefined).each(deployments)("What nodes end on %s", (_, deployed) => {
  layer(deployed, { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.scoped("others are told of, and it was there", () =>
      Effect.gen(function*() {
        const { options } = yield* Deployed.alone
        const here = yield* storeOn(options)
        const there = yield* storeOn(options)
        yield* here.clear()
        const { heard, next } = yield* hearing(there)
        yield* heard
        yield* here.insert({ record: sample({ name: "a name, with \\ \n and ü", handle: "handle" }) })
        yield* here.delete({ keys: ["key"] })
        assert.deepStrictEqual(yield* next, {
          _tag: "Ended",
          here: false,
          name: "a name, with \\ \n and ü",
          handle: "handle"
        })
        yield* here.insert({ record: sample() })
        const taken = rotation(sample(), "taken")
        yield* here.rotate({ ...taken, next: { ...taken.next, handle: "taken" } })
        assert.deepStrictEqual(yield* next, { _tag: "Ended", here: false, name: "name", handle: "handle" })
        yield* here.clear("another \\")
        assert.deepStrictEqual(yield* next, { _tag: "Cleared", here: false, name: "another \\" })
      }), 60_000)

    it.scoped("a listener whose connection has broken says so, and can listen anew", () =>
      Effect.gen(function*() {
        const { options, urls } = yield* Deployed.alone
        const store = yield* storeOn(options)
        yield* eventuallyDone("it is there", store.clear())
        const first = yield* hearing(store)
        yield* first.heard
        for (const url of urls) yield* tell(yield* adminOf(url), "CLIENT", "KILL", "TYPE", "pubsub")
        assert.strictEqual((yield* first.end).operation, "listen")
        yield* hearingAnew(store)
      }), 60_000)
  })
})

describe.skipIf(binaryMissing() !== undefined)("A user who may not publish", () => {
  scopedLive("ends sessions all the same, and is not told of them", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const admin = yield* adminOf(server.url)
      yield* tell(admin, "ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "resetchannels")
      const store = yield* storeOn({ url: server.url.replace("redis://", "redis://app:secret@") })
      yield* store.insert({ record: sample({ userId: "user" }) })
      assert.strictEqual(yield* store.delete({ keys: ["key"] }), 1)
      assert.deepStrictEqual(yield* store.search({ keys: ["key"], renamedAfter: 0, now }), [])
      yield* store.clear()
      const { end } = yield* hearing(store)
      assert.match((yield* end).detail, /NOPERM/)
    }))
})
