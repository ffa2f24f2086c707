/** The page at `/`: everything on it goes through the JSON interface. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Notes: an effect-sessions example</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --accent: #6d5ae6 }
  * { box-sizing: border-box }
  body { margin: 0 auto; max-width: 42rem; padding: 2.5rem 1.25rem; font: 16px/1.5 system-ui, sans-serif }
  h1 { font-size: 1.6rem; margin: 0 }
  header, section { border-bottom: 1px solid var(--line); padding-bottom: 1.25rem; margin-bottom: 1.25rem }
  form { display: flex; gap: .5rem; margin: .75rem 0 0 }
  input { flex: 1; min-width: 0; padding: .5rem .7rem; font: inherit; border: 1px solid var(--line); border-radius: .4rem }
  button { padding: .5rem .9rem; font: inherit; border: 0; border-radius: .4rem; background: var(--accent); color: #fff; cursor: pointer }
  ul { padding-left: 1.2rem } dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0 }
  dt { opacity: .65 } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
  #message { color: #c2410c; min-height: 1.5em } [hidden] { display: none !important }
</style>
</head>
<body>
<header>
  <h1>Notes</h1>
  <p>Your visit number <strong id="visits">…</strong>. You are <strong id="who">…</strong>.</p>
  <form id="sign-in"><input name="username" placeholder="A name" maxlength="64" required autocomplete="username"><button>Sign in</button></form>
  <form id="sign-out" hidden><button>Sign out</button></form>
</header>
<section>
  <ul id="notes"></ul>
  <form id="note"><input name="text" placeholder="Write a note" maxlength="1000" required autocomplete="off"><button>Keep it</button></form>
</section>
<section><dl id="session"></dl></section>
<p id="message" role="status"></p>
<script>
  const element = (id) => document.getElementById(id)
  const call = async (path, body) => {
    const response = await fetch(path, body === undefined ? {} : {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    })
    const text = await response.text()
    const answer = text === "" ? {} : JSON.parse(text)
    if (!response.ok) throw new Error(answer.error ?? answer.message ?? "Error " + response.status)
    return answer
  }
  const list = (parent, texts, tag) => parent.replaceChildren(...texts.map((text, index) => {
    const child = document.createElement(typeof tag === "string" ? tag : tag(index))
    child.textContent = text
    return child
  }))
  const show = async () => {
    const { user, visits, notes, session } = await call("/api/session")
    element("visits").textContent = visits
    element("who").textContent = user ?? "a visitor"
    element("sign-in").hidden = user !== null
    element("sign-out").hidden = user === null
    list(element("notes"), notes, "li")
    list(element("session"), session === null ? ["Session", "none yet"] : [
      "Session", session.handle, "Began", session.createdAt, "Last seen", session.lastSeenAt, "Ends", session.expiresAt
    ], (index) => index % 2 === 0 ? "dt" : "dd")
  }
  const act = (work) => work().then(() => { element("message").textContent = "" })
    .catch((error) => { element("message").textContent = error.message }).then(show)
  const onSubmit = (id, path) => element(id).addEventListener("submit", (event) => {
    event.preventDefault()
    const form = event.target
    act(() => call(path, Object.fromEntries(new FormData(form))).then(() => form.reset()))
  })
  onSubmit("sign-in", "/api/sign-in")
  onSubmit("sign-out", "/api/sign-out")
  onSubmit("note", "/api/notes")
  act(() => call("/api/visits", {}))
</script>
</body>
</html>
`
