import * as Headers from "@effect/platform/Headers"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, effect, prop } from "@effect/vitest"
import {
  Session,
  SessionCookie,
  SessionDevice,
  SessionMiddleware,
  Sessions,
  SessionStore,
  SessionTimeouts
} from "effect-sessions"
import * as Addresses from "effect-sessions/internal/addresses"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isIP } from "node:net"
import { test } from "vitest"
import { Browser, webHandler } from "../support/app.js"

const requestOf = (headers: { readonly [name: string]: string }, remoteAddress?: string) => ({
  headers: Headers.fromInput(headers),
  remoteAddress: Option.fromNullable(remoteAddress)
})

const labelOf = (userAgent: string): string => SessionDevice.describe(requestOf({ "user-agent": userAgent })).label

const webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
const blink = "AppleWebKit/537.36 (KHTML, like Gecko)"

/** What browsers and programs send, and what a user reads. */
const known: ReadonlyArray<readonly [label: string, userAgent: string]> = [
  ["Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"],
  ["Firefox on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"],
  ["Firefox on macOS", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0"],
  ["Firefox on Android", "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"],
  [
    "Firefox on iPhone",
    `Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) ${webkit} FxiOS/145.0 Mobile/15E148 Safari/605.1.15`
  ],
  ["Firefox", "Mozilla/5.0 (X11; FreeBSD amd64; rv:145.0) Gecko/20100101 Firefox/145.0"],
  ["Chrome on Windows", `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${blink} Chrome/142.0.0.0 Safari/537.36`],
  ["Chrome on macOS", `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${blink} Chrome/142.0.0.0 Safari/537.36`],
  ["Chrome on Android", `Mozilla/5.0 (Linux; Android 10; K) ${blink} Chrome/142.0.0.0 Mobile Safari/537.36`],
  ["Chrome on Chrome OS", `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${blink} Chrome/142.0.0.0 Safari/537.36`],
  [
    "Chrome on iPhone",
    `Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) ${webkit} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1`
  ],
  ["Safari on macOS", `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${webkit} Version/26.0 Safari/605.1.15`],
  [
    "Safari on iPhone",
    `Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) ${webkit} Version/26.0 Mobile/15E148 Safari/604.1`
  ],
  [
    "Safari on iPad",
    `Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) ${webkit} Version/17.7 Mobile/15E148 Safari/604.1`
  ],
  [
    "Microsoft Edge on Windows",
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${blink} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0`
  ],
  [
    "Samsung Internet on Android",
    `Mozilla/5.0 (Linux; Android 10; K) ${blink} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`
  ],
  ["Opera on Linux", `Mozilla/5.0 (X11; Linux x86_64) ${blink} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0`],
  ["Googlebot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"],
  ["ClaudeBot", "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)"],
  ["curl", "curl/8.5.0"],
  ["Wget", "Wget/1.21.4"],
  ["python-requests", "python-requests/2.32.3"],
  ["Go-http-client", "Go-http-client/2.0"],
  ["Dart", "Dart/3.5 (dart:io)"],
  ["node", "node"],
  ["okhttp", "okhttp/4.12.0"],
  ["MyApp", "MyApp/123 CFNetwork/1568.200.51 Darwin/24.1.0"],
  ["Linux", "Mozilla/5.0 (X11; Linux x86_64)"],
  ["Unknown device", "Mozilla/5.0"],
  ["Unknown device", "Mozilla/5.0 (compatible; something)"],
  ["Unknown device", ""]
]

/** What nobody sends who means well. */
const hostile: ReadonlyArray<readonly [label: string, userAgent: string]> = [
  ["Unknown device", "<script>alert(1)</script>/1 (x"],
  ["Unknown device", "<img src=x onerror=alert(1)>/1 (x)"],
  ["Unknown device", "Your account is blocked/1 (call us)"],
  ["Unknown device", "https://evil.example/1 (x)"],
  ["Unknown device", "\u202egnp.exe/1 (x)"],
  ["Unknown device", "\u{1f4a3}".repeat(300)],
  ["Unknown device", "\u0000\u0007\u001b[31m/1 (x)"],
  ["Unknown device", "x".repeat(100)],
  ["Unknown device", `${" ".repeat(1024)}Firefox/145.0`],
  ["Firefox on Linux", "Mozilla/5.0 (Linux <b>) <script> Firefox/145.0"],
  ["Safari on iPhone", "Mozilla/5.0 (IPHONE <b>) AppleWebKit/605.1.15"],
  ["Linux", "<b>Evil</b> \u202e linux"]
]

const harmless = /^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}$/

describe("the label of a device", () => {
  for (const [label, userAgent] of [...known, ...hostile]) {
    test(`is ${label} for ${JSON.stringify(userAgent.slice(0, 160))}`, () => {
      assert.strictEqual(labelOf(userAgent), label)
    })
  }

  test("is unknown without a user agent", () => {
    assert.deepStrictEqual(SessionDevice.describe(requestOf({})), { label: "Unknown device", address: null })
  })

  const piece = FastCheck.oneof(
    FastCheck.constantFrom(
      ...known.flatMap(([, userAgent]) => userAgent.split(/(?<=[ ;/(])/)),
      ...["version/1.1", "Nexus ", "nexus 7", "Macintosh", " FxiOS", "like android", "tablet", "linespider-", "se 1x"],
      ...["Opera Mini/", "rim tablet", "[^-]mobi", "CrOS ", "bb10", "smart-tv", "\t(", "1.1_1.1", "Ddg/1", "<", "\n"]
    ),
    FastCheck.fullUnicodeString({ maxLength: 8 })
  )

  prop(
    "is short and harmless whatever the user agent is, and soon there",
    { pieces: FastCheck.array(piece, { maxLength: 40 }), times: FastCheck.integer({ min: 1, max: 400 }) },
    ({ pieces, times }) => {
      assert.match(labelOf(pieces.join("").repeat(times)), harmless)
    },
    { fastCheck: { numRuns: 500 } }
  )

  test("costs no more for a header of a megabyte", () => {
    for (const text of ["Nexus ", "Mozilla/5.0 (", "/ (", "version/1.1", "1.1_1", "Macintosh FxiOS", "\u{1f4a3}"]) {
      assert.match(labelOf(text.repeat(Math.ceil(1_000_000 / text.length))), harmless)
    }
  })
})

describe("the address of a device", () => {
  const addressOf = (trustedProxies: ReadonlyArray<string>, peer: string | undefined, forwardedFor?: string) =>
    Effect.map(
      SessionDevice.make({ trustedProxies }),
      ({ describe }) =>
        describe(requestOf(forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor }, peer)).address
    )

  const proxies = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]

  test("is not told if the app does not ask for it", () => {
    assert.isNull(SessionDevice.describe(requestOf({ "x-forwarded-for": "192.0.2.1" }, "10.0.0.1")).address)
  })

  for (
    const [address, peer, forwardedFor, why] of [
      ["192.0.2.1", "192.0.2.1", undefined, "is the peer's"],
      ["192.0.2.1", "192.0.2.1", "198.51.100.1", "is the peer's, who is no proxy"],
      ["192.0.2.1", "::ffff:192.0.2.1", undefined, "is written as IPv4"],
      ["198.51.100.1", "::ffff:10.1.2.3", "198.51.100.1", "is what a proxy says that is connected by IPv6"],
      ["198.51.100.1", "10.1.2.3", "203.0.113.7, 198.51.100.1, 10.2.2.2", "is the last that is no proxy's"],
      ["2001:db8::1", "fd00::1", "[2001:DB8:0:0:0:0:0:1]:443", "is without port and brackets, and short"],
      ["198.51.100.1", "fd00::1", "198.51.100.1:5678", "is without port"],
      ["fe80::1", "fe80::1%eth0", undefined, "is without zone"],
      ["10.1.2.3", "10.1.2.3", "198.51.100.1, unknown", "is the proxy's, where that does not know"],
      ["10.1.2.3", "10.1.2.3", "198.51.100.1, 999.1.1.1", "is the proxy's, where what it says is no address"],
      ["10.1.2.3", "10.1.2.3", "198.51.100.1, <script>", "is the proxy's, where what it says is garbage"],
      ["10.9.9.9", "10.1.2.3", "10.9.9.9", "is that of a proxy, where all are"],
      [null, undefined, "198.51.100.1", "is null without a peer's"],
      [null, "/run/app.sock", "198.51.100.1", "is null where the peer has none"]
    ] as const
  ) {
    effect(
      `${why}: ${peer} and ${forwardedFor}`,
      () => Effect.map(addressOf(proxies, peer, forwardedFor), (found) => assert.strictEqual(found, address))
    )
  }

  effect(
    "is the peer's where no proxy is trusted",
    () => Effect.map(addressOf([], "127.0.0.1", "192.0.2.1"), (address) => assert.strictEqual(address, "127.0.0.1"))
  )

  for (
    const range of [
      "",
      "localhost",
      "10.0.0.0/33",
      "10.0.0.0/0",
      "::/0",
      "fd00::/129",
      "10.0.0/8",
      "10.0.0.0/",
      "10.0.0.0/x"
    ]
      .concat([
        "10.0.0.0/8/8",
        "fe80::1%eth0",
        "::ffff:10.0.0.0/104",
        "::ffff:10.0.0.0/8",
        " 10.0.0.1",
        "010.0.0.1",
        "*",
        "10.0.0.1:80"
      ])
  ) {
    effect(
      `is not to be had with ${JSON.stringify(range)} for a proxy`,
      () =>
        Effect.map(Effect.flip(SessionDevice.make({ trustedProxies: ["10.0.0.1", range] })), (error) => {
          assert.strictEqual(error.module, "SessionDevice")
          assert.strictEqual(error.problems.length, 1)
          assert.include(error.problems[0], `SessionDevice.trustedProxies: ${JSON.stringify(range)} `)
        })
    )
  }

  test("of IPv4 is in no range of IPv6, and the other way round", () => {
    assert.isFalse(Addresses.within(["::/1"])("1.2.3.4"))
    assert.isFalse(Addresses.within(["1.2.3.0/24"])("::102:304"))
  })

  const bytesOf = (address: string): ReadonlyArray<number> => address.split(".").map(Number)
  const bitsOf = (address: string): string => bytesOf(address).map((byte) => byte.toString(2).padStart(8, "0")).join("")

  prop(
    "is in a range if the first bits are the same",
    {
      address: FastCheck.ipV4(),
      other: FastCheck.ipV4(),
      same: FastCheck.integer({ min: 0, max: 4 }),
      bits: FastCheck.integer({ min: 1, max: 32 })
    },
    ({ address, bits, other, same }) => {
      const near = [...bytesOf(address).slice(0, same), ...bytesOf(other).slice(same)].join(".")
      assert.strictEqual(
        Addresses.within([`${address}/${bits}`])(near),
        bitsOf(address).slice(0, bits) === bitsOf(near).slice(0, bits)
      )
    }
  )

  prop(
    "is read from every way to write it, and written in one",
    { address: FastCheck.oneof(FastCheck.ipV4(), FastCheck.ipV6()) },
    ({ address }) => {
      const read = Addresses.read(address)
      assert.isDefined(read)
      assert.notStrictEqual(isIP(read ?? ""), 0)
      assert.strictEqual(Addresses.read(read ?? ""), read)
      assert.strictEqual(Addresses.read(address.toUpperCase()), read)
      if (isIP(address) === 4) assert.strictEqual(Addresses.read(`::ffff:${address}`), address)
    }
  )

  prop("is none of other text", { text: FastCheck.fullUnicodeString() }, ({ text }) => {
    assert.strictEqual(Addresses.read(text) === undefined, isIP(text) === 0)
  })
})

class DeviceSession extends Session.Tag<DeviceSession>()("DeviceSession", {
  data: Schema.Struct({ device: Schema.NullOr(SessionDevice.Device) }),
  initial: { device: null }
}) {}

const signIn = Effect.gen(function*() {
  const session = yield* DeviceSession
  const request = yield* HttpServerRequest.HttpServerRequest
  yield* session.signIn("ann")
  yield* session.update((data) => ({ ...data, device: SessionDevice.describe(request) }))
  return null
})

const readDevice = Effect.flatMap(DeviceSession, (session) => Effect.map(session.get, ({ device }) => device))

describe("a device", () => {
  effect("is stored with the session at its sign-in", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(Layer.mergeAll(
        Sessions.layer(DeviceSession).pipe(Layer.provide([SessionStore.layerMemory, SessionTimeouts.layer()])),
        SessionCookie.layer()
      ))
      const browser = new Browser()
      const visit = <E>(
        handler: Effect.Effect<SessionDevice.Device | null, E, DeviceSession | HttpServerRequest.HttpServerRequest>,
        userAgent: string
      ) =>
        Effect.flatMap(
          webHandler(
            SessionMiddleware.httpRouter(DeviceSession)(
              Effect.map(handler, (body) => HttpServerResponse.unsafeJson(body))
            )
              .pipe(Effect.provide(context))
          ),
          (handle) =>
            Effect.promise(async () => {
              const headers = { "user-agent": userAgent, cookie: browser.header ?? "" }
              const response = await handle(new Request("https://app.test/", { headers }))
              browser.receive(response.headers.getSetCookie())
              const body: unknown = await response.json()
              return body
            })
        )
      yield* visit(signIn, "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
      assert.deepStrictEqual(yield* visit(readDevice, "curl/8.5.0"), { label: "Firefox on Linux", address: null })
    }).pipe(Effect.scoped))

  test("is written as JSON", () => {
    const device = { label: "Firefox on Linux", address: "192.0.2.1" }
    assert.deepStrictEqual(Schema.encodeSync(SessionDevice.Device)(device), device)
    assert.deepStrictEqual(Schema.decodeSync(SessionDevice.Device)({ ...device, address: null }), {
      ...device,
      address: null
    })
  })
})
