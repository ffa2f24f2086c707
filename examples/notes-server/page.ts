import * as Crypto from "node:crypto"
import { script } from "./script.js"
import { style } from "./style.js"

/** A page, and the content security policy that it works under. */
export interface Page {
  readonly html: string
  readonly policy: string
}

const hash = (text: string): string => `'sha256-${Crypto.createHash("sha256").update(text).digest("base64")}'`

const pages = [["/", "Notes"], ["/account", "Account"]] as const

/** What both pages have: who is there, how to sign in and out, and a place for what happened. */
export const makePage = (page: {
  readonly title: (typeof pages)[number][1]
  /** What stands beneath the heading. */
  readonly lead: string
  readonly content: string
  /** Runs after the script of both pages. */
  readonly script: string
}): Page => {
  const code = `${script}${page.script}`
  return {
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${page.title}: an effect-sessions example</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
  <nav aria-label="Pages">${
      pages.map(([path, title]) =>
        `<a href="${path}"${title === page.title ? ` aria-current="page"` : ""}>${title}</a>`
      )
        .join("")
    }</nav>
  <form id="sign-out" hidden><button class="plain">Sign out</button></form>
</header>
<div id="notice" role="alert"></div>
<main id="main">
<h1 id="title" tabindex="-1">${page.title}</h1>
<p>${page.lead}</p>
<noscript><p>This page needs JavaScript.</p></noscript>
<form id="sign-in" class="card" novalidate hidden>
  <label for="username">Your name</label>
  <div><input id="username" name="username" maxlength="64" required autocomplete="username" aria-describedby="username-problem"><button>Sign in</button></div>
  <p id="username-problem" class="problem"></p>
  <label class="check"><input id="remember" name="remember" type="checkbox"> Remember me on this device</label>
</form>
${page.content}
</main>
<p id="message" role="status"></p>
<script>${code}</script>
</body>
</html>
`,
    policy:
      `default-src 'none'; script-src ${hash(code)}; style-src ${hash(style)}; img-src data:; connect-src 'self'; ` +
      "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
  }
}
