import type * as HttpServerError from "@effect/platform/HttpServerError"
import type { SqlError } from "@effect/sql/SqlError"
import type { SessionError } from "effect-sessions"
import * as Cause from "effect/Cause"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/** Why the server may not start. */
export type Problem =
  | ConfigError.ConfigError
  | HttpServerError.ServeError
  | SessionError.SessionConfigError
  | SessionError.SessionStoreError
  | SqlError

/** What Node or a driver calls it, such as ECONNREFUSED; nothing that could hold a password. */
const codeOf = (cause: unknown): string =>
  Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) && cause.code !== ""
    ? cause.code
    : Predicate.hasProperty(cause, "cause")
    ? codeOf(cause.cause)
    : "for a reason without a code"

const sentence = (problem: Problem): string => {
  switch (problem._tag) {
    case "ConfigError":
      return `${problem}`.replace(/^\((.*)\)$/, "$1")
    case "ServeError": {
      const code = codeOf(problem.cause)
      return code === "EADDRINUSE"
        ? "its port is in use. Stop what uses it, or set PORT to another, or to 0 for a free one."
        : code === "EACCES"
        ? "it may not use this port. Set PORT to one above 1023."
        : `it cannot listen (${code}).`
    }
    case "SqlError":
      return `the database of DATABASE_URL cannot be used: ${problem.message ?? problem._tag} (${
        codeOf(problem.cause)
      }).`
    case "SessionConfigError":
      return problem.message
    case "SessionStoreError":
      return `the sessions cannot be where SESSIONS_URL, or else DATABASE_URL, says. ${problem.message}.`
  }
}

/** Says in one line why the server does not start. What nobody expected is shown whole. */
export const explain = (cause: Cause.Cause<Problem>): Effect.Effect<void> =>
  Cause.isInterruptedOnly(cause)
    ? Effect.void
    : Console.error(Option.match(Cause.failureOption(cause), {
      onNone: () => Cause.pretty(cause),
      onSome: (problem) => `Notes server: ${sentence(problem).replace(/\s+/g, " ")}`
    }))
