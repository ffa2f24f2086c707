import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, effect } from "@effect/vitest"
import { SessionCookie, SessionMiddleware, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { AppSession, increment, makeApp, use, webHandler } from "../support/app.js"

effect(
  "a manager that an app has made, and changed, serves its requests as the layer's does",
  () =>
    Effect.gen(function*() {
      const SessionsLive = Layer.scoped(
        AppSession.sessions,
        Effect.map(Sessions.make(AppSession), (sessions) => ({ ...sessions, clear: Effect.void }))
      )
      const page = Effect.map(
        use((session) => Effect.zipRight(session.update(increment), session.get)),
        ({ count }) => HttpServerResponse.text(String(count))
      )
      const handle = yield* webHandler(
        SessionMiddleware.httpRouter(AppSession)(page).pipe(
          Effect.provide(SessionsLive),
          Effect.provide(SessionCookie.layer()),
          Effect.provide(SessionTimeouts.layer()),
          Effect.provide(SessionStore.layerMemory)
        )
      )
      const response = yield* Effect.promise(() => handle(new Request("https://app.test/")))
      assert.deepStrictEqual([response.status, yield* Effect.promise(() => response.text())], [200, "1"])
      assert.strictEqual(response.headers.getSetCookie().length, 1)
    })
)

effect("a touch says that there is no session where it ended after it was read", () =>
  Effect.gen(function*() {
    const app = yield* makeApp()
    const { id } = yield* app.sessions.create()
    yield* TestClock.adjust("5 minutes")
    app.store.interfere((operation, effect) =>
      operation === "touch" ? Effect.zipRight(Effect.orDie(app.sessions.destroy(id)), effect) : effect
    )
    assert.isFalse(yield* app.sessions.touch(id))
  }))
