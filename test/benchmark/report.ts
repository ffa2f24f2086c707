import type { Row, Table } from "./measure.js"
import type { Spread } from "./statistics.js"

/** A markdown table, its columns also aligned for a terminal: first column left, the others right. */
export const formatTable = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(" | ")} |`
  const rule = `|${widths.map((width, column) => `${"-".repeat(width + 1)}${column === 0 ? "-" : ":"}`).join("|")}|`
  return [line(head), rule, ...rows.map(line)].join("\n")
}

const pad = (cell: string, width: number, column: number): string =>
  column === 0 ? cell.padEnd(width) : cell.padStart(width)

export const formatNumber = (value: number, digits = 1): string => Number.isFinite(value) ? value.toFixed(digits) : "-"

export const formatSpread = ({ lower, median, upper }: Spread, digits = 1): string =>
  `${formatNumber(median, digits)} (${formatNumber(lower, digits)}..${formatNumber(upper, digits)})`

const head = [
  "contender",
  "own CPU us",
  "best",
  "bare us",
  "total us",
  "req/s",
  "p50 ms",
  "p99 ms",
  "statements",
  "store us"
]

const cellsOf = (row: Row): ReadonlyArray<string> =>
  row.error !== undefined
    ? [row.contender, "failed", "", "", "", "", "", "", "", ""]
    : [
      row.contender,
      formatSpread(row.own),
      formatNumber(row.ownBest),
      formatNumber(row.bare.median),
      formatNumber(row.total.median),
      formatNumber(row.requestsPerSecond.median, 0),
      formatNumber(row.p50, 2),
      formatNumber(row.p99, 2),
      row.statements === null ? "-" : formatNumber(row.statements, 2),
      row.storeCpu === null ? "-" : formatNumber(row.storeCpu)
    ]

export const titleOf = ({ scenario }: Table): string =>
  `${scenario.workload}, ${scenario.store}, ${scenario.payload} B, ${scenario.connections} connection${
    scenario.connections === 1 ? "" : "s"
  }`

export const formatScenario = (table: Table): string => {
  const failures = table.rows.flatMap((row) => row.error === undefined ? [] : [`${row.contender}: ${row.error}`])
  return [`### ${titleOf(table)}`, "", formatTable(head, table.rows.map(cellsOf)), ...failures].join("\n")
}
