import { defineConfig } from "vitest/config"
import { libraryIn, reportedBy } from "./test/support/vitestSettings.js"

export default defineConfig({
  resolve: { alias: [...libraryIn(new URL("./src/", import.meta.url))] },
  test: {
    include: ["test/**/*.test.ts"],
    // Installs the package elsewhere: `npm run test:package`. Needs Effect 4 as well: `npm run test:editions`.
    exclude: [
      "**/node_modules/**",
      "test/package/installed*.test.ts",
      "test/editions/editions.test.ts"
    ],
    globalSetup: ["test/support/databases.ts"],
    setupFiles: ["test/support/ownIt.ts"],
    ...reportedBy("default", "./test/support/skippedReporter.ts"),
    // Effect is loaded once for all files of a worker, not once for each: that was more work than most tests.
    isolate: false,
    // For machines that are busy with something else: what hangs is found, what is slow passes.
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
