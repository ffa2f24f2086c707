/** Files that belong to the Effect 3 line alone, each with its reason. */
export const exceptions = {
  "src/internal/verbatim.ts": "The schemas of Effect 4 decode fast enough, and their ASTs are others.",
  "test/sessions/verbatim.test.ts": "Tests src/internal/verbatim.ts."
}

/** @param {string} file */
export const isForOneLine = (file) => Object.hasOwn(exceptions, file)
