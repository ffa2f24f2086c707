import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { test, vi } from "vitest"
import { browserMissing } from "../http/support/browser.js"
import { host, settings } from "./support/deployments.js"
import { model, type Order } from "./support/orders.js"
import { run } from "./support/run.js"
import { isCampaign, sample } from "./support/size.js"
import type { Visitor } from "./support/visitor.js"
import { inMemory, serverOf, World } from "./support/world.js"

const missing = browserMissing()

/** For a machine that has much else to do. */
const timeout = isCampaign ? 6 * 3_600_000 : 600_000

vi.setConfig({ testTimeout: timeout, hookTimeout: timeout })

const refused = (status: number) => ({ status, setCookies: [] })

/** Somebody, somebody else, and what they are called here. */
interface Story {
  readonly visitor: Visitor
  readonly other: Visitor
  readonly ann: string
  readonly bob: string
}

const story = (tell: (story: Story) => Promise<void>) => () =>
  Effect.flatMap(World, ({ visitors: [visitor, other] }) =>
    Effect.promise(async () => {
      const word = await visitor.anew()
      await other.anew()
      await tell({ visitor, other, ann: `ann-${word}`, bob: `bob-${word}` })
    }))

const userSeen = async (visitor: Visitor): Promise<string | null> => (await visitor.says(0)).user

/** The rows of users, and those that the jar leads to. */
const rowsOf = async (visitor: Visitor, ...users: ReadonlyArray<string>) => {
  const ids = (await visitor.jar()).map(({ id }) => id)
  return (await visitor.rows(ids, users)).map(({ notes, user }) => ({ user, notes }))
}

/** Signs in, and asks for a page. */
const signIn = async (visitor: Visitor, user: string): Promise<void> => {
  assert.strictEqual(await visitor.send(0, "signIn", user), 200)
  assert.strictEqual(await userSeen(visitor), user)
}

/** After a deploy with another cookie, beside which the old one stays. */
const worksWithTwoCookies = async ({ ann, bob, visitor }: Story, redeploy: () => Promise<void>): Promise<void> => {
  await signIn(visitor, ann)
  await redeploy()
  assert.strictEqual(await userSeen(visitor), ann)
  for (const user of [ann, bob, ann]) {
    await signIn(visitor, user)
    assert.strictEqual((await visitor.jar()).length, 2)
    assert.deepStrictEqual(await rowsOf(visitor, ann, bob), [{ user, notes: [] }])
  }
  assert.strictEqual(await visitor.send(1, "signOut", "-"), 200)
  assert.isNull(await userSeen(visitor))
  assert.deepStrictEqual(await rowsOf(visitor, ann, bob), [])
  await signIn(visitor, bob)
}

const runAll = (orders: ReadonlyArray<Order>) =>
  Effect.gen(function*() {
    const { visitors } = yield* World
    const left = [...orders]
    const failures: Array<string> = []
    yield* Effect.forEach(visitors, (visitor) =>
      Effect.promise(async () => {
        for (let order = left.shift(); order !== undefined && failures.length < 5; order = left.shift()) {
          await run(visitor, order).catch((error: unknown) => failures.push(String(error)))
        }
      }), { concurrency: visitors.length })
    assert.strictEqual(failures.length, 0, failures.join("\n\n"))
    assert.isAbove(orders.length, 0)
  })

const kinds = [
  ["two requests", model.pairs()],
  ["three requests", model.triples()],
  ["two requests, and the app deployed anew", model.redeployed()],
  ["two requests, and the app deployed anew and as it was", model.rolledBack()],
  ["two requests, and the user's sessions ended by somebody else", model.revoked()],
  ["two requests, and a tab that goes back", model.wentBack()]
] as const

