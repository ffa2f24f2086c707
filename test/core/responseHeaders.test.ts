import { assert, describe } from "@effect/vitest"
import { responseHeaders } from "effect-sessions/core/responseHeaders"
import { test } from "vitest"

describe("responseHeaders", () => {
  const cases: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, string, string]> = [
    ["nothing", {}, "no-store", "Cookie"],
    ["empty headers", { "cache-control": "", vary: " " }, "no-store", "Cookie"],
    ["blank headers", { "cache-control": " ", vary: "" }, "no-store", "Cookie"],
    ["a public cache", { "cache-control": "public, max-age=60" }, "public, max-age=60, no-store", "Cookie"],
    ["no-store already", { "cache-control": "private, No-Store" }, "private, No-Store", "Cookie"],
    ["another vary", { vary: "Accept-Encoding" }, "no-store", "Accept-Encoding, Cookie"],
    ["cookie already", { vary: "origin, COOKIE" }, "no-store", "origin, COOKIE"],
    ["a star", { vary: "*" }, "no-store", "*"],
    ["a name that contains it", { vary: "Cookie-Consent" }, "no-store", "Cookie-Consent, Cookie"]
  ]
  for (const [what, existing, cacheControl, vary] of cases) {
    test(`with ${what}`, () => {
      const result = { ...existing, ...responseHeaders(existing, "Cookie") }
      assert.deepStrictEqual([result["cache-control"], result["vary"]], [cacheControl, vary])
    })
  }

  test("with a client that keeps the id itself", () => {
    assert.strictEqual(responseHeaders({}, "Authorization")["vary"], "Authorization")
    assert.strictEqual(responseHeaders({ vary: "Cookie" }, "Authorization")["vary"], "Cookie, Authorization")
    assert.isUndefined(responseHeaders({ vary: "authorization" }, "Authorization")["vary"])
  })
  test("with a client of either kind", () => {
    const varying = (vary?: string) =>
      responseHeaders(vary === undefined ? {} : { vary }, "Authorization", "Cookie")["vary"]
    assert.strictEqual(varying(), "Authorization, Cookie")
    assert.strictEqual(varying("Origin"), "Origin, Authorization, Cookie")
    assert.strictEqual(varying("cookie"), "cookie, Authorization")
    assert.isUndefined(varying("Cookie, authorization"))
    assert.isUndefined(varying("*"))
  })
})
