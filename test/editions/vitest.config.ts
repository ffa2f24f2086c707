import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url))

/** Where CI wants the results as JSON. */
const resultsFile = process.env["TEST_RESULTS"]

/** The tests that need Effect 4 beside Effect 3: `npm ci` in `effect4` installs it. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-sessions$/, replacement: source("index.ts") },
      { find: /^effect-sessions\/(.*)$/, replacement: source("$1.ts") }
    ]
  },
  test: {
    include: ["test/editions/editions.test.ts"],
    globalSetup: ["test/support/databases.ts"],
    reporters: ["default", ...(resultsFile === undefined ? [] : ["json"])],
    ...(resultsFile === undefined ? {} : { outputFile: { json: resultsFile } }),
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
