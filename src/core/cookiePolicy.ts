/** The attributes of a cookie, as the user of the library wrote them down. */
export interface CookieOptions {
  readonly name: string
  /** What it was called before. */
  readonly formerNames: ReadonlyArray<string>
  readonly path: string
  readonly domain: string | undefined
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: string
  readonly partitioned: boolean
  readonly priority: string | undefined
  /** Seconds. */
  readonly maxAge: number | undefined
  /** Epoch milliseconds. */
  readonly expires: number | undefined
  /** Epoch milliseconds. */
  readonly changedAt: number | undefined
  /** Whether plain http is allowed, for development. */
  readonly insecure: boolean
}

/** What browsers cut a lifetime to: 400 days, in seconds. */
export const maxMaxAge = 34_560_000

/** Browsers drop cookies over 4096 bytes of name and value; this leaves the value room. */
const maxNameLength = 1024

/** Every request is searched for each of them. */
const maxFormerNames = 8

/** What browsers accept of one attribute, in bytes. */
const maxAttributeBytes = 1024

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const attributeText = /^[\x20-\x3a\x3c-\x7e]*$/
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/
const prefixes = ["__Host-Http-", "__Host-", "__Http-", "__Secure-"]
/** Names that lenient cookie parsers confuse with members of an object. */
const objectMembers = ["__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty"]

/** The name without the prefix that browsers tie to `Secure`. */
export const withoutPrefix = (name: string): string => {
  const prefix = prefixes.find((candidate) => name.startsWith(candidate))
  return prefix === undefined ? name : name.slice(prefix.length)
}

/** What keeps a text from being the name of any cookie. */
const nameProblems = (option: string, name: string): ReadonlyArray<string> => {
  const quoted = JSON.stringify(name)
  if (!token.test(name)) return [`${option} ${quoted} is not a cookie name: use letters, digits, "-" and "_"`]
  if (name.length > maxNameLength) {
    return [
      `${option} has ${name.length} characters, and browsers drop a cookie that long: use ${maxNameLength} at the most`
    ]
  }
  if (objectMembers.includes(name)) {
    return [`${option} ${quoted} collides with a member of every object: choose another`]
  }
  const lookalike = prefixes.find((prefix) =>
    !name.startsWith(prefix) &&
    (name.toLowerCase().startsWith(prefix.toLowerCase()) ||
      name.toLowerCase().startsWith(prefix.slice(2).toLowerCase().replace(/-$/, "__")))
  )
  return lookalike === undefined
    ? []
    : [`${option} ${quoted} looks like the prefix ${lookalike} but is not: browsers and servers disagree about it`]
}

/** What a prefix promises and the attributes do not keep. */
const prefixProblems = (options: CookieOptions): ReadonlyArray<string> => {
  const { name } = options
  const problems: Array<string> = []
  if (name.startsWith("__Host-")) {
    if (!options.secure) {
      problems.push(
        "name with the prefix __Host- needs secure: leave secure out; for plain http in development set insecure: true, which drops the prefix"
      )
    }
    if (options.domain !== undefined) {
      problems.push(
        "name with the prefix __Host- allows no domain: leave domain out, or set a name such as \"__Secure-sid\""
      )
    }
    if (options.path !== "/") {
      problems.push(
        "name with the prefix __Host- needs path \"/\": leave path out, or set a name such as \"__Secure-sid\""
      )
    }
  }
  if (name.startsWith("__Secure-") && !options.secure) {
    problems.push(
      "name with the prefix __Secure- needs secure: leave secure out; for plain http in development set insecure: true, which drops the prefix"
    )
  }
  if ((name.startsWith("__Http-") || name.startsWith("__Host-Http-")) && !(options.secure && options.httpOnly)) {
    problems.push("name with the prefix __Http- or __Host-Http- needs secure and httpOnly")
  }
  return problems
}

