/** Random choices that a seed repeats. */
export interface Random {
  /** A whole number from 0, below `bound`. */
  readonly below: (bound: number) => number
  readonly pick: <A>(values: readonly [A, ...ReadonlyArray<A>]) => A
}

/** Mulberry32. */
export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
  return { below, pick: (values) => values[below(values.length)] ?? values[0] }
}

/** Text with a few of its characters changed, doubled, dropped, or joined by others. */
export const mutated = (random: Random, text: string, character: (random: Random) => string): string => {
  let result = text
  for (let count = random.below(4); count > 0; count--) {
    const at = random.below(result.length + 1)
    switch (random.below(5)) {
      case 0:
        result = result.slice(0, at) + character(random) + result.slice(at)
        break
      case 1:
        result = result.slice(0, at) + character(random) + result.slice(at + 1)
        break
      case 2:
        result = result.slice(0, at) + result.slice(at + 1 + random.below(3))
        break
      case 3:
        result = result.slice(0, at) + result.slice(Math.max(0, at - random.below(30)))
        break
      default: {
        const from = random.below(result.length + 1)
        result = result.slice(0, at) + result.slice(from, from + random.below(10)) + result.slice(at)
      }
    }
  }
  return result
}
