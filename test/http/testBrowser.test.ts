import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, scoped } from "@effect/vitest"
import { Session, SessionCookie, SessionCsrf, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import { TestBrowser } from "effect-sessions/testing"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const origin = "https://app.example.com"

class NotesSession extends Session.Tag<NotesSession>()("NotesSession", {
  data: Schema.Struct({ notes: Schema.Array(Schema.String) }),
  initial: { notes: [] }
}) {}

const Page = Schema.Struct({ user: Schema.NullOr(Schema.String), notes: Schema.Array(Schema.String) })

const readPage = Effect.gen(function*() {
  const session = yield* NotesSession
  return { user: Option.getOrNull(yield* session.user), notes: (yield* session.get).notes }
})

const signIn = Effect.flatMap(NotesSession, (session) => session.signIn("ada"))

const signOut = Effect.flatMap(NotesSession, (session) => session.signOut)

const addNote = Effect.gen(function*() {
  const session = yield* NotesSession
  const request = yield* HttpServerRequest.HttpServerRequest
  const note = new URLSearchParams(yield* request.text).get("note") ?? "none"
  yield* session.update(({ notes }) => ({ notes: [...notes, note] }))
})

const home = Effect.succeed(HttpServerResponse.redirect("/", { status: 303 }))

const pageResponse = Effect.map(readPage, (page) => HttpServerResponse.unsafeJson(page))

const SessionsLive = Layer.mergeAll(Sessions.layerMemory(NotesSession), SessionCookie.layer()).pipe(
  Layer.provideMerge(SessionTimeouts.layer())
)

const visitor = { user: null, notes: [] }

const ada = { user: "ada", notes: [] }

/** What the browser has said. */
const echo = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  (request) =>
    Effect.map(
      request.text,
      (body) =>
        HttpServerResponse.unsafeJson({
          method: request.method,
          url: request.url,
          headers: { ...request.headers },
          body
        })
    )
)

/** Answers with the headers that the query asks for. */
const answer = Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
  const query = new URL(request.url, origin).searchParams
  const response = HttpServerResponse.text("", { status: Number(query.get("status") ?? 200) })
  const located = query.has("to") ? HttpServerResponse.setHeader(response, "location", query.get("to") ?? "") : response
  return query.has("cookie") ? HttpServerResponse.setHeader(located, "set-cookie", query.get("cookie") ?? "") : located
})

/** Pages without a session. */
const toolRoutes = Layer.mergeAll(
  HttpLayerRouter.add("*", "/echo/*", echo),
  HttpLayerRouter.add("*", "/answer", answer),
  HttpLayerRouter.add("GET", "/die", Effect.die("broken")),
  HttpLayerRouter.add("GET", "/no-json", HttpServerResponse.text("{", { contentType: "application/json" }))
)

const makeTools = HttpLayerRouter.toHttpEffect(toolRoutes)

const sessionRoutes = HttpLayerRouter.addAll([
  HttpLayerRouter.route("GET", "/", Effect.orDie(pageResponse)),
  HttpLayerRouter.route("POST", "/sign-in", Effect.zipRight(Effect.orDie(signIn), home)),
  HttpLayerRouter.route("POST", "/sign-out", Effect.zipRight(Effect.orDie(signOut), home)),
  HttpLayerRouter.route("POST", "/notes", Effect.zipRight(Effect.orDie(addNote), home))
])

/** The notes app, protected from other sites. */
const makeNotes = (cookie: SessionCookie.Options = {}) =>
  HttpLayerRouter.toHttpEffect(
    sessionRoutes.pipe(
      Layer.provide(SessionCsrf.layerRouter(NotesSession).combine(SessionMiddleware.layerRouter(NotesSession)).layer),
      Layer.provide(SessionCsrf.layer({ origins: [origin], token: false })),
      Layer.provide(Sessions.layerMemory(NotesSession)),
      Layer.provide(SessionCookie.layer(cookie)),
      Layer.provide(SessionTimeouts.layer({ idle: "15 minutes", absolute: "1 day" }))
    )
  )

const open = (cookie: SessionCookie.Options = {}) =>
  Effect.flatMap(makeNotes(cookie), (app) => TestBrowser.make(app, { origin }))

