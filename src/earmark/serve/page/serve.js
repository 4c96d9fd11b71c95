// The page: sounds in, answers out. No framework, no build; nothing is loaded from elsewhere.
import { facts, trust } from "./facts.js";
import { recorder } from "./record.js";
import { clock, element, percent, stage } from "./stage.js";

const at = (id) => document.getElementById(id);
const AT_ONCE = 2;
const SHOWN = 12; // classes in the picture; all are in the table
const sounds = []; // {file, state: waiting | sent | done | failed, answer, problem, button}
const early = []; // files that came before the server had said which models it has
let models = [], limits = { bytes: Infinity, seconds: 3600 }, current = null, open = null, sending = 0;

const say = (text, bad = false) => { at("say").textContent = text; at("say").classList.toggle("bad", bad); };
const model = () => models.find((m) => m.name === at("model").value) || models[0];
const key = () => sessionStorage.getItem("earmark-key");
const asked = (path, options = {}) => fetch(path, { ...options, headers: { ...(key() ? { authorization: `Bearer ${key()}` } : {}), ...options.headers } });
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function start() {
  let answer;
  try {
    answer = await asked("api/models");
  } catch {
    say("The server does not answer. Is it still running? Reload this page when it is.", true);
    return;
  }
  if (answer.status === 401) { at("ask-key").showModal(); return; }
  ({ models, limits } = await answer.json());
  at("model").replaceChildren(...models.map((m) => element("option", { value: m.name }, m.title)));
  at("model").hidden = models.length < 2;
  at("curl").textContent = `curl -F file=@clip.wav ${location.origin}${location.pathname}api/predict`;
  choose();
  add(early.splice(0));
}

function choose() {
  const m = model();
  at("model-name").textContent = models.length < 2 ? m.title : "";
  trust(at("trust"), m);
  const some = m.labels.slice(0, 12).join(", ");
  at("labels").textContent = `It knows ${m.labels.length} classes: ${some}${m.labels.length > 12 ? ", …" : ""}.`;
}

function add(files) {
  if (!models.length) { early.push(...files); return; }
  const before = sounds.length;
  for (const file of files) {
    const sound = { file, state: "waiting", model: model() };
    if (file.size > limits.bytes) Object.assign(sound, { state: "failed", problem: `Too big: ${(file.size / 2 ** 20).toFixed(0)} MiB. This server takes ${(limits.bytes / 2 ** 20).toFixed(0)} MiB.` });
    else if (!file.size) Object.assign(sound, { state: "failed", problem: "The file is empty." });
    sound.button = element("button", { type: "button" });
    sound.button.addEventListener("click", () => show(sound, true));
    sound.item = element("li", {}, sound.button);
    sounds.push(sound);
    at("list").append(sound.item);
    row(sound);
  }
  if (sounds.length === before) return;
  at("results").hidden = false;
  say(sounds.length - before === 1 ? `Listening to ${sounds[before].file.name} …` : `Listening to ${sounds.length - before} sounds …`);
  show(sounds[before]);
  next();
}

function next() {
  while (sending < AT_ONCE) {
    const sound = sounds.find((s) => s.state === "waiting");
    if (!sound) break;
    sending += 1;
    sound.state = "sent";
    row(sound);
    send(sound).finally(() => {
      sending -= 1;
      row(sound);
      if (sound === current) show(sound);
      const left = sounds.filter((s) => s.state === "waiting" || s.state === "sent").length;
      const failed = sounds.filter((s) => s.state === "failed").length;
      if (left) say(`${sounds.length - left} of ${sounds.length} done.`);
      else if (sounds.length === 1 && sound.state === "done") say(`${sound.file.name}: ${words(sound.answer)}`);
      else say(`Done: ${sounds.length - failed} answered${failed ? `, ${failed} could not be used` : ""}.`, failed === sounds.length);
      next();
    });
  }
}

async function send(sound) {
  const form = new FormData();
  form.append("file", sound.file);
  const query = new URLSearchParams({ model: sound.model.name, timeline: "true", view: "true" });
  for (let tries = 0; ; tries += 1) {
    let answer;
    try {
      answer = await asked(`api/predict?${query}`, { method: "POST", body: form });
    } catch {
      Object.assign(sound, { state: "failed", problem: "The server did not answer, or the file changed while it was read." });
      return;
    }
    if (answer.status === 503 && tries < 20) {
      await pause(1000 * Number(answer.headers.get("retry-after") || 2));
      continue;
    }
    const told = await answer.json().catch(() => null);
    if (answer.ok && told) Object.assign(sound, { state: "done", answer: told });
    else Object.assign(sound, { state: "failed", problem: told?.error ? `${told.error.found}. ${told.error.do}` : `The server said ${answer.status}.` });
    if (answer.status === 401) at("ask-key").showModal();
    return;
  }
}

