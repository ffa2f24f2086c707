import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect } from "@effect/vitest"
import { type SessionError, SessionStore, SessionToken } from "effect-sessions"
import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { anyServer, redisMissing } from "../redis/support/servers.js"
import { sized, timeout } from "../sql/support/size.js"
import { type Answer, type App, type AppHandle, Browser, browserWith, increment, makeApp, use } from "../support/app.js"
import {
  type HandleOperation,
  isBlind,
  type ModelAnswer,
  type ModelRequest,
  type ModelRow,
  type ModelStore,
  runModel
} from "../support/handleModel.js"
import { pausing, takeTurns } from "../support/overlap.js"
import { turn } from "../support/turn.js"

const tagged = <Tag extends string>(...tags: ReadonlyArray<Tag>) =>
  FastCheck.record({ _tag: FastCheck.constantFrom(...tags) })

const user = FastCheck.constantFrom("ada", "grace")

const operation: FastCheck.Arbitrary<HandleOperation> = FastCheck.oneof(
  { weight: 6, arbitrary: tagged("get", "update", "modify", "rotate", "signOut", "touch", "destroy") },
  {
    weight: 3,
    arbitrary: FastCheck.record({ _tag: FastCheck.constant("commit" as const), caught: FastCheck.boolean() })
  },
  {
    weight: 1,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("set" as const),
      count: FastCheck.integer({ min: 0, max: 9 })
    })
  },
  {
    weight: 4,
    arbitrary: FastCheck.record({ _tag: FastCheck.constant("signIn" as const), user, carry: FastCheck.boolean() })
  },
  { weight: 1, arbitrary: FastCheck.record({ _tag: FastCheck.constant("endUser" as const), user }) }
)

const perform = (app: App, session: AppHandle, operation: HandleOperation): Effect.Effect<unknown, unknown> => {
  switch (operation._tag) {
    case "set":
      return session.set({ count: operation.count, notes: [], settings: {} })
    case "update":
      return session.update(increment)
    case "modify":
      return session.modify((data) => ["result", increment(data)])
    case "signIn":
      return session.signIn(operation.user, operation.carry ? { carry: (data) => data } : {})
    case "endUser":
      return app.sessions.destroyByUser(operation.user)
    case "commit":
      return operation.caught ? Effect.ignore(session.commit) : session.commit
    default:
      return session[operation._tag]
  }
}

const endings = {
  "200": Effect.succeed(HttpServerResponse.empty({ status: 200 })),
  "302": Effect.succeed(HttpServerResponse.redirect("/")),
  "404": Effect.succeed(HttpServerResponse.empty({ status: 404 })),
  "409": Effect.succeed(HttpServerResponse.empty({ status: 409 })),
  "499": Effect.succeed(HttpServerResponse.empty({ status: 499 })),
  "500": Effect.succeed(HttpServerResponse.empty({ status: 500 })),
  failure: Effect.fail("broken"),
  defect: Effect.die("broken")
}

const statusOf = { "200": 200, "302": 302, "404": 404, "409": 409, "499": 499, "500": 500, failure: 500, defect: 500 }

const ending = FastCheck.oneof(
  { weight: 2, arbitrary: FastCheck.constant("200" as const) },
  {
    weight: 1,
    arbitrary: FastCheck.constantFrom(...["302", "404", "409", "499", "500", "failure", "defect"] as const)
  }
)

/** A number says by how many renames the id of the request is older than the session's. */
type Carries = "nothing" | "garbage" | "an unknown id" | 0 | 1 | 2

const carriesOneOf = (...all: Array<Carries>): FastCheck.Arbitrary<Carries> => FastCheck.constantFrom(...all)

interface Request {
  readonly carries: Carries
  readonly operations: ReadonlyArray<HandleOperation>
  readonly ending: keyof typeof endings
}

const requestOf = (maxLength: number, carries: FastCheck.Arbitrary<Carries>): FastCheck.Arbitrary<Request> =>
  FastCheck.record({ carries, operations: FastCheck.array(operation, { maxLength }), ending })

