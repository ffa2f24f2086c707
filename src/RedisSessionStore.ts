/**
 * The session store on Redis, through `ioredis`: one server, a server behind Sentinel, or a Redis Cluster. Run on Redis
 * 7.0; it needs 6.2. Valkey has the same commands, but is not run here.
 *
 * **What is stored.** A *record* is a hash at `PREFIXr:PLACE`: its data, and all else as one text. Its place is the key that
 * it was first stored under, and never changes, whatever its key is by now; so nothing outruns what is done at its place.
 * *Links*, sorted sets at `PREFIXl:WORD`, lead to places from every word a record is found by: its present and former keys
 * (but for the one that is its place), its handle, its user. A link is a hint: what the record says decides. So links are
 * made before a record needs them, and one that is left over, as by a process that died in between, does no harm. An *index*
 * at `PREFIXx` has the places by deadline, for `deleteExpired`, `count` and `clear`; it is changed in one step with the
 * record. There is no `KEYS`, `SCAN` or `FLUSHDB`; `count` and `clear` go through the index with `ZSCAN`, 500 records in a
 * step.
 *
 * **One server.** Each operation is one command, a script that does all of it (`deleteExpired`, `count` and `clear`: one for
 * 500 records). Scripts are sent by their hash, and as a whole where the server does not know them: at first, after a
 * flush, a restart, a failover. They go wherever links lead them, so the server must not be one that wants to know all keys
 * beforehand.
 *
 * **Cluster.** The sessions are in 256 parts by their place, as `PREFIX{17}:r:PLACE`, each part in one slot with its index.
 * A script names every key that it uses, and sees one slot; so a slot that moves to another node gives an error or an answer,
 * never half of one. A read, an update or a touch is one command, or two once the session was renamed. Others write links
 * first, all at once, and then run one script at the place, which is the moment at which they count: there is none at which
 * both keys of a rename can be read, or neither. What is weaker than on one server:
 * - An operation on several records (`delete`, `deleteByUser`, `limitByUser`, `deleteExpired`, `clear`) takes a step for each
 *   part that has some, or for each record, and `listByUser`, `limitByUser` and `count` see each as it is when it is looked
 *   at. If one of them cannot be reached, the operation fails with an unknown outcome: repeat it. A limit ends only those that
 *   are still as they were when it looked; where one was used meanwhile, it looks at all of them again. Limits of one user
 *   take turns; one that takes longer than a second may overlap with the next, and then fewer may be left than it allows.
 * - `insert` looks for renames of `unlessRenamed.keys` just before it adds the record, not at the same moment. It sees those
 *   that were acknowledged before it was called. One that is made between the two counts as made after it.
 * - That no two records get the same key is checked before, and certain only for two inserts of one that no record had yet.
 *   Keys are 256 random bits.
 *
 * The two layouts differ: who moves from one server to a cluster signs everybody out.
 *
 * **Signals.** What a node ends, it publishes in the same script on the channel `PREFIXended`: no secret, and a hint only.
 * A node that waits for it subscribes on a connection of its own. While that is down, or forbidden, sessions end all the
 * same, and `ended` of a handle looks in its interval; one that dies in silence is noticed within some fifteen seconds, and
 * what Redis removes by itself within a minute. Redis databases share their channels: give apps prefixes of their own.
 *
 * **Deadlines.** The times in the record decide, by the clock of whoever asks. Redis removes a record one hour after its
 * deadline by itself, counted from the last write and not by the clock of the server; so sessions need no sweeping, but a
 * `SessionCleaner` keeps the index small. Links last twice as long as the record had to live when they were written; a
 * touch that gets past that writes them anew.
 *
 * **What Redis loses.** What was acknowledged and not yet written to disk is lost in a crash (`appendonly yes` with
 * `appendfsync always` loses nothing, `everysec` up to two seconds; without, all is as it was at the last snapshot, and who
 * signed out since then is signed in again), and what was not yet replicated is lost in a failover: a logout as well as a
 * sign-in. When memory is full, sessions can be read and ended, not written. Set `maxmemory-policy noeviction`: any other
 * policy lets Redis throw away what it likes. A record that is gone is nobody's session. A session whose link is gone cannot be
 * found by it: with the link of its user, `deleteByUser`, `listByUser` and `limitByUser` miss it, and it goes on; with that of
 * its handle, it is taken for ended by who waits for that; with that of its key, which only one that was renamed has, it is
 * nobody's session. So it is until a touch gets past the time for which its links were written, or, on one server, it is
 * renamed. With the index gone, `count`, `clear` and `deleteExpired` miss sessions until they are written again.
 *
 * **Permissions.** A user of the server needs the keys of the prefix (`~effect_sessions:*`), `+@connection +info +evalsha
 * +eval`, and what scripts do: `+del +exists +hget +hset +pexpire +pttl +zadd +zrange +zrangebyscore +zrem
 * +zremrangebyscore +zscan +zscore`; on a cluster `+cluster +hmget +zcount` as well; to tell and hear what nodes end, `+publish
 * +subscribe` and the channel (`&effect_sessions:ended`). Without one of the others operations fail with
 * `NOPERM`, or with `NOPERM_IN_SCRIPT` and an unknown outcome: then a record is as it was or as it should be, with all that
 * leads to it.
 *
 * **Timeouts.** Every operation answers or fails within `timeout`, `clear` and `count` within `bulkTimeout`. While there
 * is no connection, an operation waits for the next attempt to connect, half a second at the most (or as long as
 * `retryStrategy` of the app's client says), and then fails. A script holds up the server: one that ends or lists 10,000
 * sessions of one user takes about a second, and 100,000 too long. A cluster ends 10,000 in a second as well, in many
 * short scripts; a limit there ends about a thousand in a second. Set `maxPerUser`. A connection that is silent for as
 * long as `timeout` is given up, and another one made. A Sentinel that is silent for half of it is passed over, and a name of
 * a node that is not known is in the way of no other.
 *
 * **Unknown outcomes.** A `SessionStoreError` says with `outcomeUnknown` whether a write may have been made, or may still be:
 * after a timeout or a broken connection. What the server refused (`READONLY` after a failover, `OOM`, `LOADING`) or was never
 * sent, was not made. The client is told never to send a command again whose answer was lost, whatever the options say:
 * a change that was made would then be refused as made by somebody else, and be made twice.
 *
 * @since 3.0.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Redis from "ioredis"
import { timesOf } from "./core/record.js"
import type { RedisFailure } from "./core/redisFailure.js"
import * as RedisText from "./core/redisText.js"
import * as Durations from "./internal/durations.js"
import * as RedisClusterSteps from "./internal/redisClusterSteps.js"
import * as RedisConnection from "./internal/redisConnection.js"
import * as RedisSteps from "./internal/redisSteps.js"
import * as SharedTimeout from "./internal/sharedTimeout.js"
import * as Signals from "./internal/signals.js"
import { SessionConfigError, SessionStoreError } from "./SessionError.js"
import * as SessionStore from "./SessionStore.js"

/**
 * How the sessions are stored.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /** What the names of all keys begin with: `effect_sessions:` if left out. Letters, digits and `_ . : / -`, 64 at most. */
  readonly prefix?: string | undefined
  /** How long an operation may take, the wait for a connection included. Five seconds if left out. */
  readonly timeout?: Duration.DurationInput | undefined
  /** How long `clear` and `count` may take, which go through all records. One minute if left out. */
  readonly bulkTimeout?: Duration.DurationInput | undefined
}

