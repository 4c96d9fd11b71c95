// The description of the API as a page, from openapi.json.
import { element } from "./stage.js";

const at = (id) => document.getElementById(id);
const base = new URL(".", location.href).href.replace(/\/$/, "");
const EXAMPLES = {
  "/api/predict": `curl -F file=@clip.wav "${base}/api/predict"\ncurl --data-binary @clip.flac "${base}/api/predict?timeline=true&seconds=1"`,
  "/api/model": `curl "${base}/api/model"`,
};

const kind = (schema) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.type === "array") return `list of ${kind(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties) return `${kind(schema.additionalProperties)} by name`;
  return schema.type || "any";
};

const table = (head, rows) => element("table", {}, element("thead", {}, element("tr", {}, ...head.map((h) => element("th", { scope: "col" }, h)))),
  element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((c, i) => element("td", {}, i === 0 ? element("code", {}, c) : c))))));

const operation = (path, method, facts) => {
  const box = element("section", { className: "card" }, element("h3", {}, element("span", { className: "method" }, method.toUpperCase()), ` ${path}`), element("p", {}, facts.description || facts.summary || ""));
  if (EXAMPLES[path]) box.append(element("pre", { tabIndex: 0 }, element("code", {}, EXAMPLES[path])));
  if (facts.requestBody) box.append(element("h4", {}, "Body"), element("p", {}, facts.requestBody.description || ""));
  if (facts.parameters?.length) {
    box.append(element("h4", {}, "Options"), table(["name", "type", "default", "meaning"], facts.parameters.map((p) => [p.name, kind(p.schema).replace(" or null", ""), p.schema.default === undefined ? "" : String(p.schema.default), p.description || ""])));
  }
  box.append(element("h4", {}, "Answers"), table(["status", "body", "meaning"], Object.entries(facts.responses).map(([status, r]) => [status, kind(Object.values(r.content || {})[0]?.schema), r.description])));
  return box;
};

const answer = await fetch("openapi.json");
const spec = await answer.json();
at("about").textContent = `${spec.info.summary} ${spec.info.description} Version ${spec.info.version}.`;
for (const [path, methods] of Object.entries(spec.paths)) for (const [method, facts] of Object.entries(methods)) at("operations").append(operation(path, method, facts));
for (const [name, schema] of Object.entries(spec.components.schemas)) {
  at("schemas").append(element("section", { className: "card" }, element("h3", {}, name), element("p", {}, schema.description || ""), table(["field", "type", "meaning"], Object.entries(schema.properties || {}).map(([field, s]) => [field, kind(s), s.description || ""]))));
}