const openTools = Effect.flatMap(makeTools, (app) => TestBrowser.make(app))

const namesIn = (browser: TestBrowser.TestBrowser) =>
  Effect.map(browser.cookies, (cookies) => cookies.map(({ name }) => name))

const pageOf = (browser: TestBrowser.TestBrowser) => Effect.map(browser.get("/"), ({ json }) => json)

const setCookie = (browser: TestBrowser.TestBrowser, cookie: string) =>
  browser.get(`/answer?${new URLSearchParams({ cookie }).toString()}`)

describe("The routers", () => {
  scoped("HttpRouter: a router is an app, and so is what toHttpApp makes of it", () =>
    Effect.gen(function*() {
      const router = HttpRouter.empty.pipe(
        HttpRouter.get("/", pageResponse),
        HttpRouter.post("/sign-in", Effect.zipRight(signIn, home)),
        HttpRouter.use(SessionMiddleware.httpRouter(NotesSession))
      )
      for (const app of [router, yield* HttpRouter.toHttpApp(router)]) {
        const browser = yield* TestBrowser.make(app)
        assert.deepStrictEqual(yield* pageOf(browser), visitor)
        assert.deepStrictEqual((yield* browser.post("/sign-in", { follow: true })).json, ada)
        assert.deepStrictEqual(yield* pageOf(browser), ada)
      }
    }).pipe(Effect.provide(SessionsLive)))

  scoped("HttpLayerRouter: toHttpEffect makes the app", () =>
    Effect.gen(function*() {
      const browser = yield* open()
      assert.deepStrictEqual(yield* pageOf(browser), visitor)
      assert.deepStrictEqual((yield* browser.post("/sign-in", { follow: true })).json, ada)
      assert.deepStrictEqual(yield* pageOf(browser), ada)
    }))

  class NotesSessions extends HttpApiMiddleware.Tag<NotesSessions>()(
    "NotesSessions",
    SessionMiddleware.httpApi(NotesSession)
  ) {}

  class Api extends HttpApi.make("api")
    .add(
      HttpApiGroup.make("pages")
        .add(HttpApiEndpoint.get("page", "/").addSuccess(Page))
        .add(HttpApiEndpoint.post("signIn", "/sign-in").addSuccess(Page))
    )
    .middleware(NotesSessions)
  {}

  const Pages = HttpApiBuilder.group(Api, "pages", (handlers) =>
    handlers
      .handle("page", () => Effect.orDie(readPage))
      .handle("signIn", () => Effect.orDie(Effect.zipRight(signIn, readPage))))

  const ApiLive = HttpApiBuilder.api(Api).pipe(
    Layer.provide(Pages),
    Layer.provide(SessionMiddleware.layerHttpApi(NotesSessions, NotesSession)),
    Layer.provide(SessionsLive)
  )

  scoped("HttpApi: httpApp is the app", () =>
    Effect.gen(function*() {
      const browser = yield* TestBrowser.make(yield* HttpApiBuilder.httpApp)
      assert.deepStrictEqual(yield* pageOf(browser), visitor)
      assert.deepStrictEqual((yield* browser.post("/sign-in")).json, ada)
      assert.deepStrictEqual(yield* pageOf(browser), ada)
    }).pipe(
      Effect.provide([ApiLive, HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer, HttpServer.layerContext])
    ))
})

