import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect, scoped } from "@effect/vitest"
import { SessionCookie, SessionCsrf, SessionMiddleware } from "effect-sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AppSession, incrementCount, makeApp, recordsOf, use, webHandler } from "../support/app.js"
import { knownId } from "./support/ids.js"
import { cookieOf, signedOptions, victimApp, victimData } from "./support/inputs.js"
import { openSocket, type RawRequest } from "./support/rawSocket.js"
import { serve, type SocketApp } from "./support/socketApp.js"

const origin = "https://app.test"

const token = use((session) => session.csrfToken)

const sameOrigin = "Sec-Fetch-Site: same-origin"

/** A page that is protected. */
const checked = <A, E, R>(options: SessionCsrf.Options, page: Effect.Effect<A, E, R>) =>
  Effect.provide(Effect.zipRight(SessionCsrf.check(AppSession), page), SessionCsrf.layer(options))

/** A page that changes something, protected. */
const transfer = (options: SessionCsrf.Options = { origins: [origin] }) =>
  checked(options, Effect.as(incrementCount, HttpServerResponse.text("done")))

interface Owned {
  readonly app: SocketApp
  readonly cookie: string
  /** The right token of the session, as a header. */
  readonly proof: string
  readonly token: string
}

const owned = Effect.gen(function*() {
  const app = yield* victimApp()
  const cookie = `Cookie: ${cookieOf(app, knownId)}`
  const { body } = yield* app.raw({ headers: [cookie] }, token)
  app.store.take()
  return { app, cookie, token: String(body), proof: `X-CSRF-Token: ${body}` }
})

const untouched = Effect.fnUntraced(function*(app: SocketApp, what: string) {
  const [record] = yield* recordsOf(app, "ada")
  assert.strictEqual(record?.data, JSON.stringify(victimData), what)
})

/** Sends it, and expects that it changes something. */
const passes = (what: string, make: (owned: Owned) => RawRequest, options?: SessionCsrf.Options) =>
  scoped(`${what} passes`, () =>
    Effect.gen(function*() {
      const session = yield* owned
      const answer = yield* session.app.raw({ method: "POST", ...make(session) }, transfer(options))
      assert.strictEqual(answer.status, 200)
    }))

/** Sends it, and expects a refusal that changes nothing, tells nothing, and does not ask the store. */
const refuses = (
  what: string,
  reason: "Foreign" | "Token",
  make: (owned: Owned) => RawRequest,
  options?: SessionCsrf.Options
) =>
  scoped(`${what} is refused`, () =>
    Effect.gen(function*() {
      const session = yield* owned
      const request = make(session)
      const answer = yield* session.app.raw({ method: "POST", ...request }, transfer(options))
      assert.strictEqual(answer.status, 403)
      assert.deepStrictEqual(answer.body, {
        _tag: "SessionCsrfError",
        reason,
        message: reason === "Foreign"
          ? "Nothing shows that the request comes from this app: neither Sec-Fetch-Site nor Origin or Referer names its own pages"
          : "The CSRF token is missing or wrong: a URL-encoded form has it in its field, every other request in a header"
      })
      assert.deepStrictEqual(session.app.store.take(), [])
      yield* untouched(session.app, what)
    }))

const withHeaders = (...headers: ReadonlyArray<string>) => ({ cookie, proof }: Owned): RawRequest => ({
  headers: [cookie, proof, ...headers]
})

const withToken = (...lines: ReadonlyArray<string>) => ({ cookie }: Owned): RawRequest => ({
  headers: [cookie, sameOrigin, ...lines]
})

const form = (body: (owned: Owned) => string) => (owned: Owned): RawRequest => ({
  headers: [owned.cookie, sameOrigin, "Content-Type: application/x-www-form-urlencoded"],
  body: body(owned)
})