describe.skipIf(missing !== undefined)("In Chromium", () => {
  layer(World.layer, { timeout })((it) => {
    it.effect(
      "A1: a slow request that ends after a login is told to try again, and leaves the login alone",
      story(async ({ ann, visitor }) => {
        await visitor.send(0, "note", "before")
        const slow = await visitor.start(0, "note", "early", "late")
        assert.strictEqual(await visitor.send(1, "signIn", ann), 200)
        assert.deepStrictEqual(await visitor.finish(slow), refused(409))
        await visitor.deliver(slow)
        assert.deepStrictEqual(await visitor.says(0), { user: ann, notes: ["before"] })
        assert.deepStrictEqual(await rowsOf(visitor, ann), [{ user: ann, notes: ["before"] }])
        assert.strictEqual(await visitor.send(0, "note", "again"), 200)
        assert.deepStrictEqual(await visitor.says(0), { user: ann, notes: ["before", "again"] })
      })
    )

    it.effect(
      "A2: a request that starts after a login, with the cookie from before, stores nothing and leaves the login alone",
      story(async ({ ann, visitor }) => {
        await visitor.send(0, "note", "before")
        const login = await visitor.start(0, "signIn", "early", ann)
        assert.strictEqual((await visitor.finish(login)).status, 200)
        const late = await visitor.start(1, "note", "late", "late")
        assert.strictEqual(await visitor.deliver(login), 200)
        assert.deepStrictEqual(await visitor.finish(late), refused(409))
        await visitor.deliver(late)
        assert.deepStrictEqual(await visitor.says(0), { user: ann, notes: ["before"] })
        assert.deepStrictEqual(await rowsOf(visitor, ann), [{ user: ann, notes: ["before"] }])
      })
    )

    for (const order of ["first", "second"] as const) {
      it.effect(
        `A3: of two logins at once both succeed, and the browser is signed in, the ${order} one's answer last`,
        story(async ({ ann, visitor }) => {
          await visitor.send(0, "note", "before")
          const first = await visitor.start(0, "signIn", "early", ann)
          const second = await visitor.start(0, "signIn", "early", ann)
          assert.strictEqual((await visitor.finish(first)).status, 200)
          assert.strictEqual((await visitor.finish(second)).status, 200)
          for (const login of order === "first" ? [second, first] : [first, second]) await visitor.deliver(login)
          assert.strictEqual((await visitor.jar()).length, 1)
          assert.strictEqual(await userSeen(visitor), ann)
        })
      )
    }

    it.effect(
      "A4: a password change ends all sessions of the user and begins a fresh one",
      story(async ({ ann, other, visitor }) => {
        await signIn(other, ann)
        await signIn(visitor, ann)
        const [before] = await visitor.jar()
        const change = await visitor.start(0, "password", "early", "-")
        assert.strictEqual((await visitor.finish(change)).status, 200)
        await visitor.deliver(change)
        const [after] = await visitor.jar()
        assert.notStrictEqual(after?.id, before?.id)
        assert.strictEqual(await userSeen(visitor), ann)
        assert.isNull(await userSeen(other))
        assert.deepStrictEqual(await rowsOf(visitor, ann), [{ user: ann, notes: [] }])
      })
    )

    for (const what of ["signIn", "password"] as const) {
      it.effect(
        `A4: a ${what} in flight does not undo that somebody else ended the session`,
        story(async ({ ann, visitor }) => {
          await signIn(visitor, ann)
          const late = await visitor.start(0, what, "early", ann)
          await visitor.server().revoke(ann)
          assert.deepStrictEqual(await visitor.finish(late), refused(401))
          await visitor.deliver(late)
          assert.isNull(await userSeen(visitor))
          assert.deepStrictEqual(await rowsOf(visitor, ann), [])
        })
      )
    }

    it.effect(
      "A5: a sign-out ends what a request in flight renames, whichever answer comes last",
      story(async ({ ann, visitor }) => {
        for (const last of ["rotation", "sign-out"]) {
          await signIn(visitor, ann)
          const rotation = await visitor.start(0, "rotate", "early", "-")
          const out = await visitor.start(1, "signOut", "early", "-")
          assert.strictEqual((await visitor.finish(rotation)).status, 200)
          assert.strictEqual((await visitor.finish(out)).status, 200)
          for (const sent of last === "rotation" ? [out, rotation] : [rotation, out]) await visitor.deliver(sent)
          assert.isNull(await userSeen(visitor))
          assert.deepStrictEqual(await rowsOf(visitor, ann), [])
        }
      })
    )

    it.effect(
      "A5: a rotation in flight does not outlive a sign-out",
      story(async ({ ann, visitor }) => {
        await signIn(visitor, ann)
        const rotation = await visitor.start(0, "rotate", "early", "-")
        assert.strictEqual(await visitor.send(1, "signOut", "-"), 200)
        assert.deepStrictEqual(await visitor.finish(rotation), refused(401))
        await visitor.deliver(rotation)
        assert.deepStrictEqual(await visitor.jar(), [])
        assert.deepStrictEqual(await rowsOf(visitor, ann), [])
      })
    )

    // Another process costs some seconds. By default the deployments of one process have to do.
    if (isCampaign && !inMemory) {
      it.effect("A8: another process with another cookie path takes over, on the same sessions", () =>
        Effect.gen(function*() {
          const { url } = yield* World
          const second = yield* serverOf(url, { path: settings.path })
          yield* story((all) => worksWithTwoCookies(all, async () => all.visitor.deploy("path", second)))()
        }).pipe(Effect.scoped))
    }

    for (const name of ["path", "domain"] as const) {
      it.effect(
        `A8: with another cookie ${name}, whoever signs in is signed in, and a sign-out ends everything`,
        story((all) => worksWithTwoCookies(all, async () => all.visitor.deploy(name)))
      )
    }

    it.effect(
      "A8: of two sessions at once none is changed, and a sign-out ends both",
      story(async ({ ann, bob, other, visitor }) => {
        await signIn(other, bob)
        const [tossed] = await other.jar()
        await signIn(visitor, ann)
        await visitor.context.addCookies([
          { name: "sid", value: tossed?.id ?? "", domain: host, path: "/api", httpOnly: true, secure: true }
        ])
        assert.isNull(await userSeen(visitor))
        const note = await visitor.start(0, "note", "early", "whose")
        assert.deepStrictEqual(await visitor.finish(note), refused(409))
        await visitor.deliver(note)
        assert.strictEqual((await rowsOf(visitor, ann, bob)).length, 2)
        assert.strictEqual(await visitor.send(0, "signOut", "-"), 200)
        assert.deepStrictEqual(await rowsOf(visitor, ann, bob), [])
      })
    )

    it.effect(
      "A9: whoever was seen before a cookie's attributes changed gets it once more",
      story(async ({ ann, visitor }) => {
        await signIn(visitor, ann)
        visitor.deploy("persistent")
        assert.strictEqual(await userSeen(visitor), ann)
        const [cookie] = await visitor.context.cookies()
        assert.isAbove(cookie?.expires ?? 0, 0)
      })
    )

    it.effect(
      "A9: what is sent once more by a slow request does not overwrite a login",
      story(async ({ ann, bob, visitor }) => {
        await signIn(visitor, ann)
        visitor.deploy("persistent")
        const slow = await visitor.start(0, "look", "early", "-")
        await visitor.send(1, "signIn", bob)
        assert.deepStrictEqual(await visitor.finish(slow), refused(200))
        await visitor.deliver(slow)
        assert.strictEqual(await userSeen(visitor), bob)
      })
    )

    it.effect(
      "A10: a cookie of a former name, or without a signature, still counts and is written anew",
      story(async ({ ann, visitor }) => {
        await signIn(visitor, ann)
        visitor.deploy("renamed")
        assert.strictEqual(await userSeen(visitor), ann)
        assert.deepStrictEqual((await visitor.jar()).map(({ name }) => name), ["sid-2"])
        await visitor.anew()
        await signIn(visitor, ann)
        visitor.deploy("signed")
        assert.strictEqual(await userSeen(visitor), ann)
        assert.deepStrictEqual((await visitor.jar()).map(({ isSigned, name }) => [name, isSigned]), [["sid", true]])
      })
    )

    for (const [what, orders] of kinds) {
      const sampled = sample(orders)
      it.effect(
        `page, jar and store agree after every order of ${what}: ${sampled.length} of ${orders.length}`,
        () => runAll(sampled)
      )
    }
  })
})

test(missing === undefined ? "Chromium was found" : `The tests in Chromium were skipped: ${missing}`, () => {
  assert.strictEqual(missing, browserMissing())
})
