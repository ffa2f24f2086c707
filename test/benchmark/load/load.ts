/** The load generator, a process of its own: takes one message at a time from the harness and answers each. */
import { workloads } from "../workloads.js"
import { CookieJar } from "./cookie-jar.js"
import type { Message, Prepare, Reply, Run, RunResult, Target } from "./messages.js"
import { runLoad } from "./run-load.js"
import { checkBehaviour, Client, expect, nobody, seeded, seedSession, type Seen } from "./verify.js"

/** Kept for each server between messages. */
interface Prepared {
  readonly target: Target
  /** One session for each connection. */
  readonly jars: Array<CookieJar>
  /** What `/read` answers on each jar. */
  readonly seen: Map<CookieJar, Seen>
  /** Cookies of sessions stored by `fill`. */
  readonly filled: Array<string>
}

const servers = new Map<string, Prepared>()

const preparedOf = (key: string): Prepared => {
  const prepared = servers.get(key)
  if (prepared === undefined) throw new Error(`${key} was not prepared`)
  return prepared
}

/** What `/read` answers to each. */
const readAll = async ({ port }: Target, jars: ReadonlyArray<CookieJar>): Promise<ReadonlyArray<Seen>> => {
  const client = await Client.open(port)
  const seen: Array<Seen> = []
  for (const jar of jars) seen.push(await client.with(jar).read())
  client.close()
  return seen
}

/** New sessions for as many clients, each checked. */
const prepare = async ({ clients, target }: Prepare): Promise<void> => {
  await checkBehaviour(target)
  const jars = await inParallel(clients, () => seedSession(target))
  servers.set(target.key, { target, jars, seen: new Map(), filled: [] })
}

const parallel = 16

/** Runs `task` `count` times, each worker one at a time. */
const inParallel = async <A>(count: number, task: (worker: number, index: number) => Promise<A>): Promise<Array<A>> => {
  const results: Array<A> = []
  let started = 0
  const work = async (worker: number) => {
    while (started < count) results.push(await task(worker, started++))
  }
  await Promise.all(Array.from({ length: Math.min(count, parallel) }, (_, worker) => work(worker)))
  return results
}

/** Stores sessions over HTTP, as the server's users would, and calls back with each one's cookies. */
const seedMany = async (
  { port, size }: Target,
  count: number,
  take: (header: string, index: number) => void
): Promise<void> => {
  const clients = await Promise.all(Array.from({ length: parallel }, () => Client.open(port)))
  await inParallel(count, async (worker, index) => {
    const jar = await (clients[worker] as Client).seed(size)
    take(jar.header, index)
  })
  clients.forEach((client) => client.close())
}

/** Keeps an even sample of the cookies. */
const fill = ({ filled, target }: Prepared, count: number, keep: number): Promise<void> => {
  const every = Math.max(1, Math.floor(count / keep))
  return seedMany(target, count, (header, index) => {
    if (index % every === 0) filled.push(header)
  })
}

const run = async (message: Run): Promise<RunResult> => {
  const prepared = preparedOf(message.key)
  const { target } = prepared
  const jars = prepared.jars.slice(0, message.connections)
  const { cookie } = workloads[message.workload]
  if (target.session && cookie === "jar") {
    const seen = await readAll(target, jars)
    jars.forEach((jar, index) => prepared.seen.set(jar, seen[index] as Seen))
  }
  const fresh = cookie === "fresh" ? await freshCookies(prepared, message.requests) : []
  const ended = fresh.slice(-20)
  const result = await runLoad(target, message, {
    jars,
    pool: message.fromFilled ? prepared.filled : undefined,
    fresh,
    wanted: (jar) => target.session ? wantedBody(message, target, prepared.seen.get(jar)) : undefined
  })
  if (target.session) await checkAfter(prepared, message, jars, ended, result)
  return result
}

const wantedBody = ({ fromFilled, workload }: Run, { size }: Target, seen: Seen | undefined): string | undefined => {
  switch (workload) {
    case "no-cookie":
    case "forged":
      return JSON.stringify(nobody)
    case "untouched":
    case "sign-out":
      return JSON.stringify({ ok: true })
    case "read":
    case "touch":
      return JSON.stringify(fromFilled ? seeded(size) : seen)
    case "sign-in":
      return JSON.stringify({ user: "user-1" })
    case "write":
      return undefined
  }
}

/** Sessions that nobody used yet, for a workload that ends one with each request. */
const freshCookies = async ({ jars, target }: Prepared, count: number): Promise<Array<string>> => {
  if (!target.session) return Array.from({ length: count }, () => jars[0]?.header ?? "")
  const cookies: Array<string> = []
  await seedMany(target, count, (header) => cookies.push(header))
  return cookies
}

/** What was written must have been stored, what was ended must be gone. */
const checkAfter = async (
  { seen, target }: Prepared,
  { workload }: Run,
  jars: ReadonlyArray<CookieJar>,
  ended: ReadonlyArray<string>,
  result: RunResult
): Promise<void> => {
  switch (workload) {
    case "write": {
      let written = 0
      const counts = await readAll(target, jars)
      jars.forEach((jar, index) => written += (counts[index]?.count ?? 0) - (seen.get(jar)?.count ?? 0))
      if (written !== result.requests) throw new Error(`${result.requests} writes answered, ${written} stored`)
      return
    }
    case "sign-in":
      for (const seen of await readAll(target, jars)) expect("a session after sign-in", seen, { user: "user-1" })
      return
    case "sign-out":
      if (!target.serverSide) return
      for (const seen of await readAll(target, ended.map(CookieJar.of))) {
        expect("a session after sign-out", seen, nobody)
      }
  }
}

const answer = async (message: Message): Promise<RunResult | null> => {
  switch (message.type) {
    case "prepare":
      return prepare(message).then(() => null)
    case "fill":
      return fill(preparedOf(message.key), message.count, message.keep).then(() => null)
    case "run":
      return run(message)
  }
}

const send = (reply: Reply): void => {
  process.send?.(reply)
}

process.on("message", (message: Message) => {
  answer(message).then(
    (result) => send({ ok: true, result }),
    (error: unknown) => send({ ok: false, error: error instanceof Error ? error.message : String(error) })
  )
})
process.on("disconnect", () => process.exit())
