import { assert, describe, effect } from "@effect/vitest"
import { SessionCookie, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { sized, timeout } from "../sql/support/size.js"
import { type AppHandle, type AppOptions, increment, makeApp, rowsOf, use, webHandler } from "../support/app.js"
import { turn } from "../support/turn.js"
import { knownId, otherSigningKey, signingKey, unknownId } from "./support/ids.js"
import { victimData, victimRow } from "./support/inputs.js"
import { makeRandom, mutated, type Random } from "./support/random.js"

/** `FUZZ_SEED` repeats what failed. */
const cases = sized({ small: 1000, middle: 10_000, full: 200_000 })
const seed = Number(process.env["FUZZ_SEED"] ?? 20260101)
const name = "__Host-sid"

const quiet = Effect.provide(Logger.remove(Logger.defaultLogger))

const members = (): ReadonlyArray<string> => Reflect.ownKeys(Object.prototype).map(String).sort()

const membersBefore = members()

const checkPrototype = (what: string): void => {
  assert.deepStrictEqual(members(), membersBefore, what)
}

/** Looks at the prototype, and lets the test runner have its turn. */
const breathe = (what: string): Effect.Effect<void> => Effect.zipRight(Effect.sync(() => checkPrototype(what)), turn)

/** What a header field may hold: everything else the platform refuses before we see it. */
const isSendable = (header: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(header)

const byte = (random: Random): string => String.fromCharCode(random.below(256))

const special = (random: Random): string =>
  random.pick([";", "=", " ", "\t", "\"", "%", ",", "\u00a0", "A", "_", "-", ".", "\\", "\u0000", "\r", "\n", "\u2000"])

const piecesOf = (good: string, unknown: string): readonly [string, ...ReadonlyArray<string>] => [
  `${name}=${good}`,
  `${name}=${good}`,
  `${name}=${unknown}`,
  `${name}=`,
  name,
  `a=1`,
  `; `,
  `;`,
  `__host-sid=${good}`,
  `%5F%5FHost-sid=${good}`,
  `\u00a0${name}=${good}`,
  `x${name}=${good}`,
  `${name}="${good}"`,
  `=${name}=${good}`,
  `${name} =${good}`,
  `${name}= ${good}`,
  `__proto__=${good}`,
  `$Version=1; ${name}=${good}`,
  `a="x; ${name}=${good}; b="`,
  `${name}=${encodeURIComponent(good)}%00`,
  `a=${"x".repeat(300)}`
]

const cookieHeader = (random: Random, good: string, unknown: string): string => {
  const pieces = piecesOf(good, unknown)
  let header = random.pick(pieces)
  for (let count = random.below(4); count > 0; count--) {
    header += random.pick([";", "; ", " ;", ",", "", "\t;"]) + random.pick(pieces)
  }
  return mutated(random, header, random.below(2) === 0 ? byte : special)
}

/** The values of our cookie, each once, by the letter of the rules and without our reader. */
const valuesOf = (header: string): ReadonlyArray<string> =>
  Array.from(
    new Set(
      header.split(";")
        .map((pair) => /^[ \t]*([^]*?)[ \t]*$/.exec(pair)?.[1] ?? "")
        .filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => pair.slice(name.length + 1))
    )
  )

const isWellFormed = (value: string): boolean => /^[\w-]{21}[AQgw]$/.test(value)

const look = use((session: AppHandle) =>
  Effect.zipWith(session.get, session.user, ({ count }, user) => ({ count, user: Option.getOrNull(user) }))
)

describe(`Fuzz, ${cases} cases, FUZZ_SEED=${seed}`, () => {
  for (
    const [what, options] of [
      ["not signed", {}],
      ["signed", { cookie: { signingKeys: [signingKey, otherSigningKey].map((key) => Redacted.make(key)) } }]
    ] satisfies ReadonlyArray<readonly [string, AppOptions]>
  ) {
    effect(
      `the Cookie header, ids ${what}: no 5xx, and no call to the store for anything malformed`,
      () =>
        Effect.gen(function*() {
          const random = makeRandom(seed)
          const app = yield* makeApp(options)
          yield* app.store.service.insert({ record: victimRow() })
          const write = (id: string) =>
            SessionCookie.write(app.policy, Redacted.make(id), { expiresAt: 900_000, now: 0 }).value
          const good = write(knownId)
          const signed: ReadonlySet<string> = new Set([good, write(unknownId)])
          const isOurs = (value: string): boolean => what === "signed" ? signed.has(value) : isWellFormed(value)
          const handle = yield* webHandler(app.withSession(look))
          app.store.take()
          const tally = { opened: 0, unknown: 0, refused: 0, several: 0 }
          for (let index = 0; index < cases / 4; index++) {
            const header = cookieHeader(random, good, write(unknownId))
            const about = `case ${index}: ${JSON.stringify(header)}`
            const ours = valuesOf(header).filter(isOurs).slice(0, 4)
            const reading = SessionCookie.read(app.policy, app.sessions.token, header, 0)
            assert.strictEqual(reading._tag === "Accepted" ? reading.sent.length : 0, ours.length, about)
            if (!isSendable(header)) continue
            const response = yield* Effect.promise(() =>
              handle(new Request("https://app.test/", { headers: { cookie: header } }))
            )
            assert.strictEqual(response.status, 200, about)
            assert.deepStrictEqual(
              app.store.take(),
              ours.length > 1 ? ["search"] : ours.map(() => "read"),
              about
            )
            const body: unknown = yield* Effect.promise(() => response.json())
            const opened = ours.includes(good)
            assert.deepStrictEqual(
              body,
              opened ? { count: victimData.count, user: "ada" } : { count: 0, user: null },
              about
            )
            assert.deepStrictEqual(response.headers.getSetCookie(), [], about)
            tally[opened ? "opened" : ours.length > 0 ? "unknown" : "refused"]++
            if (ours.length > 1) tally.several++
            if (index % 1000 === 0) yield* breathe(about)
          }
          checkPrototype("at the end")
          assert.strictEqual(yield* rowsOf(app), 1)
          // Every way out was taken, again and again.
          for (const [way, count] of Object.entries(tally)) assert.isAbove(count, cases / 1000, way)
        }).pipe(quiet),
      timeout
    )
  }

  const goodData = JSON.stringify({ count: 41, notes: ["a"], settings: { theme: "dark" } })

  const datas: readonly [string, ...ReadonlyArray<string>] = [
    goodData,
    goodData,
    goodData,
    goodData.replace("\"theme\"", "\"__proto__\""),
    goodData.replace("{\"theme\":\"dark\"}", "{\"__proto__\":{\"admin\":true}}"),
    goodData.replace("{\"theme\":\"dark\"}", "{\"\\u005f\\u005fproto__\":{\"admin\":true}}"),
    goodData.replace("\"theme\"", "\"constructor\""),
    `{"__proto__":{"admin":true},${goodData.slice(1)}`,
    `${goodData.slice(0, -1)},"__proto__":{"count":1}}`,
    `${goodData.slice(0, -1)},"constructor":{"prototype":{"admin":true}}}`,
    `${goodData.slice(0, -1)},"toString":"x","hasOwnProperty":1}`,
    goodData.replace("41", "1e400"),
    goodData.replace("41", "-0"),
    goodData.replace("\"a\"", "\"\\ud800\""),
    goodData.replace("[\"a\"]", `${"[".repeat(300)}${"]".repeat(300)}`),
    "",
    "null",
    "[]",
    "0"
  ]

  const jsonCharacter = (random: Random): string =>
    random.below(3) === 0
      ? byte(random)
      : random.pick([
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        ":",
        "\\",
        "0",
        "1",
        "e",
        ".",
        "-",
        "true",
        "null",
        "\"__proto__\":",
        "\ufeff"
      ])

  const time = (random: Random): number =>
    random.pick([0, 0, 0, 1, -1, 0.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 60, 900_000, 900_001, -0, 1e15, 600_000])

  const times = (random: Random): Partial<SessionStore.SessionRecord> =>
    random.below(3) > 0
      ? {}
      : random.pick<Partial<SessionStore.SessionRecord>>([
        { createdAt: time(random) },
        { lastSeenAt: time(random) },
        { expiresAt: time(random) },
        { createdAt: time(random), lastSeenAt: time(random), expiresAt: time(random) },
        { version: time(random) }
      ])

  const userIds: readonly [string | null, ...ReadonlyArray<string | null>] = [
    "ada",
    "ada",
    null,
    "",
    "__proto__",
    "\u0000",
    "\ud800",
    "x".repeat(10_000),
    "{\"$ne\":1}"
  ]

  effect(
    "the stored row: no 5xx, no crash, and what is decoded has prototypes like any other",
    () =>
      Effect.gen(function*() {
        const random = makeRandom(seed + 1)
        const memory = yield* SessionStore.makeMemory()
        let row = victimRow()
        const app = yield* makeApp({
          store: {
            ...memory,
            read: () => Effect.sync(() => Option.some(row)),
            update: () => Effect.succeed(true),
            touch: () => Effect.succeed(true),
            rotate: () => Effect.succeed(true)
          }
        })
        const seen: Array<unknown> = []
        const remember = (session: AppHandle) =>
          Effect.map(session.get, (data) => {
            seen.push(data)
            return { count: data.count }
          })
        const handles = yield* Effect.forEach([
          remember,
          (session: AppHandle) => Effect.zipRight(session.update(increment), remember(session)),
          (session: AppHandle) => Effect.zipRight(session.rotate, remember(session)),
          (session: AppHandle) => Effect.zipRight(session.info, remember(session))
        ], (work) => webHandler(app.withSession(use(work))))
        let opened = 0
        for (let index = 0; index < cases / 2; index++) {
          const data = mutated(random, random.pick(datas), jsonCharacter)
          row = { ...victimRow(), data, userId: random.pick(userIds), ...times(random) }
          const about = `case ${index}: ${JSON.stringify(row).slice(0, 1000)}`
          const handle = handles[random.below(handles.length)]
          assert.isDefined(handle)
          if (handle === undefined) continue
          const response = yield* Effect.promise(() =>
            handle(new Request("https://app.test/", { headers: { cookie: `${name}=${knownId}` } }))
          )
          assert.isBelow(response.status, 500, about)
          const decoded = seen.pop()
          assert.strictEqual(Object.getPrototypeOf(decoded), Object.prototype, about)
          const settings = Reflect.get(Object(decoded), "settings")
          assert.strictEqual(Object.getPrototypeOf(settings), Object.prototype, about)
          assert.isTrue(Array.isArray(Reflect.get(Object(decoded), "notes")), about)
          for (const holder of [decoded, settings, {}]) assert.isUndefined(Reflect.get(Object(holder), "admin"), about)
          if (
            Reflect.get(Object(decoded), "notes") !== undefined && Reflect.get(Object(decoded), "count") !== 0
          ) opened++
          if (index % 1000 === 0) yield* breathe(about)
        }
        checkPrototype("at the end")
        assert.isAbove(opened, cases / 50)
        assert.isBelow(opened, cases / 2)
      }).pipe(quiet),
    timeout
  )
})