/** The session that is there before: whose it is, how often it got a new id, and how many seconds ago that was. */
interface Start {
  readonly user: string | null
  readonly renames: number
  readonly secondsAgo: number
}

const start: FastCheck.Arbitrary<Start> = FastCheck.record({
  user: FastCheck.constantFrom("ada", "linus", null),
  renames: FastCheck.constantFrom(0, 1, 2),
  secondsAgo: FastCheck.constantFrom(0, 30, 60, 62, 900)
})

const data = { count: 5, notes: [], settings: {} }

/** A store that remembers every key. */
const recording = (store: SessionStore.Service) => {
  const keys = new Set<string>()
  const service: SessionStore.Service = {
    ...store,
    insert: (insertion) => {
      keys.add(insertion.record.key)
      return store.insert(insertion)
    },
    rotate: (rotation) => {
      keys.add(rotation.next.key)
      return store.rotate(rotation)
    }
  }
  const rows = Effect.map(
    Effect.forEach(keys, (key) => store.read(key, -1)),
    (found) => found.flatMap((row) => Option.toArray(row))
  )
  return { service, rows }
}

type MakeStore = Effect.Effect<SessionStore.Service, SessionError.SessionConfigError, Scope.Scope>

const visible = (
  { createdAt, lastSeenAt, user, version }: Pick<ModelRow, "createdAt" | "lastSeenAt" | "user" | "version">,
  count: number
): string => `${user ?? "visitor"} ${count} v${version} ${createdAt}-${lastSeenAt}`

/** A clock that stands still. `TestClock.adjust` waits for all fibers, in real time. */
const clockAt = (millis: number): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => millis,
  unsafeCurrentTimeNanos: () => BigInt(millis) * 1_000_000n,
  currentTimeMillis: Effect.succeed(millis),
  currentTimeNanos: Effect.succeed(BigInt(millis) * 1_000_000n),
  sleep: () => Effect.void
})