const words = (answer) => (answer.unknown ? `unknown; nearest is ${answer.label}, ${percent(answer.score)}` : `${answer.label}, ${percent(answer.score)}`);

function row(sound) {
  const { button, answer } = sound;
  const said = { waiting: "waiting", sent: "listening …", failed: "could not be used" }[sound.state] || (answer.unknown ? "unknown" : answer.label);
  button.className = sound.state === "done" && answer.unknown ? "unknown" : sound.state;
  const turning = sound.state === "sent" ? element("span", { className: "wait", "aria-hidden": "true" }) : null;
  button.replaceChildren(element("span", { className: "name" }, sound.file.name), element("span", { className: "said" }, turning, said));
  if (sound.state === "done") button.append(element("span", { className: "score" }, percent(answer.score)));
}

function show(sound, move = false) {
  open?.close();
  open = null;
  current = sound;
  for (const s of sounds) s.button.setAttribute("aria-current", String(s === sound));
  const detail = at("detail");
  const title = element("h2", { id: "detail-title" });
  const file = element("p", { className: "file" }, sound.file.name);
  if (sound.state !== "done") {
    title.textContent = sound.state === "failed" ? "This sound could not be used" : "Listening …";
    detail.replaceChildren(file, title, element("p", { className: sound.state === "failed" ? "note bad" : "quiet" }, sound.problem || "The answer will stand here."));
  } else {
    const { answer } = sound;
    title.textContent = answer.unknown ? "Unknown" : answer.label;
    file.textContent += ` · ${answer.seconds < 60 ? `${answer.seconds.toFixed(1)} s` : clock(answer.seconds)} · ${answer.format}${models.length > 1 ? ` · predicted by ${sound.model.title}` : ""}`;
    detail.replaceChildren(file, ...verdict(answer, title, sound.model), ...picture(sound));
  }
  if (move) detail.focus({ preventScroll: innerWidth > 900 });
}

function verdict(answer, title, asked_) {
  const score = answer.unknown ? `nearest: ${answer.label}, ${percent(answer.score)}` : percent(answer.score);
  const parts = [element("div", { className: `verdict${answer.unknown ? " unknown" : ""}` }, title, element("span", { className: "score", title: "Calibrated probability" }, score))];
  if (answer.unknown) parts.push(element("p", { className: "note" }, "This is unlike the sounds the model was trained on. Whatever label stands here means little."));
  if (answer.set && !answer.set.length) {
    parts.push(element("p", { className: "note" }, `Every label can be excluded (such exclusions are wrong in about ${percent(answer.alpha)} of sounds): it fits none of them well.`));
  } else if (answer.set) {
    const sure = answer.set.length === 1;
    const told = sure ? "The only label that cannot be excluded:" : "Cannot be excluded:";
    parts.push(element("div", { className: "possible" }, element("span", { className: "quiet" }, told), element("ul", { className: "chips" }, ...answer.set.map((c) => element("li", {}, c))), element("span", { className: "quiet small" }, `(such sets miss the truth in about ${percent(answer.alpha)} of sounds)`)));
  } else {
    parts.push(element("p", { className: "quiet" }, `${asked_.title} has no prediction sets.`));
  }
  return parts;
}

