import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Playwright from "playwright-core"
import { browserMissing, launchBrowser, newContext } from "../http/support/browser.js"
import { makeClient, portOf } from "./process.js"
import { serve } from "./serve.js"

class Browser extends Context.Tag("Browser")<Browser, Playwright.Browser>() {}

const narrow = { width: 390, height: 800 }

const message = (page: Playwright.Page, text: RegExp | string) =>
  page.locator("#message").filter({ hasText: text }).waitFor()

const write = async (page: Playwright.Page, text: string): Promise<void> => {
  await page.getByLabel("A new note").fill(text)
  await page.getByRole("button", { name: "Keep it" }).click()
}

const signIn = async (page: Playwright.Page, name: string): Promise<void> => {
  await page.getByLabel("Your name").fill(name)
  await page.getByRole("button", { name: "Sign in" }).click()
  await message(page, `Signed in as ${name}.`)
}

const focused = (page: Playwright.Page) => page.locator(":focus").getAttribute("id")

const width = (page: Playwright.Page): Promise<number> =>
  page.evaluate(() => Reflect.get(globalThis, "document").documentElement.scrollWidth)

const cookieOf = async (context: Playwright.BrowserContext): Promise<string> =>
  (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ")

/** A page that has heard from the server, and what went wrong in it without being caught. */
const open = async (context: Playwright.BrowserContext, address: string) => {
  const page = await context.newPage()
  const uncaught: Array<string> = []
  page.on("pageerror", (error) => uncaught.push(String(error)))
  await page.goto(address)
  await page.locator("#who").filter({ hasNotText: "…" }).waitFor()
  return { page, uncaught }
}

const visit = (f: (context: Playwright.BrowserContext, address: string) => Promise<void>) =>
  Effect.gen(function*() {
    const address = yield* serve()
    const browser = yield* Browser
    yield* Effect.promise(async () => {
      const context = await newContext(browser, { viewport: narrow })
      await f(context, address)
      await context.close()
    })
  })

const setting = { excludeTestServices: true, timeout: "5 minutes" } as const

describe.skipIf(browserMissing() !== undefined)("the page", () => {
  layer(Layer.scoped(Browser, launchBrowser), setting)((it) => {
    it.scoped(
      "H5: long words do not widen it at phone width, neither notes nor names",
      () =>
        visit(async (context, address) => {
          const { page } = await open(context, address)
          await signIn(page, "W".repeat(64))
          await write(page, "w".repeat(300))
          await message(page, "Kept.")
          assert.strictEqual(await page.locator("#notes li").innerText(), "w".repeat(300))
          assert.strictEqual(await width(page), narrow.width)
        })
    )

    it.scoped(
      "H5: fields have labels, a sign-in and a sign-out leave the focus where one goes on",
      () =>
        visit(async (context, address) => {
          const { page, uncaught } = await open(context, address)
          await signIn(page, "ann")
          assert.strictEqual(await focused(page), "text")
          await write(page, "one")
          await message(page, "Kept.")
          assert.strictEqual(await focused(page), "text")
          await page.getByRole("button", { name: "Sign out" }).click()
          await message(page, "Signed out.")
          assert.strictEqual(await focused(page), "username")
          assert.strictEqual(await page.locator("input:not([id])").count(), 0)
          assert.deepStrictEqual(uncaught, [])
        })
    )

    it.scoped(
      "H5: what is wrong with an input is said at the input, in a sentence, and what was typed stays",
      () =>
        visit(async (context, address) => {
          const { page } = await open(context, address)
          await write(page, "   ")
          await page.locator("#text-problem").filter({ hasText: "A note has 1 to 1,000 characters" }).waitFor()
          assert.deepStrictEqual(
            [await focused(page), await page.locator("#text").getAttribute("aria-invalid")],
            ["text", "true"]
          )
          assert.strictEqual(await page.locator("#text").inputValue(), "   ")
          await page.getByRole("button", { name: "Sign in" }).click()
          await page.locator("#username-problem").filter({ hasText: "A name has 1 to 64 characters" }).waitFor()
          assert.strictEqual(await focused(page), "username")
          await write(page, "one")
          await message(page, "Kept.")
          assert.strictEqual(await page.locator("#text").getAttribute("aria-invalid"), null)
        })
    )

    it.scoped(
      "H5: who writes while the session ends is told so, keeps the text, and nothing lands in another session",
      () =>
        visit(async (context, address) => {
          const { page, uncaught } = await open(context, address)
          await signIn(page, "ann")
          await makeClient(address, await cookieOf(context)).send("/api/sign-out", {})
          await write(page, "a secret")
          await message(page, "Your session has ended. What you wrote has not been kept.")
          await page.locator("#who").filter({ hasText: "a visitor" }).waitFor()
          assert.strictEqual(await page.locator("#text").inputValue(), "a secret")
          assert.deepStrictEqual(
            (await makeClient(address, await cookieOf(context)).send("/api/session")).body.notes,
            []
          )
          await signIn(page, "ann")
          assert.strictEqual(await page.locator("#text").inputValue(), "a secret")
          assert.deepStrictEqual(uncaught, [])
        })
    )

    it.scoped(
      "H5: who writes where another tab signed somebody in is told who is there now",
      () =>
        visit(async (context, address) => {
          const { page } = await open(context, address)
          const client = makeClient(address, await cookieOf(context))
          await client.send("/api/sign-in", { username: "bob" })
          const [name = "", value = ""] = client.cookie.split("=")
          await context.addCookies([{ name, value, url: address }])
          await write(page, "a visitor's")
          await message(page, "You are signed in as bob now. What you wrote has not been kept.")
          await page.locator("#who").filter({ hasText: "bob" }).waitFor()
          assert.strictEqual(await page.locator("#text").inputValue(), "a visitor's")
        })
    )

    it.scoped(
      "H5: the server is down, then up: the page says so, keeps what was typed, and goes on",
      () =>
        Effect.gen(function*() {
          const browser = yield* Browser
          const first = yield* Scope.make()
          const address = yield* Scope.extend(serve(), first)
          const context = yield* Effect.promise(() => newContext(browser, { viewport: narrow }))
          const { page, uncaught } = yield* Effect.promise(() => open(context, address))
          yield* Scope.close(first, Exit.void)
          yield* Effect.promise(async () => {
            await write(page, "while it was away")
            await message(page, "The server does not answer. This page keeps trying.")
          })
          yield* serve({ PORT: String(portOf(address)) })
          yield* Effect.promise(async () => {
            await message(page, "The server is back. What you typed is still there.")
            assert.strictEqual(await page.locator("#text").inputValue(), "while it was away")
            assert.deepStrictEqual(uncaught, [])
          })
        })
    )

    it.scoped("a request that was renamed meanwhile is tried again, once", () =>
      visit(async (context, address) => {
        const { page } = await open(context, address)
        let refusals = 0
        await page.route("**/api/notes", (route) =>
          refusals++ === 0
            ? route.fulfill({ status: 409, json: { _tag: "SessionConflict", reason: "Renamed", message: "" } })
            : route.continue())
        await write(page, "one")
        await message(page, "Kept.")
        assert.strictEqual(refusals, 2)
        await page.unroute("**/api/notes")
        await page.route("**/api/notes", (route) =>
          route.fulfill({ status: 409, json: { _tag: "SessionConflict", reason: "Renamed", message: "" } }))
        await write(page, "two")
        await message(page, "Something else changed your session at the same moment. Try again.")
        assert.strictEqual(await page.locator("#text").inputValue(), "two")
      }))

    it.scoped(
      "a store that is away for a moment is no end: the page says whether something may have been kept",
      () =>
        visit(async (context, address) => {
          const { page } = await open(context, address)
          for (const [outcomeUnknown, says] of [[false, "Nothing was changed"], [true, "could not learn"]] as const) {
            await page.route(
              "**/api/notes",
              (route) =>
                route.fulfill({
                  status: 503,
                  json: { _tag: "SessionStoreError", reason: "Unavailable", outcomeUnknown }
                }),
              {
                times: 1
              }
            )
            await write(page, "one")
            await message(page, says)
            await message(page, "The server is back.")
          }
        })
    )
  })
})
