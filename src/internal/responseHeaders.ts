type Headers = Readonly<Record<string, string | undefined>>

const tokensOf = (value: string): ReadonlyArray<string> => value.toLowerCase().split(",").map((token) => token.trim())

/**
 * The headers that keep a response that depends on a session out of shared caches. What the response says already
 * stays; where it is not strict enough, it is added to.
 */
export const responseHeaders = (existing: Headers): Record<string, string> => {
  const vary = existing["vary"]
  const cacheControl = existing["cache-control"]
  const headers: Record<string, string> = {}
  if (cacheControl === undefined || cacheControl.trim() === "") headers["cache-control"] = "no-store"
  else if (!tokensOf(cacheControl).includes("no-store")) headers["cache-control"] = `${cacheControl}, no-store`
  if (vary === undefined || vary.trim() === "") headers["vary"] = "Cookie"
  else if (!tokensOf(vary).some((token) => token === "cookie" || token === "*")) headers["vary"] = `${vary}, Cookie`
  return headers
}
