import { defineConfig } from "vitest/config"
import base from "../../vitest.config.js"

/**
 * Which lines of `src` the tests reach: `npm run coverage`, or `npm run coverage -- test/core`.
 * `node test/coverage/summary.mjs` prints the table.
 */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["core", "http", "origins", "recipes", "redis", "sessions", "sql"].map((folder) =>
      `test/${folder}/**/*.test.ts`
    ),
    exclude: ["**/node_modules/**"],
    coverage: {
      enabled: true,
      provider: "v8",
      reportOnFailure: true,
      include: ["src/**/*.ts"],
      reporter: ["text", "json", "json-summary"],
      reportsDirectory: "coverage"
    }
  }
})
