import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { binaryMissing, startServer } from "../redis/support/servers.js"
import { makeClient, newFile } from "./process.js"
import { serve } from "./serve.js"

interface Device {
  readonly handle: string
  readonly current: boolean
  readonly label: string
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly expiresAt: string
  readonly remembered: boolean
}

interface Activity {
  readonly at: string
  readonly what: string
  readonly by: string | null
  readonly label: string | null
  readonly current: boolean
  readonly count: number
}

const agents = {
  desk: "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
  phone:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 " +
    "Mobile/15E148 Safari/604.1"
}

/** A device with a cookie of its own. */
const makeDevice = (address: string, agent: string = agents.desk) => {
  const client = makeClient(address, "", agent)
  const get = (path: string) => fetch(`${address}${path}`, { headers: { cookie: client.cookie } })
  return {
    send: client.send,
    signIn: (username: string, options: object = {}) => client.send("/api/sign-in", { username, ...options }),
    devices: async (): Promise<ReadonlyArray<Device>> => JSON.parse(await (await get("/api/sessions")).text()),
    activity: async (): Promise<ReadonlyArray<Activity>> => JSON.parse(await (await get("/api/activity")).text()),
    /** The status, and how many sessions were ended. */
    signOut: async (which: "others" | "everywhere") => {
      const { body, status } = await client.send(`/api/sign-out-${which}`, {})
      return [status, body.count]
    },
    status: async (method: string, path: string): Promise<number> =>
      (await fetch(`${address}${path}`, { method, headers: { cookie: client.cookie } })).status,
    /** The stream of events: what it has said until it says something, or ends. */
    async events() {
      const response = await get("/api/events")
      const reader = (response.body ?? assert.fail("no stream")).pipeThrough(new TextDecoderStream()).getReader()
      let said = ""
      return {
        type: response.headers.get("content-type"),
        async until(text: string): Promise<string> {
          while (!said.includes(text)) {
            const { done, value } = await reader.read()
            if (done) return said
            said += value
          }
          return said
        }
      }
    }
  }
}

/** What is written a moment after the answer. */
const eventually = async <A>(ask: () => Promise<A>, isThere: (answer: A) => boolean): Promise<A> => {
  for (;;) {
    const answer = await ask()
    if (isThere(answer)) return answer
  }
}

/** Where the sessions are: the settings of the app for it, or why it cannot be there. */
interface Place {
  readonly name: string
  readonly missing: string | undefined
  readonly settings: Effect.Effect<Readonly<Record<string, string>>, never, Scope.Scope>
}

const places: ReadonlyArray<Place> = [
  { name: "the database", missing: undefined, settings: Effect.succeed({}) },
  {
    name: "Redis",
    missing: binaryMissing(),
    settings: Effect.map(startServer(), ({ url }) => ({ SESSIONS_URL: url }))
  }
]

const makeServers = ({ settings }: Place) => ({
  withServer: (f: (address: string) => Promise<void>) =>
    settings.pipe(
      Effect.flatMap((settings) => serve(settings)),
      Effect.flatMap((address) => Effect.promise(() => f(address)))
    ),
  /** A server whose clock goes ahead when the test says so. */
  withClock: (f: (address: string, goOn: (minutes: number) => void) => Promise<void>) =>
    Effect.flatMap(settings, (settings) =>
      Effect.clockWith((clock) => {
        let ahead = 0
        const millis = () => Date.now() + ahead
        return Effect.flatMap(
          Effect.withClock(
            serve(settings),
            Object.assign(Object.create(clock), {
              currentTimeMillis: Effect.sync(millis),
              unsafeCurrentTimeMillis: millis
            })
          ),
          (address) =>
            Effect.promise(() =>
              f(address, (minutes) => {
                ahead += minutes * 60_000
              })
            )
        )
      }))
})

const eachPlace = (name: string, tests: (place: Place) => void): void => {
  for (const place of places) {
    describe.skipIf(place.missing !== undefined)(`${name}, sessions in ${place.name}`, () => tests(place))
  }
}

