import { maxMaxAge } from "./cookiePolicy.js"

/** A cookie that a browser keeps. */
export interface Cookie {
  /** As it was sent. */
  readonly name: string
  /** As it was sent, still encoded. */
  readonly value: string
  /** The domain that it was given to, subdomains included. Undefined for the host alone. */
  readonly domain: string | undefined
  /** The path that it is sent to, and what is under it. */
  readonly path: string
  /** Epoch milliseconds. Undefined for a session cookie, which goes when the browser is closed. */
  readonly expiresAt: number | undefined
  /** Whether it goes over https only. */
  readonly secure: boolean
  /** Whether it is out of reach of scripts. */
  readonly httpOnly: boolean
  /** Whether requests of other sites carry it. */
  readonly sameSite: "strict" | "lax" | "none"
}

/** What a browser keeps of one app, in the order in which it came. */
export type Jar = ReadonlyArray<Cookie>

/** Where a response comes from. */
export interface Source {
  readonly secure: boolean
  readonly host: string
  readonly path: string
}

/** What decides about the cookies of a request. */
export interface Target {
  readonly secure: boolean
  readonly path: string
  readonly method: string
  /** Whether a page of the same site sends it. */
  readonly sameSite: boolean
}

/** What browsers take of a name and a value together, and of one attribute, in bytes. */
const maxPairBytes = 4096
const maxAttributeBytes = 1024

/** Ends every reading of a header that holds one; a tab is none of them. */

const control = /[\x00-\x08\x0a-\x1f\x7f]/

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

const dateDelimiter = /[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]/

/** The epoch milliseconds of a date as cookies have it: the first time, day, month and year in it, in any order. */
export const parseDate = (text: string): number | undefined => {
  let time: RegExpExecArray | undefined
  let day: number | undefined
  let month: number | undefined
  let year: number | undefined
  for (const token of text.split(dateDelimiter)) {
    const clock = time === undefined ? /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)/.exec(token) : null
    const name = months.indexOf(token.slice(0, 3).toLowerCase())
    if (clock !== null) time = clock
    else if (day === undefined && /^\d{1,2}(?!\d)/.test(token)) day = parseInt(token, 10)
    else if (month === undefined && name !== -1) month = name
    else if (year === undefined && /^\d{2,4}(?!\d)/.test(token)) year = parseInt(token, 10)
  }
  if (time === undefined || day === undefined || month === undefined || year === undefined) return undefined
  const [hour, minute, second] = time.slice(1).map(Number)
  if (hour === undefined || minute === undefined || second === undefined) return undefined
  const full = year < 70 ? year + 2000 : year < 100 ? year + 1900 : year
  const date = new Date(Date.UTC(full, month, day, hour, minute, second))
  // An hour too many is in another day.
  const exists = full >= 1601 && date.getUTCDate() === day && minute < 60 && second < 60
  return exists ? date.getTime() : undefined
}

const trim = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "")

/** A name and what it is set to, which `undefined` is for a text without `=`. */
const split = (text: string): readonly [name: string, value: string | undefined] => {
  const index = text.indexOf("=")
  return index === -1 ? [trim(text), undefined] : [trim(text.slice(0, index)), trim(text.slice(index + 1))]
}

/** The last of each attribute that browsers would read. */
const attributesOf = (parts: ReadonlyArray<string>): ReadonlyMap<string, string> =>
  new Map(
    parts.map(split)
      .filter(([, value = ""]) => Buffer.byteLength(value) <= maxAttributeBytes)
      .map(([name, value = ""]) => [name.toLowerCase(), value])
  )

/** The last of several good ones counts, so a bad one is as if it were not there. */
const without = (parts: ReadonlyArray<string>, name: string, isGood: (value: string) => boolean) =>
  parts.filter((part) => {
    const [found, value = ""] = split(part)
    return found.toLowerCase() !== name || isGood(value)
  })

const isAddress = (host: string): boolean => host.startsWith("[") || /^[\d.]+$/.test(host)

/** The domain a cookie is for, undefined for the host alone, or `false` if the host may not set it. */
const domainOf = (attribute: string | undefined, host: string): string | undefined | false => {
  const domain = (attribute ?? "").replace(/^\./, "").toLowerCase()
  if (domain === "") return undefined
  // A name without a dot belongs to everybody, and so its cookies to nobody but a host of this very name.
  if (!domain.includes(".") || isAddress(host)) return domain === host ? undefined : false
  return host === domain || host.endsWith(`.${domain}`) ? domain : false
}

