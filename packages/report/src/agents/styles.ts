// What a page about mixtures of agents adds to the reports' style: drawings of layers, the list of questions, transcripts.

export const agentStyles = `
figure.half{grid-column:span 6}
section>.figures+h3,section>.scroll+h3,section>.note+h3{margin-top:36px}
.plot .on-lines{paint-order:stroke;stroke:var(--page);stroke-width:3.5px;stroke-linejoin:round}
.plot.layers{text-anchor:start;width:auto;max-width:none;margin:0 0 6px}
.diagrams{display:flex;flex-wrap:wrap;gap:26px 56px;align-items:flex-start}
.diagrams .arm-block{margin:0;min-width:0;max-width:100%}
.layers .column{font-weight:600}
.layers .box>rect:first-of-type{fill:var(--card);stroke:var(--rule)}
.layers .box .name{fill:var(--ink);font-weight:600;font-size:12px}
.layers .box .bar{fill:var(--accent);opacity:.75}
.layers .loss{fill:var(--bad)}
.layers .edge{fill:none;stroke:var(--faint);stroke-width:1;opacity:.34}
.layers.lit .edge:not(.hot){opacity:.08}
.layers .edge.hot{stroke:var(--accent);stroke-width:1.6;opacity:1}
.layers.lit .box:not(.hot){opacity:.4}
.layers .box.hot>rect:first-of-type{stroke:var(--accent)}
td.wrapped{white-space:normal;min-width:260px;max-width:420px}
.pairs td.text .arm-cell{vertical-align:middle}
.filters,.tabs{display:flex;flex-wrap:wrap;gap:6px 8px;margin:0 0 12px}
.filters button,.tabs button{border:1px solid var(--rule);border-radius:99px;padding:2px 12px;font-size:13px;color:var(--soft);white-space:nowrap}
.filters button:hover,.tabs button:hover{border-color:var(--faint);color:var(--ink)}
.filters [aria-pressed=true],.tabs [aria-pressed=true]{background:var(--ink);color:var(--page);border-color:var(--ink)}
.filters [aria-pressed=true] small{color:inherit;opacity:.7}
.finding{display:flex;flex-wrap:wrap;gap:8px 22px;font-size:13px;color:var(--soft);margin:0 0 12px}
.finding select,.finding input{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:6px;padding:3px 8px;margin-left:6px;max-width:260px}
.questions tbody tr:not(.opened){cursor:pointer}
.questions th[scope=row]{padding-right:16px}
.questions th button{font-weight:600;text-align:left}
.questions .excerpt{white-space:normal;color:var(--soft);padding-left:0;width:100%}
.questions .outcomes{white-space:nowrap}
.questions tr.lit{background:color-mix(in srgb,var(--accent) 10%,transparent)}
.questions .opened:hover{background:none}
.questions .opened>td{white-space:normal;padding:18px 0 26px;border-bottom-color:var(--faint)}
.outcome{display:inline-block;position:relative;width:11px;height:11px;border-radius:3px;margin-left:4px;border:1px solid var(--accent);vertical-align:-1px}
.outcome.right{background:var(--accent)}
.outcome.wrong{border-color:var(--bad);background:linear-gradient(to top right,transparent 44%,var(--bad) 44%,var(--bad) 56%,transparent 56%)}
.outcome.lost{border-color:var(--bad);border-style:dashed}
.outcome.none{border-color:transparent;background:var(--rule)}
.outcome.ungraded{border-color:var(--faint)}
.outcome.gap::after{content:"";position:absolute;right:-3px;top:-3px;width:5px;height:5px;border-radius:50%;background:var(--bad)}
.pager button{margin-left:10px;color:var(--accent)}
.pager button:disabled{color:var(--faint);cursor:default}
.question-view{font-size:13px;line-height:1.5}
.question-view .asked{font-size:15px;max-width:62em;margin:0 0 4px}
.said{white-space:pre-wrap;overflow-wrap:anywhere}
.said.reply{color:var(--ink);margin:6px 0}
.said.sent{background:color-mix(in srgb,var(--rule) 40%,transparent);border-radius:6px;padding:8px 10px;margin:3px 0 8px;font-size:12.5px}
.clipped{max-height:10.5em;overflow:hidden;-webkit-mask-image:linear-gradient(#000 72%,transparent);mask-image:linear-gradient(#000 72%,transparent)}
.more{color:var(--accent);font-size:12px}
.final{margin:14px 0 0;display:flex;flex-wrap:wrap;gap:2px 8px;align-items:baseline}
.layer-name{margin:20px 0 8px;font-size:13px;font-weight:600;color:var(--soft)}
.steps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,316px),1fr));gap:12px;align-items:start}
.step{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 14px 12px;min-width:0;transition:opacity .12s}
.step:has(.sent-messages[open]){grid-column:1/-1}
.step:focus{outline:2px solid var(--accent)}
.step h5{margin:0;font-size:13.5px;font-weight:650;overflow-wrap:anywhere}
.step p{margin:3px 0}
.step.skipped{background:none;border-style:dashed}
.run-view.lit .step:not(.self,.seen,.sees){opacity:.42}
.step.self{border-color:var(--ink)}
.step.seen{border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
.step.sees{border-color:var(--accent);border-style:dashed}
.spent,.saw{font-size:12px;color:var(--faint);overflow-wrap:anywhere}
.chip{font-size:12px;color:var(--accent);margin-right:7px}
.verdict.right{color:var(--accent);font-weight:600}
.verdict.wrong{color:var(--bad);font-weight:600}
.answer:empty{display:none}
.decision{display:grid;grid-template-columns:max-content 1fr;gap:1px 12px;margin:6px 0;font-size:12px}
.decision dt{color:var(--faint)}
.decision dd{margin:0;overflow-wrap:anywhere}
.call+.call{margin-top:8px;padding-top:6px;border-top:1px solid var(--rule)}
.sent-messages{margin:4px 0 0;padding:0;border:0}
.sent-messages summary{font-weight:400;font-size:12px;color:var(--soft)}
.sent-messages[open]{margin-top:8px}
.role{font-size:12px}
.quote{background:color-mix(in srgb,var(--accent) 13%,transparent);border-radius:3px;cursor:pointer;box-decoration-break:clone;-webkit-box-decoration-break:clone}
.quote[data-of]::before{content:attr(data-of);display:inline-block;font-size:10.5px;line-height:1.5;background:var(--accent);color:var(--page);border-radius:3px;padding:0 5px;margin-right:5px}
.quote.question{background:color-mix(in srgb,var(--faint) 16%,transparent);cursor:default}
@media (max-width:960px){figure.half{grid-column:span 12}}
@media (max-width:600px){.questions,.questions tbody,.questions .opened,.questions .opened>td{display:block}
.questions thead{display:none}
.questions tbody tr:not(.opened){display:grid;grid-template-columns:minmax(0,1fr) auto;padding:8px 0;border-bottom:1px solid var(--rule)}
.questions tbody tr:not(.opened)>*{border:0;padding:1px 0}
.questions .excerpt{grid-row:2;grid-column:1/-1}}
`
