/** Starts the notes server as a user would, drives it over HTTP with a cookie jar, restarts it, and stops it. */
import { type ChildProcess, spawn } from "node:child_process"
import * as FileSystem from "node:fs"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"

const directory = FileSystem.mkdtempSync(Path.join(OperatingSystem.tmpdir(), "notes-server-"))
const environment = {
  ...process.env,
  PORT: "0",
  DATABASE_URL: `file:${Path.join(directory, "notes.sqlite")}`,
  SESSION_SECRETS: "0ne-key-to-sign-them-all-and-in-the-jar-bind-them,an0ther-key-that-still-verifies-what-was-signed"
}

let passed = 0
let failed = 0

const check = (what: string, actual: unknown, expected: unknown): void => {
  const same = JSON.stringify(actual) === JSON.stringify(expected)
  if (same) passed++
  else failed++
  console.log(
    same ? `ok      ${what}` : `NOT OK  ${what}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`
  )
}

const start = (): Promise<{ readonly address: string; readonly server: ChildProcess }> =>
  new Promise((resolve, reject) => {
    const server = spawn("npm", ["start", "--silent"], { env: environment, stdio: ["ignore", "pipe", "inherit"] })
    const timer = setTimeout(() => reject(new Error("the notes server did not start")), 60_000)
    let output = ""
    server.stdout.on("data", (chunk) => {
      output += String(chunk)
      const address = /http:\/\/localhost:\d+/.exec(output.split("\n")[0] ?? "")?.[0]
      if (address === undefined) return
      clearTimeout(timer)
      resolve({ address, server })
    })
    server.once("exit", (code) => reject(new Error(`the notes server exited with ${code}`)))
  })

const stop = (server: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    server.removeAllListeners("exit")
    server.once("exit", resolve)
    server.kill("SIGTERM")
  })

/** Whatever the JSON interface answers. */
interface Body {
  readonly user: string | null
  readonly visits: number
  readonly notes: ReadonlyArray<string>
  readonly session: { readonly createdAt: string; readonly expiresAt: string }
}

/** A browser with one cookie. */
const makeVisitor = (address: string, cookie = "") => {
  const visitor = {
    cookie,
    async send(
      method: string,
      path: string,
      body?: unknown
    ): Promise<{ readonly status: number; readonly body: Body }> {
      const response = await fetch(`${address}${path}`, {
        method,
        headers: { "content-type": "application/json", ...(visitor.cookie === "" ? {} : { cookie: visitor.cookie }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      for (const header of response.headers.getSetCookie()) {
        const [pair = ""] = header.split(";")
        visitor.cookie = header.includes("Max-Age=0") ? "" : pair
      }
      const text = await response.text()
      return { status: response.status, body: text === "" ? undefined : text.startsWith("{") ? JSON.parse(text) : text }
    }
  }
  return visitor
}

const drive = async () => {
  const first = await start()
  const visitor = makeVisitor(first.address)
  check("health", await visitor.send("GET", "/healthz"), { status: 200, body: { ok: true } })
  check("the page", (await visitor.send("GET", "/")).status, 200)
  const empty = { user: null, visits: 0, notes: [], session: null }
  check("a new visitor", await visitor.send("GET", "/api/session"), { status: 200, body: empty })
  check("has no cookie", visitor.cookie, "")
  check("a visit", await visitor.send("POST", "/api/visits"), { status: 200, body: { visits: 1 } })
  check("another", await visitor.send("POST", "/api/visits"), { status: 200, body: { visits: 2 } })
  check("a note", await visitor.send("POST", "/api/notes", { text: "one" }), { status: 200, body: { notes: ["one"] } })
  check("no note", (await visitor.send("POST", "/api/notes", { text: 1 })).status, 400)
  check("no name", (await visitor.send("POST", "/api/sign-in", { username: "" })).status, 400)
  const before = visitor.cookie
  check("sign in", await visitor.send("POST", "/api/sign-in", { username: "ann" }), {
    status: 200,
    body: { user: "ann" }
  })
  check("a new id", visitor.cookie !== "" && visitor.cookie !== before, true)
  check("the old id is dead", (await makeVisitor(first.address, before).send("GET", "/api/session")).body, empty)
  const forged = visitor.cookie.slice(0, -1) + (visitor.cookie.endsWith("A") ? "B" : "A")
  check("a forged one is nobody", (await makeVisitor(first.address, forged).send("GET", "/api/session")).body, empty)
  const parallel = await Promise.all(Array.from({ length: 20 }, () => visitor.send("POST", "/api/visits")))
  check(
    "twenty visits at once, all counted",
    parallel.map(({ body }) => body.visits).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, index) => index + 3)
  )
  check("the server stops", await stop(first.server), 0)

  const second = await start()
  const returning = makeVisitor(second.address, visitor.cookie)
  const { body } = await returning.send("GET", "/api/session")
  check("the session is there after a restart", [body.user, body.visits, body.notes], ["ann", 22, ["one"]])
  check(
    "with its times",
    [body.session.createdAt, body.session.expiresAt].every((time) => !Number.isNaN(Date.parse(time))),
    true
  )
  const last = returning.cookie
  check("sign out", await returning.send("POST", "/api/sign-out"), { status: 204, body: undefined })
  check("the cookie is cleared", returning.cookie, "")
  check("and the id dead", (await makeVisitor(second.address, last).send("GET", "/api/session")).body, empty)
  check("the server stops again", await stop(second.server), 0)
}

try {
  await drive()
} catch (error) {
  failed++
  console.log(`NOT OK  ${String(error)}`)
} finally {
  FileSystem.rmSync(directory, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