describe("F1. Where a request comes from", () => {
  passes("Sec-Fetch-Site: same-origin", withHeaders(sameOrigin))
  passes("Sec-Fetch-Site: none", withHeaders("Sec-Fetch-Site: none"))
  passes("the Origin of the app, from a browser without Sec-Fetch-Site", withHeaders(`Origin: ${origin}`))
  passes("the Referer of the app, from a browser without either", withHeaders(`Referer: ${origin}/form?a=b`))
  passes("one of several origins", withHeaders("Origin: https://www.app.test"), {
    origins: [origin, "https://www.app.test"]
  })
  passes("a request that tells nothing, where that is allowed", withHeaders(), {
    origins: [origin],
    allowUnknown: true
  })

  refuses("Sec-Fetch-Site: same-site", "Foreign", withHeaders("Sec-Fetch-Site: same-site", `Origin: ${origin}`))
  refuses("Sec-Fetch-Site: cross-site", "Foreign", withHeaders("Sec-Fetch-Site: cross-site", `Origin: ${origin}`))
  refuses("a request that tells nothing", "Foreign", withHeaders())
  refuses(
    "a foreign origin, even where unknown ones are allowed",
    "Foreign",
    withHeaders("Origin: https://evil.test"),
    {
      origins: [origin],
      allowUnknown: true
    }
  )
  refuses("a foreign Referer", "Foreign", withHeaders("Referer: https://evil.test/https://app.test/"))
  refuses("a Referer that is no URL", "Foreign", withHeaders("Referer: app.test"))
  refuses("an opaque Referer", "Foreign", withHeaders("Referer: about:blank"))
  refuses(
    "a good Referer next to a foreign Origin",
    "Foreign",
    withHeaders("Origin: https://evil.test", `Referer: ${origin}/`)
  )
  refuses("the Origin of the Host header, which was not configured", "Foreign", withHeaders(`Origin: ${origin}`), {})
  refuses(
    "an Origin that X-Forwarded-Host agrees with",
    "Foreign",
    withHeaders("Origin: https://evil.test", "X-Forwarded-Host: evil.test", "X-Forwarded-Proto: https"),
    {}
  )
})

describe("77. Origins that are null or look alike", () => {
  for (
    const other of [
      "null",
      "",
      "https://app.test.evil.com",
      "https://evilapp.test",
      "https://app.test:8443",
      "http://app.test",
      "https://APP.test",
      "HTTPS://app.test",
      "https://app.test.",
      "https://app.test/",
      "https://app.test@evil.test",
      "https://app.test%00.evil.test",
      "https://app.test, https://app.test",
      "https://app.test https://evil.test",
      "//app.test",
      "app.test",
      "https://xn--pp-xka.test",
      "*"
    ]
  ) {
    refuses(`Origin: ${JSON.stringify(other)}`, "Foreign", withHeaders(`Origin: ${other}`))
  }
  refuses("two Origin headers", "Foreign", withHeaders(`Origin: https://evil.test`, `Origin: ${origin}`))
})

describe("79. Sec-Fetch-Site", () => {
  refuses("doubled, good first", "Foreign", withHeaders(sameOrigin, "Sec-Fetch-Site: cross-site"))
  refuses("doubled, good last", "Foreign", withHeaders("Sec-Fetch-Site: cross-site", sameOrigin))
  refuses("doubled, twice good", "Foreign", withHeaders(sameOrigin, sameOrigin))
  refuses("unknown, without an Origin", "Foreign", withHeaders("Sec-Fetch-Site: sideways"))
  refuses(
    "unknown, with a foreign Origin",
    "Foreign",
    withHeaders("Sec-Fetch-Site: sideways", "Origin: https://evil.test")
  )
  passes("unknown, with the Origin of the app", withHeaders("Sec-Fetch-Site: sideways", `Origin: ${origin}`))
  refuses("in other letters", "Foreign", withHeaders("Sec-Fetch-Site: Same-Origin"))
  refuses("empty", "Foreign", withHeaders("Sec-Fetch-Site: "))
})

