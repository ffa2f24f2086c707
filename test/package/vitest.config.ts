import { defineConfig } from "vitest/config"
import { reportedBy } from "../support/vitestSettings.js"

/** The tests that install the package elsewhere: slow, and in need of a registry, so not part of `npm test`. */
export default defineConfig({
  test: {
    include: ["test/package/installed*.test.ts"],
    globalSetup: ["test/support/databases.ts", "test/package/tarballs.ts"],
    ...reportedBy("default"),
    testTimeout: 600_000,
    hookTimeout: 600_000
  }
})
