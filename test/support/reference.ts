/**
 * The API reference: a page for each public module, made of its doc comments and of the declarations that the compiler
 * writes. `problems` is what has no text, no version or no category; a member may be named in backticks by the comment of
 * its interface instead.
 */
import { ESLint } from "eslint"
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import * as TypeScript from "typescript"
import { root } from "./examples.js"

/** Where the pages are. */
export const folder = "docs/api"

interface Comment {
  readonly text: string
  readonly since: string | undefined
  readonly category: string | undefined
  readonly examples: ReadonlyArray<string>
}

interface Member {
  readonly name: string
  readonly comment: Comment
}

interface Entry {
  readonly name: string
  readonly comment: Comment
  readonly declaration: string
  readonly members: ReadonlyArray<Member>
}

interface Module {
  readonly name: string
  readonly comment: Comment
  readonly entries: ReadonlyArray<Entry>
}

const read = (text: string): Comment => {
  const lines = text.replace(/^\/\*\*|\*\/$/g, "").split("\n").map((line) => line.replace(/^ *\* ?/, "").trimEnd())
  const isTag = (line: string) => /^@[a-z]+/.test(line)
  const first = lines.findIndex(isTag)
  const tag = (name: string) => lines.find((line) => line.startsWith(`@${name}`))?.slice(name.length + 2)
  return {
    text: lines.slice(0, first === -1 ? lines.length : first).join("\n").trim(),
    since: tag("since"),
    category: tag("category"),
    examples: Array.from(lines.join("\n").matchAll(/^```ts\n[\s\S]*?^```$/gm), ([example]) => example)
  }
}

const noComment: Comment = { text: "", since: undefined, category: undefined, examples: [] }

/** The doc comment right before a node, or the first one of a file. */
const commentOf = (node: TypeScript.Node, source: TypeScript.SourceFile): Comment => {
  const ranges = TypeScript.getLeadingCommentRanges(source.text, node.getFullStart()) ?? []
  const comments = ranges.map(({ end, pos }) => source.text.slice(pos, end)).filter((text) => text.startsWith("/**"))
  const comment = node === source ? comments[0] : comments.at(-1)
  return comment === undefined ? noComment : read(comment)
}

const printer = TypeScript.createPrinter({ removeComments: true })

/** The printer writes each part of a tuple in a line of its own. */
const print = (node: TypeScript.Node): string =>
  printer.printNode(TypeScript.EmitHint.Unspecified, node, node.getSourceFile())
    .replace(/\[\n\s*([^[\]{}]*?)\n\s*\]/g, (_, parts: string) => `[${parts.replace(/\n\s*/g, " ")}]`)

const isPrivate = (file: TypeScript.SourceFile): boolean => /\/src\/(?:core|internal)\//.test(file.fileName)

/** The formatter of the source, for all declarations at once. */
const formatted = async (declarations: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const config = ["eslint.config.mjs", "../../eslint.config.mjs"].map((file) => Path.join(root, file))
    .find(FileSystem.existsSync) ?? "eslint.config.mjs"
  const eslint = new ESLint({ cwd: root, overrideConfigFile: config, fix: true })
  const mark = "\n// next\n"
  const [result] = await eslint.lintText(declarations.join(mark), { filePath: Path.join(root, "declarations.ts") })
  return (result?.output ?? declarations.join(mark)).split(/\n+\/\/ next\n+/).map((text) => text.trim())
}

