import * as Effect from "effect/Effect"
import { Cluster, Redis } from "ioredis"
import * as RedisText from "../../../src/core/redisText.js"

/** Looks at each node of a server or cluster. */
const onNodes = <A>(url: string, look: (node: Redis) => Promise<ReadonlyArray<A>>): Effect.Effect<ReadonlyArray<A>> => {
  const { hostname: host, port } = new URL(url)
  const open = () => url.startsWith("redis-cluster:") ? new Cluster([{ host, port: Number(port) }]) : new Redis(url)
  return Effect.acquireUseRelease(
    Effect.sync(open),
    (client) =>
      Effect.promise(async () => {
        await client.ping()
        const nodes = client instanceof Redis ? [client] : client.nodes("master")
        const found = await Promise.all(nodes.map(look))
        return found.flat()
      }),
    (client) => Effect.sync(() => client.disconnect())
  )
}

/** The keys of a prefix, by looking through all there are: what the store itself never does. */
const keysOf = async (node: Redis, pattern: string): Promise<ReadonlyArray<string>> => {
  const keys: Array<string> = []
  for await (const page of node.scanStream({ match: pattern, count: 1000 })) keys.push(...page)
  return keys
}

/** Takes away all keys of a prefix. */
export const clearRecords = (url: string, prefix: string): Effect.Effect<void> =>
  Effect.asVoid(onNodes(url, async (node) => {
    for (const key of await keysOf(node, `${prefix}*`)) await node.del(key)
    return []
  }))

/** The users of all records of a prefix, expired or not. */
export const usersWithRecords = (url: string, prefix: string): Effect.Effect<ReadonlyArray<string>> =>
  onNodes(url, async (node) => {
    const users: Array<string> = []
    for (const key of await keysOf(node, `${prefix}*r:*`)) {
      const text = await node.hget(key, "m")
      if (text !== null) users.push(RedisText.decode(text, "").record.userId ?? "")
    }
    return users
  })
