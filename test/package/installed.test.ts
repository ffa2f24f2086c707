/** Packs the library as `npm publish` would, installs it elsewhere, and uses it as its users do. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, test } from "vitest"

const root = Path.resolve(import.meta.dirname, "../..")
const consumer = Path.join(import.meta.dirname, "consumer")
const place = Fs.realpathSync(Fs.mkdtempSync(Path.join(OperatingSystem.tmpdir(), "effect-sessions-package-")))

/** What runs the tests may have set things for itself. */
const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...environment } = process.env

interface Outcome {
  readonly code: number | null
  readonly output: string
  readonly said: string
}

const run = (
  command: string,
  args: ReadonlyArray<string>,
  cwd: string,
  env: Record<string, string> = {}
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = ChildProcess.spawn(command, args, { cwd, env: { ...environment, ...env } })
    let said = ""
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text
      output += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, output, said }))
  })

const succeed = async (...args: Parameters<typeof run>): Promise<string> => {
  const { code, output, said } = await run(...args)
  assert.strictEqual(code, 0, `${args[0]} ${args[1].join(" ")}: ${output}`)
  return said
}

const tsc = async (project: string): Promise<string> =>
  (await run(process.execPath, [Path.join(root, "node_modules/typescript/bin/tsc"), "-p", "."], project)).output

const npmInstall = (project: string, what: ReadonlyArray<string>): Promise<string> =>
  succeed("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", ...what], project)

const makeProject = (path: string, manifest: object): string => {
  const project = Path.join(place, path)
  Fs.mkdirSync(project, { recursive: true })
  Fs.writeFileSync(Path.join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, ...manifest }))
  return project
}

const compilerOptions = {
  target: "ES2022",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  types: [],
  outDir: "out"
}

/** Puts files of the consumer into a project and compiles them. */
const compile = (project: string, options: object, files: ReadonlyArray<string>): Promise<string> => {
  for (const file of files) Fs.copyFileSync(Path.join(consumer, file), Path.join(project, file))
  Fs.writeFileSync(
    Path.join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...compilerOptions, ...options }, files })
  )
  return tsc(project)
}

/** Runs a program and tells which files of which packages were loaded, from what the coverage of Node lists. */
const execute = async (
  project: string,
  file: string
): Promise<{ readonly said: unknown; readonly loaded: ReadonlyArray<string> }> => {
  const coverage = Fs.mkdtempSync(Path.join(project, "coverage-"))
  const said = await succeed(process.execPath, [file], project, { NODE_V8_COVERAGE: coverage })
  const loaded = Fs.readdirSync(coverage).flatMap((report): ReadonlyArray<string> =>
    JSON.parse(Fs.readFileSync(Path.join(coverage, report), "utf8")).result.map(({ url }: { url: string }) => url)
  )
  return { said: JSON.parse(said), loaded }
}

