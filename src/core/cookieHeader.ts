/** What a `Cookie` header says about one cookie name. */
export type CookieReading =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Found"; readonly value: string }
  /** The name came twice with different values: somebody tosses cookies, so neither is believed. */
  | { readonly _tag: "Ambiguous" }
  | { readonly _tag: "TooLong" }

/** A longer header is not read at all. Node itself refuses more than 16 KiB of headers by default. */
export const maxHeaderLength = 64 * 1024

const missing: CookieReading = { _tag: "Missing" }
const ambiguous: CookieReading = { _tag: "Ambiguous" }
const tooLong: CookieReading = { _tag: "TooLong" }

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** Whether a pair can begin at `index`: at the start of the header or after a `;`, with blanks between. */
const beginsPair = (header: string, index: number): boolean => {
  let before = index - 1
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--
  return before < 0 || header.charCodeAt(before) === 0x3b
}

const valueAt = (header: string, start: number): string => {
  const semicolon = header.indexOf(";", start)
  let end = semicolon === -1 ? header.length : semicolon
  while (end > start && isBlank(header.charCodeAt(end - 1))) end--
  return header.slice(start, end)
}

/**
 * Reads one cookie from the raw header, strictly: pairs are split at `;` only, only space and tab are trimmed, names
 * match to the letter, nothing is percent-decoded and quotes have no meaning. Anything a lenient reader would repair
 * is somebody else's cookie here. Linear in the length of the header.
 */
export const readCookie = (header: string | undefined, name: string): CookieReading => {
  if (header === undefined || header === "") return missing
  if (header.length > maxHeaderLength) return tooLong
  const needle = `${name}=`
  let found: string | undefined
  let index = header.indexOf(needle)
  while (index !== -1) {
    const valueStart = index + needle.length
    if (beginsPair(header, index)) {
      const value = valueAt(header, valueStart)
      if (found !== undefined && found !== value) return ambiguous
      found = value
    }
    index = header.indexOf(needle, valueStart)
  }
  return found === undefined ? missing : { _tag: "Found", value: found }
}