describe("F2. The token of the session", () => {
  passes("in X-CSRF-Token", ({ cookie, token }) => ({ headers: [cookie, sameOrigin, `X-CSRF-Token: ${token}`] }))
  passes("in X-XSRF-Token", ({ cookie, token }) => ({ headers: [cookie, sameOrigin, `X-XSRF-Token: ${token}`] }))
  passes("in a form", form(({ token }) => `amount=1&_csrf=${token}`))
  passes("in a form field of another name", form(({ token }) => `proof=${token}`), { field: "proof" })
  passes(
    "in a header of another name",
    ({ cookie, token }) => ({ headers: [cookie, sameOrigin, `X-Proof: ${token}`] }),
    {
      headers: ["X-Proof"]
    }
  )
  passes("not needed where it is turned off", ({ cookie }) => ({ headers: [cookie, sameOrigin] }), { token: false })
  passes("in a form with a charset", (owned) => ({
    headers: [owned.cookie, sameOrigin, "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"],
    body: `_csrf=${owned.token}`
  }))

  scoped("is another text each time, and each of them is good", () =>
    Effect.gen(function*() {
      const { app, cookie } = yield* owned
      const tokens = new Set<string>()
      for (let count = 0; count < 20; count++) {
        const { body } = yield* app.raw({ headers: [cookie] }, token)
        tokens.add(String(body))
        const answer = yield* app.raw(
          { method: "POST", headers: [cookie, sameOrigin, `X-CSRF-Token: ${body}`] },
          checked({}, Effect.void)
        )
        assert.strictEqual(answer.status, 200)
      }
      assert.strictEqual(tokens.size, 20)
      for (const text of tokens) assert.match(text, /^[\w-]{86}$/)
    }))

  scoped("of a visitor makes a session, and is good for the cookie that comes with it", () =>
    Effect.gen(function*() {
      const app = yield* victimApp()
      const { body, setCookies } = yield* app.raw(
        {},
        Effect.provide(SessionCsrf.formField(AppSession), SessionCsrf.layer())
      )
      const value = /^<input type="hidden" name="_csrf" value="([\w-]{86})">$/.exec(String(body))?.[1]
      const cookie = setCookies[0]?.split(";")[0]
      assert.deepStrictEqual(app.store.take(), ["insert"])
      const answer = yield* app.raw({
        method: "POST",
        headers: [`Cookie: ${cookie}`, sameOrigin, "Content-Type: application/x-www-form-urlencoded"],
        body: `_csrf=${value}`
      }, transfer())
      assert.strictEqual(answer.status, 200)
    }))

  scoped("is good with signed cookies as well", () =>
    Effect.gen(function*() {
      const app = yield* victimApp(signedOptions)
      const cookie = `Cookie: ${cookieOf(app, knownId)}`
      const { body } = yield* app.raw({ headers: [cookie] }, token)
      const answer = yield* app.raw(
        { method: "POST", headers: [cookie, sameOrigin, `X-CSRF-Token: ${body}`] },
        transfer()
      )
      assert.strictEqual(answer.status, 200)
    }))
})

const formHeader = "Content-Type: application/x-www-form-urlencoded"

/** A page that reads the form that it was sent, and says how long it is. */
const lengthOf = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  ({ text }) => Effect.map(text, ({ length }) => length)
)

/** Headers that promise a body which never comes: whoever reads it waits for ever. */
const promised = (length: number, ...headers: ReadonlyArray<string>) => [
  sameOrigin,
  formHeader,
  `Content-Length: ${length}`,
  ...headers
]

