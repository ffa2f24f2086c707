/** What the README says to install and to run. */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** The README of the packages of each line, as npm shows it. */
const readmes = { "3": "README.md", "4": "effect4/README.md" }

const readme = (version: "3" | "4") =>
  Fs.readFileSync(Path.resolve(import.meta.dirname, "../..", readmes[version]), "utf8")

/** Whether a line is for a version of Effect. Those without one are for both. */
const isFor = (version: "3" | "4", line: string): boolean =>
  /@effect\/\S+@\^4|@4\b/.test(line) ? version === "4" : version === "3" || !/@effect\//.test(line)

/** What a package manager shall install for a version of Effect, line by line, with a tarball in the place of our name. */
export const linesOf = (
  command: "npm install" | "pnpm add" | "yarn add",
  version: "3" | "4",
  tarball: string
): ReadonlyArray<ReadonlyArray<string>> =>
  [...readme(version).matchAll(new RegExp(`^${command} ([^&#\\n]+)`, "gm"))]
    .flatMap(([, what = ""]) => isFor(version, what) ? [what.trim().split(/\s+/)] : [])
    .map((names) => names.map((name) => /^effect-sessions@\d$/.test(name) ? tarball : name))

/** The complete program for a version of Effect. */
export const mainOf = (version: "3" | "4"): string => {
  const main = [...readme(version).matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code)
  return main.find((code) => code.includes("NodeRuntime.runMain")) ?? ""
}
