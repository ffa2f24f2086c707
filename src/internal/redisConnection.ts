/** A connection to Redis that never sends a command twice, and sends none that would wait in a queue. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Redis from "ioredis"
import * as Crypto from "node:crypto"
import * as Dns from "node:dns"
import type * as Events from "node:events"
import { classify, detailOf, type RedisFailure } from "../core/redisFailure.js"
import { type ScriptName, scriptOf } from "../core/redisText.js"

/**
 * What was sent in one operation that may change what counts. A command is refused if the server, or the client, has said
 * that it was not carried out.
 */
export interface Attempt {
  sent: number
  refused: number
}

/** Commands for a server or a cluster. Those with an attempt are noted in it. */
export interface RedisConnection {
  readonly isCluster: boolean
  /** Waits until commands can be sent, or until the next attempt to connect has failed. */
  readonly ready: Effect.Effect<void, RedisFailure>
  /** How often something was heard of a server. */
  readonly heard: () => number
  /** Gives up the connection to a server of which nothing was heard since then, so that another one is made. */
  readonly renew: (heard: number) => void
  readonly run: (
    script: ScriptName,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string>,
    attempt?: Attempt
  ) => Effect.Effect<unknown, RedisFailure>
  readonly ask: (command: string, args: ReadonlyArray<string>) => Effect.Effect<unknown, RedisFailure>
  /** Hears what is published on a channel while it runs, on a connection of its own. Does not end but by failing. */
  readonly hear: (channel: string, onText: (text: string) => void) => Effect.Effect<never, RedisFailure>
}

type Client = Redis.Redis | Redis.Cluster

/**
 * What must not be otherwise. A command that was in flight when the connection broke may have been carried out: sent again
 * by the client, a change would be refused as made by somebody else, and be made once more above. Names of keys are ours.
 */
const safe = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  keyPrefix: "",
  readOnly: false,
  lazyConnect: false
} as const

const reconnectIfReadOnly = (error: Error): boolean => /READONLY/.test(error.message)

/**
 * The options of a server, made safe. A client of the app says of everything that it was not told that it is not so. Its own
 * time limit for silent sockets is left out: it goes on when the connection is lost, and ends the next one. A Sentinel that
 * says nothing leaves some time for another one.
 */
export const safeOptions = (
  { socketTimeout: _, ...options }: Redis.RedisOptions,
  millis: number
): Redis.RedisOptions => ({
  connectTimeout: millis,
  retryStrategy: (times) => Math.min(times * 50, 500),
  ...options,
  reconnectOnError: options.reconnectOnError ?? reconnectIfReadOnly,
  sentinelCommandTimeout: options.sentinelCommandTimeout ?? millis / 2,
  ...safe
})

/** A name that is not known, of a node that is away, stays as it is: otherwise it would be in the way of all others. */
const tolerant =
  (lookup: Redis.ClusterOptions["dnsLookup"] = Dns.lookup): Redis.ClusterOptions["dnsLookup"] => (name, callback) =>
    lookup(name, (error, address, family) => error ? callback(null, name) : callback(null, address, family))

/**
 * The options of a cluster, made safe. Its queue stays: without it the client refuses what is for a node to which it is
 * connecting just now. It waits long enough for the layout of the cluster, which it asks for before anything else: its own
 * second is too short for a process that begins on a busy machine. Half the time leaves some for another node.
 */
export const safeClusterOptions = (options: Redis.ClusterOptions, millis: number): Redis.ClusterOptions => ({
  clusterRetryStrategy: (times) => Math.min(times * 50, 500),
  ...options,
  redisOptions: { connectTimeout: millis, socketTimeout: millis, ...options.redisOptions, ...clusterSafe },
  enableOfflineQueue: true,
  lazyConnect: false,
  slotsRefreshTimeout: Math.max(options.slotsRefreshTimeout ?? 0, millis / 2),
  dnsLookup: tolerant(options.dnsLookup),
  keyPrefix: "",
  scaleReads: "master",
  retryDelayOnFailover: 0
})

const clusterSafe = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, keyPrefix: "", readOnly: false }

/** A connection that broke has missed some of what was published. */
const subscribing = { socketTimeout: 60_000, retryStrategy: () => null, lazyConnect: false }

/** A client of our own, with the settings of another. It may be of another copy of `ioredis`, with classes of its own. */
export const duplicate = (client: Client, millis: number): Client =>
  "nodes" in client
    ? client.duplicate([], safeClusterOptions(client.options, millis))
    : client.duplicate(safeOptions(client.options, millis))

