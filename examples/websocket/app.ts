/**
 * A chat of one: a WebSocket that says what it hears, and closes by itself when its session ends, whether the user signed
 * out in another tab, was signed out from another device, or left it alone for too long.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import { Session, SessionCookie, SessionGuard, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export class ChatSession extends Session.Tag<ChatSession>()("ChatSession", {
  data: Schema.Struct({}),
  initial: {}
}) {}

const required = SessionGuard.required(ChatSession, (user) => Effect.succeed(Option.some(user)))

/** The code of a close that tells the page why: those from 4000 on are an app's own. */
export const sessionEnded = new Socket.CloseEvent(4401, "The session has ended")

/** Any page may open a WebSocket to any server, and the browser sends the cookie along: only pages of this host may. */
const isForeign = ({ host, origin }: HttpServerRequest.HttpServerRequest["headers"]): boolean =>
  origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)

const chat = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (isForeign(request.headers)) return HttpServerResponse.empty({ status: 403 })
  const user = yield* required
  const session = yield* ChatSession
  const socket = yield* request.upgrade
  const write = yield* socket.writer
  // An open socket is no activity of its user. What they say is.
  const answer = (message: string | Uint8Array) =>
    Effect.zipRight(
      Effect.zipRight(session.touch, session.commit),
      write(`${user}: ${typeof message === "string" ? message : `${message.length} bytes`}`)
    )
  const heard = socket.runRaw(answer)
  const ended = Effect.zipRight(session.ended, write(sessionEnded))
  // Nobody is left to tell if the connection breaks.
  yield* Effect.ignore(Effect.raceFirst(heard, ended))
  return HttpServerResponse.empty()
})

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Chat: an effect-sessions example</title>
<button id="in">Sign in</button> <button id="out">Sign out everywhere</button>
<form><label>Say <input></label></form><pre role="log"></pre>
<script>
  const say = (text) => document.querySelector("pre").append(text + "\\n")
  let socket
  const open = () => {
    socket = new WebSocket("ws" + location.origin.slice(4) + "/socket")
    socket.onopen = () => say("Connected.")
    socket.onmessage = ({ data }) => say(data)
    socket.onclose = ({ code, reason }) => say(code === ${sessionEnded.code} ? reason + "." : "Disconnected.")
  }
  document.querySelector("#in").onclick = () => fetch("/sign-in", { method: "POST" }).then(open)
  document.querySelector("#out").onclick = () => fetch("/sign-out-everywhere", { method: "POST" })
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault()
    socket?.send(document.querySelector("input").value)
  }
</script></html>`

const Routes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/socket", chat),
  HttpLayerRouter.route(
    "POST",
    "/sign-in",
    Effect.gen(function*() {
      const session = yield* ChatSession
      yield* session.signIn("ann")
      return HttpServerResponse.empty()
    })
  ),
  HttpLayerRouter.route(
    "POST",
    "/sign-out-everywhere",
    Effect.gen(function*() {
      const sessions = yield* ChatSession.sessions
      yield* sessions.destroyByUser(yield* required)
      return HttpServerResponse.empty()
    })
  ),
  HttpLayerRouter.route("GET", "/", Effect.succeed(HttpServerResponse.html(page)))
]).pipe(Layer.provide(SessionMiddleware.layerRouter(ChatSession).layer))

/** The whole app but for its server. */
export const App = HttpLayerRouter.serve(Routes, { disableLogger: true }).pipe(
  Layer.provide(Layer.provide(Sessions.layerMemory(ChatSession), SessionTimeouts.layer({ idle: "15 minutes" }))),
  // Plain http, for a try on this machine.
  Layer.provide(SessionCookie.layer({ insecure: true }))
)