describe("F1: the body of a request", () => {
  refuses("without a cookie, before it comes,", "Token", () => ({ headers: promised(2_000_000) }))
  refuses("with a malformed cookie, before it comes,", "Token", () => ({
    headers: promised(2_000_000, "Cookie: __Host-sid=x")
  }))
  refuses("of another site, before it comes,", "Foreign", ({ cookie }) => ({
    headers: [...promised(2_000_000, cookie).slice(1), "Sec-Fetch-Site: cross-site"]
  }))
  refuses("with a bad token in a header, before it comes,", "Token", ({ cookie }) => ({
    headers: promised(1000, cookie, "X-CSRF-Token: x")
  }))
  refuses("that is a longer form than is read for a token, before it comes,", "Token", ({ cookie }) => ({
    headers: promised(64 * 1024 + 1, cookie)
  }))
  refuses("that is no form, before it comes,", "Token", ({ cookie }) => ({
    headers: [cookie, sameOrigin, "Content-Type: application/json", "Content-Length: 1000"]
  }))

  scoped(
    "is not waited for where a header brings the token: what comes of it is up to the handler",
    () =>
      Effect.gen(function*() {
        const { app, cookie, proof } = yield* owned
        const answer = yield* app.raw({ method: "POST", headers: promised(1000, cookie, proof) }, transfer())
        assert.strictEqual(answer.status, 200)
      })
  )

  const padded = (token: string, length: number) => {
    const start = `_csrf=${token}&filler=`
    return start + "a".repeat(length - start.length)
  }

  const reads = (
    what: string,
    status: number,
    make: (owned: Owned) => RawRequest,
    options: SessionCsrf.Options = {},
    maxBodySize?: number
  ) =>
    scoped(what, () =>
      Effect.gen(function*() {
        const session = yield* owned
        const request = make(session)
        const page = Effect.provide(
          Effect.zipRight(SessionCsrf.check(AppSession), lengthOf),
          SessionCsrf.layer(options)
        ).pipe(HttpServerRequest.withMaxBodySize(Option.fromNullable(maxBodySize)))
        const answer = yield* session.app.raw({ method: "POST", ...request }, page)
        assert.strictEqual(answer.status, status)
        if (status === 200) assert.strictEqual(answer.body, request.body?.length)
      }))

  reads("of 64 KiB is read for its token, and the handler reads it again", 200, (owned) => (
    form(({ token }) => padded(token, 64 * 1024))(owned)
  ))
  reads("of a longer form is the handler's alone, where a header brings the token", 200, (owned) => ({
    headers: [owned.cookie, sameOrigin, formHeader, owned.proof],
    body: padded(owned.token, 300_000)
  }))
  reads(
    "of a longer form is read where that is configured",
    200,
    (owned) => form(({ token }) => padded(token, 300_000))(owned),
    { maxFormBytes: 300_000 }
  )
  reads(
    "of a longer form that is configured is refused beyond that",
    403,
    (owned) => form(({ token }) => padded(token, 300_001))(owned),
    { maxFormBytes: 300_000 }
  )
  reads(
    "is read no further than the app allows",
    403,
    (owned) => form(({ token }) => padded(token, 2001))(owned),
    {},
    2000
  )
  reads(
    "is read as far as the app allows",
    200,
    (owned) => form(({ token }) => padded(token, 2000))(owned),
    {},
    2000
  )
  scoped("that comes in chunks is read no further: the platform hangs up", () =>
    Effect.gen(function*() {
      const { app, cookie, token } = yield* owned
      const chunk = padded(token, 70_000)
      const body = `${chunk.length.toString(16)}\r\n${chunk}\r\n0`
      const headers = [cookie, sameOrigin, formHeader, `Transfer-Encoding: chunked\r\n\r\n${body}`]
      const answer = yield* app.raw({ method: "POST", headers }, transfer())
      assert.notStrictEqual(answer.status, 200)
      yield* untouched(app, "chunks")
    }))

  effect("of the web standard, which knows no limit, is refused when it is longer", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { cookie } = yield* app.browserWithSession({ user: "ada" })
      const handle = yield* webHandler(app.withSession(checked({}, lengthOf)))
      const token = yield* Effect.flatMap(
        webHandler(app.withSession(use((session) => session.csrfToken))),
        (handle) =>
          Effect.promise(() =>
            handle(new Request("https://app.test/", { headers: { cookie: `__Host-sid=${cookie}` } })).then((response) =>
              response.json()
            )
          )
      )
      for (const [length, status] of [[64 * 1024, 200], [64 * 1024 + 1, 403]] as const) {
        const response = yield* Effect.promise(() =>
          handle(
            new Request("https://app.test/", {
              method: "POST",
              headers: {
                cookie: `__Host-sid=${cookie}`,
                "sec-fetch-site": "same-origin",
                "content-type": "application/x-www-form-urlencoded"
              },
              body: padded(String(token), length)
            })
          )
        )
        assert.strictEqual(response.status, status)
      }
    }))
})

