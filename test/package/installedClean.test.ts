/** The tarballs under the eyes of two linters, in a bundle, without their optional peers and on every Node they name. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, beforeAll, describe, inject, test } from "vitest"
import { bundle, modulesOf, packagesOf } from "./bundle.js"
import { run, succeed } from "./command.js"
import { lint } from "./lint.js"
import { compile, effectCopies, makeProject, npmInstall } from "./project.js"
import { recordedSizes, sizeProblems } from "./sizes.js"

const root = Path.resolve(import.meta.dirname, "../..")
const effect4 = inject("tarballEffect4")
const manifestOf = (folder: string) => JSON.parse(Fs.readFileSync(Path.join(root, folder, "package.json"), "utf8"))

interface Edition {
  readonly major: number
  readonly folder: string
  readonly tarball: string
  /** What an app has to install besides. */
  readonly peers: ReadonlyArray<string>
  /** The module whose peer is missing, what brings it, and what Node says without. */
  readonly optional: ReadonlyArray<readonly [module: string, install: ReadonlyArray<string>, missing: string]>
  readonly consumers: string
}

const version4 = manifestOf("effect4").devDependencies

const editions: ReadonlyArray<Edition> = [
  {
    major: 3,
    folder: ".",
    tarball: inject("tarball").path,
    peers: ["effect@^3.22", "@effect/platform@^0.97"],
    optional: [
      ["SqlSessionStore", ["@effect/sql@^0.52", "@effect/experimental@^0.61"], "@effect/sql"],
      ["RedisSessionStore", ["ioredis@^5.6"], "ioredis"],
      ["testing", ["@effect/vitest@^0.30", "vitest@^3.2"], "@effect/vitest"]
    ],
    consumers: Path.join(import.meta.dirname, "consumer")
  },
  ...("missing" in effect4 ? [] : [
    {
      major: 4,
      folder: "effect4",
      tarball: effect4.path,
      peers: [`effect@${version4.effect}`],
      optional: [
        ["RedisSessionStore", ["ioredis@^5.6"], "ioredis"],
        ["testing", [`@effect/vitest@${version4["@effect/vitest"]}`, "vitest@^5"], "@effect/vitest"]
      ] satisfies Edition["optional"],
      consumers: Path.join(root, "effect4/generated/test/package/consumer")
    }
  ])
]

const nodeNext = { module: "NodeNext", moduleResolution: "NodeNext" }
const strictest = { ...nodeNext, skipLibCheck: false }

test.skipIf("missing" in effect4)("H2: both editions are there", () => {
  assert.deepStrictEqual(editions.map(({ major }) => major), [3, 4])
})

