import { encodedLength, isCanonical } from "./base64url.js"
import { readCookie } from "./cookieHeader.js"
import * as Signature from "./signature.js"

/** An id that a request carries. */
export interface Sent {
  /** The id itself: secret. */
  readonly text: string
  /** Whether it is to be written anew: not as today's policy writes it, but by another name, key, or without a key. */
  readonly reissue: boolean
  /** The name of the cookie, if that is not today's. */
  readonly formerName: string | undefined
}

/** What a request says of its session. */
export type Reading =
  /** Nothing: it has no cookie of our name, or no `Authorization` header. */
  | { readonly _tag: "Missing" }
  /** Something that we did not make: no store needs to be asked. */
  | { readonly _tag: "Rejected"; readonly reason: "malformed" | "signature" | "too_long" }
  /**
   * Ids that we may have made, each once, those under today's name first, at most four. `overlooked`: how many more
   * there were.
   */
  | { readonly _tag: "Accepted"; readonly sent: readonly [Sent, ...Array<Sent>]; readonly overlooked: number }

/** What ids look like where they travel. */
export interface Policy {
  /** Of the cookie. */
  readonly name: string
  /** What the cookie was called before. */
  readonly formerNames: ReadonlyArray<string>
  /** Ready to use, and opaque to logs. The first signs, all verify. Empty if ids are not signed. */
  readonly keys: ReadonlyArray<Signature.SigningKey>
  /** Until when ids without a signature count as well, in epoch milliseconds. */
  readonly acceptUnsignedUntil: number | undefined
}

/** Nobody has more cookies of one name by accident: one for each of a few paths and domains. */
const maxSent = 4

/** What signatures of bearer tokens are bound to. Cookies cannot have this name. */
export const bearerPurpose = "Authorization: Bearer"

/** An id as it travels. `purpose` is what its signature is bound to: the name of the cookie, or `bearerPurpose`. */
export const encode = ({ keys: [key] }: Policy, purpose: string, text: string): string =>
  key === undefined ? text : Signature.sign(key, purpose, text)

/** Reads what `encode` writes, and what it wrote when ids were not signed, while that counts. */
const decode = (
  { acceptUnsignedUntil, keys }: Policy,
  bytes: number,
  now: number,
  purpose: string,
  value: string
): { readonly text: string; readonly reissue: boolean } | "malformed" | "signature" => {
  const idLength = encodedLength(bytes)
  if (!isCanonical(value.slice(0, idLength), bytes)) return "malformed"
  const isSigned = value.length !== idLength
  if (!isSigned) {
    const counts = keys.length === 0 || (acceptUnsignedUntil !== undefined && now < acceptUnsignedUntil)
    return counts ? { text: value, reissue: keys.length > 0 } : "malformed"
  }
  if (keys.length === 0 || value.length !== idLength + 1 + Signature.signatureLength) return "malformed"
  const verified = Signature.verify(keys, purpose, value)
  return verified === undefined ? "signature" : { text: verified.id, reissue: verified.keyIndex > 0 }
}

/** A value as it was found, and what a signature of it is bound to. */
interface Found {
  readonly value: string
  readonly purpose: string
  readonly formerName: string | undefined
}

/** What values say together: one that is ours counts, whatever stands beside it. */
const readAll = (policy: Policy, bytes: number, now: number, found: ReadonlyArray<Found>): Reading => {
  const byText = new Map<string, Sent>()
  let reason: "malformed" | "signature" = "malformed"
  for (const { formerName, purpose, value } of found) {
    const decoded = decode(policy, bytes, now, purpose, value)
    if (decoded === "signature") reason = decoded
    if (typeof decoded === "string") continue
    const reissue = decoded.reissue || formerName !== undefined
    // Of one id written in two ways, the way of today counts.
    if (!reissue || !byText.has(decoded.text)) byText.set(decoded.text, { text: decoded.text, reissue, formerName })
  }
  const [first, ...others] = byText.values()
  if (first === undefined) return found.length === 0 ? { _tag: "Missing" } : { _tag: "Rejected", reason }
  return {
    _tag: "Accepted",
    sent: [first, ...others.slice(0, maxSent - 1)],
    overlooked: Math.max(0, byText.size - maxSent)
  }
}

/** What a raw `Cookie` header says at `now`, read strictly. `bytes` is the size of an id. */
export const fromCookie = (policy: Policy, bytes: number, header: string | undefined, now: number): Reading => {
  const found: Array<Found> = []
  for (const name of [policy.name, ...policy.formerNames]) {
    const reading = readCookie(header, name)
    if (reading._tag === "TooLong") return { _tag: "Rejected", reason: "too_long" }
    const formerName = name === policy.name ? undefined : name
    found.push(...reading.values.map((value) => ({ value, purpose: name, formerName })))
  }
  return readAll(policy, bytes, now, found)
}

/** What an `Authorization` header says at `now`, read as strictly. */
export const fromBearer = (policy: Policy, bytes: number, header: string | undefined, now: number): Reading => {
  if (header === undefined) return { _tag: "Missing" }
  const value = /^Bearer ([\w.-]{1,512})$/i.exec(header)?.[1]
  return value === undefined
    ? { _tag: "Rejected", reason: "malformed" }
    : readAll(policy, bytes, now, [{ value, purpose: bearerPurpose, formerName: undefined }])
}

/** The request headers that may carry an id. */
export interface Carriers {
  readonly cookie: string | undefined
  readonly authorization: string | undefined
}

/** What the two carriers say together, and whose word it is. */
export interface Carried {
  readonly carrier: "cookie" | "bearer"
  readonly reading: Reading
}

/** Whether both carriers hold something that we may have made: then nothing says which one is meant. */
export const carriesBoth = (policy: Policy, bytes: number, { authorization, cookie }: Carriers, now: number): boolean =>
  authorization !== undefined && cookie !== undefined
  && fromBearer(policy, bytes, authorization, now)._tag === "Accepted"
  && fromCookie(policy, bytes, cookie, now)._tag === "Accepted"

/**
 * What a request says that may carry its id either way: what is ours counts, whatever stands beside it. Another scheme
 * than `Bearer` is meant for somebody else, such as a proxy, and says nothing.
 */
export const fromEither = (
  policy: Policy,
  bytes: number,
  { authorization, cookie }: Carriers,
  now: number
): Carried => {
  const isOurs = authorization !== undefined && /^bearer\b/i.test(authorization)
  const bearer: Carried = {
    carrier: "bearer",
    reading: fromBearer(policy, bytes, isOurs ? authorization : undefined, now)
  }
  if (bearer.reading._tag === "Accepted") return bearer
  const reading = fromCookie(policy, bytes, cookie, now)
  return reading._tag === "Missing" && bearer.reading._tag === "Rejected" ? bearer : { carrier: "cookie", reading }
}
