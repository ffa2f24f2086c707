import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, test } from "vitest"

const root = Path.resolve(import.meta.dirname, "../..")

const text = (file: string): string => Fs.readFileSync(Path.join(root, file), "utf8")

/** The blocks of a page, each with the file that it names. */
const blocksOf = (page: string): ReadonlyArray<readonly [file: string | undefined, code: string]> =>
  Array.from(
    page.matchAll(/^```ts(?: (\S+))?\n([\s\S]*?)^```$/gm),
    ([, file, code = ""]) => [file, code] as const
  )

const files = Fs.readdirSync(Path.join(root, "examples/recipes")).map((file) => `examples/recipes/${file}`).sort()

describe("docs/recipes.md", () => {
  const blocks = blocksOf(text("docs/recipes.md"))

  test("shows every recipe, each once, and nothing else", () => {
    assert.deepStrictEqual(blocks.map(([file]) => file).sort(), files)
  })

  for (const [file, code] of blocks) {
    if (file === undefined) continue
    test(`shows ${file} as it runs`, () => assert.strictEqual(code, text(file)))
    const name = Path.basename(file, ".ts")
    test(`names the test of ${name}, which there is`, () => {
      assert.include(text("docs/recipes.md"), `test/recipes/${name}.test.ts`)
      assert.include(text(`test/recipes/${name}.test.ts`), `../../${file.replace(/\.ts$/, ".js")}`)
    })
  }
})
