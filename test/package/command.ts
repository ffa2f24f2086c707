import * as ChildProcess from "node:child_process"

/** What runs the tests may have set things for itself. */
const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...environment } = process.env

interface Outcome {
  readonly code: number | null
  readonly output: string
  readonly said: string
}

export const run = (
  command: string,
  args: ReadonlyArray<string>,
  cwd: string,
  env: Record<string, string> = {}
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = ChildProcess.spawn(command, args, { cwd, env: { ...environment, ...env } })
    let said = ""
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text
      output += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, output, said }))
  })

/** What a command says that must not fail. */
export const succeed = async (...args: Parameters<typeof run>): Promise<string> => {
  const { code, output, said } = await run(...args)
  if (code !== 0) throw new Error(`${args[0]} ${args[1].join(" ")} ended with ${code}: ${output}`)
  return said
}
