import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import { State } from "./session.js"

/** The connection broke before an answer came. */
export class Broken extends Data.TaggedError("Broken")<{ readonly code: string }> {}

/** What a server answered. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** The cookie it set. */
  readonly cookie: string | undefined
}

const cookieIn = (headers: Http.IncomingHttpHeaders): string | undefined => {
  const [pair] = headers["set-cookie"]?.[0]?.split(";") ?? []
  return pair === undefined || pair.endsWith("=") ? undefined : pair
}

/** Keeps connections open, as browsers and proxies do. */
const agent = new Http.Agent({ keepAlive: true, maxSockets: 256 })

const reads = ["/read", "/handle", "/ended", "/look", "/fresh"]

const methodOf = (path: string): string => reads.includes(path.replace(/\?.*/, "")) ? "GET" : "POST"

/** Sends a request with the cookie of a session. */
export const send = (port: number, path: string, cookie?: string): Effect.Effect<Answer, Broken> =>
  Effect.async((resume) => {
    const broken = (error: NodeJS.ErrnoException) => resume(new Broken({ code: error.code ?? error.message }))
    const request = Http.request(
      { agent, port, path, host: "127.0.0.1", method: methodOf(path), headers: cookie === undefined ? {} : { cookie } },
      (response) => {
        let body = ""
        response.setEncoding("utf8")
        response.on("data", (chunk) => body += String(chunk))
        response.on("error", broken)
        response.on(
          "end",
          () => resume(Effect.succeed({ status: response.statusCode ?? 0, body, cookie: cookieIn(response.headers) }))
        )
      }
    )
    request.on("error", broken)
    request.end()
  })

/** Signs a user in and returns the cookie. */
export const signIn = (port: number, user: string): Effect.Effect<string, Broken> =>
  Effect.flatMap(
    send(port, `/sign-in?user=${user}`),
    ({ cookie, status }) =>
      cookie === undefined ? Effect.dieMessage(`a sign-in answered ${status} without a cookie`) : Effect.succeed(cookie)
  )

/** What a session holds. Undefined if the cookie opens none. */
export const read = (port: number, cookie: string): Effect.Effect<typeof State.Type | undefined, Broken> =>
  Effect.flatMap(send(port, "/read", cookie), ({ body, status }) => {
    if (status === 401) return Effect.succeed(undefined)
    return status === 200
      ? Effect.orDie(Schema.decode(State)(body))
      : Effect.dieMessage(`a read answered ${status}`)
  })
