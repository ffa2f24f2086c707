import { encodedLength, isCanonical } from "./base64url.js"
import { readCookie } from "./cookieHeader.js"
import * as Signature from "./signature.js"

/** What a request says of its session. */
export type Credential =
  /** Nothing: it has no cookie of our name, or no `Authorization` header. */
  | { readonly _tag: "Missing" }
  /** Something that we did not make: no store needs to be asked. */
  | { readonly _tag: "Rejected"; readonly reason: "malformed" | "signature" | "ambiguous" | "too_long" }
  /** An id, as text: not for eyes. `reissue`: it is signed under a key that is on its way out. */
  | { readonly _tag: "Accepted"; readonly text: string; readonly reissue: boolean }

/** What ids look like where they travel. */
export interface Policy {
  /** Of the cookie. */
  readonly name: string
  /** Ready to use, and opaque to logs. The first signs, all verify. Empty if ids are not signed. */
  readonly keys: ReadonlyArray<Signature.SigningKey>
}

const missing: Credential = { _tag: "Missing" }

const rejected = (reason: Extract<Credential, { _tag: "Rejected" }>["reason"]): Credential => ({
  _tag: "Rejected",
  reason
})

/** What signatures of bearer tokens are bound to. Cookies cannot have this name. */
export const bearerPurpose = "Authorization: Bearer"

/** An id as it travels. `purpose` is what its signature is bound to: the name of the cookie, or `bearerPurpose`. */
export const encode = ({ keys: [key] }: Policy, purpose: string, text: string): string =>
  key === undefined ? text : Signature.sign(key, purpose, text)

/** Reads what `encode` writes, and nothing else. `bytes` is the size of an id. */
const decode = ({ keys }: Policy, bytes: number, purpose: string, value: string): Credential => {
  const idLength = encodedLength(bytes)
  if (value.length !== idLength + (keys.length === 0 ? 0 : Signature.signatureLength + 1)) return rejected("malformed")
  if (!isCanonical(value.slice(0, idLength), bytes)) return rejected("malformed")
  if (keys.length === 0) return { _tag: "Accepted", text: value, reissue: false }
  const verified = Signature.verify(keys, purpose, value)
  return verified === undefined
    ? rejected("signature")
    : { _tag: "Accepted", text: verified.id, reissue: verified.keyIndex > 0 }
}

/** What a raw `Cookie` header says, read strictly. */
export const fromCookie = (policy: Policy, bytes: number, header: string | undefined): Credential => {
  const reading = readCookie(header, policy.name)
  switch (reading._tag) {
    case "Missing":
      return missing
    case "Ambiguous":
      return rejected("ambiguous")
    case "TooLong":
      return rejected("too_long")
    case "Found":
      return decode(policy, bytes, policy.name, reading.value)
  }
}

/** What an `Authorization` header says, read as strictly. */
export const fromBearer = (policy: Policy, bytes: number, header: string | undefined): Credential => {
  if (header === undefined) return missing
  const match = /^Bearer ([\w.-]{1,512})$/i.exec(header)
  return match?.[1] === undefined ? rejected("malformed") : decode(policy, bytes, bearerPurpose, match[1])
}
