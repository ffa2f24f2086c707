import { defineConfig } from "vitest/config"
import base from "../vitest.config.js"

/** The tests of the store on Redis, which is not finished: `npm run test:redis`. They start servers of their own. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ["test/redis/**/*.test.ts"], exclude: ["**/node_modules/**"] }
})
