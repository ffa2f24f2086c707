/**
 * Starts the example app on Effect 4. Installs and generates what is missing, and brings a PostgreSQL unless
 * `DATABASE_URL` names another.
 */
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

const here = Path.dirname(fileURLToPath(import.meta.url))
const root = Path.dirname(here)
const generated = Path.join(here, "generated")

const run = (command, args, options) => {
  const { status } = ChildProcess.spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"], ...options })
  if (status !== 0) process.exit(status ?? 1)
}

for (const folder of [root, here]) {
  if (FileSystem.existsSync(Path.join(folder, "node_modules"))) continue
  console.error(`Installing what is in ${Path.relative(process.cwd(), folder) || "this folder"}, once`)
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]
  run("npm", args, { cwd: folder, shell: process.platform === "win32" })
}
if (!FileSystem.existsSync(generated)) console.error("Making the Effect 4 edition, once")
run(process.execPath, ["generate.mjs"], { cwd: here })

/** The drivers of Effect 4 want Node 22.19. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
const node = major > 22 || (major === 22 && minor >= 19)
  ? process.execPath
  : Path.join(here, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node")

let stopped = false
let app
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopped = true
    app?.kill(signal)
  })
}

/** A PostgreSQL that lives as long as we are connected to it. Its data are where the example on Effect 3 has its file. */
const startPostgres = async () => {
  const keeper = ChildProcess.spawn(node, ["--import", "tsx", "postgres.mjs", Path.resolve("notes-server.postgres")], {
    cwd: here,
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "ipc"]
  })
  const ended = once(keeper, "exit")
  const [{ folder, problem, url }] = await Promise.race([
    once(keeper, "message"),
    ended.then(([code]) => [{ problem: `it ended with ${code}` }])
  ])
  const stop = async () => {
    if (keeper.connected) keeper.disconnect()
    await ended
  }
  return { folder, problem, url, stop }
}

const postgres = process.env.DATABASE_URL ? undefined : await startPostgres()
if (postgres?.problem !== undefined) {
  const { problem } = postgres
  console.error(`Notes server: the embedded PostgreSQL did not start (${problem}). Set DATABASE_URL to another.`)
  process.exitCode = 1
} else if (!stopped) {
  if (postgres !== undefined) {
    const data = postgres.folder === undefined ? "are gone after this run" : `stay in ${postgres.folder}`
    console.error(`An embedded PostgreSQL has started. Its data ${data}. DATABASE_URL names another.`)
  }
  const args = ["--env-file=examples/notes-server/local.env", "--import", "tsx", "examples/notes-server/main.ts"]
  const env = { ...process.env, ...(postgres === undefined ? {} : { DATABASE_URL: postgres.url }) }
  app = ChildProcess.spawn(node, args, { cwd: generated, env, stdio: "inherit" })
  const [code, signal] = await once(app, "exit")
  process.exitCode = signal === null ? code : 1
}
await postgres?.stop()
