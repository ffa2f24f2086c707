/** One file is given by `start.mjs` with `--mutate`; the tests are those of `vitest.config.ts` that reach it. */
export default {
  plugins: ["@stryker-mutator/vitest-runner"],
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts" },
  // Only what the tests of the core need is copied.
  ignorePatterns: ["**", "!src/**", "!test/core/**", "!test/support/**", "!test/mutation/*.ts", "!package.json", "!tsconfig*.json"],
  tempDirName: "test/mutation/.build/sandbox",
  concurrency: 1,
  coverageAnalysis: "perTest",
  disableTypeChecks: false,
  reporters: ["json", "progress-append-only"],
  jsonReporter: { fileName: "test/mutation/.build/report.json" },
  timeoutMS: 10_000,
  timeoutFactor: 3,
  allowEmpty: true,
  allowConsoleColors: false
}
