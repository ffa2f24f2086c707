import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as OpenApi from "@effect/platform/OpenApi"
import { assert, describe, effect, scoped } from "@effect/vitest"
import { Session, SessionCookie, SessionMiddleware, SessionStore } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TestServices from "effect/TestServices"
import { test } from "vitest"
import {
  type App,
  AppSession,
  Browser,
  browserWith,
  contextOver,
  incrementCount,
  makeApp,
  rowsOf,
  use,
  webHandler
} from "../support/app.js"
import type { Operation } from "../support/observedStore.js"
import { Api, AppSessions, contextOf, doors, type Handle, type Name } from "./support/routers.js"

/** One request of the sequence, and all that may be seen of it. Ids are numbered as they appear. */
interface Step {
  readonly step: string
  readonly page: Name | "missing"
  /** The cookie sent: the browser's own, or the id of that number. */
  readonly sends?: number
  readonly storeConflicts?: boolean
  readonly status: number
  readonly sets?: string
  readonly calls: ReadonlyArray<Operation>
  /** Whether the session was used, and so the answer is kept out of caches. True if left out. */
  readonly used?: boolean
  readonly body?: unknown
}

const set = (id: number) => `__Host-sid=<${id}>; Path=/; HttpOnly; Secure; SameSite=Lax`
const cleared = "__Host-sid=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"

const visitor = { count: 0, user: null }

const steps: ReadonlyArray<Step> = [
  { step: "a visitor reads", page: "read", status: 200, calls: [], body: visitor },
  { step: "a visitor looks at another page", page: "ignore", status: 200, calls: [], used: false },
  {
    step: "a visitor's first write",
    page: "increment",
    status: 200,
    sets: set(1),
    calls: ["insert"],
    body: { count: 1, user: null }
  },
  { step: "the owner reads", page: "read", status: 200, calls: ["read"], body: { count: 1, user: null } },
  { step: "the owner looks at another page", page: "ignore", status: 200, calls: [], used: false },
  {
    step: "the owner writes",
    page: "increment",
    status: 200,
    calls: ["read", "update"],
    body: { count: 2, user: null }
  },
  {
    step: "sign-in",
    page: "signIn",
    status: 200,
    sets: set(2),
    calls: ["read", "rotate"],
    body: { count: 0, user: "ada" }
  },
  { step: "the user reads", page: "read", status: 200, calls: ["read"], body: { count: 0, user: "ada" } },
  { step: "the cookie from before the sign-in", page: "read", sends: 1, status: 200, calls: ["read"], body: visitor },
  {
    step: "rotation",
    page: "rotate",
    status: 200,
    sets: set(3),
    calls: ["read", "rotate"],
    body: { count: 0, user: "ada" }
  },
  {
    step: "the cookie from before the rotation writes",
    page: "increment",
    sends: 2,
    status: 409,
    calls: ["read", "insert"]
  },
  { step: "a failure after a write", page: "fail", status: 500, calls: ["read"] },
  {
    step: "the write that failed is not there",
    page: "read",
    status: 200,
    calls: ["read"],
    body: { count: 0, user: "ada" }
  },
  { step: "a page that is not there", page: "missing", status: 404, calls: [], used: false },
  {
    step: "a write that never gets through",
    page: "increment",
    storeConflicts: true,
    status: 409,
    calls: ["read", ...Array.from({ length: 39 }, () => ["update", "search"] as const).flat(), "update"]
  },
  { step: "sign-out", page: "signOut", status: 200, sets: cleared, calls: ["delete"], body: visitor },
  { step: "the cookie from before the sign-out", page: "read", sends: 3, status: 200, calls: ["read"], body: visitor },
  { step: "sign-out without a cookie", page: "signOut", status: 200, calls: [], body: visitor },
  { step: "another first write", page: "increment", status: 200, sets: set(4), calls: ["insert"] },
  {
    step: "created, rotated and destroyed at once",
    page: "all",
    status: 200,
    sets: cleared,
    calls: ["read", "update", "rotate", "delete"]
  },
  { step: "a visitor does the same", page: "all", status: 200, calls: ["insert", "rotate", "delete"] },
  { step: "a last first write", page: "increment", status: 200, sets: set(5), calls: ["insert"] },
  {
    step: "a write to a session that ends meanwhile",
    page: "gone",
    status: 401,
    calls: ["read", "clear", "update", "search"]
  }
]

const unless = (condition: boolean | undefined, text: string | null) => condition === false ? null : text

/** A store whose updates can be made to come too late, every time. */
interface ConflictingStore {
  readonly service: SessionStore.Service
  conflicts: boolean
}

const makeConflictingStore = Effect.map(SessionStore.makeMemory(), (memory): ConflictingStore => {
  const store: ConflictingStore = {
    conflicts: false,
    service: {
      ...memory,
      update: (update) => Effect.suspend(() => store.conflicts ? Effect.succeed(false) : memory.update(update))
    }
  }
  return store
})

