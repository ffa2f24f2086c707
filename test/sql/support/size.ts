/** Whether the campaigns run whole (`npm run campaign`) or small, as in every test run. */
export const isFull = process.env["CAMPAIGN"] === "full"

/** The size of a campaign. */
export const sized = (sizes: { readonly small: number; readonly full: number }): number =>
  isFull ? sizes.full : sizes.small

/** How long a whole campaign may take. */
export const timeout = isFull ? 1_800_000 : 60_000

/** Prints what a whole campaign counted and measured, so that it can be quoted. */
export const report = (campaign: string, figures: Readonly<Record<string, unknown>>): void => {
  if (isFull) process.stdout.write(`campaign ${campaign}: ${JSON.stringify(figures)}\n`)
}

/** The value below which a share of all values lie. */
export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** Milliseconds with two digits, for a report. */
export const rounded = (value: number): number => Math.round(value * 100) / 100
