import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import {
  Session,
  SessionCookie,
  SessionFlash,
  SessionMiddleware,
  Sessions,
  SessionStore,
  SessionTimeouts
} from "effect-sessions"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Browser, tabOf, webHandler } from "../support/app.js"
import { leaveAlone, observe } from "../support/observedStore.js"

const Message = Schema.Struct({ kind: Schema.Literal("info", "error"), at: Schema.Date })

type Message = typeof Message.Type

class FlashSession extends Session.Tag<FlashSession>()("FlashSession", {
  data: Schema.Struct({ count: Schema.Number, flash: SessionFlash.field(Message) }),
  initial: { count: 0, flash: [] },
  maxBytes: 4096
}) {}

type Data = { readonly count: number; readonly flash: ReadonlyArray<Message> }

const flash = SessionFlash.make<Data, Message>({
  get: (data) => data.flash,
  set: (data, flash) => ({ ...data, flash })
})

const message = (second: number): Message => ({ kind: "info", at: new Date(second * 1000) })

const use = <A, E>(f: (session: Session.Handle<Data, string>) => Effect.Effect<A, E>) => Effect.flatMap(FlashSession, f)

const push = (second: number) => use((session) => flash.push(session, message(second)))

/** The messages, as the page shows them. */
const take = Effect.map(use(flash.take), (messages) => messages.map(({ at }) => at.getTime() / 1000))

const makeFlashApp = Effect.gen(function*() {
  const store = observe(yield* SessionStore.makeMemory())
  const context = yield* Layer.build(Layer.mergeAll(
    Sessions.layer(FlashSession).pipe(
      Layer.provide([Layer.succeed(SessionStore.SessionStore, store.service), SessionTimeouts.layer()])
    ),
    SessionCookie.layer()
  ))
  const sessions = Context.get(context, FlashSession.sessions)
  const visit = <A, E>(
    browser: Browser,
    handler: Effect.Effect<A, E, FlashSession | HttpServerRequest.HttpServerRequest>
  ) =>
    Effect.flatMap(
      webHandler(
        SessionMiddleware.httpRouter(FlashSession)(Effect.map(handler, (result) =>
          HttpServerResponse.isServerResponse(result) ? result : HttpServerResponse.unsafeJson(result ?? null)))
          .pipe(Effect.provide(context))
      ),
      (handle) =>
        Effect.promise(async () => {
          const { header } = browser
          const response = await handle(
            new Request("https://app.test/", header === undefined ? {} : { headers: { cookie: header } })
          )
          browser.receive(response.headers.getSetCookie())
          const body: unknown = response.status === 200 ? await response.json() : await response.text()
          return { status: response.status, body }
        })
    )
  return { store, sessions, visit }
}).pipe(Effect.scoped)