export const make = async (): Promise<{
  readonly pages: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<string>
}> => {
  const sources = FileSystem.readdirSync(Path.join(root, "src")).filter((file) => file.endsWith(".ts")).sort()
  const files = sources.map((file) => Path.join(root, "src", file))
  const config = TypeScript.parseJsonConfigFileContent(
    TypeScript.readConfigFile(Path.join(root, "tsconfig.json"), TypeScript.sys.readFile).config,
    TypeScript.sys,
    root
  )
  const program = TypeScript.createProgram(files, {
    ...config.options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    declarationMap: false,
    removeComments: true,
    stripInternal: false,
    rootDir: root,
    outDir: root
  })
  const checker = program.getTypeChecker()

  /** The declarations that the compiler writes for a file, by name. */
  const declared = new Map<string, ReadonlyMap<string, ReadonlyArray<TypeScript.Node>>>()
  const declaredIn = (source: TypeScript.SourceFile): ReadonlyMap<string, ReadonlyArray<TypeScript.Node>> => {
    const known = declared.get(source.fileName)
    if (known !== undefined) return known
    const found = new Map<string, Array<TypeScript.Node>>()
    program.emit(
      source,
      (file, text) => {
        const emitted = TypeScript.createSourceFile(file, text, TypeScript.ScriptTarget.Latest, true)
        for (const statement of emitted.statements) {
          const name = TypeScript.isVariableStatement(statement)
            ? statement.declarationList.declarations[0]?.name.getText()
            : TypeScript.isFunctionDeclaration(statement)
            ? statement.name?.text
            : undefined
          if (name !== undefined) found.set(name, [...found.get(name) ?? [], statement])
        }
      },
      undefined,
      true
    )
    declared.set(source.fileName, found)
    return found
  }

  const nameOf = (member: TypeScript.Node): string =>
    TypeScript.isPropertySignature(member) || TypeScript.isMethodSignature(member) ? member.name.getText() : "()"

  /** What an interface says itself, with what it has from those that are not public: they have no page. */
  const inlined = (node: TypeScript.InterfaceDeclaration): {
    readonly bases: ReadonlyArray<TypeScript.ExpressionWithTypeArguments>
    readonly members: ReadonlyArray<TypeScript.TypeElement>
  } => {
    const bases: Array<TypeScript.ExpressionWithTypeArguments> = []
    const members: Array<TypeScript.TypeElement> = []
    for (const base of node.heritageClauses?.flatMap((clause) => [...clause.types]) ?? []) {
      const symbol = checker.getTypeAtLocation(base).getSymbol()
      const [declaration] = symbol?.declarations ?? []
      const isNamed = base.expression.getText() !== "Pick"
      if (isNamed && (declaration === undefined || !isPrivate(declaration.getSourceFile()))) {
        bases.push(base)
        continue
      }
      for (const property of checker.getPropertiesOfType(checker.getTypeAtLocation(base))) {
        for (const member of property.declarations ?? []) {
          if (TypeScript.isTypeElement(member)) members.push(member)
        }
      }
    }
    return { bases, members: [...members, ...node.members] }
  }

  const printInterface = (node: TypeScript.InterfaceDeclaration): string => {
    const { bases, members } = inlined(node)
    const parameters = node.typeParameters === undefined ? "" : `<${node.typeParameters.map(print).join(", ")}>`
    const heritage = bases.length === 0 ? "" : ` extends ${bases.map(print).join(", ")}`
    return `export interface ${node.name.text}${parameters}${heritage} {\n${members.map(print).join("\n")}\n}`
  }

  /** A class as it is written, without its body: what it adds to a tag or an error is said by its comment. */
  const printClass = (node: TypeScript.ClassDeclaration): string => {
    const heritage = node.heritageClauses?.map(print).join(" ") ?? ""
    return `export class ${node.name?.text ?? ""} ${heritage} {}`
  }

  /** What the comments in the type of a member tell of its parts. */
  const nestedIn = (member: TypeScript.TypeElement): ReadonlyArray<Member> => {
    const found: Array<Member> = []
    const visit = (node: TypeScript.Node): void => {
      if (TypeScript.isPropertySignature(node)) {
        const comment = commentOf(node, node.getSourceFile())
        if (comment.text !== "") found.push({ name: `${nameOf(member)}.${nameOf(node)}`, comment })
      }
      TypeScript.forEachChild(node, visit)
    }
    TypeScript.forEachChild(member, visit)
    return found
  }

  const membersOf = (node: TypeScript.Node): ReadonlyArray<Member> => {
    if (TypeScript.isInterfaceDeclaration(node)) {
      return inlined(node).members.flatMap((member) => [
        { name: nameOf(member), comment: commentOf(member, member.getSourceFile()) },
        ...nestedIn(member)
      ])
    }
    if (TypeScript.isClassDeclaration(node)) {
      return node.members.filter((member) =>
        TypeScript.isPropertyDeclaration(member) &&
        member.modifiers?.some(({ kind }) => kind === TypeScript.SyntaxKind.StaticKeyword)
      ).map((member) => ({
        name: `${node.name?.text ?? ""}.${member.name?.getText() ?? ""}`,
        comment: commentOf(member, member.getSourceFile())
      }))
    }
    return []
  }

  const entriesOf = (symbol: TypeScript.Symbol, prefix: string): ReadonlyArray<Entry> => {
    const own = symbol.declarations ?? []
    const aliased = symbol.flags & TypeScript.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : undefined
    const name = `${prefix}${symbol.name}`
    const [alias] = own
    if (aliased !== undefined && alias !== undefined) {
      const statement = TypeScript.isNamespaceExport(alias) ? alias.parent : alias.parent.parent
      const comment = commentOf(statement, statement.getSourceFile())
      if (TypeScript.isNamespaceExport(alias)) {
        const inner = checker.getExportsOfModule(aliased).flatMap((member) => entriesOf(member, `${name}.`))
        return [{ name, comment, declaration: `export * as ${symbol.name} from "…"`, members: [] }, ...inner]
      }
      return entriesOf(aliased, prefix).map((entry) => ({ ...entry, comment }))
    }
    const found = own.flatMap((node): ReadonlyArray<Entry> => {
      const source = node.getSourceFile()
      if (TypeScript.isInterfaceDeclaration(node)) {
        return [{ name, comment: commentOf(node, source), declaration: printInterface(node), members: membersOf(node) }]
      }
      if (TypeScript.isClassDeclaration(node)) {
        return [{ name, comment: commentOf(node, source), declaration: printClass(node), members: membersOf(node) }]
      }
      if (TypeScript.isTypeAliasDeclaration(node)) {
        return [{ name, comment: commentOf(node, source), declaration: print(node), members: [] }]
      }
      const statement = TypeScript.isVariableDeclaration(node) ? node.parent.parent : node
      const declaration = (declaredIn(source).get(symbol.name) ?? []).map(print).join("\n")
      return [{
        name,
        comment: commentOf(statement, source),
        declaration,
        members: []
      }]
    })
    // The overloads of a function have one comment, that of the first.
    return found.filter((entry, index) => found.findIndex((other) => other.declaration === entry.declaration) === index)
  }

  const modules: ReadonlyArray<Module> = files.flatMap((file) => {
    const source = program.getSourceFile(file)
    const symbol = source === undefined ? undefined : checker.getSymbolAtLocation(source)
    if (source === undefined || symbol === undefined || file.endsWith("index.ts")) return []
    return [{
      name: Path.basename(file, ".ts"),
      comment: commentOf(source, source),
      entries: checker.getExportsOfModule(symbol).flatMap((member) => entriesOf(member, ""))
    }]
  })

  const problems = modules.flatMap(({ comment, entries, name: module }) => [
    ...(comment.text === "" ? [`${module} has no text`] : []),
    ...(comment.since === undefined ? [`${module} has no @since`] : []),
    ...entries.flatMap(({ comment, members, name }) => [
      ...(comment.text === "" ? [`${module}.${name} has no text`] : []),
      ...(comment.since === undefined ? [`${module}.${name} has no @since`] : []),
      ...(comment.category === undefined ? [`${module}.${name} has no @category`] : []),
      ...members.filter((member) =>
        member.comment.text === "" && member.name !== "_tag" && !comment.text.includes(`\`${member.name}\``)
      ).map((member) => `${module}.${name}: ${member.name} has no text`)
    ])
  ])

  const declarations = await formatted(modules.flatMap(({ entries }) => entries.map(({ declaration }) => declaration)))
  const remaining = [...declarations]
  const pages = new Map<string, string>()
  for (const { comment, entries, name } of modules) {
    const parts = [`# ${name}`, comment.text]
    const own = entries.map((entry) => ({ ...entry, declaration: remaining.shift() ?? entry.declaration }))
    const categories = [...new Set(own.map(({ comment }) => comment.category ?? "other"))]
    for (const category of categories) {
      parts.push(`## ${category}`)
      for (const { comment, declaration, members, name } of own) {
        if ((comment.category ?? "other") !== category) continue
        parts.push(`### ${name}`, "```ts\n" + declaration + "\n```", comment.text)
        const described = members.filter(({ comment }) => comment.text !== "")
        if (described.length > 0) {
          parts.push(
            described.map(({ comment, name }) =>
              `- \`${name}\`: ${[comment.text, ...comment.examples].join("\n\n").replace(/\n(?=.)/g, "\n  ")}`
            ).join("\n")
          )
        }
        parts.push(...comment.examples, `Since ${comment.since ?? ""}`)
      }
    }
    pages.set(`${name}.md`, parts.join("\n\n") + "\n")
  }
  const index = modules.map(({ comment, name }) => {
    const [sentence = ""] = comment.text.replace(/\s+/g, " ").split(/(?<=\.) /)
    return `| [\`${name}\`](${name}.md) | ${sentence} |`
  })
  pages.set(
    "README.md",
    [
      "# API reference",
      "",
      "Made of the doc comments by `npm run reference`: here for Effect 3. For Effect 4, `npm run reference` in `effect4` writes",
      "it to `effect4/generated/docs/api`, after `npm ci` there.",
      "",
      "| module | |",
      "|---|---|",
      ...index,
      ""
    ].join("\n")
  )
  return { pages, problems }
}
