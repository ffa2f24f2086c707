import { effect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as FastCheck from "fast-check"
import type { TestOptions } from "vitest"

type Arbitraries<Values> = { readonly [Key in keyof Values]: FastCheck.Arbitrary<Values[Key]> }

interface Options extends TestOptions {
  readonly fastCheck?: FastCheck.Parameters<unknown> | undefined
}

/** A test of what holds for all values. The one of Effect draws from schemas only. */
export const prop = <Values extends object>(
  name: string,
  arbitraries: Arbitraries<Values>,
  check: (values: Values) => void,
  { fastCheck, ...options }: Options = {}
): void => it(name, options, () => FastCheck.assert(FastCheck.property(all(arbitraries), check), fastCheck))

/** The same, where that must be waited for. Every run has a clock of its own. */
export const effectProp = <Values extends object, A, E>(
  name: string,
  arbitraries: Arbitraries<Values>,
  check: (values: Values) => Effect.Effect<A, E, Scope.Scope>,
  { fastCheck, ...options }: Options = {}
): void =>
  effect(name, () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(all(arbitraries), (values) =>
          check(values).pipe(Effect.scoped, Effect.provide(TestClock.layer()), Effect.asVoid, Effect.runPromise)),
        fastCheck
      )
    ), options)

const all = <Values extends object>(arbitraries: Arbitraries<Values>): FastCheck.Arbitrary<Values> =>
  FastCheck.record<Values>(arbitraries)
