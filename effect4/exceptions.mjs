/** Files that belong to the Effect 3 line alone, each with its reason. */
export const exceptions = {
  "src/internal/verbatim.ts": "The schemas of Effect 4 decode fast enough, and their ASTs are others.",
  "test/sessions/verbatim.test.ts": "Tests src/internal/verbatim.ts.",
  "test/support/vitestSettings.ts": "The settings of both lines are made of it as it is.",
  "test/support/ownIt.ts": "`layer` has an `it` of its own on Effect 4.",
  "test/sql/diskFull.test.ts": "SQLite, which has no driver yet.",
  "test/sql/sqliteNode.test.ts": "SQLite, which has no driver yet.",
  "test/recipes/docs.test.ts": "docs/recipes.md shows the code for Effect 3.",
  "test/docs/pages.test.ts": "The pages show the code for Effect 3.",
  "test/docs/pictures.test.ts": "A picture for both editions, drawn once.",
  "examples/classic-router/app.ts": "Effect 4 has one router, which is that of HttpLayerRouter.",
  "test/example/classicRouter.test.ts": "Tests examples/classic-router.",
  "examples/notes-server/screenshot.png": "A picture, for the README of the folder above."
}

/** Files that this line alone has, each with its reason. */
export const additions = {
  "test/docs/readme.test.ts": "The README of this line shows the quick start, that of the folder above a program of its own.",
  "test/example/embedded.test.ts": "The example on Effect 3 needs no server for its data.",
  "test/sql/multiplexed.test.ts": "The client of Effect 3 cannot do it.",
  "tsconfig.json": "Where it is generated, `effect-sessions` is another folder.",
  "test/support/properties.ts": "The properties of @effect/vitest draw from schemas only; those of the tests from fast-check."
}

/** Tests, by a part of their names, that are skipped on this line, each with its reason. */
export const skipped = {
  "SQLite": "There is no driver for it yet.",
  "\\(E5\\).*a number that is none": "`Schema.toCodecJson` writes NaN as text, and reads it again.",
  "\\(E5\\).*an explicit commit": "`Schema.toCodecJson` writes NaN as text, and reads it again.",
  "of a sign-in whose body fails on its way": "Effect 4 does not tell the span of a request what becomes of its body.",
  "is not written again when the response hook runs a second time":
    "Effect 4.1 never answers a web request whose pre-response hook dies.",
  "that another hook replaced by a failure, the browser is told the new id all the same":
    "Effect 4.1 never answers a web request whose pre-response hook dies."
}

/** @param {string} file */
export const isForOneLine = (file) => Object.hasOwn(exceptions, file)
