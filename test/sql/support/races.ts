import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { atOnce, isDead, isLive, type Round, signOut } from "./rounds.js"
import { send } from "./visitor.js"

/** A sign-out in one process, while another process is busy with requests of the same session. */
export const signOutAgainst = (paths: ReadonlyArray<string>) => (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const [end, ...others] = yield* atOnce(round, [
      [here, "/sign-out"],
      ...paths.map((path) => [there, path] as const)
    ])
    assert.strictEqual(end?.status, 200)
    for (const { cookie, status } of others) {
      assert.include([200, 401], status)
      assert.isUndefined(cookie)
    }
    yield* isDead(round, cookie)
    return others.some(({ status }) => status === 401) ? "signed out in between" : "signed out after"
  })

/** A sign-out in one process, while the session gets a new id in the other, and another one, as far as that comes. */
export const signOutAgainstRenames = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, number, there } = round
    const ids = [cookie]
    const rename = Effect.map(Effect.suspend(() => send(there.port, "/rotate", ids.at(-1))), ({ cookie, status }) => {
      assert.include([200, 401, 409], status)
      assert.strictEqual(cookie !== undefined, status === 200)
      if (cookie !== undefined) ids.push(cookie)
      return status === 200
    })
    const renames = Effect.flatMap(rename, (done) => done ? rename : Effect.succeed(false))
    const end = Effect.map(
      Effect.zipRight(Effect.sleep(number % 5), send(here.port, "/sign-out", cookie)),
      ({ status }) => assert.strictEqual(status, 200)
    )
    yield* Effect.all(number % 3 === 0 ? [end, renames] : [renames, end], { concurrency: "unbounded" })
    yield* Effect.forEach(ids, (id) => isDead(round, id))
    return `${ids.length - 1} renames`
  })

/** Rotations in both processes: one of them wins, and its id is the only one that lives. */
export const againstRotation = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const answers = yield* atOnce(round, [[here, "/rotate"], [there, "/rotate"], [here, "/rotate"], [there, "/rotate"]])
    const winners = answers.flatMap((answer) => answer.status === 200 ? [answer.cookie] : [])
    for (const { status } of answers) assert.include([200, 401, 409], status)
    assert.strictEqual(winners.length, 1)
    const next = winners[0] ?? ""
    yield* isDead(round, cookie)
    yield* isLive(round, next)
    yield* signOut(round, next)
    return "one winner"
  })

/** A rotation against a sign-out: whichever comes first, the session is over. */
export const againstSignOut = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const [rotation, end] = yield* atOnce(round, [[there, "/rotate"], [here, "/sign-out"]])
    assert.strictEqual(end?.status, 200)
    yield* isDead(round, cookie)
    if (rotation?.status !== 200) {
      assert.include([401, 409], rotation?.status)
      assert.isUndefined(rotation?.cookie)
      return "signed out first"
    }
    yield* isDead(round, rotation.cookie ?? "")
    return "rotated first"
  })

/** A rotation against writes: it takes every write along that was acknowledged, and fails for none. */
export const againstWrite = (round: Round) =>
  Effect.gen(function*() {
    const { cookie, here, there } = round
    const [rotation, ...writes] = yield* atOnce(round, [
      [there, "/rotate"],
      [here, "/increment"],
      [there, "/increment"],
      [here, "/append?item=a"]
    ])
    assert.strictEqual(rotation?.status, 200)
    for (const { status } of writes) assert.include([200, 401, 409], status)
    const [one, other, append] = writes.map(({ status }) => status === 200 ? 1 : 0)
    const next = rotation?.cookie ?? ""
    yield* isDead(round, cookie)
    const state = yield* isLive(round, next)
    assert.strictEqual(state?.count, (one ?? 0) + (other ?? 0))
    assert.strictEqual(state?.items.length, append)
    yield* signOut(round, next)
    const written = writes.filter(({ status }) => status === 200).length
    return written === 0 ? "rotated first" : written === writes.length ? "written first" : "in between"
  })
