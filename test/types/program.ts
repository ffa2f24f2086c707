/** The compiler, asked about the library or about what somebody writes with it. */
import * as Path from "node:path"
import * as TypeScript from "typescript"

const root = Path.resolve(import.meta.dirname, "../..")

const { options } = TypeScript.parseJsonConfigFileContent(
  TypeScript.readConfigFile(Path.join(root, "tsconfig.json"), TypeScript.sys.readFile).config,
  TypeScript.sys,
  root
)

/** Files of `src`, and files that exist here alone, by their paths. */
export const programOf = (
  files: ReadonlyArray<string>,
  written: ReadonlyMap<string, string> = new Map()
): TypeScript.Program => {
  const asked = { ...options, noEmit: true, incremental: false, noUnusedLocals: false, noErrorTruncation: true }
  const host = TypeScript.createCompilerHost(asked)
  const texts = new Map([...written].map(([file, text]) => [Path.join(root, file), text]))
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (file) => texts.has(file) || fileExists(file)
  host.readFile = (file) => texts.get(file) ?? readFile(file)
  host.getSourceFile = (file, version, ...rest) => {
    const text = texts.get(file)
    return text === undefined ? getSourceFile(file, version, ...rest) : TypeScript.createSourceFile(file, text, version)
  }
  return TypeScript.createProgram([...files.map((file) => Path.join(root, file)), ...texts.keys()], asked, host)
}

/** What the compiler says of a file, with all that it says of why. */
export const complaints = (program: TypeScript.Program, file: string): ReadonlyArray<string> =>
  TypeScript.getPreEmitDiagnostics(program, program.getSourceFile(Path.join(root, file))).map(({ messageText }) =>
    TypeScript.flattenDiagnosticMessageText(messageText, "\n")
  )

export const sourceFile = (program: TypeScript.Program, file: string): TypeScript.SourceFile | undefined =>
  program.getSourceFile(Path.join(root, file))
