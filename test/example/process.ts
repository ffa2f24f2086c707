import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import * as Path from "node:path"
import { assert, inject, onTestFinished } from "vitest"

const root = Path.resolve(import.meta.dirname, "../..")

/** The notes server in a process of its own. */
export interface Running {
  /** The first line that it says on its standard output, or what it said when it ended without. */
  readonly started: Promise<string>
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly problems: string }>
  readonly stop: () => void
}

export const run = (settings: Readonly<Record<string, string>>): Running => {
  const child = ChildProcess.spawn(process.execPath, ["--import", "tsx", "examples/notes-server/main.ts"], {
    cwd: root,
    env: { PATH: process.env["PATH"], PORT: "0", DATABASE_URL: "memory:", SESSION_INSECURE: "true", ...settings }
  })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  let out = ""
  let problems = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    problems += text
  })
  child.stdout.setEncoding("utf8")
  const ended = new Promise<Awaited<Running["ended"]>>((resolve) => {
    child.once("close", (code) => resolve({ code, out, problems }))
  })
  const started = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text: string) => {
      out += text
      if (out.includes("\n")) resolve(out)
    })
    child.once("close", () => reject(new Error(problems)))
  })
  started.catch(() => {})
  return { started, ended, stop: () => child.kill("SIGTERM") }
}

/** The address that a server names when it has started. */
export const addressOf = async (running: Running): Promise<string> =>
  /http:\/\/localhost:\d+/.exec(await running.started)?.[0] ?? assert.fail("no address")

export const portOf = (address: string): number => Number(new URL(address).port)

let files = 0

/** The URL of a database in a new file. */
export const newFile = (): string => `file:${inject("directory")}/example-${process.pid}-${++files}.sqlite`

/** Whether somebody accepts connections at a port. */
export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

/** Whatever the JSON interface answers. */
export interface Answer {
  readonly user: string | null
  readonly visits: number
  readonly notes: ReadonlyArray<string>
  readonly session: { readonly handle: string } | null
  readonly error: string
  readonly reason: string
  readonly count: number
  readonly maxAge: number
}

/** A client with a cookie. */
export const makeClient = (address: string, cookie = "", agent = "test") => {
  const client = {
    cookie,
    async send(path: string, body?: unknown): Promise<{ readonly status: number; readonly body: Answer }> {
      const response = await fetch(`${address}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          "content-type": "application/json",
          "user-agent": agent,
          ...(client.cookie === "" ? {} : { cookie: client.cookie })
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      for (const header of response.headers.getSetCookie()) client.cookie = header.split(";")[0] ?? ""
      const text = await response.text()
      return { status: response.status, body: text === "" ? undefined : JSON.parse(text) }
    }
  }
  return client
}

/** A connection that sends what it is told to, byte by byte, and collects what comes. */
export const connect = (port: number) => {
  const socket = Net.connect(port, "127.0.0.1").setEncoding("utf8")
  onTestFinished(() => {
    socket.destroy()
  })
  socket.on("error", () => {})
  let received = ""
  let look = () => {}
  socket.on("data", (text: string) => {
    received += text
    look()
  })
  return {
    send: (text: string) => socket.write(text),
    /** Waits until the server has said something. */
    until: (pattern: RegExp): Promise<string> =>
      new Promise((resolve, reject) => {
        look = () => pattern.test(received) && resolve(received)
        socket.once("close", () => reject(new Error(`closed after: ${received}`)))
        look()
      }),
    /** Everything that was said before the connection ended. */
    ended: new Promise<string>((resolve) => {
      socket.once("close", () => resolve(received))
    })
  }
}
