import { defineConfig } from "vitest/config"
import { libraryIn, reportedBy } from "../test/support/vitestSettings.js"
import { skipped } from "./exceptions.mjs"

export default defineConfig({
  resolve: { alias: [...libraryIn(new URL("./generated/src/", import.meta.url))] },
  test: {
    include: ["generated/test/**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    globalSetup: ["generated/test/support/databases.ts"],
    ...reportedBy("default", "./generated/test/support/skippedReporter.ts"),
    testNamePattern: new RegExp(`^(?!.*(?:${Object.keys(skipped).join("|")}))`),
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