describe("F2: what says Upgrade", () => {
  for (const upgrade of ["x", "websocket", "h2c", ""]) {
    refuses(`a POST with Upgrade: ${upgrade} and without a token`, "Token", withToken(`Upgrade: ${upgrade}`))
    passes(`a POST with Upgrade: ${upgrade} and with a token`, withHeaders(sameOrigin, `Upgrade: ${upgrade}`))
  }
  for (const method of ["HEAD", "OPTIONS"]) {
    passes(`${method} with Upgrade: websocket, from anywhere,`, ({ cookie }) => ({
      method,
      headers: [cookie, "Sec-Fetch-Site: cross-site", "Upgrade: websocket"]
    }))
  }
  refuses("a GET with Upgrade: websocket from elsewhere", "Foreign", ({ cookie }) => ({
    method: "GET",
    headers: [cookie, "Sec-Fetch-Site: cross-site", "Upgrade: websocket"]
  }))

  scoped("does not keep a sign-in from handing out its id", () =>
    Effect.gen(function*() {
      const { app, cookie, proof } = yield* owned
      const answer = yield* app.raw(
        { method: "POST", headers: [cookie, sameOrigin, proof, "Upgrade: x"] },
        checked({}, use((session) => session.signIn("ada")))
      )
      assert.strictEqual(answer.status, 200)
      assert.lengthOf(answer.setCookies, 1)
    }))
})

