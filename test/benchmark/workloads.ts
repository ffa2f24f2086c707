/** Which cookie a request carries: none, the connection's own, a forged one, or one that no request used before. */
export type CookieChoice = "none" | "jar" | "forged" | "fresh"

export interface Workload {
  readonly name: WorkloadName
  readonly method: "GET" | "POST"
  readonly path: string
  readonly cookie: CookieChoice
  /** The server is configured so that every read has a touch to write. */
  readonly touch: boolean
}

export type WorkloadName =
  | "no-cookie"
  | "untouched"
  | "read"
  | "touch"
  | "write"
  | "sign-in"
  | "sign-out"
  | "forged"

const workload = (
  name: WorkloadName,
  request: string,
  cookie: CookieChoice,
  touch = false
): Workload => {
  const [method, path] = request.split(" ") as ["GET" | "POST", string]
  return { name, method, path, cookie, touch }
}

export const workloads: Record<WorkloadName, Workload> = {
  "no-cookie": workload("no-cookie", "GET /read", "none"),
  "untouched": workload("untouched", "GET /ignore", "jar"),
  "read": workload("read", "GET /read", "jar"),
  "touch": workload("touch", "GET /read", "jar", true),
  "write": workload("write", "POST /write", "jar"),
  "sign-in": workload("sign-in", "POST /sign-in", "jar"),
  "sign-out": workload("sign-out", "POST /sign-out", "fresh"),
  "forged": workload("forged", "GET /read", "forged")
}

export const workloadNames = Object.keys(workloads) as ReadonlyArray<WorkloadName>
