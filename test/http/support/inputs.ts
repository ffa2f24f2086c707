import { assert } from "@effect/vitest"
import { SessionCookie, type SessionStore, SessionToken } from "effect-sessions"
import { deriveHandle, deriveKey } from "effect-sessions/core/digest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { type AppOptions, type Data, increment, rowsOf, use } from "../../support/app.js"
import type { Operation } from "../../support/observedStore.js"
import { knownId, signingKey } from "./ids.js"
import { makeSocketApp, type SocketApp } from "./socketApp.js"

/** One row of section 3 of security.md. */
export interface Input {
  readonly number: number
  readonly input: string
  readonly outcome: string
  /** What checks it here. */
  readonly run?: Effect.Effect<unknown, unknown, Scope.Scope>
  /** Where it is checked instead, or why it cannot happen. */
  readonly elsewhere?: string
}

export const initial: Data = { count: 0, notes: [], settings: {} }

export const victimData: Data = { count: 41, notes: ["a secret note"], settings: {} }

/** Everything a visitor can see of a session. */
export const seen = use((session) =>
  Effect.map(Effect.zip(session.get, session.user), ([data, user]) => ({ data, user: Option.getOrNull(user) }))
)

export const firstWrite = use((session) => session.update(increment))

export const asNobody = { data: initial, user: null }
export const asVictim = { data: victimData, user: "ada" }

/** The row of somebody whose session must not be opened by a bad input. */
export const victimRow = (row: Partial<SessionStore.SessionRecord> = {}): SessionStore.SessionRecord => ({
  name: "AppSession",
  key: deriveKey("AppSession", knownId),
  previousKey: null,
  earlierKey: null,
  renamedAt: null,
  handle: deriveHandle(deriveKey("AppSession", knownId)),
  userId: "ada",
  data: JSON.stringify(victimData),
  version: 1,
  createdAt: 0,
  lastSeenAt: 0,
  expiresAt: 900_000,
  remembered: false,
  ...row
})

export const signedOptions: AppOptions = { cookie: { signingKeys: [Redacted.make(signingKey)] } }

/** An app over a socket, with the session of a victim in its store. */
export const victimApp = (
  options: AppOptions = {},
  row: Partial<SessionStore.SessionRecord> = {}
): Effect.Effect<SocketApp, never, Scope.Scope> =>
  Effect.gen(function*() {
    const app = yield* makeSocketApp(options)
    yield* Effect.orDie(app.store.service.insert({ record: victimRow(row) }))
    app.store.take()
    return app
  })

/** The cookie of an id under the policy of an app. */
export const cookieOf = (app: SocketApp, id: string): string => {
  const { name, value } = SessionCookie.write(app.policy, Redacted.make(id), { expiresAt: 900_000, now: 0 })
  return `${name}=${value}`
}

/** Every answer names its cookie at most once, and a cookie it sets is not the one that came in. */
const idSetBy = (setCookies: ReadonlyArray<string>): string | undefined => {
  assert.isAtMost(setCookies.length, 1)
  return setCookies[0]?.split(";")[0]?.split("=")[1]
}

/**
 * Headers that open no session, after exactly these operations on the store. Nothing is stored for whoever reads, and
 * whoever writes gets a new id.
 */
export const expectAnonymous = Effect.fnUntraced(function*(
  app: SocketApp,
  headers: ReadonlyArray<string>,
  calls: ReadonlyArray<Operation>,
  what: string
) {
  const before = yield* rowsOf(app)
  app.store.take()
  const read = yield* app.raw({ headers }, seen)
  assert.deepStrictEqual(app.store.take(), calls, what)
  assert.strictEqual(read.status, 200, what)
  assert.deepStrictEqual(read.body, asNobody, what)
  assert.deepStrictEqual(read.setCookies, [], what)
  assert.strictEqual(yield* rowsOf(app), before, what)

  app.store.take()
  const write = yield* app.raw({ headers }, firstWrite)
  assert.deepStrictEqual(app.store.take(), [...calls, "insert"], what)
  assert.strictEqual(write.status, 200, what)
  const id = idSetBy(write.setCookies)
  assert.isDefined(id, what)
  assert.isFalse(headers.some((header) => header.includes(id ?? "")), what)
})

/** Headers with an id that was renamed a moment ago: nobody to whoever reads, and nobody changes anything. */
export const expectRenamed = Effect.fnUntraced(function*(app: SocketApp, headers: ReadonlyArray<string>) {
  const before = yield* rowsOf(app)
  const read = yield* app.raw({ headers }, seen)
  assert.deepStrictEqual([read.status, read.body, read.setCookies], [200, asNobody, []])
  app.store.take()
  const write = yield* app.raw({ headers }, firstWrite)
  assert.deepStrictEqual([write.status, write.setCookies, app.store.take()], [409, [], ["read", "insert"]])
  assert.strictEqual(yield* rowsOf(app), before)
})

/** Headers that open the session of the victim, so that the others fail for the reason they are meant to fail for. */
export const expectVictim = Effect.fnUntraced(function*(
  app: SocketApp,
  headers: ReadonlyArray<string>,
  what: string,
  calls: ReadonlyArray<Operation> = ["read"]
) {
  app.store.take()
  const read = yield* app.raw({ headers }, seen)
  assert.deepStrictEqual(app.store.take(), calls, what)
  assert.strictEqual(read.status, 200, what)
  assert.deepStrictEqual(read.body, asVictim, what)
  return read
})

/** Named headers, each a request of its own; `opens` are those that must open the session. */
export interface Headers {
  readonly [what: string]: ReadonlyArray<string>
}

/** Every one of `headers` is a visitor's after `calls`, next to the plain cookie of the victim, which is not. */
export const anonymousAfter =
  (calls: ReadonlyArray<Operation>, options: AppOptions = {}) =>
  (headersOf: (cookie: string, id: string) => Headers): Effect.Effect<void, unknown, Scope.Scope> =>
    Effect.gen(function*() {
      const app = yield* victimApp(options)
      const cookie = cookieOf(app, knownId)
      yield* expectVictim(app, [`Cookie: ${cookie}`], "the cookie as it should be")
      const headers = headersOf(cookie, knownId)
      assert.isNotEmpty(Object.keys(headers))
      for (const [what, lines] of Object.entries(headers)) yield* expectAnonymous(app, lines, calls, what)
      yield* expectVictim(app, [`Cookie: ${cookie}`], "the cookie as it should be, afterwards")
    })

/** A visitor without a call to the store. */
export const a0 = anonymousAfter([])

/** A visitor after one lookup. */
export const a1 = anonymousAfter(["read"])

export const signedA0 = anonymousAfter([], signedOptions)

/** The row of the victim is unusable: its owner is a visitor, and the row is left where it is. */
export const unusableRow = (row: Partial<SessionStore.SessionRecord>, what: string) =>
  Effect.gen(function*() {
    const app = yield* victimApp({}, row)
    yield* expectAnonymous(app, [`Cookie: ${cookieOf(app, knownId)}`], ["read"], what)
  })

/** Ids of 32 bytes, as long as a stored key. */
export const withLongIds = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    SessionToken.make({ bytes: 32 }),
    (token) => Effect.provideService(effect, SessionToken.SessionToken, token)
  )
