/**
 * What the tests of the core use of `@effect/vitest`, without Effect: to load it once for each mutant takes longer than the
 * tests. Every mutant sees the same cases, and no smaller one is looked for: only whether a property fails is asked.
 */
import * as FastCheck from "fast-check"
import { test } from "vitest"

export { assert, describe, it } from "vitest"

type Arbitraries =
  | ReadonlyArray<FastCheck.Arbitrary<unknown>>
  | { readonly [name: string]: FastCheck.Arbitrary<unknown> }

const isList = (given: Arbitraries): given is ReadonlyArray<FastCheck.Arbitrary<unknown>> => Array.isArray(given)

const values = (given: Arbitraries): FastCheck.Arbitrary<unknown> =>
  isList(given) ? FastCheck.tuple(...given) : FastCheck.record({ ...given })

export const prop = (
  name: string,
  arbitraries: Arbitraries,
  check: (given: never) => unknown,
  options: { readonly fastCheck?: FastCheck.Parameters<[unknown]> } = {}
): void =>
  test(name, () =>
    FastCheck.assert(
      FastCheck.property(values(arbitraries), (given) => {
        Reflect.apply(check, undefined, [given])
      }),
      { ...options.fastCheck, seed: 1, endOnFailure: true }
    ))
