/** Puts the imports of a file right after the rules: none that is dead, none that is missing, none twice. */
import * as Path from "node:path"
import ts from "typescript"

/** Where the modules are that rules write into files which did not import them. */
const modules = {
  ByteSize: "effect/ByteSize",
  Cause: "effect/Cause",
  Clock: "effect/Clock",
  Config: "effect/Config",
  ConfigProvider: "effect/ConfigProvider",
  Console: "effect/Console",
  Context: "effect/Context",
  Effect: "effect/Effect",
  Exit: "effect/Exit",
  Fiber: "effect/Fiber",
  FiberSet: "effect/FiberSet",
  Filter: "effect/Filter",
  HttpApiEndpoint: "effect/http-api/HttpApiEndpoint",
  HttpApiGroup: "effect/http-api/HttpApiGroup",
  HttpApiMiddleware: "effect/http-api/HttpApiMiddleware",
  HttpEffect: "effect/http/HttpEffect",
  HttpMiddleware: "effect/http/HttpMiddleware",
  HttpRouter: "effect/http/HttpRouter",
  HttpServerRequest: "effect/http/HttpServerRequest",
  HttpServerResponse: "effect/http/HttpServerResponse",
  Deferred: "effect/Deferred",
  Latch: "effect/Latch",
  Layer: "effect/Layer",
  Metric: "effect/Metric",
  Option: "effect/Option",
  Queue: "effect/Queue",
  References: "effect/References",
  Scheduler: "effect/Scheduler",
  Result: "effect/Result",
  Schema: "effect/Schema",
  SchemaIssue: "effect/SchemaIssue",
  SchemaTransformation: "effect/SchemaTransformation",
  Tracer: "effect/Tracer",
  Scope: "effect/Scope",
  Semaphore: "effect/Semaphore"
}

/** Names that tests have from a support file of this line. */
const support = { prop: "test/support/properties", effectProp: "test/support/properties" }

/** The names that a file uses, and those that it declares itself. */
const namesIn = (source) => {
  const used = new Set()
  const declared = new Set()
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) return
    if (ts.isIdentifier(node)) {
      const { parent } = node
      const isMember = (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isQualifiedName(parent) && parent.right === node) ||
        (ts.isPropertySignature(parent) && parent.name === node) ||
        (ts.isPropertyDeclaration(parent) && parent.name === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node)
      if (!isMember) used.add(node.text)
      if ("name" in parent && parent.name === node && !isMember) declared.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { used, declared }
}

/** Namespaces that the linter makes `type` again where they are only types. */
const importText = ({ module, namespace, named, defaulted, bare }) => {
  if (bare) return `import "${module}"`
  if (namespace !== undefined) return `import * as ${namespace} from "${module}"`
  const areTypes = defaulted === undefined && [...named.values()].every(({ isType }) => isType)
  const names = [...named].map(([name, { isType, local }]) =>
    `${isType && !areTypes ? "type " : ""}${name}${local === name ? "" : ` as ${local}`}`
  )
  const list = names.length === 0 ? [] : [`{ ${names.join(", ")} }`]
  return `import ${areTypes ? "type " : ""}${[...(defaulted === undefined ? [] : [defaulted]), ...list].join(", ")} from "${module}"`
}

const relative = (file, module) => {
  const path = Path.posix.relative(Path.posix.dirname(file), module)
  return `${path.startsWith(".") ? path : `./${path}`}.js`
}

/**
 * @param {string} file
 * @param {string} text
 */
export const settleImports = (file, text) => {
  const source = ts.createSourceFile("file.ts", text, ts.ScriptTarget.Latest, true)
  const declarations = source.statements.filter(ts.isImportDeclaration)
  const { declared, used } = namesIn(source)
  const problems = []
  const namespaces = new Map()
  const namedOf = new Map()
  const bare = []
  const known = new Set()
  for (const { importClause, moduleSpecifier } of declarations) {
    const module = moduleSpecifier.text
    if (importClause === undefined) {
      bare.push({ module, bare: true })
      continue
    }
    const { isTypeOnly, name, namedBindings } = importClause
    if (namedBindings !== undefined && ts.isNamespaceImport(namedBindings)) {
      const namespace = namedBindings.name.text
      const before = namespaces.get(namespace)
      if (before !== undefined && before !== module) problems.push(`${namespace} is imported from ${before} and ${module}`)
      known.add(namespace)
      if (used.has(namespace)) namespaces.set(namespace, module)
      continue
    }
    const entry = namedOf.get(module) ?? { named: new Map(), defaulted: undefined }
    if (name !== undefined && used.has(name.text)) entry.defaulted = name.text
    if (name !== undefined) known.add(name.text)
    for (const element of namedBindings?.elements ?? []) {
      const local = element.name.text
      known.add(local)
      if (!used.has(local)) continue
      const imported = (element.propertyName ?? element.name).text
      const isType = isTypeOnly || element.isTypeOnly
      const twin = entry.named.get(imported)
      entry.named.set(imported, { local, isType: isType && (twin?.isType ?? true) })
    }
    namedOf.set(module, entry)
  }
  for (const [namespace, module] of Object.entries(modules)) {
    if (used.has(namespace) && !known.has(namespace) && !declared.has(namespace)) namespaces.set(namespace, module)
  }
  for (const [name, module] of Object.entries(support)) {
    if (!file.startsWith("test/") || !used.has(name) || known.has(name) || declared.has(name)) continue
    const path = relative(file, module)
    const entry = namedOf.get(path) ?? { named: new Map(), defaulted: undefined }
    entry.named.set(name, { local: name, isType: false })
    namedOf.set(path, entry)
  }
  const lines = [
    ...bare.map(importText),
    ...[...namespaces].map(([namespace, module]) => importText({ module, namespace })),
    ...[...namedOf].filter(([, { defaulted, named }]) => defaulted !== undefined || named.size > 0)
      .map(([module, { defaulted, named }]) => importText({ module, named, defaulted }))
  ]
  const first = declarations[0]
  const last = declarations[declarations.length - 1]
  if (first === undefined || last === undefined) return { text, problems }
  return { text: text.slice(0, first.getStart()) + lines.join("\n") + text.slice(last.getEnd()), problems }
}
