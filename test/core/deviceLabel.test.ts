import { assert, describe, prop } from "@effect/vitest"
import * as DeviceLabel from "effect-sessions/core/deviceLabel"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const { labelOf, maxLabelLength, productOf, unknownDevice } = DeviceLabel

describe("productOf", () => {
  for (
    const [userAgent, product] of [
      ["curl/8.5.0", "curl"],
      ["python-requests/2.32.3", "python-requests"],
      ["node", "node"],
      ["Apache-HttpClient/5.4 (Java/21.0.1)", "Apache-HttpClient"],
      ["Mozilla/5.0 (X11; Linux x86_64)", undefined],
      ["mozilla", undefined],
      ["Your account is blocked", undefined],
      ["evil.example/1", undefined],
      ["<b>curl</b>/1", undefined],
      ["curl\u202e/1", undefined],
      ["curl\n", undefined],
      [`${"x".repeat(31)}/1`, undefined],
      [`${"x".repeat(30)}/1`, "x".repeat(30)],
      ["c_U9-/1", "c_U9-"],
      ["Mozilla", undefined],
      [" curl/8.5.0", undefined],
      ["8/8", undefined],
      ["", undefined]
    ] as const
  ) {
    test(`finds ${product ?? "nothing"} in ${JSON.stringify(userAgent)}`, () => {
      assert.strictEqual(productOf(userAgent), product)
    })
  }
})

describe("labelOf", () => {
  const labels = (browser: string | undefined, product: string | undefined, system: string | undefined) =>
    labelOf({ browser, product, system })

  test("names the program and the system", () => {
    assert.strictEqual(labels("Firefox", undefined, "Linux"), "Firefox on Linux")
    assert.strictEqual(labels("Firefox", "Other", "Linux"), "Firefox on Linux")
    assert.strictEqual(labels(undefined, "curl", "Linux"), "curl on Linux")
  })

  test("leaves out what is not known", () => {
    assert.strictEqual(labels("Firefox", undefined, undefined), "Firefox")
    assert.strictEqual(labels(undefined, undefined, "Linux"), "Linux")
    assert.strictEqual(labels("", undefined, ""), unknownDevice)
    assert.strictEqual(labels(undefined, undefined, undefined), unknownDevice)
  })

  test("leaves out what is long, begins with a blank, or holds what no name does", () => {
    assert.strictEqual(labels("x".repeat(30), undefined, "y".repeat(30)), `${"x".repeat(30)} on ${"y".repeat(30)}`)
    for (const name of ["x".repeat(31), " Firefox", "Firefox\n", "<Firefox", "Firefox>", ".Net"]) {
      assert.strictEqual(labels(name, "curl", "Linux"), "curl on Linux", name)
      assert.strictEqual(labels("Firefox", undefined, name), "Firefox", name)
    }
    assert.strictEqual(labels("A1 z._+-", undefined, undefined), "A1 z._+-")
  })

  test("does not say the same twice", () => {
    assert.strictEqual(labels("Tizen", undefined, "Tizen"), "Tizen")
    assert.strictEqual(labels(undefined, "linux", "Linux"), "Linux")
  })

  const name = FastCheck.option(
    FastCheck.oneof(
      FastCheck.fullUnicodeString(),
      FastCheck.stringMatching(/^[A-Za-z0-9 ._+-]{0,40}$/),
      FastCheck.constantFrom("<b>", "a\u202eb", "a\nb", "\u{1f600}", "a&b", "a\"", "")
    ),
    { nil: undefined }
  )

  prop(
    "is short and harmless whatever the names are",
    { browser: name, product: name, system: name },
    (client) => {
      const label = labelOf(client)
      assert.match(label, /^[A-Za-z0-9][A-Za-z0-9 ._+-]*$/)
      assert.isAtMost(label.length, maxLabelLength)
    },
    { fastCheck: { numRuns: 2000 } }
  )
})
