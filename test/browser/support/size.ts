import type { Order } from "./orders.js"

const campaign = process.env["CAMPAIGN"]

export const isCampaign = campaign === "full" || campaign === "middle"

/** `CAMPAIGN=full` runs every order of the model, `middle` a part of them; `OVERLAP_SEED` picks another part. */
const share = campaign === "full" ? 1 : campaign === "middle" ? 1 / 24 : 1 / 640
const seed = Number(process.env["OVERLAP_SEED"] ?? 20260101)

/** Numbers that look random, the same ones for the same seed. */
const makeRandom = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The orders to run: all of them, or one of each so many that follow each other in the model. */
export const sample = (orders: ReadonlyArray<Order>): ReadonlyArray<Order> => {
  if (share === 1) return orders
  const random = makeRandom(seed)
  const count = Math.max(1, Math.round(orders.length * share))
  return Array.from(
    { length: count },
    (_, index) => orders.slice(Math.floor((index + random()) * orders.length / count))[0] ?? []
  ).flat()
}
