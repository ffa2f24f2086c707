import { connect, type Socket } from "node:net"
import { type Response, ResponseParser } from "./response-parser.js"

/** One keep-alive connection with one outstanding request. */
export class Connection {
  private readonly parser = new ResponseParser()
  private received: (response: Response) => void = () => {}
  private failed: (error: Error) => void = () => {}

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true)
    socket.on("data", (chunk) => {
      const response = this.parser.push(chunk)
      if (response !== undefined) this.received(response)
    })
    socket.on("error", (error) => this.failed(error))
    socket.on("close", () => this.failed(new Error("the server closed the connection")))
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" })
      socket.once("error", reject)
      socket.once("connect", () => {
        socket.removeListener("error", reject)
        resolve(new Connection(socket))
      })
    })
  }

  /** Who is told of every response and of a failure from now on. */
  listen(received: (response: Response) => void, failed: (error: Error) => void): void {
    this.received = received
    this.failed = failed
  }

  send(request: string): void {
    this.socket.write(request, "latin1")
  }

  /** One request, outside any measurement. */
  request(request: string): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.listen(resolve, reject)
      this.send(request)
    })
  }

  close(): void {
    this.listen(() => {}, () => {})
    this.socket.destroy()
  }
}

export const formatRequest = (method: string, path: string, cookie: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n` +
  (cookie === "" ? "" : `Cookie: ${cookie}\r\n`) +
  (method === "POST" ? "Content-Length: 0\r\n\r\n" : "\r\n")
