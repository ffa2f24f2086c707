import { assert, describe, effect } from "@effect/vitest"
import { SessionCookie } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  type App,
  type AppHandle,
  type AppOptions,
  increment,
  makeApp,
  rowsOf,
  use,
  webHandler
} from "../support/app.js"
import { signingKey, unknownId } from "./support/ids.js"

const bearer: AppOptions = { middleware: { transport: "bearer" } }
const signed: AppOptions = { ...bearer, cookie: { signingKeys: [Redacted.make(signingKey)] } }

const userOf = (session: AppHandle) => Effect.map(session.user, Option.getOrNull)

/** Commits, and hands out the token, as a sign-in of a client that keeps it itself does. */
const handOut = (session: AppHandle) =>
  Effect.map(session.bearerToken, (token) => Option.getOrNull(Option.map(token, Redacted.value)))

const send = (
  app: App,
  headers: Record<string, string>,
  work: (session: AppHandle) => Effect.Effect<unknown, unknown>,
  url = "https://app.test/"
) =>
  Effect.flatMap(webHandler(app.withSession(use(work))), (handle) =>
    Effect.promise(async () => {
      const response = await handle(new Request(url, { headers }))
      assert.deepStrictEqual(response.headers.getSetCookie(), [], "no cookie in bearer mode")
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: text.startsWith("{") || text.startsWith("\"") || text === "null" ? JSON.parse(text) : text
      }
    }))

const authorization = (token: string) => ({ authorization: `Bearer ${token}` })

const signedIn = Effect.fnUntraced(function*(app: App) {
  const { body } = yield* send(app, {}, (session) => Effect.zipRight(session.signIn("ada"), handOut(session)))
  assert.isString(body)
  app.store.take()
  return String(body)
})

for (
  const [what, options, shape] of [
    ["not signed", bearer, /^[\w-]{22}$/],
    ["signed", signed, /^[\w-]{22}\.[\w-]{43}$/]
  ] as const
) {
  describe(`A bearer token that is ${what}`, () => {
    effect("is handed out at the sign-in, and opens the session", () =>
      Effect.gen(function*() {
        const app = yield* makeApp(options)
        const token = yield* signedIn(app)
        assert.match(token, shape)
        const answer = yield* send(app, authorization(token), userOf)
        assert.deepStrictEqual([answer.status, answer.body], [200, "ada"])
        assert.deepStrictEqual(app.store.take(), ["read"])
        assert.strictEqual(answer.headers.get("vary"), "Authorization")
        assert.strictEqual(answer.headers.get("cache-control"), "no-store")
      }))

    effect("is handed out once: by what gave the session its id, not by later requests", () =>
      Effect.gen(function*() {
        const app = yield* makeApp(options)
        const token = yield* signedIn(app)
        const twice = yield* send(app, authorization(token), handOut)
        assert.isNull(twice.body)
        const rotated = yield* send(app, authorization(token), (s) => Effect.zipRight(s.rotate, handOut(s)))
        assert.match(String(rotated.body), shape)
        assert.notStrictEqual(rotated.body, token)
        assert.isNull((yield* send(app, authorization(token), userOf)).body)
        assert.strictEqual((yield* send(app, authorization(String(rotated.body)), userOf)).body, "ada")
      }))

    effect("is read from Authorization only, the scheme in any letters", () =>
      Effect.gen(function*() {
        const app = yield* makeApp(options)
        const token = yield* signedIn(app)
        for (const scheme of ["Bearer", "bearer", "BEARER"]) {
          assert.strictEqual((yield* send(app, { authorization: `${scheme} ${token}` }, userOf)).body, "ada")
        }
        app.store.take()
        const others: ReadonlyArray<Record<string, string>> = [
          { cookie: `__Host-sid=${token}` },
          { cookie: `Authorization=Bearer ${token}` },
          { "x-authorization": `Bearer ${token}` },
          { "x-session-id": token },
          { authorization: token },
          { authorization: `Basic ${token}` },
          { authorization: `Bearer  ${token}` },
          { authorization: `Bearer ${token} x` },
          { authorization: `Bearer ${token}, Bearer ${token}` },
          { authorization: `Bearer "${token}"` },
          { authorization: `Bearer ${token}=` },
          { authorization: `Token Bearer ${token}` },
          { authorization: "Bearer" },
          { authorization: "Bearer " },
          { authorization: "" },
          { authorization: `Bearer ${"A".repeat(60_000)}` },
          { authorization: `Bearer ${token.slice(0, -1)}` },
          { authorization: `Bearer ${token}A` },
          { authorization: "Bearer __proto__" }
        ]
        for (const headers of others) {
          const answer = yield* send(app, headers, userOf)
          assert.deepStrictEqual([answer.status, answer.body], [200, null], JSON.stringify(headers).slice(0, 100))
          assert.deepStrictEqual(app.store.take(), [])
        }
        const query = yield* send(app, {}, userOf, `https://app.test/?access_token=${token}&token=${token}`)
        assert.isNull(query.body)
        assert.deepStrictEqual(app.store.take(), [])
      }))

    effect("is worth nothing after the sign-out, which sets no cookie either", () =>
      Effect.gen(function*() {
        const app = yield* makeApp(options)
        const token = yield* signedIn(app)
        yield* send(app, authorization(token), (session) => session.signOut)
        assert.strictEqual(yield* rowsOf(app), 0)
        assert.isNull((yield* send(app, authorization(token), userOf)).body)
      }))

    effect("expires with the session", () =>
      Effect.gen(function*() {
        const app = yield* makeApp(options)
        const token = yield* signedIn(app)
        yield* TestClock.adjust("15 minutes")
        assert.isNull((yield* send(app, authorization(token), userOf)).body)
      }))

    effect("of a write to a session that ends meanwhile is a 401", () =>
      Effect.gen(function*() {
        const app = yield* makeApp(options)
        const token = yield* signedIn(app)
        const answer = yield* send(
          app,
          authorization(token),
          (session) => Effect.zipRight(session.update(increment), app.sessions.clear)
        )
        assert.strictEqual(answer.status, 401)
      }))

    effect("is not handed out in cookie mode", () =>
      Effect.gen(function*() {
        const app = yield* makeApp({ ...options, middleware: {} })
        const handle = yield* webHandler(
          app.withSession(use((session) => Effect.zipRight(session.signIn("ada"), handOut(session))))
        )
        const response = yield* Effect.promise(() => handle(new Request("https://app.test/")))
        assert.strictEqual(yield* Effect.promise(() => response.text()), "null")
        assert.lengthOf(response.headers.getSetCookie(), 1)
      }))
  })
}

