/** The style of both pages: for phones and wide windows, light and dark, the keyboard, and those who want less motion. */
export const style = `
  :root {
    color-scheme: light dark;
    --page: #f6f5fb; --card: #fff; --text: #1d1a2b; --quiet: #5d596e; --line: #dedbea; --field: #85809a;
    --accent: #5b47d6; --on-accent: #fff; --soft: #ebe8fb; --problem: #b42318; --notice: #fff3d6; --on-notice: #5c3d00
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --page: #131120; --card: #1d1a2d; --text: #ece9f8; --quiet: #aaa5bf; --line: #373250; --field: #8a84a5;
      --accent: #a99cff; --on-accent: #16113a; --soft: #2c2550; --problem: #ff9d8f; --notice: #453208; --on-notice: #ffe3a6
    }
  }
  * { box-sizing: border-box }
  html { scroll-padding-top: 5rem }
  body {
    margin: 0 auto; max-width: 44rem; padding: 0 1.25rem 2rem; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
    background: var(--page); color: var(--text)
  }
  h1 { font-size: 1.75rem; line-height: 1.2; margin: 1.5rem 0 0; letter-spacing: -.01em }
  h2 { font-size: 1.1rem; margin: 0 0 .5rem } h1:focus, h2:focus { outline: 0 } p { margin: .5rem 0 }
  header { display: flex; justify-content: space-between; align-items: center; gap: .5rem; min-height: 3.75rem; border-bottom: 1px solid var(--line) }
  nav { display: flex; gap: 1.25rem }
  nav a { display: flex; align-items: center; justify-content: center; min-width: 44px; min-height: 44px; color: var(--quiet); text-decoration: none; font-weight: 600 }
  nav a:hover { color: var(--text) } nav a[aria-current] { color: var(--text); box-shadow: inset 0 -3px var(--accent) }
  .skip { position: absolute; left: 1rem; top: -5rem; padding: .75rem 1rem; background: var(--card); color: var(--text); z-index: 2 } .skip:focus { top: .5rem }
  .card { margin: 1.25rem 0 0; padding: 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem }
  label { display: block; margin-bottom: .25rem; font-weight: 600 }
  form > div { display: flex; gap: .5rem } section form { margin-top: 1rem }
  input { flex: 1; width: 100%; min-width: 0; min-height: 44px; padding: .5rem .75rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--field); border-radius: .5rem }
  input[aria-invalid] { border-color: var(--problem) }
  .check { display: flex; align-items: center; gap: .6rem; min-height: 44px; margin: .25rem 0 -.5rem; font-weight: 400; cursor: pointer }
  .check input { flex: none; width: 1.25rem; min-height: 1.25rem; margin: 0; accent-color: var(--accent) }
  button { min-height: 44px; padding: .5rem 1rem; font: inherit; font-weight: 600; border: 1px solid transparent; border-radius: .5rem; background: var(--accent); color: var(--on-accent); cursor: pointer; white-space: nowrap }
  button:hover { filter: brightness(1.08) } button[aria-busy] { opacity: .6; cursor: progress }
  .plain { background: transparent; color: var(--text); border-color: var(--field) } .plain:hover { background: var(--soft) }
  .danger { background: transparent; color: var(--problem); border-color: var(--problem) }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
  ul, ol { padding-left: 1.2rem; margin: 0 } #notes li { white-space: pre-wrap; padding: .1rem 0 }
  dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; margin: 0 } dt { color: var(--quiet) }
  dd { margin: 0; font-variant-numeric: tabular-nums }
  .rows { list-style: none; padding: 0 } .rows > li { padding: .75rem 0; border-top: 1px solid var(--line) } .rows > li:first-child { border: 0 }
  #devices > li { display: flex; justify-content: space-between; align-items: center; gap: .25rem 1rem }
  #devices p, .quiet { margin: 0; color: var(--quiet); font-size: .9rem }
  #activity > li { display: flex; justify-content: space-between; gap: 0 1rem; padding: .5rem 0 } #activity time { color: var(--quiet); font-size: .9rem; flex: none }
  .name { display: flex; flex-wrap: wrap; align-items: center; gap: 0 .5rem } .badge { padding: 0 .5rem; border-radius: 1rem; background: var(--soft); font-size: .8rem; white-space: nowrap }
  .actions { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .75rem; padding-top: 1rem; border-top: 1px solid var(--line) }
  .problem, #message.problem { color: var(--problem) } .problem:empty { display: none }
  #notice { position: sticky; top: .5rem; z-index: 1; margin: .75rem 0 0; padding: .75rem 1rem; background: var(--notice); color: var(--on-notice); border-radius: .75rem; font-weight: 600 }
  #message { position: sticky; bottom: 0; margin: 1.25rem 0 0; padding: .75rem 0; background: var(--page); border-top: 1px solid var(--line) }
  #notice:empty { display: block; padding: 0; margin: 0 } #message:empty { padding: 0; border: 0 } [hidden] { display: none !important }
  dialog { width: min(28rem, calc(100vw - 2rem)); padding: 1.5rem; border: 1px solid var(--line); border-radius: .75rem; background: var(--card); color: inherit }
  dialog::backdrop { background: rgb(10 8 25 / .55) } dialog .actions { justify-content: flex-end; border: 0; padding: 0; margin-top: 1.25rem }
  @media (max-width: 30rem) {
    body { padding: 0 1rem 2rem } .card { padding: 1rem }
    #devices > li { flex-direction: column; align-items: stretch } #activity > li { flex-direction: column }
    .actions button { flex: 1 1 100%; white-space: normal } #devices button { margin-top: .5rem }
  }
  @media (prefers-reduced-motion: no-preference) {
    #notice:not(:empty), dialog[open] { animation: arrive .18s ease-out }
    @keyframes arrive { from { opacity: 0; transform: translateY(-.4rem) } }
  }
`
