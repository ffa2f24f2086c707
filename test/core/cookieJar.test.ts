import { assert, describe, prop } from "@effect/vitest"
import * as Jar from "effect-sessions/core/cookieJar"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const now = Date.UTC(2026, 0, 1)

const source: Jar.Source = { secure: true, host: "app.example.com", path: "/" }

const target: Jar.Target = { secure: true, path: "/", method: "GET", sameSite: true }

const parse = (header: string, from: Partial<Jar.Source> = {}) => Jar.parseCookie(header, { ...source, ...from }, now)

/** What a browser sends that was given these headers. */
const sends = (
  headers: ReadonlyArray<string>,
  to: Partial<Jar.Target> = {},
  from: Partial<Jar.Source> = {},
  at = now
): string | undefined =>
  Jar.cookieHeader(Jar.receive([], headers, { ...source, ...from }, now), { ...target, ...to }, at)

const refuses = (header: string, from: Partial<Jar.Source> = {}) =>
  test(`refuses ${JSON.stringify(header)}${from.secure === false ? " over http" : ""}`, () =>
    assert.isUndefined(parse(header, from)))

const keeps = (header: string, from: Partial<Jar.Source> = {}) =>
  test(`keeps ${JSON.stringify(header)}${from.host === undefined ? "" : ` of ${from.host}`}`, () =>
    assert.isDefined(parse(header, from)))

describe("A Set-Cookie header", () => {
  test("is read to its last attribute", () => {
    const header = "sid=a=b\"%20; Path=/in; Domain=.Example.com; Max-Age=60; Secure; HttpOnly; SameSite=Strict; Other=1"
    assert.deepStrictEqual(parse(header), {
      name: "sid",
      value: "a=b\"%20",
      domain: "example.com",
      path: "/in",
      expiresAt: now + 60_000,
      secure: true,
      httpOnly: true,
      sameSite: "strict"
    })
  })

  test("without attributes is a session cookie of the host and the folder", () => {
    assert.deepStrictEqual(parse(" sid = a ", { path: "/in/deep/page" }), {
      name: "sid",
      value: "a",
      domain: undefined,
      path: "/in/deep",
      expiresAt: undefined,
      secure: false,
      httpOnly: false,
      sameSite: "lax"
    })
  })

  test("has blanks around its parts, and keeps those inside", () => {
    const header = "\t  sid \t= a  b \t ; \t Path = /in \t ;  HTTPONLY  ;\tsamesite=NONE; Secure"
    assert.deepStrictEqual(parse(header), {
      name: "sid",
      value: "a  b",
      domain: undefined,
      path: "/in",
      expiresAt: undefined,
      secure: true,
      httpOnly: true,
      sameSite: "none"
    })
    assert.strictEqual(parse("sid=a; SameSite=other")?.sameSite, "lax")
  })

  test("of a page at the top is for all pages", () => {
    for (const path of ["/", "/page", "/page?"]) assert.strictEqual(parse("sid=a", { path })?.path, "/")
  })

  test("has the last of an attribute that is there twice, if it is a good one", () => {
    assert.strictEqual(parse("sid=a; Path=/x; Path=/y")?.path, "/y")
    assert.strictEqual(parse("sid=a; Max-Age=1; Max-Age=2")?.expiresAt, now + 2000)
    assert.strictEqual(parse("sid=a; Max-Age=1; Max-Age=1e3")?.expiresAt, now + 1000)
    assert.strictEqual(parse("sid=a; Max-Age=1; MAX-AGE=x2")?.expiresAt, now + 1000)
    assert.strictEqual(parse("sid=a; Max-Age=1; Max-Age")?.expiresAt, now + 1000)
    const date = "Expires=Thu, 01 Jan 2026 00:01:00 GMT"
    assert.strictEqual(parse(`sid=a; ${date}; Expires=tomorrow`)?.expiresAt, now + 60_000)
    assert.strictEqual(parse(`sid=a; ${date}; Expires`)?.expiresAt, now + 60_000)
    assert.strictEqual(parse("sid=a; Path=relative", { path: "/in/page" })?.path, "/in")
    assert.strictEqual(parse(`sid=a; Path=/${"x".repeat(1023)}`)?.path.length, 1024)
    assert.strictEqual(parse(`sid=a; Path=/${"x".repeat(1024)}`)?.path, "/")
  })

  test("without a name is one with a value, which is sent as it is", () => {
    assert.strictEqual(sends(["token"]), "token")
    assert.strictEqual(sends(["=token"]), "token")
  })

  refuses("")
  refuses("=; Path=/")
  refuses("sid=a\u0000")
  refuses("sid=a\nb=c")
  refuses(`sid=${"x".repeat(4094)}`)
  keeps(`sid=${"x".repeat(4093)}`)
  refuses("sid=a; Secure", { secure: false })
  refuses("sid=a; SameSite=None")
  keeps("sid=a; SameSite=None; Secure")

  prop("of any text never throws, and what is kept is sent again", {
    header: FastCheck.string(),
    path: FastCheck.webPath()
  }, ({ header, path }) => {
    const cookie = Jar.parseCookie(header, { ...source, path }, now)
    const sent = Jar.cookieHeader(Jar.receive([], [header], { ...source, path }, now), { ...target, path }, now)
    if (cookie === undefined) assert.isUndefined(sent)
  })
})

