import type { Reporter, TestModule } from "vitest/node"

/** Names every skipped test, and why, at the end of the run: nothing is skipped silently. */
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => {
        const result = test.result()
        const note = result.state === "skipped" ? result.note : undefined
        return `  ${module.moduleId.split("/test/").at(-1)} > ${test.fullName}${note === undefined ? "" : ` (${note})`}`
      })
    )
    process.stdout.write(
      skipped.length === 0 ? "\nNothing was skipped.\n" : `\nSkipped, ${skipped.length}:\n${skipped.join("\n")}\n`
    )
  }
}
