/** A project elsewhere, into which the library is installed. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { inject } from "vitest"
import { run, succeed } from "./command.js"

const root = Path.resolve(import.meta.dirname, "../..")

const installs = (what: ReadonlyArray<string>) => ["install", "--prefer-offline", "--no-audit", "--no-fund", ...what]

export const npmInstall = (project: string, what: ReadonlyArray<string>): Promise<string> =>
  succeed("npm", installs(what), project)

/** What npm says where it does not install. */
export const npmRefusal = async (project: string, what: ReadonlyArray<string>): Promise<string> => {
  const { code, output } = await run("npm", installs(what), project)
  return code === 0 ? "installed" : output
}

export const makeProject = (path: string, manifest: object): string => {
  const project = Path.join(inject("projects"), path)
  Fs.mkdirSync(project, { recursive: true })
  Fs.writeFileSync(Path.join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, ...manifest }))
  return project
}

const compilerOptions = {
  target: "ES2022",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  types: [],
  outDir: "out"
}

/** Puts files into a project and compiles them. Tells what the compiler says. */
export const compile = async (project: string, options: object, files: ReadonlyArray<string>): Promise<string> => {
  for (const file of files) Fs.copyFileSync(file, Path.join(project, Path.basename(file)))
  Fs.writeFileSync(
    Path.join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { ...compilerOptions, ...options },
      files: files.map((file) => Path.basename(file))
    })
  )
  const compiler = Path.join(root, "node_modules/typescript/bin/tsc")
  return (await run(process.execPath, [compiler, "-p", "."], project)).output
}

/** Runs a program and tells which files of which packages were loaded, from what the coverage of Node lists. */
export const execute = async (
  project: string,
  file: string,
  env: Record<string, string> = {}
): Promise<{ readonly said: unknown; readonly loaded: ReadonlyArray<string> }> => {
  const coverage = Fs.mkdtempSync(Path.join(project, "coverage-"))
  const said = await succeed(process.execPath, [file], project, { NODE_V8_COVERAGE: coverage, ...env })
  const loaded = Fs.readdirSync(coverage).flatMap((report): ReadonlyArray<string> =>
    JSON.parse(Fs.readFileSync(Path.join(coverage, report), "utf8")).result.map(({ url }: { url: string }) => url)
  )
  return { said: JSON.parse(said), loaded }
}

/** What a pattern captures of the paths that were loaded. */
export const captured = (loaded: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<string> =>
  [...new Set(loaded.flatMap((url) => pattern.exec(url)?.[1] ?? []))].sort()

/** The copies of `effect` that are installed in a project or below it. */
export const effectCopies = (project: string): ReadonlyArray<string> =>
  Fs.readdirSync(project, { recursive: true, encoding: "utf8" })
    .filter((path) => /node_modules\/effect\/package\.json$/.test(path))

export const versionOf = (project: string, name: string): string =>
  JSON.parse(Fs.readFileSync(Path.join(project, "node_modules", name, "package.json"), "utf8")).version
