import { assert, describe, prop } from "@effect/vitest"
import * as CookieHeader from "effect-sessions/core/cookieHeader"
import * as SessionCookie from "effect-sessions/SessionCookie"
import * as SessionToken from "effect-sessions/SessionToken"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { test } from "vitest"

const name = "__Host-sid"
const id = "AQIDBAUGBwgJCgsMDQ4PEA"
const { maxHeaderLength, readCookie } = CookieHeader

/** The rules of the reader, written down without a thought about speed. */
const naive = (header: string, name: string): CookieHeader.CookieReading => ({
  _tag: "Read",
  values: header.split(";").map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
    .filter((value, index, all) => all.indexOf(value) === index)
})

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

  test("reads no header as an empty one", () => {
    assert.deepStrictEqual(readCookie(undefined, name), readCookie("", name))
    assert.deepStrictEqual(readCookie("", name), { _tag: "Read", values: [] })
  })

  test("does not read a header that is too long", () => {
    const pair = `${name}=${id}`
    const padded = (length: number) => `${pair};${"x".repeat(length - pair.length - 1)}`
    assert.deepStrictEqual(readCookie(padded(maxHeaderLength), name), { _tag: "Read", values: [id] })
    assert.deepStrictEqual(readCookie(padded(maxHeaderLength + 1), name), { _tag: "TooLong" })
  })
})

const token = Effect.runSync(SessionToken.make({ bytes: 16 }))
const policyOf = (options: SessionCookie.Options = {}) => Effect.runSync(SessionCookie.make(options))
const plain = policyOf()
const keys = ["first", "second", "retired"].map((word) =>
  Redacted.make(`the ${word} one of several keys, for no more than tests`)
)
const policyWith = (...indexes: ReadonlyArray<number>) =>
  policyOf({ signingKeys: keys.filter((_, index) => indexes.includes(index)) })
const signed = policyWith(0, 1)

const signedBy = (policy: SessionCookie.Policy, value = id) =>
  SessionCookie.write(policy, Redacted.make(value), { expiresAt: 1, now: 0 }).value

const flip = (value: string, index: number) =>
  `${value.slice(0, index)}${value[index] === "A" ? "B" : "A"}${value.slice(index + 1)}`

const read = (policy: SessionCookie.Policy, header: string | undefined, now = 0) => {
  const reading = SessionCookie.read(policy, token, header, now)
  return reading._tag === "Rejected" ? reading.reason : reading._tag
}

/** The ids that count, and what is to be done about each. */
const sent = (policy: SessionCookie.Policy, header: string, now = 0) => {
  const reading = SessionCookie.read(policy, token, header, now)
  return reading._tag !== "Accepted" ? [] : reading.sent.map(({ formerName, id, reissue }) => [
    Redacted.value(id),
    ...(formerName === undefined ? [] : [formerName]),
    ...(reissue ? ["reissue"] : [])
  ])
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
    ["6: two values, neither of them ours", `${name}=x; ${name}=${id}A`, "malformed"],
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
    ["6: behind one that is not", `${name}=x; ${name}=${id}`],
    ["7: before one that is not, of two headers, joined as Node does", `${name}=${id}; other=1; ${name}=`],
    [
      "A8: behind a hundred that are not",
      `${"x".repeat(3)}=1; ${Array.from({ length: 100 }, (_, n) => `${name}=x${n}; `).join("")}${name}=${id}`
    ],
    ["12: behind the attributes of an old standard", `$Version=1; ${name}=${id}; $Path=/`],
    ["14: between the quotes of another cookie", `a="x; ${name}=${id}; b="`],
    ["without a space behind the semicolon", `a=1;${name}=${id};b=2`],
    ["with blanks around it", `a=1; \t${name}=${id}\t ; b=2`],
    ["behind one whose name ends like it", `x${name}=1; ${name}=${id}`],
    ["behind one whose value looks like it", `a=${name}=1; ${name}=${id}`]
  ]
  for (const [what, header] of cases) {
    test(what, () => {
      const reading = SessionCookie.read(plain, token, header, 0)
      assert.deepStrictEqual(sent(plain, header), [[id]])
      assert.notInclude(JSON.stringify(reading) + String(reading), id)
    })
  }
})

