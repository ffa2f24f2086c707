/**
 * The design in small: what requests of one browser answer, and what they leave in the store, whatever they do and
 * however they take turns. It is written from the promises, not from the code: no plans, no commits, only what is read
 * and written, step by step. A step ends at each `yield`: before something is done, and before and after each operation
 * of the store.
 */
export interface ModelRow {
  readonly id: number
  /** The last two ids that it had before a request that renamed it, the last one first. */
  readonly formerly: ReadonlyArray<number>
  readonly renamedAt: number
  readonly handle: number
  readonly version: number
  readonly count: number
  readonly user: string | null
  readonly createdAt: number
  readonly lastSeenAt: number
}

/** What is stored, and the numbers that are free. */
export interface ModelStore {
  rows: ReadonlyArray<ModelRow>
  nextId: number
  nextHandle: number
}

export type HandleOperation =
  | { readonly _tag: "get" | "update" | "modify" | "signOut" | "destroy" | "rotate" | "touch" }
  | { readonly _tag: "commit"; readonly caught: boolean }
  | { readonly _tag: "set"; readonly count: number }
  | { readonly _tag: "signIn"; readonly user: string; readonly carry: boolean }
  | { readonly _tag: "endUser"; readonly user: string }

/** What looking at the session would count as activity after, and so is not looked at. */
export const isBlind = ({ _tag }: HandleOperation): boolean => ["signOut", "destroy", "endUser"].includes(_tag)

export interface ModelRequest {
  /** The number of the id that it carries; one that is nobody's is below zero. */
  readonly sent: number | undefined
  /** Whether it has a cookie of ours at all, good or bad. */
  readonly sendsCookie: boolean
  readonly operations: ReadonlyArray<HandleOperation>
  readonly status: number
}

export interface ModelAnswer {
  readonly status: number
  /** What the handler saw after each operation. */
  readonly seen: ReadonlyArray<readonly [count: number, user: string | null]>
  readonly cookie: "none" | "cleared" | number
}

const idle = 900_000
const touchInterval = 60_000
const moment = 120_000

