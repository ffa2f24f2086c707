import { fileURLToPath } from "node:url"

/** The library as tests import it, from the folder of its source. */
export const libraryIn = (folder: URL): ReadonlyArray<{ readonly find: RegExp; readonly replacement: string }> => {
  const source = (path: string): string => fileURLToPath(new URL(path, folder))
  return [
    { find: /^effect-sessions$/, replacement: source("index.ts") },
    { find: /^effect-sessions\/(.*)$/, replacement: source("$1.ts") }
  ]
}

/** The given reporters and, where CI wants the results as JSON, that of its file. */
export const reportedBy = (...reporters: ReadonlyArray<string>): {
  readonly reporters: Array<string>
  readonly outputFile?: { readonly json: string }
} => {
  const resultsFile = process.env["TEST_RESULTS"]
  return resultsFile === undefined
    ? { reporters: [...reporters] }
    : { reporters: [...reporters, "json"], outputFile: { json: resultsFile } }
}
