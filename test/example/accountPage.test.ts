import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Playwright from "playwright-core"
import { browserMissing, launchBrowser, newContext } from "../http/support/browser.js"
import { serve } from "./serve.js"

class Browser extends Context.Tag("Browser")<Browser, Playwright.Browser>() {}

const narrow = { width: 320, height: 640 }
const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
  "Version/17.5 Mobile/15E148 Safari/604.1"

const shows = (page: Playwright.Page, selector: string, text: RegExp | string) =>
  page.locator(selector).filter({ hasText: text }).waitFor()

const focused = (page: Playwright.Page) => page.locator(":focus").getAttribute("id")

/** A page that has heard from the server, and what the browser complained of. */
const open = async (context: Playwright.BrowserContext, url: string) => {
  const page = await context.newPage()
  const problems: Array<string> = []
  page.on("pageerror", (error) => problems.push(String(error)))
  page.on("console", (said) => /policy/i.test(said.text()) && problems.push(said.text()))
  await page.goto(url)
  await page.locator("#who").filter({ hasNotText: "…" }).waitFor()
  return { page, problems }
}

const signIn = async (page: Playwright.Page, name: string, remember = false): Promise<void> => {
  await page.getByLabel("Your name").fill(name)
  if (remember) await page.getByLabel("Remember me on this device").check()
  await page.getByRole("button", { name: "Sign in" }).click()
  await shows(page, "#message", `Signed in as ${name}.`)
}

/** Two profiles, a wide one and a phone, and a clock of the server that goes ahead when the test says so. */
const visit = (
  f: (
    address: string,
    desk: Playwright.BrowserContext,
    phone: Playwright.BrowserContext,
    goOn: (minutes: number) => void
  ) => Promise<void>
) =>
  Effect.clockWith((clock) => {
    let ahead = 0
    const millis = () => Date.now() + ahead
    const shifted = Object.assign(Object.create(clock), {
      currentTimeMillis: Effect.sync(millis),
      unsafeCurrentTimeMillis: millis
    })
    return Effect.gen(function*() {
      const address = yield* Effect.withClock(serve(), shifted)
      const browser = yield* Browser
      yield* Effect.promise(async () => {
        const contexts = [
          await newContext(browser, { viewport: { width: 1000, height: 800 } }),
          await newContext(browser, { viewport: narrow, userAgent: phone, colorScheme: "dark" })
        ] as const
        await f(address, ...contexts, (minutes) => {
          ahead += minutes * 60_000
        })
        for (const context of contexts) await context.close()
      })
    })
  })

const setting = { excludeTestServices: true, timeout: "5 minutes" } as const

describe.skipIf(browserMissing() !== undefined)("the account page", () => {
  layer(Layer.scoped(Browser, launchBrowser), setting)((it) => {
    it.scoped(
      "a device that is signed out from another says so without a click, and what was typed is kept until the next sign-in",
      () =>
        visit(async (address, desk, phone) => {
          const here = await open(desk, `${address}/account`)
          const there = await open(phone, address)
          await signIn(there.page, "ann", true)
          await signIn(here.page, "ann")
          await there.page.getByLabel("A new note").fill("half a thought")
          await shows(here.page, "#devices li", /Safari on iPhone.*Remembered/)
          await here.page.getByRole("button", { name: "Sign out: Safari on iPhone" }).click()
          await shows(here.page, "#message", "Signed out: Safari on iPhone.")
          assert.strictEqual(await focused(here.page), "devices-title")
          await shows(here.page, "#activity li", "Signed out from another device: Safari on iPhone")

          await shows(there.page, "#notice", "You were signed out on another device.")
          assert.strictEqual(await there.page.getByLabel("A new note").inputValue(), "half a thought")
          assert.strictEqual(await there.page.getByLabel("Your name").inputValue(), "ann")
          await there.page.getByRole("button", { name: "Sign in" }).click()
          await shows(there.page, "#message", "Signed in as ann.")
          assert.strictEqual(await there.page.locator("#notice").innerText(), "")
          await there.page.getByRole("button", { name: "Keep it" }).click()
          await shows(there.page, "#notes li", "half a thought")
          assert.deepStrictEqual([...here.problems, ...there.problems], [])
        })
    )

    it.scoped("a session that expires under the user's hands is told, and the note waits for them", () =>
      visit(async (address, desk, _phone, goOn) => {
        const { page } = await open(desk, address)
        await signIn(page, "ann")
        await page.getByLabel("A new note").fill("half a thought")
        goOn(16)
        await shows(page, "#notice", "Your session has expired. Sign in again to go on. What you typed is still here.")
        await page.reload()
        await page.locator("#who").filter({ hasText: "a visitor" }).waitFor()
        assert.strictEqual(await page.getByLabel("A new note").inputValue(), "", "somebody else may sit there by now")
        await signIn(page, "ann")
        assert.strictEqual(await page.getByLabel("A new note").inputValue(), "half a thought")
      }))

    it.scoped("signing out everywhere asks for the name again when the sign-in is old: Esc is no, another name is none", () =>
      visit(async (address, desk, phone, goOn) => {
        const { page, problems } = await open(desk, `${address}/account`)
        const there = await open(phone, `${address}/account`)
        await signIn(page, "ann", true)
        await signIn(there.page, "ann", true)
        goOn(11)
        const everywhere = page.getByRole("button", { name: "Sign out everywhere" })
        await everywhere.click()
        await page.getByRole("dialog", { name: "Is it you?" }).waitFor()
        assert.strictEqual(await focused(page), "confirm-name")
        await page.keyboard.press("Escape")
        await page.getByRole("dialog").waitFor({ state: "hidden" })
        assert.strictEqual(await focused(page), "everywhere")
        await everywhere.press("Enter")
        await page.getByRole("dialog").getByLabel("Name").fill("bob")
        await page.keyboard.press("Enter")
        await shows(page, "#confirm-name-problem", "That is not the name you are signed in with.")
        assert.strictEqual(await there.page.locator("#who").innerText(), "ann")
        await page.getByRole("dialog").getByLabel("Name").fill("ann")
        await page.keyboard.press("Enter")
        await shows(page, "#message", "You signed out everywhere: 2 devices.")
        assert.strictEqual(await focused(page), "username")
        assert.strictEqual(await page.locator("#notice").innerText(), "")
        await shows(there.page, "#notice", "You signed out everywhere.")
        assert.strictEqual(await there.page.locator("#devices li").count(), 0)
        assert.deepStrictEqual([...problems, ...there.problems], [])
      }))

    it.scoped("fits a narrow phone, and every target is large enough for a thumb", () =>
      visit(async (address, desk, phone) => {
        const { page } = await open(phone, `${address}/account`)
        await signIn((await open(desk, address)).page, "W".repeat(64))
        await signIn(page, "W".repeat(64))
        await page.locator("#devices li").nth(1).waitFor()
        assert.strictEqual(
          await page.evaluate(() => Reflect.get(globalThis, "document").documentElement.scrollWidth),
          narrow.width
        )
        for (const target of await page.locator("main button:visible, header button:visible, nav a").all()) {
          const box = await target.boundingBox()
          assert.isAtLeast(box?.height ?? 0, 44)
          assert.isAtMost((box?.x ?? 0) + (box?.width ?? 0), narrow.width - 16)
        }
      }))
  })
})