/** Lets the pauses between tries pass. */
const withTime = <A>(request: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.raceFirst(
    request,
    Effect.forever(Effect.zipRight(TestServices.provideLive(Effect.yieldNow()), TestClock.adjust("10 millis")))
  )

/** What is sent when, and what comes back. */
const run = Effect.fnUntraced(function*(handle: Handle, app: App, store: ConflictingStore) {
  const browser = new Browser()
  const ids: Array<string> = []
  const numbered = (text: string) => ids.reduce((text, id, index) => text.replace(id, `<${index + 1}>`), text)
  const seen: Array<Step & { readonly headers: ReadonlyArray<string | null> }> = []
  for (const { page, sends, step, storeConflicts } of steps) {
    const sender = sends === undefined ? browser : browserWith(ids[sends - 1] ?? "")
    store.conflicts = storeConflicts ?? false
    const { header } = sender
    const response = yield* (storeConflicts === true ? withTime : identity<Effect.Effect<Response>>)(
      Effect.promise(() =>
        handle(new Request(`https://app.test/${page}`, header === undefined ? {} : { headers: { cookie: header } }))
      )
    )
    const setCookies = response.headers.getSetCookie()
    for (const setCookie of setCookies) {
      const value = /^__Host-sid=([^;]+)/.exec(setCookie)?.[1]
      if (value !== undefined && !ids.includes(value)) ids.push(value)
    }
    browser.receive(sends === undefined ? setCookies : [])
    const text = yield* Effect.promise(() => response.text())
    seen.push({
      step,
      page,
      status: response.status,
      sets: numbered(setCookies.join(" AND ")),
      calls: app.store.take(),
      body: text.startsWith("{") ? JSON.parse(text) : null,
      headers: [response.headers.get("cache-control"), response.headers.get("vary")]
    })
  }
  return seen
})

for (const [door, make] of Object.entries(doors)) {
  scoped(`A session behaves to the letter as everywhere behind ${door}`, () =>
    Effect.gen(function*() {
      const store = yield* makeConflictingStore
      const app = yield* makeApp({ store: store.service })
      const handle = yield* make(app)
      const seen = yield* run(handle, app, store)
      assert.lengthOf(seen, steps.length)
      for (const [index, expected] of steps.entries()) {
        const { step } = expected
        assert.strictEqual(seen[index]?.status, expected.status, step)
        assert.strictEqual(seen[index]?.sets, expected.sets ?? "", step)
        assert.deepStrictEqual(seen[index]?.calls, expected.calls, step)
        assert.deepStrictEqual(
          seen[index]?.headers,
          [unless(expected.used, "no-store"), unless(expected.used, "Cookie")],
          step
        )
        if (expected.body !== undefined) assert.deepStrictEqual(seen[index]?.body, expected.body, step)
      }
    }))
}

describe("One fiber that handles several requests", () => {
  effect("gives each its own session", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const users = ["ada", "bob", undefined]
      const whoIs = SessionMiddleware.httpRouter(AppSession)(
        use((session) => Effect.map(session.user, HttpServerResponse.unsafeJson))
      )
      for (const user of users) {
        const { browser } = user === undefined ? { browser: new Browser() } : yield* app.browserWithSession({ user })
        const request = new Request("https://app.test/", { headers: { cookie: browser.header ?? "" } })
        const response = yield* whoIs.pipe(
          Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)),
          Effect.provide(contextOf(app))
        )
        assert.deepStrictEqual(response.body, HttpServerResponse.unsafeJson(Option.fromNullable(user)).body)
      }
    }))
})

describe("A fiber that is joined", () => {
  class Place extends Context.Tag("Place")<Place, string>() {}

  effect("brings its hook along, and nothing of the context that it was forked with", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const request = HttpServerRequest.fromWeb(new Request("https://app.test/"))
      const write = SessionMiddleware.httpRouter(AppSession)(Effect.as(incrementCount, HttpServerResponse.empty()))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(write)
        const place = yield* Effect.provideService(
          Effect.zipRight(Fiber.join(fiber), Place),
          Place,
          "where it is joined"
        )
        assert.strictEqual(place, "where it is joined")
        const hook = Option.getOrThrow(yield* FiberRef.get(HttpApp.currentPreResponseHandlers))
        yield* hook(request, HttpServerResponse.empty())
        assert.strictEqual(yield* rowsOf(app), 1)
      }).pipe(
        Effect.provideService(Place, "where it is forked"),
        Effect.provideService(HttpServerRequest.HttpServerRequest, request),
        Effect.provide(contextOf(app))
      )
    }))
})

