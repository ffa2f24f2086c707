import { assert, describe, prop } from "@effect/vitest"
import * as Csrf from "effect-sessions/core/csrf"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const usual: Csrf.CsrfOptions = { origins: [], field: "_csrf", headers: [], maxFormBytes: 1024 }

describe("F5: origins", () => {
  for (
    const origin of [
      "https://example.com",
      "https://sub.example.com:8443",
      "http://localhost",
      "http://localhost:3000",
      "http://127.0.0.1:8080",
      "http://[::1]:3000",
      "https://xn--exmple-cua.com",
      "https://my_host.test",
      "capacitor://localhost",
      "chrome-extension://abcdefghijklmnop",
      "x-https://localhost"
    ]
  ) test(`${origin} is one`, () => assert.deepStrictEqual(Csrf.problemsOf({ ...usual, origins: [origin] }), []))

  for (
    const [origin, instead] of [
      ["", "https://example.com"],
      [" ", "https://example.com"],
      ["null", "https://example.com"],
      ["*", "https://example.com"],
      ["https://*.example.com", "https://example.com"],
      ["example.com", "https://example.com"],
      ["//example.com", "https://example.com"],
      ["localhost:3000", "https://example.com"],
      ["https://", "https://example.com"],
      ["https:example.com", "https://example.com"],
      ["file:///etc/passwd", "https://example.com"],
      ["data:text/html,x", "https://example.com"],
      ["https://shop.test/", "https://shop.test"],
      ["https://shop.test/cart", "https://shop.test"],
      ["https://shop.test?a=b", "https://shop.test"],
      ["https://shop.test#top", "https://shop.test"],
      ["https://shop.test:443", "https://shop.test"],
      ["http://shop.test:80", "http://shop.test"],
      ["https://shop.test:99999", "https://example.com"],
      ["https://user:word@shop.test", "https://shop.test"],
      ["HTTPS://SHOP.TEST", "https://shop.test"],
      ["https://shop.test ", "https://shop.test"],
      ["https://sh\u00f6p.test", "https://xn--shp-tna.test"],
      ["https://shop.test,https://other.test", "https://example.com"],
      ["https://shop.test,other.test", "https://example.com"],
      ["https://shop.test https://other.test", "https://example.com"],
      [" https://shop.test", "https://example.com"],
      [" capacitor://localhost", "https://example.com"],
      ["capacitor://localhost/", "https://example.com"],
      ["ftp://shop.test/", "https://example.com"]
    ] as const
  ) {
    test(`${JSON.stringify(origin)} is none, and the error says how to write it`, () => {
      const [problem, ...others] = Csrf.problemsOf({ ...usual, origins: ["https://good.test", origin] })
      assert.include(problem, "origins[1]")
      assert.include(problem, `write it like ${JSON.stringify(instead)}`)
      assert.deepStrictEqual(others, [])
    })
  }

  prop("what is accepted is what a browser at that address sends", {
    origin: FastCheck.oneof(FastCheck.webUrl(), FastCheck.webAuthority().map((authority) => `https://${authority}`))
  }, ({ origin }) => {
    const accepted = Csrf.problemsOf({ ...usual, origins: [origin] }).length === 0
    assert.strictEqual(accepted, URL.canParse(origin) && new URL(origin).origin === origin && !origin.includes("*"))
  })
})

describe("Other options", () => {
  const cases: ReadonlyArray<readonly [string, Partial<Csrf.CsrfOptions>, string]> = [
    ...["", "a b", "a:b", "x-t\u00f6ken", "a\r\nb"].map((name) =>
      [`the header ${JSON.stringify(name)}`, { headers: ["x-csrf-token", name] }, "headers[1]"] as const
    ),
    ["the header cookie", { headers: ["Cookie"] }, "x-csrf-token"],
    ...["", "a b", "a\"b", "<b>", "a&b", "a=b"].map((field) =>
      [`the field ${JSON.stringify(field)}`, { field }, "field"] as const
    ),
    ...[NaN, 0, -1, 1.5, 1024.5, Infinity, 1023, 16 * 1024 * 1024 + 1, 2 ** 53].map((maxFormBytes) =>
      [`${maxFormBytes} bytes of a form`, { maxFormBytes }, "maxFormBytes"] as const
    )
  ]
  for (const maxFormBytes of [1024, 16 * 1024 * 1024]) {
    test(`${maxFormBytes} bytes of a form can be`, () =>
      assert.deepStrictEqual(Csrf.problemsOf({ ...usual, maxFormBytes }), []))
  }

  for (const [what, options, says] of cases) {
    test(`${what} cannot be`, () => {
      const problems = Csrf.problemsOf({ ...usual, ...options })
      assert.lengthOf(problems, 1)
      assert.include(problems[0], says)
    })
  }
})

describe("F2: a socket", () => {
  const methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "x"]
  prop("is opened by a GET that upgrades, and every other method is what it is", {
    method: FastCheck.constantFrom(...methods),
    upgrade: FastCheck.constantFrom(undefined, "", "x", "websocket")
  }, (request) => {
    const opens = request.method === "GET" && request.upgrade !== undefined
    assert.strictEqual(Csrf.opensSocket(request), opens)
    assert.strictEqual(Csrf.isUnsafe(request), opens || !["GET", "HEAD", "OPTIONS"].includes(request.method))
  })
})

