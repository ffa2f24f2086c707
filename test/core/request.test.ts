import { assert, describe, it, prop } from "@effect/vitest"
import type { SessionRecord } from "effect-sessions/core/record"
import * as Request from "effect-sessions/core/request"
import * as FastCheck from "effect/FastCheck"

type Data = ReadonlyArray<string>

interface Stored extends Request.Stored<Data> {}

type State = Request.State<Data, string, Stored>

const initial = (): Data => ["initial"]

const timeouts = {
  idle: 100,
  absolute: 1000,
  remembered: { idle: 300, absolute: 3000 },
  touchInterval: 10
}

const recordAt = (lastSeenAt: number, change: Partial<SessionRecord> = {}): SessionRecord => ({
  name: "App",
  key: "key",
  previousKey: null,
  earlierKey: null,
  renamedAt: null,
  handle: "handle",
  userId: null,
  data: "",
  version: 1,
  createdAt: 0,
  lastSeenAt,
  expiresAt: lastSeenAt + timeouts.idle,
  remembered: false,
  ...change
})

const storedAt = (lastSeenAt: number, data: Data = ["stored"], userId: string | null = null): Stored => ({
  data,
  record: recordAt(lastSeenAt, { userId })
})

/** Everything that can happen to the state of a request. */
type Event =
  | { readonly _tag: "use" | "rotate" | "create" | "end" | "letGo" | "touch" }
  | { readonly _tag: "load"; readonly stored: boolean; readonly several: boolean; readonly userId: string | null }
  | { readonly _tag: "change"; readonly word: string }
  | { readonly _tag: "signIn"; readonly user: string; readonly carry: boolean }
  | { readonly _tag: "commit"; readonly stored: boolean; readonly given: boolean; readonly extended: boolean }
  | { readonly _tag: "fail" }
  | { readonly _tag: "lose"; readonly loss: Request.Loss }
  | { readonly _tag: "close"; readonly status: number }

const tags = <Tag extends string>(...all: ReadonlyArray<Tag>) =>
  FastCheck.record({ _tag: FastCheck.constantFrom(...all) })

const loss = FastCheck.constantFrom("Gone" as const, "Renamed" as const)

const event: FastCheck.Arbitrary<Event> = FastCheck.oneof(
  tags("use", "touch", "rotate", "create", "end", "letGo", "fail"),
  FastCheck.record({ _tag: FastCheck.constant("lose" as const), loss }),
  FastCheck.record({
    _tag: FastCheck.constant("load" as const),
    stored: FastCheck.boolean(),
    several: FastCheck.boolean(),
    userId: FastCheck.constantFrom(null, "ada")
  }),
  FastCheck.record({ _tag: FastCheck.constant("change" as const), word: FastCheck.constantFrom("a", "b", "c") }),
  FastCheck.record({
    _tag: FastCheck.constant("signIn" as const),
    user: FastCheck.constantFrom("ada", "grace"),
    carry: FastCheck.boolean()
  }),
  FastCheck.record({
    _tag: FastCheck.constant("commit" as const),
    stored: FastCheck.boolean(),
    given: FastCheck.boolean(),
    extended: FastCheck.boolean()
  }),
  FastCheck.record({
    _tag: FastCheck.constant("close" as const),
    status: FastCheck.constantFrom(200, 302, 404, 498, 499, 500, 503)
  })
)

const append = (word: string): Request.Change<Data> => (data) => [...data, word]

const begin = (background = false, closed = false): State => Request.begin(initial, { background, closed })

/** The state with its content made, as who stages something has it. */
const ready = (state: State) => Request.isReady(state) ? state : Request.refreshed(state, state.stored)

const change = (state: State, word: string): State => {
  const change = append(word)
  const before = ready(state)
  return Request.stageChange(before, change, change(before.content.data, initial))
}

/** One thing after another, whatever was staged being what a commit takes. */
const after = (events: ReadonlyArray<Event>, from: State = begin()): State =>
  events.reduce((state: State, event): State => {
    switch (event._tag) {
      case "use":
        return Request.use(state)
      case "touch":
        return Request.touch(state)
      case "rotate":
        return Request.stageRotate(state)
      case "create":
        return Request.stageCreate(state)
      case "change":
        return change(state, event.word)
      case "signIn":
        return Request.stageSignIn(
          ready(state),
          event.user,
          event.carry ? { carry: (data) => [...data, "carried"] } : {}
        )
      case "load":
        return Request.load(
          state,
          event.stored ? storedAt(5, ["stored"], event.userId) : undefined,
          event.several && !event.stored
        )
      case "commit":
        return Request.committed(state, state.staged, {
          stored: event.stored ? storedAt(20, ["written"]) : undefined,
          given: event.given,
          extended: event.extended
        })
      case "fail":
        return Request.failed(state, state.staged)
      case "lose":
        return Request.lost(state, state.staged, event.loss, [])
      case "end":
        return Request.ended(state, state.staged)
      case "close":
        return Request.close(state, event.status)
      case "letGo":
        return Request.letGo(state)
    }
  }, from)

