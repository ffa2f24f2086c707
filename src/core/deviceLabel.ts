/** What was understood of a user agent. */
export interface Client {
  /** The name of a known browser or bot. */
  readonly browser: string | undefined
  /** What the user agent calls itself: see `productOf`. */
  readonly product: string | undefined
  /** The operating system, or the device where that says more. */
  readonly system: string | undefined
}

/** The rest of a longer user agent is not looked at. Browsers send 100 to 300 characters. */
export const maxUserAgentLength = 1024

/** Two names and the word between them. */
export const maxLabelLength = 64

export const unknownDevice = "Unknown device"

const isHarmless = (name: string | undefined): name is string =>
  name !== undefined && /^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,29}$/.test(name)

/**
 * What a program that is no browser calls itself: `curl` of `curl/8.5.0`, or the only word. One word of letters, digits,
 * `_` and `-`, so that it is neither a sentence nor an address. None for `Mozilla`, which says nothing.
 */
export const productOf = (userAgent: string): string | undefined => {
  const product = /^([A-Za-z][A-Za-z0-9_-]{0,29})(?:\/|$)/.exec(userAgent)?.[1]
  return product?.toLowerCase() === "mozilla" ? undefined : product
}

/** The text of a device list. Names with anything but letters, digits, blanks and ` ._+-` in them do not count. */
export const labelOf = (client: Client): string => {
  const program = [client.browser, client.product].find(isHarmless)
  const system = [client.system].find(isHarmless)
  if (program === undefined) return system ?? unknownDevice
  if (system === undefined) return program
  return program.toLowerCase() === system.toLowerCase() ? system : `${program} on ${system}`
}