describe("A prefix", () => {
  keeps("__Host-sid=a; Path=/; Secure")
  refuses("__Host-sid=a; Path=/")
  refuses("__Host-sid=a; Secure")
  refuses("__Host-sid=a; Path=/in; Secure")
  refuses("__Host-sid=a; Path=/; Secure; Domain=app.example.com")
  refuses("__Host-sid=a; Path=/; Secure; Domain=example.com")
  refuses("__Host-sid=a; Path=/; Secure", { secure: false })
  refuses("__HOST-sid=a; Path=/")
  keeps("__Secure-sid=a; Domain=example.com; Secure")
  refuses("__Secure-sid=a")
  refuses("__Http-sid=a; Secure")
  keeps("__Http-sid=a; Secure; HttpOnly")
  refuses("__Host-Http-sid=a; Path=/; Secure")
  keeps("__Host-Http-sid=a; Path=/; Secure; HttpOnly")
  refuses("=__Host-sid=a; Path=/; Secure")
  refuses("__Host-sid; Path=/; Secure")
  keeps("x__Host-sid=a")
  keeps("__Secure-__Http-sid=a; Secure")
  keeps("a=__Host-sid")
  keeps("__Host=a")
})

describe("A domain", () => {
  keeps("sid=a; Domain=example.com")
  keeps("sid=a; Domain=app.example.com")
  keeps("sid=a; Domain=example.com", { host: "1.example.com" })
  keeps("sid=a; Domain=sub.example2", { host: "app.sub.example2" })
  refuses("sid=a; Domain=0.1", { host: "127.0.0.1" })
  refuses("sid=a; Domain=3.4]", { host: "[::ffff:1.2.3.4]" })
  refuses("sid=a; Domain=com")
  refuses("sid=a; Domain=other.example.com")
  refuses("sid=a; Domain=pp.example.com")
  refuses("sid=a; Domain=deep.app.example.com")
  keeps("sid=a; Domain=localhost", { host: "localhost" })
  keeps("sid=a; Domain=127.0.0.1", { host: "127.0.0.1" })

  test("is not a part of an address", () => {
    assert.isUndefined(parse("sid=a; Domain=0.0.1", { host: "127.0.0.1" }))
  })

  test("that is nothing is the host alone", () => {
    for (const header of ["sid=a; Domain=", "sid=a; Domain", "sid=a; Domain=."]) {
      assert.deepInclude(parse(header), { name: "sid", domain: undefined }, header)
    }
  })

  test("makes it another cookie than that of the host", () => {
    assert.strictEqual(sends(["sid=host", "sid=domain; Domain=example.com"]), "sid=host; sid=domain")
  })
})