/**
 * Which Redis the sessions are stored in: exactly one of `url`, `redis` and `cluster`; `url` may have `redis` beside it.
 *
 * @since 3.0.0
 * @category models
 */
export interface ConnectionOptions extends Options {
  /** `redis://user:password@host:port/database`, or `rediss://…` for TLS; `?family=6` for IPv6 only. Other options: `redis`. */
  readonly url?: string | Redacted.Redacted | undefined
  /** The options of `ioredis`, also those for Sentinel (`sentinels`, `name`). */
  readonly redis?: Redis.RedisOptions | undefined
  /** Some nodes of a Redis Cluster, and the options of `ioredis` for it. */
  readonly cluster?: {
    readonly nodes: ReadonlyArray<Redis.ClusterNode>
    readonly options?: Redis.ClusterOptions | undefined
  } | undefined
}

const moduleName = "RedisSessionStore"

interface Settings {
  readonly prefix: string
  readonly timeout: number
  readonly bulkTimeout: number
}

const readOptions = (
  options: Options,
  otherProblems: ReadonlyArray<string>
): Effect.Effect<Settings, SessionConfigError> => {
  const { timeout: bounds } = Durations.bounds
  const prefix = options.prefix ?? "effect_sessions:"
  const timeout = Durations.read(`${moduleName}.timeout`, options.timeout ?? "5 seconds", bounds)
  const bulkTimeout = Durations.read(`${moduleName}.bulkTimeout`, options.bulkTimeout ?? "1 minute", bounds)
  return SessionConfigError.check(
    moduleName,
    [...RedisText.problemsOf(prefix), ...timeout.problems, ...bulkTimeout.problems, ...otherProblems],
    () => ({ prefix, timeout: timeout.millis, bulkTimeout: bulkTimeout.millis })
  )
}