eachPlace("the account of a user", (place) => {
  const { withClock, withServer } = makeServers(place)

  scopedLive("nobody who is signed out gets anything", () =>
    withServer(async (address) => {
      const visitor = makeDevice(address)
      await visitor.send("/api/visits", {})
      for (
        const [method, path] of [
          ["GET", "/api/sessions"],
          ["GET", "/api/activity"],
          ["GET", "/api/events"],
          ["DELETE", "/api/sessions/any"],
          ["POST", "/api/sign-out-others"],
          ["POST", "/api/sign-out-everywhere"]
        ] as const
      ) assert.strictEqual(await visitor.status(method, path), 401, path)
    }))

  scopedLive("lists the devices of a user, with the one that asks", () =>
    withServer(async (address) => {
      const desk = makeDevice(address)
      const phone = makeDevice(address, agents.phone)
      await desk.signIn("ann")
      await phone.signIn("ann", { remember: true })
      await makeDevice(address).signIn("bob")
      const devices = await desk.devices()
      assert.deepStrictEqual(
        devices.map(({ current, label, remembered }) => [label, current, remembered]).sort(),
        [["Firefox on Linux", true, false], ["Safari on iPhone", false, true]]
      )
      for (const device of devices) {
        assert.hasAllKeys(device, [
          "handle",
          "current",
          "label",
          "createdAt",
          "lastSeenAt",
          "expiresAt",
          "remembered"
        ])
        for (const time of [device.createdAt, device.lastSeenAt, device.expiresAt]) {
          assert.strictEqual(new Date(time).toISOString(), time)
        }
        const minutes = Math.round((Date.parse(device.expiresAt) - Date.parse(device.createdAt)) / 60_000)
        assert.strictEqual(minutes, device.remembered ? 30 * 24 * 60 : 15)
      }
      assert.strictEqual((await desk.signIn("ann", { remember: "yes" })).status, 400)
    }))

  scopedLive("signs out one device, once, and none of somebody else", () =>
    withServer(async (address) => {
      const desk = makeDevice(address)
      const phone = makeDevice(address, agents.phone)
      const bob = makeDevice(address)
      await Promise.all([desk.signIn("ann"), phone.signIn("ann"), bob.signIn("bob")])
      const path = `/api/sessions/${(await desk.devices()).find(({ current }) => !current)?.handle}`
      assert.strictEqual(await bob.status("DELETE", path), 404)
      assert.strictEqual(await phone.status("GET", "/api/sessions"), 200)
      assert.strictEqual(await desk.status("DELETE", path), 204)
      assert.strictEqual(await phone.status("GET", "/api/sessions"), 401)
      assert.strictEqual(await desk.status("DELETE", path), 404)
      assert.strictEqual(await desk.status("DELETE", "/api/sessions/%00"), 404)
      assert.strictEqual((await desk.devices()).length, 1)
    }))

  scopedLive("signs out the others, and everywhere", () =>
    withServer(async (address) => {
      const [desk, phone, tablet] = [makeDevice(address), makeDevice(address), makeDevice(address)]
      await Promise.all([desk.signIn("ann"), phone.signIn("ann"), tablet.signIn("ann")])
      assert.deepStrictEqual(await desk.signOut("others"), [200, 2])
      assert.deepStrictEqual(await desk.signOut("others"), [200, 0])
      assert.strictEqual(await phone.status("GET", "/api/sessions"), 401)
      await phone.signIn("ann")
      assert.deepStrictEqual(await desk.signOut("everywhere"), [200, 2])
      for (const device of [desk, phone]) assert.strictEqual(await device.status("GET", "/api/sessions"), 401)
    }))

  scopedLive(
    "asks for the name again before it signs out everywhere, ten minutes after the sign-in",
    () =>
      withClock(async (address, goOn) => {
        const desk = makeDevice(address)
        await desk.signIn("ann")
        await desk.send("/api/notes", { text: "kept" })
        const { session } = (await desk.send("/api/session")).body
        goOn(11)
        const refused = await desk.send("/api/sign-out-everywhere", {})
        assert.deepStrictEqual([refused.status, refused.body.reason, refused.body.maxAge], [
          403,
          "SignInTooOld",
          600_000
        ])
        assert.strictEqual((await desk.devices()).length, 1)
        await desk.signIn("ann")
        const { body } = await desk.send("/api/session")
        assert.deepStrictEqual([body.notes, body.session?.handle], [["kept"], session?.handle])
        assert.deepStrictEqual(await desk.signOut("everywhere"), [200, 1])
      })
  )

  scopedLive("tells what happened lately, the newest first, and only to the user", () =>
    withServer(async (address) => {
      const desk = makeDevice(address)
      const phone = makeDevice(address, agents.phone)
      const bob = makeDevice(address)
      await bob.signIn("bob")
      await desk.signIn("ann")
      await eventually(desk.activity, (entries) => entries.length === 1)
      await phone.signIn("ann")
      await eventually(desk.activity, (entries) => entries.length === 2)
      await phone.send("/api/sign-out", {})
      await eventually(desk.activity, (entries) => entries.length === 3)
      await phone.signIn("ann")
      await eventually(desk.activity, (entries) => entries.length === 4)
      await desk.send("/api/sign-out-others", {})
      const entries = await eventually(desk.activity, (entries) => entries.length === 5)
      assert.deepStrictEqual(entries.map(({ by, current, label, what }) => [what, by, label, current]), [
        ["Revoked", "OtherDevice", null, false],
        ["SignedIn", null, "Safari on iPhone", false],
        ["SignedOut", null, "Safari on iPhone", false],
        ["SignedIn", null, "Safari on iPhone", false],
        ["SignedIn", null, "Firefox on Linux", true]
      ])
      assert.deepStrictEqual((await bob.activity()).map(({ what }) => what), ["SignedIn"])
    }))
})

