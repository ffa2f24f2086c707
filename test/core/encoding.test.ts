import { assert, describe, prop } from "@effect/vitest"
import { encodedLength, isCanonical } from "effect-sessions/core/base64url"
import { deriveHandle, deriveKey, isHandle, sha256Bytes } from "effect-sessions/core/digest"
import * as Signature from "effect-sessions/core/signature"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const bytes = FastCheck.uint8Array({ minLength: 1, maxLength: 64 })
const id = FastCheck.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) =>
  Buffer.from(bytes).toString("base64url")
)
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

describe("isCanonical", () => {
  prop("takes what Node encodes, of that very number of bytes", { bytes }, ({ bytes }) => {
    const text = Buffer.from(bytes).toString("base64url")
    assert.strictEqual(text.length, encodedLength(bytes.length))
    assert.isTrue(isCanonical(text, bytes.length))
    assert.isFalse(isCanonical(text, bytes.length + 1))
    assert.isFalse(isCanonical(text, bytes.length - 1))
  })

  prop(
    "takes a text exactly if decoding and encoding it again gives the same text",
    { chars: FastCheck.array(FastCheck.constantFrom(...`${alphabet}+/=% .\u00e9\u0141`), { maxLength: 24 }) },
    ({ chars }) => {
      const text = chars.join("")
      const decoded = Buffer.from(text, "base64url")
      assert.strictEqual(
        isCanonical(text, decoded.length),
        decoded.toString("base64url") === text && decoded.length > 0 || text === ""
      )
    }
  )

  test("takes one of the four texts that lenient decoders take for the same 16 bytes", () => {
    const texts = ["A", "B", "C", "D"].map((last) => "A".repeat(21) + last)
    assert.deepStrictEqual(
      texts.map((text) => Buffer.from(text, "base64url").toString("hex")),
      Array(4).fill("0".repeat(32))
    )
    assert.deepStrictEqual(texts.filter((text) => isCanonical(text, 16)), ["A".repeat(22)])
  })

  test("does not take a character for another that shares its low byte", () => {
    assert.isFalse(isCanonical(`${"A".repeat(21)}\u0141`, 16))
  })
})

describe("deriveKey and deriveHandle", () => {
  const name = FastCheck.string({ maxLength: 8 })

  prop("give different keys to different names and ids", { name, other: name, id, otherId: id }, (given) => {
    if (given.name === given.other && given.id === given.otherId) return
    assert.notStrictEqual(deriveKey(given.name, given.id), deriveKey(given.other, given.otherId))
  })

  test("do not confuse where the name ends and the id begins", () => {
    assert.notStrictEqual(deriveKey("a:b", "c"), deriveKey("a", "b:c"))
    assert.notStrictEqual(deriveKey("", "a"), deriveKey("a", ""))
  })

  prop("tell neither the id nor the key", { id }, ({ id }) => {
    const key = deriveKey("AppSession", id)
    const handle = deriveHandle(key)
    assert.match(key, /^[\w-]{43}$/)
    assert.match(handle, /^[\w-]{16}$/)
    assert.notInclude(key, id)
    assert.notInclude(key, handle)
    assert.notStrictEqual(deriveHandle(id), handle)
  })

  test("stay as they are: another format ends all sessions", () => {
    assert.strictEqual(deriveKey("AppSession", "A".repeat(22)), "qQvTIeqnjwZmv4Wg3KXjVM-3XcqjTACMHq63X606vnw")
    assert.strictEqual(deriveHandle("qQvTIeqnjwZmv4Wg3KXjVM-3XcqjTACMHq63X606vnw"), "yVSnIrVoXXdmQh63")
  })

  prop("make handles, which are told from keys and other texts", { id }, ({ id }) => {
    const key = deriveKey("AppSession", id)
    assert.isTrue(isHandle(deriveHandle(key)))
    for (const text of [key, id, "", `${deriveHandle(key)}A`, deriveHandle(key).replace(/./, "%")]) {
      assert.isFalse(isHandle(text))
    }
  })

  test("hash as everybody does", () => {
    assert.strictEqual(
      Buffer.from(sha256Bytes("abc")).toString("hex"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
  })
})

describe("sign and verify", () => {
  const secret = FastCheck.uint8Array({ minLength: 32, maxLength: 64 })

  prop("agree, and name the key", {
    id,
    secrets: FastCheck.uniqueArray(secret, {
      minLength: 1,
      maxLength: 4,
      comparator: (a, b) => Buffer.compare(a, b) === 0
    }),
    pick: FastCheck.nat()
  }, (given) => {
    const keys = given.secrets.map(Signature.toSigningKey)
    const keyIndex = given.pick % keys.length
    const key = keys[keyIndex]
    if (key === undefined) return assert.fail("no key")
    const value = Signature.sign(key, "sid", given.id)
    assert.strictEqual(value.length, given.id.length + 1 + Signature.signatureLength)
    assert.deepStrictEqual(Signature.verify(keys, "sid", value), { id: given.id, keyIndex })
    assert.isUndefined(Signature.verify(keys, "other", value))
    assert.isUndefined(Signature.verify(keys.filter((other) => other !== key), "sid", value))
  })

  prop("refuse a value of which any character was changed", {
    id,
    secret,
    at: FastCheck.nat(),
    by: FastCheck.integer({ min: 1, max: 0xff })
  }, (given) => {
    const key = Signature.toSigningKey(given.secret)
    const value = Signature.sign(key, "sid", given.id)
    const at = given.at % value.length
    const changed = String.fromCharCode((value.charCodeAt(at) + given.by) & 0xff)
    const tampered = value.slice(0, at) + changed + value.slice(at + 1)
    assert.isUndefined(Signature.verify([key], "sid", tampered))
  })

  prop("refuse a character of the signature for another that shares its low byte", {
    id,
    secret,
    at: FastCheck.nat(Signature.signatureLength - 1)
  }, (given) => {
    const key = Signature.toSigningKey(given.secret)
    const value = Signature.sign(key, "sid", given.id)
    const at = given.id.length + 1 + given.at
    const lookalike = value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) + 0x100) + value.slice(at + 1)
    assert.isUndefined(Signature.verify([key], "sid", lookalike))
    // Nor is it filled up with what was compared before.
    assert.isDefined(Signature.verify([key], "sid", value))
    assert.isUndefined(Signature.verify([key], "sid", lookalike))
  })

  prop("refuse what is no signed value, without throwing", {
    secret,
    value: FastCheck.fullUnicodeString({ maxLength: 80 })
  }, ({ secret, value }) => {
    assert.isUndefined(Signature.verify([Signature.toSigningKey(secret)], "sid", value))
  })
})

test("what differs in length is not equal, and is no exception", () => {
  assert.isFalse(Signature.constantTimeEquals(new Uint8Array(3), new Uint8Array(4)))
  assert.isTrue(Signature.constantTimeEquals(new Uint8Array(3), new Uint8Array(3)))
})
