import { BlockList, isIP } from "node:net"

/**
 * The address that a text is, written in one way: IPv6 in its shortest form, without a zone, and as IPv4 where it is
 * only mapped (`::ffff:192.0.2.1`). None if it is no address.
 */
export const read = (text: string): string | undefined => {
  const family = isIP(text)
  if (family !== 6) return family === 4 ? text : undefined
  const url = `http://[${text.replace(/%.*$/, "")}]`
  if (!URL.canParse(url)) return undefined
  const address = new URL(url).hostname.slice(1, -1)
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(address)
  if (mapped === null) return address
  return mapped.slice(1).map((part) => parseInt(part, 16)).flatMap((part) => [part >> 8, part & 255]).join(".")
}

/** Addresses from `address` on that share its first `bits`; all of them for an address alone. */
interface Range {
  readonly address: string
  readonly family: "ipv4" | "ipv6"
  readonly bits: number
}

const familyOf = (address: string): Range["family"] => isIP(address) === 4 ? "ipv4" : "ipv6"

/** What a text says, or what is wrong with it. */
const parse = (text: string): Range | string => {
  const [first = "", suffix, ...rest] = text.split("/")
  const address = first.includes("%") ? undefined : read(first)
  if (address === undefined || rest.length > 0 || (suffix !== undefined && !/^\d{1,3}$/.test(suffix))) {
    return "is neither an address nor a range: write it like 192.0.2.1, 10.0.0.0/8 or fd00::/8"
  }
  const family = familyOf(address)
  const most = family === "ipv4" ? 32 : 128
  const bits = suffix === undefined ? most : Number(suffix)
  if (suffix !== undefined && family === "ipv4" && isIP(first) === 6) {
    return `is a range of IPv4 addresses in the form of IPv6: write it like ${address}/8`
  }
  if (bits > most) return `needs a number from 1 to ${most} after the slash`
  if (bits === 0) return "trusts everybody to say where a request comes from: name the addresses of your proxies"
  return { address, family, bits }
}

/** What is wrong with addresses and ranges, one sentence each. */
export const problemsOf = (ranges: ReadonlyArray<string>): ReadonlyArray<string> =>
  ranges.flatMap((text) => {
    const parsed = parse(text)
    return typeof parsed === "string" ? [`${JSON.stringify(text)} ${parsed}`] : []
  })

/** Whether an address, as `read` writes it, is in one of the ranges. */
export const within = (ranges: ReadonlyArray<string>): (address: string) => boolean => {
  // One list each: Node finds IPv4 addresses in ranges of IPv6 as well.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const text of ranges) {
    const parsed = parse(text)
    if (typeof parsed !== "string") lists[parsed.family].addSubnet(parsed.address, parsed.bits, parsed.family)
  }
  return (address) => {
    const family = familyOf(address)
    return lists[family].check(address, family)
  }
}
