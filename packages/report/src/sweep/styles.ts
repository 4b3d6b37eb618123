// What a sweep's page adds to the reports' style.
import { styles } from '../styles.ts'

export const sweepStyles = `${styles(0)}
section>.figures+.scroll{margin-top:36px}
figcaption{overflow-wrap:anywhere}
figure.half{grid-column:span 6}
.plot .dots{stroke-linecap:round;fill:none}
.plot .line{fill:none}
.plot .on-lines{paint-order:stroke;stroke:var(--page);stroke-width:3.5px;stroke-linejoin:round}
.plot .rung{fill:var(--faint);font-size:10px}
.plot .hot{fill:none;stroke:var(--ink);stroke-width:2.2;pointer-events:none}
.plot.dimmed .line{opacity:.35}
tr.lit{background:color-mix(in srgb,var(--accent) 14%,transparent)}
.legend span{display:inline-flex;align-items:center;gap:7px;color:var(--soft)}
figure .legend{margin:0 0 8px}
td a,li a{color:var(--accent)}
#tip td:last-child{text-align:right}
section details h3{margin-top:18px}
@media (max-width:960px){section>.figures+.scroll{margin-top:36px}
figcaption{overflow-wrap:anywhere}
figure.half{grid-column:span 12}}
@media (max-width:760px){.wide-plot .plot{min-width:720px}.mid-plot .plot{min-width:540px}}
@media (max-width:600px){.facts{grid-template-columns:repeat(2,minmax(0,1fr))}}
`
