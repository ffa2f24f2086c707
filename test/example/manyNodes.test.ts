import { assert, describe, test } from "vitest"
import { makeClient, start } from "./programs.js"

describe("a node that is drained", () => {
  test("says that it is not ready, and serves all the same until it ends by itself", async () => {
    const program = start("many-nodes/main.ts")
    const browser = makeClient(await program.address)
    assert.strictEqual((await browser.get("/ready")).status, 200)
    program.stop()
    let status = 200
    while (status === 200) status = (await browser.get("/ready")).status
    assert.strictEqual(status, 503)
    assert.isNotNull((await program.ended).code)
  })
})