describe("The story of a session", () => {
  scoped("is told as a user sees it, to the idle timeout", () =>
    Effect.gen(function*() {
      const browser = yield* open({ persistent: true })
      yield* browser.post("/sign-in")
      assert.strictEqual((yield* browser.post("/notes", { form: { note: "milk & honey" } })).status, 303)
      assert.deepStrictEqual(yield* pageOf(browser), { user: "ada", notes: ["milk & honey"] })
      assert.deepStrictEqual(yield* namesIn(browser), ["__Host-sid"])
      yield* TestClock.adjust("14 minutes")
      assert.deepStrictEqual(yield* pageOf(browser), { user: "ada", notes: ["milk & honey"] })
      yield* TestClock.adjust("15 minutes")
      assert.deepStrictEqual(yield* namesIn(browser), [])
      assert.deepStrictEqual(yield* pageOf(browser), visitor)
    }))

  scoped("ends at the idle timeout also where the cookie stays", () =>
    Effect.gen(function*() {
      const browser = yield* open()
      yield* browser.post("/sign-in")
      yield* TestClock.adjust("15 minutes")
      assert.deepStrictEqual(yield* pageOf(browser), visitor)
    }))

  scoped("of one device is not that of another", () =>
    Effect.gen(function*() {
      const app = yield* makeNotes()
      const laptop = yield* TestBrowser.make(app, { origin })
      const phone = yield* TestBrowser.make(app, { origin })
      yield* laptop.post("/sign-in")
      assert.deepStrictEqual(yield* pageOf(phone), visitor)
      assert.deepStrictEqual(yield* namesIn(phone), [])
      yield* phone.post("/sign-in")
      yield* phone.post("/sign-out")
      assert.deepStrictEqual(yield* pageOf(phone), visitor)
      assert.deepStrictEqual(yield* pageOf(laptop), ada)
    }))

  scoped("ends with the sign-out, and so does its cookie", () =>
    Effect.gen(function*() {
      const browser = yield* open()
      yield* browser.post("/sign-in")
      assert.deepStrictEqual(yield* namesIn(browser), ["__Host-sid"])
      assert.deepStrictEqual((yield* browser.post("/sign-out", { follow: true })).json, visitor)
      assert.deepStrictEqual(yield* namesIn(browser), [])
    }))

  scoped("can be told with an id that was stolen", () =>
    Effect.gen(function*() {
      const app = yield* makeNotes()
      const browser = yield* TestBrowser.make(app, { origin })
      yield* browser.post("/sign-in")
      const [cookie] = yield* browser.cookies
      const thief = yield* TestBrowser.make(app, { origin })
      const headers = { Cookie: `${cookie?.name}=${cookie?.value}` }
      assert.deepStrictEqual((yield* thief.get("/", { headers })).json, ada)
      assert.deepStrictEqual((yield* thief.get("/")).json, visitor)
    }))

  for (const persistent of [true, false]) {
    scoped(
      `${persistent ? "goes on" : "ends"} in a browser that is closed, where persistent is ${persistent}`,
      () =>
        Effect.gen(function*() {
          const browser = yield* open({ persistent })
          yield* browser.post("/sign-in")
          yield* browser.restart
          assert.deepStrictEqual(yield* pageOf(browser), persistent ? ada : visitor)
        })
    )
  }
})

describe("Another site", () => {
  const refused = (options: TestBrowser.RequestOptions) =>
    Effect.gen(function*() {
      const browser = yield* open()
      yield* browser.post("/sign-in")
      const response = yield* browser.post("/notes", { form: { note: "forged" }, ...options })
      assert.strictEqual(response.status, 403)
      assert.deepStrictEqual(yield* pageOf(browser), ada)
    })

  scoped("is refused what changes something", () => refused({ from: "https://evil.test" }))

  scoped("is refused on another port as well", () => refused({ from: `${origin}:8443` }))

  scoped("is refused if the app's own origin is not what the browser knows", () =>
    Effect.gen(function*() {
      const browser = yield* TestBrowser.make(yield* makeNotes(), { origin: "http://app.example.com" })
      assert.strictEqual((yield* browser.post("/notes")).status, 403)
    }))

  for (const sameSite of ["lax", "strict"] as const) {
    scoped(
      `may link, and the cookie is ${sameSite === "lax" ? "sent" : "held back"} if SameSite is ${sameSite}`,
      () =>
        Effect.gen(function*() {
          const browser = yield* open({ sameSite })
          yield* browser.post("/sign-in")
          const response = yield* browser.get("/", { from: "https://evil.test" })
          assert.deepStrictEqual(response.json, sameSite === "lax" ? ada : visitor)
        })
    )
  }
})