/** The failure of an operation of which this was sent. */
const failed = (
  operation: string,
  writes: boolean,
  { refused, sent }: RedisConnection.Attempt,
  detail: string
): SessionStoreError =>
  new SessionStoreError({ operation, reason: "Unavailable", outcomeUnknown: writes && sent > refused, detail })

const storeOn = Effect.fnUntraced(function*(
  { bulkTimeout, prefix, timeout }: Settings,
  open: () => Redis.Redis | Redis.Cluster
): Effect.fn.Return<SessionStore.Service, never, Scope.Scope> {
  const connection = yield* RedisConnection.make(open)
  const telling = { channel: `${prefix}ended`, node: yield* Signals.generateNode }
  const steps = connection.isCluster
    ? RedisClusterSteps.onCluster(connection, prefix, telling)
    : RedisSteps.onServer(connection, prefix, telling)
  const bound = yield* SharedTimeout.make(timeout)
  const bulkBound = yield* SharedTimeout.make(bulkTimeout)

  const ask = (inTime: SharedTimeout.SharedTimeout, writes: boolean) =>
  <A>(
    operation: string,
    run: (attempt: RedisConnection.Attempt) => Effect.Effect<A, RedisFailure>
  ): Effect.Effect<A, SessionStoreError> =>
    Effect.suspend(() => {
      const attempt: RedisConnection.Attempt = { sent: 0, refused: 0 }
      const heard = connection.heard()
      return inTime(
        Effect.mapError(
          Effect.zipRight(connection.ready, run(attempt)),
          ({ detail }) => failed(operation, writes, attempt, detail)
        ),
        ({ detail }) => {
          connection.renew(heard)
          return failed(operation, writes, attempt, detail)
        }
      )
    })
  const reads = ask(bound, false)
  const writes = ask(bound, true)

  const unlessTaken = (
    operation: string,
    run: (attempt: RedisConnection.Attempt) => Effect.Effect<"done" | "none" | "exists", RedisFailure>
  ): Effect.Effect<boolean, SessionStoreError> =>
    Effect.flatMap(
      writes(operation, run),
      (outcome) =>
        outcome !== "exists" ? Effect.succeed(outcome === "done") : Effect.fail(
          new SessionStoreError({ operation, reason: "KeyExists", outcomeUnknown: false, detail: "redis" })
        )
    )

  return {
    insert: (insertion) => unlessTaken("insert", (attempt) => steps.insert(insertion, attempt)),
    read: (key, now) => reads("read", () => steps.read(key, now)),
    search: (search) => search.keys.length === 0 ? Effect.succeed([]) : reads("search", () => steps.search(search)),
    update: ({ data, expectedVersion, ...touch }) =>
      writes("update", (attempt) => steps.change({ ...touch, update: { data, expectedVersion } }, attempt)),
    touch: (touch) => writes("touch", (attempt) => steps.change(touch, attempt)),
    rotate: (rotation) => unlessTaken("rotate", (attempt) => steps.rotate(rotation, attempt)),
    delete: (deletion) => writes("delete", (attempt) => steps.delete(deletion, attempt)),
    deleteByUser: (deletion) => writes("deleteByUser", (attempt) => steps.deleteByUser(deletion, attempt)),
    limitByUser: (limit) => writes("limitByUser", (attempt) => steps.limitByUser(limit, attempt)),
    listByUser: (search) => reads("listByUser", () => steps.listByUser(search)),
    readTimes: (search) =>
      search.handles.length === 0 ? Effect.succeed([]) : Effect.map(
        reads("readTimes", () => steps.readTimes(search)),
        (records) => records.map(timesOf)
      ),
    deleteExpired: (before, limit) => writes("deleteExpired", (attempt) => steps.deleteExpired(before, limit, attempt)),
    count: (counting) => ask(bulkBound, false)("count", () => steps.count(counting)),
    clear: (name) => ask(bulkBound, true)("clear", (attempt) => steps.clear(name, attempt)),
    signals: yield* Signals.make(telling.node, {
      hear: (onText) =>
        Effect.mapError(
          connection.hear(telling.channel, (text) => onText(RedisText.unescape(text))),
          ({ detail }) => failed("listen", false, { sent: 0, refused: 0 }, detail)
        ),
      send: (text) => reads("listen", () => connection.ask("publish", [telling.channel, text]))
    })
  }
})

