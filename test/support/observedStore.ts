import { SessionError, type SessionStore } from "effect-sessions"
import * as Direct from "effect-sessions/Direct"
import * as Effect from "effect/Effect"

export type Operation = keyof SessionStore.Service

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

/** With `immediate`, what answers at once goes on doing so. Otherwise it is like a database, which must be waited for. */
export const observe = (store: SessionStore.Service, immediate = false): ObservedStore => {
  let operations: ReadonlyArray<Operation> = []
  let rule: Rule = leaveAlone
  const around: Rule = (operation, effect) => {
    const observed = () => {
      operations = [...operations, operation]
      return rule(operation, effect)
    }
    return immediate ? Direct.make((clock) => Direct.enter(observed(), clock)) : Effect.suspend(observed)
  }
  return {
    take: () => {
      const taken = operations
      operations = []
      return taken
    },
    interfere: (next) => {
      rule = next
    },
    service: {
      insert: (record) => around("insert", store.insert(record)),
      read: (key, now) => around("read", store.read(key, now)),
      update: (update) => around("update", store.update(update)),
      touch: (touch) => around("touch", store.touch(touch)),
      rotate: (rotation) => around("rotate", store.rotate(rotation)),
      delete: (key) => around("delete", store.delete(key)),
      deleteByUser: (userId, options) => around("deleteByUser", store.deleteByUser(userId, options)),
      listByUser: (userId, options) => around("listByUser", store.listByUser(userId, options)),
      deleteExpired: (before, limit) => around("deleteExpired", store.deleteExpired(before, limit)),
      count: (now) => around("count", store.count(now)),
      clear: around("clear", store.clear),
      isImmediate: immediate
    }
  }
}

/** From now on one operation of the store fails. */
export const breakDown = (store: ObservedStore, broken: Operation): void =>
  store.interfere((operation, effect) =>
    operation === broken
      ? Effect.fail(new SessionError.SessionStoreError({ operation, reason: "Unavailable", detail: "test" }))
      : effect
  )

/** From now on one operation of the store never comes back. */
export const hang = (store: ObservedStore, hanging: Operation): void =>
  store.interfere((operation, effect) => operation === hanging ? Effect.never : effect)
