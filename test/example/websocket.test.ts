import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, describe, scoped } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Http from "node:http"
import { App } from "../../examples/websocket/app.js"
import { makeClient } from "./process.js"

/** What a server says over a WebSocket: short messages, and the code it closes with. */
const openSocket = (address: string, headers: Record<string, string>) =>
  new Promise<
    { readonly status: number; readonly send: (text: string) => Promise<string | number>; readonly hangUp: () => void }
  >(
    (resolve, reject) => {
      const request = Http.get(`${address}/socket`, {
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
          ...headers
        }
      })
      request.on("error", reject)
      request.on("response", (response) => {
        response.resume()
        resolve({ status: response.statusCode ?? 0, send: () => Promise.resolve(""), hangUp: () => {} })
      })
      request.on("upgrade", (_response, socket, head) => {
        const said: Array<string | number> = []
        const waiting: Array<(said: string | number) => void> = []
        let rest = head
        const read = (chunk: Buffer) => {
          rest = Buffer.concat([rest, chunk])
          while (rest.length >= 2 && rest.length >= 2 + rest.readUInt8(1)) {
            const frame = rest.subarray(2, 2 + rest.readUInt8(1))
            const isClose = (rest.readUInt8(0) & 15) === 8
            said.push(!isClose ? frame.toString() : frame.length < 2 ? 1005 : frame.readUInt16BE(0))
            if (isClose) socket.destroy()
            rest = rest.subarray(2 + frame.length)
          }
          while (said.length > 0 && waiting.length > 0) waiting.shift()?.(said.shift() ?? "")
        }
        socket.on("data", read)
        socket.on("error", () => {})
        read(Buffer.alloc(0))
        resolve({
          status: 101,
          hangUp: () => socket.destroy(),
          // A mask of zeros changes nothing. An empty text is not sent, only what comes next is waited for.
          send: (text) =>
            new Promise((heard) => {
              waiting.push(heard)
              const payload = Buffer.from(text)
              if (text !== "") {
                socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]))
              }
              read(Buffer.alloc(0))
            })
        })
      })
    }
  )

const use = (f: (address: string) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Layer.provideMerge(App, NodeHttpServer.layer(() => Http.createServer(), { port: 0, host: "127.0.0.1" }))
    )
    const { address } = Context.get(context, HttpServer.HttpServer)
    yield* f(`http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : 0}`)
  })

const signedIn = (address: string) =>
  Effect.promise(async () => {
    const client = makeClient(address)
    await client.send("/sign-in", {})
    return client
  })

describe("the WebSocket example", () => {
  scoped(
    "closes with a code of its own when the user is signed out from another device",
    () =>
      use((address) =>
        Effect.gen(function*() {
          const client = yield* signedIn(address)
          const other = yield* signedIn(address)
          yield* Effect.promise(async () => {
            const socket = await openSocket(address, { cookie: client.cookie })
            assert.strictEqual(await socket.send("hello"), "ann: hello")
            const closed = socket.send("")
            await other.send("/sign-out-everywhere", {})
            assert.strictEqual(await closed, 4401)
          })
        })
      )
  )

  scoped(
    "lives as long as somebody talks, and closes when the session has expired",
    () =>
      use((address) =>
        Effect.gen(function*() {
          const client = yield* signedIn(address)
          const socket = yield* Effect.promise(() => openSocket(address, { cookie: client.cookie }))
          for (let said = 0; said < 3; said++) {
            yield* TestClock.adjust("10 minutes")
            assert.strictEqual(yield* Effect.promise(() => socket.send("still here")), "ann: still here")
          }
          const closed = socket.send("")
          yield* TestClock.adjust("16 minutes")
          assert.strictEqual(yield* Effect.promise(() => closed), 4401)
        })
      )
  )

  scoped("opens for nobody who is signed out, and for no other site", () =>
    use((address) =>
      Effect.gen(function*() {
        const { cookie } = yield* signedIn(address)
        const statuses = yield* Effect.promise(() =>
          Promise.all(
            [{}, { cookie, origin: "https://elsewhere.example" }, { cookie, origin: "null" }, {
              cookie,
              origin: address
            }]
              .map((headers) =>
                openSocket(address, headers).then(({ hangUp, status }) => {
                  hangUp()
                  return status
                })
              )
          )
        )
        assert.deepStrictEqual(statuses, [401, 403, 403, 101])
      })
    ))
})
