import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TypeScript from "typescript"
import { assert, describe, test } from "vitest"

const root = Path.resolve(import.meta.dirname, "../..")
const source = Path.join(root, "src")

/** What a file names in imports, exports and types. */
const named = (node: TypeScript.Node): ReadonlyArray<string> => {
  const found: Array<string> = []
  const visit = (node: TypeScript.Node): void => {
    const place = TypeScript.isImportDeclaration(node) || TypeScript.isExportDeclaration(node)
      ? node.moduleSpecifier
      : TypeScript.isImportTypeNode(node) && TypeScript.isLiteralTypeNode(node.argument)
      ? node.argument.literal
      : undefined
    if (place !== undefined && TypeScript.isStringLiteral(place)) found.push(place.text)
    TypeScript.forEachChild(node, visit)
  }
  visit(node)
  return found
}

/** The modules of `src` by name, such as `core/plan`, and what each imports, types included. */
const imports = new Map(
  Fs.readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts")).map((file) => {
    const text = Fs.readFileSync(Path.join(source, file), "utf8")
    const found = named(TypeScript.createSourceFile(file, text, TypeScript.ScriptTarget.ES2022)).map((name) =>
      name.startsWith(".") ? Path.join(Path.dirname(file), name).replace(/\.js$/, "") : `from ${name}`
    )
    return [file.slice(0, -3), [...new Set(found)]]
  })
)

const modules = [...imports.keys()].sort()

const isPublic = (name: string): boolean => !name.includes("/")

const ownImports = (name: string): ReadonlyArray<string> =>
  (imports.get(name) ?? []).filter((imported) => !imported.startsWith("from "))

/** Ways from a module back to itself. None means that there is none. */
const circles = (): ReadonlyArray<string> => {
  const done = new Set<string>()
  const found: Array<string> = []
  const visit = (name: string, way: ReadonlyArray<string>): void => {
    if (way.includes(name)) found.push([...way.slice(way.indexOf(name)), name].join(" -> "))
    if (way.includes(name) || done.has(name)) return
    for (const imported of ownImports(name)) visit(imported, [...way, name])
    done.add(name)
  }
  for (const name of modules) visit(name, [])
  return found
}

/** The modules of Node that a module reaches, by itself or through others, types aside. */
const nodeModulesOf = (name: string): ReadonlyArray<string> => {
  const seen = new Set<string>()
  const visit = (name: string): ReadonlyArray<string> => {
    if (seen.has(name)) return []
    seen.add(name)
    return (imports.get(name) ?? []).flatMap((imported) =>
      imported.startsWith("from node:")
        ? [imported.slice("from ".length)]
        : imported.startsWith("from ")
        ? []
        : visit(imported)
    )
  }
  return [...new Set(visit(name))].sort()
}

/** What stands beside the core because those on every floor need it. */
const isLeaf = (name: string): boolean => name.startsWith("internal/") && ownImports(name).length === 0

/** The floors of the house: a module imports from its own floor and those below. */
const floors: ReadonlyArray<(name: string) => boolean> = [
  (name) => name.startsWith("core/") || isLeaf(name),
  (name) =>
    [
      "SessionError",
      "SessionEvents",
      "SessionMetrics",
      "SessionStore",
      "SessionToken",
      "SessionTimeouts",
      "SessionCookie"
    ].includes(name),
  (name) => name.startsWith("internal/") || name === "SqlSessionStore" || name === "RedisSessionStore",
  (name) => name === "Sessions" || name === "Session",
  (name) => name !== "index",
  (name) => name === "index"
]

const floorOf = (name: string): number => floors.findIndex((isOn) => isOn(name))

const manifest = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))

