import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, test } from "vitest"

const root = Path.resolve(import.meta.dirname, "../..")

const text = (file: string): string => Fs.readFileSync(Path.join(root, file), "utf8")

/** `docs/recipes.md` has a test of its own, which asks for more. */
const pages = Fs.readdirSync(Path.join(root, "docs")).filter((file) => file.endsWith(".md") && file !== "recipes.md")

/** The libraries whose code is shown as it was before, and not compiled. */
const others = ["FoalTS", "FluidAuth", "express-session", "Lucia"]

/** The blocks of a page that are TypeScript, each with what it says that it is a part of. */
const blocksOf = (page: string): ReadonlyArray<readonly [source: string, code: string]> =>
  Array.from(page.matchAll(/^```ts(?: (\S+))?\n([\s\S]*?)^```$/gm), ([, source = "", code = ""]) => [source, code])

/** The links of a page to files, from its own folder. */
const linksOf = (page: string): ReadonlyArray<string> =>
  Array.from(page.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g), ([, link = ""]) => link)

/** The headings that a page in a folder names, and that the other page does not have. */
const missingHeadingsOf = (page: string, folder: string): ReadonlyArray<string> =>
  Array.from(page.matchAll(/\]\(([^)#\s:]+\.md)#([^)]+)\)/g), ([, file = "", heading = ""]) => {
    const headings = Array.from(
      text(Path.join(folder, file)).matchAll(/^#+ (.*)$/gm),
      ([, title = ""]) => title.toLowerCase().replace(/[^\w\- ]/g, "").replace(/ /g, "-")
    )
    return headings.includes(heading) ? [] : [`${file}#${heading}`]
  }).flat()

/** The links of a page in a folder that lead nowhere. */
const brokenLinksOf = (page: string, folder: string): ReadonlyArray<string> =>
  linksOf(page).filter((link) => !Fs.existsSync(Path.resolve(root, folder, link)))

/** What is called by its name in the first column of tables that have this heading. */
const namesIn = (page: string, heading: string): ReadonlyArray<string> =>
  page.split("\n\n").filter((part) => part.startsWith(`| ${heading} |`)).flatMap((table) =>
    table.split("\n").slice(2).map((line) => /^\| `([^`]+)`/.exec(line)?.[1] ?? line)
  )

for (const page of pages) {
  describe(`docs/${page}`, () => {
    const content = text(`docs/${page}`)

    blocksOf(content).forEach(([source, code], index) => {
      if (others.includes(source)) return
      test(`shows code as it runs: block ${index + 1}`, () => {
        assert.match(source, /^(?:examples|test)\/.+\.ts$/)
        assert.include(text(source), code)
      })
    })

    test("has no link that leads nowhere", () => {
      assert.deepStrictEqual(brokenLinksOf(content, "docs"), [])
      assert.deepStrictEqual(missingHeadingsOf(content, "docs"), [])
    })

    test("names no test that there is not", () => {
      const named = Array.from(content.matchAll(/\btest\/[\w/]+\.test\.ts/g), ([file]) => file)
      assert.deepStrictEqual(named.filter((file) => !Fs.existsSync(Path.join(root, file))), [])
    })

    test("is read in five minutes: 1,350 words at the most, code not counted", () => {
      assert.isBelow(content.replace(/^```[\s\S]*?^```$/gm, "").split(/\s+/).length, 1350)
    })
  })
}

for (const library of others) {
  const page = text(`docs/coming-from-${library.toLowerCase()}.md`)
  const name = library.replace(/(^|-)(\w)/g, (_, _dash, letter: string) => letter.toUpperCase())
  const tests = text(`test/docs/comingFrom${name}.test.ts`)

  test(`every mapping of ${library} is tested under its name, and every test is a mapping`, () => {
    const tested = Array.from(
      tests.matchAll(/\b(?:scoped|effect|test)\(\s*["'`]\\?`([^`\\]+)\\?`/g),
      ([, name]) => name
    )
    assert.deepStrictEqual([...new Set(tested)].sort(), [...new Set(namesIn(page, library))].sort())
  })
}

describe("docs/grafana.json", () => {
  const source = text("src/SessionMetrics.ts")
  const counters = Array.from(source.matchAll(/\bcounter(?:For)?\("(\w+)"/g), ([, name]) => `effect_sessions_${name}`)
  const gauges = Array.from(source.matchAll(/\bgauge\("(\w+)"/g), ([, name = ""]) => name)
  const metrics = [...counters, ...gauges]
  const dashboard = text("docs/grafana.json")
  const drawn = Array.from(dashboard.matchAll(/effect_sessions_\w+/g), ([name]) => name)

  test("draws every metric, and none that there is not", () => {
    assert.isAbove(metrics.length, 10)
    assert.deepStrictEqual([...new Set(drawn)].sort(), [...counters.map((name) => `${name}_total`), ...gauges].sort())
  })

  test("groups by labels that there are", () => {
    const labels = Array.from(dashboard.matchAll(/by \((\w+)\)/g), ([, label = ""]) => label)
    assert.deepStrictEqual([...new Set(labels)], ["reason", "session"])
    assert.include(source, "Metric.tagged(metric, \"reason\"")
    assert.include(source, "Metric.tagged(listeningGauge, \"session\"")
  })

  test("stands in docs/operations.md with every metric", () => {
    const page = text("docs/operations.md")
    assert.deepStrictEqual(metrics.filter((name) => !page.includes(`\`${name}\``)), [])
  })
})

