import { assert, describe, test } from "vitest"
import { sizeProblems } from "./sizes.js"
import { type Edition, versionProblems } from "./versions.js"

const edition = (major: number, version: string, locked = version): Edition => ({ major, version, locked })

const changelog = "# Changelog\n\n## [3.1.0] and [4.1.0]\n\n## 3.1.0\n\n## 4.1.0, on a day\n"

describe("A release", () => {
  const cases: ReadonlyArray<
    readonly [
      what: string,
      editions: ReadonlyArray<Edition>,
      changelog: string | undefined,
      says: ReadonlyArray<RegExp>
    ]
  > = [
    ["that agrees", [edition(3, "3.1.0"), edition(4, "4.1.0")], changelog, []],
    ["of the wrong major", [edition(3, "4.1.0"), edition(4, "4.1.0")], changelog, [/Effect 3 has that major/]],
    ["whose lock file is old", [edition(3, "3.1.0", "3.0.0"), edition(4, "4.1.0")], changelog, [
      /package-lock\.json has 3\.0\.0/
    ]],
    [
      "whose editions differ, and one is not in the changelog",
      [edition(3, "3.1.0"), edition(4, "4.2.0")],
      changelog,
      [/4\.2\.0: CHANGELOG\.md has no/, /differ in more than the major/]
    ],
    [
      "that is not the one in the changelog, but for its end",
      [edition(3, "3.1.0-next.1"), edition(4, "4.1.0-next.1")],
      changelog,
      [/3\.1\.0-next\.1: CHANGELOG/, /4\.1\.0-next\.1: CHANGELOG/]
    ],
    ["without a version", [edition(3, "3.x"), edition(4, "4.x")], undefined, [
      /3\.x is no version/,
      /4\.x is no version/,
      /missing/
    ]]
  ]

  for (const [what, editions, changelog, says] of cases) {
    test(`${what} is told ${says.length === 0 ? "nothing" : says.join(", ")}`, () => {
      const problems = versionProblems(editions, changelog)
      assert.strictEqual(problems.length, says.length, problems.join("\n"))
      for (const [index, pattern] of says.entries()) assert.match(problems[index] ?? "", pattern)
    })
  }

  test("that is a tenth larger or smaller than recorded is looked at", () => {
    const size = { files: 100, packed: 1000, unpacked: 5000 }
    assert.deepStrictEqual(sizeProblems("3.0.0", { ...size, packed: 1100 }, size), [])
    assert.match(sizeProblems("3.0.0", { ...size, packed: 1101 }, size).join("\n"), /packed 1101, recorded is 1000/)
    assert.match(sizeProblems("3.0.0", { ...size, files: 89 }, size).join("\n"), /files 89/)
    assert.match(sizeProblems("3.0.0", size, undefined).join("\n"), /nothing is recorded for 3\.0\.0/)
  })
})
