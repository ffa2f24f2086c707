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

/** Whether a request opens a socket: nothing but a GET does, whatever else says `Upgrade`. */
export const opensSocket = (request: Pick<Provenance, "method" | "upgrade">): boolean =>
  request.method === "GET" && request.upgrade !== undefined

/** Whether a request needs protection: every unsafe method, and the GET that opens a socket. */
export const isUnsafe = (request: Pick<Provenance, "method" | "upgrade">): boolean =>
  !safeMethods.includes(request.method) || opensSocket(request)

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

/**
 * What a URL-encoded form holds under `field`, if it holds that once, written as browsers do. Of all other fields nothing
 * is decoded: a long form shall cost nobody much.
 */
export const fieldOf = (form: string, field: string): string | undefined => {
  const written = new URLSearchParams([[field, ""]]).toString()
  const pairs: Array<string> = []
  for (const name of new Set([written, `${field}=`])) {
    for (let index = form.indexOf(name); index !== -1 && pairs.length < 2; index = form.indexOf(name, index + 1)) {
      if (index === 0 || form[index - 1] === "&") pairs.push(form.slice(index).split("&", 1)[0] ?? "")
    }
  }
  const [pair, ...others] = pairs
  return pair === undefined || others.length > 0 ? undefined : new URLSearchParams(pair).get(field) ?? undefined
}

/** How requests are checked, as the user of the library wrote it down. */
export interface CsrfOptions {
  /** The app's own, as browsers send them. */
  readonly origins: ReadonlyArray<string>
  /** The form field that may carry the token. */
  readonly field: string
  /** The request headers that may carry the token, in lower case. */
  readonly headers: ReadonlyArray<string>
  /** The longest form that is read for a token, in bytes. */
  readonly maxFormBytes: number
}

/** Schemes of apps have no origin of their own for `URL`, but browsers send them all the same. */
const originShape = /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d+)?$/

const webScheme = /^https?:/i

const originProblems = (origin: string, index: number): ReadonlyArray<string> => {
  const parsed = URL.canParse(origin) ? new URL(origin).origin : "null"
  if (originShape.test(origin) && (!webScheme.test(origin) || parsed === origin)) return []
  const example = webScheme.test(origin) && originShape.test(parsed) ? parsed : "https://example.com"
  return [
    `origins[${index}] ${JSON.stringify(origin)} is no origin, as browsers send it: write it like ${
      JSON.stringify(example)
    }`
  ]
}

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Fits into the attribute of an HTML element as it is. */
const fieldName = /^[\w.:[\]-]+$/

const formBytes = { least: 1024, most: 16 * 1024 * 1024 }

/** Everything that is wrong with how requests are to be checked, each in words that say what to change. */
export const problemsOf = ({ field, headers, maxFormBytes, origins }: CsrfOptions): ReadonlyArray<string> => {
  const problems = origins.flatMap(originProblems)
  headers.forEach((name, index) => {
    if (!headerName.test(name)) {
      problems.push(
        `headers[${index}] ${JSON.stringify(name)} is not the name of a header: use letters, digits and "-"`
      )
    } else if (name.toLowerCase() === "cookie") {
      problems.push(`headers[${index}] is the cookie, which browsers send by themselves: use "x-csrf-token"`)
    }
  })
  if (!fieldName.test(field)) {
    problems.push(`field ${JSON.stringify(field)} is not the name of a form field: use letters, digits, "-" and "_"`)
  }
  if (!(Number.isInteger(maxFormBytes) && maxFormBytes >= formBytes.least && maxFormBytes <= formBytes.most)) {
    problems.push(`maxFormBytes must be a whole number of bytes, from ${formBytes.least} to ${formBytes.most}`)
  }
  return problems
}
