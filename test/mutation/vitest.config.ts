import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { libraryIn } from "../support/vitestSettings.js"

/** The tests of the core alone: they need no server and, made light, no Effect. Each mutant runs those that reach it. */
export default defineConfig({
  resolve: {
    alias: [
      ...libraryIn(new URL("../../src/", import.meta.url)),
      { find: "@effect/vitest", replacement: fileURLToPath(new URL("light.ts", import.meta.url)) },
      { find: "effect/FastCheck", replacement: "fast-check" }
    ]
  },
  test: { include: ["test/core/**/*.test.ts"], testTimeout: 60_000 }
})
