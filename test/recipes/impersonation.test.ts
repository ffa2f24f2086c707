import { assert, describe, scoped } from "@effect/vitest"
import { SessionCookie, SessionEvents, Sessions, SessionStore, SessionTimeouts } from "effect-sessions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import {
  AppSession,
  audit,
  AuditTrail,
  begin,
  bothSessions,
  currentUser,
  type Deed,
  end,
  endSessionsOf,
  Impersonation,
  signOut,
  type User,
  Users
} from "../../examples/recipes/impersonation.js"
import { Browser, tabOf } from "../support/app.js"
import { makeStore, toResponse, visit } from "./support/serve.js"

type Needs =
  | AppSession
  | Impersonation
  | Sessions.Sessions<AppSession>
  | Sessions.Sessions<Impersonation>
  | Users
  | AuditTrail

const setup = Effect.gen(function*() {
  const store = yield* makeStore
  const users = new Map<string, User>(
    [["root", true], ["ops", true], ["ada", false], ["grace", false]].map(([id, isAdministrator]) =>
      [String(id), { id: String(id), isAdministrator: isAdministrator === true }] as const
    )
  )
  const deeds: Array<Deed> = []
  const timeouts = yield* SessionTimeouts.make()
  const policy = yield* SessionCookie.make()
  const context = yield* Layer.build(
    Layer.mergeAll(
      Sessions.layer(AppSession),
      Sessions.layerWith(Impersonation, { events: true }),
      Layer.succeed(SessionCookie.SessionCookie, policy)
    ).pipe(
      Layer.provideMerge(SessionEvents.layer),
      Layer.provide(Layer.succeed(SessionStore.SessionStore, store.service)),
      Layer.provide(Layer.succeed(SessionTimeouts.SessionTimeouts, timeouts))
    )
  )
  const withBoth = yield* bothSessions
  const request = <A, E>(browser: Browser, handler: Effect.Effect<A, E, Needs>) =>
    visit(
      withBoth(Effect.map(handler, toResponse)).pipe(
        Effect.provide(context),
        Effect.provideService(Users, { find: (id) => Effect.sync(() => Option.fromNullable(users.get(id))) }),
        Effect.provideService(AuditTrail, { write: (deed) => Effect.sync(() => void deeds.push(deed)) })
      ),
      browser
    )
  const signedIn = Effect.fnUntraced(function*(user: string) {
    const browser = new Browser()
    yield* request(
      browser,
      Effect.flatMap(AppSession, (session) => session.signIn(user, { carry: () => ({ cart: [user] }) }))
    )
    return browser
  })
  /** Whom a page is for and who looks at it, or the status. */
  const page = (browser: Browser) =>
    Effect.map(request(browser, currentUser), ({ body, status }) => {
      if (status !== 200) return status
      const { by, user } = JSON.parse(body)
      return `${by} as ${user.id}`
    })
  const events = Context.get(context, SessionEvents.SessionEvents)
  const impersonations = Context.get(context, Impersonation.sessions)
  const sessions = Context.get(context, AppSession.sessions)
  return { users, deeds, request, signedIn, page, events, impersonations, sessions }
})

const own = Effect.flatMap(AppSession, (session) => Effect.all([session.user, session.get, session.info]))

