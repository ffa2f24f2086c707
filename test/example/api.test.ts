import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeClient } from "./process.js"
import { serve } from "./serve.js"

const visit = (f: (address: string) => Promise<void>) =>
  Effect.flatMap(serve(), (address) => Effect.promise(() => f(address)))

describe("the JSON interface", () => {
  scopedLive(
    "H5: a note of nothing but white space is refused, with a sentence for people",
    () =>
      visit(async (address) => {
        const client = makeClient(address)
        for (const text of ["", "   ", "\t\n", "x".repeat(1001), 1, null]) {
          const { body, status } = await client.send("/api/notes", { text })
          assert.deepStrictEqual([status, body], [400, {
            error: "A note has 1 to 1,000 characters, and not only spaces.",
            reason: "Invalid"
          }])
        }
        assert.strictEqual(client.cookie, "")
        assert.deepStrictEqual((await client.send("/api/notes", { text: " x " })).body.notes, [" x "])
      })
  )

  scopedLive("H5: so is such a name; spaces around one do not count", () =>
    visit(async (address) => {
      const client = makeClient(address)
      for (const username of ["", "   ", "x".repeat(65), "a\u0000b", "a\ud800", 1]) {
        const { body, status } = await client.send("/api/sign-in", { username })
        assert.deepStrictEqual([status, body], [400, {
          error: "A name has 1 to 64 characters, and not only spaces.",
          reason: "Invalid"
        }])
      }
      assert.deepStrictEqual((await client.send("/api/sign-in", { username: " Ann Lee " })).body.user, "Ann Lee")
    }))

  scopedLive(
    "H5: a note that was meant for a session that has ended is refused, and stored nowhere",
    () =>
      visit(async (address) => {
        const client = makeClient(address)
        await client.send("/api/sign-in", { username: "ann" })
        const { body: { session, user } } = await client.send("/api/session")
        const as = { user, handle: session?.handle ?? null }
        assert.strictEqual((await client.send("/api/notes", { text: "one", as })).status, 200)
        await makeClient(address, client.cookie).send("/api/sign-out", {})
        const refused = await client.send("/api/notes", { text: "two", as })
        assert.deepStrictEqual([refused.status, refused.body.reason], [401, "Ended"])
        assert.deepStrictEqual((await client.send("/api/session")).body.session, null)
      })
  )

  scopedLive(
    "H5: so is one that was meant for another user than the one who is signed in by now",
    () =>
      visit(async (address) => {
        const client = makeClient(address)
        await client.send("/api/visits", {})
        const visitor = { user: null, handle: (await client.send("/api/session")).body.session?.handle ?? null }
        await client.send("/api/sign-in", { username: "ann" })
        const refused = await client.send("/api/notes", { text: "a visitor's", as: visitor })
        assert.deepStrictEqual([refused.status, refused.body], [409, {
          error: "You are signed in as ann now. What you wrote has not been kept.",
          reason: "Another"
        }])
        const nobody = await client.send("/api/notes", { text: "nobody's", as: { user: null, handle: null } })
        assert.strictEqual(nobody.status, 409)
        assert.deepStrictEqual((await client.send("/api/session")).body.notes, [])
        assert.deepStrictEqual((await client.send("/api/notes", { text: "a program's" })).body.notes, ["a program's"])
      })
  )

  scopedLive("what does not fit into a session is refused, and the session lives on", () =>
    visit(async (address) => {
      const client = makeClient(address)
      const text = "\u0001".repeat(999) + "x"
      let kept = 0
      let last = await client.send("/api/notes", { text })
      while (last.status === 200) {
        kept++
        last = await client.send("/api/notes", { text })
      }
      assert.deepStrictEqual([last.status, last.body.reason], [413, "Full"])
      assert.strictEqual((await client.send("/api/session")).body.notes.length, kept)
    }))
})
