import * as Http from "node:http"
import { makeSignals } from "./signals.js"

/** What the app answered, before the browser has it. */
export interface Held {
  readonly status: number
  readonly setCookies: ReadonlyArray<string>
}

/**
 * What stands between a browser and the app: it sends each request to today's deployment, and keeps the answers of slow
 * ones until the test lets them through.
 */
export interface Proxy {
  readonly port: number
  readonly sendTo: (port: number) => void
  /** The app has answered the request. */
  readonly answered: (request: string) => Promise<Held>
  /** The browser has given the request up. */
  readonly left: (request: string) => Promise<unknown>
  readonly deliver: (request: string) => void
  readonly close: () => void
}

const slowPath = /^\/api\/slow\/([^/]+)\/[^/]+\/(?!now)/

export const startProxy = async (): Promise<Proxy> => {
  let target = 0
  const answered = makeSignals<Held>("the answer to")
  const left = makeSignals<true>("the end of")
  const deliveries = new Map<string, () => void>()

  const server = Http.createServer((request, response) => {
    const name = slowPath.exec(request.url ?? "")?.[1]
    const forwarded = Http.request(
      { port: target, method: request.method, path: request.url, headers: request.headers, agent },
      (answer) => {
        const chunks: Array<Buffer> = []
        answer.on("data", (chunk: Buffer) => chunks.push(chunk))
        answer.on("end", () => {
          const deliver = () => {
            response.writeHead(answer.statusCode ?? 500, answer.headers)
            response.end(Buffer.concat(chunks))
          }
          if (name === undefined) return deliver()
          deliveries.set(name, deliver)
          answered.happened(name, { status: answer.statusCode ?? 0, setCookies: answer.headers["set-cookie"] ?? [] })
        })
      }
    )
    forwarded.on("error", () => response.destroy())
    response.on("close", () => {
      if (response.writableFinished) return
      forwarded.destroy()
      if (name !== undefined) left.happened(name, true)
    })
    request.pipe(forwarded)
  })
  const agent = new Http.Agent({ keepAlive: true })
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    sendTo: (port) => {
      target = port
    },
    answered: answered.until,
    left: left.until,
    deliver: (request) => {
      deliveries.get(request)?.()
      deliveries.delete(request)
    },
    close: () => {
      server.close()
      server.closeAllConnections()
      agent.destroy()
    }
  }
}
