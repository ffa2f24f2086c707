import { Session, SessionEvents, Sessions, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({}),
  initial: {}
}) {}

/** A span for each operation of the manager, and what happens as events. */
export const SessionsLive = Sessions.layerWith(AppSession, { spans: true, events: true }).pipe(
  Layer.provideMerge(SessionEvents.layer)
)

/** One line for each thing that happens to a session: by its handle, which opens nothing. */
export const AuditLive = Layer.scopedDiscard(Effect.gen(function*() {
  const events = yield* (yield* SessionEvents.SessionEvents).subscribe
  yield* Effect.forkScoped(
    Stream.runForEach(events, (event) => Effect.annotateLogs(Effect.logInfo(`Session: ${event._tag}`), { ...event }))
  )
}))

/** A cookie of this user was stolen: every session of theirs ends, on all nodes, at their next request. */
export const signOutUser = Effect.fnUntraced(function*(user: string) {
  const sessions = yield* AppSession.sessions
  return yield* sessions.destroyByUser(user)
})

/** One device was lost: its session ends. The handle is what `listByUser` shows. */
export const signOutDevice = Effect.fnUntraced(function*(user: string, handle: string) {
  const sessions = yield* AppSession.sessions
  return yield* sessions.destroyByHandle(user, handle)
})

/** Everybody out: all sessions of this declaration. */
export const everybodyOut = Effect.flatMap(AppSession.sessions, (sessions) => sessions.clear)

/** All sessions of all declarations in this store: after a backup was restored, since it brings back what had ended. */
export const everythingOut = Effect.flatMap(SessionStore.SessionStore, (store) => store.clear())
