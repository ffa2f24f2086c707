// What every contender server shares: its configuration, the session's content, and the control port.
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import pg from "pg"
import { createClient } from "redis"

/** The configuration, one JSON argument; see `common.d.mts` for its fields. */
export const config = {
  session: true,
  store: "memory",
  signed: true,
  rolling: false,
  sealed: false,
  touchMillis: 60_000,
  idleMillis: 15 * 60 * 1000,
  ...JSON.parse(process.argv[2] ?? "{}")
}

export const cookieName = "sid"
/** Random enough for the libraries that look, and the same in every run. */
export const secret = createHash("sha256").update("effect-sessions benchmark").digest("base64url")
export const userId = "user-1"
export const poolSize = 10

/** A shopping cart whose session is about `size` bytes of JSON: 36 bytes an item, 24 around them. */
export const itemsOf = (size) =>
  Array.from({ length: Math.max(1, Math.round((size - 24) / 36)) }, (_, index) => ({
    sku: `sku-${String(index).padStart(6, "0")}`,
    quantity: 1
  }))

/** What `/read` answers: it depends on every part of the session, and is short whatever its size. */
export const view = (session) => ({
  user: session.user ?? null,
  count: session.count ?? 0,
  items: session.items?.length ?? 0
})

export const ok = { ok: true }

/** Stands for the session on a bare server, so that the handlers are the very same code. */
export const bareSession = { user: null, count: 0, items: itemsOf(100) }

/** Changes shared by the contenders whose session is a plain mutable object. */
export const change = {
  write(session) {
    session.count = (session.count ?? 0) + 1
    return { count: session.count }
  },
  seed(session, size) {
    session.count = 0
    session.items = itemsOf(size)
    return ok
  }
}

/** A `pg` pool that counts the statements it sends. */
export const countedPool = () => {
  const pool = new pg.Pool({ connectionString: config.databaseUrl, max: poolSize })
  let statements = 0
  pool.on("connect", (client) => {
    const query = client.query
    client.query = function(...args) {
      statements++
      return query.apply(client, args)
    }
  })
  return { pool, statements: () => statements }
}

/** A client of Redis as connect-redis wants it. */
export const redisClient = async () => {
  const client = createClient({ url: config.redisUrl })
  client.on("error", () => {})
  await client.connect()
  return client
}

/**
 * Asks Redis how many commands it was sent, and for its CPU time. What a script calls is none that was sent: who sends scripts
 * sends nothing else.
 */
export const redisMeter = async () => {
  const client = await redisClient()
  const setup = /^(?:info|hello|client|select|auth|ping|command|script)/
  return async () => {
    const text = `${await client.info("commandstats")}\n${await client.info("cpu")}`
    const calls = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)])
    const scripts = calls.filter(([name]) => /^eval/.test(name))
    const sent = scripts.length > 0 ? scripts : calls.filter(([name]) => !setup.test(name))
    const cpu = [...text.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, seconds]) => Number(seconds) * 1e6)
    const sum = (values) => values.reduce((total, value) => total + value, 0)
    return { statements: sum(sent.map(([, count]) => count)), storeCpuMicros: sum(cpu) }
  }
}

/**
 * Opens the control port, apart from the measured one so that it is the same for every framework, and prints both:
 * `GET /stats` (with `?gc` a collection first) and `POST /sweep`, which runs the library's own clean-up.
 */
export const announce = ({ meter, port, statements, sweep }) => {
  const stats = async () => {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed, external } = process.memoryUsage()
    const store = meter
      ? await meter()
      : { statements: statements ? statements() : null, storeCpuMicros: null }
    return { cpuMicros: user + system, rss, heapUsed, external, ...store }
  }
  const answer = async (request) => {
    if (request.url === "/stats") return stats()
    if (request.url === "/stats?gc") {
      globalThis.gc?.()
      globalThis.gc?.()
      return stats()
    }
    if (request.url === "/sweep" && sweep) {
      const start = performance.now()
      const removed = await sweep()
      return { removed, millis: performance.now() - start }
    }
    return { error: "no such control" }
  }
  const control = createServer((request, response) => {
    answer(request).catch((error) => ({ error: String(error) })).then((value) => {
      const body = JSON.stringify(value)
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) }).end(body)
    })
  })
  control.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ port, control: control.address().port }))
  })
  // The harness closes our standard input when it ends, however it ends.
  process.stdin.on("end", () => process.exit()).resume()
}
