/** Whether two editions and what is written about them agree on what is to be released. */

export interface Edition {
  /** The major of Effect, and so of the edition. */
  readonly major: number
  readonly version: string
  /** The version that the lock file has. */
  readonly locked: string
}

/** What has to be mended before a release, in words. */
export const versionProblems = (
  editions: ReadonlyArray<Edition>,
  changelog: string | undefined
): ReadonlyArray<string> => {
  const rest = (version: string): string => version.split(".").slice(1).join(".")
  const own = editions.flatMap(({ locked, major, version }) => [
    ...(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version) ? [] : [`${version} is no version`]),
    ...(version.startsWith(`${major}.`) ? [] : [`${version}: the edition for Effect ${major} has that major`]),
    ...(locked === version ? [] : [`${version}: package-lock.json has ${locked}: npm install --package-lock-only`]),
    ...(changelog === undefined ||
        new RegExp(`^## \\[?${version.replace(/[.]/g, "\\.")}(?![\\w.-])`, "m").test(changelog)
      ? []
      : [`${version}: CHANGELOG.md has no "## ${version}"`])
  ])
  const both = new Set(editions.map(({ version }) => rest(version))).size > 1
    ? [`${editions.map(({ version }) => version).join(" and ")}: the editions differ in more than the major`]
    : []
  return [...own, ...both, ...(changelog === undefined ? ["CHANGELOG.md is missing"] : [])]
}
