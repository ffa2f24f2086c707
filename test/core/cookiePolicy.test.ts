import { assert, describe, prop } from "@effect/vitest"
import * as CookiePolicy from "effect-sessions/core/cookiePolicy"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const options: FastCheck.Arbitrary<CookiePolicy.CookieOptions> = FastCheck.record({
  name: FastCheck.constantFrom(
    "__Host-sid",
    "__Secure-sid",
    "__Http-sid",
    "__Host-Http-sid",
    "sid",
    "__HOST-sid",
    "a b",
    ""
  ),
  formerNames: FastCheck.array(FastCheck.constantFrom("sid", "old", "__Host-sid", "a b"), { maxLength: 2 }),
  path: FastCheck.constantFrom("/", "/app", "app", "/a;b", "/\r\nSet-Cookie: x=1"),
  domain: FastCheck.constantFrom(undefined, "example.com", ".example.com", "a\nb"),
  secure: FastCheck.boolean(),
  httpOnly: FastCheck.boolean(),
  sameSite: FastCheck.constantFrom("strict", "lax", "none", "Lax"),
  partitioned: FastCheck.boolean(),
  priority: FastCheck.constantFrom(undefined, "low", "urgent"),
  maxAge: FastCheck.constantFrom(undefined, 1, 34_560_000, 34_560_001, 0, 1.5, NaN),
  expires: FastCheck.constantFrom(undefined, 0, 4e12, NaN),
  changedAt: FastCheck.constantFrom(undefined, 0, 4e12, NaN),
  insecure: FastCheck.boolean()
})

/** What a browser keeps, by RFC 6265bis. */
const isKeptByBrowsers = (cookie: CookiePolicy.CookieOptions): boolean => {
  const name = cookie.name.toLowerCase()
  const hostOnly = !name.startsWith("__host-") || (cookie.secure && cookie.domain === undefined && cookie.path === "/")
  const secureOnly = !/^__(secure|http|host)-/.test(name) || cookie.secure
  const httpOnly = !/^__(http|host-http)-/.test(name) || cookie.httpOnly
  const text = `${cookie.path}${cookie.domain ?? ""}`
  return hostOnly && secureOnly && httpOnly &&
    /^[\w-]+$/.test(name) && !/[;\r\n]/.test(text) &&
    (cookie.sameSite !== "none" || cookie.secure) && (!cookie.partitioned || cookie.secure) &&
    (cookie.maxAge === undefined || cookie.maxAge > 0)
}

