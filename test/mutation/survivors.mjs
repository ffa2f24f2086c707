/** Changes of the core that no test of it notices, each with the reason why none does or need do. */
export const survivors = [
  {
    file: "plan",
    from: "tried !== undefined",
    to: "true",
    why: "The same: where nothing was tried, nothing of it is found. The compiler wants to be told."
  },
  {
    file: "request",
    from: "staged === taken",
    to: "false",
    why: "The same, made anew: of what is staged nothing is left where all of it was taken."
  },
  ...[
    ["cookie.changedAt !== undefined && seenBefore !== undefined", "true"],
    ["cookie.changedAt !== undefined && seenBefore !== undefined", "cookie.changedAt !== undefined || seenBefore !== undefined"],
    ["cookie.changedAt !== undefined", "true"],
    ["seenBefore !== undefined", "true"]
  ].map(([from, to]) => ({
    file: "request",
    from,
    to,
    why: "The same: nothing is before undefined, nor is that before anything. The compiler wants to be told."
  })),
  {
    file: "cookiePolicy",
    from: "options.domain !== undefined",
    to: "true",
    why: "The same: `undefined` would be the name of a host. The compiler wants to be told."
  },
  ...["true", "pieces <= minPieces"].map((to) => ({
    file: "signingKeys",
    from: "pieces < minPieces",
    to,
    why: "In the loop: only how long it counts. What it has counted by then is enough."
  })),
  {
    file: "signal",
    from: "[]",
    to: "[\"Stryker was here\"]",
    why: "Of what does not match, nothing is there. The first of what does is the whole text, which is not looked at."
  },
  ...[
    ["handle === undefined || name === undefined", "handle === undefined && name === undefined"],
    ["handle === undefined", "false"],
    ["name === undefined", "false"]
  ].map(([from, to]) => ({
    file: "signal",
    from,
    to,
    why: "The same: there are both or neither. The compiler wants to be told."
  })),
  {
    file: "signal",
    from: "default: return undefined",
    to: "default:",
    why: "The same: nothing follows. The compiler wants to be told."
  },
  ...["day", "month", "year"].map((part) => ({
    file: "cookieJar",
    from: `${part} === undefined`,
    to: "false",
    why: "The same: of a date without it the time is no number, and so does not exist. The compiler wants to be told."
  })),
  ...[
    ["hour === undefined || minute === undefined || second === undefined", "false"],
    [
      "hour === undefined || minute === undefined || second === undefined",
      "(hour === undefined || minute === undefined) && second === undefined"
    ],
    ["hour === undefined || minute === undefined", "false"],
    ["hour === undefined || minute === undefined", "hour === undefined && minute === undefined"],
    ["hour === undefined", "false"],
    ["minute === undefined", "false"],
    ["second === undefined", "false"]
  ].map(([from, to]) => ({
    file: "cookieJar",
    from,
    to,
    why: "The same: what matches has all three. The compiler wants to be told."
  })),
  {
    file: "cookieJar",
    from: "\"\"",
    to: "\"Stryker was here!\"",
    why:
      "What is split has a first part. An attribute without a value is not too long, and neither a number of seconds nor a date, whatever short text stands for it."
  },
  ...["peer === undefined", "host === undefined"].map((from) => ({
    file: "forwarded",
    from,
    to: "false",
    why: "The same: nothing is no address. The compiler wants to be told."
  })),
  {
    file: "forwarded",
    from: "end > 0",
    to: "end >= 0",
    why: "The same: before a comma at the very beginning is no text, which is no address, and so the way ends there."
  },
  {
    file: "responseHeaders",
    from: "\"\"",
    to: "\"Stryker was here!\"",
    why: "Of a response that varies by nothing: any text that names no header does."
  },
  ...[
    ["heap[parent]!.expiresAt <= entry.expiresAt", "heap[parent]!.expiresAt < entry.expiresAt"],
    ["heap[child + 1]!.expiresAt < heap[child]!.expiresAt", "heap[child + 1]!.expiresAt <= heap[child]!.expiresAt"],
    ["heap[child]!.expiresAt >= entry.expiresAt", "heap[child]!.expiresAt > entry.expiresAt"]
  ].map(([from, to]) => ({
    file: "expiryQueue",
    from,
    to,
    why: "Which of two that expire at once comes first is free."
  })),
  {
    file: "expiryQueue",
    from: "expiresAt !== undefined",
    to: "true",
    why: "The same: what is listed is there. The compiler wants to be told."
  },
  {
    file: "expiryQueue",
    from: "heap.length > 2 * size() + 64",
    to: "heap.length >= 2 * size() + 64",
    why: "Only when the dead are thrown out: one sooner."
  },
  ...["true", "text.length * 3 >= maxBytes"].map((to) => ({
    file: "json",
    from: "text.length * 3 > maxBytes",
    to,
    why: "The same, slower: the bytes are counted of what cannot be too long."
  })),
  ...["false", "text.length < maxDepth"].map((to) => ({
    file: "json",
    from: "text.length <= maxDepth",
    to,
    why: "The same, slower: brackets are counted in what cannot nest too deep."
  })),
  {
    file: "json",
    from: "index < text.length",
    to: "index <= text.length",
    why: "The same: behind the end is no bracket."
  },
  ...[
    [
      String.raw`text.includes("__proto__") || text.includes("\\u00") || /[eE]\+?\d{3}/.test(text) || /\d{309}/.test(text)`,
      "true"
    ],
    ["\"__proto__\"", "\"\""],
    [String.raw`"\\u00"`, "\"\""],
    [String.raw`/[eE]\+?\d{3}/`, String.raw`/[eE]\+?\d/`],
    [String.raw`/\d{309}/`, String.raw`/\d/`]
  ].map(([from, to]) => ({
    file: "json",
    from,
    to,
    why: "The same, slower: text that is not suspicious is read as if it were, and nothing is found."
  })),
  {
    file: "json",
    from: "{ return undefined }",
    to: "{}",
    why: "The same: nothing follows. The compiler wants to be told."
  },
  {
    file: "json",
    from: "text.length > maxLength",
    to: "false",
    why: "What is too long is refused again before it is parsed. Asked first because the rest looks at every character."
  },
  {
    file: "json",
    from: "false",
    to: "true",
    why: "Of what is not JSON it is not asked whether a property of it was left out."
  },
  {
    file: "redisFailure",
    from: "\"\"",
    to: "\"Stryker was here!\"",
    why: "A text has a first word; any that is no code does for a failure without a message."
  },
  {
    file: "redisFailure",
    from: "code !== undefined",
    to: "true",
    why: "The same: nothing is no refusal. The compiler wants to be told."
  },
  ...[
    ["Crypto.hash === undefined", "true"],
    ["Crypto.hash === undefined", "false"],
    ["Crypto.hash === undefined", "Crypto.hash !== undefined"],
    [
      "(input: string): string => Crypto.createHash(\"sha256\").update(input).digest(\"base64url\")",
      "() => undefined"
    ],
    ["\"sha256\"", "\"\""],
    ["\"base64url\"", "\"\""]
  ].map(([from, to]) => ({
    file: "digest",
    from,
    to,
    why: "What a runtime without `crypto.hash` does is not tried on one that has it. Both make the same of a text."
  })),
  {
    file: "sqlFailure",
    from: "code === undefined",
    to: "false",
    why: "The same: nothing is no code of any kind. The compiler wants to be told."
  },
  {
    file: "limit",
    from: "record.handle < newest.handle",
    to: "record.handle <= newest.handle",
    why: "The same: a record with the handle of the newest was told apart before."
  },
  {
    file: "record",
    from: "key !== null",
    to: "true",
    why: "The same: no request presents a key that is null. The compiler wants to be told."
  },
  {
    file: "signature",
    from: "signature.length === signatureLength",
    to: "true",
    why: "The bytes are counted as well. It keeps the time of a long one from depending on its length."
  },
  {
    file: "signature",
    from: "dot < 1",
    to: "false",
    why: "The character at a place below the first is none, so it is no dot; an empty id is not well-formed later."
  },
  {
    file: "signature",
    from: "dot < 1",
    to: "dot <= 1",
    why: "An id of one character is not well-formed: none is shorter than 22."
  },
  {
    file: "csrf",
    from: "pairs.length < 2",
    to: "true",
    why: "Only how much is read of a form that has the field more than twice: it is refused with two."
  },
  {
    file: "csrf",
    from: "pairs.length < 2",
    to: "pairs.length <= 2",
    why: "As above, with three."
  },
  {
    file: "csrf",
    from: "secFetchSite !== undefined",
    to: "true",
    why: "The same: the text `undefined` is not looked for. The compiler wants to be told."
  },
  {
    file: "csrf",
    from: "\"\"",
    to: "\"Stryker was here!\"",
    why: "Of a referer that is no URL: any text that is no origin does. Of a pair: the first part of a text is always there."
  },
  {
    file: "csrf",
    from: "\"null\"",
    to: "\"\"",
    why: "Any text that is no origin does."
  },
  {
    file: "csrf",
    from: "pair === undefined",
    to: "false",
    why: "The same: of no pair no field is got. The compiler wants to be told."
  },
  {
    file: "credential",
    from: "acceptUnsignedUntil !== undefined",
    to: "true",
    why: "The same: nothing is before undefined. The compiler wants to be told."
  },
  {
    file: "credential",
    from: "\"malformed\"",
    to: "\"\"",
    why: "Whoever is told any text but `signature` says malformed: the text is for who reads the type."
  },
  ...["authorization !== undefined && cookie !== undefined", "authorization !== undefined", "cookie !== undefined"].map((
    from
  ) => ({
    file: "credential",
    from,
    to: "true",
    why: "A carrier that is missing is read as `Missing`. Asked first because it is cheap."
  })),
  {
    file: "credential",
    from: "authorization !== undefined && cookie !== undefined",
    to: "authorization !== undefined || cookie !== undefined",
    why: "As above."
  },
  {
    file: "redisText",
    from: "\"0\"",
    to: "\"\"",
    why: "The same: only \"1\" is asked for."
  },
  ...[
    ["/\\w+(?=\\()/.exec(text)?.[0]", "/\\w+(?=\\()/.exec(text)[0]"],
    ["/\\w+(?=\\()/", "/\\w+(?!\\()/"],
    ["`\\\\b${/\\w+(?=\\()/.exec(text)?.[0]}\\\\b`", "``"]
  ].map(([from, to]) => ({
    file: "redisText",
    from,
    to,
    why: "Scripts get functions as well that they do not need: longer, and the same."
  })),
  {
    file: "redisText",
    why: "Scripts are not run here. Of what else is left, `test/redis/conformance` noticed all that was tried by hand, but " +
      "for what a text has that is never empty: the first of its parts."
  },
  {
    file: "sqlText",
    why: "Statements are not run here. Of 21 changes picked evenly from those that are left, `test/sql` noticed 17. The others " +
      "are the names of three indexes, and a channel where there is none."
  }
]
