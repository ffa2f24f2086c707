/** The page that npm shows for this line. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { assert, test } from "vitest"

const text = (file: string): string =>
  FileSystem.readFileSync(Path.resolve(import.meta.dirname, "../../..", file), "utf8")

test("The README shows the quick start as it is generated, but for the comment that says where it is", () => {
  const shown = Array.from(text("README.md").matchAll(/^```ts\n([\s\S]*?)^```$/gm), ([, code]) => code)
  const [comment = "", ...lines] = text("generated/examples/quick-start/main.ts").split("\n")
  assert.match(comment, /^\/\*\* .* \*\/$/)
  assert.deepStrictEqual(shown, [lines.join("\n")])
})