describe("problemsOf", () => {
  prop("lets no cookie pass that browsers would drop", { options }, (given) => {
    if (CookiePolicy.problemsOf(given.options).length === 0) assert.isTrue(isKeptByBrowsers(given.options))
  }, { fastCheck: { numRuns: 5000 } })

  const usual: CookiePolicy.CookieOptions = {
    name: "__Host-sid",
    formerNames: [],
    path: "/",
    domain: undefined,
    secure: true,
    httpOnly: true,
    sameSite: "lax",
    partitioned: false,
    priority: undefined,
    maxAge: undefined,
    expires: undefined,
    changedAt: undefined,
    insecure: false
  }
  const forDomain = { name: "__Secure-sid", domain: "example.com" }
  const plainHttp = { name: "sid", secure: false, insecure: true }
  const label = "x".repeat(63)
  const longest = [label, label, label, "x".repeat(61)].join(".")
  const names = (count: number) => Array.from({ length: count }, (_, index) => `old${index}`)

  const accepted: ReadonlyArray<readonly [what: string, change: Partial<CookiePolicy.CookieOptions>]> = [
    ["the default", {}],
    ["a cookie for a domain", { ...forDomain, path: "/app" }],
    ["a cookie for a part of a host", { name: "__Secure-sid", path: "/in a:folder<~" }],
    ["plain http in development", plainHttp],
    ["plain http, readable by scripts", { ...plainHttp, httpOnly: false }],
    ["a frame of another site", { name: "connect.sid", sameSite: "none", partitioned: true }],
    ["a frame of another site, without a jar of its own", { sameSite: "none" }],
    ["links of other sites alone", { sameSite: "strict" }],
    ["a priority", { name: "SESSION", maxAge: 86_400, priority: "high" }],
    ["a low priority", { priority: "low" }],
    ["a middle priority", { priority: "medium" }],
    ["a second", { maxAge: 1 }],
    ["400 days", { maxAge: 34_560_000 }],
    ["a date", { expires: 4e12 }],
    ["a name that begins as a prefix does", { name: "hostess" }],
    ["a name with a prefix inside", { name: "my__Host-sid" }],
    ["a name of every character that a name may have", { name: "!#$%&'*+-.^_`|~09azAZ" }],
    ["a name of 1024 characters", { name: "x".repeat(1024) }],
    ["the prefix for cookies that no script can set", { name: "__Http-sid" }],
    ["both prefixes", { name: "__Host-Http-sid" }],
    ["a script that reads the cookie", { httpOnly: false }],
    ["former names", { formerNames: ["sid", "__Secure-sid", "connect.sid"], changedAt: 1e12 }],
    ["eight former names", { formerNames: names(8) }],
    ["a path of 1024 bytes", { name: "__Secure-sid", path: `/${"x".repeat(1023)}` }],
    ...["a", "localhost", "a-b.example", "0.0.0.1", label, longest].map((domain) =>
      [`the domain ${domain}`, { ...forDomain, domain }] as const
    )
  ]
  for (const [what, change] of accepted) {
    test(`finds nothing in ${what}`, () => assert.deepStrictEqual(CookiePolicy.problemsOf({ ...usual, ...change }), []))
  }

  const drops = "insecure: true, which drops the prefix"
  const refused: ReadonlyArray<
    readonly [what: string, change: Partial<CookiePolicy.CookieOptions>, ...says: ReadonlyArray<string>]
  > = [
    ...["", " sid", "sid ", "s=d", "s;d", "s\u00efd"].map((name) =>
      [`the name ${JSON.stringify(name)}`, { name }, `name ${JSON.stringify(name)} is not a cookie name`] as const
    ),
    ["a name of 1025 characters", { name: "x".repeat(1025) }, "name has 1025 characters", "use 1024 at the most"],
    ...["__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty"].map((name) =>
      [`the name ${name}`, { name }, `name "${name}" collides with a member of every object`] as const
    ),
    ...([
      ["__host-sid", "__Host-"],
      ["__HOST-HTTP-sid", "__Host-Http-"],
      ["__Host-http-sid", "__Host-Http-"],
      ["__secure-sid", "__Secure-"],
      ["__HTTP-sid", "__Http-"],
      // What some servers make of a prefix.
      ["host__sid", "__Host-"],
      ["Secure__sid", "__Secure-"],
      ["HTTP__sid", "__Http-"],
      ["host-http__sid", "__Host-Http-"]
    ] as const).map(([name, prefix]) =>
      [`the name ${name}`, { name }, `name "${name}" looks like the prefix ${prefix} but is not`] as const
    ),
    ["__Host- over http", { secure: false, insecure: true }, "prefix __Host- needs secure", drops],
    ["__Host- for a domain", { domain: "example.com" }, "prefix __Host- allows no domain", "\"__Secure-sid\""],
    ["__Host- for a part of a host", { path: "/app" }, "prefix __Host- needs path \"/\"", "\"__Secure-sid\""],
    ["__Secure- over http", { ...plainHttp, name: "__Secure-sid" }, "prefix __Secure- needs secure", drops],
    ["__Http- over http", { ...plainHttp, name: "__Http-sid" }, "needs secure and httpOnly"],
    ["__Http- for scripts", { name: "__Http-sid", httpOnly: false }, "needs secure and httpOnly"],
    ["__Host-Http- for scripts", { name: "__Host-Http-sid", httpOnly: false }, "needs secure and httpOnly"],
    ["a former name that is none", { formerNames: ["old", "a b"] }, "formerNames[1] \"a b\" is not a cookie name"],
    ["a former name that is today's", { formerNames: ["old", "__Host-sid"] }, "formerNames holds the name itself"],
    ["a former name twice", { formerNames: ["old", "old"] }, "formerNames holds a name twice"],
    ["nine former names", { formerNames: names(9) }, "formerNames takes 8 names at the most"],
    ...["", "app", "app/", "/a;b", "/a\n", "/\u00e9", "/\u007f", `/${"x".repeat(1024)}`].map((path) =>
      [`the path ${JSON.stringify(path)}`, { name: "__Secure-sid", path }, `path ${JSON.stringify(path)} must`] as const
    ),
    ...[
      "",
      ".example.com",
      "example.com.",
      "a..b",
      "-a.com",
      "a-.com",
      "a.-com",
      "a.com-",
      "a_b.com",
      "a b",
      "a.b c",
      "sh\u00f6p.test",
      `${label}x`,
      `a.${label}x`,
      `${longest}x`
    ].map((domain) =>
      [
        `the domain ${JSON.stringify(domain)}`,
        { ...forDomain, domain },
        `domain ${JSON.stringify(domain)} is not a host name`
      ] as const
    ),
    ["another sameSite", { sameSite: "Lax" }, "sameSite must be \"strict\", \"lax\" or \"none\""],
    ["another priority", { priority: "urgent" }, "priority must be \"low\", \"medium\" or \"high\""],
    ["secure turned off alone", { name: "sid", secure: false }, "set insecure: true for plain http"],
    ["secure and insecure", { insecure: true }, "secure and insecure exclude each other"],
    ["a frame of another site over http", { ...plainHttp, sameSite: "none" }, "sameSite \"none\" needs secure"],
    ["partitioned for one site", { partitioned: true }, "partitioned needs sameSite \"none\""],
    ...[0, -1, 1.5, NaN, Infinity, 34_560_001].map((maxAge) =>
      [`a lifetime of ${maxAge} s`, { maxAge }, "maxAge must be whole seconds, from 1 second to 400 days"] as const
    ),
    ["no date", { expires: NaN }, "expires is not a valid date"],
    ["no date of a change", { changedAt: NaN }, "changedAt is not a valid date"],
    ["a lifetime and a date", { maxAge: 1, expires: 0 }, "maxAge and expires exclude each other"]
  ]
  for (const [what, change, ...says] of refused) {
    test(`says what is wrong with ${what}, and nothing else`, () => {
      const [problem = "", ...others] = CookiePolicy.problemsOf({ ...usual, ...change })
      for (const words of says) assert.include(problem, words)
      assert.deepStrictEqual(others, [])
    })
  }

  test("says everything that is wrong at once", () => {
    const problems = CookiePolicy.problemsOf({ ...usual, ...plainHttp, partitioned: true, domain: "", maxAge: 0 })
    assert.deepStrictEqual(problems.map((problem) => problem.split(" ", 1)[0]), [
      "domain",
      "partitioned",
      "partitioned",
      "maxAge"
    ])
    assert.include(problems[1], "partitioned needs secure")
  })
})

