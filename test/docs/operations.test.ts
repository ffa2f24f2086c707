import { assert, describe, scoped } from "@effect/vitest"
import { SessionStore, SessionTimeouts } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import {
  AppSession,
  AuditLive,
  everybodyOut,
  everythingOut,
  SessionsLive,
  signOutDevice,
  signOutUser
} from "../../examples/operations/sessions.js"

const Live = SessionsLive.pipe(
  Layer.provideMerge(SessionStore.layerMemory),
  Layer.provide(SessionTimeouts.layer())
)

const three = Effect.gen(function*() {
  const sessions = yield* AppSession.sessions
  yield* sessions.create({ user: "ada" })
  const { record } = yield* sessions.create({ user: "ada" })
  yield* sessions.create({ user: "bob" })
  return { sessions, handle: record.handle }
})

describe("After an incident", () => {
  scoped("one device, one user, everybody", () =>
    Effect.gen(function*() {
      const { handle, sessions } = yield* three
      assert.isFalse(yield* signOutDevice("bob", handle))
      assert.isTrue(yield* signOutDevice("ada", handle))
      assert.strictEqual((yield* sessions.count).live, 2)
      assert.strictEqual(yield* signOutUser("ada"), 1)
      assert.strictEqual((yield* sessions.count).live, 1)
      yield* everybodyOut
      assert.strictEqual((yield* sessions.count).live, 0)
    }).pipe(Effect.provide(Live)))

  scoped("what a backup has brought back is ended as a whole", () =>
    Effect.gen(function*() {
      const { sessions } = yield* three
      yield* everythingOut
      assert.strictEqual((yield* sessions.count).live, 0)
    }).pipe(Effect.provide(Live)))
})

scoped("The audit log names sessions by their handles, and holds no id", () =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.map(Logger.logfmtLogger, (line) => void lines.push(line))
    const context = yield* Layer.build(
      AuditLive.pipe(
        Layer.provideMerge(Live),
        Layer.provide(Logger.replace(Logger.defaultLogger, logger))
      )
    )
    const sessions = Context.get(context, AppSession.sessions)
    const { id, record } = yield* sessions.create({ user: "ada" })
    yield* sessions.destroy(id)
    yield* Effect.repeatN(Effect.yieldNow(), 100)
    assert.match(lines.join("\n"), /Session: (SignedIn|Created)/)
    assert.include(lines.join("\n"), record.handle)
    assert.notInclude(lines.join("\n"), Redacted.value(id))
  }))
