import { setTimeout as sleep } from "node:timers/promises"
import type { Contender } from "./contenders.js"
import type { Harness } from "./measure.js"
import { formatNumber, formatTable } from "./report.js"
import { sweep } from "./servers.js"

/** The library's own clean-up of many expired sessions. */
export interface SweepRow {
  readonly contender: string
  readonly expired: number
  readonly millis: number
  readonly error?: string
}

const expired = 100_000
/** Over before the store is full. */
const config = { idleMillis: 2000, touchMillis: 1000 }

export const measureSweeps = async (
  harness: Harness,
  contenders: ReadonlyArray<Contender>
): Promise<ReadonlyArray<SweepRow>> => {
  const rows: Array<SweepRow> = []
  for (const contender of contenders.filter(({ sweeps }) => sweeps)) {
    rows.push(
      await measureOne(harness, contender).catch((error: Error) => ({
        contender: contender.name,
        expired,
        millis: NaN,
        error: error.message
      }))
    )
    await harness.fleet.stopAll()
  }
  return rows
}

const measureOne = async ({ fleet, loader }: Harness, contender: Contender): Promise<SweepRow> => {
  const { table } = contender
  const { postgres } = fleet
  const inDatabase = table !== undefined && postgres !== undefined
  const started = await fleet.contender(contender, 100, inDatabase ? {} : config)
  const { place, server, target } = started
  await loader.send({ type: "prepare", target, clients: 1 })
  if (inDatabase) await postgres.copyRows(place, table, expired, true)
  else {
    await loader.send({ type: "fill", key: target.key, count: expired, keep: 1 })
    await sleep(config.idleMillis + 100)
  }
  const { millis, removed } = await sweep(server)
  const gone = inDatabase ? await postgres.countRows(place, table) === 0 : removed >= expired
  if (!gone) throw new Error(`the clean-up left expired sessions: it removed ${removed}`)
  return { contender: contender.name, expired, millis }
}

export const formatSweeps = (rows: ReadonlyArray<SweepRow>): string =>
  formatTable(
    ["contender", "expired", "ms", "us per session"],
    rows.map(({ contender, error, expired, millis }) =>
      error !== undefined
        ? [contender, "failed", error, ""]
        : [contender, String(expired), formatNumber(millis, 0), formatNumber(millis * 1000 / expired, 2)]
    )
  )
