import { assert } from "@effect/vitest"
import { Session, SessionCookie } from "effect-sessions"
import { deriveHandle, deriveKey } from "effect-sessions/core/digest"
import { sign, toSigningKey } from "effect-sessions/core/signature"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { browserWith, managerOver, rowsOf, use } from "../../support/app.js"
import type { Operation } from "../../support/observedStore.js"
import { knownId, otherSigningKey, signingKey, unknownId } from "./ids.js"
import {
  a0,
  a1,
  asNobody,
  cookieOf,
  expectAnonymous,
  expectRenamed,
  expectVictim,
  firstWrite,
  type Input,
  seen,
  signedA0,
  victimApp,
  withLongIds
} from "./inputs.js"
import { utf8 } from "./rawSocket.js"
import type { SocketApp } from "./socketApp.js"

const name = "__Host-sid"

/** One cookie header for each value of our cookie. */
const values = (values: ReadonlyArray<string>) =>
  Object.fromEntries(values.map((value) => [JSON.stringify(value.slice(0, 60)), [`Cookie: ${name}=${value}`]]))

const whole = (headers: ReadonlyArray<string>) =>
  Object.fromEntries(headers.map((header) => [JSON.stringify(header.slice(0, 60)), [`Cookie: ${header}`]]))

const percentEncoded = (text: string): string =>
  Array.from(text, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`).join("")

const swappedCase = (text: string): string =>
  Array.from(text, (char) => char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()).join("")

/** The next character of the alphabet in the place of the last: the same bytes for a reader that is not strict. */
const withTrailingBits = (id: string): string => `${id.slice(0, -1)}${String.fromCharCode(id.charCodeAt(21) + 1)}`

const flip = (text: string, index: number): string =>
  `${text.slice(0, index)}${text[index] === "A" ? "B" : "A"}${text.slice(index + 1)}`

const signedBy = (key: string, purpose: string) => sign(toSigningKey(Buffer.from(key)), purpose, knownId)

class OtherSession extends Session.Tag<OtherSession>()("OtherSession", {
  data: Schema.Struct({ count: Schema.Number, notes: Schema.Array(Schema.String), settings: Schema.Struct({}) }),
  initial: { count: 0, notes: [], settings: {} }
}) {}

const opens = (
  what: string,
  headerOf: (cookie: string) => ReadonlyArray<string>,
  calls?: ReadonlyArray<Operation>
) => Effect.flatMap(victimApp(), (app) => expectVictim(app, headerOf(cookieOf(app, knownId)), what, calls))

type End = (app: SocketApp) => Effect.Effect<unknown, unknown>

/** The session ends, and from then on its cookie is worth nothing. */
const ended = (
  end: End,
  meanwhile: (app: SocketApp, header: string) => Effect.Effect<void, unknown> = () => Effect.void
) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(0)
    const app = yield* victimApp()
    const header = `Cookie: ${cookieOf(app, knownId)}`
    yield* expectVictim(app, [header], "before")
    yield* end(app)
    yield* meanwhile(app, header)
    yield* expectAnonymous(app, [header], ["read"], "after")
  })

/** The session gets another id. Its cookie is worth nothing at once, and a minute later may begin another. */
const renamed = (rename: End) =>
  ended(rename, (app, header) => Effect.zipRight(expectRenamed(app, [header]), TestClock.adjust("121 seconds")))

/** The cookies of two live sessions: nothing says which one is meant. */
const bothLive = (headerOf: (cookie: string, other: string) => ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const app = yield* victimApp()
    const { id } = yield* app.sessions.create({ user: "grace" })
    const headers = headerOf(cookieOf(app, knownId), `${name}=${Redacted.value(id)}`)
    app.store.take()
    const read = yield* app.raw({ headers }, seen)
    assert.deepStrictEqual([read.body, read.setCookies, app.store.take()], [asNobody, [], ["search"]])
    const write = yield* app.raw({ headers }, firstWrite)
    assert.deepStrictEqual([write.status, write.setCookies, app.store.take()], [409, [], ["search"]])
  })

export const cookieInputs: ReadonlyArray<Input> = [
  {
    number: 1,
    input: "no Cookie header, an empty one, only semicolons",
    outcome: "A0",
    run: a0(() => ({ none: [], ...whole(["", ";;;;", " ; \t; "]) }))
  },
  {
    number: 2,
    input: "an empty value",
    outcome: "A0",
    run: a0(() => whole([`${name}=`, `${name}= `, `a=1; ${name}=`]))
  },
  { number: 3, input: "a name without =", outcome: "A0", run: a0((_cookie, id) => whole([name, `${name};${id}`, id])) },
  {
    number: 4,
    input: "a value one character short or long",
    outcome: "A0",
    run: a0((_cookie, id) => values([id.slice(1), id.slice(0, -1), `${id}A`, `A${id}`]))
  },
  {
    number: 5,
    input: "a value of 10 KB or 1 MB, 200,000 cookies in one header",
    outcome: "A0, quickly",
    run: Effect.gen(function*() {
      const before = performance.now()
      yield* a0((cookie) => ({
        "10 KB": [`Cookie: ${name}=${"A".repeat(10_000)}`],
        "1 MB": [`Cookie: ${name}=${"A".repeat(1_000_000)}`],
        "1 MB of our name": [`Cookie: ${`${name}=`.repeat(90_000)}`],
        "200,000 cookies": [`Cookie: ${"a=1;".repeat(200_000)}`],
        "200,000 cookies, then ours": [`Cookie: ${"a=1;".repeat(200_000)}${cookie}`]
      }))
      assert.isBelow(performance.now() - before, 60_000)
    })
  },
  {
    number: 6,
    input: "our name twice with different values",
    outcome: "the live one counts; identical values are one; two live ones are nobody's",
    run: Effect.all([
      opens("a dead one behind", (cookie) => [`Cookie: ${cookie}; ${name}=${unknownId}`], ["search"]),
      opens("a dead one before", (cookie) => [`Cookie: ${name}=${unknownId}; ${cookie}`], ["search"]),
      opens("an empty one", (cookie) => [`Cookie: ${cookie}; ${name}=`]),
      opens("a malformed one", (cookie) => [`Cookie: ${name}=x;${cookie}`]),
      opens("identical values", (cookie) => [`Cookie: ${cookie}; a=1; ${cookie}`]),
      bothLive((cookie, other) => [`Cookie: ${cookie}; ${other}`])
    ])
  },
  {
    number: 7,
    input: "our name twice across two Cookie headers",
    outcome: "as in one",
    run: Effect.all([
      opens("ours first", (cookie) => [`Cookie: ${cookie}`, `Cookie: ${name}=${unknownId}`], ["search"]),
      opens("ours last", (cookie) => [`Cookie: ${name}=${unknownId}`, `Cookie: ${cookie}`], ["search"]),
      opens("identical values", (cookie) => [`Cookie: ${cookie}`, "Cookie: a=1", `Cookie: ${cookie}`]),
      bothLive((cookie, other) => [`Cookie: ${cookie}`, `Cookie: ${other}`])
    ])
  },
  {
    number: 8,
    input: "blanks of Unicode around our name",
    outcome: "A0, not our cookie",
    run: a0((cookie, id) =>
      whole(
        ["\xa0", utf8("\u00a0"), utf8("\u2000"), utf8("\ufeff"), utf8("\u3000"), "\x85"].flatMap((blank) => [
          `${blank}${cookie}`,
          `${name}${blank}=${id}`,
          `a=1;${blank}${cookie}`
        ])
      )
    )
  },
  { number: 9, input: "a nameless pair", outcome: "A0", run: a0((cookie) => whole([`=${cookie}`, `a=1; =${cookie}`])) },
  {
    number: 10,
    input: "a percent-encoded name",
    outcome: "A0",
    run: a0((_cookie, id) => whole([`%5F%5FHost-sid=${id}`, `%5f_Host-sid=${id}`, `${percentEncoded(name)}=${id}`]))
  },
  {
    number: 11,
    input: "our name in other letter case",
    outcome: "A0",
    run: a0((_cookie, id) => whole([`__HOST-sid=${id}`, `__host-SID=${id}`, `__Host-Sid=${id}`]))
  },
  {
    number: 12,
    input: "$Version and $Path",
    outcome: "ordinary unknown cookies",
    run: Effect.all([
      opens("$Version", (cookie) => [`Cookie: $Version=1; ${cookie}; $Path=/`]),
      opens("$Version in quotes", (cookie) => [`Cookie: $Version="1"; ${cookie}; $Domain=evil.test`]),
      a0((_cookie, id) => whole([`$${name}=${id}`, `$Version=1, ${name}=${id}`]))
    ])
  },
  {
    number: 13,
    input: "a value in quotes, or with an unclosed one",
    outcome: "A0",
    run: a0((_cookie, id) => values([`"${id}"`, `"${id}`, `${id}"`, `'${id}'`]))
  },
  {
    number: 14,
    input: "our cookie inside what looks like quotes",
    outcome: "the session is found, quotes mean nothing",
    run: opens("quotes", (cookie) => [`Cookie: a="x; ${cookie}; b="`])
  },
  {
    number: 15,
    input: "a percent-encoded valid id",
    outcome: "A0",
    run: a0((_cookie, id) => values([percentEncoded(id), `${percentEncoded(id.slice(0, 1))}${id.slice(1)}`]))
  },
  {
    number: 16,
    input: "malformed percent-encoding",
    outcome: "A0, nothing thrown",
    run: a0((_cookie, id) => values(["%E0%A4%A", "%", "%%", `${id}%`, `%${id.slice(1)}`, `${id.slice(2)}%4`]))
  },
  {
    number: 17,
    input: "%00, and raw NUL, CR, LF, TAB inside",
    outcome: "A0, or a 400 of Node itself",
    run: Effect.gen(function*() {
      yield* a0((_cookie, id) =>
        values(["%00", `${id}%00`, `${id.slice(0, 21)}\t`, `${id.slice(0, 10)}\t${id.slice(11)}`])
      )
      const app = yield* victimApp()
      for (const character of ["\0", "\r", "\n", "\v", "\x01", "\x7f"]) {
        for (const value of [`${knownId}${character}`, `${knownId.slice(0, 10)}${character}${knownId.slice(11)}`]) {
          const answer = yield* app.raw({ headers: [`Cookie: ${name}=${value}`] }, seen)
          assert.include([200, 400], answer.status, JSON.stringify(value))
          assert.notInclude(JSON.stringify(answer.body), "secret note")
          assert.deepStrictEqual(app.store.take(), [])
        }
      }
      yield* expectVictim(app, [`Cookie: ${cookieOf(app, knownId)}`], "afterwards")
    })
  },
  {
    number: 18,
    input: "not ASCII, homoglyphs, lone surrogates, marks of direction",
    outcome: "A0",
    run: a0((_cookie, id) =>
      values([
        utf8(`${id.slice(0, 21)}ä`),
        `${id.slice(0, 21)}\xe4`,
        utf8(id.replace("A", "\u0410")),
        utf8(id.replace("A", "\uff21")),
        `${id.slice(0, 19)}\xed\xa0\x80`,
        utf8(`\u200f${id}`),
        utf8(`${id}\u202e`)
      ])
    )
  },
  {
    number: 19,
    input: "cookies named __proto__, constructor, toString",
    outcome: "ignored, prototypes unchanged",
    run: Effect.gen(function*() {
      const before = Object.getOwnPropertyNames(Object.prototype).sort()
      yield* a0((_cookie, id) =>
        whole([`__proto__=${id}; constructor=${id}; toString=${id}`, `__proto__[admin]=1; __proto__.admin=1`])
      )
      yield* opens("next to ours", (cookie) => [`Cookie: __proto__=x; ${cookie}; constructor=y; toString=z`])
      assert.deepStrictEqual(Object.getOwnPropertyNames(Object.prototype).sort(), before)
      assert.isUndefined(Reflect.get({}, "admin"))
    })
  },
  {
    number: 20,
    input: "SQL, LIKE, glob, Redis protocol, paths, operators",
    outcome: "A0",
    run: a0(() =>
      values([
        "' OR 1=1--",
        "%",
        "%25",
        "*",
        "______________________",
        "**********************",
        "*2\\r\\n$3\\r\\nGET",
        "../../../etc/passwd",
        "../../x",
        "{\"$ne\":1}",
        "[object Object]",
        "null",
        "undefined",
        "[^a]*******************"
      ])
    )
  },
  {
    number: 21,
    input: "cookies joined with a comma",
    outcome: "A0",
    run: a0((cookie, id) => whole([`a=1,${cookie}`, `${cookie},a=1`, `${name}=${id},${name}=${id}`]))
  },
  {
    number: 22,
    input: "an id in other letter case, or padded",
    outcome: "A0 or A1",
    run: Effect.zipRight(
      // The last character stays: in the other case it would not be canonical.
      a1((_cookie, id) => values([id.slice(0, -1).toLowerCase(), swappedCase(id.slice(0, -1))].map((it) => `${it}A`))),
      a0((_cookie, id) => values([id.toLowerCase(), `${id}%20`, `${id}\xa0`, `${id}+`, `${id}\\0`]))
    )
  },
  {
    number: 23,
    input: "other base64 of the same bytes",
    outcome: "A0, only the canonical encoding",
    run: a0((_cookie, id) =>
      values([
        id.replace("-", "+"),
        id.replace("_", "/"),
        `${id}==`,
        `${id}=`,
        withTrailingBits(id),
        Buffer.from(id, "base64url").toString("hex")
      ])
    )
  },
  {
    number: 24,
    input: "a well-formed id that was never issued",
    outcome: "A1, a write gives a new id",
    run: a1(() => values([unknownId]))
  },
  {
    number: 25,
    input: "the id of a destroyed session",
    outcome: "A1",
    run: ended((app) => app.sessions.destroy(Redacted.make(knownId)))
  },
  {
    number: 26,
    input: "an expired id whose row is still there",
    outcome: "A1, its data is never returned; reads write nothing, so the row is left to the sweeper",
    run: ended((app) =>
      Effect.tap(
        TestClock.adjust("1 hour"),
        () => Effect.map(rowsOf(app), (rows) => assert.strictEqual(rows, 1))
      )
    )
  },
  {
    number: 27,
    input: "an id at the very millisecond of its deadline",
    outcome: "A1, and not a millisecond before",
    run: Effect.gen(function*() {
      const app = yield* victimApp()
      const header = `Cookie: ${cookieOf(app, knownId)}`
      yield* TestClock.adjust("899999 millis")
      // Without a touch, which would move the deadline.
      const early = yield* app.raw(
        { headers: [header] },
        use((session) => Effect.zipRight(session.background, session.user))
      )
      assert.include(JSON.stringify(early.body), "ada")
      yield* TestClock.adjust(1)
      yield* expectAnonymous(app, [header], ["read"], "at the deadline")
    })
  },
  {
    number: 28,
    input: "an id rotated away, inside the grace period",
    outcome: "resolves to its successor",
    elsewhere: "there is no grace period: a rotation is one rename, and the old id is dead at once (29)"
  },
  {
    number: 29,
    input: "an id rotated away, by a rotation or a sign-in",
    outcome: "A1; whoever writes within a minute is told to try again",
    run: Effect.all([
      renamed((app) => app.sessions.rotate(Redacted.make(knownId))),
      renamed((app) =>
        Effect.map(
          app.visit(browserWith(knownId), use((session) => session.signIn("grace"))),
          ({ setCookies }) => assert.lengthOf(setCookies, 1)
        )
      )
    ])
  },
  {
    number: 30,
    input: "the stored key, or the public handle, as a cookie",
    outcome: "A0 or A1, never a session",
    run: Effect.zipRight(
      a0((_cookie, id) => {
        const key = deriveKey("AppSession", id)
        return values(
          [key, deriveHandle(key), key.slice(0, 22)].filter((value) => value.length !== 22 || !/[AQgw]$/.test(value))
        )
      }),
      // With ids of 32 bytes a key has the form of an id.
      withLongIds(Effect.gen(function*() {
        const app = yield* victimApp()
        const { record } = yield* app.sessions.create({ user: "ada" })
        yield* expectAnonymous(app, [`Cookie: ${name}=${record.key}`], ["read"], "a key")
      }))
    )
  },
  {
    number: 31,
    input: "the id of another declared session in the same store",
    outcome: "A1",
    run: Effect.gen(function*() {
      const app = yield* victimApp()
      const others = yield* managerOver(app, OtherSession)
      const { id } = yield* others.create({ user: "grace" })
      yield* expectAnonymous(app, [`Cookie: ${name}=${Redacted.value(id)}`], ["read"], "another session's")
      assert.strictEqual((yield* others.read(Redacted.make(knownId)))._tag, "None")
    })
  },
  {
    number: 32,
    input: "a CSRF token as session id",
    outcome: "A0; there are no remember-me or flash tokens",
    run: Effect.gen(function*() {
      const app = yield* victimApp()
      const token = (yield* app.visit(browserWith(knownId), use((session) => session.csrfToken))).body
      assert.isString(token)
      yield* expectAnonymous(app, [`Cookie: ${name}=${token}`], [], "the token")
      yield* expectAnonymous(app, [`Cookie: ${name}=${String(token).slice(0, 21)}A`], ["read"], "a piece of the token")
    })
  },
  {
    number: 33,
    input: "a signature missing, truncated, extended, empty",
    outcome: "A0",
    run: signedA0((cookie, id) =>
      whole([`${name}=${id}`, `${name}=${id}.`, cookie.slice(0, -1), `${cookie}A`, `${cookie}.A`, `${cookie}.`])
    )
  },
  {
    number: 34,
    input: "one character changed, anywhere in id or signature",
    outcome: "A0",
    run: signedA0((cookie) => {
      const value = cookie.slice(name.length + 1)
      return values([
        ...Array.from(value, (_, index) => flip(value, index)),
        withTrailingBits(value.slice(0, 22)) + value.slice(22)
      ])
    })
  },
  {
    number: 35,
    input: "signed under an unknown key, or one that was retired",
    outcome: "A0",
    run: signedA0(() => values([signedBy(otherSigningKey, name)]))
  },
  {
    number: 36,
    input: "signed under an earlier key that is still listed",
    outcome: "accepted, and signed anew under the first",
    run: Effect.gen(function*() {
      const app = yield* victimApp({
        cookie: { signingKeys: [Redacted.make(otherSigningKey), Redacted.make(signingKey)] }
      })
      const old = signedBy(signingKey, name)
      const answer = yield* expectVictim(app, [`Cookie: ${name}=${old}`], "the old signature", ["read", "read"])
      assert.strictEqual(answer.setCookies[0]?.split(";")[0], `${name}=${signedBy(otherSigningKey, name)}`)
      const again = yield* expectVictim(app, [`Cookie: ${cookieOf(app, knownId)}`], "the new signature")
      assert.deepStrictEqual(again.setCookies, [])
    })
  },
  {
    number: 37,
    input: "a good signature from another cookie name or purpose",
    outcome: "A0",
    run: Effect.flatMap(
      SessionCookie.make({ signingKeys: [Redacted.make(signingKey)] }),
      (policy) =>
        signedA0(() =>
          values([
            signedBy(signingKey, "__Host-other"),
            signedBy(signingKey, ""),
            signedBy(signingKey, "__host-sid"),
            Redacted.value(SessionCookie.toBearer(policy, Redacted.make(knownId)))
          ])
        )
    )
  },
  {
    number: 38,
    input: "an unsigned valid id while signing is on",
    outcome: "A0",
    run: signedA0((_cookie, id) => values([id]))
  },
  {
    number: 39,
    input: "a signed value while signing is off",
    outcome: "A0",
    run: a0(() => values([signedBy(signingKey, name)]))
  },
  {
    number: 40,
    input: "a key id that names a prototype, a huge number, a path",
    outcome: "A0; our signatures carry no key id",
    run: signedA0((cookie, id) => {
      const signature = cookie.slice(-43)
      return values(
        ["__proto__", "99999999999999999999", "../../key", "0", "constructor"].flatMap((key) => [
          `${id}.${key}.${signature}`,
          `${key}.${id}.${signature}`,
          `${id}.${key.padEnd(43, "A")}`
        ])
      )
    })
  },
  {
    number: 41,
    input: "a signature of another length",
    outcome: "A0",
    run: signedA0((cookie, id) =>
      values(
        [1, 16, 32, 42, 44, 64, 86, 10_000].map((length) => `${id}.${cookie.slice(-43).repeat(240).slice(0, length)}`)
      )
    )
  }
]
