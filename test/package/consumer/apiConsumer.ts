/** Somebody who has the declarations of `api.ts` only: nothing in them may have become `any`. */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type {
  AppSession,
  AppSessionsLive,
  CookieLive,
  manager,
  options,
  router,
  SessionsLive,
  TimeoutsLive
} from "./api.js"

type IsAny<A> = 0 extends 1 & A ? true : false

type Handle = typeof AppSession.Service

export const known: {
  readonly session: IsAny<Handle>
  readonly data: IsAny<Effect.Effect.Success<Handle["get"]>>
  readonly readError: IsAny<Effect.Effect.Error<Handle["get"]>>
  readonly commitError: IsAny<Effect.Effect.Error<Handle["commit"]>>
  readonly info: IsAny<Effect.Effect.Success<Handle["info"]>>
  readonly provides: IsAny<(typeof options)["provides"]>
  readonly failure: IsAny<(typeof options)["failure"]["Type"]>
  readonly middleware: IsAny<Layer.Layer.Context<typeof AppSessionsLive>>
  readonly router: IsAny<typeof router>
  readonly manager: IsAny<Effect.Effect.Success<typeof manager>>
  readonly sessions: IsAny<Layer.Layer.Success<typeof SessionsLive>>
  readonly timeouts: IsAny<Layer.Layer.Success<typeof TimeoutsLive>>
  readonly cookie: IsAny<Layer.Layer.Success<typeof CookieLive>>
} = {
  session: false,
  data: false,
  readError: false,
  commitError: false,
  info: false,
  provides: false,
  failure: false,
  middleware: false,
  router: false,
  manager: false,
  sessions: false,
  timeouts: false,
  cookie: false
}