describe("lifetime", () => {
  const time = FastCheck.integer({ min: 0, max: 100_000_000_000 })

  prop("never outlives the session, the configured lifetime, the configured date or 400 days", {
    deadline: time,
    now: time,
    maxAge: FastCheck.option(FastCheck.integer({ min: 1, max: CookiePolicy.maxMaxAge }), { nil: undefined }),
    expires: FastCheck.option(time, { nil: undefined })
  }, ({ deadline, expires, maxAge, now }) => {
    const seconds = CookiePolicy.lifetime({ maxAge, expires }, deadline, now)
    const limits = [deadline - now, (maxAge ?? Infinity) * 1000, (expires ?? Infinity) - now, 400 * 86_400_000]
    assert.isTrue(Number.isInteger(seconds) && seconds >= 0)
    if (seconds > 0) assert.isAtMost(seconds * 1000, Math.min(...limits))
    assert.isAbove((seconds + 1) * 1000, Math.min(...limits))
  })
})

describe("fixedByPrefix", () => {
  const host = { path: "/", domain: undefined } as const
  for (
    const [name, expected] of [
      ["__Host-sid", host],
      ["__Host-Http-sid", { ...host, httpOnly: true }],
      ["__Http-sid", { httpOnly: true }],
      ["__Secure-sid", {}],
      ["sid", {}],
      ["sid__Host-", {}],
      ["x__Http-sid", {}]
    ] satisfies ReadonlyArray<readonly [string, ReturnType<typeof CookiePolicy.fixedByPrefix>]>
  ) test(`of ${name}`, () => assert.deepStrictEqual(CookiePolicy.fixedByPrefix(name), expected))
})

describe("withoutPrefix", () => {
  for (
    const [name, bare] of [
      ["__Host-sid", "sid"],
      ["__Secure-sid", "sid"],
      ["__Http-sid", "sid"],
      ["__Host-Http-sid", "sid"],
      ["sid", "sid"],
      ["sid__Host-", "sid__Host-"]
    ] as const
  ) {
    test(`leaves ${bare} of ${name}`, () => assert.strictEqual(CookiePolicy.withoutPrefix(name), bare))
  }
})
