import { assert, describe, test } from "vitest"
import { answers, makeClient, start } from "./programs.js"

describe("the quick start", () => {
  test("starts as it is, keeps a cart through a sign-in, and forgets it at the sign-out", async () => {
    const program = start("quick-start/main.ts")
    const address = await program.address
    const browser = makeClient(address)
    const visitor = await browser.get("/")
    answers(visitor, { user: null, cart: [] })
    assert.deepStrictEqual(visitor.setCookies, [])
    answers(await browser.post("/cart/tea"), { cart: ["tea"] })
    await browser.post("/sign-in")
    answers(await browser.get("/"), { user: "ann", cart: ["tea"] })
    answers(await makeClient(address).get("/"), { user: null, cart: [] })
    await browser.post("/sign-out")
    answers(await browser.get("/"), { user: null, cart: [] })
    program.stop()
    // By itself, in its own time: who is killed has no code.
    assert.isNotNull((await program.ended).code)
  })
})