const formerNameProblems = ({ formerNames, name }: CookieOptions): ReadonlyArray<string> => {
  const problems = formerNames.flatMap((former, index) => nameProblems(`formerNames[${index}]`, former))
  if (formerNames.includes(name)) problems.push("formerNames holds the name itself: leave it out")
  if (new Set(formerNames).size !== formerNames.length) problems.push("formerNames holds a name twice: leave one out")
  if (formerNames.length > maxFormerNames) {
    problems.push(`formerNames takes ${maxFormerNames} names at the most: drop the oldest`)
  }
  return problems
}

/** Everything that is wrong with a cookie policy, each in words that say what to change. Empty if nothing is. */
export const problemsOf = (options: CookieOptions): ReadonlyArray<string> => {
  const problems = [
    ...nameProblems("name", options.name),
    ...prefixProblems(options),
    ...formerNameProblems(options)
  ]
  if (!options.path.startsWith("/") || !attributeText.test(options.path) || options.path.length > maxAttributeBytes) {
    problems.push(`path ${JSON.stringify(options.path)} must begin with "/" and hold no ";" or control characters`)
  }
  if (options.domain !== undefined && !hostName.test(options.domain)) {
    problems.push(`domain ${JSON.stringify(options.domain)} is not a host name: write it like "example.com"`)
  }
  if (!["strict", "lax", "none"].includes(options.sameSite)) {
    problems.push("sameSite must be \"strict\", \"lax\" or \"none\"")
  }
  if (options.priority !== undefined && !["low", "medium", "high"].includes(options.priority)) {
    problems.push("priority must be \"low\", \"medium\" or \"high\"")
  }
  if (!options.secure && !options.insecure) {
    problems.push("secure cannot be turned off alone: set insecure: true for plain http in development")
  }
  if (options.secure && options.insecure) {
    problems.push("secure and insecure exclude each other: leave one out")
  }
  if (options.sameSite === "none" && !options.secure) {
    problems.push("sameSite \"none\" needs secure: browsers drop the cookie otherwise")
  }
  if (options.partitioned && !options.secure) {
    problems.push("partitioned needs secure: browsers drop the cookie otherwise")
  }
  if (options.partitioned && options.sameSite !== "none") problems.push("partitioned needs sameSite \"none\"")
  if (
    options.maxAge !== undefined &&
    !(Number.isInteger(options.maxAge) && options.maxAge >= 1 && options.maxAge <= maxMaxAge)
  ) {
    problems.push("maxAge must be whole seconds, from 1 second to 400 days")
  }
  for (const option of ["expires", "changedAt"] as const) {
    const time = options[option]
    if (time !== undefined && !Number.isFinite(time)) problems.push(`${option} is not a valid date`)
  }
  if (options.maxAge !== undefined && options.expires !== undefined) {
    problems.push("maxAge and expires exclude each other: leave one out")
  }
  return problems
}

/**
 * What the prefix of a name fixes, whatever the attributes of a cookie of another name are: without it browsers drop the
 * header, and keep the cookie that it was to clear.
 */
export const fixedByPrefix = (
  name: string
): { readonly path?: "/"; readonly domain?: undefined; readonly httpOnly?: true } => ({
  ...(name.startsWith("__Host-") ? { path: "/", domain: undefined } : {}),
  ...(/^__(?:Host-)?Http-/.test(name) ? { httpOnly: true } : {})
})

/**
 * Seconds until the cookie shall vanish: never after the session's deadline, the configured lifetime or date, or what
 * browsers allow. Rounded down, so that the cookie never outlives the session.
 */
export const lifetime = (
  policy: { readonly maxAge: number | undefined; readonly expires: number | undefined },
  deadline: number,
  now: number
): number => {
  const ends = Math.min(
    deadline,
    policy.maxAge === undefined ? Infinity : now + policy.maxAge * 1000,
    policy.expires ?? Infinity
  )
  return Math.max(0, Math.min(maxMaxAge, Math.floor((ends - now) / 1000)))
}
