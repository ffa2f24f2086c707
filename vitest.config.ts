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
    exclude: ["**/node_modules/**"],
    globalSetup: ["test/support/databases.ts"],
    reporters: ["default", "./test/support/skippedReporter.ts", ...(resultsFile === undefined ? [] : ["json"])],
    ...(resultsFile === undefined ? {} : { outputFile: { json: resultsFile } }),
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
