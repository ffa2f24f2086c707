import * as ChildProcess from "node:child_process"
import * as Path from "node:path"

/** Runs a program of this folder, which asks the compiler: in a process of its own, since it blocks the one that it runs in. */
export const ask = (program: string, input = ""): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = ChildProcess.execFile(
      process.execPath,
      ["--import", "tsx", Path.join(import.meta.dirname, program)],
      { maxBuffer: 2 ** 26 },
      (error, said) => error === null ? resolve(said) : reject(error)
    )
    child.stdin?.end(input)
  })
