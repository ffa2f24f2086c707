import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const here = fileURLToPath(new URL(".", import.meta.url))
const root = join(here, "../..")
const output = join(here, ".build")

/** What the Effect 4 edition is made of: its packages are there after `npm ci` in its folder. */
const effect4 = join(root, "effect4")
const effect4Packages = join(effect4, "node_modules")

/** Whether the Effect 4 edition is compiled as well. */
export const hasEffect4 = existsSync(join(effect4Packages, "effect"))

/**
 * Compiles the library and our contenders as publishing would, only without checking types. What tsx runs is slower:
 * it names every function as it is made, on the hot path too.
 */
export const compileLibrary = (): void => {
  rmSync(output, { recursive: true, force: true })
  if (hasEffect4) generateEffect4()
  const folders = ["src", "test/benchmark/contenders", "test/benchmark/micro"]
  for (
    const file of [...folders, ...(hasEffect4 ? ["effect4/generated/src"] : [])].flatMap((path) =>
      sourcesIn(join(root, path))
    )
  ) {
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true
      }
    })
    const compiled = join(output, relative(root, file)).replace(/\.ts$/, ".js")
    mkdirSync(dirname(compiled), { recursive: true })
    writeFileSync(compiled, outputText)
  }
  // The contenders' shared module is JavaScript already: one line leads to it.
  const common = join(output, relative(root, here), "contenders/common.mjs")
  writeFileSync(common, `export * from "../../../../contenders/common.mjs"\n`)
  if (hasEffect4) linkEffect4()
}

/** What the generator complains of may be in a test: whether the edition runs, the checks of a run will tell. */
const generateEffect4 = (): void => {
  const { status, stderr } = spawnSync(process.execPath, [join(effect4, "generate.mjs")], { encoding: "utf8" })
  if (status !== 0) console.error(`effect4/generate.mjs:\n${stderr}`)
}

/** Effect 4 is found before the Effect 3 of the root where its edition runs. */
const linkEffect4 = (): void => {
  for (const folder of ["effect4", "test/benchmark/contenders/effect4", "test/benchmark/micro/effect4"]) {
    symlinkSync(effect4Packages, join(output, folder, "node_modules"), "junction")
  }
}

const sourcesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(directory, name))
