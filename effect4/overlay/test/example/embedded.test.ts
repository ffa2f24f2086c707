/** The example as `npm run start:effect4` starts it, with a PostgreSQL of its own. */
import * as ChildProcess from "node:child_process"
import * as FileSystem from "node:fs/promises"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, onTestFinished, test } from "vitest"
import { postgresMissing } from "../support/clients.js"
import { makeFolder } from "../support/postgres.js"
import { addressOf, makeClient, type Running } from "./process.js"

const program = Path.resolve(import.meta.dirname, "../../../start.mjs")

let folder = ""
beforeAll(async () => {
  folder = await makeFolder()
})
afterAll(() => FileSystem.rm(folder, { recursive: true, force: true }))

const start = (): Running => {
  const env = { PATH: process.env["PATH"], PORT: "0" }
  const child = ChildProcess.spawn(process.execPath, [program], { cwd: folder, env })
  onTestFinished(() => {
    child.kill()
  })
  let out = ""
  let problems = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    problems += text
  })
  const ended = new Promise<Awaited<Running["ended"]>>((resolve) => {
    child.once("close", (code) => resolve({ code, out, problems }))
  })
  const started = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text
      if (out.includes("\n")) resolve(out)
    })
    child.once("close", () => reject(new Error(problems)))
  })
  started.catch(() => {})
  return { started, ended, stop: () => child.kill("SIGTERM") }
}

describe.skipIf(postgresMissing() !== undefined)("the embedded PostgreSQL", () => {
  test("H3: what it stores is there after a crash, and two do not share it", async () => {
    const first = start()
    const client = makeClient(await addressOf(first))
    await client.send("/api/notes", { text: "kept" })

    const refused = await start().ended
    assert.deepStrictEqual([refused.code, refused.out], [1, ""])
    assert.match(refused.problems, /^Notes server: [^\n]+process \d+ runs with the same data, in [^\n]+\n$/)

    // The id of the process that ended is that of another program by now.
    const lock = Path.join(folder, "notes-server.postgres/data/postmaster.pid")
    const [id = "", ...others] = (await FileSystem.readFile(lock, "utf8")).split("\n")
    process.kill(Number(id), "SIGKILL")
    first.stop()
    await first.ended
    await FileSystem.writeFile(lock, [process.pid, ...others].join("\n"))

    const second = start()
    const returning = makeClient(await addressOf(second), client.cookie)
    assert.deepStrictEqual((await returning.send("/api/session")).body.notes, ["kept"])
    second.stop()
    const { code, problems } = await second.ended
    assert.deepStrictEqual([code, problems.trim().split("\n").length], [0, 1], problems)
    assert.include(problems, `Its data stay in ${Path.join(folder, "notes-server.postgres")}`)
  })
})
