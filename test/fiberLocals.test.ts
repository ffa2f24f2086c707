import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, FiberId, FiberRef, FiberRefs, Option } from "effect"
import * as FiberLocals from "effect-sessions/FiberLocals"

const fiber = (id: number) => FiberId.runtime(id, 0)
const one = fiber(1)
const others = [fiber(2), fiber(3)]

/** Values that each of some fibers has set, the last one on top, as fibers that were forked leave them. */
const setBy = FastCheck.uniqueArray(FastCheck.constantFrom(one, ...others))

const refsOf = (fiberRef: FiberRef.FiberRef<number>, ids: ReadonlyArray<FiberId.Single>) =>
  ids.reduce(
    (refs, fiberId, value) => FiberRefs.updateAs(refs, { fiberId, fiberRef, value }),
    FiberRefs.empty()
  )

describe("FiberLocals", () => {
  it.effect.prop("getter reads what FiberRefs.getOrDefault reads", [setBy], ([ids]) =>
    Effect.sync(() => {
      const fiberRef = FiberRef.unsafeMake(-1)
      const refs = refsOf(fiberRef, ids)
      expect(FiberLocals.getter(fiberRef)(refs)).toBe(FiberRefs.getOrDefault(refs, fiberRef))
    }))

  it.effect.prop(
    "put sets what FiberRefs.updateAs sets, and leaves other fibers' values",
    [setBy],
    ([ids]) =>
      Effect.sync(() => {
        const fiberRef = FiberRef.unsafeMake(-1)
        const other = FiberRef.unsafeMake("other")
        const before = FiberRefs.updateAs(refsOf(fiberRef, ids), { fiberId: one, fiberRef: other, value: "kept" })
        const locals = FiberLocals.copyOf(before.locals)
        FiberLocals.put(locals, fiberRef, one, 42)
        const after = FiberRefs.unsafeMake(locals)
        expect(FiberRefs.get(after, fiberRef)).toEqual(Option.some(42))
        expect(FiberRefs.get(after, other)).toEqual(Option.some("kept"))
        expect(locals.get(fiberRef)).toEqual([
          [one, 42],
          ...(before.locals.get(fiberRef) ?? []).filter(([id]) => id !== one)
        ])
        if (ids.at(-1) === one || !ids.includes(one)) {
          expect(after).toEqual(FiberRefs.updateAs(before, { fiberId: one, fiberRef, value: 42 }))
        }
        expect(before).toEqual(
          FiberRefs.updateAs(refsOf(fiberRef, ids), { fiberId: one, fiberRef: other, value: "kept" })
        )
      })
  )
})
