import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { SessionCsrf, SessionMiddleware } from "effect-sessions"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { NotesSession } from "./NotesSession.js"
import { page } from "./page.js"

const json = (body: unknown, status = 200) => HttpServerResponse.unsafeJson(body, { status })

/** The body, or a 400 that says what was expected. */
const body = <A, I>(schema: Schema.Schema<A, I>, expected: string) =>
  Effect.mapError(HttpServerRequest.schemaBodyJson(schema), () => json({ error: `Expected ${expected}` }, 400))

const Note = Schema.Struct({ text: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(1000)) })

const SignIn = Schema.Struct({ username: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(64)) })

const getSession = Effect.gen(function*() {
  const session = yield* NotesSession
  const { notes, visits } = yield* session.get
  const user = yield* session.user
  const info = yield* session.info
  return json({
    user: Option.getOrNull(user),
    visits,
    notes,
    session: Option.getOrNull(Option.map(info, (info) => ({
      handle: info.handle,
      createdAt: DateTime.formatIso(info.createdAt),
      lastSeenAt: DateTime.formatIso(info.lastSeenAt),
      expiresAt: DateTime.formatIso(info.expiresAt)
    })))
  })
})

// Committed before it is answered, so that two visits at the same moment are told different numbers.
const postVisit = Effect.gen(function*() {
  const session = yield* NotesSession
  yield* session.update((data) => ({ ...data, visits: data.visits + 1 }))
  yield* session.commit
  const { visits } = yield* session.get
  return json({ visits })
})

const postNote = Effect.gen(function*() {
  const { text } = yield* body(Note, `{"text": a string of 1 to 1000 characters}`)
  const session = yield* NotesSession
  yield* session.update((data) => ({ ...data, notes: [...data.notes, text] }))
  yield* session.commit
  const { notes } = yield* session.get
  return json({ notes })
})

// A demo: whoever says a name is believed.
const postSignIn = Effect.gen(function*() {
  const { username } = yield* body(SignIn, `{"username": a string of 1 to 64 characters}`)
  const session = yield* NotesSession
  yield* session.signIn(username, { carry: (data) => data })
  return json({ user: username })
})

const postSignOut = Effect.gen(function*() {
  const session = yield* NotesSession
  yield* session.signOut
  return HttpServerResponse.empty()
})

// Other sites may not act in a visitor's name. Programs, which say nothing of where they come from, may.
const RefuseOtherSites = HttpLayerRouter.middleware(
  SessionCsrf.protect(NotesSession, { token: false, allowUnknown: true })
)

const SessionRoutes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/api/session", getSession),
  HttpLayerRouter.route("POST", "/api/visits", postVisit),
  HttpLayerRouter.route("POST", "/api/notes", postNote),
  HttpLayerRouter.route("POST", "/api/sign-in", postSignIn),
  HttpLayerRouter.route("POST", "/api/sign-out", postSignOut)
]).pipe(Layer.provide(RefuseOtherSites.combine(SessionMiddleware.layerRouter(NotesSession)).layer))

const PlainRoutes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/", HttpServerResponse.html(page)),
  HttpLayerRouter.route("GET", "/healthz", Effect.succeed(json({ ok: true })))
])

export const Routes = Layer.mergeAll(SessionRoutes, PlainRoutes)