describe("A signed cookie", () => {
  const good = signedBy(signed)
  const otherName = policyOf({ name: "__Host-other", signingKeys: keys.slice(0, 2) })
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
    assert.deepStrictEqual(sent(signed, `${name}=${signedBy(policyWith(1))}`), [[id, "reissue"]])
    assert.deepStrictEqual(sent(signed, `${name}=${good}`), [[id]])
    assert.deepStrictEqual(sent(signed, `${name}=${signedBy(policyWith(1))}; ${name}=${good}`), [[id]], "signed anew")
  })
})

const idOf = (index: number) => `${id.slice(0, -1)}${"AQgw"[index % 4]}`.replace(/^./, String.fromCharCode(65 + index))

describe("A8: several values under our name", () => {
  const ids = Array.from({ length: 8 }, (_, index) => idOf(index))
  const headerOf = (values: ReadonlyArray<string>) => values.map((value) => `${name}=${value}`).join("; ")

  for (const [what, policy] of [["unsigned", plain], ["signed", signed]] as const) {
    test(`the first four that are ours count, ${what}, in the order of the browser, and the rest is overlooked`, () => {
      const values = ids.map((id) => signedBy(policy, id))
      for (let count = 1; count <= ids.length; count++) {
        const reading = SessionCookie.read(policy, token, headerOf(values.slice(0, count)), 0)
        assert.deepStrictEqual(
          reading._tag === "Accepted" && [reading.sent.map(({ id }) => Redacted.value(id)), reading.overlooked],
          [ids.slice(0, Math.min(4, count)), Math.max(0, count - 4)]
        )
      }
    })

    prop(`bad ones beside good ones do not matter, ${what}`, {
      mixed: FastCheck.array(
        FastCheck.oneof(
          FastCheck.constantFrom("", "x", id.slice(1), `${id}A`, `${id}.${"A".repeat(43)}`, `"${id}"`),
          FastCheck.integer({ min: 0, max: 7 })
        ),
        { maxLength: 12 }
      )
    }, ({ mixed }) => {
      const header = headerOf(mixed.map((one) => typeof one === "string" ? one : signedBy(policy, ids[one] ?? "")))
      const good = Array.from(new Set(mixed.flatMap((one) => typeof one === "number" ? [ids[one] ?? ""] : [])))
      assert.deepStrictEqual(sent(policy, header).map(([text]) => text), good.slice(0, 4))
    })
  }

  test("of those that are refused, a bad signature is told from what has not the form of an id", () => {
    assert.strictEqual(read(signed, headerOf(["x", flip(signedBy(signed), 0), "y"])), "signature")
    assert.strictEqual(read(signed, headerOf(["x", "y"])), "malformed")
  })

  test("a header full of badly signed values is read in linear time", () => {
    const bad = flip(signedBy(signed), 30)
    const count = Math.floor(maxHeaderLength / (bad.length + name.length + 8))
    const header = Array.from(
      { length: count },
      (_, n) => `${name}=${idOf(n % 26)}${bad.slice(22)}${n}`.slice(0, -String(n).length)
    ).join("; ")
    assert.strictEqual(read(signed, header), "signature")
  })
})