/** The builds of a package that were loaded: a copy of `effect` in another format is another `effect`. */
const builds = (loaded: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<string> =>
  [...new Set(loaded.flatMap((url) => pattern.exec(url)?.[1] ?? []))].sort()

const effectBuilds = (loaded: ReadonlyArray<string>) => builds(loaded, /(\/node_modules\/effect\/dist\/\w+\/)/)

const ownBuilds = (loaded: ReadonlyArray<string>) =>
  builds(loaded, /\/node_modules\/effect-sessions\/(dist\/(?:cjs\/)?)/)

let tarball = ""
let contents: ReadonlyArray<string> = []

/** A project with everything that the README says to install; further projects stand in folders of it. */
let full = ""

/** A project with the required peers only. */
let bare = ""

/** What the README says to install, line by line, with our tarball in the place of the name. */
const installLines = (): ReadonlyArray<ReadonlyArray<string>> =>
  [...Fs.readFileSync(Path.join(root, "README.md"), "utf8").matchAll(/^npm install ([^&#\n]+)/gm)]
    .map(([, what = ""]) => what.trim().split(/\s+/).map((name) => name === "effect-sessions" ? tarball : name))

beforeAll(async () => {
  await succeed("npm", ["pack", "--pack-destination", place], root)
  tarball = Path.join(place, Fs.readdirSync(place).find((file) => file.endsWith(".tgz")) ?? "no tarball")
  contents = (await succeed("tar", ["-tzf", tarball], place)).trim().split("\n").map((path) =>
    path.replace(/^package\//, "")
  )
  full = makeProject("full", { type: "module" })
  bare = makeProject("bare", { type: "module" })
})

afterAll(() => Fs.rmSync(place, { recursive: true, force: true }))

const appSays = { name: "__Host-sid", body: { cart: ["tea", "tea"] }, same: true }

const sqlSays = { _id: "Option", _tag: "Some", value: { data: { cart: [] }, user: "ann" } }

describe("the tarball", () => {
  test("H2: packing builds: both builds are there, and no test", async () => {
    for (
      const file of [
        "dist/index.js",
        "dist/index.d.ts",
        "dist/cjs/index.js",
        "dist/cjs/index.d.ts",
        "dist/cjs/package.json"
      ]
    ) {
      assert.include(contents, file)
    }
    assert.deepStrictEqual(
      contents.filter((path) => !/^(?:dist|src)\/|^(?:package\.json|README\.md|LICENSE)$/.test(path)),
      []
    )
    assert.deepStrictEqual(contents.filter((path) => /test(?!ing\.)/i.test(path)), [])
    const sources = contents.filter((path) => /^src\/.*\.ts$/.test(path)).map((path) => path.slice(4, -3))
    const built = (pattern: RegExp) => contents.flatMap((path) => pattern.exec(path)?.[1] ?? []).sort()
    assert.deepStrictEqual(built(/^dist\/(?!cjs\/)(.*)\.js$/), [...sources].sort())
    assert.deepStrictEqual(built(/^dist\/cjs\/(.*)\.js$/), [...sources].sort())
  })
})

describe("with the required peers only", () => {
  test("it is installed, compiled and run; the SQL store and the suite for stores say what they miss", async () => {
    await npmInstall(bare, [tarball, "effect@^3.22", "@effect/platform@^0.97"])
    assert.isFalse(Fs.existsSync(Path.join(bare, "node_modules/@effect/sql")))
    assert.isFalse(Fs.existsSync(Path.join(bare, "node_modules/@effect/vitest")))
    const options = { module: "NodeNext", moduleResolution: "NodeNext" }
    assert.strictEqual(await compile(bare, options, ["app.ts"]), "")
    assert.deepStrictEqual((await execute(bare, "out/app.js")).said, appSays)
    const missing = await run(process.execPath, ["-e", "import('effect-sessions/SqlSessionStore')"], bare)
    assert.match(missing.output, /Cannot find package '@effect\/sql'/)
  })
})

describe("with what the README says to install", () => {
  beforeAll(async () => {
    const lines = installLines()
    assert.isAbove(lines.length, 0, "the README has lines that install")
    for (const line of lines) await npmInstall(full, line)
    await npmInstall(full, ["@effect/sql-libsql@^0.42"])
  })

  test("G8: the README's install lines work as written: one effect, of the major that we need", async () => {
    const { version } = JSON.parse(Fs.readFileSync(Path.join(full, "node_modules/effect/package.json"), "utf8"))
    assert.match(version, /^3\./)
    const copies = Fs.readdirSync(full, { recursive: true, encoding: "utf8" })
      .filter((path) => /node_modules\/effect\/package\.json$/.test(path))
    assert.deepStrictEqual(copies, ["node_modules/effect/package.json"])
  })

  const projects: ReadonlyArray<readonly [name: string, manifest: object, options: object, format: "esm" | "cjs"]> = [
    ["ESM, NodeNext", { type: "module" }, { module: "NodeNext", moduleResolution: "NodeNext" }, "esm"],
    ["ESM, bundler", { type: "module" }, { module: "ESNext", moduleResolution: "Bundler" }, "esm"],
    ["CommonJS, node10", {}, { module: "CommonJS", moduleResolution: "Node10" }, "cjs"],
    ["CommonJS, node16", {}, { module: "Node16", moduleResolution: "Node16" }, "cjs"],
    ["CommonJS, nodenext", {}, { module: "NodeNext", moduleResolution: "NodeNext" }, "cjs"]
  ]

  for (const [name, manifest, options, format] of projects) {
    test(`G7: ${name}: compiles and runs, with one copy of effect and one of us`, async () => {
      const project = makeProject(`full/${name.replace(/\W+/g, "-")}`, manifest)
      assert.strictEqual(await compile(project, options, ["app.ts", "sql.ts"]), "")
      for (const [file, says] of [["app", appSays], ["sql", sqlSays]] as const) {
        const { loaded, said } = await execute(project, `out/${file}.js`)
        assert.deepStrictEqual(said, says)
        assert.deepStrictEqual(effectBuilds(loaded), [`/node_modules/effect/dist/${format}/`])
        assert.deepStrictEqual(ownBuilds(loaded), [format === "esm" ? "dist/" : "dist/cjs/"])
      }
    })

    test(`G1: ${name}: declarations made of ours compile, and nothing in them is any`, async () => {
      const project = makeProject(`full/declares-${name.replace(/\W+/g, "-")}`, manifest)
      assert.strictEqual(await compile(project, { ...options, declaration: true }, ["api.ts"]), "")
      const declaration = Fs.readFileSync(Path.join(project, "out/api.d.ts"), "utf8")
      assert.deepStrictEqual(
        [...declaration.matchAll(/["'](effect-sessions[^"']*|\.[^"']*effect-sessions[^"']*)["']/g)].flatMap((
          [, path = ""]
        ) => /\/(?:core|internal|dist)\//.test(path) ? [path] : []),
        []
      )
      // Errors in declarations show only without `skipLibCheck`; those of others are not ours to mend.
      const reader = makeProject(`full/reads-${name.replace(/\W+/g, "-")}`, manifest)
      Fs.copyFileSync(Path.join(project, "out/api.d.ts"), Path.join(reader, "api.d.ts"))
      const output = await compile(reader, { ...options, skipLibCheck: false, noEmit: true }, ["apiConsumer.ts"])
      const ours = output.split("\n").filter((line) =>
        /error TS/.test(line) && (/effect-sessions\//.test(line.split("(")[0] ?? "") || !/node_modules/.test(line))
      )
      assert.deepStrictEqual(ours, [])
    })
  }

  test("H8: only what is listed can be imported: nothing of the core, no internals, no paths", async () => {
    const manifest = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
    const listed = Object.keys(manifest.exports).filter((path) => path !== "./package.json")
    const modules = contents.flatMap((path) => /^src\/(.*)\.ts$/.exec(path)?.[1] ?? [])
    const tries = [...modules, ...modules.map((name) => `dist/${name}.js`), "core/plan.js", "dist/cjs/index.js"]
    const script = `Promise.all(${JSON.stringify(tries)}.map((path) =>
      Promise.resolve().then(() => import.meta.resolve("effect-sessions/" + path)).then(() => path, () => undefined)))
      .then((found) => console.log(JSON.stringify(found.filter((path) => path !== undefined))))`
    const found = await succeed(process.execPath, ["--input-type=module", "-e", script], full)
    const names = listed.filter((path) => path !== ".").map((path) => path.slice(2))
    assert.deepStrictEqual(JSON.parse(found).sort(), [...names].sort())
    const required = await succeed(
      process.execPath,
      [
        "--input-type=commonjs",
        "-e",
        `console.log(JSON.stringify(${JSON.stringify(tries)}.filter((path) => {
          try { return require.resolve("effect-sessions/" + path) } catch { return false }
        })))`
      ],
      full
    )
    assert.deepStrictEqual(JSON.parse(required).sort(), [...names].sort())
  })
})
