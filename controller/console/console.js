"use strict";
// The operator's page. It only shows what the API says and only does what the API allows.

const $ = (id) => document.getElementById(id);
const API = "/api/v1";
const EVERY_MS = 3000;
const GRACE_MS = 1500; // a new proposal may not be decided by a click meant for the last one

let token = sessionStorage.getItem("coolwright-token") || "";
let scopes = new Set();
let myName = "";
let shown = null; // the proposal on the screen; decisions are for exactly its digest
let deciding = false;
let halted = false; // by the stop: a proposal may be refused then, and not approved
let ticking = false;
let lastEvent = ""; // the stream goes on where it broke

class Failed extends Error {
  constructor(status, problem) {
    super(problem.detail || `the server answered ${status}`);
    this.status = status;
    this.code = problem.code || "";
  }
}

async function call(method, path, body, tag) {
  const headers = { Authorization: `Bearer ${token}` };
  if (tag) headers["If-Match"] = tag;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(API + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const data = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failed(answer.status, data);
  return data;
}

// What is shown is what is judged: −0.3 at no digits is 0, and no loss.
const rounded = (value, digits) => Number(value.toFixed(digits)) || 0;
const num = (value, digits = 1) => (value === null || value === undefined ? "–" : rounded(value, digits).toFixed(digits).replace("-", "−"));
const sign = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±");
const signed = (value, digits = 1) => (value === null ? "–" : sign(rounded(value, digits)) + Math.abs(value).toFixed(digits));
const span = (s) => (s >= 120 ? `${Math.round(s / 60)} min` : `${Math.round(s)} s`);
const clock = (iso) => iso.slice(11, 16);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function tile(title, value, unit, note, className) {
  const made = element("div", undefined, "tile");
  made.append(element("span", title), element("b", `${value} ${unit}`.trim(), className));
  if (note) made.append(element("span", note));
  return made;
}

function row(cells) {
  const made = element("tr");
  cells.forEach(([text, className]) => made.append(element("td", text, className)));
  return made;
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function showState(state) {
  $("site").textContent = state.site;
  const badge = $("mode");
  badge.textContent = state.stopped ? "stopped" : state.mode;
  badge.className = `badge ${state.stopped ? "stopped" : state.mode}`;
  badge.title = state.stopped || "How much may be done without a person";
  $("age").textContent = `plant time ${state.at.slice(0, 16).replace("T", " ")} UTC · data ${state.data_age_s === null ? "of unknown age" : `${span(state.data_age_s)} old`}`;
  $("plan").textContent = state.plan;
  $("power").replaceChildren(
    tile("Facility", num(state.facility_kw, 0), "kW"),
    tile("IT", num(state.it_kw, 0), "kW"),
    tile("Cooling", num(state.cooling_kw, 0), "kW"),
  );
  $("notes").hidden = !state.notes.length;
  $("notes").replaceChildren(...state.notes.map((text) => element("li", text)));
  showSaving(state.saving);
  const trips = Object.fromEntries(state.redundancy.map((trip) => [trip.zone, trip]));
  $("zones").replaceChildren(...state.zones.map((zone) => zoneLine(zone, trips[zone.zone])));
}

function showModes(modes) {
  const stop = modes.stopped;
  $("stopped").hidden = !stop;
  $("stop").disabled = Boolean(stop);
  if (halted !== Boolean(stop)) {
    halted = Boolean(stop);
    pause();
  }
  if (stop) $("stopped-why").textContent = `by ${stop.by} at ${clock(stop.at)} UTC: ${stop.reason}. Setpoints ramp to fallback.`;
  $("resume").disabled = !scopes.has("stop");
  $("waiting").hidden = modes.waiting.length === 0;
  $("requests").replaceChildren(...modes.waiting.map(requestLine));
}

const WISHES = {
  resume: { path: "/resume", scope: "stop", say: () => "resume" },
  mode: { path: "/modes/requests", scope: "mode", say: (w) => `${w.scope}: ${w.from} → ${w.to}` },
  limit: { path: "/limits/requests", scope: "mode", say: (w) => `${w.limit}: ${w.from} → ${w.to === "None" ? "the site file's" : w.to}` },
  switchback: { path: "/switchback/requests", scope: "mode", say: () => "a switchback measurement" },
};

function requestLine(request) {
  const made = element("p");
  const kind = WISHES[request.kind];
  if (!kind) return element("p", `${request.by} asks for ${request.kind}; confirm it on the command line`);
  made.append(`${request.by} asks for ${kind.say(request.what)}: ${request.what.reason || ""} `);
  const confirm = element("button", request.by === myName ? "Someone else confirms" : "Confirm");
  confirm.type = "button";
  confirm.disabled = request.by === myName || !scopes.has(kind.scope);
  confirm.addEventListener("click", () => act(() => call("POST", `${kind.path}/${request.id}/confirmation`)));
  made.append(confirm);
  return made;
}

function showSaving(saving) {
  if (!saving) {
    $("saving").replaceChildren(element("p", "Nothing accounted yet.", "quiet"));
    $("baseline").textContent = "";
    return;
  }
  const color = (value) => (value === null || !rounded(value, 0) ? "" : value > 0 ? "good" : "bad");
  $("saving").replaceChildren(
    tile("Energy", num(saving.facility_kwh, 0), "kWh", "", color(saving.facility_kwh)),
    tile("Carbon (CO2e)", num(saving.carbon_kg, 0), "kg", saving.carbon_synthetic ? "synthetic factor" : "", color(saving.carbon_kg)),
    tile("Cost", num(saving.cost, 0), saving.currency, "", color(saving.cost)),
    tile("Water", num(saving.water_l, 0), "L", "", color(saving.water_l)),
  );
  $("baseline").textContent = `against ${saving.baseline} since ${saving.since.slice(0, 16).replace("T", " ")}; negative is a loss`;
}

function zoneLine(zone, trip) {
  const line = element("div", undefined, "zone");
  const meter = element("meter");
  meter.min = 15;
  meter.max = zone.allowable_max_c;
  meter.low = zone.recommended_max_c - 1;
  meter.high = zone.recommended_max_c;
  meter.optimum = 18;
  meter.value = zone.worst_inlet_c === null ? meter.min : zone.worst_inlet_c;
  const where = zone.worst_inlet_c === null ? "bad" : zone.worst_inlet_c >= zone.recommended_max_c ? "bad" : zone.worst_inlet_c >= zone.recommended_max_c - 1 ? "warn" : "good";
  const value = element("span", `${num(zone.worst_inlet_c)} °C`, `n ${where}`);
  line.title = `worst inlet, limit ${num(zone.recommended_max_c)} °C, allowable ${num(zone.allowable_max_c)} °C, ` +
    `${zone.sensors_usable} of ${zone.sensors} sensors, mode ${zone.mode}`;
  value.append(element("span", ` / ${num(zone.recommended_max_c, 0)}`, "quiet"));
  const name = element("span", zone.zone);
  if (trip && room(trip) < 0) name.append(element("span", " no spare", "bad"));
  if (trip) line.title += room(trip) < 0 ? `, no spare if ${trip.unit} trips` : `, ${num(room(trip))} K spare if ${trip.unit} trips`;
  line.append(name, meter, value);
  return line;
}

const madeFrom = (age) => (age === null ? "made from data of unknown age" : `made from data ${span(age)} old`);

const stays = (seconds) => (seconds === null ? [] : [`as planned it stays for ${span(seconds)}`]);

function showProposal(proposal) {
  const changed = (proposal && proposal.id) !== (shown && shown.id);
  shown = proposal;
  $("proposal").hidden = !proposal;
  $("decision-title").textContent = proposal ? `Proposal ${proposal.id}` : "Nothing waits for you";
  $("plan").hidden = Boolean(proposal);
  $("expiry").textContent = proposal ? [`expires in ${span(proposal.expires_in_s)}`, madeFrom(proposal.data_age_s), ...stays(proposal.stays_s)].join(" · ") : "";
  $("expiry").className = proposal && proposal.expires_in_s < 120 ? "warn" : "quiet";
  if (!proposal || !changed) return;
  $("why").value = $("code").value = "";
  $("answer").classList.remove("asked");
  showVerdict(proposal);
  $("reason").textContent = proposal.reason;
  $("digest").textContent = proposal.digest;
  $("effects").replaceChildren(...effectTiles(proposal.effect));
  $("changes").replaceChildren(...alike(proposal.changes).map((change) => changeLine(change, proposal.inlets)));
  $("inlets-title").textContent = `Worst rack inlet in the next ${span(proposal.effect.over_s)}, with this change alone`;
  const trips = Object.fromEntries(proposal.redundancy.map((t) => [t.zone, t]));
  $("inlets").replaceChildren(...proposal.inlets.map((inlet) => inletLine(inlet, trips[inlet.zone])));
  showBinding(proposal);
  pause();
}

// What binds, and what keeping it costs: the dearest in one line, the others folded away.
function showBinding(proposal) {
  const prices = proposal.prices.filter((p) => p.saving).sort((a, b) => b.saving - a.saving)
    .map((p) => `1 ${p.unit} more room at ${p.limit} would save ${num(p.saving, 2)} ${proposal.effect.currency} over the plan`);
  const [first, ...binding] = proposal.binding;
  const limited = !first ? ["No limit holds it back"] : proposal.reason.includes(first) ? [] : [`Limited by ${first}`];
  if (prices.length) limited.push(`Dearest limit: ${prices[0]}`);
  $("binds").textContent = limited.length ? `${limited.join(". ")}.` : "";
  $("remarks").replaceChildren(...proposal.remarks.map((text) => element("li", text)));
  const more = [...binding.map((b) => `also limited by ${b}`), ...prices.slice(1)];
  $("more").hidden = !more.length;
  $("more-title").textContent = `${more.length} more limits and prices`;
  $("limits-more").replaceChildren(...more.map((text) => element("li", text)));
}

// The same move of several zones is one line: eight rows that say the same hide the ninth.
function alike(changes) {
  const found = new Map();
  for (const change of changes) {
    const [, what = change.lever] = change.lever.split(/\.(.*)/);
    const key = [what, change.before, change.after, change.unit].join();
    const line = found.get(key) || { ...change, what, where: [] };
    line.where.push(change.lever.split(".")[0]);
    found.set(key, line);
  }
  return [...found.values()];
}

// The one line to read when there is time for one: is it safe, and what if something fails meanwhile?
function showVerdict(proposal) {
  const known = proposal.inlets.filter((i) => i.margin_k !== null);
  const parts = [];
  let worst = "good";
  if (known.length < proposal.inlets.length || !known.length) {
    worst = "bad";
    parts.push("a zone's inlet is not known");
  } else {
    const tight = known.reduce((a, b) => (a.margin_k <= b.margin_k ? a : b));
    worst = grade(tight.margin_k);
    parts.push(`tightest: ${tight.zone} at ${num(tight.after_c)} °C, ${num(tight.margin_k)} K below its limit`);
  }
  if (proposal.redundancy.length) {
    const trip = proposal.redundancy.reduce((a, b) => (room(a) <= room(b) ? a : b));
    if (room(trip) < 0) worst = "bad";
    else if (room(trip) < 1 && worst === "good") worst = "warn";
    parts.push(room(trip) < 0
      ? `NO SPARE: if ${trip.unit} trips, ${trip.zone} passes ${num(trip.allowable_c, 0)} °C`
      : `any one machine may trip: ${trip.zone} stays ${num(room(trip))} K below ${num(trip.allowable_c, 0)} °C`);
  } else parts.push("what a trip would do is not known");
  $("verdict").className = worst;
  $("verdict").textContent = parts.join(" · ");
}

const room = (trip) => (trip.inlet_c === null ? -1 : trip.allowable_c - trip.inlet_c);
const grade = (margin) => (margin < 0.5 ? "bad" : margin < 1.5 ? "warn" : "good");

function pause() {
  const open = () => { $("approve").disabled = deciding || halted; $("reject").disabled = deciding; };
  ["approve", "reject"].forEach((id) => { $(id).disabled = true; });
  if (scopes.has("decide")) setTimeout(open, GRACE_MS);
}

function effectTiles(effect) {
  const over = `over ${span(effect.over_s)}`;
  const one = (title, e, unit, digits, extra) => {
    const interval = e.low === null ? "interval not known yet" : `${signed(e.low, digits)} to ${signed(e.high, digits)}`;
    const color = e.value === null ? "" : e.value <= 0 ? "good" : "warn";
    return tile(title, signed(e.value, digits), unit, `${interval}${extra || ""}`, color);
  };
  return [
    one(`Power ${over}`, effect.power_kw, "kW", 1),
    one(`CO2e ${over}`, effect.carbon_kg, "kg", 1, effect.carbon_synthetic ? " · synthetic factor" : ""),
    one(`Cost ${over}`, effect.cost, effect.currency, 2),
    one(`Water ${over}`, effect.water_l, "L", 0),
  ];
}

function changeLine(change, zones) {
  const ratio = change.unit === "ratio";
  const unit = ratio ? "%" : change.unit === "degC" ? "°C" : change.unit;
  const scale = ratio ? 100 : 1;
  const digits = ratio ? 0 : 1;
  const made = row([
    [change.what, "what"], [`${num(change.before * scale, digits)}`, "n"], ["→"],
    [`${num(change.after * scale, digits)} ${unit}`, "n"], [signed((change.after - change.before) * scale, digits), "n"],
  ]);
  const everywhere = zones.length > 2 && zones.every((zone) => change.where.includes(zone.zone));
  made.firstChild.append(element("span", everywhere ? `all ${zones.length} zones` : change.where.join(", "), "quiet"));
  return made;
}

function inletLine(inlet, trip) {
  const where = inlet.margin_k === null ? "bad" : grade(inlet.margin_k);
  const band = inlet.std_k ? ` ±${num(2 * inlet.std_k)}` : "";
  const made = row([
    [inlet.zone], [num(inlet.before_c), "n"], ["→"], [`${num(inlet.after_c)}${band} °C`, "n"], [num(inlet.limit_c), "n wide"],
    [`${num(inlet.margin_k)} K`, `n ${where}`], [trip ? `${num(trip.inlet_c)} °C` : "–", `n ${trip && room(trip) < 0 ? "bad" : ""}`],
  ]);
  if (trip) made.lastChild.prepend(element("span", `${trip.unit}: `, "wide"));
  return made;
}

function holdLine(hold) {
  const made = element("p", `${hold.target} until ${clock(hold.until)} UTC: ${hold.reason} (${hold.by}) `);
  if (scopes.has("hold")) {
    const free = element("button", "Release", "plain");
    free.type = "button";
    free.addEventListener("click", () => act(() => call("DELETE", `/holds/${encodeURIComponent(hold.id)}`)));
    made.append(free);
  }
  return made;
}

function showLimits(told) {
  const changed = told.limits.filter((l) => l.by).map((l) => element("p", `${l.name}: ${l.value} (file: ${l.hard}) · ${l.by}: ${l.reason}`));
  const closed = told.closed.map((c) => element("p", `closed: ${c.name} ${c.value}: ${c.why}`, "bad"));
  $("limits").replaceChildren(...closed, ...(changed.length ? changed : [element("p", "None.", "quiet")]));
  $("limit-form").hidden = !scopes.has("mode");
  const names = $("limit-name");
  if (names.options.length !== told.limits.length) {
    names.replaceChildren(...told.limits.map((l) => new Option(`${l.name} (${l.narrower}, file ${l.hard})`, l.name)));
  }
}

// One cause can speak from many places: what says the same is one entry, and is seen as one.
function grouped(alarms) {
  const found = new Map();
  for (const alarm of alarms) {
    const key = [alarm.kind, alarm.detail, Boolean(alarm.acknowledged_at)].join();
    found.set(key, [...(found.get(key) || []), alarm]);
  }
  return [...found.values()];
}

function alarmLine(alike) {
  const [alarm] = alike;
  const made = element("div", undefined, `alarm ${alarm.priority}`);
  const sources = alike.map((one) => one.source).join(", ");
  const since = alike.map((one) => one.raised_at).sort()[0];
  made.append(element("p", alarm.cause, "cause"));
  made.append(element("p", `${alike.length > 1 ? `${alike.length} × ` : ""}${sources}: ${alarm.detail} · since ${clock(since)} UTC`));
  made.append(element("p", `${alarm.consequence} ${alarm.response}`, "quiet"));
  if (!alarm.acknowledged_at && scopes.has("alarm")) {
    const seen = element("button", alike.length > 1 ? `Acknowledge all ${alike.length}` : "Acknowledge", "plain");
    seen.type = "button";
    const see = (one) => call("POST", `/alarms/${encodeURIComponent(one.id)}/acknowledgement`);
    seen.addEventListener("click", () => act(() => Promise.all(alike.map(see))));
    made.append(seen);
  }
  return made;
}

async function refresh() {
  const [state, pending, past, alarms, modes, holds, limits] = await Promise.all([
    call("GET", "/state"), call("GET", "/proposals?status=pending&limit=1"),
    call("GET", "/proposals?limit=8"), call("GET", "/alarms"), call("GET", "/modes"),
    call("GET", "/holds"), call("GET", "/limits"),
  ]);
  $("holds").replaceChildren(...(holds.length ? holds.map(holdLine) : [element("p", "None.", "quiet")]));
  $("hold-form").hidden = !scopes.has("hold");
  showLimits(limits);
  showModes(modes);
  showState(state);
  showProposal(pending[0] || null);
  $("alarms").replaceChildren(...(alarms.length ? grouped(alarms).map(alarmLine) : [element("p", "None.", "quiet")]));
  $("past").replaceChildren(...past.filter((p) => p.status !== "pending").map((p) => row([[p.id], [clock(p.created_at)], [p.status.replace("_", " ")], [p.decided_by || "–"]])));
}

async function act(what) {
  try {
    await what();
    notice("");
  } catch (error) {
    notice(error.message);
  }
  await tick();
}

async function decide(decision) {
  if (!shown || deciding) return;
  if (decision === "reject" && !$("code").value) {
    $("answer").classList.add("asked");
    notice("Choose which kind of no it is: it is counted.");
    return $("code").focus();
  }
  deciding = true;
  const { id, digest } = shown;
  ["approve", "reject"].forEach((name) => { $(name).disabled = true; });
  await act(() => call("POST", `/proposals/${encodeURIComponent(id)}/decision`, decision === "reject" ? { decision, digest, code: $("code").value, reason: $("why").value } : { decision, digest }));
  deciding = false;
  if (shown) pause();
}

async function tick() {
  if (!token || ticking) return;
  ticking = true;
  try {
    await refresh();
    if ($("notice").dataset.link) { notice(""); delete $("notice").dataset.link; }
  } catch (error) {
    if (error.status === 401) return signOut("The token is not valid any more.");
    $("notice").dataset.link = "1";
    notice(error instanceof Failed ? error.message : "The controller does not answer. What you see may be old.");
  } finally {
    ticking = false;
  }
}

async function listen() {
  // EventSource cannot send a token, so the stream is read by hand; polling goes on beside it.
  while (token) {
    try {
      const headers = { Authorization: `Bearer ${token}` };
      if (lastEvent) headers["Last-Event-ID"] = lastEvent;
      const answer = await fetch(`${API}/events`, { headers });
      if (!answer.ok) throw new Failed(answer.status, {});
      const reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const id of new TextDecoder().decode(value).matchAll(/^id: (.+)$/gm)) lastEvent = id[1];
        tick();
      }
    } catch { /* the poll tells the user */ }
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }
}