describe("the files of src", () => {
  test("import each other without a circle", () => {
    assert.deepStrictEqual(circles(), [])
  })

  test("import downwards only", () => {
    const upwards = modules.flatMap((name) =>
      ownImports(name).filter((imported) => floorOf(imported) > floorOf(name)).map((imported) =>
        `${name} -> ${imported}`
      )
    )
    assert.deepStrictEqual(upwards, [])
  })

  test("of the core import the core and node:crypto", () => {
    const others = modules.filter((name) => name.startsWith("core/")).flatMap((name) =>
      (imports.get(name) ?? []).filter((imported) => !/^core\/\w+$|^from node:crypto$/.test(imported))
        .map((imported) => `${name} -> ${imported}`)
    )
    assert.deepStrictEqual(others, [])
  })

  test("that stores share with the shell import no other", () => {
    assert.isTrue(isLeaf("internal/sharedTimeout"))
  })

  test("that are stores know no HTTP, and those behind a store no cookies", () => {
    const wrong = modules.flatMap((name) =>
      (imports.get(name) ?? []).filter((imported) =>
        /^(?:SqlSessionStore|RedisSessionStore|SessionStore)$/.test(name) &&
          /^from (?:@effect\/platform|node:http)/.test(imported) ||
        /^(?:SqlSessionStore|RedisSessionStore|SessionStore|internal\/engine)$/.test(name) &&
          /SessionCookie|[cC]ookie/.test(imported)
      ).map((imported) => `${name} -> ${imported}`)
    )
    assert.deepStrictEqual(wrong, [])
  })

  test("declare no constant that every file of CommonJS has already: it would not load", () => {
    const declared = modules.flatMap((name) => {
      const text = Fs.readFileSync(Path.join(source, `${name}.ts`), "utf8")
      return /^(?:export )?(?:const|let|class) (?:exports|require|module|__filename|__dirname)\b/m.test(text)
        ? [name]
        : []
    })
    assert.deepStrictEqual(declared, [])
  })
})

describe("Node", () => {
  test("is imported by few modules, each for what only it has", () => {
    const own = modules.flatMap((name) =>
      (imports.get(name) ?? []).flatMap((imported) =>
        imported.startsWith("from node:") ? [`${name} -> ${imported.slice("from ".length)}`] : []
      )
    )
    assert.deepStrictEqual(own, [
      "core/digest -> node:crypto", // SHA-256 of an id, and its handle: at once, Web Crypto would have to be waited for
      "core/signature -> node:crypto", // HMAC, and comparing in constant time
      "internal/addresses -> node:net", // ranges of addresses
      "internal/redisClusterSteps -> node:crypto", // names of steps
      "internal/redisConnection -> node:crypto", // the digest by which Redis knows a script
      "internal/redisConnection -> node:dns", // names of nodes of a cluster that are not known
      "internal/redisConnection -> node:events" // a type alone
    ])
  })

  test("is reached by what serves requests, and not by what a client shares with it", () => {
    const reached = new Map(modules.filter(isPublic).map((name) => [name, nodeModulesOf(name).join(" ")]))
    const names = (what: string) => [...reached].flatMap(([name, modules]) => modules === what ? [name] : [])
    assert.deepStrictEqual(names(""), [
      "SessionCleaner",
      "SessionError",
      "SessionEvents",
      "SessionMetrics",
      "SessionStore",
      "SessionTimeouts",
      "SessionToken",
      "SqlSessionStore",
      "testing"
    ])
    assert.deepStrictEqual(names("node:net"), ["SessionDevice"])
    assert.deepStrictEqual(names("node:crypto node:dns node:events"), ["RedisSessionStore"])
    assert.deepStrictEqual(names("node:crypto node:net"), ["index"])
    assert.deepStrictEqual(names("node:crypto"), [
      "Session",
      "SessionCookie",
      "SessionCsrf",
      "SessionFlash",
      "SessionGuard",
      "SessionMiddleware",
      "Sessions"
    ])
  })
})

describe("H8: what the package exports", () => {
  const names = modules.filter((name) => isPublic(name) && name !== "index")

  test("is a list without patterns: every public module by name, and nothing else", () => {
    const paths = Object.keys(manifest.exports).sort()
    assert.deepStrictEqual(paths, [".", "./package.json", ...names.map((name) => `./${name}`)].sort())
  })

  test("is of the same name in both formats, and for compilers that look for files", () => {
    for (const name of names) {
      assert.deepStrictEqual(manifest.exports[`./${name}`], {
        require: `./dist/cjs/${name}.js`,
        default: `./dist/${name}.js`
      })
      assert.deepStrictEqual(manifest.typesVersions["*"][name], [`./dist/cjs/${name}.d.ts`])
    }
    assert.strictEqual(Object.keys(manifest.typesVersions["*"]).length, names.length)
  })

  test("is in the index, but for what needs peers that not every app has", () => {
    assert.deepStrictEqual(
      [...ownImports("index")].sort(),
      names.filter((name) => !["RedisSessionStore", "SqlSessionStore", "testing"].includes(name))
    )
  })
})
