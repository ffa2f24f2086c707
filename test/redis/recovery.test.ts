import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Dns from "node:dns"
import * as Net from "node:net"
import { proxyFor } from "../sql/support/proxy.js"
import { now } from "../sql/support/stores.js"
import { freePort } from "../support/ports.js"
import { startCluster } from "./support/cluster.js"
import { binaryMissing, startSentinel, startServer } from "./support/servers.js"
import { adminOf, eventuallyDone, storeOn, tell } from "./support/stores.js"

/** A server of our own, that ends with the scope. */
const listen = (server: Net.Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* Effect.promise(freePort)
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(port, "127.0.0.1", () => resume(Effect.void))
      }),
      () => Effect.sync(() => server.close())
    )
    return port
  })

const silentServer = listen(Net.createServer((socket) => {
  socket.on("error", () => {})
}))

/** A node of a cluster, the half of which is lost, that takes its time to close a connection. */
const slowNode = (isWell: () => boolean): Effect.Effect<number, never, Scope.Scope> => {
  const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {})
    socket.on("end", () => setTimeout(() => socket.end(), Math.random() * 600))
    socket.on("data", (data) => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      for (const command of data.toString().toLowerCase().split(/\*\d+\r\n/).slice(1)) {
        if (command.includes("slots")) {
          const slots = (from: number, to: number, port: number) =>
            `*3\r\n:${from}\r\n:${to}\r\n*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`
          socket.write(`*2\r\n${slots(0, 8000, port)}${slots(8001, 16_383, 1)}`)
        } else if (command.includes("cluster")) {
          const info = `cluster_state:${isWell() ? "ok" : "fail"}\r\n`
          socket.write(`$${info.length}\r\n${info}\r\n`)
        } else if (command.includes("info") && !command.includes("setinfo")) {
          socket.write("$9\r\nloading:0\r\n")
        } else socket.write("+OK\r\n")
      }
    })
  })
  return listen(server)
}

/** Names are looked up as in a network, where that takes a while. */
const slowLookup = (name: string, callback: (error: Error | null, address: string, family?: number) => void) => {
  setTimeout(() => Dns.lookup(name, { family: 4 }, callback), 30)
}

describe("A store on a Redis Cluster", () => {
  scopedLive(
    "of nodes with names, which close one after the other while names are looked up, is back when they are",
    () =>
      Effect.gen(function*() {
        let isWell = false
        const stores = yield* Effect.forEach(Array.from({ length: 20 }), () =>
          Effect.gen(function*() {
            const port = yield* slowNode(() => isWell)
            const nodes = [{ host: "localhost", port }, { host: "localhost", port: 1 }]
            return yield* storeOn({ timeout: "1 second", cluster: { nodes, options: { dnsLookup: slowLookup } } })
          }))
        yield* Effect.sleep("6 seconds")
        isWell = true
        const isBack = Effect.forEach(
          stores,
          (store) => eventuallyDone("it answers", store.read("key of the half that is there", now)),
          { concurrency: "unbounded" }
        )
        yield* isBack
      })
  )
})

describe.skipIf(binaryMissing() !== undefined)("A store on Redis", () => {
  scopedLive("of a cluster finds it by the names that are known", () =>
    Effect.gen(function*() {
      const { nodes } = yield* startCluster
      const store = yield* storeOn({ cluster: { nodes: [{ host: "redis-0.invalid", port: 6379 }, ...nodes] } })
      yield* eventuallyDone("it answers", store.read("key", now))
    }))

  scopedLive("behind Sentinels asks the next one where one says nothing", () =>
    Effect.gen(function*() {
      const master = yield* startServer()
      const sentinel = yield* startSentinel(master.port)
      const sentinels = [yield* silentServer, sentinel.port].map((port) => ({ host: "127.0.0.1", port }))
      const store = yield* storeOn({ timeout: "1 second", redis: { sentinels, name: "sessions" } })
      yield* eventuallyDone("it answers", store.read("key", now))
    }))

  scopedLive("is back although everybody asks again at once", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const admin = yield* adminOf(server.url)
      const proxy = yield* proxyFor(new URL(server.url))
      const store = yield* storeOn({ url: `redis://127.0.0.1:${proxy.port}`, timeout: "300 millis" })
      const read = store.read("key", now)
      yield* eventuallyDone("it answers", read)
      const loads = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 8 }), () => Effect.forever(Effect.ignore(read)), {
          concurrency: "unbounded"
        })
      )
      for (const happens of [proxy.stall, proxy.refuse, proxy.open, proxy.loseAnswers]) {
        yield* happens
        yield* Effect.sleep("500 millis")
        yield* tell(admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield* Effect.sleep("100 millis")
      }
      yield* proxy.open
      yield* eventuallyDone("it answers again", read)
      yield* Fiber.interrupt(loads)
    }))

  scopedLive("of a cluster is back although everybody asks again at once", () =>
    Effect.gen(function*() {
      const { nodes, servers } = yield* startCluster
      const [lost] = servers
      if (lost === undefined) return
      const store = yield* storeOn({ cluster: { nodes }, timeout: "300 millis" })
      const reads = Array.from({ length: 8 }, (_, index) => store.read(`key${index}`, now))
      const allAnswer = eventuallyDone("all answer", Effect.all(reads, { concurrency: "unbounded" }))
      yield* allAnswer
      const loads = yield* Effect.fork(
        Effect.forEach(reads, (read) => Effect.forever(Effect.ignore(read)), { concurrency: "unbounded" })
      )
      yield* lost.kill
      yield* Effect.sleep("500 millis")
      yield* lost.start
      yield* allAnswer
      yield* Fiber.interrupt(loads)
    }))

  scopedLive(
    "loses what is under way once when a connection breaks, and the next connection stays",
    () =>
      Effect.gen(function*() {
        const server = yield* startServer()
        const admin = yield* adminOf(server.url)
        const store = yield* storeOn({ url: server.url, timeout: "1 second" })
        yield* eventuallyDone("it answers", store.read("key", now))
        const failures = yield* Ref.make(0)
        const loads = yield* Effect.fork(Effect.forEach(
          Array.from({ length: 8 }),
          () => Effect.forever(Effect.catchAll(store.read("key", now), () => Ref.update(failures, (n) => n + 1))),
          { concurrency: "unbounded" }
        ))
        yield* Effect.sleep("100 millis")
        yield* tell(admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield* Effect.sleep("200 millis")
        const first = yield* Ref.get(failures)
        yield* Effect.sleep("2 seconds")
        yield* Fiber.interrupt(loads)
        assert.isAbove(first, 0)
        assert.strictEqual(yield* Ref.get(failures), first)
      })
  )
})
