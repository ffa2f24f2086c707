import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
import type * as SessionStore from "effect-sessions/SessionStore"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { eventually } from "../../sql/support/processes.js"

/** The store of a test. */
export const storeOn = (
  options: RedisSessionStore.ConnectionOptions
): Effect.Effect<SessionStore.Service, never, Scope.Scope> => Effect.orDie(RedisSessionStore.make(options))

/** A client to look at a server with, and to do to it what an administrator does. */
export const adminOf = (url: string): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = new Redis(url)
      client.on("error", () => {})
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** Sends a command as an administrator. */
export const tell = (admin: Redis, command: string, ...args: ReadonlyArray<string>): Effect.Effect<unknown> =>
  Effect.promise(() => admin.call(command, [...args]))

/** Waits until the replica of a server has all that the server has. `WAIT` would ask for what its own connection wrote. */
export const replicated = (admin: Redis): Effect.Effect<true> =>
  eventually(
    "it is replicated",
    Effect.map(tell(admin, "INFO", "replication"), (text) => {
      const offsetOf = (pattern: RegExp) => pattern.exec(String(text))?.[1]
      const theirs = offsetOf(/state=online,offset=(\d+)/)
      return theirs !== undefined && theirs === offsetOf(/master_repl_offset:(\d+)/) ? true as const : undefined
    })
  )

/** Waits until something is done, and as it should be, whatever it failed with before. */
export const eventuallyDone = <A, E>(
  what: string,
  effect: Effect.Effect<A, E>,
  isRight: (result: A) => boolean = () => true
): Effect.Effect<true> =>
  Effect.suspend(() => {
    let last = ""
    return eventually(
      () => `${what}: ${last}`,
      Effect.match(effect, {
        onFailure: (error) => {
          last = String(error)
          return undefined
        },
        onSuccess: (result) => {
          last = JSON.stringify(result) ?? ""
          return isRight(result) ? true as const : undefined
        }
      })
    )
  })
