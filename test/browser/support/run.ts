import { assert } from "@effect/vitest"
import { deployments, type Name } from "./deployments.js"
import * as Model from "./model.js"
import { type Order, type Step, toText } from "./orders.js"
import type { Held } from "./proxy.js"
import { keyOf, parseSetCookie, type Sent, type Visitor } from "./visitor.js"

/** What happened to a request, in steps of the order. */
interface Past {
  readonly request: number
  readonly asked: Model.Asked
  readonly startedAt: number
  finishedAt: number
  deliveredAt: number
  status: number
  /** The ids that it was sent with. */
  readonly ids: ReadonlyArray<string>
  sets: ReadonlyArray<{ readonly id: string; readonly isCleared: boolean }>
}

const byId = <A extends { readonly id: string }>(list: ReadonlyArray<A>): ReadonlyArray<A> =>
  [...list].sort((left, right) => left.id < right.id ? -1 : 1)

const signsIn = ({ what }: Model.Asked): boolean => what === "signIn" || what === "password"

/**
 * What holds whatever the model says.
 */
const checkPast = (
  past: ReadonlyArray<Past>,
  steps: ReadonlyArray<Step>,
  seen: {
    readonly user: string | null
    readonly rows: ReadonlyArray<
      {
        readonly id: string
        readonly previous: string
        readonly earlier: string
        readonly notes: ReadonlyArray<string>
      }
    >
  }
): void => {
  const never = Infinity
  const done = past.filter(({ deliveredAt }) => deliveredAt < never)
  const good = past.filter(({ finishedAt, status }) => finishedAt < never && status === 200)
  const isQuiet = !steps.some(({ _tag }) => _tag === "redeploy" || _tag === "back" || _tag === "revoke")

  for (const { request, sets, status } of past.filter(({ finishedAt }) => finishedAt < never)) {
    // A 401 before anything was asked of the session may tell the browser of today's cookie.
    if (status !== 200 && isQuiet) assert.deepStrictEqual(sets, [], `request ${request} was refused and sets a cookie`)
  }

  // A sign-out that no sign-in overlaps is final.
  const logins = past.filter(({ asked }) => signsIn(asked))
  for (const out of good.filter(({ asked, deliveredAt }) => asked.what === "signOut" && deliveredAt < never)) {
    for (const { earlier, id, previous } of seen.rows) {
      assert.notInclude(out.ids, id, "a session that was signed out lives")
      if (logins.every(({ finishedAt, startedAt }) => finishedAt < out.finishedAt || startedAt > out.deliveredAt)) {
        const later = logins.some(({ startedAt }) => startedAt > out.deliveredAt)
        if (!later) assert.isFalse([previous, earlier].some((one) => out.ids.includes(one)), "a successor lives")
      }
    }
    if (isQuiet && logins.every(({ deliveredAt }) => deliveredAt < out.startedAt)) {
      assert.isNull(seen.user, "signed out, and somebody is signed in")
    }
  }

  // No login is lost to a request that was answered later, unless that was a sign-out.
  const ends = past.some(({ asked }) => asked.what === "signOut" || asked.what === "password")
  for (const login of done.filter(({ asked, status }) => asked.what === "signIn" && status === 200)) {
    // One that had been answered before it, or came from a browser without a cookie, cannot know of it. And where a new id
    // did not arrive, the browser has none that is live.
    const overtaken = past.some((other) =>
      other !== login && other.sets.length > 0 &&
      (other.deliveredAt === never
        ? other.finishedAt < never
        : other.deliveredAt > login.deliveredAt &&
          (other.finishedAt < login.finishedAt || other.ids.length === 0))
    )
    if (!ends && !overtaken && !steps.some(({ _tag }) => _tag === "revoke" || _tag === "redeploy")) {
      assert.isNotNull(seen.user, "a login was lost")
    }
  }

  // What was acknowledged is there once, what was refused is not.
  for (const { asked, finishedAt, request, status } of past) {
    if (asked.what !== "note" || finishedAt === never) continue
    const counts = seen.rows.map(({ notes }) => notes.filter((note) => note === `n${request}`).length)
    const count = counts.reduce((sum, one) => sum + one, 0)
    if (status !== 200) assert.strictEqual(count, 0, `note ${request} was refused and is there`)
    else if (ends || steps.some(({ _tag }) => _tag === "revoke")) {
      assert.isAtMost(count, 1, `note ${request} is there twice`)
    } else assert.strictEqual(count, 1, `note ${request} was acknowledged`)
  }
}