describe("A request", () => {
  const Said = Schema.Struct({
    method: Schema.String,
    url: Schema.String,
    headers: Schema.Record({ key: Schema.String, value: Schema.String }),
    body: Schema.String
  })

  const said = <E>(response: Effect.Effect<TestBrowser.Response, E>) =>
    Effect.map(response, ({ json }) => Schema.decodeUnknownSync(Said)(json))

  scoped("says what a browser says", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      const got = yield* said(browser.get("/echo/a%20b?c=d#e"))
      assert.deepStrictEqual(got, {
        method: "GET",
        url: "/echo/a%20b?c=d",
        headers: { host: "localhost", "sec-fetch-site": "same-origin" },
        body: ""
      })
      const posted = yield* said(browser.post("/echo/x"))
      assert.strictEqual(posted.headers["origin"], "https://localhost")
      const foreign = yield* said(browser.post("/echo/x", { from: "https://evil.test" }))
      assert.strictEqual(foreign.headers["origin"], "https://evil.test")
      assert.strictEqual(foreign.headers["sec-fetch-site"], "cross-site")
      const near = yield* said(browser.post("/echo/x", { from: "https://localhost:8443" }))
      assert.strictEqual(near.headers["sec-fetch-site"], "same-site")
    }))

  scoped("says less over plain http", () =>
    Effect.gen(function*() {
      const app = yield* makeTools
      for (
        const [origin, site] of [["http://localhost:3000", "same-origin"], ["http://app.test", undefined]] as const
      ) {
        const browser = yield* TestBrowser.make(app, { origin })
        const { headers } = yield* said(browser.post("/echo/x"))
        assert.strictEqual(headers["sec-fetch-site"], site)
        assert.strictEqual(headers["origin"], origin)
        assert.strictEqual(headers["host"], origin.slice("http://".length))
      }
    }))

  scoped("carries what it is given", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      const json = yield* said(browser.request("put", "/echo/x", { json: { a: [1] } }))
      assert.deepStrictEqual([json.method, json.headers["content-type"], json.body], [
        "PUT",
        "application/json",
        "{\"a\":[1]}"
      ])
      const form = yield* said(browser.post("/echo/x", { form: { a: "1&2", b: "é" } }))
      assert.deepStrictEqual([form.headers["content-type"], form.body], [
        "application/x-www-form-urlencoded",
        "a=1%262&b=%C3%A9"
      ])
      const headers = { "Content-Type": "text/csv", "Sec-Fetch-Site": "none" }
      const text = yield* said(browser.post("/echo/x", { body: new Uint8Array([97, 44, 98]), headers }))
      assert.deepStrictEqual([text.headers["content-type"], text.headers["sec-fetch-site"], text.body], [
        "text/csv",
        "none",
        "a,b"
      ])
    }))

  scoped("that no browser can send is told what to change", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      const problem = (request: Effect.Effect<unknown, { readonly message: string }>) =>
        Effect.map(Effect.flip(request), ({ message }) => message)
      assert.include(yield* problem(browser.get("notes")), "path \"notes\" is not one of the app")
      assert.include(yield* problem(browser.get("//evil.test/")), "path \"//evil.test/\" is not one of the app")
      assert.include(yield* problem(browser.get("https://evil.test/")), "is not one of the app")
      assert.include(yield* problem(browser.post("/", { json: 1, form: {} })), "leave all but one out")
      assert.include(yield* problem(browser.post("/", { from: "evil.test" })), "from \"evil.test\" is no origin")
      assert.include(yield* problem(browser.get("/", { body: "a" })), "TestBrowser: ")
      assert.include(yield* problem(browser.post("/", { json: 1n })), "TestBrowser: ")
      assert.include(yield* problem(browser.get("/", { headers: { "a b": "c" } })), "TestBrowser: ")
      assert.include(yield* problem(browser.request("TRACE", "/")), "TestBrowser: ")
      const app = yield* makeTools
      for (const origin of ["", "localhost", "https://app.test/", "ftp://app.test"]) {
        assert.include(yield* problem(TestBrowser.make(app, { origin })), "is no origin")
      }
    }))

  scoped("ends in the app as well when it is interrupted", () =>
    Effect.gen(function*() {
      const arrived = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const app = Deferred.succeed(arrived, undefined).pipe(
        Effect.zipRight(Effect.never),
        Effect.interruptible,
        Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
      )
      const browser = yield* TestBrowser.make(app)
      const fiber = yield* Effect.fork(browser.get("/"))
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(ended)
    }))
})