describe("Middleware that was applied twice", () => {
  const twice = SessionMiddleware.httpRouter(AppSession)

  effect("opens one session, writes it once and sets one cookie", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const handle = yield* webHandler(
        HttpRouter.empty.pipe(
          HttpRouter.get("/", Effect.as(incrementCount, HttpServerResponse.empty())),
          HttpRouter.use(twice),
          HttpRouter.use(SessionMiddleware.httpRouter(AppSession)),
          twice,
          Effect.provide(contextOf(app))
        )
      )
      const response = yield* Effect.promise(() => handle(new Request("https://app.test/")))
      assert.strictEqual(response.status, 204)
      assert.lengthOf(response.headers.getSetCookie(), 1)
      assert.deepStrictEqual(app.store.take(), ["insert"])
    }))

  effect("makes a background request of it if the inner one says so", () =>
    Effect.gen(function*() {
      const app = yield* makeApp()
      const { browser } = yield* app.browserWithSession({ user: "ada" })
      const handle = yield* webHandler(
        HttpRouter.empty.pipe(
          HttpRouter.get("/", Effect.as(use((session) => session.get), HttpServerResponse.empty())),
          HttpRouter.use(SessionMiddleware.httpRouter(AppSession, { background: true })),
          HttpRouter.use(twice),
          Effect.provide(contextOf(app))
        )
      )
      yield* TestClock.adjust("2 minutes")
      yield* Effect.promise(() =>
        handle(new Request("https://app.test/", { headers: { cookie: browser.header ?? "" } }))
      )
      assert.deepStrictEqual(app.store.take(), ["read"])
    }))
})

describe("The OpenAPI document", () => {
  const specification = OpenApi.fromApi(Api)

  test("shows the cookie as the security scheme, required by every endpoint", () => {
    assert.deepStrictEqual(specification.components.securitySchemes, {
      session: { type: "apiKey", name: "__Host-sid", in: "cookie" }
    })
    assert.deepStrictEqual(specification.security, [{ session: [] }])
  })

  test("shows it at the endpoint where only that has a session", () => {
    const one = HttpApi.make("one").add(
      HttpApiGroup.make("pages").add(HttpApiEndpoint.get("read", "/read").middleware(AppSessions))
    )
    const { components, paths } = OpenApi.fromApi(one)
    assert.deepStrictEqual(paths["/read"]?.get?.security, [{ session: [] }])
    assert.deepStrictEqual(components.securitySchemes, specification.components.securitySchemes)
  })

  test("shows the bearer token, or the cookie of another name, where that is what is used", () => {
    const { security } = SessionMiddleware.httpApi(AppSession, { transport: "bearer" })
    assert.strictEqual(security.session._tag, "Bearer")
    const named = SessionMiddleware.httpApi(AppSession, { cookieName: "__Host-app" })
    assert.include(JSON.stringify(named.security.session), "__Host-app")
  })

  test("lists what a session may fail with", () => {
    const responses = Object.keys(specification.paths["/read"]?.get?.responses ?? {})
    for (const status of ["200", "401", "409", "500", "503"]) assert.include(responses, status)
  })
})

describe("Two declared sessions in one app", () => {
  class AdminSession extends Session.Tag<AdminSession>()("AdminSession", {
    data: Schema.Struct({ visits: Schema.Number }),
    initial: { visits: 0 }
  }) {}

  const makeBoth = Effect.gen(function*() {
    const app = yield* makeApp()
    const admins = yield* contextOver(app, AdminSession)
    const adminCookie = yield* SessionCookie.make({ name: "__Host-admin", sameSite: "strict" })
    const visits = Effect.flatMap(
      AdminSession,
      (session) => session.modify(({ visits }) => [visits + 1, { visits: visits + 1 }])
    )
    const both = Effect.zipWith(
      Effect.zipRight(incrementCount, use((session) => session.get)),
      visits,
      ({ count }, visits) => HttpServerResponse.unsafeJson({ count, visits })
    )
    const handle = yield* webHandler(
      SessionMiddleware.httpRouter(AdminSession)(both).pipe(
        Effect.provideService(SessionCookie.SessionCookie, adminCookie),
        SessionMiddleware.httpRouter(AppSession),
        Effect.provide(contextOf(app)),
        Effect.provide(admins)
      )
    )
    const send = (browser: Browser) =>
      Effect.promise(async () => {
        const response = await handle(new Request("https://app.test/", { headers: { cookie: browser.header ?? "" } }))
        browser.receive(response.headers.getSetCookie())
        return { body: await response.json(), cookies: response.headers.getSetCookie() }
      })
    return { app, send }
  })

  effect("live side by side, each with its cookie", () =>
    Effect.gen(function*() {
      const { app, send } = yield* makeBoth
      const browser = new Browser()
      const first = yield* send(browser)
      assert.deepStrictEqual(first.cookies.map((cookie) => cookie.split("=")[0]).sort(), ["__Host-admin", "__Host-sid"])
      assert.deepStrictEqual([first.body, (yield* send(browser)).body], [{ count: 1, visits: 1 }, {
        count: 2,
        visits: 2
      }])
      assert.deepStrictEqual(app.store.take(), ["insert", "insert", "read", "read", "update", "update"])
    }))

  effect("never open each other's sessions", () =>
    Effect.gen(function*() {
      const { send } = yield* makeBoth
      const browser = new Browser()
      yield* send(browser)
      const crossed = new Browser()
      crossed.cookies.set("__Host-sid", browser.cookies.get("__Host-admin") ?? "")
      crossed.cookies.set("__Host-admin", browser.cookies.get("__Host-sid") ?? "")
      const answer = yield* send(crossed)
      assert.deepStrictEqual(answer.body, { count: 1, visits: 1 })
      assert.lengthOf(answer.cookies, 2)
    }))
})