/** One order in a browser, beside the model of it. Page, jar and store must agree with that and with each other. */
export const run = async (visitor: Visitor, order: Order): Promise<void> => {
  const word = await visitor.anew()
  const toReal = (user: string): string => `${user}-${word}`
  const users = ["ann", "bob"].map(toReal)
  let state = Model.begin(deployments.base)
  const ids: Array<string> = []
  const under: Array<Sent> = []
  const past: Array<Past> = []

  const idOf = (id: number | undefined): string => id === undefined ? "" : ids[id] ?? "unknown"

  /** Compares what an answer says to the browser, and learns the id that it hands out. */
  const compareAnswer = (number: number, held: Held): void => {
    const answer = state.requests.find((request) => request.number === number)?.answer
    const said = held.setCookies.map(parseSetCookie)
    for (const { id, isCleared } of said) if (!isCleared && !ids.includes(id)) ids.push(id)
    assert.deepStrictEqual(
      {
        status: held.status,
        cookies: said.map(({ domain, id, isCleared, isSigned, name, path }) =>
          isCleared ? { clears: name, path, domain } : { sets: name, path, domain, id, isSigned }
        )
      },
      {
        status: answer?.status ?? 0,
        cookies: (answer?.cookies ?? []).map((one) =>
          one._tag === "Clear"
            ? { clears: one.name, path: one.path, domain: one.domain }
            : {
              sets: one.cookie.name,
              path: one.cookie.path,
              domain: one.cookie.domain,
              id: idOf(one.cookie.id),
              isSigned: one.cookie.isSigned
            }
        )
      },
      `the answer to request ${number}`
    )
  }

  const sentOf = (number: number): Sent => under[number] ?? assert.fail(`request ${number} has not started`)
  const pastOf = (number: number): Past =>
    past.find(({ request }) => request === number) ?? assert.fail(`request ${number} has not started`)

  const start = async (request: number, asked: Model.Asked, at: number): Promise<void> => {
    state = Model.start(state, request, asked)
    const value = asked.user === undefined ? `n${request}` : toReal(asked.user)
    past.push({
      request,
      asked,
      startedAt: at,
      finishedAt: Infinity,
      deliveredAt: Infinity,
      status: 0,
      ids: (await visitor.jar()).map(({ id }) => id),
      sets: []
    })
    under[request] = await visitor.start(request > 1 ? 1 : 0, asked.what, asked.when, value)
  }

  const finish = async (request: number, at: number): Promise<void> => {
    state = Model.finish(state, request)
    const held = await visitor.finish(sentOf(request))
    compareAnswer(request, held)
    Object.assign(pastOf(request), { finishedAt: at, status: held.status, sets: held.setCookies.map(parseSetCookie) })
  }

  const deliver = async (request: number, at: number): Promise<void> => {
    state = Model.deliver(state, request)
    assert.strictEqual(await visitor.deliver(sentOf(request)), pastOf(request).status)
    pastOf(request).deliveredAt = at
  }

  const step = async (step: Step, at: number): Promise<void> => {
    switch (step._tag) {
      case "start":
        return start(step.request, step.asked, at)
      case "finish":
        return finish(step.request, at)
      case "deliver":
        return deliver(step.request, at)
      case "revoke": {
        state = Model.revoke(state, "ann")
        await visitor.server().revoke(toReal("ann"))
        return
      }
      case "redeploy": {
        const to = names.find((name) => name === step.to) ?? assert.fail(step.to)
        state = Model.redeploy(state, deployments[to])
        visitor.deploy(to)
        return
      }
      case "back": {
        const shown = await visitor.back(0)
        const { user } = Model.show(state)
        assert.strictEqual(shown, user === null ? "a visitor" : toReal(user), "the page that the tab went back to")
        const given = state.requests.find(({ number }) => number === 1)
        if (given !== undefined) {
          await visitor.givenUp(sentOf(1))
          if (given.answer === undefined) await visitor.server().dropped(sentOf(1).name)
          state = Model.drop(state, 1)
        }
      }
    }
  }

  try {
    if (order.beginning !== "nobody") {
      const asked = order.beginning === "visitor"
        ? { what: "note", when: "late" } as const
        : { what: "signIn", when: "late", user: "ann" } as const
      await start(0, asked, -3)
      await finish(0, -2)
      await deliver(0, -1)
    }
    if (order.steps.some(({ _tag }) => _tag === "back")) {
      await visitor.open(0, "/api/page")
      await visitor.open(0, "/blank")
    }
    for (const [at, one] of order.steps.entries()) await step(one, at)

    const byKey = new Map(ids.map((id) => [keyOf(id), id]))
    const idUnder = (key: string | null): string => key === null ? "" : byKey.get(key) ?? "unknown"
    const jar = (await visitor.jar()).map((cookie) => ({ ...cookie }))
    const rows = (await visitor.rows(ids, users)).map(({ earlierKey, key, notes, previousKey, user }) => ({
      id: idUnder(key),
      previous: idUnder(previousKey),
      earlier: idUnder(earlierKey),
      user,
      notes
    }))
    const page = await visitor.says(order.steps.length % 2)

    checkPast(past, order.steps, { user: page.user, rows })
    const shown = Model.show(state)
    assert.deepStrictEqual(
      { jar: byId(jar), rows: byId(rows), page },
      {
        jar: byId(state.jar.map((cookie) => ({ ...cookie, id: idOf(cookie.id) }))),
        rows: byId(state.rows.map(({ earlier, id, notes, previous, user }) => ({
          id: idOf(id),
          previous: idOf(previous),
          earlier: idOf(earlier),
          user: user === undefined ? null : toReal(user),
          notes: [...notes]
        }))),
        page: { user: shown.user === null ? null : toReal(shown.user), notes: [...shown.notes] }
      }
    )
  } catch (error) {
    throw new Error(`${toText(order)}\n${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

const names: ReadonlyArray<Name> = ["base", "path", "domain", "renamed", "signed", "persistent"]
