/**
 * Declares typed sessions. The tag of a declared session is the service a request handler asks for: the handle of the
 * request's own session.
 *
 * @since 3.0.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Codec from "./internal/codec.js"
import type { SessionResponseSent, SessionStoreError } from "./SessionError.js"
import type { CommitError, Definition, Info, ReadError, Service, Sessions } from "./Sessions.js"

/**
 * What can go wrong when a change is staged: `ReadError`, since the session is read for it, and `SessionResponseSent`, once
 * the response has left or where it can no longer hand out the id that the change needs.
 *
 * @since 3.0.0
 * @category errors
 */
export type StageError = ReadError | SessionResponseSent

/**
 * How somebody signs in.
 *
 * @since 3.0.0
 * @category models
 */
export interface SignInOptions<Data> {
  /** What of the earlier data to keep. Nothing if left out: the session begins with the initial data. */
  readonly carry?: ((data: Data) => Data) | undefined
  /**
   * Whether the user asked to be remembered: the session lives by the `remembered` timeouts of `SessionTimeouts`, and its
   * cookie survives the browser. If left out, no; but who signs in again as the same user stays remembered.
   */
  readonly remember?: boolean | undefined
}

/**
 * The session of one request. Everything is lazy: a request that does not use its handle costs nothing, and one that
 * does reads the store once, however many fibers ask. Only a fiber that goes on when the request is over may cost another
 * read.
 *
 * Changes are staged and written together, once, just before the headers of the response leave, if its status is below
 * 500; a failure, a defect or a client that hung up drops them. What was staged is visible to the rest of the request
 * at once. Only `signOut` (`destroy`) and `commit` act immediately. A visitor without a session has the declared
 * initial data, and gets a session when something is first changed.
 *
 * @example
 * ```ts
 * import { HttpServerResponse } from "@effect/platform"
 * import { Effect, Option, Schema } from "effect"
 * import { Session } from "effect-sessions"
 *
 * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
 *   initial: { cart: [] }
 * }) {}
 *
 * export const addTea = Effect.gen(function*() {
 *   const session = yield* AppSession
 *   const count = yield* session.modify(({ cart }) => [cart.length + 1, { cart: [...cart, "tea"] }])
 *   const user = yield* session.user
 *   return HttpServerResponse.unsafeJson({ count, user: Option.getOrNull(user) })
 * })
 *
 * export const signIn = Effect.flatMap(
 *   AppSession,
 *   (session) => session.signIn("ann", { carry: (data) => data, remember: true })
 * )
 *
 * export const signOut = Effect.flatMap(AppSession, (session) => session.signOut)
 * ```
 *
 * @since 3.0.0
 * @category models
 */
export interface Handle<Data, User> {
  /**
   * The data, with what this request has staged. The initial data if there is no live session. Fails with `ReadError`.
   */
  readonly get: Effect.Effect<Data, ReadError>

  /**
   * Stages new data in the place of the old, whatever the old is by the time it is written. Prefer `update`. Fails with
   * `StageError`.
   */
  readonly set: (data: Data) => Effect.Effect<void, StageError>

  /**
   * Stages a change of the data. The function runs now and, where another request changed the session meanwhile, again
   * on its data; so it must not do anything else. Returning the very same value is no change. Fails with `StageError`;
   * data that cannot be stored fails when it is written.
   */
  readonly update: (f: (data: Data) => Data) => Effect.Effect<void, StageError>

  /** Like `update`, and returns the first part of the function's result. Fails with `StageError`. */
  readonly modify: <A>(f: (data: Data) => readonly [A, Data]) => Effect.Effect<A, StageError>

  /** The signed-in user. None for a visitor. Fails with `ReadError`. */
  readonly user: Effect.Effect<Option.Option<User>, ReadError>

  /**
   * Stages the sign-in of a user: the session gets a new id, the old one is dead, both timeouts restart, and the earlier
   * data is dropped for the initial data, unless `carry` says what to keep of it. Fails with `StageError`. Where the
   * session is gone by the time this is written, `carry` sees the initial data; where it was a signed-in user's and
   * somebody else ended it meanwhile, the commit fails with `SessionGone`.
   */
  readonly signIn: (
    user: User,
    options?: SignInOptions<Data>
  ) => Effect.Effect<void, StageError>

  /**
   * Ends the session at once and for good, drops what was staged, and clears the visitor's cookie. Neither a failure
   * later in the request nor another request in flight brings it back: it ends what the id of this request leads to, also
   * where another request has given that session a new id up to a minute before this one arrived. Cannot be interrupted
   * while it is on its way, which the store bounds. Without a session it does nothing. Fails with `SessionStoreError`.
   */
  readonly signOut: Effect.Effect<void, SessionStoreError>

