/** Follows the README of each version in an empty folder, with each package manager. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, inject, test } from "vitest"
import { startOn } from "../example/programs.js"
import { succeed } from "./command.js"
import { makeProject, versionOf } from "./project.js"
import { linesOf, mainOf } from "./readme.js"

const root = Path.resolve(import.meta.dirname, "../..")
const tarball3 = inject("tarball").path
const tarball4 = inject("tarballEffect4")

const managers = [
  { name: "npm", command: "npm install", run: ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"] },
  { name: "pnpm 9", command: "pnpm add", run: ["npx", "--yes", "pnpm@9", "add"] },
  // Fails where a dependency has a script that is neither allowed nor ignored.
  { name: "pnpm 12", command: "pnpm add", run: ["npx", "--yes", "pnpm@12", "add"] },
  { name: "yarn", command: "yarn add", run: ["npx", "--yes", "yarn@1", "add", "--no-progress"] }
] as const

const lines = [
  { version: "3", tarball: tarball3, missing: undefined },
  {
    version: "4",
    tarball: "missing" in tarball4 ? "" : tarball4.path,
    missing: "missing" in tarball4 ? tarball4.missing : undefined
  }
] as const

/** The environment with a Node that the packages of Effect 4 take. */
const pathFor = (version: "3" | "4"): string =>
  [...(version === "4" ? [Path.join(root, "effect4/node_modules/node/bin")] : []), process.env["PATH"]].join(":")

describe.each(lines)("For Effect $version, the README", ({ missing, tarball, version }) => {
  test.skipIf(missing !== undefined).each(managers)("works as written with $name", async ({ command, name, run }) => {
    const project = makeProject(`readme-${version}-${name.replace(/\W/g, "-")}`, { type: "module" })
    const [first, ...others] = linesOf(command, version, tarball)
    assert.isDefined(first, "the README says how")
    const [program, ...args] = run
    const path = pathFor(version)
    // Further lines are for npm alone, and installed with it by another test.
    for (const line of command === "npm install" ? [first, ...others] : [first]) {
      await succeed(program, [...args, ...line ?? []], project, { PATH: path })
    }
    assert.match(versionOf(project, "effect"), new RegExp(`^${version}\\.`))
    Fs.writeFileSync(Path.join(project, "main.ts"), mainOf(version))
    const tsx = `file://${Path.join(root, "node_modules/tsx/dist/loader.mjs")}`
    const { address: listening } = startOn("node", ["--import", tsx, "main.ts"], { PATH: path }, project)
    const address = await listening
    const cart = await fetch(`${address}/cart/tea`, { method: "POST" })
    const [cookie = ""] = cart.headers.getSetCookie()
    assert.deepInclude(await cart.json(), { cart: ["tea"] })
    const headers = { cookie: cookie.split(";")[0] ?? "" }
    const shown = await fetch(address, { headers })
    assert.deepStrictEqual(await shown.json(), { user: null, cart: ["tea"] })
    const visitor = await fetch(address)
    assert.deepStrictEqual(await visitor.json(), { user: null, cart: [] })
    assert.deepStrictEqual(visitor.headers.getSetCookie(), [])
  })
})
