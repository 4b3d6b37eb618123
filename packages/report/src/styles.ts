// The page's style: one measure, two weights of ink, tabular figures, rules instead of boxes. No fonts are loaded.
import { themeVariables } from './theme.ts'

const base = `
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;-webkit-font-smoothing:antialiased}
main{max-width:1180px;margin:0 auto;padding:20px 32px 96px}
nav{display:flex;justify-content:space-between;align-items:baseline;font-size:13px;padding-bottom:14px;border-bottom:1px solid var(--rule)}
nav .links{display:flex;flex-wrap:wrap;gap:4px 20px}
nav a{color:var(--soft);text-decoration:none}
nav a:hover{color:var(--ink)}
button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
button:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:2px}
#theme{color:var(--soft);border:1px solid var(--rule);border-radius:99px;padding:2px 12px}
#theme:hover{color:var(--ink);border-color:var(--faint)}
header{padding-top:36px}
.eyebrow{margin:0 0 6px;font-size:13px;color:var(--faint);display:flex;flex-wrap:wrap;gap:2px 8px}
.eyebrow span+span::before{content:"/";margin-right:8px;color:var(--rule)}
h1{font-size:32px;line-height:1.18;letter-spacing:-.018em;font-weight:650;margin:0 0 16px;max-width:26em;overflow-wrap:anywhere;text-wrap:balance}
.lead{font-size:18px;line-height:1.55;max-width:46em;margin:0 0 28px;color:var(--soft);text-wrap:pretty;overflow-wrap:anywhere}
.lead b{color:var(--ink);font-weight:600}
h2{font-size:21px;letter-spacing:-.01em;font-weight:650;margin:0 0 18px}
h3{font-size:15px;font-weight:650;margin:26px 0 8px}
section{margin-top:56px;padding-top:22px;border-top:1px solid var(--rule)}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(186px,1fr));gap:14px 28px;margin:0}
.facts div{min-width:0}
.facts dt{font-size:12px;color:var(--faint)}
.facts dd{margin:0;font-size:14px;line-height:1.4;overflow-wrap:anywhere}
.soft,small{color:var(--faint);font-weight:400}
.bad{color:var(--bad)}
.note{font-size:13px;color:var(--faint);margin:10px 0 0;max-width:60em}
.scroll{overflow-x:auto;margin:0 -4px;padding:0 4px}
table{border-collapse:collapse;font-size:14px;line-height:1.35;min-width:100%}
table.small{font-size:13px}
th,td{text-align:right;padding:8px 0 8px 20px;border-bottom:1px solid var(--rule);white-space:nowrap;font-weight:400;vertical-align:middle}
th:first-child,td:first-child{padding-left:0}
th[scope=row],.text,th.text{text-align:left}
td.text code.block{display:inline-block;width:48ch;white-space:normal;overflow-wrap:anywhere}
thead th{font-size:12px;color:var(--faint);vertical-align:bottom;border-bottom-color:var(--faint)}
thead button:hover{color:var(--ink)}
th[aria-sort=ascending] button::after{content:" ↑"}
th[aria-sort=descending] button::after{content:" ↓"}
tbody tr:hover{background:color-mix(in srgb,var(--rule) 32%,transparent)}
td.best{font-weight:680;color:var(--ink)}
td.best::before{content:"";display:inline-block;width:6px;height:6px;border-radius:50%;background:var(--accent);margin-right:7px;vertical-align:.13em}
td .pm{display:block;font-size:12px;font-weight:400;color:var(--faint)}
td.none,td.soft{color:var(--faint)}
th[scope=row]{font-weight:600}
table.small th[scope=row]{font-weight:500}
.arm-cell{display:inline-flex;align-items:center;gap:8px;max-width:280px}
.long{overflow:hidden;text-overflow:ellipsis;min-width:0}
.swatch{flex:none;display:inline-block;width:11px;height:11px;border-radius:3px}
.spark{display:block}
th small{display:block;font-size:12px;padding-left:19px}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:-6px 0 20px;font-size:13px}
.legend button{display:inline-flex;align-items:center;gap:7px;max-width:260px;color:var(--soft);white-space:nowrap}
.legend button:hover,.legend button[aria-pressed=true]{color:var(--ink)}
.legend button[aria-pressed=true]{font-weight:600}
.figures{display:grid;grid-template-columns:repeat(12,minmax(0,1fr));gap:40px 36px;align-items:start}
figure{margin:0;min-width:0}
figure.full{grid-column:span 12}
figure.wide{grid-column:span 8}
figure.narrow{grid-column:span 4}
figure.panel{grid-column:span 4}
figcaption{font-size:13px;line-height:1.5;color:var(--soft);margin-top:10px;max-width:62em;text-wrap:pretty}
figcaption b{color:var(--ink);font-weight:600}
.plot{display:block;width:100%;height:auto;fill:currentColor;color:var(--soft);font-family:inherit;font-size:11px;text-anchor:middle;overflow:visible}
.plot .cell{fill:var(--cell-ink);font-size:10px;font-variant-numeric:tabular-nums}
.plot .strong{fill:var(--cell-ink-strong)}
.plot [class^=arm-]{transition:opacity .12s}
.arm-block+.arm-block{margin-top:24px}
.arm-name{display:flex;align-items:center;gap:8px;font-size:14px;font-weight:600;margin:0 0 8px}
.maps{display:grid;gap:18px 24px;align-items:start}
.maps-2{grid-template-columns:repeat(2,minmax(0,1fr))}
.maps-3{grid-template-columns:repeat(3,minmax(0,1fr))}
.maps-4{grid-template-columns:repeat(4,minmax(0,1fr))}
.maps .arm-block{margin:0}
.arm-block .maps-3:has(>.plot:only-child){grid-template-columns:1fr}
.scale{display:flex;flex-wrap:wrap;align-items:flex-start;gap:4px 10px;font-size:12px;line-height:11px;color:var(--faint);margin:0 0 12px}
.scale svg{display:block;fill:currentColor;font-size:11px;text-anchor:middle;overflow:visible}
details{margin-top:14px;border-top:1px solid var(--rule);padding-top:12px}
summary{cursor:pointer;font-weight:600;font-size:14px}
summary .soft{margin-left:6px}
details>.scroll,details>dl,details>ul{margin-top:12px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.88em}
pre{background:color-mix(in srgb,var(--rule) 40%,transparent);padding:12px 14px;border-radius:6px;overflow-x:auto;margin:0 0 8px;white-space:pre-wrap;overflow-wrap:anywhere}
.fields{columns:2 380px;column-gap:48px;margin:0;font-size:13px}
.fields div{display:flex;justify-content:space-between;gap:16px;padding:3px 0;border-bottom:1px solid var(--rule);break-inside:avoid}
.fields dt{color:var(--soft);flex:none;max-width:60%;overflow-wrap:anywhere}
.fields dd{margin:0;text-align:right;overflow-wrap:anywhere;min-width:0}
.fields .differs dt,.fields .differs dd{color:var(--accent);font-weight:600}
.events{display:flex;flex-wrap:wrap;gap:4px 22px;font-size:13px;margin:0}
.messages{margin:0;padding-left:18px;font-size:13px;overflow-wrap:anywhere}
#tip{position:absolute;z-index:2;pointer-events:none;background:var(--card);color:var(--ink);border:1px solid var(--rule);border-radius:6px;box-shadow:0 4px 18px rgb(0 0 0/.14);padding:7px 10px;font-size:12px;line-height:1.45;max-width:320px}
#tip table{font-size:12px;min-width:0}
#tip td{border:0;padding:0 0 0 12px}
#tip td:first-child{padding:0;text-align:left;display:flex;gap:7px;align-items:center;max-width:200px}
.cursor{stroke:var(--faint);stroke-width:.75;pointer-events:none}
@media (max-width:960px){
main{padding:16px 24px 72px}
h1{font-size:27px}
.lead{font-size:16.5px}
figure.wide,figure.narrow,figure.full{grid-column:span 12}
figure.panel{grid-column:span 6}
.maps-3,.maps-4{grid-template-columns:repeat(2,minmax(0,1fr))}
}
@media (max-width:600px){main{padding:12px 16px 56px}.figures{display:block}figure+figure{margin-top:36px}.maps{grid-template-columns:minmax(0,1fr)}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}.plot [class^=arm-]{transition:none}}
@media print{nav,#tip{display:none}body{background:#fff}section{break-inside:auto}figure{break-inside:avoid}}
`

/** Fades all arms but the chosen one. */
const chosen = (arms: number): string =>
  Array.from(
    { length: Math.min(arms, 32) },
    (_, i) => `body[data-only="${i}"] :is(#learning,#balance) .plot [class^=arm-]:not(.arm-${i}){opacity:.07}`,
  ).join('\n')

export const styles = (arms: number): string => `${themeVariables()}${base}${arms > 1 ? chosen(arms) : ''}`
