/**
 * The TypeScript examples of the doc comments of `src`, of the README and of `docs/many-nodes.md`: each a module of its
 * own, compiled, so that what people copy compiles. Those of the doc comments are run by `test/docs/examples.test.ts`.
 */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import * as TypeScript from "typescript"

export const root = Path.resolve(import.meta.dirname, "../..")

/** What an export of an example can be done with: built, run, or run in a request of somebody who is signed in. */
export type Kind = "layer" | "effect" | "handler" | "value"

export interface Example {
  /** Where it stands: `src/Session.ts`, the first of them. */
  readonly name: string
  readonly text: string
  readonly exports: Readonly<Record<string, Kind>>
}

const pages = ["README.md", "docs/many-nodes.md"].filter((file) => FileSystem.existsSync(Path.join(root, file)))

const sources = FileSystem.readdirSync(Path.join(root, "src")).filter((file) => file.endsWith(".ts"))
  .map((file) => `src/${file}`)

/** Examples of members are indented. */
const fence = /^( *\* ?)?```ts\n([\s\S]*?)^\1?```/gm

const textsIn = (file: string): ReadonlyArray<readonly [name: string, text: string]> =>
  [...FileSystem.readFileSync(Path.join(root, file), "utf8").matchAll(fence)].map(([, , text = ""], index) => [
    `${file} ${index + 1}`,
    text.replace(/^ *\* ?/gm, "")
  ])

const pathOf = (name: string, kind: string): string => Path.join(root, `${name.replace(/\W/g, "_")}.${kind}.ts`)

/** Asks the compiler what each export of an example is. */
const askKinds = (name: string): string => `
import type { SessionCookie, SessionCsrf, Sessions } from "effect-sessions"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Example from "./${Path.basename(pathOf(name, "example"), ".ts")}.js"

type Self = typeof Example extends { readonly AppSession: new(...args: infer _) => infer Self } ? Self : never
type InRequest = Self | Sessions.Sessions<Self> | HttpServerRequest.HttpServerRequest
type Kind<A> = A extends new(...args: ReadonlyArray<never>) => unknown ? "value"
  : [A] extends [Layer.Layer<never, unknown, never>] ? "layer"
  : [A] extends [Effect.Effect<unknown, unknown, Scope.Scope>] ? "effect"
  : [A] extends [Effect.Effect<unknown, unknown, InRequest | SessionCsrf.SessionCsrf>] ? "handler"
  : "value"
export declare const kinds: { readonly [Name in keyof typeof Example]: Kind<(typeof Example)[Name]> }
`

const isKind = (value: unknown): value is Kind =>
  value === "layer" || value === "effect" || value === "handler" || value === "value"

/** Compiles all examples. `problems` is what the compiler says, as it says it. */
export const compile = (): { readonly examples: ReadonlyArray<Example>; readonly problems: string } => {
  const found = [...sources, ...pages].flatMap(textsIn)
  const files = new Map(found.flatMap(([name, text]) => [
    [pathOf(name, "example"), text] as const,
    [pathOf(name, "kinds"), askKinds(name)] as const
  ]))
  const config = TypeScript.parseJsonConfigFileContent(
    TypeScript.readConfigFile(Path.join(root, "tsconfig.json"), TypeScript.sys.readFile).config,
    TypeScript.sys,
    root
  )
  const options = { ...config.options, noEmit: true, noUnusedLocals: false }
  const host = TypeScript.createCompilerHost(options)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (file) => files.has(file) || fileExists(file)
  host.readFile = (file) => files.get(file) ?? readFile(file)
  host.getSourceFile = (file, version, ...rest) => {
    const text = files.get(file)
    return text === undefined
      ? getSourceFile(file, version, ...rest)
      : TypeScript.createSourceFile(file, text, version)
  }
  const program = TypeScript.createProgram([...files.keys()], options, host)
  const checker = program.getTypeChecker()

  const kindsOf = (name: string): Readonly<Record<string, Kind>> => {
    const source = program.getSourceFile(pathOf(name, "kinds"))
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
    const kinds = module === undefined
      ? undefined
      : checker.getExportsOfModule(module).find((symbol) => symbol.name === "kinds")
    if (source === undefined || kinds === undefined) return {}
    const properties = checker.getPropertiesOfType(checker.getTypeOfSymbolAtLocation(kinds, source))
    return Object.fromEntries(properties.map((property) => {
      const type = checker.getTypeOfSymbolAtLocation(property, source)
      return [property.name, type.isStringLiteral() && isKind(type.value) ? type.value : "value"]
    }))
  }

  return {
    examples: found.map(([name, text]) => ({ name, text, exports: kindsOf(name) })),
    problems: TypeScript.formatDiagnosticsWithColorAndContext(TypeScript.getPreEmitDiagnostics(program), host)
  }
}
