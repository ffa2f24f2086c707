import { assert, describe, prop } from "@effect/vitest"
import { SessionCookie, SessionToken } from "effect-sessions"
import { type CookieReading, maxHeaderLength, readCookie } from "effect-sessions/internal/cookieHeader"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { test } from "vitest"

const name = "__Host-sid"
const id = "AQIDBAUGBwgJCgsMDQ4PEA"

/** The rules of the reader, written down without a thought about speed. */
const naive = (header: string, name: string): CookieReading => {
  const values = header.split(";").map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
  const [first] = values
  return first === undefined
    ? { _tag: "Missing" }
    : values.some((value) => value !== first)
    ? { _tag: "Ambiguous" }
    : { _tag: "Found", value: first }
}

describe("readCookie", () => {
  const piece = FastCheck.constantFrom(
    "a",
    "a=",
    "aa=",
    "=",
    ";",
    "; ",
    " ",
    "\t",
    "x",
    "y",
    "\"",
    ",",
    "\u00a0",
    "A=",
    "%61="
  )

  prop(
    "reads any header as the naive reader does",
    { pieces: FastCheck.array(piece, { maxLength: 16 }) },
    ({ pieces }) => {
      assert.deepStrictEqual(readCookie(pieces.join(""), "a"), naive(pieces.join(""), "a"))
    },
    { fastCheck: { numRuns: 5000 } }
  )

  prop("reads arbitrary text without throwing", {
    header: FastCheck.fullUnicodeString(),
    name: FastCheck.stringMatching(/^[a-z]{1,3}$/)
  }, ({ header, name }) => {
    assert.deepStrictEqual(readCookie(header, name), naive(header, name))
  })

  test("does not read a header that is too long", () => {
    const pair = `${name}=${id}`
    const padded = (length: number) => `${pair};${"x".repeat(length - pair.length - 1)}`
    assert.deepStrictEqual(readCookie(padded(maxHeaderLength), name), { _tag: "Found", value: id })
    assert.deepStrictEqual(readCookie(padded(maxHeaderLength + 1), name), { _tag: "TooLong" })
  })
})

const token = Effect.runSync(SessionToken.make({ bytes: 16 }))
const plain = Effect.runSync(SessionCookie.make())
const keys = ["first", "second", "retired"].map((word) => Redacted.make(word.repeat(8)))
const policyWith = (...indexes: ReadonlyArray<number>) =>
  Effect.runSync(SessionCookie.make({ signingKeys: keys.filter((_, index) => indexes.includes(index)) }))
const signed = policyWith(0, 1)

const signedBy = (policy: SessionCookie.Policy, value = id) =>
  SessionCookie.write(policy, Redacted.make(value), { expiresAt: 1, now: 0 }).value

const flip = (value: string, index: number) =>
  `${value.slice(0, index)}${value[index] === "A" ? "B" : "A"}${value.slice(index + 1)}`

const read = (policy: SessionCookie.Policy, header: string | undefined) => {
  const reading = SessionCookie.read(policy, token, header)
  return reading._tag === "Rejected" ? reading.reason : reading._tag
}

