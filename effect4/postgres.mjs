/**
 * The PostgreSQL of `start.mjs`, in a process of its own: a Ctrl-C does not reach it, and it ends when `start.mjs` has
 * ended, in whatever way. Its data go with it.
 */
import * as FileSystem from "node:fs/promises"
import { makeFolder, makePostgres } from "./generated/test/support/postgres.ts"

const over = new Promise((resolve) => {
  for (const event of ["disconnect", "SIGINT", "SIGTERM"]) process.once(event, resolve)
})
const tell = (message) => process.connected && process.send(message)

const folder = await makeFolder()
let postgres
try {
  postgres = await makePostgres({ folder, name: "data", settings: ["fsync=off"] })
  await postgres.start()
  tell({ url: postgres.url })
} catch (error) {
  tell({ problem: error.message })
}
await over
await postgres?.stop()
await FileSystem.rm(folder, { recursive: true, force: true })
