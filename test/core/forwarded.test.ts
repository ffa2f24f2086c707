import { assert, describe, prop } from "@effect/vitest"
import * as Forwarded from "effect-sessions/core/forwarded"
import * as FastCheck from "effect/FastCheck"
import { test } from "vitest"

const { clientAddress, hostOf, maxHops } = Forwarded

/** Addresses of a smaller world: `p1` is a trusted proxy, `c1` is not. */
const addresses: Forwarded.Addresses = {
  read: (text) => /^[pc]\d+$/.test(text) ? text : undefined,
  isTrusted: (address) => address.startsWith("p")
}

const find = (peer: string | undefined, header?: string) => clientAddress(peer, header, addresses)

/** The rule, written down without a thought about speed. */
const naive = (peer: string, header: string): string => {
  const way = [peer, ...header.split(",").reverse().map((entry) => entry.trim())]
  const garbage = way.findIndex((entry) => addresses.read(entry) === undefined)
  const good = garbage === -1 ? way : way.slice(0, garbage)
  return good.find((entry) => !addresses.isTrusted(entry)) ?? good[good.length - 1] ?? ""
}

describe("clientAddress", () => {
  test("is the peer's, if that is no trusted proxy, whatever it says", () => {
    assert.strictEqual(find("c1", "c2"), "c1")
    assert.strictEqual(find("c1"), "c1")
    assert.strictEqual(find("p1"), "p1")
  })

  test("is none without a peer's", () => {
    assert.isUndefined(find(undefined, "c2"))
    assert.isUndefined(find("/run/app.sock", "c2"))
  })

  test("is the last that is not trusted", () => {
    assert.strictEqual(find("p1", "c1"), "c1")
    assert.strictEqual(find("p1", "c3, c2,c1 ,\tp3, p2"), "c1")
    assert.strictEqual(find("p1", "p3, p2"), "p3")
    assert.strictEqual(find("p1", "p23"), "p23")
  })

  test("is the last good one where there is garbage", () => {
    assert.strictEqual(find("p1", "c1, unknown"), "p1")
    assert.strictEqual(find("p1", "c1, , p2"), "p2")
    assert.strictEqual(find("p1", ",p2"), "p2")
    assert.strictEqual(find("p1", ""), "p1")
    assert.strictEqual(find("p1", "garbage, c1"), "c1")
  })

  test("looks at a bounded number of proxies", () => {
    const proxies = (count: number) => Array.from({ length: count }, (_, index) => `p${count - index}`).join()
    assert.strictEqual(find("p0", `c1,${proxies(maxHops - 1)}`), "c1")
    assert.strictEqual(find("p0", `c1,${proxies(maxHops)}`), `p${maxHops}`)
  })

  prop(
    "is what the naive rule says",
    {
      peer: FastCheck.constantFrom("p0", "c0"),
      entries: FastCheck.array(FastCheck.constantFrom("p1", "p2", "c1", "c2", "", " ", "x", " p3\t", " c3 "), {
        maxLength: 12
      })
    },
    ({ entries, peer }) => {
      assert.strictEqual(find(peer, entries.join()), naive(peer, entries.join()))
    },
    { fastCheck: { numRuns: 3000 } }
  )

  prop(
    "does not depend on what the client writes itself",
    {
      written: FastCheck.fullUnicodeString(),
      proxies: FastCheck.array(FastCheck.constantFrom("p1", "p2"), { maxLength: 5 })
    },
    ({ proxies, written }) => {
      assert.strictEqual(find("p0", [written, "c1", ...proxies].join()), "c1")
    }
  )
})

describe("hostOf", () => {
  for (
    const [entry, host] of [
      ["192.0.2.1", "192.0.2.1"],
      [" \t192.0.2.1:8080 ", "192.0.2.1"],
      ["2001:db8::1", "2001:db8::1"],
      ["[2001:db8::1]", "2001:db8::1"],
      ["[2001:db8::1]:8080", "2001:db8::1"],
      ["[2001:db8::10]:8", "2001:db8::10"],
      ["[192.0.2.1]:8080", undefined],
      ["[2001:db8::1]8080", undefined],
      ["[2001:db8::1", undefined],
      ["[2001:db8::1]:123456", undefined],
      ["[2001:db8::1]:", undefined],
      ["[a][2001:db8::1]", undefined],
      ["192.0.2.1 \t", "192.0.2.1"],
      ["192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.2"],
      ["192.0.2.1:port", "192.0.2.1:port"],
      ["192.0.2.1:8080x", "192.0.2.1:8080x"],
      ["192.0.2.1:123456", "192.0.2.1:123456"],
      ["x192.0.2.1:8080", "x192.0.2.1:8080"],
      ["x".repeat(80), "x".repeat(80)],
      ["x".repeat(81), ""]
    ] as const
  ) {
    test(`takes ${host ?? "nothing"} of ${JSON.stringify(entry)}`, () => {
      assert.strictEqual(hostOf(entry), host)
    })
  }
})