describe("A10: a cookie that was renamed", () => {
  const renamed = (options: SessionCookie.Options = {}) =>
    policyOf({ name, formerNames: ["sid", "__Secure-sid"], ...options })

  test("still counts under a former name, to be sent anew", () => {
    assert.deepStrictEqual(sent(renamed(), `sid=${id}`), [[id, "sid", "reissue"]])
    assert.deepStrictEqual(sent(renamed(), `__Secure-sid=${id}`), [[id, "__Secure-sid", "reissue"]])
    assert.deepStrictEqual(sent(plain, `sid=${id}`), [], "only if it is said")
  })

  test("those under today's name come first, then in the order that is given", () => {
    const header = `__Secure-sid=${idOf(2)}; sid=${idOf(1)}; ${name}=${idOf(0)}`
    assert.deepStrictEqual(sent(renamed(), header), [
      [idOf(0)],
      [idOf(1), "sid", "reissue"],
      [idOf(2), "__Secure-sid", "reissue"]
    ])
  })

  test("an id under both names is one, and needs nothing", () => {
    assert.deepStrictEqual(sent(renamed(), `sid=${id}; ${name}=${id}`), [[id]])
  })

  test("a good one under a former name counts beside a bad one under today's", () => {
    assert.deepStrictEqual(sent(renamed(), `${name}=x; sid=${id}`), [[id, "sid", "reissue"]])
    assert.strictEqual(read(renamed(), "sid=x"), "malformed")
  })

  test("a signature under a former name is that of the former name", () => {
    const signingKeys = keys.slice(0, 1)
    const policy = renamed({ signingKeys })
    const former = signedBy(policyOf({ name: "__Secure-sid", signingKeys }))
    assert.deepStrictEqual(sent(policy, `__Secure-sid=${former}`), [[id, "__Secure-sid", "reissue"]])
    assert.strictEqual(read(policy, `${name}=${former}`), "signature")
    assert.strictEqual(read(policy, `sid=${former}`), "signature")
    assert.strictEqual(read(policy, `__Secure-sid=${signedBy(policyOf({ signingKeys }))}`), "signature")
  })

  test("is cleared under its former name, with what the prefix of that asks for", () => {
    const insecure = renamed({ insecure: true, formerNames: ["__Host-sid", "__Secure-old", "other"] })
    assert.deepStrictEqual([insecure.name, insecure.formerNames], ["sid", ["old", "other"]])
    const policy = policyOf({
      name: "sid",
      formerNames: ["__Host-sid", "__Http-sid", "old"],
      domain: "example.com",
      path: "/app",
      httpOnly: false
    })
    const cleared = policy.formerNames.map((name) => SessionCookie.clearName(policy, name))
    assert.deepStrictEqual(
      cleared.map(({ name, options }) => [name, options?.path, options?.domain, options?.httpOnly]),
      [
        ["__Host-sid", "/", undefined, false],
        ["__Http-sid", "/app", "example.com", true],
        ["old", "/app", "example.com", false]
      ]
    )
    for (const { options, value } of cleared) {
      assert.strictEqual(value, "")
      assert.include(options, { secure: true, maxAge: 0 })
    }
  })
})

describe("A10: an app that begins to sign", () => {
  const until = 1_000_000
  const policy = policyOf({ signingKeys: keys, acceptUnsignedUntil: new Date(until) })

  test("accepts ids without a signature until the date, to be signed", () => {
    assert.deepStrictEqual(sent(policy, `${name}=${id}`, until - 1), [[id, "reissue"]])
    assert.strictEqual(read(policy, `${name}=${id}`, until), "malformed")
    assert.strictEqual(read(policy, `${name}=${id}`, until + 1), "malformed")
  })

  test("accepts signed ones before and after, and bad signatures never", () => {
    for (const now of [0, until, until + 1]) {
      assert.deepStrictEqual(sent(policy, `${name}=${signedBy(policy)}`, now), [[id]])
      assert.strictEqual(read(policy, `${name}=${flip(signedBy(policy), 30)}`, now), "signature")
      assert.strictEqual(read(policy, `${name}=${id}.`, now), "malformed")
    }
  })

  test("knows an id with and without its signature for one that needs nothing", () => {
    assert.deepStrictEqual(sent(policy, `${name}=${id}; ${name}=${signedBy(policy)}`), [[id]])
  })

  test("accepts them under former names and in bearer tokens as well", () => {
    const renamed = policyOf({ signingKeys: keys, acceptUnsignedUntil: new Date(until), formerNames: ["sid"] })
    assert.deepStrictEqual(sent(renamed, `sid=${id}`), [[id, "sid", "reissue"]])
    const bearer = (now: number) => SessionCookie.readBearer(policy, token, `Bearer ${id}`, now)._tag
    assert.deepStrictEqual([bearer(until - 1), bearer(until)], ["Accepted", "Rejected"])
  })
})
