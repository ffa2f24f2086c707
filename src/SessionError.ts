/**
 * Every error this library fails with. They are few, they carry neither ids nor data nor driver text, and each
 * answers HTTP by itself: a handler that does not catch them gives the right status.
 *
 * @since 3.0.0
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const respond = (
  encoded: { readonly _tag: string; readonly message: string; readonly [field: string]: string | boolean | number },
  status: number
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.succeed(HttpServerResponse.unsafeJson(encoded, { status, headers: { "cache-control": "no-store" } }))

/** Text for logs, that encodes to nothing: it does not leave the server. */
const ServerText = Schema.transform(Schema.String, Schema.String, {
  strict: true,
  decode: (text) => text,
  encode: () => ""
})

/**
 * The session store did not do what it was asked: it was not reached, it failed, it did not answer in time, or
 * (`reason: "KeyExists"`, `insert` and `rotate` only) the key was taken. Answers 503. Never means that there is no
 * session.
 *
 * `operation` is the store method. `outcomeUnknown` is true where the store may have done what it was asked although it
 * did not say so, as after a broken connection: the change may still apply, once. It is false where nothing was changed.
 * `detail` names the failure by class and code, such as `"SqlError 57P01"`: enough to look it up, without the text of the
 * driver, which may quote rows. It is for logs and does not leave the server.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Session } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
 *   initial: { cart: [] }
 * }) {}
 *
 * // A page that does without the session rather than answer 503
 * export const cart = AppSession.pipe(
 *   Effect.flatMap((session) => session.get),
 *   Effect.catchTag("SessionStoreError", () => Effect.succeed({ cart: [] }))
 * )
 * ```
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionStoreError extends Schema.TaggedError<SessionStoreError>("effect-sessions/SessionStoreError")(
  "SessionStoreError",
  {
    operation: Schema.String,
    reason: Schema.Literal("Unavailable", "KeyExists"),
    outcomeUnknown: Schema.Boolean,
    detail: ServerText
  },
  HttpApiSchema.annotations({ status: 503 })
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    if (this.reason === "KeyExists") return `The session store could not ${this.operation}: the key exists`
    const outcome = this.outcomeUnknown ? "; it may have done so all the same" : ""
    return `The session store could not ${this.operation} (${this.detail})${outcome}`
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    const { _tag, operation, outcomeUnknown, reason } = this
    const message = outcomeUnknown
      ? "The session store did not answer: what was to be stored may be stored or not"
      : "The session store is not available"
    return respond({ _tag, operation, reason, outcomeUnknown, detail: "", message }, 503)
  }
}

/**
 * The session ended (signed out, revoked or expired elsewhere) after this request read it and before it could change it.
 * The change is dropped: nothing brings an ended session back, and who refreshes a sign-in does not undo a revocation.
 * Answers 401, and leaves the cookie as it is: only a sign-out clears it.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionGone extends Schema.TaggedError<SessionGone>("effect-sessions/SessionGone")(
  "SessionGone",
  {},
  HttpApiSchema.annotations({ status: 401 })
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    return "The session has ended"
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return respond({ _tag: this._tag, message: this.message }, 401)
  }
}

/**
 * The change is dropped and can be tried again. Answers 409, and leaves the cookie as it is.
 *
 * - `"Renamed"`: the id that the request carries was renamed a moment ago, by a sign-in or a rotation in another request.
 *   By the time the browser tries again it has the new cookie.
 * - `"Contended"`: other writers changed the session again and again while this change was retried on fresh data.
 * - `"Several"`: the request carries the ids of several live sessions under one cookie name, and nothing says which one
 *   is meant. Reading finds nobody then; a sign-in or a sign-out puts an end to it.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionConflict extends Schema.TaggedError<SessionConflict>("effect-sessions/SessionConflict")(
  "SessionConflict",
  { reason: Schema.Literal("Renamed", "Contended", "Several") },
  HttpApiSchema.annotations({ status: 409 })
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    switch (this.reason) {
      case "Renamed":
        return "The session got a new id meanwhile: try again"
      case "Contended":
        return "The session was changed by too many requests at once: try again"
      case "Several":
        return "The request carries several sessions: sign in or sign out, and try again"
    }
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return respond({ _tag: this._tag, reason: this.reason, message: this.message }, 409)
  }
}

/**
 * The data of a session and its declared schema do not fit. Answers 500; what is stored stays as it was.
 *
 * - `"Unencodable"`: the data does not encode with the schema.
 * - `"NotJson"`: the encoded data is not JSON: a date, a `NaN`, a class instance, a cycle. Let the schema encode it.
 * - `"TooLarge"`: the encoded data is over the declared `maxBytes`.
 * - `"Undecodable"`: a stored row does not decode, and the session was declared with `onUndecodable: "fail"`.
 *
 * `detail` says where in the data, as a path of property names such as `cart[0].price`, never the value. It is for logs
 * and does not leave the server.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionDataError extends Schema.TaggedError<SessionDataError>("effect-sessions/SessionDataError")(
  "SessionDataError",
  { reason: Schema.Literal("Unencodable", "NotJson", "TooLarge", "Undecodable"), detail: ServerText },
  HttpApiSchema.annotations({ status: 500 })
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    switch (this.reason) {
      case "Unencodable":
        return "The session data does not encode with the declared schema"
      case "NotJson":
        return "The encoded session data is not JSON: let the schema encode dates and classes to strings or objects"
      case "TooLarge":
        return "The session data is larger than the declared maxBytes: store less, or a reference"
      case "Undecodable":
        return "The stored session data does not decode with the declared schema"
    }
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    const { _tag, reason } = this
    return respond({ _tag, reason, detail: "", message: "The session data could not be handled" }, 500)
  }
}

/**
 * The session was to be changed when the response had left already, or could no longer hand out the id that the change
 * needs (the handshake of a socket). Change it before the response begins, in a handler before it returns; what needs a
 * new id, such as a sign-in, in a request before the socket opens. Answers 500.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionResponseSent extends Schema.TaggedError<SessionResponseSent>("effect-sessions/SessionResponseSent")(
  "SessionResponseSent",
  {},
  HttpApiSchema.annotations({ status: 500 })
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    return "The session cannot be changed once the response has left: change it before the response begins"
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return respond({ _tag: this._tag, message: this.message }, 500)
  }
}

/**
 * A request needs a signed-in user and has none. Answers 401. `reason` says why, for apps that answer otherwise:
 *
 * - `"Missing"`: the request brought no cookie, or no bearer token.
 * - `"Rejected"`: it brought something that is no id of ours: malformed, or badly signed.
 * - `"Ended"`: it brought an id without a live session: unknown, signed out, or expired.
 * - `"Visitor"`: there is a session, and nobody is signed in.
 * - `"UnknownUser"`: somebody is signed in who no longer exists; the session has been ended.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionUnauthenticated
  extends Schema.TaggedError<SessionUnauthenticated>("effect-sessions/SessionUnauthenticated")(
    "SessionUnauthenticated",
    { reason: Schema.Literal("Missing", "Rejected", "Ended", "Visitor", "UnknownUser") },
    HttpApiSchema.annotations({ status: 401 })
  )
{
  /**
   * @since 3.0.0
   */
  override get message(): string {
    return "Nobody is signed in"
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return respond({ _tag: this._tag, reason: this.reason, message: this.message }, 401)
  }
}

