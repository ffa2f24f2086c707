import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { eventually } from "../../sql/support/processes.js"

/**
 * A plain balancer: requests go to the nodes in turn, whoever sends them. It asks each node again and again whether it is
 * ready. It repeats nothing: only where a node does not accept a connection, so that nothing was said, the request goes to
 * the next one.
 */
export interface Balancer {
  readonly port: number
  /** Adds a node, and waits until it has its turn. */
  readonly add: (port: number) => Effect.Effect<void>
  readonly remove: (port: number) => Effect.Effect<void>
  /** The nodes that have answered, in the order of their answers. */
  readonly answered: () => ReadonlyArray<number>
}

const pollMillis = 50

interface Node {
  readonly port: number
  isReady: boolean
}

/** What belongs to one connection, and is not passed on. */
const ofConnection = ["connection", "keep-alive", "transfer-encoding"]

const passedOn = (headers: Http.IncomingHttpHeaders): Http.OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ofConnection.includes(name)))

/** Starts a balancer, which ends with the scope. */
export const startBalancer: Effect.Effect<Balancer, never, Scope.Scope> = Effect.gen(function*() {
  const agent = new Http.Agent({ keepAlive: true })
  const nodes: Array<Node> = []
  const answered: Array<number> = []
  let turn = 0

  const forward = (request: Http.IncomingMessage, response: Http.ServerResponse, refusals: number): void => {
    const ready = nodes.filter(({ isReady }) => isReady)
    const node = ready[turn++ % ready.length]
    if (node === undefined || refusals > nodes.length) {
      response.writeHead(503).end("no node is ready")
      return
    }
    const { headers, method, url: path } = request
    const { port } = node
    const onward = Http.request({ agent, host: "127.0.0.1", port, method, path, headers: passedOn(headers) })
    onward.on("response", (answer) => {
      answered.push(port)
      response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers))
      answer.pipe(response)
      answer.on("error", () => response.destroy())
    })
    onward.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") {
        node.isReady = false
        forward(request, response, refusals + 1)
      } else if (response.headersSent) response.destroy()
      else response.writeHead(502).end(error.code ?? error.message)
    })
    // The requests of the tests have no bodies.
    onward.end()
  }

  /** Asks a node, one question at a time, until it is taken out. */
  const watch = (node: Node): void => {
    const note = (isReady: boolean) => {
      node.isReady = isReady
      if (nodes.includes(node) && server.listening) setTimeout(() => watch(node), pollMillis)
    }
    const question = Http.get({ host: "127.0.0.1", port: node.port, path: "/ready", agent }, (answer) => {
      note(answer.statusCode === 200)
      answer.resume()
    })
    question.on("error", () => note(false))
  }

  const server = Http.createServer({ keepAliveTimeout: 600_000 }, (request, response) => forward(request, response, 0))
  const port = yield* Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () =>
      Effect.async<void>((resume) => {
        agent.destroy()
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

  return {
    port,
    add: (port) =>
      Effect.suspend(() => {
        const node = { port, isReady: false }
        nodes.push(node)
        watch(node)
        return Effect.asVoid(
          eventually("a node is ready", Effect.sync(() => node.isReady ? true : undefined))
        )
      }),
    remove: (port) =>
      Effect.sync(() => {
        const index = nodes.findIndex((node) => node.port === port)
        if (index >= 0) nodes.splice(index, 1)
      }),
    answered: () => answered
  }
})
