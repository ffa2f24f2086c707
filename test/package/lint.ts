/** What two linters of packages say about a tarball, and how large it is. */
import * as TypesWrong from "@arethetypeswrong/core"
import * as Fs from "node:fs"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

export interface Linted {
  /** Nothing may be in it. */
  readonly problems: ReadonlyArray<string>
  readonly size: Size
}

export interface Size {
  readonly files: number
  readonly packed: number
  readonly unpacked: number
}

/**
 * What a package of ES modules alone cannot mend: a compiler from before `exports` finds none of its modules, and one that
 * compiles to CommonJS for a Node without `require` of ES modules is right to complain. `effect` 4 is such a package.
 */
const isOfEsmOnly = (problem: TypesWrong.Problem): boolean =>
  problem.kind === "CJSResolvesToESM" || problem.kind === "NoResolution" && problem.resolutionKind === "node10"

const inWords = (problem: TypesWrong.Problem): string => {
  const { kind, ...where } = problem
  return `attw: ${kind} ${JSON.stringify(where)}`
}

export const lint = async (tarball: string, { esmOnly }: { readonly esmOnly: boolean }): Promise<Linted> => {
  const bytes = new Uint8Array(Fs.readFileSync(tarball))
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true })
  const package_ = TypesWrong.createPackageFromTarballData(bytes)
  const checked = await TypesWrong.checkPackage(package_)
  const found = checked.types === false ? [] : checked.problems
  const paths = package_.listFiles()
  return {
    problems: [
      ...messages.map((message) => `publint: ${formatMessage(message, pkg) ?? message.code}`),
      ...(checked.types === false ? ["attw: there are no types"] : []),
      ...found.filter((problem) => !(esmOnly && isOfEsmOnly(problem))).map(inWords)
    ],
    size: {
      files: paths.length,
      packed: bytes.length,
      unpacked: paths.reduce((sum, path) => sum + Buffer.byteLength(package_.readFile(path)), 0)
    }
  }
}
