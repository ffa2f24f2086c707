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

  test("finds nothing in the usual policies", () => {
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
    for (
      const change of [
        {},
        { name: "__Secure-sid", domain: "example.com", path: "/app" },
        { name: "sid", secure: false, insecure: true },
        { name: "connect.sid", sameSite: "none", partitioned: true },
        { name: "SESSION", maxAge: 86_400, priority: "high" },
        { name: "hostess" },
        { formerNames: ["sid", "__Secure-sid", "connect.sid"], changedAt: 1e12 }
      ]
    ) assert.deepStrictEqual(CookiePolicy.problemsOf({ ...usual, ...change }), [])
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
      ["sid", {}]
    ] satisfies ReadonlyArray<readonly [string, ReturnType<typeof CookiePolicy.fixedByPrefix>]>
  ) test(`of ${name}`, () => assert.deepStrictEqual(CookiePolicy.fixedByPrefix(name), expected))
})

describe("withoutPrefix", () => {
  for (
    const [name, bare] of [["__Host-sid", "sid"], ["__Secure-sid", "sid"], ["__Host-Http-sid", "sid"], [
      "sid",
      "sid"
    ]] as const
  ) {
    test(`leaves ${bare} of ${name}`, () => assert.strictEqual(CookiePolicy.withoutPrefix(name), bare))
  }
})
