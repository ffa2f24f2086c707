/**
 * What browsers, requests that overlap and sessions do, in small: ids and their successors as the design has them, the
 * jar as browsers keep it. Every step is a function from one state to the next. The time does not pass: every rename was a
 * moment ago.
 */

/** How an app is deployed: what its cookie looks like. */
export interface Deployment {
  readonly name: string
  readonly cookieName: string
  readonly formerName: string | undefined
  readonly path: string
  readonly domain: string | undefined
  /** Whether ids are signed; those without a signature count as well then. */
  readonly isSigned: boolean
  /** Whether every session was last seen before the cookie's attributes changed. */
  readonly isChanged: boolean
}

/** An id by its number. */
type Id = number

/** A stored session. */
export interface Row {
  readonly id: Id
  readonly previous: Id | undefined
  readonly earlier: Id | undefined
  readonly handle: number
  readonly user: string | undefined
  readonly notes: ReadonlyArray<string>
}

/** A cookie in the jar. */
export interface Cookie {
  readonly name: string
  readonly path: string
  readonly domain: string | undefined
  readonly id: Id
  readonly isSigned: boolean
}

/** What a request asks for. */
export interface Asked {
  readonly what: "look" | "note" | "signIn" | "signOut" | "password" | "rotate"
  /** When it reads: before it waits, after it, or as it waits between the two halves of its work. */
  readonly when: "early" | "late" | "mid"
  /** Who signs in. */
  readonly user?: string
}

/** What is said to the browser. */
export interface Answer {
  readonly status: number
  readonly cookies: ReadonlyArray<
    | { readonly _tag: "Set"; readonly cookie: Cookie }
    | { readonly _tag: "Clear"; readonly name: string; readonly path: string; readonly domain: string | undefined }
  >
}

/** What a request found. */
interface Found {
  readonly row: Row | undefined
  readonly several: boolean
}

export interface Request {
  readonly number: number
  readonly asked: Asked
  readonly deployment: Deployment
  /** The ids that its cookies hold, those of today's name first. */
  readonly ids: ReadonlyArray<Id>
  readonly hasCookie: boolean
  readonly isOutdated: boolean
  readonly formerSent: boolean
  readonly found: Found | undefined
  readonly answer: Answer | undefined
}

export interface State {
  readonly rows: ReadonlyArray<Row>
  readonly jar: ReadonlyArray<Cookie>
  readonly requests: ReadonlyArray<Request>
  readonly deployment: Deployment
  readonly ids: number
}

export const begin = (deployment: Deployment): State => ({ rows: [], jar: [], requests: [], deployment, ids: 0 })

/** What a browser sends, as it orders it: longer paths first, then older cookies. All requests go below `/api`. */
const sentBy = (jar: ReadonlyArray<Cookie>): ReadonlyArray<Cookie> =>
  [...jar].sort((left, right) => right.path.length - left.path.length)

/** The cookies that this deployment takes for its own. */
const ours = ({ cookieName, formerName, isSigned }: Deployment, jar: ReadonlyArray<Cookie>): ReadonlyArray<Cookie> => {
  const sent = sentBy(jar)
  return [cookieName, formerName].flatMap((name) => sent.filter((cookie) => cookie.name === name))
    .filter((cookie) => isSigned || !cookie.isSigned)
}

const leadTo = (ids: ReadonlyArray<Id>) => ({ earlier, id, previous }: Row): boolean =>
  [id, previous, earlier].some((one) => one !== undefined && ids.includes(one))

/** Reading: the one that is live, if exactly one is and none of the others was renamed to another session. */
const find = (rows: ReadonlyArray<Row>, ids: ReadonlyArray<Id>): Found => {
  const [row, another] = rows.filter(({ id }) => ids.includes(id))
  if (row === undefined || another !== undefined) return { row: undefined, several: another !== undefined }
  const cameFrom = (id: Id) => ({ earlier, previous }: Row): boolean => previous === id || earlier === id
  const isElsewhere = (id: Id): boolean => !cameFrom(id)(row) && rows.some(cameFrom(id))
  return { row: ids.some(isElsewhere) ? undefined : row, several: false }
}

