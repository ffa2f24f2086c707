import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { SessionCsrf, SessionDevice, SessionMiddleware } from "effect-sessions"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { notesPage } from "./notesPage.js"
import { NotesSession } from "./NotesSession.js"
import { json, refusal, serve } from "./responses.js"

/** The body, or a 400 that says what is missing. */
const body = <A, I>(schema: Schema.Schema<A, I>, otherwise: string) =>
  Effect.mapError(HttpServerRequest.schemaBodyJson(schema), () => refusal(400, "Invalid", otherwise))

/** Whom a page shows. Programs may leave it out. */
const Believed = Schema.Struct({
  user: Schema.NullOr(Schema.String),
  handle: Schema.NullOr(Schema.String)
})

const Note = Schema.Struct({
  text: Schema.String.pipe(Schema.pattern(/\S/), Schema.maxLength(1000)),
  as: Schema.optional(Believed)
})

const SignIn = Schema.Struct({
  username: Schema.Trim.pipe(Schema.minLength(1), Schema.maxLength(64), Schema.pattern(/^\P{C}*$/u)),
  remember: Schema.optional(Schema.Boolean)
})

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

/**
 * Who writes on a page may have been signed out meanwhile, or be another by now: what they wrote must not end up with
 * somebody else in silence. What changes between this look and the commit, the commit refuses.
 */
const requireBelieved = (believed: typeof Believed.Type) =>
  Effect.gen(function*() {
    const session = yield* NotesSession
    const user = Option.getOrNull(yield* session.user)
    const handle = Option.getOrNull(Option.map(yield* session.info, (info) => info.handle))
    if (user === believed.user && handle === believed.handle) return
    if (handle === null) {
      return yield* Effect.fail(refusal(401, "Ended", "Your session has ended. What you wrote has not been kept."))
    }
    const who = user === null ? "You are a visitor now" : `You are signed in as ${user} now`
    return yield* Effect.fail(refusal(409, "Another", `${who}. What you wrote has not been kept.`))
  })

const postNote = Effect.gen(function*() {
  const { as, text } = yield* body(Note, "A note has 1 to 1,000 characters, and not only spaces.")
  if (as !== undefined) yield* requireBelieved(as)
  const session = yield* NotesSession
  yield* session.update((data) => ({ ...data, notes: [...data.notes, text] }))
  yield* session.commit
  const { notes } = yield* session.get
  return json({ notes })
}).pipe(
  Effect.catchIf(
    (error) => "_tag" in error && error._tag === "SessionDataError" && error.reason === "TooLarge",
    () => Effect.succeed(refusal(413, "Full", "There is no room for another note."))
  )
)

// A demo: whoever says a name is believed.
const postSignIn = Effect.gen(function*() {
  const { remember, username } = yield* body(SignIn, "A name has 1 to 64 characters, and not only spaces.")
  const { label } = SessionDevice.describe(yield* HttpServerRequest.HttpServerRequest)
  const session = yield* NotesSession
  yield* session.signIn(username, { carry: (data) => ({ ...data, label }), remember })
  return json({ user: username })
})

const postSignOut = Effect.gen(function*() {
  const session = yield* NotesSession
  yield* session.signOut
  return HttpServerResponse.empty()
})

const Protected = SessionCsrf.layerRouter(NotesSession).combine(SessionMiddleware.layerRouter(NotesSession))

const SessionRoutes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/api/session", getSession),
  HttpLayerRouter.route("POST", "/api/visits", postVisit),
  HttpLayerRouter.route("POST", "/api/notes", postNote),
  HttpLayerRouter.route("POST", "/api/sign-in", postSignIn),
  HttpLayerRouter.route("POST", "/api/sign-out", postSignOut)
]).pipe(Layer.provide(Protected.layer))

const PlainRoutes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/", Effect.succeed(serve(notesPage))),
  HttpLayerRouter.route("GET", "/healthz", Effect.succeed(json({ ok: true })))
])

export const Routes = Layer.mergeAll(SessionRoutes, PlainRoutes)
