/** Compiles the library as publishing would and runs the microbenchmark on that. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { compileLibrary, hasEffect4 } from "../compile.js"

if (process.argv.includes("--effect4") && !hasEffect4) throw new Error("no Effect 4: npm ci in effect4 installs it")
compileLibrary()
const program = fileURLToPath(new URL("../.build/test/benchmark/micro/run.js", import.meta.url))
process.exitCode = spawnSync(process.execPath, [program, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1
