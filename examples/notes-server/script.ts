/** The script of both pages: it asks the server, shows who is there, and hears of it when the session ends elsewhere. */
export const script = `
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
    SessionUnauthenticated: "You are signed out. Nothing was changed.",
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

  const send = async (path, body, options) => {
    let response, text
    try {
      response = await fetch(path, {
        cache: "no-store",
        signal: AbortSignal.timeout(20000),
        ...(body === undefined ? {} : {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body)
        }),
        ...options
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
  const call = (path, body, options) => send(path, body, options).catch(async (problem) => {
    if (problem.reason !== "Renamed") throw problem
    await wait(300)
    return send(path, body, options)
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
  let until = 0
  // Whose session ended under their hands. What they write is still meant for it, until they are told or sign in again.
  let lost = null
  let leaving = false
  let latest = 0
  // What the page itself has: it draws what the server said, and may ask for more.
  let draw = async () => {}
  let focusSignedIn = () => element("title").focus()
  const show = async () => {
    const turn = ++latest
    const answer = await call("/api/session")
    if (turn !== latest) return
    const { user, session } = answer
    const hadFocus = document.activeElement?.closest("form")
    const before = shown
    const isEnded = before.user !== null && user !== before.user && !leaving
    if (isEnded) notice(before, user)
    if (user !== null && !isEnded) settle()
    shown = { user, handle: session?.handle ?? null }
    until = session === null ? 0 : Date.parse(session.expiresAt)
    element("who").textContent = user ?? "a visitor"
    element("sign-in").hidden = user !== null
    element("sign-out").hidden = user === null
    watch()
    if (hadFocus?.hidden) user === null ? element("username").focus() : focusSignedIn()
    await draw(answer)
  }

  // Where the server or its sessions cannot be reached, the page goes on asking until they can.
  let start = () => show()
  let recovering = false
  const recover = async () => {
    if (recovering) return
    recovering = true
    for (let pause = 1000;; pause = Math.min(pause * 1.5, 10000)) {
      await wait(pause)
      try {
        await start()
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
  const refresh = () => start().catch((problem) => {
    tell(problem)
    if (!isAway(problem)) show().catch(tell)
  })

  // What the server says of a session that has ended. Where it says nothing, the time tells.
  const reasons = {
    SignedOut: "You signed out in another tab.",
    Everywhere: "You signed out everywhere.",
    OtherDevice: "You were signed out on another device.",
    Limit: "You were signed out here, since you are signed in on many other devices.",
    Administrator: "An administrator signed you out.",
    Expired: "Your session has expired.",
    Ended: "You are signed out: your session has ended."
  }
  const title = document.title
  let reason
  const notice = (before, user) => {
    const why = reasons[reason] ?? reasons[Date.now() < until ? "Ended" : "Expired"]
    reason = undefined
    const typed = element("text")?.value ? " What you typed is still here." : ""
    element("notice").textContent = user === null
      ? why + " Sign in again to go on." + typed
      : "You are signed in as " + user + " now." + typed
    document.title = user === null ? "Signed out: " + title : title
    // A sentence of before, such as that somebody signed in. What went wrong stays.
    if (!element("message").classList.contains("problem")) say("")
    lost = user === null ? before : null
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close())
    if (user === null && element("username").value === "") element("username").value = before.user
  }
  const settle = () => {
    element("notice").textContent = ""
    document.title = title
    lost = null
  }

  // The stream of events of this session, while somebody looks: a browser has few connections, and asks when he is back.
  let source, watched = null
  const unwatch = () => {
    source?.close()
    source = undefined
    watched = null
  }
  let onActivity = () => {}
  const watch = () => {
    const handle = shown.user === null || document.hidden ? null : shown.handle
    if (handle === watched && source?.readyState !== EventSource.CLOSED) return
    unwatch()
    if (handle === null) return
    watched = handle
    const opened = source = new EventSource("/api/events")
    opened.addEventListener("ended", (event) => {
      if (opened !== source) return
      unwatch()
      reason = JSON.parse(event.data).reason
      show().catch(tell)
    })
    opened.addEventListener("open", () => onActivity())
    opened.addEventListener("activity", () => onActivity())
    // The browser connects again by itself, unless the server refuses. Then nobody is signed in, or it is away.
    opened.addEventListener("error", async () => {
      if (opened !== source || opened.readyState !== EventSource.CLOSED) return
      await wait(2000)
      if (opened === source) show().catch(tell)
    })
  }

  const busy = new Set()
  const onSubmit = (id, input, act, done) => element(id).addEventListener("submit", async (event) => {
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
      await act(field.value)
      event.target.reset()
      await show()
      say(done())
    } catch (problem) {
      if (problem.reason === "Invalid") {
        mark(problem.message)
        field.focus()
      } else tell(problem)
      if (!isAway(problem)) await show().catch(tell)
      if (problem.reason === "Ended" || problem.reason === "Another") lost = null
    }
    if (document.activeElement === document.body || id === "note") field.focus()
    busy.delete(id)
  })
  // A session that ends because its user says so here is nothing to be told of.
  const leave = async (path) => {
    leaving = true
    unwatch()
    try {
      const answer = await call(path, {})
      sessionStorage.removeItem("draft")
      settle()
      await show()
      return answer
    } finally {
      leaving = false
      watch()
    }
  }
  onSubmit(
    "sign-in",
    "username",
    (username) => call("/api/sign-in", { username, remember: element("remember").checked }),
    () => "Signed in as " + shown.user + "."
  )
  onSubmit("sign-out", "username", () => leave("/api/sign-out"), () => "Signed out.")

  // A page that comes back from the history, or from behind another tab, may show somebody who is gone.
  addEventListener("pageshow", (event) => { if (event.persisted) refresh() })
  addEventListener("visibilitychange", () => document.hidden ? unwatch() : refresh())
  addEventListener("pagehide", unwatch)
`
