/** Reads the rules for one place: `places/src/Session.ts.txt` has those for `src/Session.ts`. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("./places", import.meta.url))
const block = /^### (.+)\n([\s\S]*?)\n^### becomes\n([\s\S]*?)^### end$/gm

const rulesIn = (file) => {
  const text = FileSystem.readFileSync(Path.join(folder, file), "utf8")
  // What becomes nothing goes with its line.
  const rules = [...text.matchAll(block)].map(([, name, from, to]) => ({
    name,
    from: to === "" ? `${from}\n` : from,
    to: to.replace(/\n$/, ""),
    files: [file.replace(/\.txt$/, "")]
  }))
  const headings = text.match(/^### (?!becomes$|end$)/gm) ?? []
  if (headings.length !== rules.length) throw new Error(`places/${file}: a rule has no "### becomes" or no "### end"`)
  return rules
}

export const places = FileSystem.readdirSync(folder, { recursive: true })
  .map((file) => String(file).split(Path.sep).join("/"))
  .filter((file) => file.endsWith(".txt"))
  .sort()
  .flatMap(rulesIn)