describe("76. Tokens that are none", () => {
  refuses("no token", "Token", withToken())
  refuses("an empty token", "Token", withToken("X-CSRF-Token: "))
  refuses("a token of the wrong length", "Token", ({ cookie, token }) => ({
    headers: [cookie, sameOrigin, `X-CSRF-Token: ${token.slice(1)}`]
  }))
  refuses("a token with more behind it", "Token", ({ cookie, token }) => ({
    headers: [cookie, sameOrigin, `X-CSRF-Token: ${token}A`]
  }))
  refuses("a token with one character changed", "Token", ({ cookie, token }) => ({
    headers: [cookie, sameOrigin, `X-CSRF-Token: ${token[0] === "A" ? "B" : "A"}${token.slice(1)}`]
  }))
  refuses("a token of nothing but zeros", "Token", withToken(`X-CSRF-Token: ${"A".repeat(86)}`))
  refuses("a token of 1 MB", "Token", withToken(`X-CSRF-Token: ${"A".repeat(1_000_000)}`))
  refuses("a token of 1 MB in a form", "Token", form(() => `_csrf=${"A".repeat(1_000_000)}`))
  refuses("the session id itself", "Token", withToken(`X-CSRF-Token: ${knownId}`))
  refuses("a token in the query", "Token", ({ cookie, token }) => ({
    path: `?_csrf=${token}&csrf-token=${token}&X-CSRF-Token=${token}`,
    headers: [cookie, sameOrigin]
  }))
  refuses("a token in a cookie", "Token", ({ cookie, token }) => ({
    headers: [`${cookie}; XSRF-TOKEN=${token}; _csrf=${token}`, sameOrigin]
  }))
  refuses("two tokens in one header", "Token", ({ cookie, proof }) => ({ headers: [cookie, sameOrigin, proof, proof] }))
  refuses("two tokens in two headers", "Token", ({ cookie, proof, token }) => ({
    headers: [cookie, sameOrigin, proof, `X-XSRF-Token: ${token}`]
  }))
  refuses("two tokens in a form", "Token", form(({ token }) => `_csrf=${token}&_csrf=${token}`))
  refuses("an array in a form", "Token", form(({ token }) => `_csrf[]=${token}`))
  refuses("a bad header next to a good form", "Token", (owned) => ({
    ...form(({ token }) => `_csrf=${token}`)(owned),
    headers: [...(form(() => "")(owned).headers ?? []), "X-CSRF-Token: x"]
  }))
  refuses("a token in a body of JSON", "Token", ({ cookie, token }) => ({
    headers: [cookie, sameOrigin, "Content-Type: application/json"],
    body: JSON.stringify({ _csrf: token })
  }))
  refuses("a token in a form that says it is text", "Token", ({ cookie, token }) => ({
    headers: [cookie, sameOrigin, "Content-Type: text/plain"],
    body: `_csrf=${token}`
  }))
  refuses("a token in a form without a content type", "Token", ({ cookie, token }) => ({
    headers: [cookie, sameOrigin],
    body: `_csrf=${token}`
  }))
  refuses("a token in a form of malformed content type", "Token", ({ cookie, token }) => ({
    headers: [cookie, sameOrigin, "Content-Type: ;;application/x-www-form-urlencoded"],
    body: `_csrf=${token}`
  }))
  refuses("a good token without a session", "Token", ({ proof }) => ({ headers: [sameOrigin, proof] }))
  refuses("a good token with a malformed cookie", "Token", ({ proof }) => ({
    headers: [sameOrigin, proof, "Cookie: __Host-sid=x"]
  }))

  scoped(
    "that of another session is refused, and its pair of cookie and token opens nothing of ours",
    () =>
      Effect.gen(function*() {
        const { app, cookie } = yield* owned
        const other = yield* app.raw({}, token)
        const answer = yield* app.raw(
          { method: "POST", headers: [cookie, sameOrigin, `X-CSRF-Token: ${other.body}`] },
          transfer()
        )
        assert.strictEqual(answer.status, 403)
        yield* untouched(app, "another session's")
      })
  )
})

describe("F4. After a sign-in or a rotation", () => {
  for (
    const [what, change] of [
      ["a sign-in", use((session) => session.signIn("ada", { carry: (data) => data }))],
      ["a rotation", use((session) => session.rotate)]
    ] as const
  ) {
    scoped(
      `the token from before ${what} is refused, and the one made along with it is good`,
      () =>
        Effect.gen(function*() {
          const { app, cookie, proof } = yield* owned
          const changed = yield* app.raw({ headers: [cookie] }, Effect.zipRight(change, token))
          const newCookie = `Cookie: ${changed.setCookies[0]?.split(";")[0]}`
          for (const [sent, status] of [[proof, 403], [`X-CSRF-Token: ${changed.body}`, 200]] as const) {
            const answer = yield* app.raw({ method: "POST", headers: [newCookie, sameOrigin, sent] }, transfer())
            assert.strictEqual(answer.status, status)
          }
        })
    )
  }

  scoped("a token of a session that has ended lets a visitor through, who is nobody", () =>
    Effect.gen(function*() {
      const { app, cookie, proof } = yield* owned
      yield* app.sessions.clear
      const answer = yield* app.raw(
        { method: "POST", headers: [cookie, sameOrigin, proof] },
        checked({}, use((session) => session.user))
      )
      assert.include(JSON.stringify(answer.body), "None")
    }))
})

