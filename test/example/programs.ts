import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "node:child_process"
import * as Http from "node:http"
import * as Path from "node:path"
import { assert, onTestFinished } from "vitest"

export const root = Path.resolve(import.meta.dirname, "../..")

/** A program of the examples in a process of its own, with nothing of this one's environment but its path. */
export const start = (
  program: string,
  settings: Readonly<Record<string, string>> = {},
  args: ReadonlyArray<string> = []
) => startOn(process.execPath, ["--import", "tsx", `examples/${program}`, ...args], settings)

/** The same on any runtime, in any folder. */
export const startOn = (
  runtime: string,
  args: ReadonlyArray<string>,
  settings: Readonly<Record<string, string>> = {},
  cwd = root
) => {
  const child = ChildProcess.spawn(runtime, args, {
    cwd,
    env: { PATH: process.env["PATH"], PORT: "0", ...settings }
  })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  let said = ""
  const ended = new Promise<{ readonly code: number | null; readonly said: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, said }))
  })
  const address = new Promise<string>((resolve, reject) => {
    const hear = (text: string) => {
      said += text
      const port = /Listening on \S+:(\d+)\b/.exec(said)?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    }
    child.stdout.setEncoding("utf8").on("data", hear)
    child.stderr.setEncoding("utf8").on("data", hear)
    void ended.then(({ said }) => reject(new Error(said)))
  })
  address.catch(() => {})
  return { address, ended, stop: () => child.kill("SIGTERM") }
}

const ServerLive = NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" })

type Provided = typeof ServerLive extends Layer.Layer<infer A, infer _E> ? A : never

/** An app on a free port in this process, as long as the scope is open; tells its address. */
export const serveHere = <A, E>(app: Layer.Layer<A, E, Provided>) =>
  Effect.gen(function*() {
    const { address } = Context.get(yield* Layer.build(Layer.provideMerge(app, ServerLive)), HttpServer.HttpServer)
    return `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : 0}`
  })

/** A client with a cookie. */
export const makeClient = (address: string) => {
  let cookie = ""
  const send = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: { cookie, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    for (const header of response.headers.getSetCookie()) cookie = header.split(";")[0] ?? ""
    const text = await response.text()
    const answer: unknown = text.startsWith("{") || text.startsWith("[") || text.startsWith("\"") || text === "true"
      ? JSON.parse(text)
      : text
    return { status: response.status, body: answer, setCookies: response.headers.getSetCookie() }
  }
  return {
    get: (path: string) => send("GET", path),
    post: (path: string, body?: unknown) => send("POST", path, body)
  }
}

/** What was expected, or what came instead. */
export const answers = (actual: { readonly status: number; readonly body: unknown }, body: unknown): void =>
  assert.deepStrictEqual([actual.status, actual.body], [200, body])