/** Runs requests of one browser on nodes of their own over one store, and the model, and compares everything. */
const check = Effect.fnUntraced(function*(
  makeStore: MakeStore,
  start: Start,
  requests: ReadonlyArray<Request>,
  turns: ReadonlyArray<number>
) {
  yield* turn
  const store = recording(yield* makeStore)
  const nodes = yield* Effect.forEach(requests, () => makeApp({ store: store.service }))
  const manager = (yield* makeApp({ store: store.service })).sessions

  const ids = [(yield* manager.create({ data, ...(start.user === null ? {} : { user: start.user }) })).id]
  for (let renames = 0; renames < start.renames; renames++) {
    ids.unshift((yield* manager.rotate(ids[0] ?? Redacted.make(""))).id)
  }
  const now = start.secondsAgo * 1000
  const newest = start.renames
  const model: ModelStore = {
    rows: [{
      id: newest,
      formerly: [newest - 1, newest - 2].filter((id) => id >= 0),
      renamedAt: start.renames === 0 ? -Infinity : 0,
      handle: 0,
      version: start.renames + 1,
      count: data.count,
      user: start.user,
      createdAt: 0,
      lastSeenAt: 0
    }],
    nextId: newest + 1,
    nextHandle: 1
  }
  /** What the cookies say, in the numbers of the model. */
  const texts = new Map(ids.map((id, age) => [Redacted.value(id), newest - age]))

  const browserOf = (carries: Carries): Browser => {
    if (carries === "nothing") return new Browser()
    if (carries === "garbage") return browserWith("garbage")
    const id = carries === "an unknown id" ? undefined : ids[carries]
    return browserWith(id === undefined ? "AAAAAAAAAAAAAAAAAAAAAA" : Redacted.value(id))
  }
  const modelRequests = requests.map(({ carries, ending, operations }): ModelRequest => ({
    sent: carries === "nothing" || carries === "garbage"
      ? undefined
      : carries === "an unknown id" || newest - carries < 0
      ? -1
      : newest - carries,
    sendsCookie: carries !== "nothing",
    operations,
    status: statusOf[ending]
  }))

  const party = ({ carries, ending, operations }: Request, node: App) => (pause: Effect.Effect<void>) => {
    const seen: Array<readonly [number, string | null]> = []
    node.store.interfere(pausing(pause))
    const handler = use((session) =>
      Effect.zipRight(
        Effect.forEach(operations, (operation) =>
          Effect.gen(function*() {
            yield* pause
            yield* perform(node, session, operation)
            if (!isBlind(operation)) {
              seen.push([(yield* session.get).count, Option.getOrNull(yield* session.user)])
            }
          })),
        Effect.zipRight(pause, endings[ending])
      )
    )
    return Effect.map(node.visit(browserOf(carries), handler), (answer) => ({ answer, seen }))
  }
  const real = yield* takeTurns(
    Array.zip(requests, nodes).map(([request, node]) => ({ run: party(request, node) })),
    turns
  ).pipe(Effect.withClock(clockAt(now)))
  const modelled = yield* takeTurns(
    modelRequests.map((request) => ({
      run: (pause) =>
        Effect.gen(function*() {
          const steps = runModel(model, request, now)
          for (;;) {
            const step = steps.next()
            if (step.done === true) return step.value
            yield* pause
          }
        })
    })),
    turns
  )

  yield* Effect.forEach(real, ({ answer, seen }, index) =>
    Effect.sync(() => {
      const expected = modelled[index]
      assert.deepStrictEqual(
        { status: answer.status, seen, cookie: cookieKind(answer) },
        { status: expected?.status, seen: expected?.seen, cookie: modelKind(expected?.cookie) },
        `request ${index}`
      )
      const [, text] = /^__Host-sid=([^;]+);/.exec(answer.setCookies[0] ?? "") ?? []
      if (text !== undefined && typeof expected?.cookie === "number") texts.set(text, expected.cookie)
      // A refusal leaves the cookie that replaced this one alone.
      if (answer.status === 401 || (answer.status === 409 && requests[index]?.ending !== "409")) {
        assert.deepStrictEqual(answer.setCookies, [])
      }
    }))

  const rows = yield* store.rows
  assert.sameMembers(
    rows.map((row) => visible({ ...row, user: row.userId }, JSON.parse(row.data).count)),
    model.rows.map((row) => visible(row, row.count))
  )

  /** Who is signed in for a browser that got the answers in this order. */
  const lookThrough = Effect.fnUntraced(function*(order: ReadonlyArray<number>) {
    const [first] = requests
    const browser = browserOf(first?.carries ?? "nothing")
    for (const index of order) browser.receive(real[index]?.answer.setCookies ?? [])
    const text = browser.cookies.get("__Host-sid")
    const id = Option.getOrUndefined(SessionToken.parse(manager.token, text ?? ""))
    const found = id === undefined
      ? undefined
      : Option.getOrUndefined(yield* Effect.withClock(manager.read(id), clockAt(now)))
    const number = text === undefined ? undefined : texts.get(text)
    const expected = model.rows.find(({ id, lastSeenAt }) => id === number && now < lastSeenAt + 900_000)
    assert.deepStrictEqual(
      found === undefined ? undefined : visible({ ...found.record, user: found.record.userId }, found.data.count),
      expected === undefined ? undefined : visible(expected, expected.count)
    )
    return found?.record.userId ?? null
  })
  const forwards = requests.map((_, index) => index)
  const users = [yield* lookThrough(forwards), yield* lookThrough(forwards.reverse())]

  // What is promised, whatever the model says. A row remembers two former ids: what more renames make of an older one is
  // not promised.
  const all = requests.flatMap(({ operations }) => operations.map(({ _tag }) => _tag))
  const knows = requests.some(({ carries, operations }, index) => {
    if (typeof carries !== "number" || carries > start.renames || (carries > 0 && start.secondsAgo > 60)) return false
    const renamesOfOthers = requests.flatMap((other, at) => at === index ? [] : other.operations)
      .filter(({ _tag }) => _tag === "rotate")
    return carries + renamesOfOthers.length <= 2 &&
      operations.some(({ _tag }) => _tag === "signOut" || _tag === "destroy")
  }) && real.every(({ answer }) => answer.status === 200)
  if (knows && !all.includes("signIn")) {
    assert.deepStrictEqual(rows.filter(({ userId }) => userId !== null), [], "logout is final")
    assert.deepStrictEqual(users, [null, null], "logout is final")
  }
  const signIn = requests.every(({ operations }) => operations.at(-1)?._tag === "signIn")
  if (signIn && !all.some((tag) => ["signOut", "destroy", "endUser"].includes(tag))) {
    if (real.every(({ answer }) => answer.status < 400)) assert.notInclude(users, null, "a sign-in stays")
  }
})

