import { assert } from "@effect/vitest"
import type { Browser, Page } from "playwright-core"
import { NotesSession } from "../../../examples/notes-server/NotesSession.js"
import { deriveKey } from "../../../src/core/digest.js"
import { newContext } from "../../http/support/browser.js"
import { type Deployment, deployments, host } from "./deployments.js"
import type { Server } from "./process.js"
import type { Held } from "./proxy.js"
import { startProxy } from "./proxy.js"

declare global {
  // What a page of the test waits for.
  var answers: Record<string, Promise<number>> | undefined
}

/** A request that a page has sent. */
export interface Sent {
  readonly name: string
  readonly tab: number
  readonly server: Server
}

/** A cookie as the jar or a header has it, of an id that is written as `id` or `id.signature`. */
export interface RealCookie {
  readonly name: string
  readonly path: string
  readonly domain: string | undefined
  readonly id: string
  readonly isSigned: boolean
}

const toCookie = (name: string, value: string, path: string, domain: string | undefined): RealCookie => {
  const [id = "", signature] = value.split(".")
  return { name, path, domain, id, isSigned: signature !== undefined }
}

/** A `Set-Cookie` header; none as a cookie if it clears one. */
export const parseSetCookie = (header: string) => {
  const [pair = "", ...attributes] = header.split(/; */)
  const [name = "", value = ""] = pair.split("=")
  const attribute = (name: string) =>
    attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
  const cookie = toCookie(name, value, attribute("path") ?? "", attribute("domain"))
  return { ...cookie, isCleared: attribute("max-age") === "0", isPersistent: Number(attribute("max-age")) > 0 }
}

/** What a row says, for comparing. */
export interface RealRow {
  readonly key: string
  readonly previousKey: string | null
  readonly earlierKey: string | null
  readonly user: string | null
  readonly notes: ReadonlyArray<string>
}

export const keyOf = (id: string): string => deriveKey(NotesSession.sessionName, id)

let visitors = 0

/** Somebody with a browser of their own, two tabs open, and a connection to the app that the test can hold up. */
export const makeVisitor = async (browser: Browser, first: Server) => {
  const proxy = await startProxy()
  const origin = `http://${host}:${proxy.port}`
  const context = await newContext(browser)
  const tabs = await Promise.all([0, 1].map(() => context.newPage()))
  const number = ++visitors
  let server = first
  let requests = 0
  let turn = 0
  const underWay = new Set<Sent>()

  const tab = (index: number): Page => tabs[index] ?? assert.fail(`no tab ${index}`)

  /** From now on its requests go to this deployment. */
  const deploy = (to: Deployment["name"], on: Server = server): void => {
    server = on
    proxy.sendTo(server.ports[to] ?? assert.fail(`no deployment ${to}`))
  }

  const fetchFrom = (index: number, path: string, request: string): Promise<void> =>
    tab(index).evaluate(([path = "", request = ""]) => {
      const answers = globalThis.answers ??= {}
      answers[request] = fetch(path, { method: "POST" }).then((response) => response.status, () => 0)
    }, [path, request])

  const statusOf = (index: number, request: string): Promise<number> =>
    tab(index).evaluate((request) => globalThis.answers?.[request] ?? -1, request)

  const visitor = {
    origin,
    context,
    tab,
    deploy,
    server: (): Server => server,
    /** Forgets everything: another visitor, to the app as it was first. Tells a word that nobody had before. */
    anew: async (): Promise<string> => {
      // Of a test that failed.
      for (const sent of underWay) {
        await visitor.finish(sent)
        await visitor.deliver(sent)
      }
      deploy(deployments.base.name, first)
      await context.clearCookies()
      return `${number}-${++turn}`
    },
    open: async (index: number, path: string): Promise<void> => {
      await tab(index).goto(`${origin}${path}`)
    },
    /** Sends a request and waits until the app has done with it, and the browser with the answer. */
    send: async (index: number, what: string, value: string): Promise<number> => {
      const name = `${number}-${++requests}`
      await fetchFrom(index, `/api/slow/${name}/${what}/now/${value}`, name)
      return statusOf(index, name)
    },
    /** Sends a request and waits until it waits, or is answered. */
    start: async (index: number, what: string, when: string, value: string): Promise<Sent> => {
      const name = `${number}-${++requests}`
      await fetchFrom(index, `/api/slow/${name}/${what}/${when}/${value}`, name)
      const sent = { name, tab: index, server }
      underWay.add(sent)
      await Promise.race([server.waiting(name), proxy.answered(name)])
      return sent
    },
    /** Lets it go on, and waits until the app has answered. */
    finish: ({ name, server }: Sent): Promise<Held> => {
      server.release(name)
      return proxy.answered(name)
    },
    /** Lets the answer through, and waits until the page has it. */
    deliver: (sent: Sent): Promise<number> => {
      underWay.delete(sent)
      proxy.deliver(sent.name)
      return statusOf(sent.tab, sent.name)
    },
    /** Waits until nobody waits for the request any more. */
    givenUp: (sent: Sent): Promise<unknown> => {
      underWay.delete(sent)
      return proxy.left(sent.name)
    },
    /** Goes back to a page of the app, and tells whom that shows. */
    back: async (index: number): Promise<string> => {
      await tab(index).goBack()
      return tab(index).locator("#who").innerText()
    },
    /** What the app tells the page itself. */
    says: async (index: number): Promise<{ readonly user: string | null; readonly notes: ReadonlyArray<string> }> => {
      const text = await tab(index).evaluate(async () => (await fetch("/api/session")).text())
      const { notes, user } = JSON.parse(text)
      return { user, notes }
    },
    jar: async (): Promise<ReadonlyArray<RealCookie>> =>
      (await context.cookies()).map(({ domain, name, path, value }) =>
        toCookie(name, value, path, domain.startsWith(".") ? domain.slice(1) : undefined)
      ),
    /** The rows that ids ever led to, and those of users. */
    rows: async (ids: ReadonlyArray<string>, users: ReadonlyArray<string>): Promise<ReadonlyArray<RealRow>> =>
      (await server.look(ids.map(keyOf), users)).map(({ data, earlierKey, key, previousKey, userId }) => ({
        key,
        previousKey,
        earlierKey,
        user: userId,
        notes: JSON.parse(data).notes
      })),
    close: async (): Promise<void> => {
      await context.close()
      proxy.close()
    }
  }
  for (const index of tabs.keys()) {
    deploy(deployments.base.name)
    await visitor.open(index, "/blank")
  }
  return visitor
}

export type Visitor = Awaited<ReturnType<typeof makeVisitor>>
