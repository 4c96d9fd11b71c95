// The review: one thing after the other, decided with a key.
import { element, stage } from "./stage.js";

const at = (id) => document.getElementById(id);
const TITLES = { labels: "Labels", duplicates: "Duplicates", files: "Files", groups: "Groups", clips: "Clips" };
const MANY = 24; // clips of a group that are shown
let state = null, kind = null, item = null, stages = [], drawn = 0;

const say = (text, bad = false) => { at("say").textContent = text; at("say").classList.toggle("bad", bad); };
const clips = () => item.clips.map((i) => state.clips[i]);
const of = (name) => state.items.filter((i) => i.kind === name);

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try { answer = await fetch(path, options); } catch { say("The server does not answer. Start earmark review again: nothing decided is lost.", true); return null; }
  const told = await answer.json().catch(() => null);
  if (!answer.ok || !told) { say(typeof told?.error === "string" ? told.error : `The server said ${answer.status}.`, true); return null; }
  return told;
}

function frame() {
  const done = state.items.filter((i) => i.done).length;
  at("name").textContent = state.name;
  at("progress").max = state.items.length;
  at("progress").value = done;
  at("ahead").textContent = `${done} of ${state.items.length} decided`;
  at("where").textContent = `Written to ${state.table} and review.jsonl in ${state.folder}${state.by ? `, as ${state.by}` : ""}. Your sounds and your own table stay as they are.`;
  at("classes").replaceChildren(...state.classes.map((c) => element("option", { value: c })));
  at("kinds").replaceChildren(...Object.keys(TITLES).filter((k) => of(k).length).map((k) => {
    const left = of(k).filter((i) => !i.done).length;
    const button = element("button", { type: "button", "aria-current": String(k === kind) }, TITLES[k], element("span", { className: "count" }, left ? `${left} left` : "done"));
    button.addEventListener("click", () => { kind = k; show(of(k).find((i) => !i.done) || of(k)[0]); });
    return element("li", {}, button);
  }));
}

const player = (clip) => element("audio", { controls: true, preload: "none", src: `sound/${clip.number}`, "aria-label": `Play ${clip.id}` });

function sound(clip, big) {
  const box = element("div", { className: `sound${clip.exclude ? " out" : ""}` });
  const facts = [clip.group && `group ${clip.group}`, clip.exclude && `excluded: ${clip.exclude}`].filter(Boolean).join(" · ");
  const label = element("span", { className: "label" }, clip.label || "no label");
  box.append(element("p", { className: "id" }, label, ` · ${clip.id}${facts ? ` · ${facts}` : ""}`));
  const audio = player(clip);
  const mine = drawn;
  ask(`view/${clip.number}`).then((view) => {
    if (mine !== drawn) return;
    if (!view) { audio.hidden = true; return; }
    const made = stage({ view, timeline: null, classes: [], best: null, player: audio, words: `Outline and spectrogram of ${clip.id}` });
    stages.push(made);
    if (!big) made.node.classList.add("thumb");
    box.insertBefore(made.node, audio);
  });
  box.append(audio);
  return box;
}

function acts() {
  const [a, b] = clips();
  const change = (clip, facts) => ({ clip: clip.number, ...facts });
  const all = (facts) => clips().map((c) => change(c, facts));
  const keep = ["a", "Keep as it is", () => decide("keep", all({}))];
  const out = ["x", "Exclude", () => decide("exclude", all({ exclude: item.text.slice(0, 180) || "by ear" }))];
  const other = ["l", "Other label …", askLabel];
  const together = () => {
    const name = clips().map((c) => c.group).find(Boolean) || `same as ${a.id}`.slice(0, 200);
    return decide("group", all({ group: name }));
  };
  if (item.kind === "labels") return [["r", `It is ${item.proposed}`, () => decide("relabel", all({ label: item.proposed })), true], [...keep.slice(0, 1), `Keep ${a.label}`, keep[2]], other, out];
  if (item.kind === "duplicates") {
    const labels = a.label && b.label && a.label !== b.label ? [["q", `Both are ${a.label}`, () => decide("relabel", all({ label: a.label }))], ["w", `Both are ${b.label}`, () => decide("relabel", all({ label: b.label }))]] : [];
    return [["g", "One group", together, true], ...labels,
      ["1", "Exclude the first", () => decide("exclude", [change(a, { exclude: `the same as ${b.id}`.slice(0, 200) })])],
      ["2", "Exclude the second", () => decide("exclude", [change(b, { exclude: `the same as ${a.id}`.slice(0, 200) })])],
      ["a", "Leave both", keep[2]]];
  }
  if (item.kind === "groups") return [["g", "One group", together, true], ["a", "Leave them", keep[2]]];
  if (item.kind === "files") return [["x", "Exclude", out[2], true], keep, other];
  return [["a", a.label ? `It is ${a.label}` : "Keep", keep[2], true], other, out];
}

