/** Compiles every example (see `examples.ts`). With the name of a file, tells it there which they are, as JSON. */
import * as FileSystem from "node:fs"
import { compile } from "./examples.js"

const { examples, problems } = compile()
const [, , file] = process.argv
if (file !== undefined) FileSystem.writeFileSync(file, JSON.stringify(examples))
process.stderr.write(problems)
process.stdout.write(
  `${examples.length} examples compiled${problems === "" ? "" : ", not all of them without problems"}\n`
)
process.exitCode = problems === "" && examples.length > 0 ? 0 : 1
