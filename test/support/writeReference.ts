/** Writes the API reference, or, with the word `check`, says how what is there differs from what should be. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { root } from "./examples.js"
import { folder, make } from "./reference.js"

const { pages, problems } = await make()
const target = Path.join(root, folder)
const isCheck = process.argv.includes("check")
const differences: Array<string> = [...problems]
if (!isCheck) FileSystem.rmSync(target, { recursive: true, force: true })
FileSystem.mkdirSync(target, { recursive: true })
for (const [name, text] of pages) {
  const file = Path.join(target, name)
  if (!isCheck) FileSystem.writeFileSync(file, text)
  else if (!FileSystem.existsSync(file) || FileSystem.readFileSync(file, "utf8") !== text) {
    differences.push(`${folder}/${name} is not what the doc comments say: npm run reference`)
  }
}
for (const name of FileSystem.readdirSync(target)) {
  if (!pages.has(name)) differences.push(`${folder}/${name} belongs to no module: npm run reference`)
}
for (const difference of differences) process.stderr.write(`${difference}\n`)
process.exitCode = differences.length === 0 ? 0 : 1
