/** The page at `/`: everything on it goes through the JSON interface. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Notes: an effect-sessions example</title>
<style>
  :root {
    color-scheme: light dark;
    --line: color-mix(in srgb, currentColor 20%, transparent); --field: color-mix(in srgb, currentColor 55%, transparent);
    --accent: #5b47d6; --on-accent: #fff; --problem: #b42318
  }
  @media (prefers-color-scheme: dark) { :root { --accent: #a99cff; --on-accent: #16113a; --problem: #ff9d8f } }
  * { box-sizing: border-box }
  body { margin: 0 auto; max-width: 42rem; padding: 2rem 1.25rem; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
  h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.1rem; margin: 0 0 .5rem } p { margin: .5rem 0 }
  header, section { border-bottom: 1px solid var(--line); padding-bottom: 1.25rem; margin-bottom: 1.25rem }
  section:last-of-type { border: 0 }
  form { margin-top: .75rem } label { display: block; margin-bottom: .25rem }
  form > div { display: flex; gap: .5rem }
  input { flex: 1; min-width: 0; padding: .5rem .7rem; font: inherit; border: 1px solid var(--field); border-radius: .4rem }
  input[aria-invalid] { border-color: var(--problem) }
  button { padding: .5rem .9rem; font: inherit; border: 0; border-radius: .4rem; background: var(--accent); color: var(--on-accent); cursor: pointer }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
  ul { padding-left: 1.2rem; margin: 0 } li { white-space: pre-wrap }
  dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; margin: 0 }
  dd { margin: 0; font-variant-numeric: tabular-nums }
  .problem, #message.problem { color: var(--problem) } .problem:empty { display: none }
  #message { position: sticky; bottom: 0; margin: 0; padding: .75rem 0; background: Canvas; border-top: 1px solid var(--line) }
  #message:empty { padding: 0; border: 0 } [hidden] { display: none !important }
</style>
</head>
<body>
<main>
<header>
  <h1>Notes</h1>
  <p>Your visit number <strong id="visits">…</strong>. You are <strong id="who">…</strong>.</p>
  <noscript><p>This page needs JavaScript.</p></noscript>
  <form id="sign-in" novalidate>
    <label for="username">Your name</label>
    <div><input id="username" name="username" maxlength="64" required autocomplete="username" aria-describedby="username-problem"><button>Sign in</button></div>
    <p id="username-problem" class="problem"></p>
  </form>
  <form id="sign-out" hidden><div><button>Sign out</button></div></form>
</header>
<section aria-labelledby="notes-title">
  <h2 id="notes-title">What you noted</h2>
  <p id="no-notes" hidden>Nothing yet.</p>
  <ul id="notes"></ul>
  <form id="note" novalidate>
    <label for="text">A new note</label>
    <div><input id="text" name="text" maxlength="1000" required autocomplete="off" aria-describedby="text-problem"><button>Keep it</button></div>
    <p id="text-problem" class="problem"></p>
  </form>
</section>
<section aria-labelledby="session-title"><h2 id="session-title">Your session</h2><dl id="session"></dl></section>
<p id="message" role="status"></p>
</main>
<script>
  const element = (id) => document.getElementById(id)
  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

  // What went wrong: a sentence for people, and what the page can do about it.
  class Problem extends Error {
    constructor(reason, message) {
      super(message)
      this.reason = reason
    }
  }
  const sentences = {
    SessionGone: "Your session has ended. What you did last has not been kept.",
    SessionConflict: "Something else changed your session at the same moment. Try again.",
    Several: "Your browser holds several sessions of this site. Sign in or sign out, then try again.",
    SessionStoreError: "The server cannot reach its sessions right now. Nothing was changed. Try again in a moment.",
    Unknown: "The server could not learn whether that was kept. Look at the page before you try again.",
    SessionCsrfError: "The server takes this for a request of another site."
  }
  const problemOf = (status, answer) => {
    const reason = answer.outcomeUnknown === true ? "Unknown" : answer.reason in sentences ? answer.reason : answer._tag
    return new Problem(
      status === 503 ? "Unavailable" : answer.reason ?? answer._tag,
      answer.error ?? sentences[reason] ?? "Something went wrong on the server (" + status + ")."
    )
  }

  const send = async (path, body) => {
    let response, text
    try {
      response = await fetch(path, {
        cache: "no-store",
        signal: AbortSignal.timeout(20000),
        ...(body === undefined ? {} : {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body)
        })
      })
      text = await response.text()
    } catch {
      throw new Problem("Unreachable", "The server does not answer. This page keeps trying.")
    }
    let answer = {}
    try { answer = JSON.parse(text) } catch { /* Something between us and the server may answer in HTML. */ }
    if (!response.ok) throw problemOf(response.status, answer)
    return answer
  }
  // While a sign-in elsewhere gives the session a new id, a request with the old one is told to try again. Once is enough.
  const call = (path, body) => send(path, body).catch(async (problem) => {
    if (problem.reason !== "Renamed") throw problem
    await wait(300)
    return send(path, body)
  })

  const say = (text, isProblem = false) => {
    element("message").textContent = text
    element("message").classList.toggle("problem", isProblem)
  }
  const list = (parent, texts, tag) => parent.replaceChildren(...texts.map((text, index) => {
    const child = document.createElement(typeof tag === "string" ? tag : tag(index))
    child.textContent = text
    return child
  }))
  const local = (time) => new Date(time).toLocaleString()

  // Whom the page shows. It goes along with a note, so that the server can refuse one that was meant for somebody else.
  let shown = { user: null, handle: null }
  let visited = false
  let latest = 0
  const show = async () => {
    const turn = ++latest
    const { user, visits, notes, session } = await call("/api/session")
    if (turn !== latest) return
    const hadFocus = document.activeElement?.closest("form")
    shown = { user, handle: session?.handle ?? null }
    element("visits").textContent = visits
    element("who").textContent = user ?? "a visitor"
    element("sign-in").hidden = user !== null
    element("sign-out").hidden = user === null
    element("no-notes").hidden = notes.length > 0
    list(element("notes"), notes, "li")
    list(element("session"), session === null ? ["Session", "none yet"] : [
      "Session", session.handle, "Began", local(session.createdAt), "Last seen", local(session.lastSeenAt),
      "Ends", local(session.expiresAt)
    ], (index) => index % 2 === 0 ? "dt" : "dd")
    if (hadFocus?.hidden) element(user === null ? "username" : "text").focus()
  }
  const visit = async () => {
    if (visited) return show()
    await call("/api/visits", {})
    visited = true
    await show()
    if (shown.handle === null) say("Your browser does not keep the cookie of this site: nothing can be kept.", true)
  }

  // Where the server or its sessions cannot be reached, the page goes on asking until they can.
  let recovering = false
  const recover = async () => {
    if (recovering) return
    recovering = true
    for (let pause = 1000;; pause = Math.min(pause * 1.5, 10000)) {
      await wait(pause)
      try {
        await visit()
        break
      } catch (problem) {
        tell(problem)
      }
    }
    recovering = false
    say("The server is back. What you typed is still there.")
  }
  const isAway = (problem) => problem.reason === "Unreachable" || problem.reason === "Unavailable"
  const tell = (problem) => {
    say(problem instanceof Problem ? problem.message : "Something went wrong on this page.", true)
    if (isAway(problem)) recover()
  }
  const refresh = () => visit().catch((problem) => {
    tell(problem)
    if (!isAway(problem)) show().catch(tell)
  })

  const busy = new Set()
  const onSubmit = (id, path, input, bodyOf, done) => element(id).addEventListener("submit", async (event) => {
    event.preventDefault()
    if (busy.has(id)) return
    busy.add(id)
    const field = element(input)
    const marked = element(input + "-problem")
    const mark = (text) => {
      if (marked !== null) marked.textContent = text
      if (text === "") field.removeAttribute("aria-invalid")
      else field.setAttribute("aria-invalid", "true")
    }
    mark("")
    say("")
    try {
      await call(path, bodyOf(field.value))
      event.target.reset()
      await show()
      say(done())
    } catch (problem) {
      if (problem.reason === "Invalid") {
        mark(problem.message)
        field.focus()
      } else tell(problem)
      if (!isAway(problem)) await show().catch(tell)
    }
    if (document.activeElement === document.body || id === "note") field.focus()
    busy.delete(id)
  })
  onSubmit("sign-in", "/api/sign-in", "username", (username) => ({ username }), () => "Signed in as " + shown.user + ".")
  onSubmit("sign-out", "/api/sign-out", "username", () => ({}), () => "Signed out.")
  onSubmit("note", "/api/notes", "text", (text) => ({ text, as: shown }), () => "Kept.")

  // A page that comes back from the history, or from behind another tab, may show somebody who is gone.
  addEventListener("pageshow", (event) => { if (event.persisted) refresh() })
  addEventListener("visibilitychange", () => { if (!document.hidden && visited) refresh() })
  refresh()
</script>
</body>
</html>
`
