/**
 * The session in the fiber of a request: its handle in the context, its hook before the response.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Option from "effect/Option"
import * as FiberLocals from "./FiberLocals.js"
import type * as Session from "./Session.js"
import type * as SessionRequest from "./SessionRequest.js"

const contextOf = FiberLocals.getter(FiberRef.currentContext)
const servicesOf = FiberLocals.getter(DefaultServices.currentServices)
const hooksOf = FiberLocals.getter(HttpApp.currentPreResponseHandlers)

/**
 * Begins a request: from now on its fiber has the handle of its session in context, and the session's hook after those
 * hooks that are there. A request that has begun already, because middleware was applied twice, goes on as it is.
 *
 * As `HttpApp.appendPreResponseHandler` and `FiberRef.set` would do, in one step of the fiber instead of five and made
 * once for all requests: this is most of what a request costs in a server that does not use its session.
 *
 * @since 0.1.0
 * @category combinators
 */
export const begin = <Self, Data, User>(
  tag: Context.Tag<Self, Session.Handle<Data, User>>,
  open: SessionRequest.Open<Data, User>,
  options: SessionRequest.Options
): Effect.Effect<void, never, HttpServerRequest.HttpServerRequest> => {
  const begun = Effect.updateFiberRefs((fiberId, refs) => {
    const context = contextOf(refs)
    if (context.unsafeMap.has(tag.key)) return refs
    const [handle, hook] = open(context, Context.get(servicesOf(refs), Clock.Clock))
    const earlier = hooksOf(refs)
    const hooks: HttpApp.PreResponseHandler = Option.isNone(earlier)
      ? hook
      : (request, response) => Effect.flatMap(earlier.value(request, response), (response) => hook(request, response))
    const locals = FiberLocals.copyOf(refs.locals)
    const services = FiberLocals.copyOf(context.unsafeMap).set(tag.key, handle)
    FiberLocals.put(locals, FiberRef.currentContext, fiberId, Context.unsafeMake(services))
    FiberLocals.put(locals, HttpApp.currentPreResponseHandlers, fiberId, Option.some(hooks))
    return FiberRefs.unsafeMake(locals)
  })
  return options.background === true
    ? Effect.zipRight(begun, Effect.flatMap(begunHandle(tag), ({ background }) => background))
    : begun
}

const begunHandle = <Self, Data, User>(
  tag: Context.Tag<Self, Session.Handle<Data, User>>
): Effect.Effect<Session.Handle<Data, User>> =>
  Effect.contextWith((context: Context.Context<never>) => Context.unsafeGet(context, tag))

/**
 * The handle of the session of the request in context, which begins with that.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleOf = <Self, Data, User>(
  tag: Context.Tag<Self, Session.Handle<Data, User>>,
  open: SessionRequest.Open<Data, User>,
  options: SessionRequest.Options
): Effect.Effect<Session.Handle<Data, User>, never, HttpServerRequest.HttpServerRequest> =>
  Effect.zipRight(begin(tag, open, options), begunHandle(tag))

/**
 * The same app with the handle of the request's session in context.
 *
 * @since 0.1.0
 * @category combinators
 */
export function provide<Self, Data, User, E, R>(
  app: HttpApp.Default<E, R>,
  tag: Context.Tag<Self, Session.Handle<Data, User>>,
  open: SessionRequest.Open<Data, User>,
  options: SessionRequest.Options
): HttpApp.Default<E, Exclude<R, Self>>
// Instead of `Effect.provideService`, which also takes the handle away again afterwards, for twice the price and for
// nobody: the router does so, or the fiber ends with its request.
export function provide<Self, Data, User, E>(
  app: HttpApp.Default<E>,
  tag: Context.Tag<Self, Session.Handle<Data, User>>,
  open: SessionRequest.Open<Data, User>,
  options: SessionRequest.Options
): HttpApp.Default<E> {
  return Effect.zipRight(begin(tag, open, options), app)
}