async function signIn() {
  try {
    const who = await call("GET", "/whoami");
    scopes = new Set(who.scopes);
    myName = who.name;
    $("who").textContent = `${who.name} (${who.role})`;
  } catch (error) {
    return signOut(error.status === 401 ? "This token is not valid." : "The controller does not answer.");
  }
  sessionStorage.setItem("coolwright-token", token);
  $("login").hidden = true;
  $("main").hidden = $("forget").hidden = false;
  $("stop").hidden = !scopes.has("stop");
  notice("");
  await tick();
  listen();
}

function signOut(why) {
  token = "";
  sessionStorage.removeItem("coolwright-token");
  $("main").hidden = $("forget").hidden = $("stop").hidden = true;
  $("login").hidden = false;
  $("token").focus();
  notice(why || "");
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  signIn();
});
$("forget").addEventListener("click", () => signOut());
$("approve").addEventListener("click", () => decide("approve"));
$("reject").addEventListener("click", () => decide("reject"));
$("stop").addEventListener("click", () => { $("stop-why").value = ""; $("stop-dialog").showModal(); });
$("stop-dialog").addEventListener("close", () => {
  if ($("stop-dialog").returnValue === "stop") act(() => call("POST", "/stop", { reason: $("stop-why").value || "operator" }));
});
$("resume").addEventListener("click", () => act(() => call("POST", "/resume", { reason: $("resume-why").value || "no reason given" })));
$("hold-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const body = { target: $("hold-target").value.trim(), minutes: Number($("hold-hours").value) * 60, reason: $("hold-why").value };
  act(() => call("POST", "/holds", body));
  $("hold-target").value = $("hold-why").value = "";
});
$("limit-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = $("limit-value").value === "" ? null : Number($("limit-value").value);
  act(() => call("PUT", `/limits/${encodeURIComponent($("limit-name").value)}`, { value, reason: $("limit-why").value }));
  $("limit-value").value = $("limit-why").value = "";
});
setInterval(tick, EVERY_MS);
if (token) signIn(); else signOut();