const state = FastCheck.array(event, { maxLength: 8 }).map((events) => after(events))

/** What a request sees of a state: content that is there is what it would be if it were made anew. */
const seen = (state: State) => {
  const fresh = Request.refreshed(state, state.stored)
  if (Request.isReady(state)) assert.deepStrictEqual(fresh, state)
  return fresh
}

const contentOf = (state: State, stored: Stored | undefined) =>
  Request.apply(state.staged.changes, stored?.data ?? initial(), initial)

const nothingStaged = { changes: [], signIn: undefined, rotate: false, create: false }

describe("The state of a request", () => {
  prop("begins with the initial data and nothing staged", {
    background: FastCheck.boolean(),
    closed: FastCheck.boolean()
  }, (given) => {
    assert.deepStrictEqual(begin(given.background, given.closed), {
      initial,
      stored: undefined,
      seenBefore: undefined,
      content: undefined,
      staged: nothingStaged,
      active: false,
      background: given.background,
      outcome: "Untouched",
      loaded: false,
      several: false,
      closed: given.closed,
      refused: undefined,
      handle: undefined,
      touched: false
    })
  })

  prop(
    "has the data of what is stored, or the initial one, with what is staged, whatever happened",
    { state },
    ({ state }) => {
      assert.deepStrictEqual(seen(state).content, contentOf(state, state.stored))
    },
    { fastCheck: { numRuns: 1000 } }
  )

  it("applies changes in their order, and tells each the initial data", () => {
    const changes = [append("a"), (_: Data, initial: () => Data) => initial(), append("b"), append("c")]
    assert.deepStrictEqual(Request.apply(changes, ["stored"], initial), {
      before: ["stored"],
      data: ["initial", "b", "c"]
    })
    const data = initial()
    assert.strictEqual(Request.apply([], data, initial).data, data)
  })

  prop("is one of activity once somebody used the session, but not in the background", { state }, ({ state }) => {
    assert.strictEqual(Request.use(state).active, state.active || !state.background)
    assert.isFalse(Request.use(begin(true)).active)
    assert.deepStrictEqual({ ...Request.use(state), active: state.active }, state)
  })
})

describe("load", () => {
  prop(
    "takes what is stored, keeps what is staged, and tells nobody",
    { state, isStored: FastCheck.boolean() },
    ({ isStored, state }) => {
      const stored = isStored ? storedAt(7) : undefined
      const loaded = Request.load(state, stored, !isStored)
      assert.strictEqual(Request.isReady(loaded), state.staged.changes.length === 0)
      assert.deepStrictEqual(seen(loaded), {
        ...state,
        stored,
        handle: stored?.record.handle ?? state.handle,
        seenBefore: state.seenBefore ?? stored?.record.lastSeenAt,
        content: contentOf(state, stored),
        loaded: true,
        several: !isStored,
        outcome: isStored && state.outcome === "Untouched" ? "Kept" : state.outcome
      })
    }
  )
})

