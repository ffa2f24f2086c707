type Headers = Readonly<Record<string, string | undefined>>

const tokensOf = (value: string): ReadonlyArray<string> => value.toLowerCase().split(",").map((token) => token.trim())

/**
 * The headers that keep a response that depends on a session out of shared caches. What the response says already
 * stays; where it is not strict enough, it is added to. `credential` is the request header that carries the id.
 */
export const responseHeaders = (existing: Headers, credential: "Cookie" | "Authorization"): Record<string, string> => {
  const vary = existing["vary"]
  const cacheControl = existing["cache-control"]
  const headers: Record<string, string> = {}
  if (cacheControl === undefined || cacheControl.trim() === "") headers["cache-control"] = "no-store"
  else if (!tokensOf(cacheControl).includes("no-store")) headers["cache-control"] = `${cacheControl}, no-store`
  if (vary === undefined || vary.trim() === "") headers["vary"] = credential
  else if (!tokensOf(vary).some((token) => token === credential.toLowerCase() || token === "*")) {
    headers["vary"] = `${vary}, ${credential}`
  }
  return headers
}
