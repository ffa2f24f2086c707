import { assert, effect } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Http from "node:http"
import * as Net from "node:net"
import { describe, onTestFinished, test } from "vitest"
import { Main } from "../../examples/notes-server/app.js"
import { explain } from "../../examples/notes-server/problems.js"
import { createServer } from "../../examples/notes-server/server.js"
import { accepts, addressOf, connect, makeClient, newFile, portOf, run } from "./process.js"

const listen = (server: Net.Server): Promise<number> =>
  new Promise((resolve) => {
    onTestFinished(() => {
      server.close()
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    })
  })

describe("starting", () => {
  test("H3: the server listens when it can answer: not before its database does", async () => {
    let reached = () => {}
    const asked = new Promise<void>((resolve) => {
      reached = resolve
    })
    const silent = Net.createServer((socket) => {
      socket.on("error", () => {})
      socket.once("data", reached)
      hangUp = () => socket.destroy()
    })
    let hangUp = () => {}
    const database = await listen(silent)
    const free = Net.createServer()
    const port = await listen(free)
    await new Promise((resolve) => free.close(resolve))

    const server = run({ PORT: String(port), DATABASE_URL: `postgres://ann:a-secret@127.0.0.1:${database}/notes` })
    await asked
    assert.isFalse(await accepts(port), "nobody listens yet, so nobody waits for an answer")
    hangUp()
    const { code, out, problems } = await server.ended
    assert.deepStrictEqual([code, out], [1, ""])
    assert.match(problems, /^Notes server: the database of DATABASE_URL cannot be used.*\n$/)
    assert.notInclude(problems, "a-secret")
  })

  test("H3: a request that arrives while nobody handles it is answered", async () => {
    const server = createServer()
    const port = await listen(server)
    const early = await fetch(`http://127.0.0.1:${port}/`)
    assert.deepStrictEqual([early.status, early.headers.get("connection")], [503, "close"])
    server.on("request", (_request: Http.IncomingMessage, response: Http.ServerResponse) => response.end("here"))
    assert.strictEqual(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "here")
  })

  test("H6: a busy port is one line and exit code 1", async () => {
    const port = await listen(Net.createServer())
    const { code, out, problems } = await run({ PORT: String(port) }).ended
    assert.deepStrictEqual([code, out], [1, ""])
    assert.match(problems, /^Notes server: its port is in use\. [^\n]+\n$/)
  })

  const problems: ReadonlyArray<readonly [settings: Record<string, string>, says: RegExp]> = [
    [{ PORT: "http" }, /^Notes server: .*PORT/],
    [{ PORT: "65536" }, /^Notes server: .*PORT/],
    [{ DATABASE_URL: "oracle://ann:a-secret@here" }, /^Notes server: .*DATABASE_URL/],
    [{ DATABASE_URL: "postgres://ann:a-secret@127.0.0.1:1/notes" }, /^Notes server: .*DATABASE_URL.*ECONNREFUSED/],
    [{ DATABASE_URL: "mysql://ann:a-secret@127.0.0.1:1/notes" }, /^Notes server: .*DATABASE_URL.*ECONNREFUSED/],
    [{ DATABASE_URL: "file:/nonexistent/notes.sqlite" }, /^Notes server: .*DATABASE_URL/],
    [{ DATABASE_URL: "redis://:a-secret@127.0.0.1:1" }, /^Notes server: .*DATABASE_URL.*SESSIONS_URL/],
    [{ SESSIONS_URL: "https://:a-secret@127.0.0.1:1" }, /^Notes server: .*SESSIONS_URL.*rediss:/],
    [{ SESSIONS_URL: "redis://:a-secret@127.0.0.1:1" }, /^Notes server: .*SESSIONS_URL.*ECONNREFUSED/],
    [{ SESSION_SECRETS: "a-secret" }, /^Notes server: .*signingKeys/],
    [{ SESSION_IDLE: "soon" }, /^Notes server: .*SESSION_IDLE/],
    [{ SESSION_IDLE: "60 days" }, /^Notes server: .*idle/]
  ]

  effect.each(problems)(
    "H6: so is any other problem, without a stack or a secret: %s",
    ([settings, says]) =>
      Effect.gen(function*() {
        const said: Array<string> = []
        const console = yield* Effect.console
        yield* Effect.tapErrorCause(Layer.launch(Main), explain).pipe(
          Effect.withConfigProvider(
            ConfigProvider.fromMap(new Map(Object.entries({ PORT: "0", DATABASE_URL: "memory:", ...settings })))
          ),
          Effect.withConsole({ ...console, error: (text) => Effect.sync(() => said.push(String(text))) }),
          Effect.exit
        )
        assert.strictEqual(said.length, 1)
        assert.match(said[0] ?? "", says)
        assert.notMatch(said[0] ?? "", /\n|a-secret/)
      })
  )
})

describe("stopping", () => {
  test("C4: half a body, SIGTERM, the other half: answered, stored, and the process ends", async () => {
    const settings = { DATABASE_URL: newFile() }
    const first = run(settings)
    const address = await addressOf(first)
    const client = makeClient(address)
    await client.send("/api/visits", {})
    const body = JSON.stringify({ text: "written while the server stopped" })
    const connection = connect(portOf(address))
    connection.send(
      `POST /api/notes HTTP/1.1\r\nHost: localhost\r\nCookie: ${client.cookie}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`
    )
    await connection.until(/^HTTP\/1\.1 100 /)
    connection.send(body.slice(0, 10))
    const kept = connect(portOf(address))
    kept.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await kept.until(/\{"ok":true\}/)
    first.stop()
    // What a server that closes does at once is to end the connections that are between two requests.
    await kept.ended
    connection.send(body.slice(10))
    assert.match(await connection.ended, /HTTP\/1\.1 200 OK[^]*\{"notes":\["written while the server stopped"\]\}/)
    assert.deepStrictEqual(await first.ended.then(({ code, problems }) => [code, problems]), [0, ""])

    const returning = makeClient(await addressOf(run(settings)), client.cookie)
    assert.deepStrictEqual((await returning.send("/api/session")).body.notes, ["written while the server stopped"])
  })

  test("H3: neither silent connections nor requests without an end keep the process from ending", async () => {
    const server = run({ STOP_WITHIN: "1 second" })
    const port = portOf(await addressOf(server))
    const silent = connect(port)
    const kept = connect(port)
    kept.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await kept.until(/\{"ok":true\}/)
    const endless = connect(port)
    endless.send("POST /api/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    await endless.until(/^HTTP\/1\.1 100 /)
    server.stop()
    assert.strictEqual((await server.ended).code, 0)
    await Promise.all([silent.ended, kept.ended, endless.ended])
  })
})
