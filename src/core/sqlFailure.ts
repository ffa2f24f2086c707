/** What the failure of a driver means to us. */
export interface SqlFailure {
  readonly kind: "KeyExists" | "Transient" | "Refused" | "Other"
  /** Whether a statement that failed so may have been carried out all the same. */
  readonly outcomeUnknown: boolean
  /** The class and the code of the failure: enough to look it up, nothing that quotes a row. */
  readonly detail: string
}

const keyExistsCodes = [
  "23505",
  "ER_DUP_ENTRY",
  "SQLITE_CONSTRAINT",
  "SQLITE_CONSTRAINT_PRIMARYKEY",
  "SQLITE_CONSTRAINT_UNIQUE"
]

/** The database undid the statement because of another one: it may be tried again, whatever it does. */
const transientCodes = [
  "40001",
  "40P01",
  "ER_LOCK_DEADLOCK",
  "ER_CHECKREAD",
  "SQLITE_BUSY",
  "SQLITE_BUSY_SNAPSHOT",
  "SQLITE_LOCKED"
]

/** The database will not do this for us, however often it is asked: a role without the right, a schema that is not there. */
const refusedCodes = [
  "42501",
  "25006",
  "3F000",
  "ER_TABLEACCESS_DENIED_ERROR",
  "ER_DBACCESS_DENIED_ERROR",
  "ER_SPECIFIC_ACCESS_DENIED_ERROR",
  "ER_BAD_DB_ERROR",
  "ER_OPTION_PREVENTS_STATEMENT",
  "SQLITE_READONLY",
  "SQLITE_AUTH"
]

/**
 * What a database answers as it goes away, perhaps after it has carried out the statement: PostgreSQL's classes of broken
 * connections, of a server that shuts down and of failures of the system, and its code for "completion unknown".
 */
const lostPostgres = /^(08|57P|58|XX|40003)/
const lostMysql = [
  "ER_SERVER_SHUTDOWN",
  "ER_CONNECTION_KILLED",
  "ER_NEW_ABORTING_CONNECTION",
  "ER_ABORTING_CONNECTION",
  "ER_ERROR_DURING_COMMIT"
]
const lostMysqlNet = /^ER_NET_/

/** The connection was never made. */
const unreachedCodes = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]
const unreachedCalls = ["connect", "getaddrinfo"]
/** What `@effect/sql` calls a pool that gave no connection. If that changes, the outcome is unknown, which is safe. */
const unreachedMessage = /^Failed to acquire connection/

const hasProperty = <Name extends string>(value: unknown, name: Name): value is { readonly [_ in Name]: unknown } =>
  typeof value === "object" && value !== null && name in value

const safeWord = /^[A-Za-z0-9_]{1,40}$/

/** A failure and its causes. Each driver wraps its errors in another way. */
const causesOf = (failure: unknown): ReadonlyArray<unknown> => {
  const causes = [failure]
  for (let last = failure; hasProperty(last, "cause") && causes.length < 6; causes.push(last)) last = last.cause
  return causes
}

/** The first code among causes. */
const codeOf = (causes: ReadonlyArray<unknown>): string | undefined => {
  for (const cause of causes) {
    if (hasProperty(cause, "code") && typeof cause.code === "string" && safeWord.test(cause.code)) return cause.code
  }
  return undefined
}

const nameOf = (failure: unknown): string =>
  hasProperty(failure, "_tag") && typeof failure._tag === "string" && safeWord.test(failure._tag)
    ? failure._tag
    : failure instanceof Error && safeWord.test(failure.name)
    ? failure.name
    : "unknown failure"

const kindOf = (code: string | undefined): SqlFailure["kind"] => {
  if (code === undefined) return "Other"
  if (keyExistsCodes.includes(code)) return "KeyExists"
  if (transientCodes.includes(code)) return "Transient"
  return refusedCodes.includes(code) ? "Refused" : "Other"
}

/** Whether the database answered that it did not do it. A statement that fails is undone as a whole. */
const wasAnswered = (code: string): boolean => {
  if (/^[0-9A-Z]{5}$/.test(code) && /[0-9]/.test(code)) return !lostPostgres.test(code)
  if (code.startsWith("ER_")) return !lostMysql.includes(code) && !lostMysqlNet.test(code)
  return code.startsWith("SQLITE_") && !code.startsWith("SQLITE_IOERR")
}

/** Whether the statement never came to the database. */
const wasUnreached = (causes: ReadonlyArray<unknown>): boolean =>
  causes.some((cause) =>
    (hasProperty(cause, "code") && unreachedCodes.some((code) => code === cause.code)) ||
    (hasProperty(cause, "syscall") && unreachedCalls.some((call) => call === cause.syscall)) ||
    (hasProperty(cause, "message") && typeof cause.message === "string" && unreachedMessage.test(cause.message))
  )

/** Classifies whatever a driver failed or died with. */
export const classify = (failure: unknown): SqlFailure => {
  const causes = causesOf(failure)
  const code = codeOf(causes)
  const name = nameOf(failure)
  return {
    kind: kindOf(code),
    outcomeUnknown: !wasUnreached(causes) && (code === undefined || !wasAnswered(code)),
    detail: code === undefined ? name : `${name} ${code}`
  }
}

/** The number of rows a statement changed, from the raw result of any driver. */
export const affectedRows = (result: unknown): number => {
  for (const name of ["rowCount", "affectedRows", "rowsAffected", "changes"]) {
    if (hasProperty(result, name)) return Number(result[name])
  }
  return 0
}
