/**
 * The whole look of a page: light or dark as the reader's system is, black on white in print. Text has a contrast of at
 * least 4.5 to 1 (WCAG 2.2, 1.4.3), bars and lines of 3 to 1 (1.4.11). What needs the script is shown only with it (`.js`).
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --sheet: #fff; --ink: #1b2330; --faint: #566070; --line: #dce1e8; --code: #f0f3f7; --accent: #175cd3;
  --critical: #b42318; --warning: #93540a; --info: #175cd3; --ok: #067647;
  --c0: #2f6fde; --c1: #c4570b; --c2: #0b8a6b; --c3: #a13aa0; --c4: #8a6d00; --c5: #5b6675; --c6: #c2255c; --c7: #3b7d23;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151d; --sheet: #18202b; --ink: #e4e9f0; --faint: #9aa6b7; --line: #2d3847; --code: #212b38; --accent: #84adff;
    --critical: #ff8a80; --warning: #fdb022; --info: #84adff; --ok: #47cd89;
    --c0: #6ea2ff; --c1: #ff9351; --c2: #3fc79f; --c3: #df8be0; --c4: #d9b52c; --c5: #9aa6b7; --c6: #ff7aa8; --c7: #86cb63;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-padding-top: 1rem; }
body { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1, h2, h3, h4 { margin: 0; line-height: 1.25; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; }
h3.tone::first-letter { text-transform: uppercase; }
h2 { margin: 2.25rem 0 .75rem; font-size: 1.25rem; }
h3 { font-size: 1rem; }
h4 { display: inline; font-size: 1rem; }
p { margin: .35rem 0; white-space: pre-line; overflow-wrap: anywhere; unicode-bidi: plaintext; }
code, pre { font: .9em/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; unicode-bidi: isolate; }
pre { margin: 0; padding: .55rem .8rem; background: var(--code); border-radius: 6px; white-space: pre-wrap; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.faint { color: var(--faint); }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
.critical, .failed { --tone: var(--critical); }
.warning, .unknown { --tone: var(--warning); }
.info { --tone: var(--info); }
.ok, .passed { --tone: var(--ok); }
.not-applicable { --tone: var(--faint); }
.tone { color: var(--tone, var(--faint)); }

.verdict { padding: 1.1rem 1.4rem 1.2rem; border-left: 6px solid var(--tone); }
.verdict h1 { color: var(--tone); }
.verdict .error { margin-top: .75rem; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2.25rem; margin: 1rem 0 0; }
dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.tiles, .links, .legend, .list { margin: 0; padding: 0; list-style: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin-top: .75rem; }
.tiles li { color: var(--faint); }
.tiles a, .tiles li:not(:has(a)) { display: block; padding: .6rem 1rem; text-decoration: none; }
.tiles a { color: inherit; border-radius: 10px; }
.tiles a:hover { background: var(--code); }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.links { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: .75rem; }

#filter { display: none; }
.js #filter { display: flex; flex-wrap: wrap; align-items: end; gap: .75rem 1.25rem; margin-bottom: 1rem; padding: .85rem 1rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
.field { display: grid; gap: .2rem; flex: 1 1 11rem; color: var(--faint); font-size: .85rem; }
fieldset { display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: 0; padding: 0; border: 0; }
fieldset label { display: flex; align-items: center; gap: .35rem; height: 2.2rem; }
legend { float: left; width: 100%; padding: 0; color: var(--faint); font-size: .85rem; }
input, select, button { font: inherit; color: var(--ink); }
input[type=search], select { width: 100%; height: 2.2rem; min-width: 0; padding: 0 .6rem; background: var(--page); border: 1px solid var(--faint); border-radius: 6px; }
input[type=checkbox] { width: 1rem; height: 1rem; margin: 0; accent-color: var(--accent); }
button { padding: .28rem .8rem; background: var(--code); border: 1px solid var(--faint); border-radius: 6px; cursor: pointer; }
button:hover { border-color: var(--ink); }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; }
.buttons button { height: 2.2rem; }
output { flex: 1 0 100%; color: var(--faint); }
.copy { display: none; }
.js .copy { display: inline-block; padding: .1rem .7rem; font-size: .85rem; background: var(--sheet); }

.severity { margin-top: 1.25rem; }
.severity > h3 { margin-bottom: .5rem; font-size: 1.05rem; }
.group { margin-bottom: .75rem; padding: .7rem 1rem; border-left: 4px solid var(--tone); }
summary { cursor: pointer; }
.group > summary h4 + code { margin-left: .6rem; }
.count { float: right; min-width: 2rem; padding: 0 .55rem; text-align: center; background: var(--code); border-radius: 99px; font-size: .85rem; font-variant-numeric: tabular-nums; }
.group > .list { margin-top: .5rem; }
.finding { padding: .6rem 0 .7rem; border-top: 1px solid var(--line); }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .75rem; justify-content: space-between; }
.object { font-weight: 600; }
.metric { font-weight: 600; font-variant-numeric: tabular-nums; }
.fix { display: flex; gap: .5rem; align-items: start; margin-top: .4rem; }
.fix pre { flex: 1; min-width: 0; }
.fix button { margin-top: .4rem; }
.advice::before { content: "→ "; color: var(--faint); }
#unknown li { margin-bottom: .75rem; padding: .7rem 1rem; border-left: 4px solid var(--tone); }

.charts { columns: 2 28rem; column-gap: .75rem; }
figure { margin: 0 0 .75rem; padding: .9rem 1rem; break-inside: avoid; }
figcaption { margin-bottom: .5rem; }
.bars { table-layout: fixed; }
.bars th, .bars td { padding: .2rem 0; border: 0; vertical-align: middle; }
.bars .names { width: 40%; }
.bars .values { width: 5rem; }
.bars th { padding-right: .75rem; }
.bar svg { display: block; }
.clamp { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; unicode-bidi: plaintext; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1rem; margin: .35rem 0; font-size: .9rem; }
.legend li { display: flex; gap: .4rem; align-items: baseline; min-width: 0; overflow-wrap: anywhere; }
.legend svg { flex: none; }
.plot { display: block; width: 100%; height: auto; }
.plot text { fill: var(--faint); font-size: 12px; }
.grid { stroke: var(--line); }
.plot .line { fill: none; stroke-width: 2; }
.dash1 { stroke-dasharray: 7 3; }
.dash2 { stroke-dasharray: 2 3; }
.bar rect { stroke: var(--sheet); stroke-width: 1; }
.c0 { fill: var(--c0); stroke: var(--c0); } .c1 { fill: var(--c1); stroke: var(--c1); } .c2 { fill: var(--c2); stroke: var(--c2); } .c3 { fill: var(--c3); stroke: var(--c3); }
.c4 { fill: var(--c4); stroke: var(--c4); } .c5 { fill: var(--c5); stroke: var(--c5); } .c6 { fill: var(--c6); stroke: var(--c6); } .c7 { fill: var(--c7); stroke: var(--c7); }
.numbers { margin-top: .5rem; color: var(--faint); }
.numbers .scroll { margin-top: .5rem; max-height: 20rem; overflow: auto; color: var(--ink); }

.scroll { overflow-x: auto; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
details > .scroll { margin-top: .5rem; }
table { width: 100%; border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .85rem; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 400; }
th, td { overflow-wrap: break-word; unicode-bidi: plaintext; }
thead th { color: var(--faint); font-weight: 600; white-space: nowrap; }
td { white-space: pre-line; }
.status { white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
.number { text-align: right; white-space: nowrap; }

@media (max-width: 34rem) {
  body { padding: .75rem .6rem 3rem; }
  h1 { font-size: 1.4rem; }
  .tiles { grid-template-columns: repeat(3, 1fr); gap: .4rem; }
  .tiles a, .tiles li:not(:has(a)) { padding: .45rem .6rem; font-size: .85rem; }
  .fix { display: block; }
}
@media print {
  :root {
    color-scheme: light; --page: #fff; --sheet: #fff; --ink: #000; --faint: #444; --line: #bbb; --code: #f3f3f3; --accent: #000;
    --critical: #a00; --warning: #850; --info: #036; --ok: #060;
    --c0: #2f6fde; --c1: #c4570b; --c2: #0b8a6b; --c3: #a13aa0; --c4: #8a6d00; --c5: #5b6675; --c6: #c2255c; --c7: #3b7d23;
  }
  body { max-width: none; padding: 1px; font-size: 10.5pt; }
  .js #filter { padding: 0; border: 0; }
  #filter > :not(output), #filter:not(.active), .copy, .links { display: none !important; }
  .scroll, .numbers .scroll { overflow: visible; max-height: none; }
  .finding, .group > summary, tr { break-inside: avoid; }
  h2, h3, .group > summary { break-after: avoid; }
  pre { border: 1px solid var(--line); }
}
`;
