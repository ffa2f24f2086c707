import * as Crypto from "node:crypto"

/** The characters of a signature: an HMAC-SHA-256 in base64url. */
export const signatureLength = 43

/** The only way this library compares secrets: same length, then in constant time. */
export const constantTimeEquals = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && Crypto.timingSafeEqual(left, right)

/** A key ready to sign, opaque to whoever prints it. */
export interface SigningKey {
  /** The signature of `id`, bound to format version, purpose and cookie name. */
  readonly sign: (cookieName: string, id: string) => string
  /** Whether `signature` is that, to the letter. */
  readonly verify: (cookieName: string, id: string, signature: string) => boolean
}

/** Prepares a signing key once, so that a request does not. */
export const toSigningKey = (bytes: Uint8Array): SigningKey => {
  const key = Crypto.createSecretKey(bytes)
  // Where two signatures lie to be compared, one pair for all requests.
  const expected = Buffer.alloc(signatureLength)
  const given = Buffer.alloc(signatureLength)
  const sign = (cookieName: string, id: string): string =>
    Crypto.createHmac("sha256", key)
      .update(`effect-sessions:cookie:1:${cookieName.length}:${cookieName}:${id}`)
      .digest("base64url")
  return {
    sign,
    verify(cookieName, id, signature) {
      expected.write(sign(cookieName, id))
      // As many bytes as characters: no character needs two, and none is left of the signature before.
      const isFilled = signature.length === signatureLength && given.write(signature) === signatureLength
      return isFilled && constantTimeEquals(given, expected)
    }
  }
}

/** `id.signature`. */
export const sign = (key: SigningKey, cookieName: string, id: string): string => `${id}.${key.sign(cookieName, id)}`

/**
 * Which of `keys` signed `value`, by index, or `undefined`. Every key is tried, so that the time does not tell which
 * one matched. The caller has checked the length of `value`; the signature is compared as text, so that it must be the
 * canonical encoding.
 */
export const verify = (
  keys: ReadonlyArray<SigningKey>,
  cookieName: string,
  value: string
): { readonly id: string; readonly keyIndex: number } | undefined => {
  const dot = value.length - signatureLength - 1
  if (dot < 1 || value.charCodeAt(dot) !== 46) return undefined
  const id = value.slice(0, dot)
  const signature = value.slice(dot + 1)
  let keyIndex: number | undefined
  for (let index = keys.length - 1; index >= 0; index--) {
    if (keys[index]!.verify(cookieName, id, signature)) keyIndex = index
  }
  return keyIndex === undefined ? undefined : { id, keyIndex }
}
