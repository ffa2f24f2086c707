import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** Where CI wants the results as JSON. */
const resultsFile = process.env["TEST_RESULTS"]

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-sessions$/, replacement: source("index.ts") },
      { find: /^effect-sessions\/(.*)$/, replacement: source("$1.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Installs the package elsewhere: `npm run test:package`. Needs Effect 4 as well: `npm run test:editions`.
    exclude: ["**/node_modules/**", "test/package/installed.test.ts", "test/editions/editions.test.ts"],
    globalSetup: ["test/support/databases.ts"],
    reporters: ["default", "./test/support/skippedReporter.ts", ...(resultsFile === undefined ? [] : ["json"])],
    ...(resultsFile === undefined ? {} : { outputFile: { json: resultsFile } }),
    // Effect is loaded once for all files of a worker, not once for each: that was more work than most tests.
    isolate: false,
    // For machines that are busy with something else: what hangs is found, what is slow passes.
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
