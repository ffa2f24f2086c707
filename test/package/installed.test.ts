/** Installs the packed library elsewhere, and uses it as its users do. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, beforeAll, describe, inject, test } from "vitest"
import { run, succeed } from "./command.js"
import { captured, compile, effectCopies, execute, makeProject, npmInstall, versionOf } from "./project.js"
import { linesOf } from "./readme.js"

const root = Path.resolve(import.meta.dirname, "../..")
const { contents, path: tarball } = inject("tarball")

const consumer = (...files: ReadonlyArray<string>): ReadonlyArray<string> =>
  files.map((file) => Path.join(import.meta.dirname, "consumer", file))

/** The builds that were loaded: a copy of `effect` in another format is another `effect`. */
const effectBuilds = (loaded: ReadonlyArray<string>) => captured(loaded, /(\/node_modules\/effect\/dist\/\w+\/)/)

const ownBuilds = (loaded: ReadonlyArray<string>) =>
  captured(loaded, /\/node_modules\/effect-sessions\/(dist\/(?:cjs\/)?)/)

/** A project with everything that the README says to install; further projects stand in folders of it. */
const full = makeProject("full", { type: "module" })

/** A project with the required peers only. */
const bare = makeProject("bare", { type: "module" })

/** What the README says to install, line by line, with our tarball in the place of the name. */
const installLines = (): ReadonlyArray<ReadonlyArray<string>> => linesOf("npm install", "3", tarball)

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
        "dist/cjs/package.json",
        "CHANGELOG.md"
      ]
    ) {
      assert.include(contents, file)
    }
    assert.deepStrictEqual(
      contents.filter((path) => !/^(?:dist|src)\/|^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(path)),
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
    assert.strictEqual(await compile(bare, options, consumer("app.ts")), "")
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
    assert.match(versionOf(full, "effect"), /^3\./)
    assert.deepStrictEqual(effectCopies(full), ["node_modules/effect/package.json"])
  })

  test("every export loads, as an ES module and as CommonJS, and holds the same", async () => {
    const exported: object = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")).exports
    // The suite for stores loads in a test alone.
    const others = ["./package.json", "./testing"]
    const names = Object.keys(exported).filter((name) => !others.includes(name)).map((name) =>
      `effect-sessions${name.slice(1)}`
    )
    const program = `const names = ${JSON.stringify(names)}
      const held = (loaded) => Object.keys(loaded).filter((name) => !["default", "__esModule", "module.exports"].includes(name)).sort().join()
      Promise.all(names.map(async (name) => held(require(name)) === held(await import(name)) ? [] : [name]))
        .then((different) => console.log(JSON.stringify(different.flat())))`
    Fs.writeFileSync(Path.join(full, "exports.cjs"), program)
    assert.deepStrictEqual(JSON.parse(await succeed(process.execPath, ["exports.cjs"], full)), [])
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
      assert.strictEqual(await compile(project, options, consumer("app.ts", "sql.ts")), "")
      for (const [file, says] of [["app", appSays], ["sql", sqlSays]] as const) {
        const { loaded, said } = await execute(project, `out/${file}.js`)
        assert.deepStrictEqual(said, says)
        assert.deepStrictEqual(effectBuilds(loaded), [`/node_modules/effect/dist/${format}/`])
        assert.deepStrictEqual(ownBuilds(loaded), [format === "esm" ? "dist/" : "dist/cjs/"])
      }
    })

    test(`G1: ${name}: declarations made of ours compile, and nothing in them is any`, async () => {
      const project = makeProject(`full/declares-${name.replace(/\W+/g, "-")}`, manifest)
      assert.strictEqual(await compile(project, { ...options, declaration: true }, consumer("api.ts")), "")
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
      const files = consumer("apiConsumer.ts")
      const output = await compile(reader, { ...options, skipLibCheck: false, noEmit: true }, files)
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
