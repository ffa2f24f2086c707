import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { type SessionError, SessionGuard } from "effect-sessions"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type Answer,
  type App,
  AppSession,
  Browser,
  browserWith,
  incrementCount,
  makeApp,
  rowsOf,
  use
} from "../support/app.js"
import { breakDown } from "../support/observedStore.js"
import { unknownId } from "./support/ids.js"

class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly name: string }>() {}

const users = new Map([["ada", { name: "Ada" }]])

const loadUser = (id: string) => Effect.sync(() => Option.fromNullable(users.get(id)))

const required = SessionGuard.required(AppSession, loadUser)

/** Who sends a request, and why there may be nobody signed in. */
const senders: ReadonlyArray<
  readonly [
    what: string,
    reason: SessionError.SessionUnauthenticated["reason"] | undefined,
    browserOf: (app: App) => Effect.Effect<Browser, unknown>
  ]
> = [
  ["no cookie", "Missing", () => Effect.succeed(new Browser())],
  ["a malformed cookie", "Rejected", () => Effect.succeed(browserWith("garbage"))],
  ["an unknown id", "Ended", () => Effect.succeed(browserWith(unknownId))],
  [
    "a session that has ended",
    "Ended",
    (app) =>
      Effect.tap(
        Effect.map(app.browserWithSession({ user: "ada" }), ({ browser }) => browser),
        () => app.sessions.clear
      )
  ],
  ["a visitor's session", "Visitor", (app) => Effect.map(app.browserWithSession(), ({ browser }) => browser)],
  [
    "a user who no longer exists",
    "UnknownUser",
    (app) => Effect.map(app.browserWithSession({ user: "grace" }), ({ browser }) => browser)
  ],
  ["a user", undefined, (app) => Effect.map(app.browserWithSession({ user: "ada" }), ({ browser }) => browser)]
]

const isCleared = (answer: Answer) => /^__Host-sid=; Max-Age=0; /.test(answer.setCookies.join())

