import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { skipped } from "./exceptions.mjs"

const source = (path: string): string => fileURLToPath(new URL(`./generated/src/${path}`, import.meta.url))

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
    include: ["generated/test/**/*.test.ts"],
    globalSetup: ["generated/test/support/databases.ts"],
    reporters: [
      "default",
      "./generated/test/support/skippedReporter.ts",
      ...(resultsFile === undefined ? [] : ["json"])
    ],
    ...(resultsFile === undefined ? {} : { outputFile: { json: resultsFile } }),
    testNamePattern: new RegExp(`^(?!.*(?:${Object.keys(skipped).join("|")}))`),
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