describe("A response", () => {
  scoped("is a status, whatever the app does", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      assert.strictEqual((yield* browser.get("/die")).status, 500)
      assert.strictEqual((yield* browser.get("/missing")).status, 404)
      assert.strictEqual((yield* browser.request("HEAD", "/answer?status=204")).status, 204)
      const failing = yield* TestBrowser.make(Effect.fail("no response"))
      assert.strictEqual((yield* failing.get("/")).status, 500)
    }))

  scoped("is JSON only if it says so and is", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      const broken = yield* browser.get("/no-json")
      assert.deepStrictEqual([broken.json, broken.text], [undefined, "{"])
      assert.isUndefined((yield* browser.get("/answer")).json)
    }))

  scoped("is read to its end, with what the app provides and by its clock", () =>
    Effect.gen(function*() {
      const parts = Stream.mapEffect(Stream.make("a", "b"), (part) => Effect.delay(Effect.succeed(part), "1 minute"))
      const app = Effect.succeed(HttpServerResponse.stream(Stream.encodeText(parts)))
      const browser = yield* TestBrowser.make(app)
      const fiber = yield* Effect.fork(browser.get("/"))
      yield* TestClock.adjust("1 minute")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).text, "ab")
    }))

  scoped("sets the cookies that a browser takes", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      const refused = "__Host-a=1; Path=/; Secure; Domain=localhost.test"
      assert.deepStrictEqual((yield* setCookie(browser, refused)).setCookies, [refused])
      yield* setCookie(browser, "__Host-b=1; Path=/")
      yield* setCookie(browser, "__Host-c=1; Path=/; Secure")
      yield* setCookie(browser, "d=1; Max-Age=60")
      yield* setCookie(browser, "e=1; Path=/echo; Expires=Thu, 01 Jan 1970 00:02:00 GMT")
      assert.deepStrictEqual(yield* namesIn(browser), ["__Host-c", "d", "e"])
      const sent = Effect.map(browser.get("/echo/x"), ({ text }) => /"cookie":"([^"]*)"/.exec(text)?.[1])
      assert.strictEqual(yield* sent, "e=1; __Host-c=1; d=1")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* sent, "e=1; __Host-c=1")
      yield* browser.restart
      assert.strictEqual(yield* sent, "e=1")
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(yield* sent)
      yield* setCookie(browser, "f=1; Max-Age=60")
      assert.deepStrictEqual(yield* namesIn(browser), ["f"])
    }))
})

describe("A redirect", () => {
  const to = (status: number, to: string) =>
    `/answer?${new URLSearchParams({ status: String(status), to, cookie: "seen=1" }).toString()}`

  scoped("is followed only if asked", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      const response = yield* browser.get(to(302, "/echo/x"))
      assert.deepStrictEqual([response.status, response.headers["location"]], [302, "/echo/x"])
    }))

  scoped("is followed with the method of a browser, and with the cookies it sets", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      for (
        const [status, method, then] of [
          [301, "POST", "GET"],
          [302, "POST", "GET"],
          [302, "PUT", "PUT"],
          [303, "PUT", "GET"],
          [303, "HEAD", "HEAD"],
          [307, "POST", "POST"],
          [308, "POST", "POST"]
        ] as const
      ) {
        const body = method === "HEAD" ? undefined : "text"
        const response = yield* browser.request(method, to(status, "echo/x#part"), { body, follow: true })
        assert.strictEqual(response.url, "https://localhost/echo/x")
        if (method === "HEAD") continue
        assert.include(response.text, `"method":"${then}"`)
        assert.include(response.text, then === "GET" ? "\"body\":\"\"" : "\"body\":\"text\"")
        assert.include(response.text, "\"cookie\":\"seen=1\"")
        assert.strictEqual(response.text.includes("content-type"), then !== "GET")
      }
    }))

  scoped("to another origin, to nowhere, or without an end is not followed to its end", () =>
    Effect.gen(function*() {
      const browser = yield* openTools
      for (const place of ["https://evil.test/", "http://localhost/", "https://"]) {
        assert.strictEqual((yield* browser.get(to(302, place), { follow: true })).headers["location"], place)
      }
      const app = Effect.succeed(HttpServerResponse.redirect("/"))
      assert.strictEqual((yield* (yield* TestBrowser.make(app)).get("/", { follow: true })).status, 302)
    }))
})
