import type { SessionStore } from "effect-sessions"

/** The cookie of a deployment, as far as it can be written in JSON. */
export interface CookieSettings {
  readonly name?: string
  readonly path?: string
  readonly domain?: string
  readonly persistent?: boolean
  readonly formerNames?: ReadonlyArray<string>
  readonly signingKey?: string
  readonly acceptUnsignedUntil?: number
  readonly changedAt?: number
}

/** What the test tells the server. */
export type Command =
  /** The request goes on. */
  | { readonly _tag: "Release"; readonly request: string }
  /** An administrator ends a user's sessions. */
  | { readonly _tag: "Revoke"; readonly question: number; readonly user: string }
  /** Which rows there are under these keys, renamed whenever, and of these users. */
  | {
    readonly _tag: "Look"
    readonly question: number
    readonly keys: ReadonlyArray<string>
    readonly users: ReadonlyArray<string>
  }

/** What the server tells the test. */
export type Message =
  | { readonly _tag: "Ready"; readonly ports: Readonly<Record<string, number>> }
  /** A request waits. */
  | { readonly _tag: "Waiting"; readonly request: string }
  /** A request that waited was given up. */
  | { readonly _tag: "Dropped"; readonly request: string }
  | {
    readonly _tag: "Answer"
    readonly question: number
    readonly records: ReadonlyArray<SessionStore.SessionRecord>
  }
