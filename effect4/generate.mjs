/** Makes the Effect 4 edition in `generated/` out of the source above: see CONTRIBUTING.md. */
import * as FileSystem from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { replaceCalls } from "./calls.mjs"
import { additions, isForOneLine } from "./exceptions.mjs"
import { settleImports } from "./imports.mjs"
import { leftovers, rules } from "./rules.mjs"

const here = Path.dirname(fileURLToPath(import.meta.url))
const root = Path.dirname(here)
const output = Path.join(here, "generated")
const overlay = Path.join(here, "overlay")

/** What is made, and what is left out of it: see `exceptions.mjs`. */
const folders = [
  "src",
  "examples",
  "test/core",
  "test/docs",
  "test/editions/programs",
  "test/example",
  "test/http",
  "test/nodes",
  "test/package/consumer",
  "test/recipes",
  "test/redis",
  "test/sessions",
  "test/sql",
  "test/support",
  "test/types"
]

const filesIn = (base, folder) =>
  FileSystem.existsSync(Path.join(base, folder))
    ? FileSystem.readdirSync(Path.join(base, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => Path.relative(base, Path.join(entry.parentPath, entry.name)).split(Path.sep).join("/"))
      .sort()
    : []

/** Whether a rule is for a file: `"src/"` for those in it, `"src/Session.ts"` for this one. */
const isFor = (files, file) =>
  files === undefined || files.some((one) => one.endsWith("/") ? file.startsWith(one) : file === one)

/** What a rule for one place has written is out of reach of the other rules until they are done. */
const makeKept = () => {
  const kept = []
  return {
    keep: (text) => `\u0000${kept.push(text) - 1}\u0000`,
    restore: (text) => text.replace(/\u0000(\d+)\u0000/g, (_, index) => kept[Number(index)])
  }
}

const apply = (rule, text, keep) => {
  const { call, from, to } = rule
  if (call !== undefined) return replaceCalls(text, call, to)
  if (typeof from !== "string") {
    let count = 0
    const next = text.replace(from, (...match) => {
      count++
      return typeof to === "function" ? to(...match) : to.replace(/\$(\d|&)/g, (_, group) =>
        group === "&" ? match[0] : match[Number(group)] ?? "")
    })
    return [next, count]
  }
  const parts = text.split(from)
  return [parts.join(keep(to)), parts.length - 1]
}

/** The places a rule names one by one must all be there; of a rule for many files, one. */
const unmatched = (rule, matched) => {
  const named = (rule.files ?? []).filter((file) => !file.endsWith("/") && !matched.has(file))
  return named.length > 0 ? named : matched.size === 0 ? ["any file"] : []
}

const problems = []
const sources = folders.flatMap((folder) => filesIn(root, folder)).filter((file) => !isForOneLine(file))
const overlaid = filesIn(overlay, ".")
for (const file of overlaid) {
  if (!sources.includes(file) && !Object.hasOwn(additions, file)) {
    problems.push(`overlay/${file} stands for nothing: the source has no such file, and exceptions.mjs no such addition`)
  }
}

const texts = new Map()
const kept = makeKept()
for (const file of sources) {
  if (!overlaid.includes(file)) texts.set(file, FileSystem.readFileSync(Path.join(root, file), "utf8"))
}
for (const rule of rules) {
  const matched = new Set()
  for (const [file, text] of texts) {
    if (!isFor(rule.files, file)) continue
    const [next, count] = apply(rule, text, kept.keep)
    if (count > 0) matched.add(file)
    if (next !== text) texts.set(file, next)
  }
  for (const file of unmatched(rule, matched)) problems.push(`the rule "${rule.name}" matches nothing in ${file}`)
}
for (const [file, text] of texts) texts.set(file, kept.restore(text))
for (const file of overlaid) texts.set(file, FileSystem.readFileSync(Path.join(overlay, file), "utf8"))
for (const { files, name, pattern } of leftovers) {
  for (const [file, text] of texts) {
    if (!isFor(files, file)) continue
    for (const [found] of text.matchAll(pattern)) problems.push(`${file}: ${found} has no rule (${name})`)
  }
}

for (const [file, text] of texts) {
  if (!file.endsWith(".ts")) continue
  const { problems: ofImports, text: settled } = settleImports(file, text)
  texts.set(file, settled)
  for (const problem of ofImports) problems.push(`${file}: ${problem}`)
}

/** The lint rules and the formatter of the source. What is only a type is settled first: two fixes at once get mixed up. */
const format = async (changed) => {
  const { ESLint } = createRequire(Path.join(root, "package.json"))("eslint")
  const lint = async (overrideConfig) => {
    const options = { cwd: output, overrideConfigFile: Path.join(root, "eslint.config.mjs"), overrideConfig, fix: true }
    const results = await new ESLint(options).lintFiles(changed)
    await ESLint.outputFixes(results)
    return results
  }
  await lint({ files: ["**/*.ts"], rules: { "@effect/dprint": "off" } })
  for (const { filePath, messages } of await lint([])) {
    const file = Path.relative(output, filePath).split(Path.sep).join("/")
    for (const { line, message, severity } of messages) {
      if (severity < 2) continue
      problems.push(`${file}:${line}: ${message}`)
      unsettled.add(file)
    }
  }
}

/** What was written before it was formatted, to see what has changed since. */
const ledgerFile = Path.join(output, ".unformatted.json")
const ledger = FileSystem.existsSync(ledgerFile) ? JSON.parse(FileSystem.readFileSync(ledgerFile, "utf8")) : {}
for (const file of filesIn(output, ".")) {
  if (!texts.has(file) && Path.join(output, file) !== ledgerFile) FileSystem.rmSync(Path.join(output, file))
}
const changed = []
const unsettled = new Set()
for (const [file, text] of texts) {
  const path = Path.join(output, file)
  if (ledger[file] === text && FileSystem.existsSync(path)) continue
  FileSystem.mkdirSync(Path.dirname(path), { recursive: true })
  FileSystem.writeFileSync(path, text)
  if (file.endsWith(".ts")) changed.push(file)
}
FileSystem.rmSync(ledgerFile, { force: true })
if (changed.length > 0) await format(changed)
const settled = [...texts].filter(([file]) => !unsettled.has(file))
FileSystem.writeFileSync(ledgerFile, JSON.stringify(Object.fromEntries(settled)))
console.log(`${texts.size} files, of them ${overlaid.length} overlaid, by ${rules.length} rules; ${changed.length} changed`)
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1
