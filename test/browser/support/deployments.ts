import type { Deployment as ModelDeployment } from "./model.js"
import type { CookieSettings } from "./protocol.js"

/** Browsers look up no other host than this one and `localhost`, and this one may have a domain. */
export const host = "app.localhost"

const never = Date.UTC(2100, 0)

/** How the app can be deployed. */
export const settings = {
  base: { name: "sid" },
  path: { name: "sid", path: "/api" },
  domain: { name: "sid", domain: host },
  renamed: { name: "sid-2", formerNames: ["sid"] },
  // A key of the test, and nobody else's.
  signed: { name: "sid", signingKey: "uK2v0Qm3Zr8yT5xW1nL7pJ4hG6fD9sA0bC3eV8iO2kE=", acceptUnsignedUntil: never },
  // All sessions of a test were last seen before that.
  persistent: { name: "sid", persistent: true, changedAt: never }
} as const satisfies Record<string, CookieSettings>

export type Name = keyof typeof settings

const toDeployment = (name: Name): ModelDeployment => {
  const cookie: CookieSettings = settings[name]
  return {
    name,
    cookieName: cookie.name ?? "",
    formerName: cookie.formerNames?.[0],
    path: cookie.path ?? "/",
    domain: cookie.domain,
    isSigned: cookie.signingKey !== undefined,
    isChanged: cookie.changedAt !== undefined
  }
}

export const deployments = {
  base: toDeployment("base"),
  path: toDeployment("path"),
  domain: toDeployment("domain"),
  renamed: toDeployment("renamed"),
  signed: toDeployment("signed"),
  persistent: toDeployment("persistent")
}

export type { ModelDeployment as Deployment }
