import { SessionError, SessionStore } from "effect-sessions"
import * as Effect from "effect/Effect"

export type Operation = SessionStore.Operation

/** What happens around an operation of the store: what it waits for, fails with, or does besides. */
export type Rule = <A>(
  operation: Operation,
  effect: Effect.Effect<A, SessionError.SessionStoreError>
) => Effect.Effect<A, SessionError.SessionStoreError>

/** A store that records the operations asked of it, and lets a test interfere with them. */
export interface ObservedStore {
  readonly service: SessionStore.Service
  /** The operations since the last call. */
  readonly take: () => ReadonlyArray<Operation>
  /** From now on, this is what happens around every operation. */
  readonly interfere: (rule: Rule) => void
}

export const leaveAlone: Rule = (_operation, effect) => effect

export const observe = (store: SessionStore.Service): ObservedStore => {
  let operations: ReadonlyArray<Operation> = []
  let rule: Rule = leaveAlone
  return {
    take: () => {
      const taken = operations
      operations = []
      return taken
    },
    interfere: (next) => {
      rule = next
    },
    service: SessionStore.around(store, (operation, effect) =>
      Effect.suspend(() => {
        operations = [...operations, operation]
        return rule(operation, effect)
      }))
  }
}

/** What a store fails with that does not do what it is asked. */
export const unavailable = (operation: Operation, outcomeUnknown = false): SessionError.SessionStoreError =>
  new SessionError.SessionStoreError({ operation, reason: "Unavailable", outcomeUnknown, detail: "test" })

/** From now on one operation of the store fails. */
export const breakDown = (store: ObservedStore, broken: Operation): void =>
  store.interfere((operation, effect) => operation === broken ? Effect.fail(unavailable(operation)) : effect)

/** From now on one operation of the store takes place, and is not acknowledged. */
export const loseAnswer = (store: ObservedStore, lost: Operation): void =>
  store.interfere((operation, effect) =>
    operation === lost ? Effect.zipRight(effect, Effect.fail(unavailable(operation, true))) : effect
  )

/** From now on one operation of the store never comes back. */
export const hang = (store: ObservedStore, hanging: Operation): void =>
  store.interfere((operation, effect) => operation === hanging ? Effect.never : effect)

const since = { seenAfter: -Infinity, begunAfter: -Infinity }

/** A policy by which every record is live that is so by its own deadline. */
export const always: SessionStore.LiveAfter = { ordinary: since, remembered: since }

/** How many records of a declaration are live by their own deadline. */
export const countLive = (store: SessionStore.Service, name: string, now: number) =>
  Effect.map(store.count({ name, now, liveAfter: always }), ({ live }) => live)