/** The folder of a page, which its cookies are for if they do not say so themselves. */
const folderOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")))

const sameSiteOf = (attribute: string | undefined): Cookie["sameSite"] => {
  const value = attribute?.toLowerCase()
  return value === "strict" || value === "none" ? value : "lax"
}

const expiryOf = (attributes: ReadonlyMap<string, string>, now: number): number | undefined => {
  const maxAge = attributes.get("max-age")
  const date = parseDate(attributes.get("expires") ?? "")
  const expiresAt = maxAge === undefined ? date : now + Number(maxAge) * 1000
  return expiresAt === undefined ? undefined : Math.min(expiresAt, now + maxMaxAge * 1000)
}

/** Whether a cookie keeps what the prefix of its name promises. A cookie without a name may not look like another. */
const keepsPrefix = (cookie: Cookie, pathGiven: string | undefined): boolean => {
  const name = (cookie.name === "" ? cookie.value : cookie.name).toLowerCase()
  if (!/^__(?:host|secure|http)-/.test(name)) return true
  if (cookie.name === "" || !cookie.secure) return false
  if (name.startsWith("__host-") && !(cookie.domain === undefined && pathGiven === "/")) return false
  return cookie.httpOnly || !/^__(?:host-)?http-/.test(name)
}

/**
 * The cookie that a `Set-Cookie` header asks for at `now`, as browsers read it (RFC 6265bis), or undefined if they refuse
 * it. One that has expired already is a cookie here: it takes the place of the one that it ends.
 */
export const parseCookie = (header: string, source: Source, now: number): Cookie | undefined => {
  if (control.test(header)) return undefined
  const [pair = "", ...all] = header.split(";")
  const parts = without(
    without(all, "max-age", (value) => /^-?\d+$/.test(value)),
    "expires",
    (value) => parseDate(value) !== undefined
  )
  const attributes = attributesOf(parts)
  const [first, second] = split(pair)
  const name = second === undefined ? "" : first
  const value = second ?? first
  const domain = domainOf(attributes.get("domain"), source.host)
  if (domain === false || name + value === "" || Buffer.byteLength(name + value) > maxPairBytes) return undefined
  const path = attributes.get("path")
  const cookie: Cookie = {
    name,
    value,
    domain,
    path: path?.startsWith("/") === true ? path : folderOf(source.path),
    expiresAt: expiryOf(attributes, now),
    secure: attributes.has("secure"),
    httpOnly: attributes.has("httponly"),
    sameSite: sameSiteOf(attributes.get("samesite"))
  }
  const refused = cookie.secure ? !source.secure : cookie.sameSite === "none"
  return refused || !keepsPrefix(cookie, path) ? undefined : cookie
}

const isSame = (left: Cookie, right: Cookie): boolean =>
  left.name === right.name && left.domain === right.domain && left.path === right.path

/** Without the cookies that have expired. */
export const live = (jar: Jar, now: number): Jar =>
  jar.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now)

/** Without the cookies that end with the browser. */
export const persistent = (jar: Jar): Jar => jar.filter(({ expiresAt }) => expiresAt !== undefined)

/** The jar after a response: a cookie replaces the one of the same name, domain and path, and keeps its place. */
export const receive = (jar: Jar, headers: ReadonlyArray<string>, source: Source, now: number): Jar => {
  let next = jar
  for (const header of headers) {
    const cookie = parseCookie(header, source, now)
    if (cookie === undefined) continue
    const replaced = next.map((one) => isSame(one, cookie) ? cookie : one)
    next = live(replaced.includes(cookie) ? replaced : [...next, cookie], now)
  }
  return next
}

const isUnder = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`)

/** From another site, a browser that follows a link sends more than one that sends a form. */
const goesTo = (cookie: Cookie, target: Target): boolean =>
  target.sameSite || cookie.sameSite === "none" ||
  cookie.sameSite === "lax" && ["GET", "HEAD", "OPTIONS", "TRACE"].includes(target.method)

/** The `Cookie` header of a request: the longest path first, then what came first. Undefined without a cookie. */
export const cookieHeader = (jar: Jar, target: Target, now: number): string | undefined => {
  const sent = live(jar, now)
    .filter((cookie) =>
      isUnder(target.path, cookie.path) && goesTo(cookie, target) && (target.secure || !cookie.secure)
    )
    .sort((left, right) => right.path.length - left.path.length)
    .map(({ name, value }) => name === "" ? value : `${name}=${value}`)
  return sent.length === 0 ? undefined : sent.join("; ")
}
