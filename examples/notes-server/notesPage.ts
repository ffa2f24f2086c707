import { makePage } from "./page.js"

/** The page at `/`: everything on it goes through the JSON interface. */
export const notesPage = makePage({
  title: "Notes",
  lead: `Your visit number <strong id="visits">…</strong>. You are <strong id="who">…</strong>.`,
  content: `<section class="card" aria-labelledby="notes-title">
  <h2 id="notes-title">What you noted</h2>
  <p id="no-notes" class="quiet" hidden>Nothing yet.</p>
  <ul id="notes"></ul>
  <form id="note" novalidate>
    <label for="text">A new note</label>
    <div><input id="text" name="text" maxlength="1000" required autocomplete="off" aria-describedby="text-problem"><button>Keep it</button></div>
    <p id="text-problem" class="problem"></p>
  </form>
</section>
<section class="card" aria-labelledby="session-title"><h2 id="session-title">Your session</h2><dl id="session"></dl></section>`,
  script: `
  // What somebody has typed is kept for them in this tab, across pages and sign-ins.
  const draft = () => {
    try { return JSON.parse(sessionStorage.getItem("draft")) } catch { return null }
  }
  element("text").addEventListener("input", ({ target }) =>
    sessionStorage.setItem("draft", JSON.stringify({ user: (lost ?? shown).user, text: target.value })))

  draw = async ({ notes, session, user, visits }) => {
    element("visits").textContent = visits
    element("no-notes").hidden = notes.length > 0
    list(element("notes"), notes, "li")
    list(element("session"), session === null ? ["Session", "none yet"] : [
      "Session", session.handle, "Began", local(session.createdAt), "Last seen", local(session.lastSeenAt),
      "Ends", local(session.expiresAt)
    ], (index) => index % 2 === 0 ? "dt" : "dd")
    const typed = draft()
    if (typed !== null && typed.user === user && element("text").value === "") element("text").value = typed.text
  }
  focusSignedIn = () => element("text").focus()

  let visited = false
  start = async () => {
    if (visited) return show()
    await call("/api/visits", {})
    visited = true
    await show()
    if (shown.handle === null) say("Your browser does not keep the cookie of this site: nothing can be kept.", true)
  }
  onSubmit("note", "text", async (text) => {
    await call("/api/notes", { text, as: lost ?? shown })
    sessionStorage.removeItem("draft")
  }, () => "Kept.")
  refresh()
`
})
