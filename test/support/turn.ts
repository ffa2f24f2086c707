import * as Effect from "effect/Effect"

/** A turn of Node's event loop: a test that never takes one keeps its worker from answering. */
export const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})