/** Whom a page shows, and what. */
export const show = (state: State): { readonly user: string | null; readonly notes: ReadonlyArray<string> } => {
  const { row } = find(state.rows, ours(state.deployment, state.jar).map(({ id }) => id))
  return { user: row?.user ?? null, notes: row?.notes ?? [] }
}

const replaceRequest = (state: State, request: Request): State => ({
  ...state,
  requests: state.requests.map((one) => one.number === request.number ? request : one)
})

const requestOf = (state: State, number: number): Request => {
  const request = state.requests.find((one) => one.number === number)
  if (request === undefined) throw new Error(`no request ${number}`)
  return request
}

/** A request leaves the browser, with what its jar holds now, arrives, and waits; or is answered at once. */
export const start = (state: State, number: number, asked: Asked): State => {
  const { deployment, jar, rows } = state
  const cookies = ours(deployment, jar)
  const ids = Array.from(new Set(cookies.map(({ id }) => id)))
  const isOfToday = ({ isSigned, name }: Cookie) => isSigned === deployment.isSigned && name === deployment.cookieName
  const outdated = cookies.filter(({ id }) => !cookies.some((cookie) => cookie.id === id && isOfToday(cookie)))
  const request: Request = {
    number,
    asked,
    deployment,
    ids,
    hasCookie: jar.some(({ name }) => name === deployment.cookieName || name === deployment.formerName),
    isOutdated: deployment.isChanged || outdated.length > 0,
    formerSent: outdated.some(({ name }) => name !== deployment.cookieName),
    found: asked.when === "late" ? undefined : find(rows, ids),
    answer: undefined
  }
  const next = { ...state, requests: [...state.requests, request] }
  if (asked.when !== "mid") return next
  const row = request.found?.row
  return row?.user === undefined
    ? replaceRequest(next, { ...request, answer: { ...kept(request, row), status: 401 } })
    : { ...next, rows: rows.filter(({ user }) => user !== row.user) }
}

const refused = (status: number): Answer => ({ status, cookies: [] })

const withCookie = (request: Request, id: Id): Answer => {
  const { deployment: { cookieName, domain, formerName, isSigned, path }, formerSent } = request
  const cookie = { name: cookieName, path, domain, id, isSigned }
  return {
    status: 200,
    cookies: [
      { _tag: "Set", cookie },
      ...(formerSent && formerName !== undefined ? [{ _tag: "Clear", name: formerName, path, domain } as const] : [])
    ]
  }
}

/** The session goes on as it is; its cookie is sent once more where it is not as it should be today. */
const kept = (request: Request, row: Row | undefined): Answer =>
  row !== undefined && request.isOutdated ? withCookie(request, row.id) : refused(200)

/** A request whose session was renamed is told to try again; one whose session ended, that it did. */
const lost = (rows: ReadonlyArray<Row>, row: Row): Answer => refused(rows.some(leadTo([row.id])) ? 409 : 401)

