import { assert, describe, it, prop } from "@effect/vitest"
import { clearedBy, decode, endedBy, greetingOf } from "effect-sessions/core/signal"
import * as FastCheck from "effect/FastCheck"

/** Of few, so that some are the same. */
const node = FastCheck.constantFrom("a", "A", "node-1", "node-11", "_")
const handle = FastCheck.stringMatching(/^[A-Za-z0-9_-]{1,16}$/)
const name = FastCheck.string({ minLength: 1, maxLength: 20 })

describe("signals", () => {
  prop(
    "tell whose end it is, and whether it was here",
    { me: node, sender: node, handle, name },
    ({ handle, me, name, sender }) => {
      assert.deepStrictEqual(decode(me, `${endedBy(sender)}${handle} ${name}`), {
        _tag: "Ended",
        here: me === sender,
        name,
        handle
      })
      assert.deepStrictEqual(decode(me, clearedBy(sender, name)), { _tag: "Cleared", here: me === sender, name })
      assert.deepStrictEqual(decode(me, clearedBy(sender, undefined)), {
        _tag: "Cleared",
        here: me === sender,
        name: undefined
      })
    }
  )

  prop("a greeting is for the node alone that sent it", { me: node, sender: node }, ({ me, sender }) => {
    assert.deepStrictEqual(decode(me, greetingOf(sender)), me === sender ? { _tag: "Listening" } : undefined)
  })

  prop("what we did not write is nothing", { text: FastCheck.string() }, ({ text }) => {
    if (!/^(hello|ended|cleared) /.test(text)) assert.isUndefined(decode("me", text))
  })

  it("an end without a handle or a name is nothing", () => {
    for (const text of ["", "ended", "ended me", "ended me ", "ended me handle", "hello", "cleared"]) {
      assert.isUndefined(decode("me", text), text)
    }
  })

  it("what is not written to the letter is nothing: it must not end all sessions", () => {
    for (
      const text of [
        " cleared me",
        "cleared  me",
        "cleared me\tApp",
        "cleared me\nApp",
        " ended me handle App",
        "ended me  handle App",
        "ended me handle\tApp",
        "goodbye me"
      ]
    ) {
      assert.isUndefined(decode("me", text), text)
    }
  })
})
