import type { Case } from "./complaints.js"

/** Effect 4 has one router, that of `HttpRouter`, so nothing can be put on the wrong one of two. */
export const onClassicRouter: ReadonlyArray<Case> = [
  [
    "whatever one writes, since Effect 4 has one router",
    "export const wrong = HttpRouter.empty",
    /Property 'empty' does not exist/
  ]
]