describe("A house to join", () => {
  const scripts: Readonly<Record<string, string>> = JSON.parse(text("package.json")).scripts
  const scriptsEffect4: Readonly<Record<string, string>> = JSON.parse(text("effect4/package.json")).scripts

  for (const page of ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/api/README.md"]) {
    const content = text(page)

    test(`${page} has no link that leads nowhere`, () => {
      assert.deepStrictEqual(brokenLinksOf(content, Path.dirname(page)), [])
    })

    test(`${page} names no heading that there is not`, () => {
      assert.deepStrictEqual(missingHeadingsOf(content, Path.dirname(page)), [])
    })

    test(`${page} names no command and no file that there is not`, () => {
      const commands = Array.from(content.matchAll(/\bnpm (?:run )?([\w:]+)( --prefix effect4)?/g))
        .filter(([command, name = ""]) => command.startsWith("npm run ") || ["start", "test"].includes(name))
        .filter(([, name = "", effect4]) =>
          effect4 === undefined ? scripts[name] === undefined : scriptsEffect4[name] === undefined
        )
      assert.deepStrictEqual(commands.map(([command]) => command), [])
      const files = Array.from(
        content.matchAll(/(?<![\w./:-])((?:\.ci|src|test|effect4|examples|docs|core)\/[\w./-]*\w)/g),
        ([, file = ""]) => file.startsWith("core/") ? `src/${file}` : file
      ).filter((file) => !file.startsWith("effect4/generated/"))
      assert.deepStrictEqual(files.filter((file) => !Fs.existsSync(Path.join(root, file))), [])
    })
  }

  for (const page of ["effect4/README.md", "effect4/CONTRIBUTING.md"]) {
    test(`${page} has no link that leads nowhere`, () => {
      const { repository } = JSON.parse(text("package.json"))
      const home = `${repository.url.replace(/^git\+|\.git$/g, "")}/blob/HEAD`
      const content = text(page).replaceAll(home, "..")
      assert.isNotEmpty(linksOf(content))
      assert.deepStrictEqual(brokenLinksOf(content, "effect4"), [])
      assert.deepStrictEqual(missingHeadingsOf(content, "effect4"), [])
    })
  }

  test("effect4/README.md is shown without the files beside it, and installs what README.md says", () => {
    const page = text("effect4/README.md")
    assert.deepStrictEqual(linksOf(page), [])
    const lines = Array.from(page.matchAll(/^(?:npm install|pnpm add|yarn add) [^#\n]*[^#\s]/gm), ([line]) => line)
    assert.isAtLeast(lines.length, 5)
    assert.deepStrictEqual(lines.filter((line) => !text("README.md").includes(line)), [])
  })

  test("holes are reported where the repository is", () => {
    const { repository } = JSON.parse(text("package.json"))
    const home = repository.url.replace(/^git\+|\.git$/g, "")
    assert.include(text("SECURITY.md"), `(${home}/security/advisories/new)`)
    assert.notMatch(text("SECURITY.md"), /@[\w-]+\.\w/)
  })

  test("CONTRIBUTING says what every command is for", () => {
    const internal = ["start:effect4", "test:effect4", "test:package", "build", "prepack"]
    const named = text("CONTRIBUTING.md")
    const missing = Object.keys(scripts).filter((name) =>
      !internal.includes(name) && !new RegExp(`npm (?:run )?${name}(?![\\w:])`).test(named)
    )
    assert.deepStrictEqual(missing, [])
  })
})
