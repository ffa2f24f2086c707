import { Connection, formatRequest } from "./connection.js"
import { CookieJar } from "./cookie-jar.js"
import type { Target } from "./messages.js"

/** What `/read` answers. */
export interface Seen {
  readonly user: string | null
  readonly count: number
  readonly items: number
}

export const nobody: Seen = { user: null, count: 0, items: 0 }

/** One client of a server, outside any measurement: it keeps its cookies and insists on status 200. */
export class Client {
  private constructor(private readonly connection: Connection, readonly jar: CookieJar) {}

  static async open(port: number, jar = new CookieJar()): Promise<Client> {
    return new Client(await Connection.open(port), jar)
  }

  /** The same connection with other cookies. */
  with(jar: CookieJar): Client {
    return new Client(this.connection, jar)
  }

  async request(method: "GET" | "POST", path: string, cookie = this.jar.header): Promise<string> {
    const response = await this.connection.request(formatRequest(method, path, cookie))
    if (response.status !== 200) throw new Error(`${method} ${path} answered ${response.status}: ${response.body}`)
    if (cookie === this.jar.header) this.jar.adopt(response.setCookies)
    return response.body
  }

  /** A new session of its own, whatever cookies this client holds. */
  async seed(size: number): Promise<CookieJar> {
    const response = await this.connection.request(formatRequest("POST", `/seed?size=${size}`, ""))
    if (response.status !== 200) throw new Error(`/seed answered ${response.status}: ${response.body}`)
    const jar = new CookieJar()
    jar.adopt(response.setCookies)
    return jar
  }

  async read(cookie?: string): Promise<Seen> {
    return JSON.parse(await this.request("GET", "/read", cookie)) as Seen
  }

  close(): void {
    this.connection.close()
  }
}

export const expect = (what: string, seen: Seen, wanted: Partial<Seen>): void => {
  for (const [field, value] of Object.entries(wanted)) {
    if (seen[field as keyof Seen] !== value) {
      throw new Error(`${what}: expected ${JSON.stringify(wanted)}, the server said ${JSON.stringify(seen)}`)
    }
  }
}

/** A session of `size` bytes that nobody has changed since `/seed`. */
export const seeded = (size: number): Seen => ({
  user: null,
  count: 0,
  items: Math.max(1, Math.round((size - 24) / 36))
})

/** As long as a signed cookie is, so that a bare server parses as much. */
const bareCookie = "sid=0123456789abcdefghijkl.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

/** A new session, checked to hold its payload and, where there are writes, to keep them. */
export const seedSession = async (target: Target): Promise<CookieJar> => {
  if (!target.session) return CookieJar.of(bareCookie)
  const seeder = await Client.open(target.port)
  const client = seeder.with(await seeder.seed(target.size))
  if (client.jar.header === "") throw new Error("/seed set no cookie")
  expect("a seeded session", await client.read(), seeded(target.size))
  if (target.writes) {
    await client.request("POST", "/write")
    expect("a session after a write", await client.read(), { ...seeded(target.size), count: 1 })
  }
  client.close()
  return client.jar
}

/** That forged and absent cookies open nothing, that sign-in renames and sign-out ends a session. */
export const checkBehaviour = async (target: Target): Promise<void> => {
  if (!target.session) return
  const jar = await seedSession(target)
  const client = await Client.open(target.port, jar)
  expect("no cookie", await client.read(""), nobody)
  expect("a forged cookie", await client.read(jar.forge()), nobody)
  if (target.writes) {
    const visitor = jar.header
    await client.request("POST", "/sign-in")
    const signedIn = jar.header
    expect("a session after sign-in", await client.read(), { user: "user-1" })
    if (target.serverSide) expect("the id from before sign-in", await client.read(visitor), nobody)
    await client.request("POST", "/sign-out")
    if (target.serverSide) expect("the id after sign-out", await client.read(signedIn), nobody)
  }
  client.close()
}