for (const { consumers, folder, major, optional, peers, tarball } of editions) {
  const { version } = manifestOf(folder)

  /** With the required peers, and with nothing else. */
  const bare = makeProject(`clean${major}`, { type: "module" })

  const importOf = (module: string): string => {
    const file = Path.join(bare, `imports-${module}.ts`)
    Fs.writeFileSync(file, `import * as Module from "effect-sessions/${module}"\nexport const module = Module\n`)
    return file
  }

  describe(`Version ${major}`, () => {
    beforeAll(() => npmInstall(bare, [tarball, ...peers]))

    test("H2: nothing is wrong with the tarball for publint and attw, and its size is the recorded one", async () => {
      const { problems, size } = await lint(tarball, { esmOnly: major > 3 })
      assert.deepStrictEqual(problems, [])
      assert.deepStrictEqual(sizeProblems(version, size, recordedSizes().get(version)), [])
    })

    test("H2: says where it comes from", () => {
      const { bugs, homepage, keywords, repository } = manifestOf(folder)
      const [, base] = /^git\+(https:.*)\.git$/.exec(repository.url) ?? []
      assert.strictEqual(homepage, `${base}#readme`)
      assert.strictEqual(bugs.url, `${base}/issues`)
      assert.isAbove(keywords.length, 5)
    })

    test("G7: without optional peers everything else compiles, declarations of others included, as either format", async () => {
      const files = ["app.ts", "api.ts", "device.ts"].map((file) => Path.join(consumers, file))
      assert.strictEqual(await compile(bare, strictest, files), "")
      const bundler = { module: "ESNext", moduleResolution: "Bundler", skipLibCheck: false }
      assert.strictEqual(await compile(makeProject(`clean${major}/bundler`, { type: "module" }), bundler, files), "")
      assert.strictEqual(await compile(makeProject(`clean${major}/commonjs`, {}), strictest, files), "")
    })

    for (const [module, install, missing] of optional) {
      test(`G7: ${module} without ${missing} says so, and with it compiles and loads`, async () => {
        const file = importOf(module)
        const load = [
          "-e",
          `import("effect-sessions/${module}").then((module) => console.log(Object.keys(module).length))`
        ]
        const without = await run(process.execPath, load, bare)
        assert.include(without.output, `Cannot find package '${missing}'`)

        const project = makeProject(`clean${major}-${module}`, { type: "module" })
        await npmInstall(project, [tarball, ...peers, ...install])
        assert.strictEqual(await compile(project, nodeNext, [file]), "")
        // Vitest 3 is loaded by itself alone; vitest 5 needs a newer Node to run, but none to be loaded.
        if (install.includes("vitest@^3.2")) {
          const loads = `import { assert, test } from "vitest"
import * as Module from "effect-sessions/${module}"
test("loads", () => assert.isAbove(Object.keys(Module).length, 0))`
          Fs.writeFileSync(Path.join(project, "loads.test.js"), loads)
          const said = await succeed(process.execPath, ["node_modules/vitest/vitest.mjs", "run"], project)
          assert.match(said, /1 passed/)
        } else {
          assert.isAbove(Number(await succeed(process.execPath, load, project)), 0)
        }
        assert.deepStrictEqual(effectCopies(project), ["node_modules/effect/package.json"])
      })
    }

    test("H2: a bundle of an app with sessions in memory has nothing of SQL, Redis or browsers' names", async () => {
      await compile(bare, nodeNext, [Path.join(consumers, "app.ts")])
      const app = await bundle(bare, "out/app.js")
      const modules = modulesOf(app)
      assert.include(modules, "core/plan")
      assert.deepStrictEqual(
        modules.filter((module) =>
          /sql|redis|device|forwarded|addresses|testing|browser|storeModel|Cleaner|Flash|Guard/i.test(module)
        ),
        []
      )
      assert.deepStrictEqual(
        packagesOf(app),
        major === 3
          ? ["@effect/platform", "effect", "effect-sessions", "find-my-way-ts", "multipasta"]
          : ["effect", "effect-sessions"]
      )
      assert.deepStrictEqual(app.node, ["node:crypto"])
      const ours = [...app.files].flatMap(([path, bytes]) => /effect-sessions\/dist/.test(path) ? [bytes] : [])
      assert.isBelow(ours.reduce((sum, bytes) => sum + bytes, 0), 80_000)
    })

    test("H2: a bundle has the browsers' names where devices are named", async () => {
      await compile(bare, nodeNext, [Path.join(consumers, "device.ts")])
      const app = await bundle(bare, "out/device.js")
      assert.include(packagesOf(app), "bowser")
      assert.notInclude(modulesOf(app), "core/plan")
    })

    for (const node of ["20.19", "22", "24"]) {
      test(`G7: an app runs on Node ${node}`, async () => {
        const machine = makeProject(`node-${major}-${node}`, {})
        await npmInstall(machine, [`node@${node}`])
        const binary = Path.join(machine, "node_modules/node/bin/node")
        assert.match(await succeed(binary, ["--version"], machine), new RegExp(`^v${node.replace(".", "\\.")}\\.`))
        for (const [name, manifest] of [["esm", { type: "module" }], ["commonjs", {}]] as const) {
          const project = makeProject(`clean${major}/node-${node}-${name}`, manifest)
          assert.strictEqual(await compile(project, nodeNext, [Path.join(consumers, "app.ts")]), "")
          assert.deepStrictEqual(JSON.parse(await succeed(binary, ["out/app.js"], project)), {
            name: "__Host-sid",
            body: { cart: ["tea", "tea"] },
            same: true
          })
        }
      })
    }
  })
}
