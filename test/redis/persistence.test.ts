import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually } from "../sql/support/processes.js"
import { report, sized, timeout } from "../sql/support/size.js"
import { now } from "../sql/support/stores.js"
import { makeLoad } from "./support/load.js"
import { binaryMissing, startServer } from "./support/servers.js"
import { adminOf, eventuallyDone, storeOn, tell } from "./support/stores.js"

/** A server that has just recovered, on a busy machine, may fail once more. */
const checked = ({ check }: ReturnType<typeof makeLoad>) =>
  eventually("every session can be looked at", Effect.orElseSucceed(check, () => undefined))

const kills = sized({ small: 1, middle: 5, full: 50 })

/** Kills a server under load, again and again, and says what is not there any more as it was acknowledged. */
const killUnderLoad = Effect.fnUntraced(function*(what: string, args: ReadonlyArray<string>, seconds: number) {
  const server = yield* startServer(args)
  const store = yield* storeOn({ url: server.url })
  let lost = 0
  for (let kill = 0; kill < kills; kill++) {
    yield* eventuallyDone("the store answers", store.clear())
    const load = makeLoad(store)
    const killed = yield* load.during(Effect.gen(function*() {
      yield* load.more(200)
      // Some of it must be older than what may be lost.
      yield* Effect.sleep(seconds * 1000 + 500)
      const killed = performance.now()
      yield* server.kill
      return killed
    }))
    yield* server.start
    yield* eventuallyDone("the store answers", store.read("key", now))
    const bad = yield* checked(load)
    lost += bad.length
    for (const { story } of bad) assert.isAbove(story.at, killed - seconds * 1000, JSON.stringify(story))
    assert.deepStrictEqual(load.wrong, [])
  }
  report(`${what}, killed`, { kills, lost })
  return lost
})

describe.skipIf(binaryMissing() !== undefined)("Redis is killed under load", () => {
  scopedLive("and nothing that was acknowledged is lost: appendfsync always", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* killUnderLoad("always", ["--appendonly", "yes", "--appendfsync", "always"], 0), 0)
    }), timeout)

  scopedLive(
    "and at most two seconds are lost: appendfsync everysec",
    () => killUnderLoad("everysec", ["--appendonly", "yes", "--appendfsync", "everysec"], 2),
    timeout
  )

  scopedLive(
    "and it is as it was at its last snapshot, who signed out since then is back: no append-only file",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer(["--appendonly", "no"])
        const store = yield* storeOn({ url: server.url })
        const admin = yield* adminOf(server.url)
        const before = makeLoad(store)
        yield* before.during(before.more(100))
        yield* tell(admin, "SAVE")
        const saved = yield* tell(admin, "DEBUG", "DIGEST")
        const [one] = before.stories.filter(({ isEnded }) => isEnded === "no")
        assert.strictEqual(yield* store.deleteByUser({ name: "name", userId: one?.key ?? "" }), 1)
        const after = makeLoad(store, "after")
        yield* after.during(Effect.zipRight(after.more(100), server.kill))
        yield* server.start
        yield* eventuallyDone("the store answers", store.read("key", now))
        assert.strictEqual(yield* tell(yield* adminOf(server.url), "DEBUG", "DIGEST"), saved)
        assert.deepStrictEqual(yield* checked(before), [])
      })
  )
})