  /** The same as `signOut`, for sessions of visitors. Fails with `SessionStoreError`. */
  readonly destroy: Effect.Effect<void, SessionStoreError>

  /**
   * Stages a new id for the session. The old one is dead once it is written. Without a session it does nothing. Fails with
   * `StageError`.
   */
  readonly rotate: Effect.Effect<void, StageError>

  /** Counts this request as activity, even a background request. Written when a touch is due. Fails with `StageError`. */
  readonly touch: Effect.Effect<void, StageError>

  /** Makes this a background request, such as a poll: reading and changing the session no longer extends it. */
  readonly background: Effect.Effect<void>

  /**
   * What is known of the stored session: its public handle and its times, with the activity of this request. None if
   * there is no live session. What is staged but not committed does not show. Fails with `ReadError`.
   */
  readonly info: Effect.Effect<Option.Option<Info>, ReadError>

  /**
   * Completes when the session has ended: signed out, revoked, expired, or taken over by the sign-in of another user. For
   * sockets and event streams, which live longer than their request. At once where this node ended it or the store tells
   * what others end (PostgreSQL, Redis), within `endedInterval` of `Sessions.layerWith` otherwise (5 seconds if left out):
   * one statement for all who wait on a node. Goes on through renames, touches, and a new sign-in of the same user. At once
   * if there is no live session. Waiting is no activity, and while the store cannot be asked nobody's session has ended.
   * Fails with `ReadError` only where the request has not read its session yet, and cannot.
   *
   * @example
   * ```ts
   * import { HttpServerResponse } from "@effect/platform"
   * import { Effect, Schema, Stream } from "effect"
   * import { Session } from "effect-sessions"
   *
   * export class AppSession extends Session.Tag<AppSession>()("AppSession", {
   *   data: Schema.Struct({}),
   *   initial: {}
   * }) {}
   *
   * export const notices = Effect.gen(function*() {
   *   const session = yield* AppSession
   *   const text = Stream.make("data: hello\n\n").pipe(Stream.interruptWhen(session.ended), Stream.encodeText)
   *   return HttpServerResponse.stream(text, { contentType: "text/event-stream" })
   * })
   * ```
   */
  readonly ended: Effect.Effect<void, ReadError>

  /**
   * Writes what is staged now, instead of with the response: for sockets, long streams, and answers that must know. Fails
   * with `SessionGone` if the session ended meanwhile, with `SessionConflict` if another request gave it a new id, with
   * `SessionDataError` if the data cannot be stored, with `SessionStoreError`, and with `SessionResponseSent`. Whatever it
   * fails with, what was staged is dropped; where a `SessionStoreError` says that the outcome is unknown, it may have been
   * written all the same, once. Where fibers commit at once, each is told what became of all that was staged when it asked.
   * Cannot be interrupted while it is on its way, which the store bounds.
   */
  readonly commit: Effect.Effect<void, CommitError | SessionResponseSent>

  /**
   * The token that proves that a form or a script belongs to this session, for `SessionCsrf`. Goes into a form field or
   * a header, never into a URL. A visitor without a session gets one stored, since the token is bound to it; after a
   * sign-in or a rotation there is another token. Fails with `StageError`.
   */
  readonly csrfToken: Effect.Effect<string, StageError>

  /**
   * Whether a token that a request carries is that of the session whose id the request carries. Asks no store: a token
   * of a session that has ended opens nothing.
   */
  readonly isCsrfToken: (token: string) => boolean

  /**
   * Commits, and returns the id to hand out to a client that keeps it itself instead of a cookie (the transports
   * `bearer` and `either`): what it shall send as `Authorization: Bearer …`. Only a request that gave the session a new
   * id, by a sign-in, a rotation or a first change, gets it, and only with those transports; none otherwise.
   * Ask for it after the last of those: one that is renamed by the same request opens nothing, and signs nobody out.
   *
   * With `either`, who came with a cookie gets none: its id stays in the cookie. Who came with neither cookie nor token
   * becomes a client that keeps the id itself by asking for it, and its response sets no cookie. Fails with `CommitError`
   * or `SessionResponseSent`, as `commit` does.
   */
  readonly bearerToken: Effect.Effect<Option.Option<Redacted.Redacted<string>>, CommitError | SessionResponseSent>

  /**
   * What the request brought: nothing, something we did not make, or something with the form of an id, which may still
   * be unknown or expired. Asks no store.
   */
  readonly credential: Effect.Effect<"missing" | "rejected" | "accepted">

  /** What carried the id that the request brought: `"none"` unless `credential` is `"accepted"`. Asks no store. */
  readonly transport: Effect.Effect<"none" | "cookie" | "bearer">
}

