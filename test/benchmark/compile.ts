import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const here = fileURLToPath(new URL(".", import.meta.url))
const root = join(here, "../..")
const output = join(here, ".build")

/**
 * Compiles the library and our contenders as publishing would, only without checking types. What tsx runs is slower:
 * it names every function as it is made, on the hot path too.
 */
export const compileLibrary = (): void => {
  rmSync(output, { recursive: true, force: true })
  for (
    const file of ["src", "test/benchmark/contenders", "test/benchmark/micro"].flatMap((path) =>
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
}

const sourcesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(directory, name))
