/**
 * Server-side sessions for Effect apps. `effect-sessions/SqlSessionStore` and `effect-sessions/testing` stand apart:
 * they need peers that not every app has.
 *
 * @since 3.0.0
 */

/**
 * Declare a typed session.
 *
 * @since 3.0.0
 */
export * as Session from "./Session.js"

/**
 * Removes expired sessions in the background.
 *
 * @since 3.0.0
 */
export * as SessionCleaner from "./SessionCleaner.js"

/**
 * The cookie that carries the id.
 *
 * @since 3.0.0
 */
export * as SessionCookie from "./SessionCookie.js"

/**
 * Keeps other sites from acting in a user's name.
 *
 * @since 3.0.0
 */
export * as SessionCsrf from "./SessionCsrf.js"

/**
 * Which device a session is on.
 *
 * @since 3.0.0
 */
export * as SessionDevice from "./SessionDevice.js"

/**
 * Every error.
 *
 * @since 3.0.0
 */
export * as SessionError from "./SessionError.js"

/**
 * What happens to sessions, as a stream.
 *
 * @since 3.0.0
 */
export * as SessionEvents from "./SessionEvents.js"

/**
 * Messages that are shown once.
 *
 * @since 3.0.0
 */
export * as SessionFlash from "./SessionFlash.js"

/**
 * Requires a signed-in user.
 *
 * @since 3.0.0
 */
export * as SessionGuard from "./SessionGuard.js"

/**
 * What is counted.
 *
 * @since 3.0.0
 */
export * as SessionMetrics from "./SessionMetrics.js"

/**
 * HTTP middleware.
 *
 * @since 3.0.0
 */
export * as SessionMiddleware from "./SessionMiddleware.js"

/**
 * The store contract, and the store in memory.
 *
 * @since 3.0.0
 */
export * as SessionStore from "./SessionStore.js"

/**
 * Idle and absolute timeout.
 *
 * @since 3.0.0
 */
export * as SessionTimeouts from "./SessionTimeouts.js"

/**
 * The id.
 *
 * @since 3.0.0
 */
export * as SessionToken from "./SessionToken.js"

/**
 * The manager.
 *
 * @since 3.0.0
 */
export * as Sessions from "./Sessions.js"