describe("F1: a field of a form", () => {
  const word = FastCheck.stringMatching(/^[\w.:[\]-]{1,6}$/)
  const pair = FastCheck.tuple(
    FastCheck.oneof(word, FastCheck.constant("_csrf"), FastCheck.constant("x_csrf")),
    FastCheck.fullUnicodeString({ maxLength: 8 })
  )

  prop("is found as the platform finds it, if it is there once", {
    pairs: FastCheck.array(pair, { maxLength: 6 }),
    field: FastCheck.oneof(word, FastCheck.constant("_csrf"))
  }, ({ field, pairs }) => {
    const form = new URLSearchParams(pairs).toString()
    const values = new URLSearchParams(form).getAll(field)
    assert.strictEqual(Csrf.fieldOf(form, field), values.length === 1 ? values[0] : undefined)
  }, { fastCheck: { numRuns: 2000 } })

  for (
    const [form, value] of [
      ["", undefined],
      ["_csrf", undefined],
      ["_csrf=", ""],
      ["_csrf=a", "a"],
      ["a=b&_csrf=a&c=d", "a"],
      ["&&_csrf=a&&", "a"],
      ["x_csrf=a", undefined],
      ["a=_csrf=b", undefined],
      ["_csrf=a&_csrf=a", undefined],
      ["_csrf[]=a", undefined],
      ["_csrf=%61", "a"],
      ["_csrf=%E0%A4%A", "\ufffd%A"]
    ] as const
  ) test(`of ${JSON.stringify(form)}`, () => assert.strictEqual(Csrf.fieldOf(form, "_csrf"), value))

  test("of a name with brackets is found, encoded or not", () => {
    assert.strictEqual(Csrf.fieldOf("form%5B_token%5D=a", "form[_token]"), "a")
    assert.strictEqual(Csrf.fieldOf("form[_token]=a", "form[_token]"), "a")
    assert.isUndefined(Csrf.fieldOf("form%5B_token%5D=a&form[_token]=a", "form[_token]"))
  })
})

describe("Whether another site sent a request", () => {
  const own = "https://app.test"
  const nothing = { method: "POST", upgrade: undefined, secFetchSite: undefined, origin: undefined, referer: undefined }
  const cases: ReadonlyArray<readonly [what: string, tells: Partial<Csrf.Provenance>, isForeign: boolean]> = [
    ["Sec-Fetch-Site: same-origin, whatever else", { secFetchSite: "same-origin", origin: "https://evil.test" }, false],
    ["Sec-Fetch-Site: none, whatever else", { secFetchSite: "none", origin: "https://evil.test" }, false],
    ["Sec-Fetch-Site: same-site, whatever else", { secFetchSite: "same-site", origin: own }, true],
    ["Sec-Fetch-Site: cross-site, whatever else", { secFetchSite: "cross-site", origin: own }, true],
    ["two of them", { secFetchSite: "same-origin, none", origin: own }, true],
    ["one that does not exist, and our origin", { secFetchSite: "moon", origin: own }, false],
    ["one that does not exist, and another origin", { secFetchSite: "moon", origin: "https://evil.test" }, true],
    ["our origin, whatever the referer", { origin: own, referer: "https://evil.test/" }, false],
    ["another origin, whatever the referer", { origin: "https://evil.test", referer: `${own}/` }, true],
    ["our referer", { referer: `${own}/page?a=b` }, false],
    ["another referer", { referer: "https://evil.test/https://app.test" }, true],
    ["a referer that is none", { referer: "app.test" }, true]
  ]

  for (const [what, tells, isForeign] of cases) {
    test(`${what}: ${isForeign ? "yes" : "no"}`, () => {
      for (const allowUnknown of [true, false]) {
        assert.strictEqual(Csrf.isForeign({ ...nothing, ...tells }, { origins: [own], allowUnknown }), isForeign)
      }
    })
  }

  test("nothing at all: as the app says", () => {
    assert.isFalse(Csrf.isForeign(nothing, { origins: [own], allowUnknown: true }))
    assert.isTrue(Csrf.isForeign(nothing, { origins: [own], allowUnknown: false }))
  })
})

describe("A token", () => {
  const mask = new Uint8Array(Csrf.maskBytes).fill(7)
  const token = () => Csrf.makeToken("App", "id", mask)

  test("is that of its session and of its declaration, under every mask, and of no other", () => {
    assert.isTrue(Csrf.verifyToken("App", "id", token()))
    assert.isTrue(Csrf.verifyToken("App", "id", Csrf.makeToken("App", "id", new Uint8Array(Csrf.maskBytes))))
    assert.isFalse(Csrf.verifyToken("App", "other", token()))
    assert.isFalse(Csrf.verifyToken("Admin", "id", token()))
    assert.isFalse(Csrf.verifyToken("App:i", "d", Csrf.makeToken("App", "i:d", mask)))
  })

  test("is written as it always was, so that a deploy leaves forms alone", () => {
    assert.strictEqual(
      token(),
      "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfv1wog-TC-TQBuhIDB7K0bd5OlVxn9Z2rDGnTWs1hKJA"
    )
  })

  test("is compared to the letter", () => {
    const text = token()
    for (
      const other of [
        "",
        `${text}A`,
        `A${text}`,
        text.slice(1),
        text.slice(0, -1),
        ` ${text.slice(1)}`,
        // What decodes base64 leaves out characters that it does not know.
        `!${text}`,
        `${text}!`,
        text.replace(/./, "!")
      ]
    ) {
      assert.isFalse(Csrf.verifyToken("App", "id", other), other)
    }
  })
})
