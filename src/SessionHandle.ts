/**
 * The handle of a request's own session: what a request handler sees of `SessionState`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Csrf from "./internal/csrf.js"
import type { Handle } from "./Session.js"
import type { SessionState } from "./SessionState.js"

/**
 * A handle whose state is made when it is first asked for something. Most requests of an app never ask, and then this
 * object is all they cost: no cookie is read, no signature verified. What is an effect is made when asked for, too.
 *
 * @since 0.1.0
 * @category constructors
 */
export class SessionHandle<Data, User> implements Handle<Data, User> {
  // Private at run time, too: whoever logs a handle does not log the session.
  readonly #open: () => SessionState<Data, User>

  constructor(open: () => SessionState<Data, User>) {
    this.#open = open
  }

  get get(): Handle<Data, User>["get"] {
    const state = this.#open()
    return state.use(() => state.data)
  }

  get set(): Handle<Data, User>["set"] {
    const state = this.#open()
    return (next) => state.stageChange(() => state.change(() => next, next))
  }

  get update(): Handle<Data, User>["update"] {
    const state = this.#open()
    return (f) => state.stageChange(() => state.change(f, f(state.data)))
  }

  get modify(): Handle<Data, User>["modify"] {
    const state = this.#open()
    return (f) =>
      state.stageChange(() => {
        const [result, next] = f(state.data)
        state.change((data) => f(data)[1], next)
        return result
      })
  }

  get user(): Handle<Data, User>["user"] {
    const state = this.#open()
    return state.use(() =>
      Option.isSome(state.signedIn) || Option.isNone(state.stored) ? state.signedIn : state.stored.value.user
    )
  }

  get signIn(): Handle<Data, User>["signIn"] {
    const state = this.#open()
    return (user, options) =>
      state.stageRename(() => {
        const carry = options?.carry ?? (() => state.sessions.initial)
        state.change(carry, carry(state.data))
        state.signedIn = Option.some(user)
      })
  }

  get signOut(): Handle<Data, User>["signOut"] {
    return this.#open().destroy
  }

  get destroy(): Handle<Data, User>["destroy"] {
    return this.#open().destroy
  }

  get rotate(): Handle<Data, User>["rotate"] {
    const state = this.#open()
    return state.stageRename(() => {
      state.rotates = Option.isSome(state.stored)
    })
  }

  get touch(): Handle<Data, User>["touch"] {
    const state = this.#open()
    return state.stage(() => {
      state.active = true
    })
  }

  get background(): Handle<Data, User>["background"] {
    const state = this.#open()
    return Effect.sync(() => state.toBackground())
  }

  get info(): Handle<Data, User>["info"] {
    const state = this.#open()
    return state.use(() =>
      Option.map(
        state.stored,
        (session) => state.sessions.infoOf(session, state.active ? { seenAt: state.now() } : {})
      )
    )
  }

  get commit(): Handle<Data, User>["commit"] {
    return this.#open().commit
  }

  get csrfToken(): Handle<Data, User>["csrfToken"] {
    const { brought, comingId } = this.#open()
    return Effect.map(comingId, (id) => {
      const mask = globalThis.crypto.getRandomValues(new Uint8Array(Csrf.maskBytes))
      return Csrf.makeToken(brought.sessionName, Redacted.value(id), mask)
    })
  }

  get isCsrfToken(): Handle<Data, User>["isCsrfToken"] {
    const state = this.#open()
    const { sessionName } = state.brought
    return (token) => Option.exists(state.sentId(), (id) => Csrf.verifyToken(sessionName, Redacted.value(id), token))
  }

  get bearerToken(): Handle<Data, User>["bearerToken"] {
    const state = this.#open()
    return Effect.map(state.commit, () =>
      state.end._tag === "Renamed"
        ? Option.flatMap(state.id(), state.brought.toBearer)
        : Option.none())
  }

  get credential(): Handle<Data, User>["credential"] {
    return this.#open().brought.credential
  }
}
