type Headers = Readonly<Record<string, string | undefined>>

const tokensOf = (value: string): ReadonlyArray<string> => value.toLowerCase().split(",").map((token) => token.trim())

/**
 * The headers that keep a response that depends on a session out of shared caches. What the response says already
 * stays; where it is not strict enough, it is added to. `carriers` are the request headers that may carry the id.
 */
export const responseHeaders = (
  existing: Headers,
  ...carriers: ReadonlyArray<"Cookie" | "Authorization">
): Record<string, string> => {
  const vary = existing["vary"]
  const cacheControl = existing["cache-control"]
  const headers: Record<string, string> = {}
  if (cacheControl === undefined || cacheControl.trim() === "") headers["cache-control"] = "no-store"
  else if (!tokensOf(cacheControl).includes("no-store")) headers["cache-control"] = `${cacheControl}, no-store`
  const named = tokensOf(vary ?? "")
  if (named.includes("*")) return headers
  const missing = carriers.filter((carrier) => !named.includes(carrier.toLowerCase()))
  if (missing.length === 0) return headers
  headers["vary"] = [...(vary === undefined || vary.trim() === "" ? [] : [vary]), ...missing].join(", ")
  return headers
}
