--- The style of the page, light or dark by the reader's system. Text has
--- a contrast ratio of 4.5 to its background, bars one of 3.

return [[
:root { color-scheme: light dark;
  --ground: #f4f5f7; --card: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #d9dde3;
  --track: #e9ecf0; --bar: #2f6fde; --up: #b42318; --down: #1a7f37; --tag: #8a4b00;
  --tag-ground: #fff1dc; --s1: #2f6fde; --s2: #b35900; --s3: #0f8a6d; --s4: #a03fb0;
  --s5: #8a6d00; --s6: #6b7280; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #0f1216; --card: #181c22; --ink: #e6e9ee; --soft: #9aa4b1; --line: #2e353e;
  --track: #29303a; --bar: #6ea8ff; --up: #ff8f85; --down: #5bd178; --tag: #ffc680;
  --tag-ground: #3a2a12; --s1: #6ea8ff; --s2: #ffab5e; --s3: #4cd0a8; --s4: #d78ae6;
  --s5: #e0c04a; --s6: #98a2b3; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
header, main, footer { max-width: 75rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; overflow-wrap: anywhere; }
h1 span { color: var(--soft); font-weight: 400; }
h2 { margin: 0 0 .75rem; font-size: 1.1rem; }
p { margin: 0; }
.soft, footer { color: var(--soft); }
footer { padding-top: .5rem; padding-bottom: 2rem; font-size: .85rem; }
.cards { display: grid; gap: 1rem; margin: 1.25rem 0 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
.card, .part { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.1rem 1.25rem; min-width: 0; }
.card .value { font-size: 1.75rem; line-height: 1.3; font-weight: 650;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.card .name { color: var(--soft); overflow-wrap: anywhere; }
.card svg { display: block; width: 100%; margin: .35rem 0 .5rem; }
.part { margin: 0 0 1rem; }
.up { color: var(--up); }
.down { color: var(--down); }
.tag { font-size: .75rem; font-weight: 600; color: var(--tag); background: var(--tag-ground);
  border-radius: 999px; padding: .15rem .6rem; margin-left: .4rem; white-space: nowrap;
  vertical-align: .1em; }
.note { color: var(--soft); margin: -.35rem 0 .9rem; max-width: 60em; }
.pair { display: grid; gap: 1.25rem 2rem; grid-template-columns: minmax(0, 1fr); }
figure { margin: 0; min-width: 0; }
figure svg { display: block; width: 100%; overflow: visible; }
figure .time { margin-left: 3.5rem; width: calc(100% - 3.5rem); }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .6rem; }
.key { display: inline-block; margin-right: 1rem; overflow-wrap: anywhere; }
.key svg { display: inline-block; width: .75rem; height: .75rem; margin-right: .35rem;
  vertical-align: -.05em; }
svg text { fill: var(--ink); font-size: 13px; }
svg text.soft { fill: var(--soft); font-size: 12px; }
svg .track { fill: var(--track); }
svg .bar, svg .s1 { fill: var(--bar); }
svg .over { fill: var(--up); }
svg .s2 { fill: var(--s2); } svg .s3 { fill: var(--s3); } svg .s4 { fill: var(--s4); }
svg .s5 { fill: var(--s5); } svg .s6 { fill: var(--s6); }
svg .edge { stroke: var(--card); stroke-width: 1; vector-effect: non-scaling-stroke; }
svg .grid { stroke: var(--line); stroke-width: 1; shape-rendering: crispEdges; }
svg .before { stroke: var(--ink); stroke-width: 2; }
svg .outline { fill: none; stroke: var(--bar); stroke-width: 1; }
svg .hatch { stroke: var(--bar); stroke-width: 2; }
.scroll { overflow: auto; max-height: 30rem; min-width: 0; border-radius: 4px; }
.scroll:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .6rem; text-align: right; white-space: nowrap; background: var(--card);
  border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { position: sticky; top: 0; z-index: 2; font-weight: 600; color: var(--soft);
  vertical-align: bottom; }
th:first-child { text-align: left; position: sticky; left: 0; z-index: 1; font-weight: 500;
  padding-left: 0; }
thead th:first-child { z-index: 3; }
tbody th { white-space: normal; overflow-wrap: break-word; min-width: 9rem; max-width: 22rem; }
.time th { white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
.none { font-style: italic; color: var(--soft); font-weight: 400; }
details { margin-top: .75rem; }
summary { cursor: pointer; color: var(--soft); width: max-content; max-width: 100%; }
details .scroll { margin-top: .5rem; }
@media (min-width: 60rem) {
  .pair:not(.wide) { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); align-items: start; } }
@media (max-width: 32rem) {
  header, main, footer { padding-left: .75rem; padding-right: .75rem; }
  header { padding-top: 1.25rem; }
  .card, .part { padding: .9rem; }
  tbody th { min-width: 7rem; max-width: 42vw; } }
@media print {
  body { background: #fff; }
  .part { break-inside: avoid; }
  .scroll { max-height: none; overflow: visible; } }
]]