describe("A guard", () => {
  for (const [what, reason, browserOf] of senders) {
    const visit = (handler: Parameters<App["visit"]>[1]) =>
      Effect.gen(function*() {
        const app = yield* makeApp()
        const browser = yield* browserOf(app)
        app.store.take()
        const answer = yield* app.visit(browser, handler)
        return { app, answer }
      })

    effect(
      `that requires a user answers ${reason === undefined ? "with the user" : `401, ${reason},`} to ${what}`,
      () =>
        Effect.gen(function*() {
          const { answer } = yield* visit(
            Effect.provideServiceEffect(Effect.map(CurrentUser, ({ name }) => ({ name })), CurrentUser, required)
          )
          assert.strictEqual(answer.status, reason === undefined ? 200 : 401)
          assert.deepStrictEqual(
            answer.body,
            reason === undefined
              ? { name: "Ada" }
              : { _tag: "SessionUnauthenticated", reason, message: "Nobody is signed in" }
          )
          assert.strictEqual(isCleared(answer), reason === "UnknownUser")
          assert.strictEqual(answer.headers.get("cache-control"), "no-store")
        })
    )

    effect(
      `that requires none gives ${reason === undefined ? "the user" : "nobody"} to ${what}`,
      () =>
        Effect.gen(function*() {
          const { answer } = yield* visit(
            Effect.map(SessionGuard.optional(AppSession, loadUser), (user) => ({ user: Option.getOrNull(user) }))
          )
          assert.strictEqual(answer.status, 200)
          assert.deepStrictEqual(answer.body, { user: reason === undefined ? { name: "Ada" } : null })
          assert.strictEqual(isCleared(answer), reason === "UnknownUser")
        })
    )

    effect(
      `for pages ${reason === undefined ? "gives the user" : "redirects"} to ${what}`,
      () =>
        Effect.gen(function*() {
          const { answer } = yield* visit(SessionGuard.orRedirect("/sign-in")(required))
          assert.strictEqual(answer.status, reason === undefined ? 200 : 302)
          assert.strictEqual(answer.headers.get("location"), reason === undefined ? null : "/sign-in")
        })
    )

    effect(`can answer as FoalTS documents to ${what}`, () =>
      Effect.gen(function*() {
        const { answer } = yield* visit(Effect.catchTag(required, "SessionUnauthenticated", foal))
        switch (reason) {
          case undefined:
            return assert.strictEqual(answer.status, 200)
          case "Missing":
            assert.strictEqual(answer.status, 400)
            return assert.deepStrictEqual(answer.body, {
              code: "invalid_request",
              description: "Session cookie not found."
            })
          default:
            assert.strictEqual(answer.status, 401)
            assert.include(answer.headers.get("www-authenticate") ?? "", "error=\"invalid_token\"")
        }
      }))
  }

  effect("ends the session of a user who no longer exists, before it answers", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "grace" })
      yield* app.visit(browser, required)
      assert.deepStrictEqual(app.store.take(), ["read", "delete"])
      assert.strictEqual(yield* rowsOf(app), 0)
    }))

  effect("costs nothing where there is no cookie, one read where there is a session", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      yield* app.visit(new Browser(), required)
      assert.deepStrictEqual(app.store.take(), [])
      yield* app.visit(browser, Effect.zipRight(required, required))
      assert.deepStrictEqual(app.store.take(), ["read"])
    }))

  effect("lets a store that is down be a 503, never a 401 or a redirect", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      breakDown(app.store, "read")
      const guards: ReadonlyArray<Effect.Effect<void, unknown, AppSession>> = [
        Effect.asVoid(required),
        Effect.asVoid(SessionGuard.orRedirect("/sign-in")(required)),
        Effect.asVoid(SessionGuard.optional(AppSession, loadUser))
      ]
      for (const guard of guards) {
        const answer = yield* app.visit(browser, guard)
        assert.deepStrictEqual([answer.status, answer.setCookies], [503, []])
      }
    }))

  effect("that cannot load the user fails as the app says, and the session stays", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      const answer = yield* app.visit(
        browser,
        SessionGuard.required(AppSession, () => Effect.fail(HttpServerResponse.empty({ status: 502 })))
      )
      assert.strictEqual(answer.status, 502)
      assert.strictEqual(yield* rowsOf(app), 1)
    }))

  effect("sees a sign-in and a sign-out of the same request", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const signedIn = yield* app.visit(
        new Browser(),
        Effect.zipRight(use((session) => session.signIn("ada")), required)
      )
      assert.deepStrictEqual(signedIn.body, { name: "Ada" })
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      const signedOut = yield* app.visit(browser, Effect.zipRight(use((session) => session.signOut), required))
      assert.strictEqual(signedOut.status, 401)
    }))

  effect(
    "G6: that redirects knows the error by its tag, as that of another copy of the library",
    () =>
      Effect.gen(function*() {
        class SessionUnauthenticated extends Data.TaggedError("SessionUnauthenticated")<{
          readonly reason: "Missing"
          readonly message: string
        }> {}
        const error = new SessionUnauthenticated({ reason: "Missing", message: "Nobody is signed in" })
        const answer = yield* Effect.flip(SessionGuard.orRedirect("/sign-in")(Effect.fail(error)))
        assert.isTrue(HttpServerResponse.isServerResponse(answer))
        for (const other of ["text", null, undefined, { _tag: "Other" }, new Error("SessionUnauthenticated")]) {
          assert.strictEqual(yield* Effect.flip(SessionGuard.orRedirect("/sign-in")(Effect.fail(other))), other)
        }
      })
  )

  effect("that redirects commits what was staged", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const answer = yield* app.visit(
        new Browser(),
        Effect.zipRight(incrementCount, SessionGuard.orRedirect("/sign-in")(required))
      )
      assert.strictEqual(answer.status, 302)
      assert.lengthOf(answer.setCookies, 1)
    }))
})

/** What the hooks of FoalTS answer, told with the reason of the guard. */
const foal = ({ reason }: SessionError.SessionUnauthenticated) =>
  Effect.fail(
    reason === "Missing"
      ? HttpServerResponse.unsafeJson(
        { code: "invalid_request", description: "Session cookie not found." },
        { status: 400 }
      )
      : HttpServerResponse.unsafeJson(
        { code: "invalid_token", description: reason === "Rejected" ? "invalid token" : "token invalid or expired" },
        { status: 401, headers: { "www-authenticate": "error=\"invalid_token\"" } }
      )
  )
