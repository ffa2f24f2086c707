/** What is known of addresses. */
export interface Addresses {
  /** The address that a text is, in the one way it is written here. None if it is no address. */
  readonly read: (text: string) => string | undefined
  /** Whether requests from there tell the truth about where they had come from. */
  readonly isTrusted: (address: string) => boolean
}

/** No request passes more proxies of one app. What a header says beyond them is not looked at. */
export const maxHops = 32

/** An IPv6 address with its port, or zone, or both, is shorter. */
const maxEntryLength = 80

/** An entry without its port, and without the brackets that keep an IPv6 address and a port apart. */
export const hostOf = (entry: string): string | undefined => {
  const text = entry.length > maxEntryLength ? "" : entry.replace(/^[ \t]+|[ \t]+$/g, "")
  if (text.startsWith("[")) return /^\[([^\]]*:[^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1]
  return /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text
}

/**
 * The address of the client: that of `peer`, whom the connection is with, unless it is a trusted proxy. Each proxy appends
 * to `X-Forwarded-For` whom its own connection was with, so the header is read from its end, for as long as who wrote the
 * entry is trusted: the first address that is not trusted is the client's. What stands before that one, the client may
 * have written. An entry that is no address ends the way as well; then it is the last address there was.
 */
export const clientAddress = (
  peer: string | undefined,
  forwardedFor: string | undefined,
  { isTrusted, read }: Addresses
): string | undefined => {
  let client = peer === undefined ? undefined : read(peer)
  if (forwardedFor === undefined) return client
  let end = forwardedFor.length
  for (let hop = 0; hop < maxHops && end > 0 && client !== undefined && isTrusted(client); hop++) {
    const comma = forwardedFor.lastIndexOf(",", end - 1)
    const host = hostOf(forwardedFor.slice(comma + 1, end))
    const address = host === undefined ? undefined : read(host)
    if (address === undefined) return client
    client = address
    end = comma
  }
  return client
}