/**
 * What a session is declared with.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options<Data, Encoded> {
  /**
   * The schema of the data. Its encoded side must be JSON; dates, maps and classes encode to it. To keep rows of older
   * and newer versions of the app readable, give new fields a default (`Schema.optionalWith`) and, where nodes of two
   * versions write side by side, annotate the schema with `parseOptions: { onExcessProperty: "preserve" }`.
   *
   * Cheapest is data that is JSON itself (structs, arrays, records, strings, numbers, with filters and defaults or
   * without): it is only looked at. With dates, classes, options and whatever else is encoded, decoding and encoding take
   * two to four times as long.
   */
  readonly data: Schema.Schema<Data, Encoded>
  /** What a visitor's session holds. Never stored until changed. */
  readonly initial: Data
  /**
   * What to do with a stored session that does not decode: `"discard"` (the default) treats its visitor as anonymous,
   * with a warning in the log and the row left where it is; `"fail"` fails with `SessionDataError`.
   */
  readonly onUndecodable?: "discard" | "fail" | undefined
  /** The longest encoded data, in bytes. 64 KiB if left out. */
  readonly maxBytes?: number | undefined
}

/**
 * The longest encoded data, in bytes, of a session declared without `maxBytes`.
 *
 * @since 3.0.0
 * @category constants
 */
export const defaultMaxBytes = 64 * 1024

/**
 * The class that `Session.Tag` makes: the tag of the request's handle, and the declaration of the session.
 *
 * @since 3.0.0
 * @category models
 */
export type TagClass<Self, Name extends string, Data, User> =
  & Context.TagClass<Self, `effect-sessions/Session/${Name}`, Handle<Data, User>>
  & Definition<Self, Data, User>

/**
 * Declares a session. The name is part of every stored key: two declarations of different names can share a store
 * without ever opening each other's sessions, and renaming one ends its sessions. `user` is the schema of the signed-in
 * user, to and from a string of 1 to 255 characters; a plain string if left out.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Session } from "effect-sessions"
 *
 * class AppSession extends Session.Tag<AppSession>()("AppSession", {
 *   data: Schema.Struct({ cart: Schema.Array(Schema.String) }),
 *   initial: { cart: [] }
 * }) {}
 *
 * export const addToCart = (item: string) =>
 *   Effect.flatMap(AppSession, (session) => session.update((data) => ({ cart: [...data.cart, item] })))
 * ```
 *
 * @since 3.0.0
 * @category constructors
 */
export const Tag = <Self>(): Declare<Self> => declare

/**
 * Declares a session of the type `Self`.
 *
 * @since 3.0.0
 * @category models
 */
export interface Declare<Self> {
  /** With a user of the app's own type. */
  <const Name extends string, Data, Encoded, User>(
    name: Name,
    options: Options<Data, Encoded> & { readonly user: Schema.Schema<User, string> }
  ): TagClass<Self, Name, Data, User>
  /** With a user that is a string. */
  <const Name extends string, Data, Encoded>(
    name: Name,
    options: Options<Data, Encoded>
  ): TagClass<Self, Name, Data, string>
}

function declare<Self, const Name extends string, Data, Encoded, User>(
  name: Name,
  options: Options<Data, Encoded> & { readonly user: Schema.Schema<User, string> }
): TagClass<Self, Name, Data, User>
function declare<Self, const Name extends string, Data, Encoded>(
  name: Name,
  options: Options<Data, Encoded>
): TagClass<Self, Name, Data, string>
function declare<Self, const Name extends string, Data, Encoded, User>(
  name: Name,
  options: Options<Data, Encoded> & { readonly user?: Schema.Schema<User, string> }
): TagClass<Self, Name, Data, User> | TagClass<Self, Name, Data, string> {
  // A tag is an effect that needs itself; returning one of two, the language service takes that for a mistake.
  // @effect-diagnostics-next-line missingEffectContext:off
  if (options.user === undefined) return define<Self, Name, Data, Encoded, string>(name, options, Schema.String)
  // @effect-diagnostics-next-line missingEffectContext:off
  return define<Self, Name, Data, Encoded, User>(name, options, options.user)
}

const define = <Self, const Name extends string, Data, Encoded, User>(
  name: Name,
  options: Options<Data, Encoded>,
  user: Schema.Schema<User, string>
): TagClass<Self, Name, Data, User> =>
  Object.assign(Context.Tag(`effect-sessions/Session/${name}`)<Self, Handle<Data, User>>(), {
    sessionName: name,
    format: {
      data: Codec.codable(options.data),
      initial: options.initial,
      user: Codec.codable(user),
      maxBytes: options.maxBytes ?? defaultMaxBytes
    },
    onUndecodable: options.onUndecodable ?? "discard",
    sessions: Context.GenericTag<Sessions<Self>, Service<Data, User>>(
      `effect-sessions/Sessions/${name}`
    )
  })
