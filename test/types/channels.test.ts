/**
 * What every public function and every member of a public service fails with and needs, as a table, `channels.txt`; and
 * that doc comments say the same.
 */
import { assert, beforeAll, expect, test } from "vitest"
import { ask } from "./ask.js"
import type { Channels } from "./channels.js"

let found: ReadonlyArray<Channels> = []

beforeAll(async () => {
  found = JSON.parse(await ask("channels.ts"))
})

test("error and requirement channels of every public function and service are those of the table", async () => {
  const lines = found.map(({ fails, kind, needs, path }) => `${path} ${kind}: fails with ${fails}; needs ${needs}`)
  assert.isAbove(lines.length, 100)
  assert.deepStrictEqual(lines.filter((line) => /: fails with .*\b(?:any|unknown)\b/.test(line)), [])
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("channels.txt")
})

/** The errors of a channel by their names, without what it takes away and without those that a caller brings along. */
const errorsIn = ({ fails }: Channels): ReadonlyArray<string> =>
  (fails.replace(/Exclude<\w+, \w+>/g, "").match(/\b\w{2,}\b/g) ?? []).filter((name) => name !== "never")

/** What a name stands for that may be one for several errors. */
const each = (name: string): ReadonlyArray<string> => {
  const several = found.find(({ kind, path }) => kind === "Errors" && path.endsWith(`.${name}`))
  return several === undefined ? [name] : errorsIn(several)
}

const namesIn = (text: string): ReadonlyArray<string> => Array.from(text.matchAll(/`(\w+)`/g), ([, name = ""]) => name)

/** What a doc comment says that its function fails with. */
const claimedIn = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/\b(?:Fails|The layer fails) [^.]*/g)).flatMap(([sentence]) =>
    namesIn(sentence).filter((name) => /^Session\w|Error$/.test(name))
  )

test("a doc comment names every error that its function fails with", () => {
  const silent = found.flatMap((one) => {
    const named = namesIn(`${one.documentation}\n${one.documentationAround}`).flatMap(each)
    return errorsIn(one).flatMap(each).filter((name) => !named.includes(name)).map((name) => `${one.path}: ${name}`)
  })
  assert.deepStrictEqual(silent, [])
})

test("a doc comment names no error that its function does not fail with", () => {
  const wrong = found.flatMap(({ documentation, path }) => {
    const possible = found.filter((one) => one.path === path).flatMap(errorsIn).flatMap(each)
    return claimedIn(documentation).flatMap(each).filter((name) => !possible.includes(name)).map((name) =>
      `${path}: ${name}`
    )
  })
  assert.deepStrictEqual(wrong, [])
})
