/** An app on Effect 3 and the same app on Effect 4, over one table. */
import * as ChildProcess from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { createInterface } from "node:readline"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, inject, test } from "vitest"
import { Browser } from "../support/app.js"
import { different, kinds } from "./programs/kinds.js"

const root = Path.resolve(import.meta.dirname, "../..")
const effect4 = Path.join(root, "effect4")

/** That both apps sign ids with. */
const signingKey = Crypto.randomBytes(32).toString("base64")

interface App {
  readonly port: number
  /** What the app answers a command, or the error. */
  readonly ask: (command: object) => Promise<{ readonly is?: unknown; readonly error?: string }>
  readonly stop: () => Promise<void>
}

const start = async (node: string, folder: string, url: string): Promise<App> => {
  const child = ChildProcess.spawn(node, ["--import", "tsx", "test/editions/programs/app.ts"], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: url, PREFIX: "editions_", SIGNING_KEYS: signingKey },
    stdio: ["pipe", "pipe", "inherit"]
  })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask: App["ask"] = async (command) => {
    child.stdin.write(`${JSON.stringify(command)}\n`)
    const { done, value } = await lines.next()
    if (done === true) throw new Error(`the app in ${folder} ended`)
    return JSON.parse(value)
  }
  const { is } = await ask({ do: "port" })
  return {
    port: Number(is),
    ask,
    stop: () => {
      child.stdin.end()
      return ended
    }
  }
}

let apps: { readonly 3: App; readonly 4: App }

beforeAll(async () => {
  const node = Path.join(effect4, "node_modules/node/bin/node")
  assert.isTrue(Fs.existsSync(node), "`npm ci --prefix effect4` installs the Node and the Effect that this needs")
  // Not in this process: a worker that is blocked for a minute loses touch with vitest.
  await promisify(ChildProcess.execFile)(process.execPath, [Path.join(effect4, "generate.mjs")])
  const postgres = inject("postgres")
  if ("missing" in postgres) throw new Error(postgres.missing)
  // At once, over a database that is still empty.
  const [three, four] = await Promise.all([
    start(process.execPath, root, postgres.url),
    start(node, Path.join(effect4, "generated"), postgres.url)
  ])
  apps = { 3: three, 4: four }
})

afterAll(async () => {
  await Promise.all(Object.values(apps ?? {}).map((app) => app.stop()))
})

const ways = [[3, 4], [4, 3]] as const

/** What becomes of a sample that one app writes and the other reads: `true`, or what went wrong. */
const move = async (kind: string, from: App, to: App): Promise<unknown> => {
  const written = await from.ask({ do: "write", kind })
  if (written.error !== undefined) return written.error
  const read = await to.ask({ do: "read", kind, id: written.is })
  return read.error ?? read.is
}

describe.each(ways)("what Effect %d writes, Effect %d reads", (from, to) => {
  test.each(kinds.map(({ name }) => name))("%s", async (name) => {
    assert.strictEqual(await move(name, apps[from], apps[from]), true, "the app that wrote it reads it")
    assert.strictEqual(await move(name, apps[from], apps[to]), true)
  })
})

describe("what Effect itself writes in two ways", () => {
  test.each(different.map(({ instead, name }) => [name, instead]))("%s: %s serves both", async (name, instead) => {
    const moved = await Promise.all(ways.map(([from, to]) => move(name, apps[from], apps[to])))
    assert.notDeepEqual(moved, [true, true], "it serves both by now")
    assert.include(kinds.map(({ name }) => name), instead)
  })
})

/** A request of a browser, which keeps the cookies of the answer. */
const request = async (browser: Browser, app: App, method: string, path: string): Promise<unknown> => {
  const headers = browser.header === undefined ? {} : { cookie: browser.header }
  const response = await fetch(`http://127.0.0.1:${app.port}${path}`, { method, headers })
  const body = await response.text()
  assert.isTrue(response.ok, `${method} ${path}: ${response.status} ${body}`)
  browser.receive(response.headers.getSetCookie())
  return body === "" ? undefined : JSON.parse(body)
}

const visitor = { user: null, count: 0, visits: [] }

describe.each(ways)("during a migration, from Effect %d to Effect %d and back", (first, second) => {
  test("a session that begins on one server is used, signed in, rotated and ended on both", async () => {
    const browser = new Browser()
    const seen = async (state: unknown) => {
      for (const app of [apps[first], apps[second]]) {
        assert.deepStrictEqual(await request(browser, app, "GET", "/"), state)
      }
    }
    const idDiesIn = async (work: () => Promise<unknown>) => {
      const former = new Browser()
      for (const [name, value] of browser.cookies) former.cookies.set(name, value)
      await work()
      for (const app of [apps[first], apps[second]]) {
        assert.deepStrictEqual(await request(former, app, "GET", "/"), visitor)
      }
    }

    await request(browser, apps[first], "POST", "/visit")
    await seen({ user: null, count: 1, visits: ["visit 1"] })
    await idDiesIn(() => request(browser, apps[second], "POST", "/sign-in"))
    await seen({ user: "ann", count: 1, visits: ["visit 1"] })
    await request(browser, apps[first], "POST", "/visit")
    await request(browser, apps[second], "POST", "/visit")
    const state = { user: "ann", count: 3, visits: ["visit 1", "visit 2", "visit 3"] }
    await seen(state)
    await idDiesIn(() => request(browser, apps[first], "POST", "/rotate"))
    await seen(state)
    await idDiesIn(() => request(browser, apps[second], "POST", "/rotate"))
    await seen(state)
    await idDiesIn(() => request(browser, apps[first], "POST", "/sign-out"))
    await seen(visitor)
  })
})

test("of 200 changes at once, half of them on each server, none is lost", async () => {
  const browser = new Browser()
  await request(browser, apps[3], "POST", "/sign-in")
  const worker = async (app: App) => {
    for (let times = 0; times < 10; times++) await request(browser, app, "POST", "/increment")
  }
  await Promise.all(Array.from({ length: 20 }, (_, index) => worker(apps[index % 2 === 0 ? 3 : 4])))
  assert.deepStrictEqual(await request(browser, apps[4], "GET", "/"), { user: "ann", count: 200, visits: [] })
})

test("both packages export the same modules", () => {
  const exported = (folder: string) =>
    Object.keys(JSON.parse(Fs.readFileSync(Path.join(folder, "package.json"), "utf8")).exports)
  assert.deepStrictEqual(exported(effect4), exported(root))
})