eachPlace("the stream of events", (place) => {
  const { withClock, withServer } = makeServers(place)

  scopedLive("tells when and why the session has ended, and ends", () =>
    withServer(async (address) => {
      const desk = makeDevice(address)
      const phone = makeDevice(address)
      await desk.signIn("ann")
      await phone.signIn("ann")
      const atPhone = await phone.events()
      const atDesk = await desk.events()
      assert.strictEqual(atPhone.type, "text/event-stream")
      await desk.send("/api/sign-out-others", {})
      assert.include(await atPhone.until("ended"), `event: ended\ndata: {"reason":"OtherDevice"}\n\n`)
      assert.include(await atDesk.until("activity"), "event: activity\n")
      await desk.send("/api/sign-out", {})
      assert.include(await atDesk.until("ended"), `event: ended\ndata: {"reason":"SignedOut"}\n\n`)
      assert.notInclude(await atDesk.until("the end"), "the end")
    }))

  scopedLive("tells that it has expired", () =>
    withClock(async (address, goOn) => {
      const desk = makeDevice(address)
      await desk.signIn("ann")
      const events = await desk.events()
      goOn(16)
      assert.include(await events.until("ended"), `event: ended\ndata: {"reason":"Expired"}\n\n`)
    }))

  scopedLive("hears of what another process did, and the log of both is one", () =>
    Effect.gen(function*() {
      const url = yield* Effect.promise(async () => newFile())
      const settings = { DATABASE_URL: url, ...yield* place.settings }
      const here = yield* serve(settings)
      const there = yield* serve(settings)
      yield* Effect.promise(async () => {
        const desk = makeDevice(here)
        const phone = makeDevice(there, agents.phone)
        await desk.signIn("ann")
        await phone.signIn("ann")
        await makeDevice(there).signIn("Ann")
        const events = await phone.events()
        assert.deepStrictEqual((await desk.devices()).length, 2)
        await desk.send("/api/sign-out-others", {})
        assert.include(await events.until("ended"), `event: ended\ndata: {"reason":"OtherDevice"}\n\n`)
        const entries = await eventually(desk.activity, (entries) => entries.length === 3)
        assert.deepStrictEqual(
          entries.map(({ by, count, label, what }) => [what, by, label, count]).sort(),
          [
            ["Revoked", "OtherDevice", null, 1],
            ["SignedIn", null, "Firefox on Linux", 1],
            ["SignedIn", null, "Safari on iPhone", 1]
          ]
        )
      })
    }))
})
