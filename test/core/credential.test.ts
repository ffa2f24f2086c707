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
