/** Compiles the library as publishing would and runs the microbenchmark on that. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { compileLibrary } from "../compile.js"

compileLibrary()
const program = fileURLToPath(new URL("../.build/test/benchmark/micro/run.js", import.meta.url))
process.exitCode = spawnSync(process.execPath, [program, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1
