/** The whole look of an HTML report: light or dark as the reader's system is, black on white in print. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --sheet: #ffffff; --ink: #1b2330; --faint: #5b6675; --line: #dde2e9; --code: #f0f3f7;
  --critical: #b42318; --warning: #a15c07; --info: #175cd3; --ok: #067647;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151d; --sheet: #18202b; --ink: #e4e9f0; --faint: #98a4b5; --line: #2c3746; --code: #212b38;
    --critical: #ff8a80; --warning: #fdb022; --info: #84adff; --ok: #47cd89;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { overflow-wrap: anywhere; display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: 0 0 .25rem; font-size: 1.6rem; }
h2 { margin: 2rem 0 .75rem; font-size: 1.15rem; }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
p { margin: .35rem 0; white-space: pre-line; overflow-wrap: anywhere; }
code, pre { font: .9em/1.45 ui-monospace, monospace; }
h3 code { font-weight: 600; }
pre { margin: .5rem 0 0; padding: .6rem .8rem; background: var(--code); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .75rem 0; }
dt, .faint { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.pill { padding: .1rem .65rem; border: 1px solid currentcolor; border-radius: 99px; font-size: .8rem; font-weight: 600; }
.critical, .failed { --tone: var(--critical); }
.warning, .findings, .unknown { --tone: var(--warning); }
.info { --tone: var(--info); }
.ok, .passed { --tone: var(--ok); }
.pill, td.status, .tone { color: var(--tone, var(--faint)); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; padding: 0; list-style: none; }
.tiles li { flex: 1 1 8rem; padding: .6rem .9rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 8px; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.2; }
article { margin: 0 0 .75rem; padding: .75rem 1rem; background: var(--sheet); border: 1px solid var(--line); border-left: 4px solid var(--tone, var(--line)); border-radius: 8px; break-inside: avoid; }
.scroll { overflow-x: auto; background: var(--sheet); border: 1px solid var(--line); border-radius: 8px; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-weight: 600; white-space: nowrap; }
td { overflow-wrap: break-word; white-space: pre-line; }
tr:last-child td { border-bottom: 0; }
.number { text-align: right; }
@media print {
  :root { color-scheme: light; --page: #fff; --sheet: #fff; --ink: #000; --faint: #444; --line: #bbb; --code: #f3f3f3; --critical: #a00; --warning: #850; --info: #036; --ok: #060; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
`;
