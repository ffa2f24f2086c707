import * as Fs from "node:fs"
import * as Path from "node:path"
import { succeed } from "./command.js"

export interface Tarball {
  readonly path: string
  /** The paths of its files. */
  readonly contents: ReadonlyArray<string>
}

/** Packs the package in a folder as `npm publish` would, into an empty destination. */
export const pack = async (folder: string, destination: string): Promise<Tarball> => {
  Fs.rmSync(destination, { recursive: true, force: true })
  Fs.mkdirSync(destination, { recursive: true })
  await succeed("npm", ["pack", "--pack-destination", destination], folder)
  const path = Path.join(destination, Fs.readdirSync(destination).find((file) => file.endsWith(".tgz")) ?? "no tarball")
  const list = await succeed("tar", ["-tzf", path], destination)
  return { path, contents: list.trim().split("\n").map((file) => file.replace(/^package\//, "")) }
}