function picture(sound) {
  const { answer } = sound;
  const ranked = Object.entries(answer.scores).sort((a, b) => b[1] - a[1]);
  const spread = (name) => Math.max(...answer.timeline.map((p) => p.scores[name]));
  const classes = ranked.map(([name]) => name).sort((a, b) => spread(b) - spread(a)).slice(0, SHOWN).sort((a, b) => answer.scores[b] - answer.scores[a]);
  sound.address ||= URL.createObjectURL(sound.file);
  const player = element("audio", { controls: true, src: sound.address, preload: "metadata", "aria-label": `Play ${sound.file.name}` });
  const mute = element("p", { className: "quiet small", hidden: true }, `This browser cannot play ${answer.format} files. Picture and scores are right all the same.`);
  player.addEventListener("error", () => { player.hidden = true; mute.hidden = false; });
  const runs = [];
  for (const piece of answer.timeline) {
    const last = runs.at(-1);
    const label = piece.reason || (piece.unknown ? "unknown" : piece.label);
    if (last?.label === label) last.end = piece.end;
    else runs.push({ label, start: last ? Math.max(last.start, piece.start) : piece.start, end: piece.end });
  }
  const told = `Outline, spectrogram and scores over time. ${runs.slice(0, 12).map((r) => `${clock(r.start)} ${r.label}`).join(", ")}${runs.length > 12 ? " …" : ""}`;
  open = stage({ view: answer.view, timeline: answer.timeline, classes, best: answer.label, player, words: told });
  const bars = element("table", {}, element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Class"), element("th", { scope: "col" }, element("span", { className: "unseen" }, "Bar")), element("th", { scope: "col", className: "number" }, "Score"))),
    element("tbody", {}, ...ranked.map(([name, value]) => {
      const bar = element("span", { className: "bar", "aria-hidden": "true" });
      bar.style.width = `${100 * value}%`;
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, bar), element("td", { className: "number" }, percent(value, 1)));
    })));
  const pieces = element("table", {}, element("thead", {}, element("tr", {}, ...["From", "To", "Label"].map((h) => element("th", { scope: "col" }, h)))),
    element("tbody", {}, ...runs.slice(0, 500).map((r) => element("tr", {}, element("td", {}, clock(r.start)), element("td", {}, clock(Math.min(r.end, answer.seconds))), element("td", {}, r.label)))));
  return [open.node, element("div", { className: "player" }, player, mute),
    element("details", { className: "scores", open: true }, element("summary", {}, "Scores of the whole sound"), bars),
    element("details", { className: "scores" }, element("summary", {}, `What it predicts when (${runs.length} ${runs.length === 1 ? "stretch" : "stretches"})`), pieces)];
}

// As core/columns.py has it: no class takes the name of another column, and all of it can be read back.
const OURS = "id path file label group fold recording start end duration recipe seed predicted score correct task set unknown excluded model problem".split(" ");
const column = (label) => (OURS.includes(label.trim().toLowerCase()) || label.trim().toLowerCase().startsWith("score of") ? `score of ${label}` : label);
const joined = (labels) => labels.map((label) => label.replaceAll(/[|\\]/g, "\\$&")).join("|");

function csv() {
  const done = sounds.filter((s) => s.state === "done");
  const names = [...new Set(done.flatMap((s) => Object.keys(s.answer.scores)))].sort();
  const cell = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const lines = [["path", "model", "label", "score", "set", "unknown", "problem", ...names.map(column)]];
  for (const s of sounds) {
    const a = s.answer;
    if (s.state === "done") lines.push([s.file.name, a.model, a.label, a.score.toFixed(6), joined(a.set || []), a.unknown ?? "", "", ...names.map((n) => (n in a.scores ? a.scores[n].toFixed(6) : ""))]);
    else if (s.state === "failed") lines.push([s.file.name, s.model.name, "", "", "", "", s.problem, ...names.map(() => "")]);
  }
  const text = lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "earmark.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function clear() {
  open?.close();
  open = current = null;
  for (const s of sounds) { if (s.address) URL.revokeObjectURL(s.address); s.state = "gone"; }
  sounds.length = 0;
  at("list").replaceChildren();
  at("detail").replaceChildren();
  at("results").hidden = true;
  say("");
  at("choose").focus();
}

at("choose").addEventListener("click", () => at("files").click());
at("files").addEventListener("change", () => { add([...at("files").files]); at("files").value = ""; });
at("csv").addEventListener("click", csv);
at("clear").addEventListener("click", clear);
at("model").addEventListener("change", choose);
at("trust").addEventListener("click", () => { facts(at("facts"), model()); at("facts").showModal(); });
at("facts").addEventListener("click", (event) => { if (event.target === at("facts")) at("facts").close(); });
at("ask-key").addEventListener("close", () => { if (at("key").value) { sessionStorage.setItem("earmark-key", at("key").value); at("key").value = ""; start(); } });
let depth = 0;
const over = (change) => { depth = Math.max(0, depth + change); at("drop").classList.toggle("over", depth > 0); };
document.addEventListener("dragenter", (event) => { event.preventDefault(); over(1); });
document.addEventListener("dragleave", () => over(-1));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => { event.preventDefault(); depth = 0; over(0); if (event.dataTransfer.files.length) add([...event.dataTransfer.files]); });
recorder({ button: at("record"), meter: at("meter"), say, done: (file) => add([file]), most: () => Math.min(limits.seconds - 1, 600) });
start();
