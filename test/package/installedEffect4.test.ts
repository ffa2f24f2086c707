/** Installs the packed Effect 4 edition elsewhere, and uses it as its users do. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, beforeAll, describe, inject, test } from "vitest"
import { run } from "./command.js"
import { captured, compile, effectCopies, execute, makeProject, npmInstall, npmRefusal, versionOf } from "./project.js"

const folder = Path.resolve(import.meta.dirname, "../../effect4")
const manifest = JSON.parse(Fs.readFileSync(Path.join(folder, "package.json"), "utf8"))

const packed = inject("tarballEffect4")
const missing = "missing" in packed ? packed.missing : undefined
const [tarball, contents] = "missing" in packed ? ["", []] : [packed.path, packed.contents]
const tarballEffect3 = inject("tarball").path
const postgres = inject("postgres")

/** The versions that the tests run on. */
const effect4 = `effect@${manifest.devDependencies.effect}`
const sqlPg = `@effect/sql-pg@${manifest.devDependencies["@effect/sql-pg"]}`
const effect3 = "effect@^3.22"
const platform = "@effect/platform@^0.97"

/** The consumer, made by the rules that make the edition. */
const consumer = (...files: ReadonlyArray<string>): ReadonlyArray<string> =>
  files.map((file) => Path.join(folder, "generated/test/package/consumer", file))

const appSays = { name: "__Host-sid", body: { cart: ["tea", "tea"] }, same: true }

const sqlSays = { _id: "Option", _tag: "Some", value: { data: { cart: [] }, user: "ann" } }

const ownCopies = (loaded: ReadonlyArray<string>) => captured(loaded, /(\/[^/]+\/node_modules\/effect-sessions\/\w+\/)/)

const loadedEffects = (loaded: ReadonlyArray<string>) => captured(loaded, /(\/[^/]+\/node_modules\/effect\/\w+\/)/)

const nodeNext = { module: "NodeNext", moduleResolution: "NodeNext" }

const formats: ReadonlyArray<readonly [name: string, manifest: object, options: object]> = [
  ["ESM, NodeNext", { type: "module" }, nodeNext],
  ["ESM, bundler", { type: "module" }, { module: "ESNext", moduleResolution: "Bundler" }],
  ["CommonJS, NodeNext", {}, nodeNext]
]

