import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Message, Reply, RunResult } from "./load/messages.js"
import { pinned, type Pinning } from "./pinning.js"

/** The harness's end of the load generator's process. */
export interface Loader {
  readonly send: (message: Message) => Promise<RunResult | null>
  readonly stop: () => void
}

export const startLoader = (pinning: Pinning | undefined): Loader => {
  const script = fileURLToPath(new URL("load/load.ts", import.meta.url))
  const [command, args] = pinned(pinning?.load, [process.execPath, "--import", import.meta.resolve("tsx"), script])
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  child.on("error", () => {})
  const send = (message: Message): Promise<RunResult | null> =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error("the load generator ended"))
      child.once("exit", ended)
      child.once("message", (reply: Reply) => {
        child.removeListener("exit", ended)
        if (reply.ok) resolve(reply.result)
        else reject(new Error(reply.error))
      })
      if (child.connected) child.send(message)
      else ended()
    })
  return { send, stop: () => child.kill("SIGKILL") }
}
