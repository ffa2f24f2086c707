import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Contender } from "./contenders.js"
import type { Target } from "./load/messages.js"
import type { Pinning } from "./pinning.js"
import type { Postgres } from "./postgres.js"
import { startRedis } from "./redis.js"
import { type Server, startServer } from "./servers.js"

/** A started server and what the load generator must know of it. */
export interface Started {
  readonly server: Server
  readonly target: Target
  /** Its schema in PostgreSQL, its file in SQLite. */
  readonly place: string
  /** It has been under load, so that its code is compiled. */
  warm: boolean
}

/** Starts the servers a measurement asks for, each once, and stops them all. */
export class Fleet {
  private readonly running = new Map<string, Promise<Started>>()
  private readonly directory = mkdtempSync(join(tmpdir(), "effect-sessions-benchmark-"))
  private readonly stores: Array<() => void> = []
  private places = 0
  private closed = false

  constructor(private readonly pinning: Pinning | undefined, readonly postgres: Postgres | undefined) {}

  bare(file: string): Promise<Started> {
    return this.once(`bare ${file}`, async () => {
      const server = await this.start(file, { session: false })
      return started(server, "", { session: false, writes: true, serverSide: false, size: 100 })
    })
  }

  contender(contender: Contender, size: number, config: Readonly<Record<string, unknown>> = {}): Promise<Started> {
    return this.once(`${contender.name} ${size} ${JSON.stringify(config)}`, async () => {
      const place = `s${this.places++}`
      const databaseUrl = contender.store === "postgres" ? await this.postgres?.schema(place) : undefined
      const redisUrl = contender.store === "redis" ? await this.redis(place) : undefined
      const sqliteFile = join(this.directory, `${place}.sqlite`)
      const server = await this.start(contender.file, {
        store: contender.store,
        databaseUrl,
        sqliteFile,
        redisUrl,
        ...contender.config,
        ...config
      })
      return started(server, contender.store === "sqlite" ? sqliteFile : place, {
        session: true,
        writes: !contender.skips.includes("write"),
        serverSide: contender.serverSide,
        size
      })
    })
  }

  private once(key: string, start: () => Promise<Started>): Promise<Started> {
    if (this.closed) return Promise.reject(new Error("the benchmark is ending"))
    const running = this.running.get(key) ?? start()
    this.running.set(key, running)
    return running
  }

  private start(file: string, config: Readonly<Record<string, unknown>>): Promise<Server> {
    return startServer({ file, config, pinning: this.pinning })
  }

  /** A server of its own for each contender, so that what it counts is nobody else's. */
  private async redis(place: string): Promise<string> {
    const { stop, url } = await startRedis(join(this.directory, `${place}.redis`))
    this.stores.push(stop)
    return url
  }

  /** Stops every server started so far. */
  async stopAll(): Promise<void> {
    const running = [...this.running.values()]
    this.running.clear()
    const ended = await Promise.allSettled(running)
    await Promise.all(ended.map((outcome) => outcome.status === "fulfilled" ? outcome.value.server.stop() : undefined))
    this.stores.splice(0).forEach((stop) => stop())
  }

  async close(): Promise<void> {
    this.closed = true
    await this.stopAll()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

const started = (server: Server, place: string, rest: Omit<Target, "key" | "port" | "control">): Started => ({
  server,
  place,
  warm: false,
  target: { key: String(server.port), port: server.port, control: server.control, ...rest }
})