const connectionProblems = ({ cluster, redis, url }: ConnectionOptions): ReadonlyArray<string> => {
  const text = textOf(url)
  return [
    ...(url === undefined && redis === undefined && cluster === undefined
      ? [`${moduleName} must be told where Redis is: give url, redis or cluster`]
      : []),
    ...(cluster !== undefined && (url !== undefined || redis !== undefined)
      ? [
        `${moduleName}.cluster stands for itself: leave out url and redis, and put options of nodes into cluster.options`
      ]
      : []),
    ...(cluster !== undefined && cluster.nodes.length === 0 ? [`${moduleName}.cluster.nodes must name a node`] : []),
    ...((cluster?.options?.redisOptions?.db ?? 0) !== 0
      ? [`${moduleName}.cluster has database 0 only: leave out db, and give apps prefixes of their own`]
      : []),
    ...(text === undefined ? [] : urlProblems(text))
  ]
}

const decodeUrl = Option.liftThrowable(decodeURIComponent)

/**
 * What is wrong with a URL. The client fails at a password with a bare `%`, and takes a name for a number of a database. What
 * is in the query, it takes as a text, and for more than the options beside it: a time limit would be none, and what is never
 * to be otherwise could be.
 */
const urlProblems = (text: string): ReadonlyArray<string> => {
  const url = /^rediss?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined || !/^(\/\d*)?$/.test(url.pathname) || Option.isNone(decodeUrl(url.username)) ||
    Option.isNone(decodeUrl(url.password))
  ) return [`${moduleName}.url must be like redis://host:6379 or rediss://user:password@host:6380/0`]
  return /^(\?(family=[046])?)?$/.test(url.search)
    ? []
    : [`${moduleName}.url must have nothing in its query but family=4 or family=6: put other options into redis`]
}

const textOf = (url: string | Redacted.Redacted | undefined): string | undefined =>
  Redacted.isRedacted(url) ? Redacted.value(url) : url

/**
 * Makes the store on a connection of its own. Fails with `SessionConfigError` if the options contradict each other or
 * cannot work. It does not wait for the server: what is asked before the server answers waits for it, or fails. The
 * connection is closed with the scope.
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: ConnectionOptions
): Effect.fn.Return<SessionStore.Service, SessionConfigError, Scope.Scope> {
  const settings = yield* readOptions(options, connectionProblems(options))
  const { cluster, redis = {} } = options
  const url = textOf(options.url)
  return yield* storeOn(settings, () => {
    if (cluster !== undefined) {
      const safe = RedisConnection.safeClusterOptions(cluster.options ?? {}, settings.timeout)
      return new Redis.Cluster([...cluster.nodes], safe)
    }
    const safe = RedisConnection.safeOptions(redis, settings.timeout)
    return url === undefined ? new Redis.Redis(safe) : new Redis.Redis(url, safe)
  })
})

/**
 * Makes the store on a connection of its own, with the settings of a client that the app has already. Fails with
 * `SessionConfigError` if the options cannot work. The connection is closed with the scope.
 *
 * @since 3.0.0
 * @category constructors
 */
export const makeFrom = Effect.fnUntraced(function*(
  client: Redis.Redis | Redis.Cluster,
  options: Options = {}
): Effect.fn.Return<SessionStore.Service, SessionConfigError, Scope.Scope> {
  const settings = yield* readOptions(options, [])
  return yield* storeOn(settings, () => RedisConnection.duplicate(client, settings.timeout))
})

/**
 * The store in the Redis that the options name. Fails with `SessionConfigError` as `make` does.
 *
 * @example
 * ```ts
 * import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
 *
 * export const StoreLive = RedisSessionStore.layer({ url: "redis://localhost:6379" })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: ConnectionOptions): Layer.Layer<SessionStore.SessionStore, SessionConfigError> =>
  Layer.scoped(SessionStore.SessionStore, make(options))

/**
 * The store in the Redis that the configuration names. Fails with `ConfigError` if that cannot be read, and with
 * `SessionConfigError` as `make` does.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
 *
 * export const StoreLive = RedisSessionStore.layerConfig({ url: Config.redacted("REDIS_URL") })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<ConnectionOptions>
): Layer.Layer<SessionStore.SessionStore, SessionConfigError | ConfigError.ConfigError> =>
  Layer.scoped(SessionStore.SessionStore, Effect.flatMap(Config.unwrap(options), make))

/**
 * The store in the Redis of a client that the app has already. It opens a connection of its own with the settings of that
 * client, but for those that would send a command twice. Fails with `SessionConfigError` as `makeFrom` does.
 *
 * @example
 * ```ts
 * import { Redis } from "ioredis"
 * import * as RedisSessionStore from "effect-sessions/RedisSessionStore"
 *
 * export const storeOf = (client: Redis) => RedisSessionStore.layerFrom(client, { prefix: "my-app:sessions:" })
 * ```
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFrom = (
  client: Redis.Redis | Redis.Cluster,
  options: Options = {}
): Layer.Layer<SessionStore.SessionStore, SessionConfigError> =>
  Layer.scoped(SessionStore.SessionStore, makeFrom(client, options))
