import type { SessionStore } from "effect-sessions"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import type { Command, CookieSettings, Message } from "./protocol.js"
import { makeSignals } from "./signals.js"

const root = Path.resolve(import.meta.dirname, "../../..")

/** The app in a process of its own. */
export interface Server {
  readonly ports: Readonly<Record<string, number>>
  /** The request has arrived, and waits. */
  readonly waiting: (request: string) => Promise<unknown>
  /** The request was given up as it waited. */
  readonly dropped: (request: string) => Promise<unknown>
  readonly release: (request: string) => void
  readonly revoke: (user: string) => Promise<unknown>
  /** The rows under these keys, renamed whenever, and of these users. */
  readonly look: (
    keys: ReadonlyArray<string>,
    users: ReadonlyArray<string>
  ) => Promise<ReadonlyArray<SessionStore.SessionRecord>>
  /** Ends it as an operator does. It answers the requests under way first. */
  readonly stop: () => Promise<void>
  readonly kill: () => void
}

export const startServer = async (
  databaseUrl: string,
  deployments: Readonly<Record<string, CookieSettings>>
): Promise<Server> => {
  const child = ChildProcess.spawn(process.execPath, ["--import", "tsx", "test/browser/server.ts"], {
    cwd: root,
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: databaseUrl,
      DEPLOYMENTS: JSON.stringify(deployments)
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"]
  })
  let said = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      said += chunk.toString()
    })
  }
  const ready = makeSignals<Readonly<Record<string, number>>>("the server is")
  const events = makeSignals<true>("the request is")
  const answers = makeSignals<ReadonlyArray<SessionStore.SessionRecord>>("the answer")
  child.on("message", (message: Message) => {
    switch (message._tag) {
      case "Ready":
        return ready.happened("ready", message.ports)
      case "Waiting":
      case "Dropped":
        return events.happened(`${message._tag} ${message.request}`, true)
      case "Answer":
        return answers.happened(`${message.question}`, message.records)
    }
  })
  const exited = new Promise<void>((resolve) => {
    child.on("exit", (code) => {
      for (const signals of [ready, events, answers]) signals.over(`the server ended with ${code}: ${said}`)
      resolve()
    })
  })
  const tell = (command: Command): boolean => child.send(command)
  let questions = 0
  const ask = (make: (question: number) => Command) => {
    const question = ++questions
    tell(make(question))
    return answers.until(`${question}`)
  }
  return {
    ports: await ready.until("ready"),
    waiting: (request) => events.until(`Waiting ${request}`),
    dropped: (request) => events.until(`Dropped ${request}`),
    release: (request) => {
      tell({ _tag: "Release", request })
    },
    revoke: (user) => ask((question) => ({ _tag: "Revoke", question, user })),
    look: (keys, users) => ask((question) => ({ _tag: "Look", question, keys, users })),
    stop: () => {
      child.kill("SIGTERM")
      return exited
    },
    kill: () => {
      child.kill("SIGKILL")
    }
  }
}
