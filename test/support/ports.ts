import * as Net from "node:net"

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = Net.createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

/**
 * A port that nobody listens on, nor on the one that is 10,000 higher, which a node of a Redis Cluster takes as well. It is not
 * one of those that systems mostly give to outgoing connections: a server that is away for a while would find its own taken,
 * perhaps by a client that tries to reach it and reaches itself.
 */
export const freePort = async (): Promise<number> => {
  const port = 10_000 + Math.floor(Math.random() * 12_000)
  return await isFree(port) && await isFree(port + 10_000) ? port : freePort()
}
