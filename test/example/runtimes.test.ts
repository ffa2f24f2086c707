import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, inject, test } from "vitest"
import { answers, makeClient, root, startOn } from "./programs.js"

/** Where the runtimes are installed, if they are: beside the tests of the source, on either line. */
const folder = ["test/runtimes", "../../test/runtimes"].map((path) => Path.resolve(root, path)).find(Fs.existsSync) ??
  ""

const runtime = (name: string) => {
  const file = Path.join(folder, "node_modules/.bin", name)
  const missing = Fs.existsSync(file) ? "" : " (skipped: not installed, run `npm ci --prefix test/runtimes`)"
  return { file, missing }
}

const bun = runtime("bun")
const deno = runtime("deno")

/** Deno does not read `paths` of TypeScript: the library is where the source is, not in `node_modules`. */
const importMap = (): string => {
  const file = Path.join(inject("directory"), "import-map.json")
  const source = `${Path.join(root, "src")}/`
  Fs.writeFileSync(
    file,
    JSON.stringify({ imports: { "effect-sessions": `${source}index.ts`, "effect-sessions/": source } })
  )
  return file
}

const countsVisits = async (program: ReturnType<typeof startOn>) => {
  const browser = makeClient(await program.address)
  answers(await browser.get("/"), { visits: 1 })
  answers(await browser.get("/"), { visits: 2 })
}

describe.skipIf(bun.missing !== "")(`Bun${bun.missing}`, () => {
  test("runs the web handler", () => countsVisits(startOn(bun.file, ["examples/web-handler/bun.ts"])))
})

describe.skipIf(deno.missing !== "")(`Deno${deno.missing}`, () => {
  const flags = ["--no-check", "--allow-all", "--node-modules-dir=manual", "--sloppy-imports"]

  test("runs the web handler", () =>
    countsVisits(
      startOn(deno.file, ["run", ...flags, `--import-map=${importMap()}`, "examples/web-handler/deno.ts"], {
        DENO_DIR: Path.join(inject("directory"), "deno")
      })
    ))
})
