/** What the failure of a command means to us. */
export interface RedisFailure {
  /** Whether the server does not know the script: nothing was done, and it may be sent as a whole. */
  readonly isUnknownScript: boolean
  /** Whether the command may have been carried out all the same. */
  readonly outcomeUnknown: boolean
  /** The class and the code of the failure: enough to look it up, nothing that quotes a command. */
  readonly detail: string
}

/** What a server answers that has not carried out the command, nor any part of it. */
const refusals = [
  "NOSCRIPT",
  "READONLY",
  "OOM",
  "LOADING",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "MOVED",
  "ASK",
  "TRYAGAIN",
  "CROSSSLOT",
  "MISCONF",
  "NOREPLICAS",
  "NOAUTH",
  "WRONGPASS",
  "NOPERM",
  "BUSY"
]

/**
 * A command inside a script was not permitted. What the script did before stays, so the outcome is unknown. Servers have
 * said this in several ways.
 */
const forbiddenInScript = /^ERR The user executing the script can't|ACL failure in script|script.*\bNOPERM\b/

/** What the client says of a command that it has not sent. */
const unsent = /enableOfflineQueue options is false|^Failed to refresh slots cache|^Cluster is ended/

const hasProperty = <Name extends string>(value: unknown, name: Name): value is { readonly [_ in Name]: unknown } =>
  typeof value === "object" && value !== null && name in value

const safeWord = /^[A-Za-z0-9_]{1,40}$/

const textOf = (failure: unknown): string =>
  hasProperty(failure, "message") && typeof failure.message === "string" ? failure.message : ""

/**
 * The code of a reply. Older servers, and the cluster client when it gives up, put the code of what went wrong inside a
 * sentence of their own.
 */
const replyCode = (message: string): string | undefined => {
  const first = message.split(" ", 1)[0] ?? ""
  if (forbiddenInScript.test(message)) return "NOPERM_IN_SCRIPT"
  if (/^ERR Error running script/.test(message) || /^Too many Cluster redirections/.test(message)) {
    const inner = refusals.find((code) => new RegExp(`(?:-|ReplyError: )${code}\\b`).test(message))
    if (inner !== undefined) return inner
  }
  return /^[A-Z]{2,20}$/.test(first) ? first : undefined
}

const codeOf = (failure: unknown): string | undefined =>
  hasProperty(failure, "code") && typeof failure.code === "string" && safeWord.test(failure.code)
    ? failure.code
    : replyCode(textOf(failure))

/** What the client says without a code. */
const inOurWords: ReadonlyArray<readonly [pattern: RegExp, words: string]> = [
  [/^Socket timeout/, "the socket is silent"],
  [/^Connection is closed/, "the connection is closed"],
  [/enableOfflineQueue options is false/, "not connected"],
  [/^Command timed out/, "no answer in time"]
]

/** The class and the code of a failure, for a log. */
export const detailOf = (failure: unknown): string => {
  const code = codeOf(failure)
  const name = hasProperty(failure, "name") && typeof failure.name === "string" && safeWord.test(failure.name)
    ? failure.name
    : "unknown failure"
  return [name, code ?? inOurWords.find(([pattern]) => pattern.test(textOf(failure)))?.[1] ?? ""].join(" ").trimEnd()
}

/** Classifies whatever the client failed with. */
export const classify = (failure: unknown): RedisFailure => {
  const code = replyCode(textOf(failure))
  return {
    isUnknownScript: code === "NOSCRIPT",
    outcomeUnknown: !(code !== undefined && refusals.includes(code)) && !unsent.test(textOf(failure)),
    detail: detailOf(failure)
  }
}