describe("A flash message", () => {
  effect("is there for the next request that asks, once, typed by its schema", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, push(1))
      yield* visit(browser, push(2))
      assert.deepStrictEqual((yield* visit(browser, take)).body, [1, 2])
      assert.deepStrictEqual((yield* visit(browser, take)).body, [])
    }))

  effect("survives a redirect", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      const { status } = yield* visit(browser, Effect.as(push(1), HttpServerResponse.redirect("/", { status: 303 })))
      assert.strictEqual(status, 303)
      assert.deepStrictEqual((yield* visit(browser, take)).body, [1])
    }))

  effect("is left alone by requests that do not take it, reading and writing ones", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, push(1))
      yield* visit(browser, use((session) => session.get))
      yield* visit(browser, Effect.succeed("an image"))
      yield* visit(browser, use((session) => session.update((data) => ({ ...data, count: 1 }))))
      yield* visit(browser, use((session) => session.rotate))
      assert.deepStrictEqual((yield* visit(browser, take)).body, [1])
    }))

  effect("costs a reader nothing where there is none", () =>
    Effect.gen(function*() {
      const { store, visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, take)
      assert.deepStrictEqual(store.take(), [])
      assert.strictEqual(browser.cookies.size, 0)
      yield* visit(browser, use((session) => session.update((data) => ({ ...data, count: 1 }))))
      store.take()
      yield* visit(browser, take)
      assert.deepStrictEqual(store.take(), ["read"])
    }))

  effect("68. is got by one of two readers that take it at once", () =>
    Effect.gen(function*() {
      const { store, visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, push(1))
      // Both have read it before either has taken it.
      const both = yield* Deferred.make<void>()
      let waiting = 0
      store.interfere((operation, effect) =>
        operation !== "update" ? effect : Effect.suspend(() => {
          if (++waiting === 2) Deferred.unsafeDone(both, Effect.void)
          return Effect.zipRight(Deferred.await(both), effect)
        })
      )
      const answers = yield* Effect.all([visit(browser, take), visit(tabOf(browser), take)], { concurrency: 2 })
      assert.deepStrictEqual(answers.map(({ status }) => status), [200, 200])
      assert.deepStrictEqual(answers.flatMap(({ body }) => body), [1])
    }))

  effect("is got by one of many readers, and one that comes meanwhile is not lost", () =>
    Effect.gen(function*() {
      const { store, visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, push(1))
      store.interfere((operation, effect) => operation === "read" ? Effect.zipLeft(effect, Effect.yieldNow()) : effect)
      const answers = yield* Effect.all(
        [...Array.from({ length: 8 }, () => visit(tabOf(browser), take)), visit(tabOf(browser), push(2))],
        { concurrency: "unbounded" }
      )
      store.interfere(leaveAlone)
      const shown = answers.slice(0, 8).flatMap(({ body }) => body)
      const left = (yield* visit(browser, take)).body
      assert.deepStrictEqual([...shown, ...Array.isArray(left) ? left : []].sort(), [1, 2])
    }))

  effect(
    "is gone before it is shown: a page that fails afterwards does not show it again",
    () =>
      Effect.gen(function*() {
        const { visit } = yield* makeFlashApp
        const browser = new Browser()
        yield* visit(browser, push(1))
        assert.strictEqual((yield* visit(browser, Effect.zipRight(take, Effect.die("broken")))).status, 500)
        assert.deepStrictEqual((yield* visit(browser, take)).body, [])
      })
  )

  effect("of a request that failed is not there", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, Effect.zipRight(push(1), Effect.die("broken")))
      assert.deepStrictEqual((yield* visit(browser, take)).body, [])
    }))

  effect("can be taken by the request that said it", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      assert.deepStrictEqual((yield* visit(browser, Effect.zipRight(push(1), take))).body, [1])
      assert.deepStrictEqual((yield* visit(browser, take)).body, [])
    }))

  effect("is dropped at the sign-in, unless it is carried", () =>
    Effect.gen(function*() {
      for (const [carry, shown] of [[undefined, []], [(data: Data) => data, [1]]] as const) {
        const { visit } = yield* makeFlashApp
        const browser = new Browser()
        yield* visit(browser, push(1))
        yield* visit(browser, use((session) => session.signIn("ada", { carry })))
        assert.deepStrictEqual((yield* visit(browser, take)).body, shown)
      }
    }))

  effect("said along with the sign-in is there after it", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, Effect.zipRight(use((session) => session.signIn("ada")), push(1)))
      assert.deepStrictEqual((yield* visit(browser, take)).body, [1])
    }))

  effect("of one session is not seen by another", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      yield* visit(browser, push(1))
      assert.deepStrictEqual((yield* visit(new Browser(), take)).body, [])
    }))

  effect("counts for the size limit of the session", () =>
    Effect.gen(function*() {
      const { visit } = yield* makeFlashApp
      const browser = new Browser()
      const many = Effect.forEach(Array.from({ length: 200 }, (_, index) => index), push, { discard: true })
      assert.strictEqual((yield* visit(browser, many)).status, 500)
      assert.strictEqual(browser.cookies.size, 0)
    }))

  effect("has a place in rows that were stored before there were any", () =>
    Effect.gen(function*() {
      const { sessions, store, visit } = yield* makeFlashApp
      const { id, record } = yield* sessions.create()
      yield* store.service.update({ ...record, expectedVersion: 1, data: "{\"count\":3}", now: 0 })
      const browser = new Browser()
      const read = yield* sessions.read(id)
      assert.deepStrictEqual(read._tag === "Some" ? read.value.data : undefined, { count: 3, flash: [] })
      assert.deepStrictEqual((yield* visit(browser, take)).body, [])
    }))
})
