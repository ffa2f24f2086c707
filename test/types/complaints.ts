/** Takes files by their paths as JSON, and prints what the compiler says of each. */
import * as Fs from "node:fs"
import { complaints, programOf } from "./program.js"

/** What is written, and what the compiler has to say of it: nothing, where it is right. */
export type Case = readonly [what: string, code: string, says: RegExp]

const written = new Map<string, string>(JSON.parse(Fs.readFileSync(0, "utf8")))
const program = programOf([], written)
process.stdout.write(JSON.stringify([...written.keys()].map((file) => complaints(program, file))))
