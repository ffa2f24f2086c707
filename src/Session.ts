/**
 * Declares typed sessions. The tag of a declared session is the service a request handler asks for: the handle of the
 * request's own session.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import * as SessionCodec from "./SessionCodec.js"
import type { Handle } from "./SessionHandle.js"
import type * as Sessions from "./Sessions.js"

/**
 * What a session is declared with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Data, Encoded> {
  /**
   * The schema of the data. Its encoded side must be JSON; dates, maps and classes encode to it. To keep rows of older
   * and newer versions of the app readable, give new fields a default (`Schema.optionalWith`) and, where nodes of two
   * versions write side by side, annotate the schema with `parseOptions: { onExcessProperty: "preserve" }`.
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
 * @since 0.1.0
 * @category constants
 */
export const defaultMaxBytes = 64 * 1024

/**
 * The class that `Session.Tag` makes: the tag of the request's handle, and the declaration of the session.
 *
 * @since 0.1.0
 * @category models
 */
export type TagClass<Self, Name extends string, Data, User> =
  & Context.TagClass<Self, `effect-sessions/Session/${Name}`, Handle<Data, User>>
  & Sessions.Definition<Self, Data, User>

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
 * @since 0.1.0
 * @category constructors
 */
export const Tag = <Self>(): Declare<Self> => declare

/**
 * Declares a session of the type `Self`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Declare<Self> {
  <const Name extends string, Data, Encoded, User>(
    name: Name,
    options: Options<Data, Encoded> & { readonly user: Schema.Schema<User, string> }
  ): TagClass<Self, Name, Data, User>
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
  if (options.user === undefined) return define<Self, Name, Data, Encoded, string>(name, options, Schema.String)
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
      data: SessionCodec.codable(options.data),
      initial: options.initial,
      user: SessionCodec.codable(user),
      maxBytes: options.maxBytes ?? defaultMaxBytes
    },
    onUndecodable: options.onUndecodable ?? "discard",
    sessions: Context.GenericTag<Sessions.Sessions<Self>, Sessions.Service<Data, User>>(
      `effect-sessions/Sessions/${name}`
    )
  })