/** The request goes on to its end: what it does to the store, and what it answers. */
export const finish = (state: State, number: number): State => {
  const request = requestOf(state, number)
  if (request.answer !== undefined) return state
  const { asked, ids } = request
  const found = request.found ?? find(state.rows, ids)
  const answered = (answer: Answer, rows = state.rows): State => ({
    ...replaceRequest(state, { ...request, found, answer }),
    rows,
    ids: state.ids + (rows.some(({ id }) => id === state.ids) ? 1 : 0)
  })
  const next = state.ids
  const insert = (rows: ReadonlyArray<Row>, row: Partial<Row>): State =>
    answered(withCookie(request, next), [
      ...rows,
      { id: next, handle: next, previous: undefined, earlier: undefined, user: undefined, notes: [], ...row }
    ])
  /** The row that was read, as it is by now. */
  const current = found.row === undefined ? undefined : state.rows.find(({ id }) => id === found.row?.id)
  const rename = (row: Row, change: Partial<Row>): State =>
    answered(
      withCookie(request, next),
      state.rows.map((one) =>
        one === row ? { ...row, id: next, previous: row.id, earlier: row.previous, ...change } : one
      )
    )
  /** A sign-in begins a session, remembers the ids that the request carries, and ends what several of them lead to. */
  const signInAfresh = (rows: ReadonlyArray<Row>, user: string): State =>
    insert(ids.length > 1 ? rows.filter(({ id }) => !ids.includes(id)) : rows, {
      user,
      previous: ids[0],
      earlier: ids[1]
    })

  switch (asked.what) {
    case "look":
      return answered(current === undefined ? refused(200) : kept(request, current))
    case "note": {
      const notes = [`n${number}`]
      if (found.several) return answered(refused(409))
      if (found.row === undefined) {
        return state.rows.some(({ earlier, previous }) =>
            [earlier, previous].some((id) => id !== undefined && ids.includes(id))
          )
          ? answered(refused(409))
          : insert(state.rows, { notes })
      }
      return current === undefined
        ? answered(lost(state.rows, found.row))
        : answered(
          kept(request, current),
          state.rows.map((row) => row === current ? { ...row, notes: [...row.notes, ...notes] } : row)
        )
    }
    case "rotate":
      return found.row === undefined
        ? answered(refused(200))
        : current === undefined
        ? answered(lost(state.rows, found.row))
        : rename(current, {})
    case "signIn": {
      const { user = "" } = asked
      if (current !== undefined) return rename(current, { user, handle: current.user === user ? current.handle : next })
      return found.row?.user === undefined
        ? signInAfresh(state.rows, user)
        : answered(lost(state.rows, found.row))
    }
    case "signOut": {
      const { cookieName, domain, formerName, path } = request.deployment
      const names = request.formerSent && formerName !== undefined ? [cookieName, formerName] : [cookieName]
      return answered(
        {
          status: 200,
          cookies: request.hasCookie ? names.map((name) => ({ _tag: "Clear", name, path, domain })) : []
        },
        state.rows.filter((row) => !leadTo(ids)(row) && row.handle !== request.found?.row?.handle)
      )
    }
    case "password": {
      const user = found.row?.user
      if (found.row === undefined || user === undefined) return answered({ ...kept(request, current), status: 401 })
      if (asked.when === "mid") return signInAfresh(state.rows, user)
      const left = state.rows.filter((row) => row.user !== user)
      // Where nothing was left to end, somebody else had ended it.
      return left.length < state.rows.length ? signInAfresh(left, user) : answered(lost(state.rows, found.row))
    }
  }
}

const sameCookie =
  (left: Pick<Cookie, "name" | "path" | "domain">) => (right: Pick<Cookie, "name" | "path" | "domain">) =>
    left.name === right.name && left.path === right.path && left.domain === right.domain

/** The answer arrives in the browser. */
export const deliver = (state: State, number: number): State => {
  const { answer } = requestOf(state, number)
  const jar = (answer?.cookies ?? []).reduce<ReadonlyArray<Cookie>>((jar, said) => {
    const isOther = (cookie: Cookie) => !sameCookie(said._tag === "Set" ? said.cookie : said)(cookie)
    return [...jar.filter(isOther), ...(said._tag === "Set" ? [said.cookie] : [])]
  }, state.jar)
  return { ...drop(state, number), jar }
}

/** Nobody waits for the answer any more. */
export const drop = (state: State, number: number): State => ({
  ...state,
  requests: state.requests.filter((one) => one.number !== number)
})

/** An administrator ends all sessions of a user. */
export const revoke = (state: State, user: string): State => ({
  ...state,
  rows: state.rows.filter((row) => row.user !== user)
})

/** From now on, new requests go to another deployment. */
export const redeploy = (state: State, deployment: Deployment): State => ({ ...state, deployment })
