// Installs the peers, which are no dependency of the project, and runs the benchmark.
import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { register } from "tsx/esm/api"

const here = fileURLToPath(new URL(".", import.meta.url))
const installed = `${here}node_modules/.package-lock.json`
const lock = `${here}package-lock.json`

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm"
  const { status } = spawnSync(npm, ["ci", "--no-audit", "--no-fund"], {
    cwd: here,
    stdio: "inherit",
    shell: process.platform === "win32"
  })
  if (status !== 0) process.exit(status ?? 1)
}

// In this process, so that whoever stops it stops the benchmark, which then stops its servers.
register()
await import("./run.ts")