/** Makes a connection of a client, which ends with the scope. */
export const make = (open: () => Client): Effect.Effect<RedisConnection, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const client = open()
        // A node that ends late takes the next one of its name out of the client, which would leave that open.
        const nodes = new Set<Redis.Redis>()
        if ("nodes" in client) {
          client.on("+node", (node: Redis.Redis) => nodes.add(node))
          client.on("-node", (node: Redis.Redis) => nodes.delete(node))
        }
        return { client, nodes }
      }),
      ({ client, nodes }) =>
        Effect.sync(() => {
          client.disconnect()
          for (const node of nodes) node.disconnect()
        })
    ),
    ({ client }) => {
      const events: Events.EventEmitter = client
      const waiting = new Set<(failure: RedisFailure | undefined) => void>()
      const texts = new Map<ScriptName, { readonly text: string; readonly hash: string }>()
      const database = "nodes" in client ? 0 : client.options.db ?? 0
      let lastError = "not connected"
      let isReady = false
      let isRefused = false
      let willReconnect = false
      let heard = 0

      const settle = (failure: RedisFailure | undefined): void => {
        isReady = failure === undefined
        const all = [...waiting]
        waiting.clear()
        for (const resume of all) resume(failure)
      }
      const unreached = (): RedisFailure => ({ isUnknownScript: false, outcomeUnknown: false, detail: lastError })
      /** Where the server does not have this database, the client goes on in database 0, among the sessions of others. */
      const select = (): void => {
        isRefused = false
        client.call("select", [String(database)]).then(() => settle(undefined), (error) => {
          if (client.status !== "ready") return
          isRefused = true
          settle({ ...unreached(), detail: `database refused ${detailOf(error)}` })
        })
      }
      const settled = Effect.flatMap(
        Effect.promise((signal) =>
          new Promise<RedisFailure | undefined>((resume) => {
            waiting.add(resume)
            signal.addEventListener("abort", () => waiting.delete(resume))
            if (isRefused) select()
            if ("nodes" in client && client.status === "close" && !willReconnect) {
              client.connect().catch(() => {})
            }
          })
        ),
        (failure) => failure === undefined ? Effect.void : Effect.fail(failure)
      )
      events.on("error", (error: unknown) => {
        lastError = `not connected ${detailOf(error)}`
      })
      events.on("connect", () => {
        heard++
        if (!("nodes" in client)) client.stream.on("data", () => heard++)
      })
      events.on("ready", () => database === 0 ? settle(undefined) : select())
      // A node of a cluster that ends late closes a client that connects again, before it would hear of that.
      events.on("reconnecting", () => willReconnect = true)
      events.on("connecting", () => willReconnect = false)
      events.on("close", () => {
        isRefused = false
        settle(unreached())
      })
      events.on("end", () => settle(unreached()))

      const textOf = (name: ScriptName): { readonly text: string; readonly hash: string } => {
        const known = texts.get(name)
        if (known !== undefined) return known
        const text = scriptOf(name)
        const made = { text, hash: Crypto.createHash("sha1").update(text).digest("hex") }
        texts.set(name, made)
        return made
      }

      const ask = (command: string, args: ReadonlyArray<string>): Effect.Effect<unknown, RedisFailure> =>
        Effect.tryPromise({ try: () => client.call(command, [...args]), catch: classify })

      return {
        isCluster: "nodes" in client,
        ready: Effect.suspend(() =>
          isReady ? Effect.void : client.status === "end" ? Effect.fail(unreached()) : settled
        ),
        heard: () => heard,
        renew: (before) => {
          if (before === heard && !("nodes" in client) && client.status !== "connecting") client.stream?.destroy()
        },
        run: (script, keys, args, attempt) =>
          Effect.suspend(() => {
            const { hash, text } = textOf(script)
            const rest = [String(keys.length), ...keys, ...args]
            if (attempt !== undefined) attempt.sent++
            return Effect.catchAll(
              ask("evalsha", [hash, ...rest]),
              (failure) => failure.isUnknownScript ? ask("eval", [text, ...rest]) : Effect.fail(failure)
            ).pipe(
              Effect.tapError((failure) =>
                Effect.sync(() => {
                  if (attempt !== undefined && !failure.outcomeUnknown) attempt.refused++
                })
              )
            )
          }),
        ask,
        hear: (channel, onText) =>
          Effect.acquireUseRelease(
            Effect.suspend(() => {
              // One that a cluster makes itself says nothing when it has lost its server and missed what was published.
              const nodes = "nodes" in client ? client.nodes("all") : [client]
              const server = nodes.find(({ status }) => status === "ready") ?? nodes[0]
              return server === undefined ? Effect.fail(unreached()) : Effect.succeed(server.duplicate(subscribing))
            }),
            (subscriber) =>
              Effect.tryPromise({
                try: () =>
                  new Promise<never>((_, reject) => {
                    const events: Events.EventEmitter = subscriber
                    events.on("message", (_: unknown, text: unknown) => {
                      if (typeof text === "string") onText(text)
                    })
                    events.on("error", reject)
                    events.on("close", reject)
                    events.on("end", reject)
                    events.on("ready", () => void subscriber.subscribe(channel).catch(reject))
                  }),
                catch: classify
              }),
            (subscriber) => Effect.sync(() => subscriber.disconnect())
          )
      }
    }
  )
