import { percentile } from "../statistics.js"
import { type Workload, workloads } from "../workloads.js"
import { Connection, formatRequest } from "./connection.js"
import type { CookieJar } from "./cookie-jar.js"
import type { Run, RunResult, ServerStats, Target } from "./messages.js"
import type { Response } from "./response-parser.js"

const forgeries = 256

/** One run's shared state: how many requests may still be sent, and how long each took. */
class Budget {
  sent = 0
  done = 0
  private readonly latencies: Float64Array
  private deadline = 0

  constructor(private readonly requests: number, private readonly millis: number) {
    this.latencies = new Float64Array(requests)
  }

  start(now: number): void {
    this.deadline = now + this.millis
  }

  claim(now: number): boolean {
    if (this.sent >= this.requests || now >= this.deadline) return false
    this.sent++
    return true
  }

  record(millis: number): void {
    this.latencies[this.done++] = millis
  }

  sorted(): Float64Array {
    return this.latencies.slice(0, this.done).sort()
  }
}

/** The next request to send on a connection. */
type Source = () => string

/** Drives one connection until the budget is spent. */
class Driver {
  private sentAt = 0
  private finish: () => void = () => {}
  private fail: (error: Error) => void = () => {}

  constructor(
    private readonly connection: Connection,
    private readonly budget: Budget,
    private readonly next: Source,
    private readonly check: (response: Response) => void
  ) {}

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.finish = resolve
      this.fail = reject
      this.connection.listen((response) => this.received(response), reject)
      this.send()
    })
  }

  private send(): void {
    const now = performance.now()
    if (!this.budget.claim(now)) return this.finish()
    this.sentAt = now
    this.connection.send(this.next())
  }

  private received(response: Response): void {
    this.budget.record(performance.now() - this.sentAt)
    try {
      this.check(response)
    } catch (error) {
      return this.fail(error as Error)
    }
    this.send()
  }
}

/** The requests of one connection, formatted ahead wherever the cookie allows it. */
const sourceOf = (
  workload: Workload,
  jar: CookieJar,
  pool: ReadonlyArray<string> | undefined,
  fresh: Array<string>
): Source => {
  const format = (cookie: string) => formatRequest(workload.method, workload.path, cookie)
  switch (workload.cookie) {
    case "none": {
      const request = format("")
      return () => request
    }
    case "forged": {
      const requests = Array.from({ length: forgeries }, () => format(jar.forge()))
      let index = 0
      return () => requests[index++ % forgeries] as string
    }
    case "fresh":
      return () => format(fresh.pop() as string)
    case "jar": {
      if (pool !== undefined) return () => format(pool[Math.floor(Math.random() * pool.length)] as string)
      let header = jar.header
      let request = format(header)
      return () => {
        if (header !== jar.header) request = format(header = jar.header)
        return request
      }
    }
  }
}

const checkOf = (workload: Workload, jar: CookieJar, wanted: string | undefined) => (response: Response): void => {
  if (response.status !== 200) {
    throw new Error(`${workload.name} answered ${response.status}: ${response.body}`)
  }
  if (wanted !== undefined && response.body !== wanted) {
    throw new Error(`${workload.name}: expected ${wanted}, the server said ${response.body}`)
  }
  if (workload.cookie === "jar" && response.setCookies.length > 0) jar.adopt(response.setCookies)
}

const statsOf = async (target: Target): Promise<ServerStats> => {
  const connection = await Connection.open(target.control)
  const response = await connection.request(formatRequest("GET", "/stats", ""))
  connection.close()
  return JSON.parse(response.body) as ServerStats
}

export interface Supplies {
  /** One for each connection. */
  readonly jars: ReadonlyArray<CookieJar>
  /** Cookies to read at random, in place of the connection's own. */
  readonly pool: ReadonlyArray<string> | undefined
  /** Cookies of sessions that no request used yet; taken from. */
  readonly fresh: Array<string>
  /** The body that every response on a jar's connection must have, where it is known. */
  readonly wanted: (jar: CookieJar) => string | undefined
}

/** Sends one workload's requests over as many connections as there are jars, and meters the server meanwhile. */
export const runLoad = async (target: Target, run: Run, supplies: Supplies): Promise<RunResult> => {
  const workload = workloads[run.workload]
  const requests = workload.cookie === "fresh" ? Math.min(run.requests, supplies.fresh.length) : run.requests
  const connections = await Promise.all(supplies.jars.map(() => Connection.open(target.port)))
  const budget = new Budget(requests, run.millis)
  const drivers = supplies.jars.map((jar, index) =>
    new Driver(
      connections[index] as Connection,
      budget,
      sourceOf(workload, jar, supplies.pool, supplies.fresh),
      checkOf(workload, jar, supplies.wanted(jar))
    )
  )
  const before = await statsOf(target)
  const start = performance.now()
  budget.start(start)
  const done = Promise.all(drivers.map((driver) => driver.run()))
  const stopSpinning = run.spin ? spin() : () => {}
  await within(run.millis + 30_000, done).finally(stopSpinning)
  const seconds = (performance.now() - start) / 1000
  const after = await statsOf(target)
  connections.forEach((connection) => connection.close())
  if (budget.done === 0) throw new Error("not one request was answered")
  const latencies = budget.sorted()
  return {
    requests: budget.done,
    seconds,
    cpuMicros: after.cpuMicros - before.cpuMicros,
    statements: difference(before.statements, after.statements),
    storeCpuMicros: difference(before.storeCpuMicros, after.storeCpuMicros),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99)
  }
}

const difference = (before: number | null, after: number | null): number | null =>
  before === null || after === null ? null : after - before

/**
 * Keeps this process from sleeping in the poll: where each of the server's writes must wake a sleeping reader on
 * another virtual core, it pays for the wake-up, and a slower server more often than a faster one.
 */
const spin = (): () => void => {
  let spinning = true
  const turn = () => {
    if (spinning) setImmediate(turn)
  }
  turn()
  return () => {
    spinning = false
  }
}

const within = <A>(millis: number, promise: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the server stopped answering")), millis)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
