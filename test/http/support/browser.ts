import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Path from "node:path"
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core"

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium"

/** Why the browser cannot be started, if it cannot. */
export const browserMissing = (): string | undefined =>
  Fs.existsSync(executablePath) ? undefined : `no Chromium at ${executablePath}; CHROMIUM_PATH names another`

/** A browser with an empty profile that talks to nobody but us. */
export const launchBrowser = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      executablePath,
      headless: true,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    })
  ),
  (browser: Browser) => Effect.promise(() => browser.close())
)

/** A profile of its own. Nothing is proven by being fast: the limit is for what hangs. */
export const newContext = async (browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> => {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(300_000)
  return context
}

const root = Path.resolve(import.meta.dirname, "../../..")

/** A browser and a server for many tests, each with a profile of its own. */
export class Visited extends Context.Tag("test/Visited")<
  Visited,
  { readonly browser: Browser; readonly url: string }
>() {
  static readonly live = Layer.scoped(
    Visited,
    Effect.suspend(() => Effect.all({ browser: launchBrowser, url: notesServer }))
  )
}

/** The notes server in a process of its own, with its cookie as in production; tells its address. */
export const notesServer = Effect.map(
  Effect.acquireRelease(
    Effect.async<{ readonly process: ChildProcess.ChildProcess; readonly url: string }>((resume) => {
      const server = ChildProcess.spawn(
        process.execPath,
        ["--import", "tsx", "examples/notes-server/main.ts"],
        { cwd: root, env: { PATH: process.env["PATH"], PORT: "0", DATABASE_URL: "memory:" } }
      )
      let said = ""
      const listen = (chunk: Buffer) => {
        said += chunk.toString()
        const url = /http:\/\/localhost:\d+/.exec(said)?.[0]
        if (url !== undefined) resume(Effect.succeed({ process: server, url }))
      }
      server.stdout.on("data", listen)
      server.stderr.on("data", listen)
      server.on("exit", (code) => resume(Effect.dieMessage(`The notes server ended with ${code}: ${said}`)))
    }),
    ({ process }) => Effect.sync(() => process.kill("SIGKILL"))
  ),
  ({ url }) => url
)

/** A page of somebody else, on a port of its own. */
export const foreignServer = (html: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Http.Server>((resume) => {
        const server = Http.createServer((_request, response) => {
          response.setHeader("content-type", "text/html")
          response.end(html)
        })
        server.listen(0, () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.async<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    ),
    (server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    }
  )
