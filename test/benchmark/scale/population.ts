/** The sessions that are stored to be counted: the same in every store, told by their number. */
import type * as SessionStore from "effect-sessions/SessionStore"
import { createHash } from "node:crypto"

/** Everything is timed from here, so that nothing expires however long a store takes to fill. */
export const now = Date.now()

/** The name of the sessions. */
export const name = "Cart"

const hash = (text: string, length: number): string => createHash("sha256").update(text).digest("hex").slice(0, length)

/** As long as a real key, and spread as evenly. */
export const keyOf = (index: number): string => hash(`k${index}`, 43)

/** As long as a real handle. */
export const handleOf = (index: number): string => hash(`h${index}`, 22)

/** A cart of this many bytes of JSON. */
export const dataOf = (bytes: number): string => {
  const items = Array.from({ length: Math.max(1, Math.round((bytes - 24) / 36)) }, (_, index) => ({
    sku: `sku-${String(index).padStart(6, "0")}`,
    quantity: 1
  }))
  return JSON.stringify({ count: 0, items })
}

/** When a session ends, unless it is used: a quarter of an hour after its last use, which was up to as long ago. */
export const expiryOf = (index: number): number => now + 60_000 + (index * 7919) % 900_000

/**
 * One of a population: every second belongs to a user, who has two, and was renamed once, as a sign-in does it; the others
 * are visitors'.
 */
export const recordOf = (index: number, data: string): SessionStore.SessionRecord => {
  const isSignedIn = index % 2 === 0
  return {
    name,
    key: keyOf(index),
    previousKey: isSignedIn ? hash(`p${index}`, 43) : null,
    earlierKey: null,
    renamedAt: isSignedIn ? now - 3_600_000 : null,
    handle: handleOf(index),
    userId: isSignedIn ? userOf(index) : null,
    data,
    version: 1,
    createdAt: now - 7_200_000,
    lastSeenAt: now - 1000,
    expiresAt: expiryOf(index),
    remembered: false
  }
}

export const userOf = (index: number): string => `user-${index >> 2}`