describe("What is staged", () => {
  prop("is every change, also one that changes nothing now", { state }, ({ state }) => {
    const identity: Request.Change<Data> = (data) => data
    const before = ready(state)
    const next = Request.stageChange(before, identity, before.content.data)
    assert.deepStrictEqual(next, {
      ...before,
      staged: { ...state.staged, changes: [...state.staged.changes, identity] }
    })
  })

  prop(
    "by a sign-in is the user, and the initial data but for what carry keeps",
    { state, carry: FastCheck.boolean(), remember: FastCheck.option(FastCheck.boolean(), { nil: undefined }) },
    ({ carry, remember, state }) => {
      const before = ready(state)
      const next = Request.stageSignIn(before, "ada", {
        ...(carry ? { carry: (data) => [...data, "carried"] } : {}),
        remember
      })
      assert.deepStrictEqual(next.content, {
        before: before.content.before,
        data: carry ? [...before.content.data, "carried"] : initial()
      })
      assert.deepStrictEqual(next.staged.signIn, {
        user: "ada",
        remember,
        before: remember === undefined ? state.staged.signIn : undefined
      })
      assert.strictEqual(next.staged.changes.length, state.staged.changes.length + 1)
      // On fresh data it means the same.
      assert.deepStrictEqual(
        Request.apply(next.staged.changes.slice(-1), ["fresh"], initial).data,
        carry ? ["fresh", "carried"] : initial()
      )
      assert.deepStrictEqual({ ...next, content: before.content, staged: before.staged }, before)
    }
  )

  prop(
    "by a second sign-in is the first one as well, unless the second says itself whether to remember",
    {
      state,
      first: FastCheck.option(FastCheck.boolean(), { nil: undefined }),
      second: FastCheck.option(FastCheck.boolean(), { nil: undefined }),
      user: FastCheck.constantFrom("ada", "grace")
    },
    ({ first, second, state, user }) => {
      const once = Request.stageSignIn(ready(state), "ada", { remember: first })
      const twice = Request.stageSignIn(ready(once), user, { remember: second })
      const before = second === undefined ? once.staged.signIn : undefined
      assert.deepStrictEqual(twice.staged.signIn, { user, remember: second, before })
    }
  )

  prop(
    "by a rotation is a new id, if there is a session to give one to, or there are several",
    { state },
    ({ state }) => {
      const next = Request.stageRotate(state)
      assert.deepStrictEqual(next, {
        ...state,
        staged: { ...state.staged, rotate: state.stored !== undefined || state.several }
      })
    }
  )

  prop("counts as activity where the request says so, in the background as well, and whatever else it does", {
    state
  }, ({ state }) => {
    assert.isTrue(Request.beInBackground(Request.touch(state)).active)
    assert.isTrue(Request.touch(Request.beInBackground(state)).active)
    assert.strictEqual(Request.beInBackground(state).active, state.touched)
    assert.isTrue(Request.beInBackground(state).background)
  })

  prop("may be no more than that a visitor gets a session", { state }, ({ state }) => {
    assert.deepStrictEqual(Request.stageCreate(state), { ...state, staged: { ...state.staged, create: true } })
  })

  prop("needs a new id where there is none, for a sign-in, and for a rotation", { state }, ({ state }) => {
    const { changes, create, rotate, signIn } = state.staged
    assert.strictEqual(
      Request.renames(state),
      signIn !== undefined || rotate || (state.stored === undefined && (changes.length > 0 || create))
    )
  }, { fastCheck: { numRuns: 500 } })

  prop("is to be written; otherwise activity is noted when a touch is due, and nothing without a session", {
    state,
    now: FastCheck.integer({ min: 0, max: 50 })
  }, ({ now, state }) => {
    const { changes, create, rotate, signIn } = state.staged
    const isStaged = changes.length > 0 || create || rotate || signIn !== undefined
    const isDue = state.active && state.stored !== undefined && now - state.stored.record.lastSeenAt >= 10
    assert.strictEqual(Request.pending(state, timeouts, now), isStaged ? "Change" : isDue ? "Touch" : "Nothing")
  }, { fastCheck: { numRuns: 1000 } })
})

/** A state some of whose staged things a commit has taken, and more was staged since. */
const takenAndMore = FastCheck.record({
  before: FastCheck.array(event, { maxLength: 6 }),
  since: FastCheck.array(
    FastCheck.oneof(
      tags("rotate", "create", "use"),
      FastCheck.record({ _tag: FastCheck.constant("change" as const), word: FastCheck.constantFrom("x", "y") }),
      FastCheck.record({
        _tag: FastCheck.constant("signIn" as const),
        user: FastCheck.constant("linus"),
        carry: FastCheck.boolean()
      })
    ),
    { maxLength: 4 }
  )
}).map(({ before, since }) => {
  const taken = after(before).staged
  const state = after(since, after(before))
  // Before is built twice, and so are its changes.
  return { state: { ...state, staged: restaged(state.staged, taken) }, taken }
})

const restaged = (all: State["staged"], taken: State["staged"]): State["staged"] => ({
  ...all,
  changes: [...taken.changes, ...all.changes.slice(taken.changes.length)],
  signIn: all.signIn?.user === "linus" ? all.signIn : taken.signIn
})

