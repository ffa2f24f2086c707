/**
 * How much the campaigns do: small in every test run, middle in CI (`CAMPAIGN=middle`), full when somebody wants to know
 * (`npm run campaign`).
 */
export type Campaign = "small" | "middle" | "full"

const asked = process.env["CAMPAIGN"]

export const campaign: Campaign = asked === "middle" || asked === "full" ? asked : "small"

/** The size of a campaign. A middle one is five times a small one if nothing else is said. */
export const sized = (
  sizes: { readonly small: number; readonly middle?: number; readonly full: number }
): number => campaign === "middle" ? sizes.middle ?? Math.min(sizes.small * 5, sizes.full) : sizes[campaign]

/** What is left of a list in a small campaign: starting processes takes most of its time, so it starts few. */
export const someOf = <A>(all: ReadonlyArray<A>, isEnough: (one: A) => boolean): ReadonlyArray<A> =>
  campaign === "small" ? all.filter(isEnough) : all

/**
 * How long a campaign may take. Nothing is proven by being fast: the limit is for what hangs, and no loaded machine
 * comes near it.
 */
export const timeout = { small: 600_000, middle: 1_800_000, full: 7_200_000 }[campaign]

/** Prints what a campaign counted and measured, so that it can be quoted. */
export const report = (name: string, figures: Readonly<Record<string, unknown>>): void => {
  if (campaign !== "small") process.stdout.write(`campaign ${name}: ${JSON.stringify(figures)}\n`)
}

/** The value below which a share of all values lie. */
export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** Milliseconds with two digits, for a report. */
export const rounded = (value: number): number => Math.round(value * 100) / 100
