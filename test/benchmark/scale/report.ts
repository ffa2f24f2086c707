/** The tables of the page. */
import { formatTable } from "../report.js"
import { type Constants, exponent, type Need, needOf, type RequestCost, type Size, usualTraffic } from "./model.js"
import type { Measurement } from "./start.js"

const figure = (value: number | null | undefined, digits = 0): string =>
  value === null || value === undefined || !Number.isFinite(value) ? "-" : value.toFixed(digits)

const power = (stored: number): string => `10^${Math.round(Math.log10(stored))}`

const sizeWithUnit = (bytes: number): string => {
  const units = ["B", "KB", "MB", "GB", "TB"]
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  return `${(bytes / 1000 ** step).toFixed(step === 0 || bytes / 1000 ** step >= 100 ? 0 : 1)} ${units[step]}`
}

const byStore = (constants: ReadonlyArray<Constants>, of: (constants: Constants) => ReadonlyArray<string>) =>
  constants.map((one) => [one.store, ...of(one)])

const biggest = ({ sizes }: Constants): Size =>
  sizes.reduce((biggest, size) => size.stored > biggest.stored ? size : biggest)

const perSession = (constants: ReadonlyArray<Constants>): string => {
  const stored = [...new Set(constants.flatMap(({ sizes }) => sizes.map(({ stored }) => stored)))].sort((a, b) => a - b)
  return formatTable(
    ["bytes per session", ...stored.map((stored) => `${power(stored)}, 100 B`), "10^5, 1 KB"],
    byStore(constants, ({ large, sizes }) => [
      ...stored.map((size) => figure(sizes.find((one) => one.stored === size)?.bytesPerSession)),
      figure(large.bytesPerSession)
    ])
  )
}

const operations = ["read", "touch", "write", "begin", "sign-in", "end"]

const perOperation = (
  constants: ReadonlyArray<Constants>,
  title: string,
  of: (constants: Constants, operation: string) => string,
  sweep: (constants: Constants) => string
): string =>
  formatTable(
    [title, ...operations, "sweep"],
    byStore(constants, (one) => [
      ...operations.map((operation) => of(one, operation)),
      sweep(one)
    ])
  )

const growth = (constants: ReadonlyArray<Constants>): string =>
  formatTable(
    ["read, CPU us of app + server", "10^3", "largest", "exponent", "write, 10^3", "largest", "exponent"],
    byStore(constants, (one) =>
      ["read", "write"].flatMap((operation) => {
        const points = one.sizes.map(({ costs, stored }): readonly [number, number] => {
          const cost = costs[operation]
          return [stored, (cost?.appMicros ?? 0) + (cost?.serverMicros ?? 0)]
        })
        return [
          figure(points[0]?.[1]),
          `${figure(points.at(-1)?.[1])} (${power(points.at(-1)?.[0] ?? 1)})`,
          figure(exponent(points), 2)
        ]
      }))
  )

const needRow = (need: Need): ReadonlyArray<string> => [
  need.store,
  power(need.stored),
  figure(need.appCores, 0),
  figure(need.storeCores, 1),
  sizeWithUnit(need.bytes),
  `${need.servers} (${need.because})`,
  `${sizeWithUnit(need.logBytesPerSecond)}/s`,
  need.wholePagesPerSecond === 0 ? "-" : `${sizeWithUnit(need.wholePagesPerSecond)}/s`,
  need.networkBytesPerSecond === 0 ? "-" : `${sizeWithUnit(need.networkBytesPerSecond)}/s`,
  `${figure(need.sweptPerDay / 1e6, 1)} million`,
  figure(need.sweepCoreMinutesPerDay, 1)
]

/** A store whose requests were not measured whole is taken for one that was, which it is like. */
const requestOf = (requests: Measurement["requests"], store: string): RequestCost | undefined =>
  requests[store] ?? requests[store.startsWith("Redis") ? "Redis" : "PostgreSQL"]

const needs = ({ requests, stores }: Measurement): string =>
  formatTable(
    [
      "store",
      "stored",
      "app cores",
      "store cores",
      "kept",
      "servers (for)",
      "log",
      "whole pages",
      "network",
      "swept a day",
      "core minutes for it"
    ],
    // Those that have a server, which other machines may be added to.
    stores.filter((one) => (biggest(one).costs["read"]?.serverMicros ?? 0) > 0).flatMap((constants) => {
      const request = requestOf(requests, constants.store) ?? { untouched: NaN, read: NaN, write: NaN }
      return [1e6, 1e8, 1e9].map((stored) => needRow(needOf(constants, stored, usualTraffic, request)))
    })
  )

/** Everything that the page shows. */
export const format = (measurement: Measurement): string => {
  const { date, loadAfter, loadBefore, machine, requests, stores } = measurement
  const large = (of: (size: Size, operation: string) => number | null | undefined) => (one: Constants, name: string) =>
    figure(of(biggest(one), name))
  return [
    `Measured ${date} on ${machine.cores} cores (${machine.cpu}), ${machine.node}; load ${loadBefore} before, ${loadAfter} after.`,
    perSession(stores),
    perOperation(
      stores,
      "server CPU us, most stored",
      large(({ costs }, name) => costs[name]?.serverMicros),
      ({ sweep }) => figure(sweep.serverMicros)
    ),
    perOperation(
      stores,
      "app CPU us, most stored",
      large(({ costs }, name) => costs[name]?.appMicros),
      ({ sweep }) => figure(sweep.appMicros)
    ),
    perOperation(
      stores,
      "statements",
      (one, name) => figure(biggest(one).costs[name]?.statements, 2),
      ({ sweep }) => figure(sweep.statements, 3)
    ),
    perOperation(
      stores,
      "bytes of log, most stored",
      large(({ costs }, name) => costs[name]?.logBytes),
      ({ sweep }) => figure(sweep.logBytes)
    ),
    perOperation(stores, "bytes on the wire", ({ network }, name) => figure(network?.[name]), () => "-"),
    growth(stores),
    formatTable(
      ["whole server, CPU us a request", "untouched", "read", "write"],
      Object.entries(requests).map(([store, { read, untouched, write }]) => [
        store,
        figure(untouched),
        figure(read),
        figure(write)
      ])
    ),
    needs(measurement)
  ].join("\n\n")
}
