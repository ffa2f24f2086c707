import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { freePort } from "../../support/ports.js"

/** What stands between a client and its server: it lets through, loses what is said, or lets nobody in. */
export interface Proxy {
  readonly port: number
  readonly open: Effect.Effect<void>
  /** Connections stay, and nothing comes through any more. */
  readonly stall: Effect.Effect<void>
  /** Connections stay, what is asked arrives, and no answer comes back any more. */
  readonly loseAnswers: Effect.Effect<void>
  /** Connections break, and new ones are refused. */
  readonly refuse: Effect.Effect<void>
}

/** A proxy for the server of a URL. */
export const proxyFor = (target: URL): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    let loses: "nothing" | "answers" | "everything" = "nothing"
    const server = Net.createServer((socket) => {
      const upstream = Net.connect(Number(target.port), target.hostname)
      for (const [from, to] of [[socket, upstream], [upstream, socket]] as const) {
        sockets.add(from)
        from.on("data", (chunk) => {
          if (loses === "nothing" || (loses === "answers" && from === socket)) to.write(chunk)
        })
        from.on("error", () => to.destroy())
        from.on("close", () => {
          sockets.delete(from)
          to.destroy()
        })
      }
    })
    const port = yield* Effect.promise(freePort)
    const listen = Effect.async<void>((resume) => {
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    })
    const close = Effect.async<void>((resume) => {
      for (const socket of sockets) socket.destroy()
      if (server.listening) server.close(() => resume(Effect.void))
      else resume(Effect.void)
    })
    yield* Effect.acquireRelease(listen, () => close)
    return {
      port,
      refuse: close,
      stall: Effect.sync(() => {
        loses = "everything"
      }),
      loseAnswers: Effect.sync(() => {
        loses = "answers"
      }),
      open: Effect.suspend(() => {
        for (const socket of sockets) if (loses !== "nothing") socket.destroy()
        loses = "nothing"
        return server.listening ? Effect.void : listen
      })
    }
  })