describe("The jar", () => {
  test("replaces by name and path, where the old one was", () => {
    assert.strictEqual(sends(["a=1", "b=1", "a=2"]), "a=2; b=1")
    assert.strictEqual(sends(["a=1; Path=/", "a=2; Path=/in"], { path: "/in" }), "a=2; a=1")
  })

  test("deletes only the cookie of the same path", () => {
    assert.isUndefined(sends(["a=1; Path=/in", "a=; Path=/in; Max-Age=0"], { path: "/in" }))
    assert.strictEqual(sends(["a=1; Path=/in", "a=; Path=/; Max-Age=0"], { path: "/in" }), "a=1")
    assert.isUndefined(sends(["a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]))
    assert.isUndefined(sends(["a=1", "a=; Max-Age=-1"]))
  })

  test("is left alone by what is refused", () => {
    assert.strictEqual(sends(["__Host-a=1; Path=/; Secure", "__Host-a=; Max-Age=0; Path=/"]), "__Host-a=1")
  })

  test("sends a cookie to its folder and no other", () => {
    for (const path of ["/in", "/in/", "/in/deep"]) assert.strictEqual(sends(["a=1; Path=/in"], { path }), "a=1")
    for (const path of ["/", "/i", "/inn", "/other/in"]) assert.isUndefined(sends(["a=1; Path=/in"], { path }))
    assert.isUndefined(sends(["a=1; Path=/in/"], { path: "/in" }))
  })

  test("sends a secure cookie only over https", () => {
    assert.isUndefined(sends(["a=1; Secure"], { secure: false }))
    assert.strictEqual(sends(["a=1"], { secure: false }), "a=1")
  })

  test("holds back from other sites what SameSite says", () => {
    const all = ["strict=1; SameSite=Strict", "lax=1; SameSite=Lax", "usual=1", "none=1; SameSite=None; Secure"]
    assert.strictEqual(sends(all, { method: "POST" }), "strict=1; lax=1; usual=1; none=1")
    assert.strictEqual(sends(all, { sameSite: false }), "lax=1; usual=1; none=1")
    assert.strictEqual(sends(all, { sameSite: false, method: "POST" }), "none=1")
    for (const method of ["GET", "HEAD", "OPTIONS", "TRACE"]) {
      assert.strictEqual(sends(["lax=1"], { sameSite: false, method }), "lax=1")
    }
    for (const method of ["PUT", "DELETE", "PATCH", "get", ""]) {
      assert.isUndefined(sends(["lax=1"], { sameSite: false, method }))
    }
  })

  test("keeps what is persistent when the browser is closed", () => {
    const jar = Jar.receive([], ["a=1", "b=1; Max-Age=10", "c=1; Expires=Fri, 01 Jan 2027 00:00:00 GMT"], source, now)
    assert.deepStrictEqual(Jar.persistent(jar).map(({ name }) => name), ["b", "c"])
  })

  prop("forgets a cookie at the very millisecond, and no later than after 400 days", {
    seconds: FastCheck.integer({ min: -10, max: 100_000_000 }),
    expires: FastCheck.boolean()
  }, ({ expires, seconds }) => {
    const lifetime = expires ? `Expires=${new Date(now + seconds * 1000).toUTCString()}` : `Max-Age=${seconds}`
    const end = now + Math.min(seconds, 34_560_000) * 1000
    const header = [`a=1; ${lifetime}`]
    assert.strictEqual(sends(header, {}, {}, end - 1), seconds > 0 ? "a=1" : undefined)
    assert.isUndefined(sends(header, {}, {}, end))
  })

  test("takes Max-Age before Expires", () => {
    const header = "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    assert.strictEqual(parse(header)?.expiresAt, now + 60_000)
  })

  const header = FastCheck.record({
    name: FastCheck.constantFrom("a", "b", "__Host-c", "__Secure-d"),
    value: FastCheck.constantFrom("1", "2", "3"),
    rest: FastCheck.subarray(["Path=/", "Path=/in", "Domain=example.com", "Secure", "Max-Age=0", "Max-Age=9"])
  })

  prop("never holds two of a kind, what has expired, or what a prefix forbids", {
    headers: FastCheck.array(header, { maxLength: 20 }),
    wait: FastCheck.integer({ min: 0, max: 20_000 })
  }, ({ headers, wait }) => {
    const lines = headers.map(({ name, rest, value }) => [`${name}=${value}`, ...rest].join("; "))
    const jar = Jar.receive([], lines, source, now)
    const kinds = jar.map(({ domain, name, path }) => `${name} ${domain} ${path}`)
    assert.strictEqual(new Set(kinds).size, kinds.length)
    for (const { domain, expiresAt, name, path, secure } of jar) {
      assert.isTrue(expiresAt === undefined || expiresAt > now)
      if (name.startsWith("__")) assert.isTrue(secure)
      if (name.startsWith("__Host-")) assert.deepStrictEqual([path, domain], ["/", undefined])
    }
    for (const { expiresAt } of Jar.live(jar, now + wait)) {
      assert.isTrue(expiresAt === undefined || expiresAt > now + wait)
    }
  })
})

describe("The date of a cookie", () => {
  const same = Date.UTC(1994, 10, 6, 8, 49, 37)
  for (
    const text of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
      "6 november 1994 8:49:37",
      "1994 Nov 6 08:49:37 +0900 ignored",
      "06 Nov 1994 08:49:37GMT",
      "06th Nov 1994AD 08:49:37",
      // The first of each counts.
      "06 Nov 1994 08:49:37 01:01:01",
      "06 Nov 1994 08:49:37 Dec",
      "06 Nov 1994 07 08:49:37 1995",
      "\t06,.Nov@1994`08:49:37~"
    ]
  ) test(`is in ${JSON.stringify(text)}`, () => assert.strictEqual(Jar.parseDate(text), same))

  for (
    const text of [
      "",
      "tomorrow",
      "06 Nov 1994",
      "Nov 1994 08:49:37",
      "31 Feb 1994 08:49:37",
      "06 Nov 1994 24:00:00",
      "06 Nov 1994 08:60:00",
      "06 Nov 1994 08:49:60",
      "06 Nov 1994 99:00:00",
      "06 Nov 1994 08:49:371",
      "06 Nov 1994 x08:49:37",
      "06 Nov 1994 08:49",
      "x6 Nov 1994 08:49:37",
      "006 Nov 1994 08:49:37",
      "06 No 1994 08:49:37",
      "06 xNov 1994 08:49:37",
      "06 Nov x1994 08:49:37",
      "06 Nov 19945 08:49:37",
      "06 Nov 100 08:49:37",
      "06 Nov 1600 08:49:37",
      "00 Nov 1994 08:49:37"
    ]
  ) test(`is not in ${JSON.stringify(text)}`, () => assert.isUndefined(Jar.parseDate(text)))

  test("of two digits is of this century up to 69", () => {
    assert.strictEqual(Jar.parseDate("01-Jan-69 00:00:00"), Date.UTC(2069, 0, 1))
    assert.strictEqual(Jar.parseDate("01-Jan-70 00:00:00"), 0)
    assert.strictEqual(Jar.parseDate("01-Jan-99 00:00:00"), Date.UTC(1999, 0, 1))
    assert.strictEqual(Jar.parseDate("01-Jan-1601 0:0:0"), Date.UTC(1601, 0, 1))
  })

  prop("is that which was written, to the second", {
    seconds: FastCheck.integer({ min: Date.UTC(1601, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 })
  }, ({ seconds }) => {
    assert.strictEqual(Jar.parseDate(new Date(seconds * 1000).toUTCString()), seconds * 1000)
  })
})
