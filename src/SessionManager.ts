/**
 * Makes the manager that `Sessions` describes.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Direct from "./Direct.js"
import { isCanonical } from "./internal/base64url.js"
import { deriveHandle, deriveKey } from "./internal/digest.js"
import * as Expiry from "./internal/expiry.js"
import { wholeMillis } from "./internal/expiry.js"
import * as SessionCodec from "./SessionCodec.js"
import * as SessionCommit from "./SessionCommit.js"
import { SessionConfigError, SessionDataError, SessionGone, SessionStoreError } from "./SessionError.js"
import * as SessionMetrics from "./SessionMetrics.js"
import type { ByKey, CommitError, Definition, Options, ReadError, Service, Snapshot, Stored } from "./Sessions.js"
import * as SessionStore from "./SessionStore.js"
import { SessionTimeouts } from "./SessionTimeouts.js"
import * as SessionToken from "./SessionToken.js"

/** Rows are swept once they have been expired for this long, if nobody says otherwise. */
const defaultMargin = Duration.minutes(1)

const unchanged = {
  signIn: Option.none(),
  create: false,
  active: true,
  id: Option.none()
} as const

/**
 * Makes the manager of a declared session over the store in context, with the timeouts and the token generator of the
 * context. Fails if the declaration cannot work.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*<Self, Data, User>(
  definition: Definition<Self, Data, User>,
  options: Options = {}
): Effect.fn.Return<Service<Data, User>, SessionConfigError, SessionStore.SessionStore> {
  const store = SessionStore.countFailures(yield* SessionStore.SessionStore)
  const timeouts = yield* SessionTimeouts
  const token = yield* SessionToken.SessionToken
  const { onUndecodable, sessionName } = definition
  yield* SessionConfigError.check("Session", [
    ...(sessionName.length > 0 ? [] : ["Session.Tag needs a name that is not empty"]),
    ...(token.bytes >= 16 ? [] : ["SessionToken.bytes must be at least 16: a shorter id can be guessed"])
  ], () => void 0)
  const codec = yield* SessionCodec.make(definition.format)

  const keyOfText = (text: string): string => deriveKey(sessionName, text)

  const keyOf = (id: SessionToken.SessionId): string => keyOfText(Redacted.value(id))

  const generate = Direct.make((clock) =>
    Direct.flatMap(
      Direct.enter(token.generate, clock),
      (id) =>
        isCanonical(Redacted.value(id), token.bytes) ? Exit.succeed(id) : Exit.die(
          new SessionConfigError({
            module: "SessionToken",
            problems: ["SessionToken.generate must make canonical base64url of the declared number of bytes"]
          })
        )
    )
  )

  const unusable = (record: SessionStore.SessionRecord, reason: "data" | "user" | "times") =>
    Effect.suspend(() => {
      SessionMetrics.unsafeCount(SessionMetrics.undecodable[reason])
      return Effect.logWarning(`A stored session is unusable: its ${reason} cannot be read`).pipe(
        Effect.annotateLogs({ session: sessionName, handle: deriveHandle(record.key) })
      )
    })

  const decode: ByKey<Data, User>["decode"] = (record) =>
    Direct.catchAll(
      Direct.map(codec.decode(record), ({ data, user }) => Option.some({ data, user, record })),
      (reason) =>
        Effect.zipRight(
          unusable(record, reason),
          onUndecodable === "discard"
            ? Effect.succeedNone
            : Effect.fail(new SessionDataError({ reason: "Undecodable" }))
        )
    )

  const open = (
    key: string,
    now: number,
    record: SessionStore.SessionRecord
  ): Effect.Effect<Option.Option<Stored<Data, User>>, ReadError> => {
    if (record.key !== key) {
      return Effect.fail(
        new SessionStoreError({ operation: "read", reason: "Unavailable", detail: "it returned another record" })
      )
    }
    if (!Expiry.isPossible(record, now)) return Effect.as(unusable(record, "times"), Option.none())
    if (!Expiry.isLive(timeouts, record, now)) {
      SessionMetrics.unsafeCount(SessionMetrics.expired)
      return Effect.succeedNone
    }
    return Direct.map(decode(record), (session) => {
      if (Option.isSome(session)) SessionMetrics.unsafeCount(SessionMetrics.read)
      return session
    })
  }

  const readKey: ByKey<Data, User>["read"] = (key) =>
    Direct.make((clock) => {
      const now = wholeMillis(clock.unsafeCurrentTimeMillis())
      return Direct.flatMap(Direct.enter(store.read(key, now), clock), (found) => {
        if (Option.isSome(found)) return open(key, now, found.value)
        SessionMetrics.unsafeCount(SessionMetrics.absent)
        return Effect.succeedNone
      })
    })

  const commitStored = SessionCommit.make({ store, codec, timeouts, generate, keyOf, reload: readKey })

  const destroyKey: ByKey<Data, User>["destroy"] = (key) =>
    Direct.make((clock) =>
      Direct.map(Direct.enter(store.delete(key), clock), (existed) => {
        if (existed) SessionMetrics.unsafeCount(SessionMetrics.destroyed)
      })
    )

  const withId = (id: SessionToken.SessionId, stored: Stored<Data, User>): Snapshot<Data, User> => ({ ...stored, id })

  const read: Service<Data, User>["read"] = (id) =>
    Effect.suspend(() => Effect.map(readKey(keyOf(id)), Option.map((stored) => withId(id, stored))))

  const commit: Service<Data, User>["commit"] = (session, change) =>
    Effect.map(commitStored(session, change), (committed) => ({
      ...committed,
      session: Option.zipWith(
        Option.orElse(committed.newId, () => Option.map(session, ({ id }) => id)),
        committed.session,
        withId
      )
    }))

  const committed = (
    result: SessionCommit.Committed<Snapshot<Data, User>>
  ): Effect.Effect<Snapshot<Data, User>, SessionGone> => Effect.mapError(result.session, () => new SessionGone())

  const change = (
    id: SessionToken.SessionId,
    f: (data: Data) => Data,
    rotate: boolean
  ): Effect.Effect<Snapshot<Data, User>, CommitError> =>
    Effect.flatMap(read(id), (session) =>
      Option.isNone(session)
        ? Effect.fail(new SessionGone())
        : Effect.flatMap(
          commit(session, { ...unchanged, data: f(session.value.data), reapply: f, rotate }),
          committed
        ))

  const infoOf: Service<Data, User>["infoOf"] = ({ record }, options) => {
    const times = options?.seenAt !== undefined && Expiry.isTouchDue(timeouts, record, options.seenAt)
      ? Expiry.seenAt(timeouts, record, options.seenAt)
      : record
    return {
      handle: deriveHandle(record.key),
      createdAt: DateTime.unsafeMake(times.createdAt),
      lastSeenAt: DateTime.unsafeMake(times.lastSeenAt),
      expiresAt: DateTime.unsafeMake(Expiry.deadline(timeouts, times)),
      authenticatedAt: record.userId === null ? Option.none() : Option.some(DateTime.unsafeMake(record.createdAt))
    }
  }

  const recordsOf = (userId: string, now: number, limit: number, offset: number) =>
    Effect.map(
      store.listByUser(userId, { now, limit, offset }),
      (records) => records.filter((record) => Expiry.isPossible(record, now) && Expiry.isLive(timeouts, record, now))
    )

  const traced = (operation: string) => <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    options.spans === true
      ? Effect.withSpan(effect, `Sessions.${operation}`, { captureStackTrace: false })
      : effect

  return {
    initial: codec.initial,
    isImmediate: store.isImmediate ?? false,
    isTouchDue: ({ record }, now) => Expiry.isTouchDue(timeouts, record, now),
    token,
    generateId: generate,
    create: (options) =>
      commit(Option.none(), {
        ...unchanged,
        data: options?.data === undefined ? codec.initial : options.data,
        reapply: identity,
        signIn: Option.fromNullable(options?.user),
        rotate: false,
        create: true
      }).pipe(
        Effect.flatMap(committed),
        Effect.catchTags({ SessionGone: Effect.die, SessionConflict: Effect.die }),
        traced("create")
      ),
    read: (id) => traced("read")(read(id)),
    update: (id, f) => traced("update")(change(id, f, false)),
    touch: (id) =>
      Effect.map(change(id, identity, false), () => true).pipe(
        Effect.catchTags({ SessionGone: () => Effect.succeed(false), SessionConflict: () => Effect.succeed(true) }),
        traced("touch")
      ),
    rotate: (id) => traced("rotate")(change(id, identity, true)),
    destroy: (id) => traced("destroy")(destroyKey(keyOf(id))),
    listByUser: (user, options) =>
      Effect.gen(function*() {
        const userId = yield* codec.encodeUser(user)
        const now = yield* Effect.map(Clock.currentTimeMillis, wholeMillis)
        const records = yield* recordsOf(userId, now, options?.limit ?? 100, options?.offset ?? 0)
        return records.map((record) => infoOf({ record }))
      }).pipe(traced("listByUser")),
    destroyByUser: (user, options) =>
      Effect.gen(function*() {
        const userId = yield* codec.encodeUser(user)
        const except = options?.except === undefined ? undefined : keyOf(options.except)
        const count = yield* store.deleteByUser(userId, { except })
        SessionMetrics.unsafeCount(SessionMetrics.destroyed, count)
        return count
      }).pipe(traced("destroyByUser")),
    destroyByHandle: (user, handle) =>
      Effect.gen(function*() {
        const userId = yield* codec.encodeUser(user)
        const now = yield* Effect.map(Clock.currentTimeMillis, wholeMillis)
        const limit = 100
        for (let offset = 0;; offset += limit) {
          const records = yield* store.listByUser(userId, { now, limit, offset })
          const record = records.find(({ key }) => deriveHandle(key) === handle)
          if (record !== undefined) {
            const existed = yield* store.delete(record.key)
            SessionMetrics.unsafeCount(SessionMetrics.destroyed, existed ? 1 : 0)
            return existed
          }
          if (records.length < limit) return false
        }
      }).pipe(traced("destroyByHandle")),
    clear: traced("clear")(store.clear),
    deleteExpired: (options) =>
      Effect.flatMap(Effect.map(Clock.currentTimeMillis, wholeMillis), (now) =>
        Effect.map(
          store.deleteExpired(now - Duration.toMillis(options?.margin ?? defaultMargin), options?.limit ?? 1000),
          (count) => {
            SessionMetrics.unsafeCount(SessionMetrics.swept, count)
            return count
          }
        )).pipe(traced("deleteExpired")),
    infoOf,
    commit: (session, change) => traced("commit")(commit(session, change)),
    byKey: {
      keyOf: keyOfText,
      decode,
      read: (key) => traced("read")(readKey(key)),
      commit: (session, change) => traced("commit")(commitStored(session, change)),
      destroy: (key) => traced("destroy")(destroyKey(key))
    }
  }
})
