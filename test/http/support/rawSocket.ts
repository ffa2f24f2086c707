import * as Effect from "effect/Effect"
import * as Net from "node:net"
import type { Answer } from "../../support/app.js"

/** A request, to the letter: what a client library would refuse to send is sent. Characters are bytes. */
export interface RawRequest {
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly headers?: ReadonlyArray<string> | undefined
  readonly body?: string | undefined
}

/** Text as the bytes that a browser sends for it, one character each. */
export const utf8 = (text: string): string => Buffer.from(text).toString("latin1")

const textOf = (request: RawRequest): string =>
  [
    `${request.method ?? "GET"} ${request.path ?? "/"} HTTP/1.1`,
    "Host: app.test",
    "Connection: close",
    ...(request.body === undefined ? [] : [`Content-Length: ${request.body.length}`]),
    ...(request.headers ?? []),
    "",
    request.body ?? ""
  ].join("\r\n")

const unchunk = (body: string): string => {
  const lineEnd = body.indexOf("\r\n")
  const length = Number.parseInt(body.slice(0, lineEnd), 16)
  return lineEnd === -1 || !(length > 0)
    ? ""
    : body.slice(lineEnd + 2, lineEnd + 2 + length) + unchunk(body.slice(lineEnd + 2 + length + 2))
}

/** Reads an HTTP/1.1 response that ends with its connection. */
export const toAnswer = (text: string): Answer => {
  const end = text.indexOf("\r\n\r\n")
  const [statusLine = "", ...lines] = text.slice(0, end === -1 ? text.length : end).split("\r\n")
  const pairs = lines.map((line): [string, string] => {
    const colon = line.indexOf(":")
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const headers = new Headers(pairs.filter(([name]) => name !== ""))
  const sent = end === -1 ? "" : text.slice(end + 4)
  const body = headers.get("transfer-encoding") === "chunked" ? unchunk(sent) : sent
  const isJson = (headers.get("content-type")?.includes("json") ?? false) && body !== ""
  return {
    status: Number(statusLine.split(" ")[1]),
    headers,
    setCookies: pairs.filter(([name]) => name === "set-cookie").map(([, value]) => value),
    body: isJson ? JSON.parse(Buffer.from(body, "latin1").toString()) : Buffer.from(body, "latin1").toString()
  }
}

/** Sends bytes over a connection of their own, and reads until the server closes it. */
export const exchange = (port: number, text: string): Effect.Effect<string> =>
  Effect.async((resume) => {
    const chunks: Array<Buffer> = []
    const socket = Net.connect(port, "127.0.0.1", () => socket.write(text, "latin1"))
    const finish = () => resume(Effect.succeed(Buffer.concat(chunks).toString("latin1")))
    socket.on("data", (chunk) => chunks.push(chunk))
    socket.on("end", finish)
    // A server that refuses a request may hang up while the rest of it is still on its way.
    socket.on("error", finish)
    return Effect.sync(() => socket.destroy())
  })

/** One request over a connection of its own. */
export const rawRequest = (port: number, request: RawRequest): Effect.Effect<Answer> =>
  Effect.map(exchange(port, textOf(request)), toAnswer)

/** Opens a WebSocket, and returns the first message of the server, or its answer if it refuses. */
export const openSocket = (
  port: number,
  headers: ReadonlyArray<string>,
  path = "/"
): Effect.Effect<{ readonly status: number; readonly headers: string; readonly message: string }> =>
  Effect.async((resume) => {
    let received = Buffer.alloc(0)
    const socket = Net.connect(port, "127.0.0.1", () =>
      socket.write([
        `GET ${path} HTTP/1.1`,
        "Host: app.test",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ...headers,
        "",
        ""
      ].join("\r\n")))
    const finish = () => {
      const text = received.toString("latin1")
      const end = text.indexOf("\r\n\r\n")
      // A frame of text: one byte for its kind, one for its length.
      resume(Effect.succeed({
        status: Number(text.split(" ")[1]),
        headers: text.slice(0, end),
        message: received.subarray(end + 6).toString()
      }))
      socket.destroy()
    }
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk])
      const end = received.indexOf("\r\n\r\n")
      const refused = !received.toString("latin1").startsWith("HTTP/1.1 101")
      if (
        !refused && end !== -1 && received.length >= end + 6 && received.length >= end + 6 + (received[end + 5] ?? 0)
      ) {
        finish()
      }
    })
    socket.on("end", finish)
    socket.on("error", finish)
    return Effect.sync(() => socket.destroy())
  })
