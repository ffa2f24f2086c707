/** What a `Cookie` header says about one cookie name. */
export type CookieReading =
  /** The values it has under the name, each once, in the order of the header: browsers put what they mean most first. */
  | { readonly _tag: "Read"; readonly values: ReadonlyArray<string> }
  | { readonly _tag: "TooLong" }

/** A longer header is not read at all. Node itself refuses more than 16 KiB of headers by default. */
export const maxHeaderLength = 64 * 1024

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** Whether a pair can begin at `index`: at the start of the header or after a `;`, with blanks between. */
const beginsPair = (header: string, index: number): boolean => {
  let before = index - 1
  while (isBlank(header.charCodeAt(before))) before--
  return before < 0 || header.charCodeAt(before) === 0x3b
}

/** The value that begins at `start`, behind a `=`, which ends the blanks to the left. */
const valueAt = (header: string, start: number): string => {
  const semicolon = header.indexOf(";", start)
  let end = semicolon === -1 ? header.length : semicolon
  while (isBlank(header.charCodeAt(end - 1))) end--
  return header.slice(start, end)
}

/**
 * Reads one cookie from the raw header, strictly: pairs are split at `;` only, only space and tab are trimmed, names
 * match to the letter, nothing is percent-decoded and quotes have no meaning. Anything a lenient reader would repair
 * is somebody else's cookie here. Linear in the length of the header.
 */
export const readCookie = (header: string | undefined, name: string): CookieReading => {
  if (header === undefined) return { _tag: "Read", values: [] }
  if (header.length > maxHeaderLength) return { _tag: "TooLong" }
  const needle = `${name}=`
  const values = new Set<string>()
  let index = header.indexOf(needle)
  while (index !== -1) {
    const valueStart = index + needle.length
    if (beginsPair(header, index)) values.add(valueAt(header, valueStart))
    index = header.indexOf(needle, valueStart)
  }
  return { _tag: "Read", values: Array.from(values) }
}