const cookieKind = ({ setCookies }: Answer): string => {
  const [setCookie, ...more] = setCookies
  assert.deepStrictEqual(more, [])
  return setCookie === undefined ? "none" : /; Max-Age=0;/.test(setCookie) ? "cleared" : "set"
}

const modelKind = (cookie: ModelAnswer["cookie"] | undefined): string | undefined =>
  typeof cookie === "number" ? "set" : cookie

const carries = carriesOneOf(0, 0, 0, 0, 1, 1, 2, "nothing", "an unknown id")

/** A Redis store whose sessions are gone at the end. */
const redisStore: MakeStore = Effect.flatMap(anyServer, (url) =>
  Effect.tap(
    RedisSessionStore.make({ url, prefix: `effect_sessions_test:${process.pid}:model:` }),
    (store) => Effect.addFinalizer(() => Effect.ignore(store.clear()))
  ))

const stores: ReadonlyArray<{
  readonly name: string
  readonly missing: string | undefined
  readonly make: MakeStore
  readonly runs: Readonly<Record<"one" | "two" | "three", number>>
}> = [
  {
    name: "in memory",
    missing: undefined,
    make: SessionStore.makeMemory(),
    runs: {
      one: sized({ small: 100, full: 10_000 }),
      two: sized({ small: 250, full: 50_000 }),
      three: sized({ small: 50, full: 20_000 })
    }
  },
  {
    name: "on Redis",
    missing: await redisMissing(),
    make: redisStore,
    runs: {
      one: sized({ small: 10, middle: 100, full: 2_000 }),
      two: sized({ small: 20, middle: 200, full: 5_000 }),
      three: sized({ small: 10, middle: 100, full: 2_000 })
    }
  }
]

describe.each(stores)("A session $name", ({ make, missing, runs }) => {
  describe.skipIf(missing !== undefined)("(where it is there)", () => {
    effect.prop(
      "whatever a request does and however it ends, answer, store and cookie are as the model says",
      {
        start,
        request: requestOf(
          8,
          carriesOneOf("nothing", "garbage", "an unknown id", 0, 0, 0, 0, 1, 2)
        )
      },
      ({ request, start }) => Effect.scoped(check(make, start, [request], [])),
      { fastCheck: { numRuns: runs.one }, timeout }
    )

    effect.prop(
      "two requests in flight, on one id or on a former one: answers, store and cookies are as the model says",
      {
        start,
        first: requestOf(4, carries),
        second: requestOf(4, carries),
        turns: FastCheck.array(FastCheck.nat(1), { maxLength: 40 })
      },
      ({ first, second, start, turns }) => Effect.scoped(check(make, start, [first, second], turns)),
      { fastCheck: { numRuns: runs.two }, timeout }
    )

    effect.prop(
      "three requests in flight: answers, store and cookies are as the model says",
      {
        start,
        requests: FastCheck.tuple(requestOf(3, carries), requestOf(3, carries), requestOf(3, carries)),
        turns: FastCheck.array(FastCheck.nat(2), { maxLength: 50 })
      },
      ({ requests, start, turns }) => Effect.scoped(check(make, start, requests, turns)),
      { fastCheck: { numRuns: runs.three }, timeout }
    )
  })
})
