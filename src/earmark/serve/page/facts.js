// How far to trust a model: one line for the head of the page, and all of it in a dialog.
import { element, percent } from "./stage.js";

const UNITS = { groups: "new groups", clips: "new clips of the same sessions", windows: "parts of known clips", published: "the published folds", "held out": "other sounds" };
const NAMES = { accuracy: "Accuracy", balanced_accuracy: "Balanced accuracy", macro_f1: "Macro F1", top3: "Among the top 3", log_loss: "Log loss" };

const svg = (tag, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

export const range = (score) => (score.low === null ? "" : `${(100 * score.low).toFixed(0)}–${percent(score.high)}`);

export function trust(button, model) {
  const score = model.measured.scores.accuracy;
  button.replaceChildren(element("b", {}, `${percent(score.value)} right`), ` on ${UNITS[model.measured.protocol] || model.measured.protocol} (${range(score)})`);
  button.hidden = false;
}

function line(model) {
  const { accuracy } = model.measured.scores;
  const base = model.measured.baseline;
  const x = (share) => 6 + 588 * share;
  const drawn = svg("svg", { viewBox: "0 0 600 42", role: "img", "aria-label": `Accuracy ${percent(accuracy.value)}, 95 % interval ${range(accuracy)}; the most frequent class alone: ${percent(base)}` });
  drawn.append(svg("line", { x1: x(0), x2: x(1), y1: 24, y2: 24, stroke: "var(--rule)", "stroke-width": 6, "stroke-linecap": "round" }));
  drawn.append(svg("line", { x1: x(accuracy.low), x2: x(accuracy.high), y1: 24, y2: 24, stroke: "var(--accent)", "stroke-width": 8, "stroke-linecap": "round", opacity: .55 }));
  drawn.append(svg("circle", { cx: x(accuracy.value), cy: 24, r: 8, fill: "var(--accent)" }));
  drawn.append(svg("line", { x1: x(base), x2: x(base), y1: 12, y2: 36, stroke: "var(--second)", "stroke-width": 3 }));
  return element("figure", {}, drawn, element("figcaption", { className: "quiet small" }, element("i"), `always saying the most frequent class: ${percent(base)}`));
}

export function facts(dialog, model) {
  const m = model.measured;
  const score = m.scores.accuracy;
  const row = (name, value) => [element("dt", {}, name), element("dd", {}, value)];
  const table = element("table", {}, element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Measured"), element("th", { scope: "col", className: "number" }, "Value"), element("th", { scope: "col", className: "number" }, "95 % interval"))),
    element("tbody", {}, ...Object.entries(NAMES).filter(([k]) => m.scores[k] && m.scores[k].value !== null).map(([k, name]) => {
      const s = m.scores[k];
      const show = (v) => (v === null ? "–" : k === "log_loss" ? v.toFixed(3) : percent(v, 1));
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", { className: "number" }, show(s.value)), element("td", { className: "number" }, s.low === null ? "–" : `${k === "log_loss" ? show(s.low) : (100 * s.low).toFixed(1)} – ${show(s.high)}`));
    })));
  const close = element("button", { type: "button", className: "close" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const c = model.calibration;
  const error = c && c.error_after !== null ? ` Measured out of fold: off by ${percent(c.error_after, 1)} on average, before calibration by ${percent(c.error_before, 1)}; perfect scores of as many clips would show ${percent(c.error_perfect, 1)}.` : "";
  const sets = c
    ? `Scores are calibrated: of sounds with a score of 80 %, about 80 % are right.${error} “Cannot be excluded” names the labels that must be kept if the true one is to be missed in only ${percent(c.alpha)} of sounds.`
    : "Scores are not calibrated: a score of 80 % does not mean 80 % right.";
  dialog.replaceChildren(
    element("h2", { id: "facts-title" }, "How far to trust ", model.title),
    close,
    element("p", { className: "big" }, `${percent(score.value, 1)} right`),
    element("p", {}, `Between ${percent(score.low, 1)} and ${percent(score.high, 1)} with 95 % confidence, on ${m.clips.toLocaleString("en")} clips in ${m.groups.toLocaleString("en")} groups it had not learnt from.`),
    line(model),
    element("p", {}, element("b", {}, `Protocol “${m.protocol}”. `), m.meaning),
    element("p", { className: "note" }, "Measured on sounds like those it was trained on. Other microphones, places or styles: expect less."),
    table,
    element("h3", {}, "What the scores mean"),
    element("p", {}, sets),
    element("p", {}, model.unknown_rate !== null ? `“Unknown” is said of sounds unlike the training sounds; about ${percent(model.unknown_rate)} of sounds it does know are called so, too.` : "This model cannot tell when a sound is like nothing it knows."),
    ...model.notes.map((note) => element("p", { className: "note" }, note)),
    element("h3", {}, "Where it comes from"),
    element("dl", {},
      ...row("Recipe", element("code", {}, model.recipe)),
      ...row("Labels", model.labels.join(", ")),
      ...row("Training data", `${model.data.clips} clips of ${model.data.name}; licence: ${model.data.licence}`),
      ...model.parts.flatMap((p) => row("Backbone", `${p.name}, trained on ${p.trained_on}; licence: ${p.licence}. ${p.citation}`)),
      ...row("Made", model.created.slice(0, 10))),
  );
}
