import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { BrowserContext, Page } from "playwright-core"
import { test } from "vitest"
import { browserMissing, foreignServer, newContext, Visited } from "./support/browser.js"

const missing = browserMissing()

/** What the page shows once it has heard from the server. */
const textOf = (page: Page, selector: string) => page.locator(selector).innerText()

const open = async (page: Page, url: string): Promise<void> => {
  await page.goto(url)
  await page.waitForFunction(() => !/…/.test(Reflect.get(globalThis, "document").body.innerText))
}

const submit = async (page: Page, form: string, field: string | undefined, path: string, text = ""): Promise<void> => {
  if (field !== undefined) await page.fill(`#${form} [name=${field}]`, text)
  const shown = page.waitForResponse((response) => response.url().endsWith("/api/session"))
  const done = page.waitForResponse((response) => response.url().endsWith(path))
  await page.click(`#${form} button`)
  await Promise.all([done, shown])
}

const signIn = async (page: Page, name: string): Promise<void> => {
  await submit(page, "sign-in", "username", "/api/sign-in", name)
  await page.waitForFunction(
    (name) => Reflect.get(globalThis, "document").getElementById("who").textContent === name,
    name
  )
}

const signOut = async (page: Page): Promise<void> => {
  await submit(page, "sign-out", undefined, "/api/sign-out")
  await page.waitForFunction(() =>
    Reflect.get(globalThis, "document").getElementById("who").textContent === "a visitor"
  )
}

const sessionCookie = async (context: BrowserContext) => {
  const cookies = await context.cookies()
  assert.isAtMost(cookies.length, 1)
  return cookies[0]
}

/** What the server says of the session of this browser. */
const serverSays = (
  page: Page,
  url: string
): Promise<{ readonly user: string | null; readonly notes: ReadonlyArray<string> }> =>
  page.request.get(`${url}/api/session`).then((response) => response.json())

const visit = (f: (page: Page, url: string, context: BrowserContext) => Promise<void>) =>
  Effect.gen(function*() {
    const { browser, url } = yield* Visited
    yield* Effect.promise(async () => {
      const context = await newContext(browser)
      const page = await context.newPage()
      await open(page, url)
      await f(page, url, context)
    })
  })

/** A form that sends itself, and a request of a script, to the server of the notes. */
const attack = (path: string, body: string): string =>
  `<!doctype html><form method="post" enctype="text/plain"><input name='${body}"x":"' value='"}'></form>
<script>
  const target = decodeURIComponent(location.hash.slice(1))
  const form = document.forms[0]
  form.action = target + "${path}"
  globalThis.sent = fetch(form.action, {
    method: "POST", mode: "no-cors", credentials: "include", body: '${body}"x":""}'
  }).then(() => "sent", String)
</script>`

describe.skipIf(missing !== undefined)("In Chromium", () => {
  layer(Visited.live, { excludeTestServices: true })((it) => {
    it.scoped(
      "the cookie is stored as it was meant: HttpOnly, Secure, SameSite=Lax, for this host and this browser",
      () =>
        visit(async (page, _url, context) => {
          const cookie = await sessionCookie(context)
          assert.match(cookie?.value ?? "", /^[\w-]{22}$/)
          assert.deepStrictEqual({ ...cookie, value: "" }, {
            name: "__Host-sid",
            value: "",
            domain: "localhost",
            path: "/",
            expires: -1,
            httpOnly: true,
            secure: true,
            sameSite: "Lax"
          })
          assert.strictEqual(await page.evaluate(() => Reflect.get(globalThis, "document").cookie), "")
        })
    )

    it.scoped(
      "a sign-in gives another cookie, and the one from before is worth nothing",
      () =>
        visit(async (page, url, context) => {
          const before = await sessionCookie(context)
          await signIn(page, "ada")
          const after = await sessionCookie(context)
          assert.notStrictEqual(after?.value, before?.value)
          assert.strictEqual((await serverSays(page, url)).user, "ada")
          await page.reload()
          await page.waitForFunction(() =>
            Reflect.get(globalThis, "document").getElementById("who").textContent === "ada"
          )
          const stale = await fetch(`${url}/api/session`, { headers: { cookie: `__Host-sid=${before?.value}` } })
          assert.deepStrictEqual(Reflect.get(Object(await stale.json()), "user"), null)
        })
    )

    it.scoped(
      "after a sign-out the cookie is gone, and the back button shows nothing of the session",
      () =>
        visit(async (page, url, context) => {
          await signIn(page, "ada")
          await submit(page, "note", "text", "/api/notes", "a secret note")
          await page.goto(`${url}/api/session`)
          assert.include(await textOf(page, "body"), "a secret note")
          await open(page, url)
          await signOut(page)
          const left = await sessionCookie(context)
          assert.isUndefined(left)
          await page.goBack()
          const shown = await textOf(page, "body")
          assert.include(shown, "\"user\":null")
          assert.notInclude(shown, "a secret note")
        })
    )

    it.scoped(
      "two tabs share the session: both see a sign-in, a note of each is kept, a sign-out ends both",
      () =>
        visit(async (page, url, context) => {
          const other = await context.newPage()
          await open(other, url)
          await signIn(page, "ada")
          await open(other, url)
          assert.strictEqual(await textOf(other, "#who"), "ada")
          await Promise.all([
            submit(page, "note", "text", "/api/notes", "from one"),
            submit(other, "note", "text", "/api/notes", "from the other")
          ])
          assert.sameMembers([...(await serverSays(page, url)).notes], ["from one", "from the other"])
          await signOut(other)
          await open(page, url)
          assert.strictEqual(await textOf(page, "#who"), "a visitor")
          assert.strictEqual((await serverSays(page, url)).user, null)
        })
    )

    for (const [what, host] of [["the same site", "localhost"], ["another site", "127.0.0.1"]] as const) {
      for (
        const [path, body] of [["/api/notes", "{\"text\":\"planted\","], [
          "/api/sign-in",
          "{\"username\":\"eve\","
        ]] as const
      ) {
        it.scoped(
          `a page of another origin on ${what} cannot post to ${path}, with a form or a script`,
          () =>
            Effect.gen(function*() {
              const { browser, url } = yield* Visited
              const port = yield* foreignServer(attack(path, body))
              yield* Effect.promise(async () => {
                const context = await newContext(browser)
                const page = await context.newPage()
                await open(page, url)
                await signIn(page, "ada")

                const evil = await context.newPage()
                const answered = evil.waitForResponse((response) => response.url() === `${url}${path}`)
                await evil.goto(`http://${host}:${port}/#${encodeURIComponent(url)}`)
                assert.strictEqual((await answered).status(), 403)
                assert.strictEqual(await evil.evaluate(() => Reflect.get(globalThis, "sent")), "sent")

                const submitted = evil.waitForResponse((response) => response.request().isNavigationRequest())
                await evil.evaluate(() => {
                  Reflect.get(globalThis, "document").forms[0].submit()
                })
                const answer = await submitted
                assert.strictEqual(answer.url(), `${url}${path}`)
                assert.strictEqual(answer.status(), 403)

                const { notes, user } = await serverSays(page, url)
                assert.deepStrictEqual([user, [...notes]], ["ada", []])
              })
            })
        )
      }
    }
  })
})

test(missing === undefined ? "Chromium was found" : `The tests in Chromium were skipped: ${missing}`, () => {
  assert.strictEqual(missing, browserMissing())
})