const isRest = (
  rest: State["staged"],
  { state, taken }: { readonly state: State; readonly taken: State["staged"] }
) => {
  assert.deepStrictEqual(rest.changes, state.staged.changes.slice(taken.changes.length))
  assert.strictEqual(rest.signIn, state.staged.signIn === taken.signIn ? undefined : state.staged.signIn)
  assert.strictEqual(rest.rotate, state.staged.rotate && !taken.rotate)
  assert.strictEqual(rest.create, state.staged.create && !taken.create)
}

describe("A commit", () => {
  prop("that is done leaves what was staged since, on what is stored now, and says what became of the id", {
    both: takenAndMore,
    isStored: FastCheck.boolean(),
    given: FastCheck.boolean(),
    extended: FastCheck.boolean()
  }, ({ both, extended, given, isStored }) => {
    const { state, taken } = both
    const written = isStored ? storedAt(20, ["written"]) : undefined
    const next = Request.committed(state, taken, { stored: written, given, extended })
    const isChange = taken.changes.length > 0 || taken.signIn !== undefined || taken.rotate || taken.create
    const stored = written ?? (isChange ? undefined : state.stored)
    isRest(next.staged, both)
    assert.strictEqual(Request.isReady(next), isStored && next.staged.changes.length === 0)
    const outcome = !isStored
      ? state.outcome
      : given || state.outcome === "Given"
      ? "Given"
      : extended || state.outcome === "Extended"
      ? "Extended"
      : "Kept"
    assert.deepStrictEqual(seen(next), {
      ...state,
      stored,
      handle: stored?.record.handle ?? state.handle,
      content: contentOf(next, stored),
      staged: next.staged,
      several: state.several && !isStored,
      outcome
    })
  }, { fastCheck: { numRuns: 1000 } })

  prop("that failed drops what it took, and nothing else changes", { both: takenAndMore }, ({ both }) => {
    const { state, taken } = both
    const next = Request.failed(state, taken)
    isRest(next.staged, both)
    assert.deepStrictEqual({ ...next, content: state.content, staged: state.staged }, state)
    assert.isUndefined(next.content)
    assert.deepStrictEqual(seen(next).content, contentOf(next, state.stored))
  }, { fastCheck: { numRuns: 500 } })

  prop(
    "that came too late leaves nobody's session, and nothing to tell the browser",
    { both: takenAndMore, loss },
    ({ both, loss }) => {
      const { state, taken } = both
      const next = Request.lost(state, taken, loss, [])
      const record = state.stored?.record
      isRest(next.staged, both)
      assert.deepStrictEqual(seen(next), {
        ...state,
        stored: undefined,
        outcome: "Untouched",
        content: contentOf(next, undefined),
        staged: next.staged,
        refused: record === undefined || record.userId === null ? state.refused : loss
      })
    },
    { fastCheck: { numRuns: 500 } }
  )

  prop(
    "that was to refresh what somebody else ended is refused for good, but for who ended it himself",
    { before: FastCheck.array(event, { maxLength: 6 }), loss, mine: FastCheck.constantFrom("handle", "another", null) },
    ({ before, loss, mine }) => {
      const loaded = Request.load(Request.ended(after(before), nothingStaged), storedAt(5, ["stored"], "ada"), false)
      const ends = mine === null ? [] : [{ name: "App", userId: "ada", only: mine }]
      const lost = Request.lost(Request.stageSignIn(ready(loaded), "ada", {}), loaded.staged, loss, ends)
      assert.strictEqual(Request.refusal(lost), mine === "handle" ? undefined : loss)
      assert.isUndefined(Request.refusal({ ...lost, staged: { ...lost.staged, signIn: undefined } }))
      assert.isUndefined(
        Request.refusal(Request.stageSignIn(ready(Request.ended(lost, lost.staged)), "ada", {}))
      )
    },
    { fastCheck: { numRuns: 500 } }
  )

  prop(
    "that took what another was to write is known by that",
    { before: FastCheck.array(event, { maxLength: 6 }) },
    ({ before }) => {
      const { staged } = after(before)
      const isSomething = staged.changes.length > 0 || staged.signIn !== undefined || staged.rotate || staged.create
      assert.strictEqual(Request.shares(staged, staged), isSomething)
      assert.isFalse(Request.shares(staged, nothingStaged))
      assert.isFalse(Request.shares(nothingStaged, staged))
      // The like is not the same.
      const like = after(before).staged
      assert.strictEqual(Request.shares(staged, { ...like, rotate: false, create: false }), false)
      for (const part of ["rotate", "create"] as const) {
        assert.strictEqual(Request.shares(staged, { ...nothingStaged, [part]: true }), staged[part])
      }
      for (const part of ["changes", "signIn"] as const) {
        const isThere = part === "changes" ? staged.changes.length > 0 : staged.signIn !== undefined
        assert.strictEqual(Request.shares(staged, { ...nothingStaged, [part]: staged[part] }), isThere)
      }
    }
  )
})

