/** The sizes that were recorded, in `sizes.md`, and the page that records them. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Size } from "./lint.js"

const page = Path.join(import.meta.dirname, "sizes.md")

/** By how much a tarball may differ from what was recorded before somebody has to look at it. */
export const margin = 0.1

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`

/** By the version of the edition. */
export const recordedSizes = (): ReadonlyMap<string, Size> =>
  new Map(
    [...Fs.readFileSync(page, "utf8").matchAll(/^\| ([\d.]+) \| (\d+) \| (\d+) kB \| (\d+) kB \|$/gm)].map((
      [, version = "", files, packed, unpacked]
    ) => [version, { files: Number(files), packed: Number(packed) * 1000, unpacked: Number(unpacked) * 1000 }])
  )

export const recordSizes = (sizes: ReadonlyMap<string, Size>): void =>
  Fs.writeFileSync(
    page,
    `# The sizes of the tarballs

Written by \`npm run release:check -- --record\`. \`npm run test:package\` and the release check fail where one is more than
${
      margin * 100
    } % larger or smaller, so that what comes in or falls out by mistake is seen. 3.x has two builds, ES modules and
CommonJS; 4.x has one. Both have their sources in them, to which the source maps lead.

| version | files | packed | unpacked |
|---|---|---|---|
${
      [...sizes].map(([version, { files, packed, unpacked }]) =>
        `| ${version} | ${files} | ${kilobytes(packed)} | ${kilobytes(unpacked)} |`
      ).join("\n")
    }
`
  )

const keys = ["files", "packed", "unpacked"] as const

/** What is wrong with a size, in words. */
export const sizeProblems = (version: string, size: Size, recorded: Size | undefined): ReadonlyArray<string> =>
  recorded === undefined
    ? [`sizes: nothing is recorded for ${version}: npm run release:check -- --record`]
    : keys.flatMap((key) =>
      Math.abs(size[key] - recorded[key]) > margin * recorded[key]
        ? [`sizes: ${version} has ${key} ${size[key]}, recorded is ${recorded[key]}: look why, then --record`]
        : []
    )
