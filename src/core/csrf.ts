import { sha256Bytes } from "./digest.js"
import { constantTimeEquals } from "./signature.js"

const digestBytes = 32

/** What a request tells of where it comes from. Undefined where it tells nothing. */
export interface Provenance {
  readonly method: string
  readonly upgrade: string | undefined
  readonly secFetchSite: string | undefined
  readonly origin: string | undefined
  readonly referer: string | undefined
}

/** Methods that change nothing, to the letter: whatever else a request calls itself may change something. */
const safeMethods = ["GET", "HEAD", "OPTIONS"]

/** Whether a request needs protection: every unsafe method, and the GET that opens a socket. */
export const isUnsafe = (request: Pick<Provenance, "method" | "upgrade">): boolean =>
  !safeMethods.includes(request.method) || request.upgrade !== undefined

const originOf = (referer: string): string | undefined => URL.canParse(referer) ? new URL(referer).origin : undefined

/**
 * Whether another site sent the request, as far as browsers tell: `Sec-Fetch-Site`, which scripts cannot forge, else
 * `Origin`, else `Referer`, each compared to the letter with the app's own origins. A request that tells nothing comes
 * from no modern browser; `allowUnknown` decides.
 */
export const isForeign = (
  request: Provenance,
  options: { readonly origins: ReadonlyArray<string>; readonly allowUnknown: boolean }
): boolean => {
  const { origin, referer, secFetchSite } = request
  if (secFetchSite === "same-origin" || secFetchSite === "none") return false
  if (secFetchSite !== undefined && /same-site|cross-site|,/.test(secFetchSite)) return true
  if (origin !== undefined) return !options.origins.includes(origin)
  if (referer !== undefined) return !options.origins.includes(originOf(referer) ?? "")
  return !options.allowUnknown
}

const secretOf = (sessionName: string, id: string): Uint8Array =>
  sha256Bytes(`effect-sessions:csrf:1:${sessionName.length}:${sessionName}:${id}`)

const xor = (left: Uint8Array, right: Uint8Array): Uint8Array => left.map((byte, index) => byte ^ (right[index] ?? 0))

/**
 * The token of a session: derived from its id, so it dies with it at every sign-in and rotation and is stored nowhere.
 * Covered with a fresh `mask` each time, so that compression does not leak it.
 */
export const makeToken = (sessionName: string, id: string, mask: Uint8Array): string =>
  Buffer.concat([mask, xor(secretOf(sessionName, id), mask)]).toString("base64url")

/** The random bytes a token is covered with. */
export const maskBytes = digestBytes

const tokenShape = /^[A-Za-z0-9_-]{86}$/

/** Whether `token` is the token of the session with this id. */
export const verifyToken = (sessionName: string, id: string, token: string): boolean => {
  if (!tokenShape.test(token)) return false
  const bytes = Buffer.from(token, "base64url")
  const secret = xor(bytes.subarray(digestBytes), bytes.subarray(0, digestBytes))
  return constantTimeEquals(secret, secretOf(sessionName, id))
}