describe("A sign-out", () => {
  prop(
    "leaves nobody's session and what was staged since; nothing needs to be asked",
    { both: takenAndMore },
    ({ both }) => {
      const { state, taken } = both
      const next = Request.ended(state, taken)
      isRest(next.staged, both)
      assert.deepStrictEqual(seen(next), {
        ...state,
        stored: undefined,
        handle: undefined,
        loaded: true,
        several: false,
        outcome: "SignedOut",
        refused: undefined,
        content: contentOf(next, undefined),
        staged: next.staged
      })
    },
    { fastCheck: { numRuns: 500 } }
  )
})

describe("The response", () => {
  prop("closes the session; a failure and a client that hung up drop what is staged and are no activity", {
    state,
    status: FastCheck.oneof(FastCheck.constantFrom(498, 499, 500, 501), FastCheck.integer({ min: 200, max: 599 }))
  }, ({ state, status }) => {
    const next = Request.close(state, status)
    assert.deepStrictEqual(
      next,
      status >= 500 || status === 499
        ? { ...state, closed: true, active: false, staged: nothingStaged, content: undefined }
        : { ...state, closed: true }
    )
  }, { fastCheck: { numRuns: 500 } })

  prop("that is on its way lets the session go: who asks then has the store asked again", { state }, ({ state }) => {
    assert.deepStrictEqual(Request.letGo(state), {
      ...state,
      stored: undefined,
      content: undefined,
      staged: nothingStaged,
      loaded: false
    })
  })
})

describe("planCookie", () => {
  const outcomes = ["Untouched", "Kept", "Extended", "Given", "SignedOut"] as const
  const cookie = FastCheck.record({
    sent: FastCheck.boolean(),
    reissue: FastCheck.boolean(),
    persistent: FastCheck.boolean(),
    changedAt: FastCheck.option(FastCheck.integer({ min: 0, max: 10 }), { nil: undefined, freq: 1 })
  })
  const told = FastCheck.record({
    outcome: FastCheck.constantFrom(...outcomes),
    isStored: FastCheck.boolean(),
    seenBefore: FastCheck.option(FastCheck.integer({ min: 0, max: 10 }), { nil: undefined, freq: 1 }),
    lifetime: FastCheck.constantFrom(50, 100, 150, 2000),
    remembered: FastCheck.boolean()
  }).map(({ isStored, lifetime, outcome, remembered, seenBefore }): State => ({
    ...begin(),
    outcome,
    seenBefore,
    stored: isStored ? { data: initial(), record: recordAt(20, { expiresAt: 20 + lifetime, remembered }) } : undefined
  }))

  prop("clears the cookie after a sign-out alone, and only if one was sent", { cookie, told }, ({ cookie, told }) => {
    const { _tag } = Request.planCookie(told, timeouts, cookie)
    assert.strictEqual(_tag === "Clear", told.outcome === "SignedOut" && cookie.sent)
    if (told.outcome === "SignedOut" || told.outcome === "Untouched") assert.notStrictEqual(_tag, "Set")
  }, { fastCheck: { numRuns: 500 } })

  prop("sets it where this request gave the session its id, or where what the browser has is not up to date", {
    cookie,
    told
  }, ({ cookie, told }) => {
    const plan = Request.planCookie(told, timeouts, cookie)
    const { outcome, seenBefore, stored } = told
    if (stored === undefined || outcome === "SignedOut" || outcome === "Untouched") {
      return assert.notStrictEqual(plan._tag, "Set")
    }
    const { expiresAt, remembered } = stored.record
    const longest = remembered ? 320 : 120
    const persistent = cookie.persistent || remembered
    const isTooLong = persistent && expiresAt > longest
    const moved = persistent && outcome === "Extended"
    const isOld = cookie.changedAt !== undefined && seenBefore !== undefined && seenBefore < cookie.changedAt
    assert.deepStrictEqual(
      plan,
      outcome === "Given" || cookie.reissue || isTooLong || moved || isOld
        ? { _tag: "Set", expiresAt: Math.min(expiresAt, longest), persistent }
        : { _tag: "Keep" }
    )
  }, { fastCheck: { numRuns: 2000 } })
})
