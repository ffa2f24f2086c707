/**
 * Changes the core one small place at a time and asks its tests whether they notice: `npm run mutation`, or
 * `npm run mutation -- plan expiry --minutes 10`. Fails where a change survives that `survivors.mjs` does not explain.
 */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { survivors } from "./survivors.mjs"

const here = fileURLToPath(new URL(".", import.meta.url))
const root = fileURLToPath(new URL("../..", import.meta.url))
const installed = `${here}node_modules/.package-lock.json`
const reportFile = `${here}.build/report.json`
const resultsFile = `${here}results.md`

/** What has most rules first: where the time is up, the rest was not tried. */
const everything = [
  "request",
  "plan",
  "expiry",
  "limit",
  "record",
  "credential",
  "signingKeys",
  "csrf",
  "cookiePolicy",
  "cookieJar",
  "signature",
  "base64url",
  "digest",
  "responseHeaders",
  "forwarded",
  "cookieHeader",
  "expiryQueue",
  "deviceLabel",
  "json",
  "signal",
  "redisFailure",
  "sqlFailure",
  "redisText",
  "sqlText"
]

/** `memoryStore` is tested by the conformance suite, and `storeModel` is a model for tests. */
const others = ["memoryStore", "storeModel"]

const forgotten = readdirSync(`${root}src/core`)
  .map((file) => file.replace(/\.ts$/, ""))
  .filter((file) => !everything.includes(file) && !others.includes(file))
if (forgotten.length > 0) {
  console.error(`In neither list of start.mjs: ${forgotten.join(", ")}.`)
  process.exit(2)
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "25" } }
})
const files = positionals.length > 0 ? positionals : everything
const unknown = files.filter((file) => !everything.includes(file))
if (unknown.length > 0) {
  console.error(`No such file of the core: ${unknown.join(", ")}. There are ${everything.join(", ")}.`)
  process.exit(2)
}
const deadline = performance.now() + Number(values.minutes) * 60_000

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(`${here}package-lock.json`).mtimeMs) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
}

/** The report of one file, or none where the time was up first. */
const mutate = (file) =>
  new Promise((resolve) => {
    rmSync(reportFile, { force: true })
    mkdirSync(`${here}.build`, { recursive: true })
    const stryker = `${here}node_modules/@stryker-mutator/core/bin/stryker.js`
    const args = [stryker, "run", `${here}stryker.config.mjs`, "--mutate", `src/core/${file}.ts`]
    // A group of its own, so that its test runner ends with it.
    const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit", detached: true })
    const stop = () => {
      try {
        process.kill(-child.pid, "SIGKILL")
      } catch {
        // It has ended by itself.
      }
    }
    const timer = setTimeout(stop, Math.max(0, deadline - performance.now()))
    process.once("SIGINT", stop)
    child.once("close", () => {
      clearTimeout(timer)
      process.off("SIGINT", stop)
      rmSync(`${here}.build/sandbox`, { recursive: true, force: true })
      resolve(existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, "utf8")) : undefined)
    })
  })

const sourceOf = (text, { end, start }) => {
  const lines = text.split("\n").slice(start.line - 1, end.line)
  lines[lines.length - 1] = lines[lines.length - 1].slice(0, end.column - 1)
  lines[0] = lines[0].slice(start.column - 1)
  return lines.join("\n")
}

const onOneLine = (text) => text.replace(/\s+/g, " ").trim()

/** The explanation of a survivor, found by what was changed, not by its line, or that of all in a file. */
const explained = (file, from, to) =>
  survivors.find((one) =>
    one.file === file && (one.from === undefined || onOneLine(one.from) === onOneLine(from) && onOneLine(one.to) === onOneLine(to))
  )

/** Puts a row into the results as they stand by then: two runs of different files keep each other's. */
const write = (file, row) => {
  const rows = new Map(
    existsSync(resultsFile)
      ? [...readFileSync(resultsFile, "utf8").matchAll(/^\| `(\w+)` \|.*$/gm)].map(([row, file]) => [file, row])
      : []
  ).set(file, row)
  const table = everything.map((file) => rows.get(file) ?? `| \`${file}\` | not tried yet | | | | |`)
  writeFileSync(
    resultsFile,
    `# Mutation testing of \`src/core\`

Made by \`npm run mutation\`, which says how many of the small changes that StrykerJS makes are noticed by \`test/core\` alone:
the tests of the layers above, which run the same rules on every store, are not asked. What survives and is explained is in
[survivors.mjs](survivors.mjs). \`memoryStore\` is tested by the conformance suite of stores, which needs Effect, and
\`storeModel\` is a model that tests use: neither is in the list. \`redisText\` and \`sqlText\` are mostly words that only a
server can try, so that what is left of them is explained by what the suites on servers noticed of it, not one by one.

| file | changes | noticed | | survive, explained | survive, unexplained |
|---|---|---|---|---|---|
${table.join("\n")}
`
  )
}

let unexplained = 0
for (const file of files) {
  const report = performance.now() < deadline ? await mutate(file) : undefined
  if (report === undefined) {
    console.log(`${file}: the time was up`)
    continue
  }
  const { mutants, source } = report.files[`src/core/${file}.ts`]
  const count = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length
  const alive = mutants.filter(({ status }) => status === "Survived" || status === "NoCoverage").map((mutant) => ({
    line: mutant.location.start.line,
    from: sourceOf(source, mutant.location),
    to: mutant.replacement
  }))
  const left = alive.filter(({ from, to }) => explained(file, from, to) === undefined)
  unexplained += left.length
  for (const { from, line, to } of left) {
    console.log(`src/core/${file}.ts:${line} survives, unexplained: ${onOneLine(from)}  =>  ${onOneLine(to)}`)
  }
  const tried = mutants.length - count("Ignored", "CompileError", "RuntimeError")
  const noticed = count("Killed", "Timeout")
  write(
    file,
    `| \`${file}\` | ${tried} | ${noticed} | ${(100 * noticed / tried).toFixed(1)} % | ${alive.length - left.length} | ${left.length} |`
  )
}
process.exitCode = unexplained === 0 ? 0 : 1
