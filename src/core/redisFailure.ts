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
  if (refusals.includes(first)) return first
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

/** The class and the code of a failure, for a log. */
export const detailOf = (failure: unknown): string => {
  const code = codeOf(failure)
  const name = hasProperty(failure, "name") && typeof failure.name === "string" && safeWord.test(failure.name)
    ? failure.name
    : "unknown failure"
  return code === undefined ? name : `${name} ${code}`
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
