import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort } from "../support/ports.js"

/** The version of the `redis-server` that can be started, if one can. */
export const redisVersion = (): string | undefined =>
  /v=(\S+)/.exec(spawnSync("redis-server", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1]

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

/** Starts a Redis of its own in a folder that it makes. It keeps nothing on disk. */
export const startRedis = async (folder: string): Promise<{ readonly url: string; readonly stop: () => void }> => {
  mkdirSync(folder)
  const port = await freePort()
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
  const child: ChildProcess = spawn("redis-server", args, { stdio: "ignore" })
  for (let turn = 0; !await accepts(port); turn++) {
    if (turn > 100 || child.exitCode !== null) throw new Error("redis-server did not start")
    await sleep(100)
  }
  return { url: `redis://127.0.0.1:${port}`, stop: () => child.kill("SIGKILL") }
}