/**
 * A user is signed in, but signed in too long ago for what the request asks: he must sign in again first. Answers 403.
 * `maxAge` is the age in milliseconds that a sign-in may have.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionNotFresh extends Schema.TaggedError<SessionNotFresh>("effect-sessions/SessionNotFresh")(
  "SessionNotFresh",
  { reason: Schema.Literal("SignInTooOld"), maxAge: Schema.Number },
  HttpApiSchema.annotations({ status: 403 })
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    return "The sign-in is too old for this: sign in again first"
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    const { _tag, maxAge, reason } = this
    return respond({ _tag, reason, maxAge, message: this.message }, 403)
  }
}

/**
 * A request that could change something was not proven to come from this app. Answers 403. `reason` says why:
 *
 * - `"Foreign"`: another site sent it, or nothing tells who did: browsers leave `Sec-Fetch-Site` out over plain http, but
 *   for localhost, and programs leave it out everywhere. `origins` of `SessionCsrf` names the app's own origins, and
 *   `allowUnknown` lets programs in.
 * - `"Token"`: its CSRF token is missing or wrong.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionCsrfError extends Schema.TaggedError<SessionCsrfError>("effect-sessions/SessionCsrfError")(
  "SessionCsrfError",
  { reason: Schema.Literal("Foreign", "Token") },
  HttpApiSchema.annotations({ status: 403 })
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    return this.reason === "Foreign"
      ? "Nothing shows that the request comes from this app: neither Sec-Fetch-Site nor Origin or Referer names its own pages"
      : "The CSRF token is missing or wrong: a URL-encoded form has it in its field, every other request in a header"
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return respond({ _tag: this._tag, reason: this.reason, message: this.message }, 403)
  }
}

/**
 * A request carries a session in its cookie and another or the same one in its `Authorization` header, both well-formed and
 * correctly signed, where either may carry it: nothing says which one is meant. Answers 400, before the handler runs and
 * without asking a store. The client shall send one of the two: a script of a browser that keeps the token itself leaves
 * the cookie out with `credentials: "omit"`.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionCredentialsError
  extends Schema.TaggedError<SessionCredentialsError>("effect-sessions/SessionCredentialsError")(
    "SessionCredentialsError",
    {},
    HttpApiSchema.annotations({ status: 400 })
  )
{
  /**
   * @since 3.0.0
   */
  override get message(): string {
    return "The request carries both a session cookie and a bearer token: send one of them"
  }

  /**
   * @since 3.0.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    return respond({ _tag: this._tag, message: this.message }, 400)
  }
}

/**
 * A part of this library was configured, or used in a test, in a way that cannot work or is not safe. Layers fail
 * with it when they are built; what serves requests does not. `problems` says, one sentence each, what to change.
 *
 * @since 3.0.0
 * @category errors
 */
export class SessionConfigError extends Schema.TaggedError<SessionConfigError>("effect-sessions/SessionConfigError")(
  "SessionConfigError",
  { module: Schema.String, problems: Schema.NonEmptyArray(Schema.String) }
) {
  /**
   * @since 3.0.0
   */
  override get message(): string {
    return `${this.module}: ${this.problems.join("; ")}`
  }

  /**
   * Succeeds with what `make` returns if there are no problems.
   *
   * @since 3.0.0
   */
  static readonly check = <A>(
    module: string,
    problems: ReadonlyArray<string>,
    make: () => A
  ): Effect.Effect<A, SessionConfigError> => {
    const [first, ...rest] = problems
    return first === undefined
      ? Effect.sync(make)
      : Effect.fail(new SessionConfigError({ module, problems: [first, ...rest] }))
  }
}