describe("Impersonation", () => {
  scoped(
    "shows an administrator the pages of its target, and leaves his own session and that of the target alone",
    () =>
      Effect.gen(function*() {
        const { page, request, signedIn } = yield* setup
        const administrator = yield* signedIn("root")
        const ada = yield* signedIn("ada")
        const { body: before } = yield* request(administrator, own)
        const cookie = administrator.cookies.get("__Host-sid")
        assert.strictEqual(yield* page(administrator), "root as root")
        assert.strictEqual((yield* request(administrator, begin("ada"))).status, 204)
        assert.strictEqual(yield* page(administrator), "root as ada")
        assert.deepStrictEqual([...administrator.cookies.keys()], ["__Host-sid", "__Host-impersonation"])
        assert.strictEqual(administrator.cookies.get("__Host-sid"), cookie)
        assert.strictEqual((yield* request(administrator, own)).body, before)
        assert.strictEqual(yield* page(ada), "ada as ada")
        assert.strictEqual((yield* request(administrator, end)).status, 204)
        assert.strictEqual(yield* page(administrator), "root as root")
        assert.deepStrictEqual([...administrator.cookies.keys()], ["__Host-sid"])
        assert.strictEqual((yield* request(administrator, own)).body, before)
      })
  )

  scoped("tells the audit trail who did it, as whom, and in which session", () =>
    Effect.gen(function*() {
      const { deeds, impersonations, request, sessions, signedIn } = yield* setup
      const administrator = yield* signedIn("root")
      const ada = yield* signedIn("ada")
      yield* request(administrator, begin("ada"))
      yield* request(administrator, audit("order"))
      yield* request(ada, audit("order"))
      const [impersonation] = yield* impersonations.listByUser("root")
      yield* request(administrator, end)
      const [adas] = yield* sessions.listByUser("ada")
      const did = { user: "ada", by: "root", session: impersonation?.handle }
      assert.deepStrictEqual<ReadonlyArray<unknown>>(deeds, [
        { what: "impersonation begins", ...did },
        { what: "order", ...did },
        { what: "order", user: "ada", by: "ada", session: adas?.handle },
        { what: "impersonation ends", ...did }
      ])
    }))

  scoped("is an event of its own: its declaration, the administrator, the same handle", () =>
    Effect.gen(function*() {
      const { events, impersonations, request, signedIn } = yield* setup
      const administrator = yield* signedIn("root")
      const subscribed = yield* events.subscribe
      const told = yield* Effect.fork(Stream.runCollect(Stream.take(subscribed, 2)))
      yield* request(administrator, begin("ada"))
      const [impersonation] = yield* impersonations.listByUser("root")
      yield* request(administrator, end)
      assert.deepStrictEqual(
        Array.from(yield* Fiber.join(told), (event) =>
          "session" in event && "user" in event && "handle" in event
            ? [event._tag, event.session, event.user, event.handle]
            : [event._tag]),
        [
          ["SignedIn", "Impersonation", Option.some("root"), impersonation?.handle],
          ["SignedOut", "Impersonation", Option.some("root"), impersonation?.handle]
        ]
      )
    }))

  scoped(
    "ends with the administrator's sessions, one call for each declaration; nobody else's end",
    () =>
      Effect.gen(function*() {
        const { page, request, signedIn } = yield* setup
        const [one, two, other, ada] = [
          yield* signedIn("root"),
          yield* signedIn("root"),
          yield* signedIn("ops"),
          yield* signedIn("ada")
        ]
        for (const browser of [one, two, other]) yield* request(browser, begin("ada"))
        yield* request(other, endSessionsOf("root"))
        assert.deepStrictEqual([yield* page(one), yield* page(two)], [401, 401])
        assert.deepStrictEqual([yield* page(other), yield* page(ada)], ["ops as ada", "ada as ada"])
      })
  )

  scoped("outlives the end of the sessions of its target, and needs both calls", () =>
    Effect.gen(function*() {
      const { impersonations, page, request, sessions, signedIn } = yield* setup
      const administrator = yield* signedIn("root")
      yield* request(administrator, begin("ada"))
      yield* sessions.destroyByUser("ada")
      assert.strictEqual(yield* page(administrator), "root as ada")
      yield* sessions.destroyByUser("root")
      assert.strictEqual(yield* page(administrator), "root as ada")
      yield* impersonations.destroyByUser("root")
      assert.strictEqual(yield* page(administrator), 401)
    }))

  scoped(
    "ends at once where the administrator signs out, is one no more, or the target is gone",
    () =>
      Effect.gen(function*() {
        const { impersonations, page, request, signedIn, users } = yield* setup
        const administrator = yield* signedIn("root")
        yield* request(administrator, begin("ada"))
        const copy = tabOf(administrator)
        yield* request(administrator, signOut)
        assert.strictEqual(yield* page(copy), 401)

        const demoted = yield* signedIn("ops")
        yield* request(demoted, begin("ada"))
        users.set("ops", { id: "ops", isAdministrator: false })
        assert.strictEqual(yield* page(demoted), "ops as ops")
        assert.lengthOf(yield* impersonations.listByUser("ops"), 0)

        const left = yield* signedIn("root")
        yield* request(left, begin("grace"))
        users.delete("grace")
        assert.strictEqual(yield* page(left), 401)
        assert.strictEqual(yield* page(left), "root as root")
      })
  )

  scoped("is refused to who is no administrator, and of administrators and of nobody", () =>
    Effect.gen(function*() {
      const { deeds, impersonations, request, signedIn } = yield* setup
      const administrator = yield* signedIn("root")
      const statuses = [
        (yield* request(new Browser(), begin("ada"))).status,
        (yield* request(yield* signedIn("grace"), begin("ada"))).status,
        (yield* request(administrator, begin("ops"))).status,
        (yield* request(administrator, begin("nobody"))).status,
        (yield* request(administrator, end)).status
      ]
      assert.deepStrictEqual(statuses, [401, 403, 403, 403, 401])
      assert.lengthOf(yield* impersonations.listByUser("root"), 0)
      assert.lengthOf(deeds, 0)
    }))
})

describe("Impersonation that is naive, and signs the administrator in as its target", () => {
  scoped(
    "ends his own session, is not ended with his, and is told from the target by nobody",
    () =>
      Effect.gen(function*() {
        const { deeds, page, request, sessions, signedIn } = yield* setup
        const administrator = yield* signedIn("root")
        yield* request(administrator, Effect.flatMap(AppSession, (session) => session.signIn("ada")))
        assert.strictEqual(yield* page(administrator), "ada as ada")
        assert.lengthOf(yield* sessions.listByUser("root"), 0)
        yield* request(administrator, audit("order"))
        assert.deepStrictEqual(deeds.map(({ by, user }) => [by, user]), [["ada", "ada"]])
        yield* request(new Browser(), endSessionsOf("root"))
        assert.strictEqual(yield* page(administrator), "ada as ada")
      })
  )
})
