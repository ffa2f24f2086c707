/**
 * Packs both editions as they would be published, into `.build/release` or the folder that is given, and checks them:
 * `npm run release:check`. With `--record` it writes down their sizes. It publishes nothing.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { succeed } from "./command.js"
import { lint, type Size } from "./lint.js"
import { pack } from "./pack.js"
import { recordedSizes, recordSizes, sizeProblems } from "./sizes.js"
import { type Edition, versionProblems } from "./versions.js"

const root = Path.resolve(import.meta.dirname, "../..")
const effect4 = Path.join(root, "effect4")

const json = (...path: ReadonlyArray<string>) => JSON.parse(Fs.readFileSync(Path.join(...path), "utf8"))

const edition = (folder: string, major: number): Edition => ({
  major,
  version: json(folder, "package.json").version,
  locked: json(folder, "package-lock.json").version
})

const main = async (): Promise<void> => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { record: { type: "boolean" } } })
  const destination = Path.resolve(positionals[0] ?? Path.join(root, ".build/release"))
  if (!Fs.existsSync(Path.join(effect4, "node_modules"))) {
    await succeed("npm", ["ci", "--no-audit", "--no-fund", "--prefix", effect4], root)
  }
  const editions = [edition(root, 3), edition(effect4, 4)] as const
  const changelog = Path.join(root, "CHANGELOG.md")
  const problems = [
    ...versionProblems(editions, Fs.existsSync(changelog) ? Fs.readFileSync(changelog, "utf8") : undefined)
  ]
  const changed = await succeed("git", ["status", "--porcelain"], root)
  if (changed.trim() !== "") problems.push(`what would be published is not committed:\n${changed.trimEnd()}`)

  const sizes = new Map<string, Size>()
  const paths: Array<string> = []
  for (const [folder, { major, version }] of [[root, editions[0]], [effect4, editions[1]]] as const) {
    const { path } = await pack(folder, Path.join(destination, `effect${major}`))
    const linted = await lint(path, { esmOnly: major > 3 })
    problems.push(...linted.problems.map((problem) => `${version}: ${problem}`))
    sizes.set(version, linted.size)
    paths.push(path)
  }
  if (values.record === true) recordSizes(sizes)
  const recorded = recordedSizes()
  for (const [version, size] of sizes) problems.push(...sizeProblems(version, size, recorded.get(version)))

  for (const path of paths) console.log(path)
  for (const [version, size] of sizes) console.log(`${version}: ${JSON.stringify(size)}`)
  for (const problem of problems) console.error(`- ${problem}`)
  console.log(problems.length === 0 ? "Both may be published. Nothing was." : "Not to be published as it is.")
  process.exitCode = problems.length === 0 ? 0 : 1
}

void main()
