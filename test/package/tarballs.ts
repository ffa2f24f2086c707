import * as Fs from "node:fs"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import type { TestProject } from "vitest/node"
import { pack, type Tarball } from "./pack.js"

declare module "vitest" {
  export interface ProvidedContext {
    /** Where projects may be made: a directory that is removed at the end. */
    readonly projects: string
    /** The library as `npm publish` would pack it. */
    readonly tarball: Tarball
    /** The Effect 4 edition of it, or why there is none. */
    readonly tarballEffect4: Tarball | { readonly missing: string }
  }
}

const root = Path.resolve(import.meta.dirname, "../..")
const effect4 = Path.join(root, "effect4")

/** Packs both editions. */
export default async (project: TestProject) => {
  const directory = Fs.realpathSync(Fs.mkdtempSync(Path.join(OperatingSystem.tmpdir(), "effect-sessions-package-")))
  const [tarball, tarballEffect4] = await Promise.all([
    pack(root, Path.join(directory, "effect3")),
    Fs.existsSync(Path.join(effect4, "node_modules"))
      ? pack(effect4, Path.join(directory, "effect4"))
      : { missing: "effect4/node_modules is missing: npm ci --prefix effect4" }
  ])
  project.provide("projects", directory)
  project.provide("tarball", tarball)
  project.provide("tarballEffect4", tarballEffect4)
  return () => Fs.rmSync(directory, { recursive: true, force: true })
}
