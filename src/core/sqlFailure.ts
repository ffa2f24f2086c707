/** What the failure of a driver means to us. */
export interface SqlFailure {
  readonly kind: "KeyExists" | "Transient" | "Other"
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

const hasProperty = <Name extends string>(value: unknown, name: Name): value is { readonly [_ in Name]: unknown } =>
  typeof value === "object" && value !== null && name in value

const safeWord = /^[A-Za-z0-9_]{1,40}$/

/** The first code in a chain of causes. Each driver wraps its errors in another way. */
const codeOf = (failure: unknown, depth = 0): string | undefined => {
  if (depth > 5) return undefined
  if (hasProperty(failure, "code") && typeof failure.code === "string" && safeWord.test(failure.code)) {
    return failure.code
  }
  return hasProperty(failure, "cause") ? codeOf(failure.cause, depth + 1) : undefined
}

const nameOf = (failure: unknown): string =>
  hasProperty(failure, "_tag") && typeof failure._tag === "string" && safeWord.test(failure._tag)
    ? failure._tag
    : failure instanceof Error && safeWord.test(failure.name)
    ? failure.name
    : "unknown failure"

/** Classifies whatever a driver failed or died with. */
export const classify = (failure: unknown): SqlFailure => {
  const code = codeOf(failure)
  const name = nameOf(failure)
  return {
    kind: code === undefined
      ? "Other"
      : keyExistsCodes.includes(code)
      ? "KeyExists"
      : transientCodes.includes(code)
      ? "Transient"
      : "Other",
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
