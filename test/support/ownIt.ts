/**
 * Before each file: `layer` of `@effect/vitest` puts the tests of its layer into the one `it` of a worker, where those of
 * the next file would find them.
 */
import { effect, it, live, scoped, scopedLive } from "@effect/vitest"

Object.assign(it, { effect, live, scoped, scopedLive })
