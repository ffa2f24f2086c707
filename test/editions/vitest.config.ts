import { defineConfig } from "vitest/config"
import { libraryIn, reportedBy } from "../support/vitestSettings.js"

/** The tests that need Effect 4 beside Effect 3: `npm ci` in `effect4` installs it. */
export default defineConfig({
  resolve: { alias: [...libraryIn(new URL("../../src/", import.meta.url))] },
  test: {
    include: ["test/editions/editions.test.ts"],
    globalSetup: ["test/support/databases.ts"],
    ...reportedBy("default"),
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
