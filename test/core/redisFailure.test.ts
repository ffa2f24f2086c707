import { classify } from "effect-sessions/core/redisFailure"
import { assert, describe, test } from "vitest"

const reply = (message: string) => Object.assign(new Error(message), { name: "ReplyError" })

const cases: ReadonlyArray<readonly [what: string, failure: unknown, outcomeUnknown: boolean, detail: string]> = [
  [
    "a replica",
    reply("READONLY You can't write against a read only replica. script: 1f, on @user_script:9."),
    false,
    "ReplyError READONLY"
  ],
  [
    "Redis 6, a replica",
    reply("ERR Error running script (call to f_1): @user_script:9: -READONLY You can't write"),
    false,
    "ReplyError READONLY"
  ],
  [
    "a user who may not do what a script does",
    reply("ERR The user executing the script can't run this command or subcommand script: 41, on @user_script:1."),
    true,
    "ReplyError NOPERM_IN_SCRIPT"
  ],
  [
    "Redis 6, the same",
    reply("ERR Error running script (call to f_1): @user_script:9: -NOPERM this user has no permissions"),
    true,
    "ReplyError NOPERM_IN_SCRIPT"
  ],
  [
    "a newer Redis, the same",
    reply("ERR ACL failure in script: User app has no permissions to run the 'del' command script: 41"),
    true,
    "ReplyError NOPERM_IN_SCRIPT"
  ],
  [
    "a user who may not run scripts",
    reply("NOPERM this user has no permissions to run the 'evalsha' command"),
    false,
    "ReplyError NOPERM"
  ],
  [
    "a refusal that quotes the sentence",
    reply("NOPERM ERR The user executing the script can't run this command"),
    false,
    "ReplyError NOPERM"
  ],
  ["no memory", reply("OOM command not allowed when used memory > 'maxmemory'."), false, "ReplyError OOM"],
  ["a server that loads", reply("LOADING Redis is loading the dataset in memory"), false, "ReplyError LOADING"],
  ["a cluster that is down", reply("CLUSTERDOWN The cluster is down"), false, "ReplyError CLUSTERDOWN"],
  [
    "a slot that moves",
    new Error("Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys"),
    false,
    "Error TRYAGAIN"
  ],
  ["a disk that is full", reply("MISCONF Redis is configured to save RDB snapshots"), false, "ReplyError MISCONF"],
  ["a script that broke off", reply("ERR user_script:9: attempt to compare nil with number"), true, "ReplyError ERR"],
  ["another reply", reply("WRONGTYPE Operation against a key"), true, "ReplyError WRONGTYPE"],
  ["a connection that broke", new Error("Connection is closed."), true, "Error the connection is closed"],
  [
    "a connection that was reset",
    Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
    true,
    "Error ECONNRESET"
  ],
  [
    "a queue that is not there",
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    false,
    "Error not connected"
  ],
  ["a client that does not know the cluster", new Error("Failed to refresh slots cache."), false, "Error"],
  ["a client of a cluster that has ended", new Error("Cluster is ended."), false, "Error"],
  ["a socket that says nothing", new Error("Socket timeout. Expecting data"), true, "Error the socket is silent"],
  ["a command that took too long", new Error("Command timed out"), true, "Error no answer in time"],
  ...["Is ended: Cluster is ended.", "x Failed to refresh slots cache"].map((message) =>
    [`a sentence that only holds it: ${message}`, new Error(message), true, "Error"] as const
  ),
  ...["x Socket timeout", "x Connection is closed", "x Command timed out"].map((message) =>
    [`another sentence: ${message}`, new Error(message), true, "Error"] as const
  ),
  [
    "a script that broke off, and quotes the name of a refusal",
    reply("ERR user_script:9: quotes ERR Error running script: -READONLY"),
    true,
    "ReplyError ERR"
  ],
  [
    "another failure that quotes redirections",
    new Error("x Too many Cluster redirections. Last error: ReplyError: TRYAGAIN"),
    true,
    "Error"
  ],
  [
    "a script that broke off in Redis 6",
    reply("ERR Error running script (call to f_1): @user_script:9: attempt to compare nil with number"),
    true,
    "ReplyError ERR"
  ],
  [
    "Redis 6, a word that begins as a refusal",
    reply("ERR Error running script (call to f_1): @user_script:9: -OOMPH"),
    true,
    "ReplyError ERR"
  ],
  ["a reply of one letter", reply("E x"), true, "ReplyError"],
  ["a reply of twenty letters", reply(`${"E".repeat(20)} x`), true, `ReplyError ${"E".repeat(20)}`],
  ["a reply of more", reply(`${"E".repeat(21)} x`), true, "ReplyError"],
  ["a reply in small letters", reply("Err x"), true, "ReplyError"],
  ["a code of another kind", Object.assign(new Error("x"), { code: 5 }), true, "Error"],
  ["a code of 41 letters", Object.assign(new Error("x"), { code: "c".repeat(41) }), true, "Error"],
  ["a code of 40 letters", Object.assign(new Error("x"), { code: "c".repeat(40) }), true, `Error ${"c".repeat(40)}`],
  ["a name that is a sentence", Object.assign(new Error("x"), { name: "secret name" }), true, "unknown failure"],
  ["a name of another kind", { name: 5, message: "OOM x" }, false, "unknown failure OOM"],
  ["a message of another kind", { name: "Odd", message: { test: 1 } }, true, "Odd"],
  ["null", null, true, "unknown failure"],
  ["what is no error", "text", true, "unknown failure"],
  ["nothing", undefined, true, "unknown failure"]
]

describe("the failure of a command", () => {
  for (const [what, failure, outcomeUnknown, detail] of cases) {
    test(`is classified: ${what}`, () => {
      assert.deepStrictEqual(classify(failure), { isUnknownScript: false, outcomeUnknown, detail })
    })
  }

  for (
    const code of [
      "READONLY",
      "OOM",
      "LOADING",
      "MASTERDOWN",
      "CLUSTERDOWN",
      "MOVED",
      "ASK",
      "TRYAGAIN",
      "CROSSSLOT",
      "MISCONF",
      "NOREPLICAS",
      "NOAUTH",
      "WRONGPASS",
      "NOPERM",
      "BUSY"
    ]
  ) {
    test(`is one of a command that was not carried out, by the word of the server: ${code}`, () => {
      const refused = { isUnknownScript: false, outcomeUnknown: false, detail: `ReplyError ${code}` }
      assert.deepStrictEqual(classify(reply(`${code} as the server puts it`)), refused)
      assert.isTrue(classify(reply(`ERR ${code}`)).outcomeUnknown, "only as the first word")
    })
  }

  test("of a script that is not there is known not to have done anything", () => {
    const found = classify(reply("NOSCRIPT No matching script. Please use EVAL."))
    assert.deepStrictEqual(found, { isUnknownScript: true, outcomeUnknown: false, detail: "ReplyError NOSCRIPT" })
  })

  test("is told without what it quotes", () => {
    assert.notInclude(classify(reply("ERR secret-key")).detail, "secret")
    assert.notInclude(classify(Object.assign(new Error("x"), { code: "a secret" })).detail, "secret")
  })
})
