import { defineConfig } from "vitest/config"

/** Where CI wants the results as JSON. */
const resultsFile = process.env["TEST_RESULTS"]

/** The tests that install the package elsewhere: slow, and in need of a registry, so not part of `npm test`. */
export default defineConfig({
  test: {
    include: ["test/package/installed.test.ts"],
    reporters: ["default", ...(resultsFile === undefined ? [] : ["json"])],
    ...(resultsFile === undefined ? {} : { outputFile: { json: resultsFile } }),
    testTimeout: 600_000,
    hookTimeout: 600_000
  }
})
