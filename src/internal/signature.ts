import * as Crypto from "node:crypto"

/** The characters of a signature: an HMAC-SHA-256 in base64url. */
export const signatureLength = 43

const macOf = (key: Crypto.KeyObject, cookieName: string, id: string): Buffer =>
  Crypto.createHmac("sha256", key)
    .update(`effect-sessions:cookie:1:${cookieName.length}:${cookieName}:${id}`)
    .digest()

/** The only way this library compares secrets: same length, then in constant time. */
export const constantTimeEquals = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && Crypto.timingSafeEqual(left, right)

/** Prepares signing keys once, so that a request does not. */
export const toKeyObject = (bytes: Uint8Array): Crypto.KeyObject => Crypto.createSecretKey(bytes)

/** `id.signature`, the signature bound to format version, purpose and cookie name. */
export const sign = (key: Crypto.KeyObject, cookieName: string, id: string): string =>
  `${id}.${macOf(key, cookieName, id).toString("base64url")}`

/**
 * Which of `keys` signed `value`, by index, or `undefined`. Every key is tried, so that the time does not tell which
 * one matched. The caller has checked the length of `value`; the signature is compared as bytes and must be the
 * canonical encoding of them.
 */
export const verify = (
  keys: ReadonlyArray<Crypto.KeyObject>,
  cookieName: string,
  value: string
): { readonly id: string; readonly keyIndex: number } | undefined => {
  const dot = value.length - signatureLength - 1
  if (dot < 1 || value.charCodeAt(dot) !== 46) return undefined
  const id = value.slice(0, dot)
  const signature = Buffer.from(value.slice(dot + 1))
  let keyIndex: number | undefined
  for (let index = keys.length - 1; index >= 0; index--) {
    const expected = Buffer.from(macOf(keys[index]!, cookieName, id).toString("base64url"))
    if (constantTimeEquals(signature, expected)) keyIndex = index
  }
  return keyIndex === undefined ? undefined : { id, keyIndex }
}
