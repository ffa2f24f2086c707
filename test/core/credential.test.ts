import { assert, describe } from "@effect/vitest"
import * as Credential from "effect-sessions/core/credential"
import * as Signature from "effect-sessions/core/signature"
import { test } from "vitest"

const bytes = 16
const id = "AQID-AUGBwgJ_gsMDQ4PEA"
const otherId = "AAAAAAAAAAAAAAAAAAAAAA"

const policyWith = (...keys: ReadonlyArray<string>): Credential.Policy => ({
  name: "sid",
  formerNames: ["old"],
  keys: keys.map((key) => Signature.toSigningKey(Buffer.from(key))),
  acceptUnsignedUntil: undefined
})

const signed = policyWith("a key")
const forged = policyWith("another key")

const cookieOf = (policy: Credential.Policy, text: string, name = "sid") =>
  `a=b; ${name}=${Credential.encode(policy, name, text)}`

const tokenOf = (policy: Credential.Policy, text: string, scheme = "Bearer") =>
  `${scheme} ${Credential.encode(policy, Credential.bearerPurpose, text)}`

/** What a request may carry, and whether we may have made it. */
const cookies: ReadonlyArray<readonly [string | undefined, boolean]> = [
  [undefined, false],
  ["", false],
  ["a=b", false],
  ["sid=nonsense", false],
  [cookieOf(forged, id), false],
  [cookieOf(signed, id), true],
  [cookieOf(signed, id, "old"), true],
  [`${cookieOf(forged, id)}; ${cookieOf(signed, otherId)}`, true]
]

const tokens: ReadonlyArray<readonly [string | undefined, boolean]> = [
  [undefined, false],
  ["", false],
  ["Basic YTpi", false],
  [tokenOf(signed, id, "Token"), false],
  ["Bearer nonsense", false],
  ["Bearer", false],
  [tokenOf(forged, id), false],
  [tokenOf(signed, id), true],
  [tokenOf(signed, otherId, "bearer"), true]
]

describe("What a request says that may carry its id either way", () => {
  for (const [cookie, isCookieOurs] of cookies) {
    for (const [authorization, isTokenOurs] of tokens) {
      test(`by the cookie ${cookie} and the token ${authorization}`, () => {
        const carriers = { cookie, authorization }
        assert.strictEqual(Credential.carriesBoth(signed, bytes, carriers, 0), isCookieOurs && isTokenOurs)
        const { carrier, reading } = Credential.fromEither(signed, bytes, carriers, 0)
        const fromCookie = Credential.fromCookie(signed, bytes, cookie, 0)
        if (isTokenOurs) {
          assert.deepStrictEqual([carrier, reading], ["bearer", Credential.fromBearer(signed, bytes, authorization, 0)])
        } else if (fromCookie._tag !== "Missing") {
          assert.deepStrictEqual([carrier, reading], ["cookie", fromCookie])
        } else {
          const isOfOurScheme = authorization?.startsWith("Bearer") ?? false
          assert.strictEqual(reading._tag, isOfOurScheme ? "Rejected" : "Missing")
        }
      })
    }
  }

  test("without signatures, any two ids are two credentials", () => {
    const unsigned = policyWith()
    const carriers = { cookie: `sid=${id}`, authorization: `Bearer ${otherId}` }
    assert.isTrue(Credential.carriesBoth(unsigned, bytes, carriers, 0))
    assert.isFalse(Credential.carriesBoth(unsigned, bytes, { ...carriers, authorization: "Bearer a.b.c" }, 0))
  })
})

describe("What is wrong with a token", () => {
  const of = (header: string | undefined) => Credential.fromBearer(signed, bytes, header, 0)
  const malformed: Credential.Reading = { _tag: "Rejected", reason: "malformed" }
  const good = tokenOf(signed, id)

  test("nothing, where there is none or where it is ours", () => {
    assert.deepStrictEqual(of(undefined), { _tag: "Missing" })
    assert.strictEqual(of(good)._tag, "Accepted")
  })

  test("its form, with anything before, behind or beside it, and its signature where another key made it", () => {
    for (
      const header of [` ${good}`, `x${good}`, `${good} `, `${good},x`, "Bearer", `Bearer ${id}`, `Bearer ${id}.short`]
    ) assert.deepStrictEqual(of(header), malformed, header)
    assert.deepStrictEqual(of(tokenOf(forged, id)), { _tag: "Rejected", reason: "signature" })
  })

  test("it was signed as a cookie: what it is signed for is part of it, and stays", () => {
    assert.deepStrictEqual(of(`Bearer ${Credential.encode(signed, "sid", id)}`), {
      _tag: "Rejected",
      reason: "signature"
    })
    assert.strictEqual(Credential.bearerPurpose, "Authorization: Bearer")
  })

  test("nothing, where it stands behind a scheme that is for somebody else", () => {
    const carried = Credential.fromEither(signed, bytes, { cookie: undefined, authorization: "Token bearer x" }, 0)
    assert.deepStrictEqual(carried, { carrier: "cookie", reading: { _tag: "Missing" } })
  })
})