describe("Cookie and bearer token of one session", () => {
  effect("cannot stand in for each other where they are signed", () =>
    Effect.gen(function*() {
      const app = yield* makeApp(signed)
      const token = yield* signedIn(app)
      const id = Redacted.make(token.slice(0, 22))
      const cookie = SessionCookie.write(app.policy, id, { expiresAt: 900_000, now: 0 }).value
      assert.notStrictEqual(cookie, token)
      assert.isNull((yield* send(app, authorization(cookie), userOf)).body)

      const cookies = yield* makeApp({ ...signed, store: app.store.service, middleware: {} })
      const handle = yield* webHandler(cookies.withSession(use(userOf)))
      const seen = (value: string) =>
        Effect.promise(async () =>
          (await handle(
            new Request("https://app.test/", {
              headers: { cookie: `__Host-sid=${value}`, authorization: `Bearer ${token}` }
            })
          )).json()
        )
      assert.isNull(yield* seen(token))
      assert.strictEqual(yield* seen(cookie), "ada")
    }))

  effect("in cookie mode an Authorization header is not looked at", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { cookie } = yield* app.browserWithSession({ user: "ada" })
      const answer = yield* send(app, authorization(cookie), userOf)
      assert.isNull(answer.body)
      assert.deepStrictEqual(app.store.take(), [])
    }))

  effect("an id nobody issued is never adopted", () =>
    Effect.gen(function*() {
      const app = yield* makeApp(bearer)
      const answer = yield* send(
        app,
        authorization(unknownId),
        (session) => Effect.zipRight(session.update(increment), handOut(session))
      )
      assert.match(String(answer.body), /^[\w-]{22}$/)
      assert.notStrictEqual(answer.body, unknownId)
      assert.deepStrictEqual(app.store.take(), ["read", "insert"])
    }))
})

describe("An Authorization header that is read without middleware", () => {
  effect("says the id that toBearer has written, and none of a cookie's", () =>
    Effect.gen(function*() {
      for (const { cookie } of [bearer, signed]) {
        const { policy, sessions: { token } } = yield* makeApp({ cookie })
        const id = Redacted.make(unknownId)
        const read = (value: string) => SessionCookie.readBearer(policy, token, value, 0)
        const accepted = read(`Bearer ${Redacted.value(SessionCookie.toBearer(policy, id))}`)
        assert.strictEqual(accepted._tag === "Accepted" && Redacted.value(accepted.sent[0].id), unknownId)

        assert.deepStrictEqual(SessionCookie.readBearer(policy, token, undefined, 0), { _tag: "Missing" })
        const written = SessionCookie.write(policy, id, { expiresAt: Infinity, now: 0 }).value
        assert.strictEqual(read(`${policy.name}=${written}`)._tag, "Rejected")
        // Without a signature both are the bare id.
        assert.strictEqual(read(`Bearer ${written}`)._tag, policy.keys.length === 0 ? "Accepted" : "Rejected")
      }
    }))
})