describe.skipIf(missing !== undefined)("the Effect 4 edition", () => {
  describe("its tarball", () => {
    test("H2: packing builds: what is exported is there, with declarations and sources, and no test", () => {
      const modules = Object.values<string>(manifest.exports).flatMap((path) =>
        /^\.\/dist\/(\w+)\.js$/.exec(path) ?? []
      )
      assert.isNotEmpty(modules)
      const sources = contents.flatMap((path) => /^generated\/src\/(.*)\.ts$/.exec(path)?.[1] ?? []).sort()
      for (const extension of ["js", "js.map", "d.ts"]) {
        const pattern = new RegExp(`^dist/(.*)(?<!\\.d)\\.${extension.replace(".", "\\.")}$`)
        assert.deepStrictEqual(contents.flatMap((path) => pattern.exec(path)?.[1] ?? []).sort(), sources, extension)
      }
      for (const path of Object.values<string>(manifest.exports)) assert.include(contents, path.slice(2))
      assert.include(contents, "LICENSE")
      assert.include(contents, "CHANGELOG.md")
      assert.include(contents, "README.md")
      assert.deepStrictEqual(
        contents.filter((path) =>
          !/^(?:dist|generated\/src)\/|^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(path)
        ),
        []
      )
      assert.deepStrictEqual(contents.filter((path) => /test(?!ing\.)/i.test(path)), [])
    })

    test("G8: exports what version 3 exports", () => {
      const { exports } = JSON.parse(Fs.readFileSync(Path.join(folder, "../package.json"), "utf8"))
      assert.deepStrictEqual(Object.keys(manifest.exports).sort(), Object.keys(exports).sort())
    })
  })

  describe("with effect alone", () => {
    let bare = ""

    beforeAll(async () => {
      bare = makeProject("bare4", { type: "module" })
      await npmInstall(bare, [tarball, effect4])
    })

    test("G8: it is installed: one effect, and no other peer", () => {
      assert.deepStrictEqual(effectCopies(bare), ["node_modules/effect/package.json"])
      assert.strictEqual(versionOf(bare, "effect"), manifest.devDependencies.effect)
      assert.isFalse(Fs.existsSync(Path.join(bare, "node_modules/@effect")))
    })

    for (const [name, manifest, options] of formats) {
      test(`G7: ${name}: every declaration compiles, and an app runs with one copy of effect and one of us`, async () => {
        const project = makeProject(`bare4/${name.replace(/\W+/g, "-")}`, manifest)
        const checked = { ...options, skipLibCheck: false, declaration: true }
        assert.strictEqual(await compile(project, checked, consumer("app.ts", "api.ts")), "")
        const declaration = Fs.readFileSync(Path.join(project, "out/api.d.ts"), "utf8")
        assert.notMatch(declaration, /effect-sessions[^"']*\/(?:core|internal|dist|generated)\//)
        const { loaded, said } = await execute(project, "out/app.js")
        assert.deepStrictEqual(said, appSays)
        assert.deepStrictEqual(loadedEffects(loaded), ["/bare4/node_modules/effect/dist/"])
        assert.deepStrictEqual(ownCopies(loaded), ["/bare4/node_modules/effect-sessions/dist/"])
      })
    }

    test("G1: declarations made of ours compile, and nothing in them is any", async () => {
      const project = makeProject("bare4/declares", { type: "module" })
      assert.strictEqual(await compile(project, { ...nodeNext, declaration: true }, consumer("api.ts")), "")
      const reader = makeProject("bare4/reads", { type: "module" })
      const files = [Path.join(project, "out/api.d.ts"), ...consumer("apiConsumer.ts")]
      assert.strictEqual(await compile(reader, { ...nodeNext, skipLibCheck: false, noEmit: true }, files), "")
    })
  })

  describe.skipIf("missing" in postgres)("with PostgreSQL", () => {
    test("G7: the SQL store works beside one copy of effect", async () => {
      const project = makeProject("sql4", { type: "module" })
      await npmInstall(project, [tarball, effect4, sqlPg])
      assert.deepStrictEqual(effectCopies(project), ["node_modules/effect/package.json"])
      assert.strictEqual(await compile(project, nodeNext, consumer("sql.ts")), "")
      const url = "url" in postgres ? postgres.url : ""
      const { loaded, said } = await execute(project, "out/sql.js", { DATABASE_URL: url })
      assert.deepStrictEqual(said, sqlSays)
      assert.deepStrictEqual(loadedEffects(loaded), ["/sql4/node_modules/effect/dist/"])
    })
  })

  describe("the wrong pairs of effect4/CONTRIBUTING.md", () => {
    const refused: ReadonlyArray<readonly [name: string, there: string | undefined, added: ReadonlyArray<string>]> = [
      ["3.x with the newest effect", undefined, [tarballEffect3, effect4, platform]],
      ["3.x where effect is 4", effect4, [tarballEffect3]],
      ["4.x with effect 3", undefined, [tarball, effect3]],
      ["4.x where effect is 3", effect3, [tarball]]
    ]

    for (const [name, there, added] of refused) {
      test(`G8: npm installs nothing of ${name}, and says why`, async () => {
        const project = makeProject(`refused-${name.replace(/\W+/g, "-")}`, {})
        if (there !== undefined) await npmInstall(project, [there])
        const said = await npmRefusal(project, added)
        assert.match(said, /code ERESOLVE/)
        assert.match(said, /Found: effect@\d|peer effect@/)
        assert.isFalse(Fs.existsSync(Path.join(project, "node_modules/effect-sessions")))
      })
    }

    const forced: ReadonlyArray<readonly [name: string, what: ReadonlyArray<string>, says: RegExp]> = [
      [
        "3.x with effect 4",
        [tarballEffect3, effect4, platform],
        /Cannot find module '.*\/effect\/dist\/(?:FiberRef|ParseResult)\.js'|Cannot find package '@effect\/platform'/
      ],
      [
        "4.x with effect 3",
        [tarball, effect3],
        /Package subpath '\.\/(?:http\/Cookies|SchemaIssue)' is not defined by "exports"/
      ]
    ]

    for (const [name, what, says] of forced) {
      test(`G8: ${name}, installed by force, says at the first import what is missing`, async () => {
        const project = makeProject(`forced-${name.replace(/\W+/g, "-")}`, { type: "module" })
        await npmInstall(project, ["--force", ...what])
        const { code, output } = await run(process.execPath, ["-e", "import('effect-sessions')"], project)
        assert.strictEqual(code, 1)
        assert.match(output, says)
      })
    }
  })
})
