import type { Reporter, TestCase, TestModule, Vitest } from "vitest/node"
import { binaryMissing } from "../redis/support/servers.js"

/** The file and the outermost block of a test. */
const blockOf = (test: TestCase): string => {
  const file = test.module.moduleId.split("/test/").at(-1)
  return `${file} > ${test.fullName.split(" > ")[0]}`
}

/** Names what was skipped, and why, at the end of the run: nothing is skipped silently. */
export default class SkippedReporter implements Reporter {
  private vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.vitest = vitest
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const counts = new Map<string, number>()
    for (const module of modules) {
      for (const test of module.children.allTests("skipped")) {
        const result = test.result()
        const note = result.state === "skipped" && result.note !== undefined ? ` (${result.note})` : ""
        const block = blockOf(test) + note
        counts.set(block, (counts.get(block) ?? 0) + 1)
      }
    }
    const lines = [...counts].map(([block, count]) => `  ${block}: ${count} tests`)
    const redis = binaryMissing()
    const reasons = (this.vitest?.projects ?? []).flatMap((project) => {
      const { mysql, postgres } = project.getProvidedContext()
      return [postgres, mysql].flatMap((server) => "missing" in server ? [`  because ${server.missing}`] : [])
    })
    if (redis !== undefined) reasons.push(`  because ${redis}`)
    process.stdout.write(
      counts.size === 0 ? "\nNothing was skipped.\n" : `\nSkipped:\n${[...lines, ...reasons].join("\n")}\n`
    )
  }
}