function buttons() {
  const key = (k) => element("kbd", { "aria-hidden": "true" }, k);
  const own = acts().map(([k, text, run, main]) => {
    const made = element("button", { type: "button", className: main ? "main" : "", "aria-keyshortcuts": k }, text, key(k.toUpperCase()));
    made.addEventListener("click", run);
    return made;
  });
  const move = (k, text, shortcut, step, push) => {
    const made = element("button", { type: "button", className: push ? "push" : "", "aria-keyshortcuts": shortcut }, text, key(k));
    made.addEventListener("click", step);
    return made;
  };
  const undo = move("U", "Undo", "u", back, true);
  undo.disabled = !state.decisions;
  at("acts").replaceChildren(...own, undo, move("←", "Before", "ArrowLeft", () => step(-1)), move("→", "Next", "ArrowRight", () => step(1)));
}

async function show(next) {
  drawn += 1;
  const mine = drawn;
  stages.forEach((s) => s.close());
  stages = [];
  item = next;
  kind = item.kind;
  frame();
  const list = of(kind);
  const big = item.clips.length <= 2;
  const shown = clips().slice(0, MANY);
  at("item").replaceChildren(
    element("p", { className: "quiet small" }, `${TITLES[kind]}, ${list.indexOf(item) + 1} of ${list.length}`),
    element("h2", {}, item.text ? item.text[0].toUpperCase() + item.text.slice(1) : clips()[0].label || "What is this?"),
    ...(item.done ? [element("p", { className: "decided" }, `Decided: ${item.done.what}${item.done.by ? `, by ${item.done.by}` : ""}`)] : []),
    element("div", { className: `sounds${big ? "" : " many"}` }, ...shown.map((c) => sound(c, big))),
    ...(item.clips.length > MANY ? [element("p", { className: "quiet" }, `… and ${item.clips.length - MANY} more`)] : []),
  );
  buttons();
  at("near").replaceChildren();
  if (!state.near || item.clips.length > 1) return;
  const columns = await ask(`near/${item.clips[0]}${item.proposed ? `?proposed=${encodeURIComponent(item.proposed)}` : ""}`);
  if (!columns || mine !== drawn) return;
  at("near").replaceChildren(...columns.filter((c) => c.clips.length).map((c) => element("div", { className: "card" }, element("h2", {}, `Nearest that are ${c.label}${c.others ? ", of other groups" : ""}`), ...c.clips.map((n) => sound(n, false)))));
}

const silence = () => document.querySelectorAll("audio").forEach((a) => a.pause());

function step(by) {
  const list = of(kind), next = list[list.indexOf(item) + by];
  silence();
  say(next ? "" : by > 0 ? "That was the last of this kind." : "This is the first.");
  if (next) show(next);
}

async function decide(what, changes) {
  const was = item;
  silence();
  const told = await ask("decide", { item: item.key, what, changes });
  if (!told) return;
  state = told;
  const now = state.items.find((i) => i.key === was.key);
  const list = of(kind), here = list.indexOf(now);
  const next = [...list.slice(here + 1), ...list.slice(0, here)].find((i) => !i.done) || state.items.find((i) => !i.done);
  say(next ? `${what}: done. Undo with U.` : "All decided. Undo with U.");
  show(next || now);
}

async function back() {
  const told = await ask("undo", {});
  if (!told) return;
  state = told;
  const was = state.items.find((i) => i.key === told.undone);
  say(was ? "Undone." : "Nothing to undo.");
  show(was || state.items.find((i) => i.key === item.key));
}

function askLabel() {
  at("label").value = clips()[0].label || "";
  at("ask").returnValue = "";
  at("ask").showModal();
  at("label").select();
}

at("ask").addEventListener("close", () => {
  const label = at("label").value.trim();
  if (at("ask").returnValue === "ok" && label) decide("relabel", item.clips.map((clip) => ({ clip, label })));
});

document.addEventListener("keydown", (event) => {
  if (!at("keys").checked || event.ctrlKey || event.metaKey || event.altKey || at("ask").open) return;
  if (event.target.closest("input, select, textarea, audio")) return;
  const pressed = event.key.toLowerCase();
  if (pressed === " " && !event.target.closest("button")) {
    const audio = [...document.querySelectorAll("#item audio")].find((a) => !a.paused) || document.querySelector("#item audio");
    if (audio) { event.preventDefault(); if (audio.paused) audio.play(); else audio.pause(); }
    return;
  }
  const button = document.querySelector(`#acts button[aria-keyshortcuts="${CSS.escape(event.key.startsWith("Arrow") ? event.key : pressed)}"]`);
  if (button && !button.disabled) { event.preventDefault(); button.click(); }
});

// One sound at a time.
document.addEventListener("play", (event) => document.querySelectorAll("audio").forEach((a) => { if (a !== event.target) a.pause(); }), true);

ask("state").then((told) => {
  if (!told) return;
  state = told;
  show(state.items.find((i) => !i.done) || state.items[0]);
});
