/**
 * Prints what every public function and every member of a public service fails with and needs, and what its doc comment
 * says, as JSON.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TypeScript from "typescript"
import { programOf, sourceFile } from "./program.js"

/** A function or a member, and what it fails with and needs; or (`"Errors"`) a name for several errors. */
export interface Channels {
  readonly path: string
  readonly kind: string
  readonly fails: string
  readonly needs: string
  /** Its own doc comment, and that of the interface it is a member of. */
  readonly documentation: string
  readonly documentationAround: string
}

const source = Path.resolve(import.meta.dirname, "../../src")
const modules = Fs.readdirSync(source).filter((file) => file.endsWith(".ts") && file !== "index.ts").sort()
const program = programOf(modules.map((file) => `src/${file}`))
const checker = program.getTypeChecker()

const flags = TypeScript.TypeFormatFlags.NoTruncation | TypeScript.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope

/** What `ConfigError` of Effect 3 is a union of. */
const configErrors = ["And", "InvalidData", "MissingData", "Or", "SourceUnavailable", "Unsupported"]

/** As short as it is plain: without the paths of modules, unions in the order of the alphabet. */
const shown = (type: TypeScript.Type): string => {
  if (!type.isUnion() || type.aliasSymbol !== undefined) {
    return checker.typeToString(type, undefined, flags).replace(/import\("[^"]*"\)\./g, "").replace(/\s+/g, " ")
  }
  const names = type.types.map((one) => shown(one))
  const isConfigError = configErrors.every((name) => names.includes(name))
  return (isConfigError ? [...names.filter((name) => !configErrors.includes(name)), "ConfigError"] : names)
    .sort().join(" | ")
}

/** How the types of Effect 3 and of Effect 4 mark what they are. */
const kinds = [
  { kind: "Layer", id: /^(?:__@LayerTypeId@|~effect\/Layer$)/, needed: "_RIn" },
  { kind: "Effect", id: /^(?:__@EffectTypeId@|~effect\/Effect$)/, needed: "_R" },
  { kind: "Stream", id: /^(?:__@StreamTypeId@|~effect\/Stream$)/, needed: "_R" }
]
const metric = /^(?:__@MetricTypeId@|~effect\/Metric$)/
const middleware = /^(?:__@MiddlewareTypeId@|~effect\/http\/HttpRouter\/Middleware$)/

const marked = (type: TypeScript.Type, id: RegExp): TypeScript.Type | undefined => {
  const property = type.getProperties().find(({ name }) => id.test(name))
  return property && checker.getTypeOfSymbol(property)
}

const memberOf = (type: TypeScript.Type, name: string): TypeScript.Type | undefined => {
  const property = type.getProperty(name)
  return property && checker.getTypeOfSymbol(property)
}

/** The result of the function type by which Effect's types carry one of their arguments. */
const carried = (variance: TypeScript.Type, name: string): TypeScript.Type | undefined =>
  memberOf(variance, name)?.getCallSignatures()[0]?.getReturnType()

type Found = Pick<Channels, "kind" | "fails" | "needs">

/** What an effect, a layer or a stream fails with and needs, as their variances say, whatever the type is called. */
const channelsOf = (type: TypeScript.Type): ReadonlyArray<Found> => {
  for (const { id, kind, needed } of kinds) {
    const variance = marked(type, id)
    if (variance === undefined) continue
    const [error, needs] = [carried(variance, "_E"), carried(variance, needed)]
    // An `Option` is an effect as well, on Effect 3.
    if (error === undefined || needs === undefined || shown(error) === "NoSuchElementException") return []
    return [{ kind, fails: shown(error), needs: shown(needs) }]
  }
  return []
}

/** Of the middleware of a router: what its layer fails with and needs, and what it adds to the routes inside of it. */
const channelsOfMiddleware = (type: TypeScript.Type): ReadonlyArray<Found> => {
  const config = marked(type, middleware)
  if (config === undefined) return []
  const of = (name: string): string => {
    const member = memberOf(config, name)
    return member === undefined ? "unknown" : shown(member)
  }
  return [
    { kind: "Layer", fails: of("layerError"), needs: of("layerRequires") },
    { kind: "Routes", fails: of("error"), needs: of("requires") }
  ]
}

const found: Array<Channels> = []

const commentOf = (symbol: TypeScript.Symbol | undefined): string =>
  TypeScript.displayPartsToString(symbol?.getDocumentationComment(checker))

const isOurs = (symbol: TypeScript.Symbol | undefined): boolean =>
  symbol?.declarations?.some((one) => one.getSourceFile().fileName.startsWith(source)) === true

interface Place {
  readonly path: string
  readonly documentation: string
  readonly documentationAround: string
}

const inspect = (place: Place, optional: TypeScript.Type, depth: number): void => {
  const type = checker.getNonNullableType(optional)
  // Applied to an effect, a metric of Effect 3 is that effect.
  if (marked(type, metric) !== undefined) return
  const channels = [...channelsOf(type), ...channelsOfMiddleware(type)]
  for (const one of channels) found.push({ ...place, ...one })
  if (channels.length > 0) return
  const calls = type.getCallSignatures()
  for (const [index, call] of calls.entries()) {
    const path = calls.length > 1 ? `${place.path}(${index + 1})` : `${place.path}()`
    inspect({ ...place, path }, call.getReturnType(), depth + 1)
  }
  const symbol = type.getSymbol()
  if (depth > 2 || calls.length > 0 || !isOurs(symbol)) return
  for (const property of type.getProperties()) {
    if (/^(?:__@|_|prototype$)/.test(property.name)) continue
    const documentation = commentOf(property)
    inspect(
      { path: `${place.path}.${property.name}`, documentation, documentationAround: commentOf(symbol) },
      checker.getTypeOfSymbol(property),
      depth + 1
    )
  }
}

const inspectExports = (path: string, module: TypeScript.Symbol): void => {
  for (const one of checker.getExportsOfModule(module)) {
    const target = one.flags & TypeScript.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one
    const place = { path: `${path}.${one.name}`, documentation: commentOf(target), documentationAround: "" }
    if (target.flags & TypeScript.SymbolFlags.ValueModule) inspectExports(place.path, target)
    else if (target.flags & TypeScript.SymbolFlags.Value && !(target.flags & TypeScript.SymbolFlags.Class)) {
      inspect(place, checker.getTypeOfSymbol(target), 0)
    }
    if (target.flags & TypeScript.SymbolFlags.TypeAlias && one.name.endsWith("Error")) {
      const type = checker.getDeclaredTypeOfSymbol(target)
      const fails = (type.isUnion() ? type.types : [type]).map(shown).sort().join(" | ")
      found.push({ ...place, kind: "Errors", fails, needs: "never" })
    }
    if (target.flags & TypeScript.SymbolFlags.Interface) inspect(place, checker.getDeclaredTypeOfSymbol(target), 0)
  }
}

for (const file of modules) {
  const symbol = checker.getSymbolAtLocation(sourceFile(program, `src/${file}`)!)
  if (symbol !== undefined) inspectExports(file.slice(0, -3), symbol)
}

process.stdout.write(JSON.stringify(found))
