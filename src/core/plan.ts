import * as Expiry from "./expiry.js"
import type { Row, SessionRecord } from "./record.js"

/** What was asked of a session since it was read. */
export interface Wish {
  /** The encoded data, if it changed. */
  readonly data: string | undefined
  /** Who signed in, if somebody did. */
  readonly signIn: string | undefined
  /** Whether the session shall get a new id. A sign-in implies it. */
  readonly rotate: boolean
  /** Whether to store a visitor's session although its data did not change. */
  readonly create: boolean
  /** Whether this counts as activity of the user, which extends the idle timeout. */
  readonly active: boolean
}

/** The one store operation that grants the wish of somebody who has no session. */
export type PlanForNone =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Insert"; readonly next: Row }

/** The one store operation that grants a wish about a stored session. */
export type PlanForStored =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Update"; readonly next: Row; readonly extended: boolean }
  | { readonly _tag: "Touch"; readonly next: Row }
  | { readonly _tag: "Rotate"; readonly next: Row }
  /** The session ended after it was read: there is nothing left to change. */
  | { readonly _tag: "Gone" }

const nothing = { _tag: "Nothing" } as const
const gone = { _tag: "Gone" } as const

/**
 * Every rule about what a commit does to the store. `stored` is the session as it was read, `undefined` if there was
 * none; `initial` is the encoded data of a session nobody has changed.
 *
 * - Without a session only a wish worth a row makes one; everything else writes nothing.
 * - A session that ended meanwhile is not changed and not revived.
 * - A sign-in begins the session anew under a new id: both timeouts restart.
 * - A new id and new data go into one operation.
 * - The idle timeout moves only when a touch is due, whether by a touch alone or along with a change.
 */
export function planStore(
  timeouts: Expiry.Timeouts,
  now: number,
  stored: undefined,
  initial: string,
  wish: Wish
): PlanForNone
export function planStore(
  timeouts: Expiry.Timeouts,
  now: number,
  stored: SessionRecord,
  initial: string,
  wish: Wish
): PlanForStored
export function planStore(
  timeouts: Expiry.Timeouts,
  now: number,
  stored: SessionRecord | undefined,
  initial: string,
  wish: Wish
): PlanForNone | PlanForStored {
  if (stored === undefined) {
    if (wish.signIn === undefined && wish.data === undefined && !wish.create) return nothing
    const times = Expiry.beginAt(timeouts, now)
    return {
      _tag: "Insert",
      next: {
        userId: wish.signIn ?? null,
        data: wish.data ?? initial,
        version: 1,
        createdAt: times.createdAt,
        lastSeenAt: times.lastSeenAt,
        expiresAt: times.expiresAt
      }
    }
  }

  const rotates = wish.rotate || wish.signIn !== undefined
  const changes = rotates || wish.data !== undefined
  if (!Expiry.isLive(timeouts, stored, now)) return changes ? gone : nothing

  const extended = wish.active && Expiry.isTouchDue(timeouts, stored, now)
  const times = wish.signIn !== undefined
    ? Expiry.beginAt(timeouts, now)
    : extended
    ? Expiry.seenAt(timeouts, stored, now)
    : stored
  const next: Row = {
    userId: wish.signIn ?? stored.userId,
    data: wish.data ?? stored.data,
    version: changes ? stored.version + 1 : stored.version,
    createdAt: times.createdAt,
    lastSeenAt: times.lastSeenAt,
    expiresAt: times.expiresAt
  }
  if (rotates) return { _tag: "Rotate", next }
  if (changes) return { _tag: "Update", next, extended }
  return extended ? { _tag: "Touch", next } : nothing
}

/** What has become of the session by the time the response leaves. */
export type EndState =
  /** Nobody looked at it, or there was none and there is none. */
  | { readonly _tag: "Untouched" }
  /** It was read and still stands under the id that the visitor sent. */
  | { readonly _tag: "Kept"; readonly expiresAt: number; readonly extended: boolean }
  /** It stands under an id that the visitor does not have yet. */
  | { readonly _tag: "Renamed"; readonly expiresAt: number }
  /** It was ended by this request, or was found ended when this request wanted to change it. */
  | { readonly _tag: "Ended" }

/** What the visitor's cookie needs. */
export type CookiePlan =
  | { readonly _tag: "Keep" }
  | { readonly _tag: "Set"; readonly expiresAt: number }
  | { readonly _tag: "Clear" }

const keep: CookiePlan = { _tag: "Keep" }
const clear: CookiePlan = { _tag: "Clear" }

/**
 * Every rule about the cookie of a response. `sent` is whether the request carried a cookie of our name at all,
 * `reissue` whether it was signed under a key that is on its way out, `persistent` whether the cookie has a lifetime
 * that must follow the session's.
 */
export const planCookie = (
  end: EndState,
  cookie: { readonly sent: boolean; readonly reissue: boolean; readonly persistent: boolean }
): CookiePlan => {
  switch (end._tag) {
    case "Untouched":
      return keep
    case "Kept":
      return cookie.reissue || (cookie.persistent && end.extended) ? { _tag: "Set", expiresAt: end.expiresAt } : keep
    case "Renamed":
      return { _tag: "Set", expiresAt: end.expiresAt }
    case "Ended":
      return cookie.sent ? clear : keep
  }
}
