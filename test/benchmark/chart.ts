/** Draws what a session costs beside its peers: `npm run benchmark:chart`, from the JSON that the benchmark wrote. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"

/** What the chart reads of the figures that `npm run benchmark -- --json FILE` writes. */
export interface Figures {
  readonly machine: { readonly date: string; readonly cpu: string; readonly loadBefore: number }
  readonly tables: ReadonlyArray<{
    readonly scenario: { readonly workload: string; readonly store: string; readonly payload: number }
    readonly rows: ReadonlyArray<{
      readonly contender: string
      readonly error?: string
      readonly own: { readonly median: number }
      readonly bare: { readonly median: number }
    }>
  }>
}

const workloads = [["untouched", "session ignored"], ["read", "read"], ["write", "write"]] as const

const style = `
  :root { --paper: #ffffff; --ink: #1f2328; --quiet: #59636e; --ours: #0969da; --own: #8c959f; --bare: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    :root { --paper: #0d1117; --ink: #f0f6fc; --quiet: #9198a1; --ours: #4493f8; --own: #7d8590; --bare: #30363d; }
  }
  .paper { fill: var(--paper); }
  text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); font-size: 18px; }
  .title { font-weight: 600; font-size: 20px; }
  .quiet { fill: var(--quiet); font-size: 16px; }
  .ours { fill: var(--ours); }
  .own { fill: var(--own); }
  .bare { fill: var(--bare); }`

const width = 720
const barFrom = 236
const barTo = 640
const line = 30

/** The chart: for each workload the CPU of a request, the bare server's part and the session's. Its scale begins at none. */
export const chart = ({ machine, tables }: Figures): string => {
  const groups = workloads.flatMap(([workload, title]) => {
    const rows = tables.find(({ scenario: { payload, store, workload: its } }) =>
      its === workload && store === "memory" && payload === 100
    )?.rows.filter(({ error }) =>
      error === undefined
    ) ?? []
    return rows.length === 0 ? [] : [{ title, rows }]
  })
  const most = Math.max(1, ...groups.flatMap(({ rows }) => rows.map(({ bare, own }) => bare.median + own.median)))
  const lengthOf = (micros: number): number => Math.max(0, micros) / most * (barTo - barFrom)
  const parts: Array<string> = []
  let y = 84
  for (const { rows, title } of groups) {
    parts.push(`<text x="24" y="${y + 20}" class="title">${title}</text>`)
    y += line + 4
    for (const { bare, contender, own } of rows) {
      const ofBare = lengthOf(bare.median)
      const ofOwn = lengthOf(own.median)
      const kind = contender.startsWith("effect-sessions") ? "ours" : "own"
      parts.push(
        `<text x="24" y="${y + 18}">${contender.replace(" signed", "")}</text>`,
        `<rect class="bare" x="${barFrom}" y="${y + 3}" width="${ofBare.toFixed(1)}" height="20"/>`,
        `<rect class="${kind}" x="${(barFrom + ofBare).toFixed(1)}" y="${y + 3}" width="${
          ofOwn.toFixed(1)
        }" height="20"/>`,
        `<text x="${(barFrom + ofBare + ofOwn + 8).toFixed(1)}" y="${y + 18}">${own.median.toFixed(0)}</text>`
      )
      y += line
    }
    y += 12
  }
  const height = y + 12
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">Microseconds of CPU that a request takes beside peers</title>
<style>${style}
</style>
<rect class="paper" width="${width}" height="${height}" rx="8"/>
<text x="24" y="36" class="title">Microseconds of CPU a request: the session's own</text>
<text x="24" y="62" class="quiet">pale: the bare server of its framework. Memory store, 100 bytes, ${
    machine.date.slice(0, 10)
  }</text>
${parts.join("\n")}
</svg>
`
}

const pictures = Path.resolve(import.meta.dirname, "../../docs/pictures")

/** The figures of the committed chart. */
export const committedFigures = (): Figures =>
  JSON.parse(FileSystem.readFileSync(Path.join(pictures, "cost.json"), "utf8"))

export const committedChart = (): string => FileSystem.readFileSync(Path.join(pictures, "cost.svg"), "utf8")

if (process.argv[1] === import.meta.filename) {
  FileSystem.writeFileSync(Path.join(pictures, "cost.svg"), chart(committedFigures()))
}
