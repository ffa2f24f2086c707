/** What is left of a program and all it imports when it is bundled into one file. */
import * as Esbuild from "esbuild"

export interface Bundle {
  readonly bytes: number
  /** The files that something is left of, and how much, as paths from the project. */
  readonly files: ReadonlyMap<string, number>
  /** What of Node it imports. */
  readonly node: ReadonlyArray<string>
}

export const bundle = async (project: string, entry: string): Promise<Bundle> => {
  const { metafile } = await Esbuild.build({
    absWorkingDir: project,
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    external: ["node:*"],
    minify: true,
    metafile: true,
    write: false,
    outfile: "bundle.js"
  })
  const [output] = Object.values(metafile.outputs)
  if (output === undefined) throw new Error("nothing was bundled")
  const left = Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  return {
    bytes: output.bytes,
    files: new Map(left.map(([path, { bytesInOutput }]) => [path, bytesInOutput])),
    node: [...new Set(output.imports.map(({ path }) => path))].sort()
  }
}

/** The packages that something is left of. */
export const packagesOf = ({ files }: Bundle): ReadonlyArray<string> =>
  [
    ...new Set(
      [...files.keys()].flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
    )
  ].sort()

/** The modules of ours that something is left of, such as `core/plan`. */
export const modulesOf = ({ files }: Bundle): ReadonlyArray<string> =>
  [...files.keys()].flatMap((path) => /effect-sessions\/dist\/(.*)\.js$/.exec(path)?.[1] ?? []).sort()