/** A browser's request that arrives at `now`, and during which no time passes. */
export function* runModel(
  store: ModelStore,
  request: ModelRequest,
  now: number
): Generator<void, ModelAnswer, void> {
  const { operations, sendsCookie, sent } = request
  const seen: Array<readonly [number, string | null]> = []
  let row: ModelRow | undefined
  let isLoaded = sent === undefined
  let isActive = false
  let given: number | undefined
  let isSignedOut = false
  let endedUsers: ReadonlyArray<string | null> = []
  let changes: ReadonlyArray<(count: number) => number> = []
  let isChanged = false
  let signsIn: string | undefined
  let rotates = false
  /** Whose session was taken from this request, and what it was told then. */
  let taken: { readonly user: string; readonly told: 401 | 409 } | undefined

  const live = (): ReadonlyArray<ModelRow> => store.rows.filter(({ lastSeenAt }) => now < lastSeenAt + idle)
  const cameFrom = (id: number | undefined) => ({ formerly, renamedAt }: ModelRow): boolean =>
    id !== undefined && formerly.includes(id) && renamedAt > now - moment
  const count = (from: ModelRow | undefined): number =>
    changes.reduce((count, change) => change(count), from?.count ?? 0)
  /** The former ids after a rename. An id that this very request gave is in no answer yet, and is none of them. */
  const formerlyOf = ({ formerly, id }: ModelRow): ReadonlyArray<number> =>
    id === sent ? [id, ...formerly].slice(0, 2) : formerly
  const forget = (): void => {
    changes = []
    isChanged = false
    signsIn = undefined
    rotates = false
  }

  function* atStore<A>(f: () => A): Generator<void, A, void> {
    yield
    const result = f()
    yield
    return result
  }

  function* load(): Generator<void, void, void> {
    isActive = true
    if (isLoaded) return
    row = yield* atStore(() => live().find(({ id }) => id === sent))
    isLoaded = true
  }

  /** What this request has is not there any more. */
  const loses = (told: 401 | 409): 401 | 409 => {
    if (row !== undefined && row.user !== null) taken = { user: row.user, told }
    row = undefined
    given = undefined
    isSignedOut = false
    forget()
    return told
  }

  /** Writes what is staged, and says what it is refused with. */
  function* write(): Generator<void, 401 | 409 | undefined, void> {
    if (signsIn !== undefined && taken !== undefined && !endedUsers.includes(taken.user)) return loses(taken.told)
    let base = row
    while (base !== undefined) {
      const from: ModelRow = base
      const isDue = isActive && now - from.lastSeenAt >= touchInterval
      const renames = rotates || signsIn !== undefined
      if (!renames && !isChanged) {
        if (!isDue) return
        const touched = yield* atStore(() => {
          const current = live().find(({ id }) => id === from.id)
          if (current === undefined) return undefined
          const next = { ...current, lastSeenAt: now }
          store.rows = store.rows.map((row) => row === current ? next : row)
          return next
        })
        if (touched !== undefined) {
          row = { ...from, lastSeenAt: now }
          endedUsers = []
        }
        forget()
        return
      }
      const next = yield* atStore(() => {
        const current = live().find(({ id, version }) => id === from.id && version === from.version)
        if (current === undefined) return undefined
        const user: string | null = signsIn ?? current.user
        const next: ModelRow = {
          ...current,
          ...(renames ? { id: store.nextId++, formerly: formerlyOf(from), renamedAt: now } : {}),
          handle: user === current.user ? current.handle : store.nextHandle++,
          version: current.version + 1,
          count: count(from),
          user,
          createdAt: signsIn === undefined ? current.createdAt : now,
          lastSeenAt: signsIn !== undefined || isDue ? now : current.lastSeenAt
        }
        store.rows = store.rows.map((row) => row === current ? next : row)
        return next
      })
      if (next !== undefined) {
        if (renames) {
          given = next.id
          isSignedOut = false
        }
        row = next
        endedUsers = []
        forget()
        return
      }
      const found: ReadonlyArray<ModelRow> = yield* atStore(() =>
        live().filter((row) => row.id === from.id || cameFrom(from.id)(row))
      )
      base = found.find(({ id }) => id === from.id)
      if (base === undefined) {
        row = from
        const isMissed = signsIn === undefined || (from.user !== null && !endedUsers.includes(from.user))
        if (isMissed) return loses(found.length > 0 ? 409 : 401)
      }
    }
    if (signsIn === undefined && !isChanged) {
      forget()
      return
    }
    const begun = yield* atStore(() => {
      if (signsIn === undefined && store.rows.some(cameFrom(sent))) return undefined
      const next: ModelRow = {
        id: store.nextId++,
        formerly: signsIn === undefined || sent === undefined ? [] : [sent],
        renamedAt: now,
        handle: store.nextHandle++,
        version: 1,
        count: count(undefined),
        user: signsIn ?? null,
        createdAt: now,
        lastSeenAt: now
      }
      store.rows = [...store.rows, next]
      return next
    })
    if (begun === undefined) return loses(409)
    row = begun
    given = begun.id
    isSignedOut = false
    endedUsers = []
    forget()
    return
  }

  function* signOut(): Generator<void, void, void> {
    const ids = [sent, given].filter((id) => id !== undefined)
    const isOver = isSignedOut && given === undefined
    if (!isOver && ids.length > 0) {
      yield* atStore(() => {
        const isMeant = (one: ModelRow) =>
          ids.some((id) => one.id === id || cameFrom(id)(one)) || one.handle === row?.handle
        store.rows = store.rows.filter((one) => !isMeant(one))
      })
    }
    row = undefined
    isLoaded = true
    given = undefined
    isSignedOut = true
    taken = undefined
    forget()
  }

  const answer = (status: number): ModelAnswer => ({
    status,
    seen,
    cookie: isSignedOut && sendsCookie ? "cleared" : given !== undefined && row !== undefined ? given : "none"
  })

  for (const operation of operations) {
    yield
    switch (operation._tag) {
      case "signOut":
      case "destroy":
        yield* signOut()
        continue
      case "endUser": {
        const { user } = operation
        endedUsers = yield* atStore(() => {
          const others = store.rows.filter((row) => row.user !== user)
          const ended = others.length < store.rows.length ? [...endedUsers, user] : endedUsers
          store.rows = others
          return ended
        })
        continue
      }
    }
    yield* load()
    switch (operation._tag) {
      case "set": {
        const { count } = operation
        changes = [...changes, () => count]
        isChanged = true
        break
      }
      case "update":
      case "modify":
        changes = [...changes, (count) => count + 1]
        isChanged = true
        break
      case "signIn":
        changes = [...changes, operation.carry ? (count) => count : () => 0]
        isChanged = true
        signsIn = operation.user
        break
      case "rotate":
        rotates = row !== undefined
        break
      case "commit": {
        const refused = yield* write()
        if (refused !== undefined && !operation.caught) return answer(refused)
      }
    }
    seen.push([count(row), signsIn ?? row?.user ?? null])
  }
  yield
  if (request.status >= 500 || request.status === 499) return answer(request.status)
  return answer((yield* write()) ?? request.status)
}
