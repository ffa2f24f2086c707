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
  ["a connection that broke", new Error("Connection is closed."), true, "Error"],
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
    "Error"
  ],
  ["what is no error", "text", true, "unknown failure"],
  ["nothing", undefined, true, "unknown failure"]
]

describe("the failure of a command", () => {
  for (const [what, failure, outcomeUnknown, detail] of cases) {
    test(`is classified: ${what}`, () => {
      assert.deepStrictEqual(classify(failure), { isUnknownScript: false, outcomeUnknown, detail })
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