describe("F5. What is checked", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    passes(`${method} from anywhere, without a token,`, ({ cookie }) => ({
      method,
      headers: [cookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.test"]
    }))
  }
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE", "LOCK", "QUERY"]) {
    refuses(`${method} from elsewhere`, "Foreign", (owned) => ({
      ...withHeaders("Sec-Fetch-Site: cross-site")(owned),
      method
    }))
    refuses(`${method} without a token`, "Token", (owned) => ({ ...withToken()(owned), method }))
  }

  scoped("78. a method in lower case is none of the safe ones: Node itself refuses it", () =>
    Effect.gen(function*() {
      const { app, cookie } = yield* owned
      for (const method of ["get", "Get", "post"]) {
        const answer = yield* app.raw({ method, headers: [cookie] }, transfer())
        assert.strictEqual(answer.status, 400)
        yield* untouched(app, method)
      }
    }))

  for (const override of ["X-HTTP-Method-Override: GET", "X-Method-Override: GET", "X-HTTP-Method: GET"]) {
    refuses(`78. a POST with ${override}`, "Token", withToken(override))
  }
  refuses("78. a POST with _method=GET in its form", "Token", form(() => "_method=GET"))
  refuses(
    "78. a POST with _method=GET in its query",
    "Token",
    (owned) => ({ ...withToken()(owned), path: "?_method=GET" })
  )

  for (
    const [what, header, status] of [
      ["of another site", "Origin: https://evil.test", 403],
      ["of Origin null", "Origin: null", 403],
      ["of Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: cross-site", 403],
      ["of the app", `Origin: ${origin}`, 204],
      ["of the app, as browsers tell", sameOrigin, 204]
    ] as const
  ) {
    scoped(
      `a WebSocket upgrade ${what} is ${status === 403 ? "refused" : "let through"}`,
      () =>
        Effect.gen(function*() {
          const { app, cookie } = yield* owned
          const port = yield* serve(app.withSession(
            checked({ origins: [origin] }, HttpServerResponse.empty())
          ))
          const answer = yield* openSocket(port, [cookie, header])
          assert.strictEqual(answer.status, status)
        })
    )
  }

  scoped("a sign-in form is protected by the token of the visitor", () =>
    Effect.gen(function*() {
      const app = yield* victimApp()
      const signIn = checked({}, use((session) => session.signIn("ada")))
      const page = yield* app.raw({}, token)
      const cookie = `Cookie: ${page.setCookies[0]?.split(";")[0]}`
      for (const [headers, status] of [[[], 403], [[`X-CSRF-Token: ${page.body}`], 200]] as const) {
        const answer = yield* app.raw({ method: "POST", headers: [cookie, sameOrigin, ...headers] }, signIn)
        assert.strictEqual(answer.status, status)
      }
    }))

  scoped("protect does the same for all routes of a router", () =>
    Effect.gen(function*() {
      const { app, cookie, proof } = yield* owned
      const port = yield* serve(
        SessionMiddleware.httpRouter(AppSession)(
          SessionCsrf.protect(AppSession)(Effect.as(incrementCount, HttpServerResponse.empty()))
        ).pipe(
          Effect.provide(app.context),
          Effect.provideService(SessionCookie.SessionCookie, app.policy),
          Effect.provideServiceEffect(SessionCsrf.SessionCsrf, SessionCsrf.make())
        )
      )
      const send = (headers: ReadonlyArray<string>) =>
        Effect.promise(() =>
          fetch(`http://127.0.0.1:${port}/`, {
            method: "POST",
            headers: headers.map((line): [string, string] => [line.split(": ")[0] ?? "", line.split(": ")[1] ?? ""])
          }).then(({ status }) => status)
        )
      assert.strictEqual(yield* send([cookie]), 403)
      assert.strictEqual(yield* send([cookie, proof]), 403)
      assert.strictEqual(yield* send([cookie, sameOrigin, proof]), 204)
    }))
})
