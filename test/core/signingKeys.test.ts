import { assert, describe, prop } from "@effect/vitest"
import { isGuessable, problemsOf } from "effect-sessions/core/signingKeys"
import * as FastCheck from "effect/FastCheck"
import * as Crypto from "node:crypto"
import { test } from "vitest"

/** What people type. */
const typed = [
  "a".repeat(32),
  " ".repeat(32),
  "\t\n".repeat(20),
  "supersecret".repeat(3),
  "SuperSecretSuperSecretSuperSecret!",
  "ab".repeat(16),
  "abababababababababbaabababababab",
  "AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH",
  "aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpP",
  "abcdefghijklmnopqrstuvwxyz012345",
  "zyxwvutsrqponmlkjihgfedcba987654",
  "0123456789".repeat(4),
  "0123456789abcdef0123456789abcdef",
  "12345678123456781234567812345678",
  "qwertyuiopasdfghjklzxcvbnm123456",
  "1q2w3e4r5t6y7u8i9o0p1q2w3e4r5t6y",
  "00000000-0000-0000-0000-000000000000",
  "deadbeef".repeat(4),
  "password123password123password123",
  "secret1secret2secret3secret4secret5",
  "changeme".repeat(5),
  "changeme-changeme-changeme-please",
  "keyboard cat keyboard cat keyboard cat",
  "complex_password_at_least_32_characters_long",
  "this-is-a-secret-key-with-at-least-32-characters",
  "thisisaverylongsecretkeyforsessions",
  "ThisIsMySecretKeyForSigningCookies",
  "my-super-secret-session-signing-key!",
  "your-secret-key-here-please-change-it-now",
  "please-change-this-secret-key-in-production",
  "!@#$%^&*()".repeat(4),
  "\u{1f36a}".repeat(16)
]

/** How many random keys of each kind are drawn. */
const draws = process.env["CAMPAIGN"] === "full" ? 100_000 : 4000

/** Long enough to mean something of their own, as those of tests and examples do. */
const ofTheirOwn = [
  "a signing key of at least 32 bytes, for tests only",
  "another signing key of 32 bytes, for tests only",
  "0ne-key-to-sign-them-all-and-in-the-jar-bind-them",
  "550e8400-e29b-41d4-a716-446655440000"
]

describe("F4: keys that can be guessed", () => {
  for (const key of typed) {
    test(`${JSON.stringify(key)} is refused, with the command that makes a good one`, () => {
      assert.isTrue(isGuessable(key))
      const [problem, ...others] = problemsOf([key])
      assert.include(problem, "openssl rand -base64 32")
      assert.deepStrictEqual(others, [])
      assert.notInclude(problem, key)
    })
  }

  for (const key of ofTheirOwn) {
    test(`${JSON.stringify(key)} is accepted`, () => assert.deepStrictEqual(problemsOf([key]), []))
  }

  for (
    const row of [
      "abcdefghijklmnopqrstuvwxyz",
      "01234567890",
      "qwertyuiopasdfghjklzxcvbnm",
      "qwertzuiopasdfghjklyxcvbnm",
      "1q2w3e4r5t6y7u8i9o0p",
      "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"
    ]
  ) {
    test(`the row ${row} adds little to what is random, in either direction, before it and behind it`, () => {
      const random = "!r?7+j$w=3%k"
      for (const text of [row, Array.from(row).reverse().join("")]) {
        assert.isTrue(isGuessable(random + text))
        assert.isTrue(isGuessable(text + random))
      }
    })
  }

  for (
    const words of [
      "admin character complex cookie correct default example",
      "local minimum must password passphrase placeholder private production",
      "secret secure session should sign strong super temporary"
    ]
  ) test(`words alone are refused: ${words}`, () => assert.isTrue(isGuessable(words)))

  test("a letter that is typed several times counts once, and so does a text that stood before", () => {
    const typed = (text: string, times: number) => Array.from(text, (letter) => letter.repeat(times)).join("")
    const random = "k7r!2xq9vj4z+h3mY"
    for (const times of [1, 2, 3, 4]) {
      assert.isFalse(isGuessable(typed(random, times)))
      assert.isTrue(isGuessable(typed(random.slice(1), times)))
    }
    assert.isTrue(isGuessable(random.slice(3).repeat(4)))
  })

  test("six different characters can be enough", () => {
    assert.isFalse(isGuessable("4!7!rkxr7xk!74!47!kr!k7rkrxrx7!xkrk4!xrk"))
  })

  test("the end of a word and the beginning of another are no word", () => {
    assert.isFalse(isGuessable("nchechrcoxcoecotdetexeheoheeinekedletlenlo"))
  })

  test("what comes late in a long key is not looked at", () => {
    const random = "k7r!2xq9vj4z+h3mYd8w"
    assert.isTrue(isGuessable(`${"ab".repeat(128)}${random}`))
    assert.isFalse(isGuessable(`${"ab".repeat(100)}${random}`))
  })

  prop("a short text repeated, in any letters, is refused", {
    text: FastCheck.oneof(
      FastCheck.asciiString({ minLength: 1, maxLength: 14 }),
      FastCheck.fullUnicodeString({ minLength: 1, maxLength: 6 })
    )
  }, ({ text }) => assert.isTrue(isGuessable(text.repeat(32))))

  prop("a text of five different characters is refused", {
    text: FastCheck.stringMatching(/^[a6Z!e]{32,64}$/)
  }, ({ text }) => assert.isTrue(isGuessable(text)))

  for (
    const [what, bytes, encoding] of [
      ["-base64 32", 32, "base64"],
      ["-hex 32", 32, "hex"],
      ["-base64 48", 48, "base64"],
      ["-base64 24", 24, "base64"],
      ["-hex 16", 16, "hex"]
    ] as const
  ) {
    test(`${draws} of what openssl rand ${what} prints are accepted`, () => {
      for (let count = 0; count < draws; count++) {
        const key = Crypto.randomBytes(bytes).toString(encoding)
        if (isGuessable(key)) assert.fail(key)
      }
    })
  }
})

describe("Signing keys", () => {
  const [first = "", second = "", , uuid = ""] = ofTheirOwn

  test("are 32 bytes at the least, counted as UTF-8", () => {
    assert.include(problemsOf([first.slice(0, 31)])[0], "signingKeys[0] is shorter than 32 bytes")
    assert.include(problemsOf([first, ""])[0], "signingKeys[1] is shorter")
    assert.deepStrictEqual(problemsOf([uuid.slice(0, 32)]), [])
    assert.deepStrictEqual(problemsOf(["äöüÄÖÜßéèêáàâíìîóòôúùû"]), [])
  })

  test("are different, and sixteen at the most", () => {
    assert.include(problemsOf([first, second, first])[0], "twice")
    assert.include(problemsOf(Array.from({ length: 17 }, (_, index) => `${first}${index}`))[0], "16")
    assert.deepStrictEqual(problemsOf(Array.from({ length: 16 }, (_, index) => `${first}${index}`)), [])
  })
})
