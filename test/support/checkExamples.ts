/**
 * Compiles every TypeScript example in the doc comments of `src` and in the README, each as a module of its own, so
 * that what people copy compiles.
 */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import * as TypeScript from "typescript"

const root = process.cwd()

const markdownFiles = ["README.md"].filter((file) => FileSystem.existsSync(file))
const sourceFiles = FileSystem.readdirSync("src").filter((file) => file.endsWith(".ts")).map((file) => `src/${file}`)

const fence = /^( *\* ?)?```ts\n([\s\S]*?)^\1?```/gm

const examplesOf = (file: string): ReadonlyArray<readonly [name: string, text: string]> =>
  [...FileSystem.readFileSync(file, "utf8").matchAll(fence)].map(([, , text = ""], index) => [
    Path.join(root, `${file.replace(/\W/g, "_")}_${index + 1}.example.ts`),
    text.replace(/^ *\* ?/gm, "")
  ])

const examples = new Map([...sourceFiles, ...markdownFiles].flatMap(examplesOf))

const config = TypeScript.parseJsonConfigFileContent(
  TypeScript.readConfigFile("tsconfig.json", TypeScript.sys.readFile).config,
  TypeScript.sys,
  root
)
const options = { ...config.options, noEmit: true, noUnusedLocals: false }
const host = TypeScript.createCompilerHost(options)
const { fileExists, getSourceFile, readFile } = host
host.fileExists = (file) => examples.has(file) || fileExists(file)
host.readFile = (file) => examples.get(file) ?? readFile(file)
host.getSourceFile = (file, version, ...rest) => {
  const text = examples.get(file)
  return text === undefined
    ? getSourceFile(file, version, ...rest)
    : TypeScript.createSourceFile(file, text, version)
}

const program = TypeScript.createProgram([...examples.keys()], options, host)
const diagnostics = TypeScript.getPreEmitDiagnostics(program)
if (diagnostics.length > 0) process.stderr.write(TypeScript.formatDiagnosticsWithColorAndContext(diagnostics, host))
process.stdout.write(`${examples.size} examples compiled, ${diagnostics.length} problems\n`)
process.exitCode = diagnostics.length === 0 && examples.size > 0 ? 0 : 1
