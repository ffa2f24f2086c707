import * as Crypto from "node:crypto"
import { encodedLength, isCanonical } from "./base64url.js"

const sha256 = Crypto.hash === undefined
  ? (input: string): string => Crypto.createHash("sha256").update(input).digest("base64url")
  : (input: string): string => Crypto.hash("sha256", input, "base64url")

/**
 * The key a session is stored under: SHA-256 over the format version, the declared name of the session and the id.
 * The name keeps two definitions that share a store from opening each other's sessions; its length in front makes the
 * input unambiguous. 43 base64url characters.
 */
export const deriveKey = (sessionName: string, id: string): string =>
  sha256(`effect-sessions:key:1:${sessionName.length}:${sessionName}:${id}`)

const handleBytes = 12

/**
 * The public handle of a session that begins with this key: names it in a device list, a log line or an admin page, opens
 * nothing. One way from the key, so that it tells neither the id nor the key; random, since the key is. 96 bits, 16
 * base64url characters.
 */
export const deriveHandle = (key: string): string =>
  sha256(`effect-sessions:handle:1:${key}`).slice(0, encodedLength(handleBytes))

/** Whether a text has the form of a handle. */
export const isHandle = (text: string): boolean => isCanonical(text, handleBytes)

/** SHA-256 as bytes. */
export const sha256Bytes = (input: string): Uint8Array => Crypto.createHash("sha256").update(input).digest()
