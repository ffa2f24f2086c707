/**
 * The PostgreSQL of `start.mjs`, in a process of its own: a Ctrl-C does not reach it, and it ends when `start.mjs` has
 * ended, in whatever way. Its data stay in the folder that is given, if it can be used there.
 */
import * as ChildProcess from "node:child_process"
import * as FileSystem from "node:fs/promises"
import * as Path from "node:path"
import { isReachable, makeFolder, makePostgres } from "./generated/test/support/postgres.ts"

const over = new Promise((resolve) => {
  for (const event of ["disconnect", "SIGINT", "SIGTERM"]) process.once(event, resolve)
})
const tell = (message) => process.connected && process.send(message)

/** What runs under an id. None means nothing, or that this system does not tell. */
const programOf = (id) =>
  FileSystem.readFile(`/proc/${id}/comm`, "utf8").catch(() =>
    ChildProcess.spawnSync("ps", ["-o", "comm=", "-p", id], { encoding: "utf8" }).stdout ?? ""
  )

/**
 * Who has the data of a server. PostgreSQL sees by itself when that process is gone, but not when another program runs
 * under its id by now, as after a restart of the machine: then what it left is removed here.
 */
const findOwner = async (data) => {
  const file = Path.join(data, "postmaster.pid")
  const [id] = (await FileSystem.readFile(file, "utf8").catch(() => "")).split("\n")
  const program = id === "" ? "" : await programOf(id)
  if (program === "") return undefined
  if (/postgres/.test(program)) return id
  await FileSystem.rm(file)
}

const kept = process.argv[2]
const isKept = await isReachable(Path.dirname(kept))
const folder = isKept ? kept : await makeFolder()
let postgres
try {
  await FileSystem.mkdir(folder, { recursive: true })
  postgres = await makePostgres({ folder, name: "data", settings: isKept ? [] : ["fsync=off"] })
  const owner = await findOwner(Path.join(folder, "data"))
  if (owner !== undefined) throw new Error(`process ${owner} runs with the same data, in ${folder}`)
  await postgres.start()
  tell({ url: postgres.url, folder: isKept ? folder : undefined })
} catch (error) {
  tell({ problem: error.message })
}
await over
await postgres?.stop()
if (!isKept) await FileSystem.rm(folder, { recursive: true, force: true })
