import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

/** A way to a server on which what it answers can get lost. */
export interface DeafProxy {
  readonly url: string
  /** From now on commands arrive and no answer comes back. */
  readonly loseAnswers: Effect.Effect<void>
  /** Breaks the connections. New ones work. */
  readonly reset: Effect.Effect<void>
}

export const deafProxyFor = (port: number): Effect.Effect<DeafProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    let isDeaf = false
    const server = Net.createServer((socket) => {
      const upstream = Net.connect(port, "127.0.0.1")
      socket.on("data", (chunk) => upstream.write(chunk))
      upstream.on("data", (chunk) => {
        if (!isDeaf) socket.write(chunk)
      })
      for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
        sockets.add(one)
        one.on("error", () => other.destroy())
        one.on("close", () => {
          sockets.delete(one)
          other.destroy()
        })
      }
    })
    const reset = Effect.sync(() => {
      isDeaf = false
      for (const socket of sockets) socket.destroy()
    })
    const own = yield* Effect.acquireRelease(
      Effect.async<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      }),
      () => Effect.zipRight(reset, Effect.async<void>((resume) => void server.close(() => resume(Effect.void))))
    )
    return {
      url: `redis://127.0.0.1:${own}`,
      loseAnswers: Effect.sync(() => {
        isDeaf = true
      }),
      reset
    }
  })
