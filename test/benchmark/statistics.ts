/** A figure over the rounds: the median, and the quartiles, between which half of the rounds lie. */
export interface Spread {
  readonly median: number
  readonly lower: number
  readonly upper: number
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? sorted[middle] ?? NaN
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = Float64Array.from(values).sort()
  return { median: median(values), lower: percentile(sorted, 0.25), upper: percentile(sorted, 0.75) }
}

/** The value below which the share `p` of `sorted` lies. */
export const percentile = (sorted: Float64Array, p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? NaN
