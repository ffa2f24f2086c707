/** Prints what `npm run coverage` found, file by file, with the lines that no test reached */
import { readFileSync } from "node:fs"

const root = new URL("../../", import.meta.url)
const report = JSON.parse(readFileSync(new URL("coverage/coverage-final.json", root), "utf8"))

/** Lines one after another as one range. */
const ranges = (lines) => {
  const found = []
  for (const line of lines) {
    const last = found.at(-1)
    if (last !== undefined && last[1] + 1 === line) last[1] = line
    else found.push([line, line])
  }
  return found.map(([from, to]) => from === to ? `${from}` : `${from}-${to}`).join(", ")
}

let reached = 0
let all = 0
console.log("| file | lines reached | not reached |\n|---|---|---|")
for (const [path, { s, statementMap }] of Object.entries(report).sort(([left], [right]) => left < right ? -1 : 1)) {
  const lines = new Map()
  for (const [id, { start }] of Object.entries(statementMap)) lines.set(start.line, (lines.get(start.line) ?? 0) + s[id])
  const missed = [...lines].flatMap(([line, count]) => count === 0 ? [line] : []).sort((left, right) => left - right)
  reached += lines.size - missed.length
  all += lines.size
  const file = path.slice(path.lastIndexOf("/src/") + 1)
  console.log(`| \`${file}\` | ${(100 * (1 - missed.length / lines.size)).toFixed(1)} % | ${ranges(missed)} |`)
}
console.log(`\n${reached} of ${all} lines: ${(100 * reached / all).toFixed(2)} %`)