describe("An unsigned cookie that we did not write is refused without asking the store", () => {
  const cases: ReadonlyArray<readonly [what: string, header: string | undefined, expected: string]> = [
    ["1: no header", undefined, "Missing"],
    ["1: an empty header", "", "Missing"],
    ["1: nothing but separators", ";;;;", "Missing"],
    ["2: an empty value", `${name}=`, "malformed"],
    ["3: a name without a value", name, "Missing"],
    ["4: a character short", `${name}=${id.slice(1)}`, "malformed"],
    ["4: a character long", `${name}=${id}A`, "malformed"],
    ["5: a value of 10 KB", `${name}=${"A".repeat(10_000)}`, "malformed"],
    ["5: a value of 1 MB", `${name}=${"A".repeat(1_000_000)}`, "too_long"],
    ["5: two hundred thousand cookies", "a=b; ".repeat(200_000), "too_long"],
    ["6: two values", `${name}=${id}; ${name}=${flip(id, 0)}`, "ambiguous"],
    ["6: two values, ours last", `${name}=x; ${name}=${id}`, "ambiguous"],
    ["7: two headers, joined as Node does", `${name}=${id}; other=1; ${name}=`, "ambiguous"],
    ...["\u00a0", "\u2000", "\ufeff", "\u3000", "\u0085"].flatMap((space) => [
      [`8: ${JSON.stringify(space)} before the name`, `${space}${name}=${id}`, "Missing"] as const,
      [`8: ${JSON.stringify(space)} behind the name`, `${name}${space}=${id}`, "Missing"] as const
    ]),
    ["8: a space behind the name", `${name} =${id}`, "Missing"],
    ["9: no name", `=${name}=${id}`, "Missing"],
    ["10: a percent-encoded name", `%5F%5FHost-sid=${id}`, "Missing"],
    ["11: another case of the prefix", `__HOST-sid=${id}`, "Missing"],
    ["11: another case of the name", `__host-SID=${id}`, "Missing"],
    ["13: quotes", `${name}="${id}"`, "malformed"],
    ["13: an unclosed quote", `${name}="${id}`, "malformed"],
    ["15: a percent-encoded value", `${name}=%41${id.slice(1)}`, "malformed"],
    ["16: a broken percent-encoding", `${name}=%E0%A4%A`, "malformed"],
    ["16: a lone percent sign", `${name}=%`, "malformed"],
    ...["%00", "\u0000", "\r", "\n", "\t", " "].map((char) =>
      [`17: ${JSON.stringify(char)} inside`, `${name}=${id.slice(0, 10)}${char}${id.slice(11)}`, "malformed"] as const
    ),
    ["18: a homoglyph", `${name}=\u0410${id.slice(1)}`, "malformed"],
    ["18: a lone surrogate", `${name}=\ud800${id.slice(1)}`, "malformed"],
    ["18: a right-to-left mark", `${name}=\u200f${id.slice(1)}`, "malformed"],
    ["19: a cookie named __proto__", `__proto__=${id}; constructor=${id}; toString=${id}`, "Missing"],
    ...["' OR 1=1--", "%", "*", "$6\r\nFLUSHALL", "../../x", "{\"$ne\":1}"].map((value) =>
      [`20: ${JSON.stringify(value)}`, `${name}=${value}`, "malformed"] as const
    ),
    ["21: joined with a comma", `a=1,${name}=${id}`, "Missing"],
    ["23: the other alphabet", `${name}=+/${id.slice(2)}`, "malformed"],
    ["23: padding", `${name}=${id}==`, "malformed"],
    ["23: other unused bits", `${name}=${id.slice(0, -1)}B`, "malformed"],
    ["39: a signed value while signing is off", `${name}=${signedBy(signed)}`, "malformed"]
  ]
  for (const [what, header, expected] of cases) {
    test(what, () => assert.strictEqual(read(plain, header), expected))
  }
})

describe("A cookie that is ours is found", () => {
  const cases: ReadonlyArray<readonly [what: string, header: string]> = [
    ["alone", `${name}=${id}`],
    ["6: twice with the same value", `${name}=${id}; ${name}=${id}`],
    ["12: behind the attributes of an old standard", `$Version=1; ${name}=${id}; $Path=/`],
    ["14: between the quotes of another cookie", `a="x; ${name}=${id}; b="`],
    ["without a space behind the semicolon", `a=1;${name}=${id};b=2`],
    ["with blanks around it", `a=1; \t${name}=${id}\t ; b=2`],
    ["behind one whose name ends like it", `x${name}=1; ${name}=${id}`],
    ["behind one whose value looks like it", `a=${name}=1; ${name}=${id}`]
  ]
  for (const [what, header] of cases) {
    test(what, () => {
      const reading = SessionCookie.read(plain, token, header)
      assert.strictEqual(reading._tag === "Accepted" ? Redacted.value(reading.id) : reading._tag, id)
      assert.notInclude(JSON.stringify(reading) + String(reading), id)
    })
  }
})

describe("A signed cookie", () => {
  const good = signedBy(signed)
  const otherName = Effect.runSync(SessionCookie.make({ name: "__Host-other", signingKeys: keys.slice(0, 2) }))
  const cases: ReadonlyArray<readonly [what: string, value: string, expected: string]> = [
    ["as it was written", good, "Accepted"],
    ["33: without its signature", `${id}.`, "malformed"],
    ["33: cut off", good.slice(0, -1), "malformed"],
    ["33: extended", `${good}A`, "malformed"],
    ["33: with another separator", good.replace(".", "-"), "signature"],
    ["34: with another first character of the id", flip(good, 0), "signature"],
    ["34: with another first character of the signature", flip(good, 23), "signature"],
    [
      "34: with another last character of the signature",
      `${good.slice(0, -1)}${good.endsWith("8") ? "9" : "8"}`,
      "signature"
    ],
    ["35: signed with an unknown key", signedBy(policyWith(2)), "signature"],
    ["37: signed for another name", signedBy(otherName), "signature"],
    ["38: not signed", id, "malformed"],
    ["40: with a key id that nobody asked for", `__proto__.${good}`, "malformed"],
    ["41: with a shorter MAC", `${id}.${"A".repeat(42)}`, "malformed"]
  ]
  for (const [what, value, expected] of cases) {
    test(`${what} is ${expected}`, () => assert.strictEqual(read(signed, `${name}=${value}`), expected))
  }

  test("36: signed with a key further down the list is accepted, to be signed anew", () => {
    const old = SessionCookie.read(signed, token, `${name}=${signedBy(policyWith(1))}`)
    const current = SessionCookie.read(signed, token, `${name}=${good}`)
    assert.isTrue(old._tag === "Accepted" && old.reissue)
    assert.isTrue(current._tag === "Accepted" && !current.reissue)
  })
})
